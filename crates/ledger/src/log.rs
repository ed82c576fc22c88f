//! A ledger as it is read: how far it goes, and what it hashes to. Everything here is believed,
//! because it was held against a head that the site's key signed.

use std::sync::Arc;

use pulih_vault::error::Malformed;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::batch::{self, Growth, MAX_BATCH_BYTES, Refusal};
use crate::chain::KeyChain;
use crate::checkpoint::{Checkpoint, Distrust, MAX_CHECKPOINT_BYTES};
use crate::edge::{Edge, FullTile};
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::layout::Layout;
use crate::rotation;

/// A batch that no checkpoint covers yet. When it is read again, it must be the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TailBatch {
    pub start: u64,
    pub count: usize,
    pub digest: Hash,
}

/// What a batch that was read has added.
pub(crate) struct Added {
    pub entries: Vec<Vec<u8>>,
    pub full: Vec<FullTile>,
}

/// A ledger, as far as it went when it was opened. A clone sees the same for good.
#[derive(Clone)]
pub struct Log {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) layout: Layout,
    /// What signs it from which size on, as far as it was read.
    pub(crate) keys: KeyChain,
    /// The newest checkpoint and the tree's edge there: tiles reach to here.
    pub(crate) signed: Checkpoint,
    pub(crate) signed_edge: Edge,
    /// Batches after it, and the tree's edge after the last of them.
    pub(crate) tail: Vec<TailBatch>,
    pub(crate) edge: Edge,
}

impl Log {
    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Root hash of all entries.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// The newest checkpoint; entries after it are durable, and not yet under one.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.signed
    }

    /// The key that signs it now.
    pub fn key(&self) -> &VerifierKey {
        self.keys.newest()
    }

    /// The keys by which it is believed, from the one that it was opened by.
    pub fn keys(&self) -> &KeyChain {
        &self.keys
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Sizes of all checkpoints there are, ascending.
    pub fn checkpoint_sizes(&self) -> Result<Vec<u64>> {
        checkpoint_sizes(self.store.as_ref(), &self.layout)
    }

    /// A checkpoint, held against the key and against what is in the log.
    pub fn checkpoint_at(&self, size: u64) -> Result<Checkpoint> {
        self.checkpoint_by(&self.keys, size)
    }

    pub(crate) fn checkpoint_by(&self, keys: &KeyChain, size: u64) -> Result<Checkpoint> {
        let name = self.layout.checkpoint(size);
        let checkpoint = read_checkpoint(self.store.as_ref(), &self.layout, keys, size)?;
        if self.root_at(size)? == checkpoint.root {
            Ok(checkpoint)
        } else {
            Err(LedgerError::RootMismatch { object: name, size })
        }
    }

    /// Reads the batch at the end of what is known, if there is one, and takes it in.
    pub(crate) fn next_batch(&mut self) -> Result<Option<Added>> {
        let object = self.layout.batch(self.size());
        match self.store.read(&object, MAX_BATCH_BYTES) {
            Ok(bytes) => self.take_batch(&object, &bytes).map(Some),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn take_batch(&mut self, object: &ObjectName, bytes: &[u8]) -> Result<Added> {
        let (entries, growth) = self.open_batch(object, bytes)?;
        let full = self.grow(growth, bytes, &entries);
        Ok(Added { entries, full })
    }

    /// What a batch would add at the end of what is known, if it is believed.
    pub(crate) fn open_batch(&self, object: &ObjectName, bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Growth)> {
        let (entries, growth) =
            batch::open(bytes, &self.edge, self.keys.for_batch(self.size())).map_err(|why| match why {
                Refusal::Distrust(why) => LedgerError::distrust(object.clone())(why),
                Refusal::Root => LedgerError::RootMismatch { object: object.clone(), size: self.size() },
            })?;
        Ok((entries.into_iter().map(<[u8]>::to_vec).collect(), growth))
    }

    /// Takes in a batch that is in the store, and says which tiles it filled. What comes after one that hands over
    /// is signed by the next key.
    pub(crate) fn grow(&mut self, growth: Growth, bytes: &[u8], entries: &[Vec<u8>]) -> Vec<FullTile> {
        if let Some(next) = rotation::handed_over_in(&self.keys, entries) {
            // It can be: that was looked at.
            let _ = self.keys.push(growth.edge.size(), next);
        }
        let start = self.size();
        let count = (growth.edge.size() - start) as usize;
        self.tail.push(TailBatch { start, count, digest: Hash::of_bytes(bytes) });
        self.edge = growth.edge;
        growth.full
    }

    /// A checkpoint was written, and tiles up to it. `edge`: the tree's at its size, where a batch ends.
    pub(crate) fn set_signed(&mut self, checkpoint: Checkpoint, edge: Edge) {
        self.tail.retain(|batch| batch.start >= checkpoint.size);
        self.signed = checkpoint;
        self.signed_edge = edge;
    }

    /// Size of the checkpoint at which a key handed over, if that is not there yet: nothing comes after it before.
    pub(crate) fn owed_checkpoint(&self) -> Option<u64> {
        Some(self.keys.newest_from()).filter(|from| *from > self.signed.size)
    }

    /// Whether a batch ends after `size` entries, of those that no checkpoint covers: a log is opened there.
    pub(crate) fn ends_batch(&self, size: u64) -> bool {
        size == self.size() || self.tail.iter().any(|batch| batch.start == size)
    }
}

pub(crate) fn checkpoint_sizes(store: &dyn Store, layout: &Layout) -> Result<Vec<u64>> {
    let mut sizes = Vec::new();
    store.list(&layout.checkpoints(), &mut |name| sizes.extend(layout.checkpoint_size(&name)))?;
    sizes.sort_unstable();
    Ok(sizes)
}

/// Reads the checkpoint of a size and believes it if the keys for that size signed it.
pub(crate) fn read_checkpoint(store: &dyn Store, layout: &Layout, keys: &KeyChain, size: u64) -> Result<Checkpoint> {
    let name = layout.checkpoint(size);
    let note = store.read(&name, MAX_CHECKPOINT_BYTES)?;
    let checkpoint = open_checkpoint(&note, keys, size).map_err(LedgerError::distrust(name.clone()))?;
    if checkpoint.size == size {
        return Ok(checkpoint);
    }
    let why = format!("it is of {} entries, not of those in its name", checkpoint.size);
    Err(LedgerError::Damaged { object: name, source: Malformed::new("checkpoint", why) })
}

/// A checkpoint that both keys signed where one hands over to the next at this size.
pub(crate) fn open_checkpoint(note: &[u8], keys: &KeyChain, size: u64) -> std::result::Result<Checkpoint, Distrust> {
    let [old, new] = keys.for_checkpoint(size);
    if let Some(new) = new {
        Checkpoint::open(note, new)?;
    }
    Checkpoint::open(note, old.unwrap_or(keys.newest()))
}
