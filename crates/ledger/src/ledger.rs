//! Writing a ledger. An append is done once its batch is in the store, synced; bundles, tiles
//! and checkpoints follow from it and can be made again from it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::batch::{self, MAX_BATCH_BYTES};
use crate::bundler::{Bundler, put};
use crate::chain::KeyChain;
use crate::checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES};
use crate::cosign::Cosigned;
use crate::entry::{Body, Entry, EntryError, Kind};
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::head::Head;
use crate::ids::SiteId;
use crate::layout::Layout;
use crate::log::{Added, Log};
use crate::memory::{AddError, Memory, add_checkpoint};
use crate::receipt::Receipt;
use crate::rotation::{self, HandOver};
use crate::time::Time;
use crate::tlog_proof::AddCheckpoint;

/// A ledger open for writing. One process has it open; a second one finds out at its next
/// append, which is refused.
pub struct Ledger {
    log: Log,
    key: SigningKey,
    /// The key that it hands over to, until it has.
    next: Option<SigningKey>,
    bundler: Bundler,
    /// Batches that were written for the place where the log ends, and of which the store could
    /// not say whether they are there. One of them being there is no other writer's doing.
    attempts: HashSet<Hash>,
    /// What made further writing unsafe.
    closed_by: Option<ObjectName>,
}

impl Ledger {
    /// Begins the ledger of a site. The name of `key` becomes the log's origin.
    pub fn create(store: Arc<dyn Store>, site: &SiteId, key: SigningKey) -> Result<Self> {
        let layout = Layout { site: site.clone() };
        let name = layout.checkpoint(0);
        let origin = key.verifier().name().to_owned();
        let note = Checkpoint { origin, size: 0, root: Hash::of_empty_tree() }.sign(&key);
        // A key whose name is not one could sign and never be believed.
        Checkpoint::open(note.as_bytes(), &key.verifier()).map_err(LedgerError::distrust(name.clone()))?;
        match store.create(&name, note.as_bytes()) {
            Ok(()) => Self::open(store, site, key),
            Err(StoreError::AlreadyExists { .. }) => Err(LedgerError::Exists { at: layout.folder() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the ledger of a site, with all that was appended to it.
    pub fn open(store: Arc<dyn Store>, site: &SiteId, key: SigningKey) -> Result<Self> {
        Self::open_with_next(store, site, key, None)
    }

    /// The same where there is a further key, which the ledger may or may not have been handed over to: if it was,
    /// that is brought to its end. [`log`](Self::log) then says which one signs.
    pub fn open_with_next(
        store: Arc<dyn Store>,
        site: &SiteId,
        key: SigningKey,
        next: Option<SigningKey>,
    ) -> Result<Self> {
        let log = Log::at_newest_checkpoint(store, site, key.verifier().into())?;
        let bundler = Bundler::new(log.layout.clone(), log.partial_bundle(log.size())?);
        let mut ledger = Self { log, key, next, bundler, attempts: HashSet::new(), closed_by: None };
        while ledger.take_next()? {
            ledger.settle()?;
        }
        ledger.log.check_no_gap()?;
        ledger.make_found_durable()?;
        ledger.finish_rotation()?;
        Ok(ledger)
    }

    /// The ledger as it is read. A clone of it sees what is there now.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Appends entries and says their indexes; returns once they are durable. Entries that fit
    /// into one batch (1,024 and 4 MiB) are in the log all or none; more than that go into
    /// several, of which the first may be there when a later one fails. After an error of the
    /// store the entries may be in the log all the same: an entry that is then appended again
    /// as it was, in the same batch, is not added twice.
    pub fn append(&mut self, entries: &[Entry]) -> Result<Range<u64>> {
        if entries.iter().any(|entry| entry.kind() == Kind::KeyRotated) {
            return Err(EntryError::NotAlone.into());
        }
        let site = &self.log.layout.site;
        let encoded: std::result::Result<Vec<_>, _> = entries.iter().map(|entry| entry.encode(site)).collect();
        self.append_encoded(encoded?)
    }

    fn append_encoded(&mut self, mut entries: Vec<Vec<u8>>) -> Result<Range<u64>> {
        let mut first = None;
        while !entries.is_empty() {
            let rest = entries.split_off(batch::fitting(&entries));
            let start = self.commit(entries)?;
            first.get_or_insert(start);
            entries = rest;
        }
        let end = self.log.size();
        Ok(first.unwrap_or(end)..end)
    }

    /// Adds one batch and says where it starts.
    fn commit(&mut self, entries: Vec<Vec<u8>>) -> Result<u64> {
        loop {
            self.check_open()?;
            self.settle()?;
            self.finish_rotation()?;
            let start = self.log.size();
            let (bytes, growth) = batch::seal(&self.log.edge, &entries, &self.key);
            if self.create_batch(&bytes)? {
                let full = self.log.grow(growth, &bytes, &entries);
                self.bundler.take(start, Added { entries, full });
                self.attempts.clear();
                return Ok(start);
            }
            // An earlier append had been told of an error, and is there. It comes first.
            self.take_next()?;
        }
    }

    /// Whether the batch is there now; `false`: one that this handle tried before is in its place.
    fn create_batch(&mut self, bytes: &[u8]) -> Result<bool> {
        let object = self.log.layout.batch(self.log.size());
        match self.log.store.create(&object, bytes) {
            Ok(()) => return Ok(true),
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => {
                self.attempts.insert(Hash::of_bytes(bytes));
                return Err(error.into());
            }
        }
        let there = self.log.store.read(&object, MAX_BATCH_BYTES)?;
        if there == bytes {
            return Ok(true);
        }
        if self.attempts.contains(&Hash::of_bytes(&there)) {
            return Ok(false);
        }
        self.closed_by = Some(object.clone());
        Err(LedgerError::AnotherWriter { object })
    }

    /// Takes in the batch that follows in the store, if there is one.
    fn take_next(&mut self) -> Result<bool> {
        let start = self.log.size();
        let Some(added) = self.log.next_batch()? else {
            return Ok(false);
        };
        self.bundler.take(start, added);
        self.attempts.clear();
        Ok(true)
    }

    /// Hands the ledger over to `next`, as `entry` says: the last that the old key signs, but for its share in the
    /// checkpoint that follows. After an error of the store it may have happened all the same; then what comes next
    /// brings it to its end.
    pub fn rotate(&mut self, entry: &Entry, next: SigningKey) -> Result<()> {
        let Body::KeyRotated(its) = &entry.body else { return Err(EntryError::NotAlone.into()) };
        if its.key != next.verifier() || !self.log.keys.can_go_on_with(&its.key) {
            return Err(LedgerError::OtherKey { key: its.key.fingerprint().to_string() });
        }
        let encoded = entry.encode(&self.log.layout.site)?;
        self.next = Some(next);
        self.commit(vec![encoded])?;
        self.finish_rotation()
    }

    /// Where the log was handed over, the checkpoint of both keys is written, and the next one signs from there on.
    fn finish_rotation(&mut self) -> Result<()> {
        let now = self.log.keys.newest();
        if *now == self.key.verifier() {
            return Ok(());
        }
        let Some(next) = self.next.take_if(|next| next.verifier() == *now) else {
            return Err(LedgerError::OtherKey { key: now.fingerprint().to_string() });
        };
        if self.log.owed_checkpoint().is_some() {
            let written =
                self.settle().and_then(|()| self.sign_checkpoint(&|its, key| rotation::sign_both(its, key, &next)));
            if let Err(error) = written {
                self.next = Some(next);
                return Err(error);
            }
        }
        self.key = next;
        Ok(())
    }

    /// Whether the secret of this key is what writes: the handing over to it is at its end.
    pub fn signs_with(&self, key: &VerifierKey) -> bool {
        self.key.verifier() == *key
    }

    /// Signs a checkpoint of all there is, and writes it and the tiles that it needs. If there
    /// is nothing new, it is the one that is there.
    pub fn checkpoint(&mut self) -> Result<Checkpoint> {
        self.check_open()?;
        self.settle()?;
        self.finish_rotation()?;
        if self.log.size() > self.log.signed.size {
            self.sign_checkpoint(&Checkpoint::sign)?;
        }
        Ok(self.log.signed.clone())
    }

    fn sign_checkpoint(&mut self, sign: &dyn Fn(&Checkpoint, &SigningKey) -> String) -> Result<()> {
        let origin = self.log.keys.origin().to_owned();
        let checkpoint = Checkpoint { origin, size: self.log.size(), root: self.log.root() };
        let written = self.write_checkpoint(&checkpoint, &sign(&checkpoint, &self.key));
        self.close_on_fork(written)?;
        let edge = self.log.edge.clone();
        self.log.set_signed(checkpoint, edge);
        Ok(())
    }

    /// Last the checkpoint: what it needs is there when it is.
    fn write_checkpoint(&self, checkpoint: &Checkpoint, note: &str) -> Result<()> {
        let store = self.log.store.as_ref();
        self.bundler.put_partial(store, &self.log.edge)?;
        put(store, &self.log.layout.checkpoint(checkpoint.size), note.as_bytes())
    }

    /// A signed head of all there is now, whether a checkpoint covers it or not. Nothing is written.
    pub fn head(&self, at: Time) -> String {
        let (size, root) = (self.log.size(), self.log.root());
        Head { size, root, checkpoint: self.log.signed.size, at }.sign(&self.key)
    }

    /// Signs something that the site says now and that is no part of the log. Its text begins with `{`, as no
    /// checkpoint, batch or head does: none can pass for another.
    pub fn sign_statement(&self, statement: &impl serde::Serialize) -> serde_json::Result<String> {
        let object = serde_json::to_value(statement)?;
        let object = object.as_object().ok_or_else(|| serde::ser::Error::custom("a statement is a JSON object"))?;
        Ok(self.key.sign(&(serde_json::to_string(object)? + "\n")))
    }

    /// Co-signs another's checkpoint with the key of this ledger, if it goes on from all that was co-signed before.
    pub fn cosign(
        &self,
        request: &AddCheckpoint,
        other: &KeyChain,
        time: u64,
        memory: &mut dyn Memory,
    ) -> std::result::Result<Cosigned, AddError> {
        add_checkpoint(request, other, &self.key, time, memory)
    }

    /// Says that one key may take over from another: this site's own from its old one, or another site's.
    pub fn state(&self, its: &HandOver) -> String {
        its.statement(&self.key)
    }

    /// Signs what was put on a further copy. Nothing is written.
    pub fn receipt(&self, receipt: &Receipt) -> std::result::Result<String, Malformed> {
        receipt.sign(&self.key)
    }

    fn settle(&mut self) -> Result<()> {
        let settled = self.bundler.settle(self.log.store.as_ref());
        self.close_on_fork(settled)
    }

    fn close_on_fork<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(LedgerError::Fork { object }) = &result {
            self.closed_by = Some(object.clone());
        }
        result
    }

    fn check_open(&self) -> Result<()> {
        match &self.closed_by {
            None => Ok(()),
            Some(object) => Err(LedgerError::Closed { object: object.clone() }),
        }
    }

    /// What was found may be the last that a process wrote before it was killed, and not be
    /// synced; what is appended now builds on it. A store says `AlreadyExists` only of what is
    /// durable. All that came before was made so by whoever wrote after it.
    fn make_found_durable(&self) -> Result<()> {
        let log = &self.log;
        let checkpoint = (log.layout.checkpoint(log.signed.size), MAX_CHECKPOINT_BYTES);
        let last = log.tail.last().map(|batch| (log.layout.batch(batch.start), MAX_BATCH_BYTES));
        for (name, limit) in std::iter::once(checkpoint).chain(last) {
            let bytes = log.store.read(&name, limit)?;
            put(log.store.as_ref(), &name, &bytes)?;
        }
        Ok(())
    }
}
