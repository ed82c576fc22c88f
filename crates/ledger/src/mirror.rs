//! Another site's ledger, kept here: it grows by that site's own batches and checkpoints, each
//! held against its key and against all that came before. Nothing in it is ever taken back, so what
//! does not go on from it is refused, whoever signed it.

use std::sync::Arc;

use pulih_vault::error::Malformed;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::{ObjectName, Store, StoreError};

pub use crate::batch::MAX_BATCH_BYTES;
use crate::bundler::{Bundler, put, put_partial};
use crate::chain::KeyChain;
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::ids::SiteId;
use crate::layout::Layout;
use crate::log::{Added, Log, open_checkpoint};
use crate::rotation;

/// A mirror open to grow. One process has it open.
pub struct Mirror {
    log: Log,
    bundler: Bundler,
    /// Keys that the log may hand over to: this site has said so.
    accepted: Vec<VerifierKey>,
}

impl Mirror {
    /// Begins a mirror with the checkpoint of no entries, which every ledger has; one that was begun is opened.
    pub fn begin(store: Arc<dyn Store>, site: &SiteId, keys: impl Into<KeyChain>, checkpoint: &[u8]) -> Result<Self> {
        let keys = keys.into();
        let name = Layout { site: site.clone() }.checkpoint(0);
        let its = open_checkpoint(checkpoint, &keys, 0).map_err(LedgerError::distrust(name.clone()))?;
        if its.size != 0 || its.root != Hash::of_empty_tree() {
            return Err(LedgerError::RootMismatch { object: name, size: 0 });
        }
        match store.create(&name, checkpoint) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Self::open(store, site, keys),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a mirror with all that it has.
    pub fn open(store: Arc<dyn Store>, site: &SiteId, keys: impl Into<KeyChain>) -> Result<Self> {
        let log = Log::at_newest_checkpoint(store, site, keys.into())?;
        let bundler = Bundler::new(log.layout.clone(), log.partial_bundle(log.size())?);
        let mut mirror = Self { log, bundler, accepted: Vec::new() };
        loop {
            let start = mirror.log.size();
            let Some(added) = mirror.log.next_batch()? else { break };
            mirror.bundler.take(start, added);
            mirror.bundler.settle(mirror.log.store.as_ref())?;
        }
        mirror.log.check_no_gap()?;
        Ok(mirror)
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// A key that the log may hand over to from now on. One that nobody accepted ends the mirror where it comes.
    pub fn accept(&mut self, key: VerifierKey) {
        if !self.accepted.contains(&key) {
            self.accepted.push(key);
        }
    }

    /// Size of the checkpoint that must come before anything else: a key handed over there, and both signed it.
    pub fn owed_checkpoint(&self) -> Option<u64> {
        self.log.owed_checkpoint()
    }

    /// The batch that comes next.
    pub fn next(&self) -> ObjectName {
        self.log.layout.batch(self.log.size())
    }

    /// Takes the batch that comes next: durable when this returns.
    pub fn take(&mut self, batch: &[u8]) -> Result<()> {
        if let Some(size) = self.log.owed_checkpoint() {
            return Err(LedgerError::HandOver { object: self.log.layout.checkpoint(size) });
        }
        self.bundler.settle(self.log.store.as_ref())?;
        let (start, name) = (self.log.size(), self.next());
        // Looked into before it is stored: what is not believed gets no name.
        let (entries, growth) = self.log.open_batch(&name, batch)?;
        if let Some(key) = rotation::handed_over_in(&self.log.keys, &entries)
            && !self.accepted.contains(&key)
        {
            return Err(LedgerError::NotAccepted { object: name, key: key.fingerprint().to_string() });
        }
        put(self.log.store.as_ref(), &name, batch)?;
        let full = self.log.grow(growth, batch, &entries);
        self.bundler.take(start, Added { entries, full });
        Ok(())
    }

    /// Takes the checkpoint of the first `size` entries, with the tiles that it needs: of all that is here, or of
    /// less where the other site has gone on since. One that is older than the newest here is held against the
    /// mirror, and not kept.
    pub fn take_checkpoint(&mut self, size: u64, note: &[u8]) -> Result<()> {
        self.bundler.settle(self.log.store.as_ref())?;
        let name = self.log.layout.checkpoint(size);
        let its = open_checkpoint(note, &self.log.keys, size).map_err(LedgerError::distrust(name.clone()))?;
        if its.size != size {
            let why = format!("it is of {} entries, not of those in its name", its.size);
            return Err(LedgerError::Damaged { object: name, source: Malformed::new("checkpoint", why) });
        }
        // What is at the end is in memory; further back it is read.
        let is_newest = size == self.log.size();
        let edge = if is_newest { self.log.edge.clone() } else { self.log.edge_at(size)? };
        if its.root != edge.root() {
            return Err(LedgerError::RootMismatch { object: name, size });
        }
        if size <= self.log.signed.size {
            return Ok(());
        }
        if !self.log.ends_batch(size) {
            let why = format!("no batch ends after its {size} entries");
            return Err(LedgerError::Damaged { object: name, source: Malformed::new("checkpoint", why) });
        }
        let store = self.log.store.as_ref();
        if is_newest {
            self.bundler.put_partial(store, &edge)?;
        } else {
            put_partial(store, &self.log.layout, &edge, &self.log.partial_bundle(size)?)?;
        }
        put(store, &name, note)?;
        self.log.set_signed(its, edge);
        Ok(())
    }
}
