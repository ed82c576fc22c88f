//! A ledger as it is read: how far it goes, and what it hashes to. Everything here is believed,
//! because it was held against a head that the site's key signed.

use std::sync::Arc;

use pulih_vault::error::Malformed;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::batch::{self, Growth, MAX_BATCH_BYTES, Refusal};
use crate::checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES};
use crate::edge::{Edge, FullTile};
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::layout::Layout;

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
    pub(crate) key: VerifierKey,
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

    /// The key that signs it.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Sizes of all checkpoints there are, ascending.
    pub fn checkpoint_sizes(&self) -> Result<Vec<u64>> {
        let mut sizes = Vec::new();
        self.store.list(&self.layout.checkpoints(), &mut |name| sizes.extend(self.layout.checkpoint_size(&name)))?;
        sizes.sort_unstable();
        Ok(sizes)
    }

    /// A checkpoint, held against the key and against what is in the log.
    pub fn checkpoint_at(&self, size: u64) -> Result<Checkpoint> {
        let name = self.layout.checkpoint(size);
        let checkpoint = read_checkpoint(self.store.as_ref(), &self.layout, &self.key, size)?;
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
        let full = self.grow(growth, bytes);
        Ok(Added { entries, full })
    }

    /// What a batch would add at the end of what is known, if it is believed.
    pub(crate) fn open_batch(&self, object: &ObjectName, bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Growth)> {
        let (entries, growth) = batch::open(bytes, &self.edge, &self.key).map_err(|why| match why {
            Refusal::Distrust(why) => LedgerError::distrust(object.clone())(why),
            Refusal::Root => LedgerError::RootMismatch { object: object.clone(), size: self.size() },
        })?;
        Ok((entries.into_iter().map(<[u8]>::to_vec).collect(), growth))
    }

    /// Takes in a batch that is in the store, and says which tiles it filled.
    pub(crate) fn grow(&mut self, growth: Growth, bytes: &[u8]) -> Vec<FullTile> {
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

    /// Whether a batch ends after `size` entries, of those that no checkpoint covers: a log is opened there.
    pub(crate) fn ends_batch(&self, size: u64) -> bool {
        size == self.size() || self.tail.iter().any(|batch| batch.start == size)
    }
}

/// Reads the checkpoint of a size and believes it if the key signed it.
pub(crate) fn read_checkpoint(store: &dyn Store, layout: &Layout, key: &VerifierKey, size: u64) -> Result<Checkpoint> {
    let name = layout.checkpoint(size);
    let note = store.read(&name, MAX_CHECKPOINT_BYTES)?;
    let checkpoint = Checkpoint::open(&note, key).map_err(LedgerError::distrust(name.clone()))?;
    if checkpoint.size == size {
        return Ok(checkpoint);
    }
    let why = format!("it is of {} entries, not of those in its name", checkpoint.size);
    Err(LedgerError::Damaged { object: name, source: Malformed::new("checkpoint", why) })
}
