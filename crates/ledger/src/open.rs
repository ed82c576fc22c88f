//! Opening a ledger: the newest checkpoint, the few tiles that its root follows from, and
//! forward over the batches after it. It costs the same however long the log is; what lies
//! further back is held against the root when it is read.

use std::sync::Arc;

use pulih_vault::error::Malformed;
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::batch::MAX_BATCH_ENTRIES;
use crate::chain::KeyChain;
use crate::edge::{Edge, full_tiles};
use crate::error::{LedgerError, Result};
use crate::hash::{HASH_BYTES, Hash};
use crate::ids::SiteId;
use crate::layout::Layout;
use crate::log::{Log, checkpoint_sizes, read_checkpoint};
use crate::rotation;

impl Log {
    /// Opens the ledger of a site to read it. `keys` are the site's, from outside the store: one of them is enough,
    /// as long as those after it were handed over to.
    pub fn open(store: Arc<dyn Store>, site: &SiteId, keys: impl Into<KeyChain>) -> Result<Self> {
        let mut log = Self::at_newest_checkpoint(store, site, keys.into())?;
        while log.next_batch()?.is_some() {}
        log.check_no_gap()?;
        Ok(log)
    }

    pub(crate) fn at_newest_checkpoint(store: Arc<dyn Store>, site: &SiteId, keys: KeyChain) -> Result<Self> {
        let layout = Layout { site: site.clone() };
        let sizes = checkpoint_sizes(store.as_ref(), &layout)?;
        let newest = *sizes.last().ok_or_else(|| LedgerError::NoLedger { at: layout.folder() })?;
        let keys = rotation::follow(&store, &layout, keys, &sizes)?;
        Self::at_checkpoint(store, layout, keys, newest)
    }

    /// The log as far as the checkpoint of this size.
    pub(crate) fn at_checkpoint(store: Arc<dyn Store>, layout: Layout, keys: KeyChain, size: u64) -> Result<Self> {
        let signed = read_checkpoint(store.as_ref(), &layout, &keys, size)?;
        let signed_edge = Edge::load(size, |level, width| {
            let object = layout.tile(level, full_tiles(size, level), width);
            read_tile(store.as_ref(), object, width, size)
        })?;
        if signed_edge.root() != signed.root {
            return Err(LedgerError::RootMismatch { object: layout.checkpoint(size), size });
        }
        let edge = signed_edge.clone();
        Ok(Self { store, layout, keys, signed, signed_edge, tail: Vec::new(), edge })
    }

    /// Whether a batch was lost: then one that came after it is there. Only the folders are
    /// listed in which the next ones would be, since a batch has at most 1,024 entries.
    pub(crate) fn check_no_gap(&self) -> Result<()> {
        let end = self.size();
        let mut next: Option<u64> = None;
        for folder in self.layout.batch_folders(end, end + 2 * MAX_BATCH_ENTRIES as u64) {
            self.store.list(&folder, &mut |name| {
                let start = self.layout.batch_start(&name).filter(|start| *start > end);
                next = [next, start].into_iter().flatten().min();
            })?;
        }
        let Some(next) = next else {
            return Ok(());
        };
        let missing = self.layout.batch(end);
        match self.store.size(&missing) {
            // Someone has appended since this log came to its end.
            Ok(_) => Ok(()),
            Err(StoreError::NotFound { .. }) => Err(LedgerError::Gap { end, next, missing }),
            Err(error) => Err(error.into()),
        }
    }
}

/// The hashes of a tile, of which the log of `size` entries has `width`.
pub(crate) fn read_tile(store: &dyn Store, object: ObjectName, width: usize, size: u64) -> Result<Vec<Hash>> {
    let bytes = read_needed(store, &object, (width * HASH_BYTES) as u64, size)?;
    let (hashes, []) = bytes.as_chunks::<HASH_BYTES>() else {
        return Err(short_tile(object, bytes.len(), width));
    };
    if hashes.len() != width {
        return Err(short_tile(object, bytes.len(), width));
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

fn short_tile(object: ObjectName, bytes: usize, width: usize) -> LedgerError {
    let why = format!("it has {bytes} bytes, not those of {width} hashes");
    LedgerError::Damaged { object, source: Malformed::new("tile", why) }
}

/// Reads an object that must be there, since the log of `size` entries has it.
pub(crate) fn read_needed(store: &dyn Store, object: &ObjectName, limit: u64, size: u64) -> Result<Vec<u8>> {
    store.read(object, limit).map_err(|error| match error {
        StoreError::NotFound { name } => LedgerError::RolledBack { size, missing: name },
        StoreError::TooLarge { name, size, limit } => {
            let why = format!("it has {size} bytes, more than the {limit} there can be");
            LedgerError::Damaged { object: name, source: Malformed::new("part of a ledger", why) }
        }
        error => error.into(),
    })
}
