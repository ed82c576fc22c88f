//! Writing a vault: frames go in, packs and indexes come out, on threads of their own.
//!
//! ```text
//! submit → [frames] → workers: compress, decode check, seal
//!                         → [packs] → committer: commit, index
//! ```
//!
//! The queue of frames is short, so that memory is bounded; packs wait in the store's staging
//! (for a store behind a line: nameless files in a spool) within [`WriterSettings::spool_bytes`],
//! and `submit` waits for room there. The first error stops everything; what was
//! committed before it stays, is indexed where it still can be, and is used by the next run.

mod open_pack;
pub mod pack_size;
mod spool;

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ring::rand::SecureRandom;

use crate::envelope::Recipients;
use crate::error::{Result, VaultError};
use crate::frame::{Compressor, Search};
use crate::id::{ChunkId, ObjectHash};
use crate::index::{self, IndexedPack};
use crate::layout::Layout;
use crate::pack::FrameKind;
use crate::store::{ObjectName, Store, StoreError};
use open_pack::{ClosedPack, OpenPack};
use pack_size::PackSize;
use spool::Spool;

/// How a vault is written.
#[derive(Debug, Clone, Copy)]
pub struct WriterSettings {
    pub workers: usize,
    /// What may wait to be stored at most, in bytes as they are stored. A single frame beside
    /// the pack being filled is taken in any case.
    pub spool_bytes: u64,
    /// Packs after which an index is written.
    pub packs_per_index: usize,
    /// Length of a reach from which on it may be written as a change of the one before.
    pub whole_reach_bytes: usize,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self { workers: 2, spool_bytes: DEFAULT_SPOOL_BYTES, packs_per_index: 8, whole_reach_bytes: 64 << 10 }
    }
}

/// Some packs, so that reading goes on while one is on its way.
pub const DEFAULT_SPOOL_BYTES: u64 = 256 << 20;
/// What waits for a slow line when a run is given up is stored for so long: the agent's unit gives
/// it three minutes to stop, and a pack that is on its way is brought to its end.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Chunks in one index, so that its size has a bound.
const CHUNKS_PER_INDEX: usize = 500_000;
/// On a slow line: no more work than this is lost with the machine.
const INDEX_AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// Chunks to be compressed together.
pub struct Frame {
    pub kind: FrameKind,
    /// The caller's number for it.
    pub number: u32,
    pub plain: Vec<u8>,
    pub chunks: Vec<(ChunkId, u32)>,
    pub search: Search,
}

/// A pack that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPack {
    pub hash: ObjectHash,
    pub stored_bytes: u64,
    /// Plain bytes of its chunks.
    pub all_bytes: u64,
    /// The callers' numbers of its frames.
    pub frames: Vec<u32>,
    /// The index object that covers it.
    pub index: ObjectHash,
}

/// Everything that packs need to know of their vault.
pub struct Target {
    pub store: Arc<dyn Store>,
    pub layout: Layout,
    /// Of packs: the recovery recipients.
    pub pack_recipients: Recipients,
    /// Of indexes: those and the agent.
    pub index_recipients: Recipients,
    pub random: Box<dyn SecureRandom + Send + Sync>,
    /// How large packs are; told of each that was stored.
    pub pack_size: Arc<PackSize>,
    pub clock: Box<dyn Fn() -> Instant + Send + Sync>,
}

struct Shared {
    target: Target,
    settings: WriterSettings,
    spool: Spool,
    open: Mutex<Option<OpenPack>>,
    failed: Mutex<Option<VaultError>>,
    /// The run was given up: packs that are not stored by then are dropped.
    until: Mutex<Option<Instant>>,
    /// Frame buffers to be used again: fresh memory costs a page fault every 4 KiB.
    spare: Mutex<Vec<Vec<u8>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn fail(&self, error: VaultError) {
        lock(&self.failed).get_or_insert(error);
        self.spool.end();
    }

    /// Whether packs that wait are not to be stored any more.
    fn is_over(&self) -> bool {
        self.has_failed() || lock(&self.until).is_some_and(|until| (self.target.clock)() >= until)
    }

    /// Also once the error was handed out.
    fn has_failed(&self) -> bool {
        self.spool.is_over()
    }
}

pub struct PackWriter {
    shared: Arc<Shared>,
    frames: Option<SyncSender<Frame>>,
    packs: Option<Sender<ClosedPack>>,
    stored: Receiver<StoredPack>,
    workers: Vec<JoinHandle<()>>,
    committer: Option<JoinHandle<()>>,
}

impl PackWriter {
    pub fn start(target: Target, settings: WriterSettings) -> Self {
        let shared = Arc::new(Shared {
            target,
            settings,
            spool: Spool::of(settings.spool_bytes),
            open: Mutex::new(None),
            failed: Mutex::new(None),
            until: Mutex::new(None),
            spare: Mutex::new(Vec::new()),
        });
        let (frames, frames_out) = sync_channel::<Frame>(1);
        let frames_out = Arc::new(Mutex::new(frames_out));
        // Bounded by the spool.
        let (packs, packs_out) = channel();
        let (stored_in, stored) = channel();
        let workers = (0..settings.workers.max(1))
            .map(|_| {
                let (shared, frames, packs) = (shared.clone(), frames_out.clone(), packs.clone());
                std::thread::spawn(move || work(&shared, &frames, &packs))
            })
            .collect();
        let committer = {
            let shared = shared.clone();
            std::thread::spawn(move || Committer::new(&shared, &stored_in).run(&packs_out))
        };
        Self { shared, frames: Some(frames), packs: Some(packs), stored, workers, committer: Some(committer) }
    }

    /// An empty buffer for a frame.
    pub fn buffer(&self) -> Vec<u8> {
        lock(&self.shared.spare).pop().unwrap_or_default()
    }

    /// Hands over a frame; waits while the workers are busy, and while there is no room for what
    /// waits to be stored.
    pub fn submit(&self, frame: Frame) -> Result<()> {
        self.shared.spool.enter(frame.plain.len() as u64, frame.chunks.len());
        let sent = !self.shared.has_failed() && self.frames.as_ref().is_some_and(|frames| frames.send(frame).is_ok());
        if sent { Ok(()) } else { Err(self.error()) }
    }

    fn error(&self) -> VaultError {
        lock(&self.shared.failed).take().unwrap_or(VaultError::Stopped { what: "the writer of packs" })
    }

    /// Bytes of packs that are complete and wait to be stored.
    pub fn waiting_bytes(&self) -> u64 {
        self.shared.spool.closed_bytes()
    }

    /// Stores what waits until `until`, and indexes what was stored: for a run that is given up.
    pub fn give_up(self, until: Instant) -> Result<Vec<StoredPack>> {
        *lock(&self.shared.until) = Some(until);
        self.finish(|| None)
    }

    /// Packs that were stored since the last call.
    pub fn stored(&self) -> Vec<StoredPack> {
        self.stored.try_iter().collect()
    }

    /// Stores everything that was submitted. `facts` goes to the end of the last pack, if this
    /// run has written one that is still open or anything at all must be written.
    pub fn finish(mut self, facts: impl FnOnce() -> Option<Frame>) -> Result<Vec<StoredPack>> {
        drop(self.frames.take());
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                self.shared.fail(VaultError::Stopped { what: "a compression worker" });
            }
        }
        if !self.shared.has_failed() {
            let closed = self.close_last(facts);
            match (closed, &self.packs) {
                (Ok(Some(pack)), Some(packs)) => {
                    let _ = packs.send(pack);
                }
                (Ok(_), _) => {}
                (Err(error), _) => self.shared.fail(error),
            }
        }
        drop(self.packs.take());
        if self.committer.take().is_some_and(|committer| committer.join().is_err()) {
            self.shared.fail(VaultError::Stopped { what: "the committer of packs" });
        }
        if self.shared.has_failed() {
            return Err(self.error());
        }
        Ok(self.stored())
    }

    fn close_last(&self, facts: impl FnOnce() -> Option<Frame>) -> Result<Option<ClosedPack>> {
        let mut open = lock(&self.shared.open);
        if let Some(frame) = facts() {
            let mut compressed = Vec::new();
            Compressor::new().compress(&frame.plain, frame.search, &mut compressed)?;
            let mut pack = match open.take() {
                Some(pack) => pack,
                None => OpenPack::begin(&self.shared.target)?,
            };
            pack.append(&frame, &compressed)?;
            *open = Some(pack);
        }
        open.take().map(|pack| close(&self.shared, pack)).transpose()
    }
}

/// A run that is given up leaves no thread behind, and no half pack in the store.
impl Drop for PackWriter {
    fn drop(&mut self) {
        // For a writer that was finished nothing is left to be given up.
        let until = (self.shared.target.clock)() + STOP_WITHIN;
        lock(&self.shared.until).get_or_insert(until);
        drop(self.frames.take());
        drop(self.packs.take());
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
        if let Some(committer) = self.committer.take() {
            let _ = committer.join();
        }
    }
}

fn work(shared: &Shared, frames: &Mutex<Receiver<Frame>>, packs: &Sender<ClosedPack>) {
    let mut compressor = Compressor::new();
    let mut compressed = Vec::new();
    loop {
        let received = lock(frames).recv();
        let Ok(mut frame) = received else { return };
        if shared.has_failed() {
            continue;
        }
        let done = compressor
            .compress(&frame.plain, frame.search, &mut compressed)
            .and_then(|()| append(shared, &frame, &compressed));
        match done {
            Ok(Some(pack)) => {
                let _ = packs.send(pack);
            }
            Ok(None) => {}
            Err(error) => shared.fail(error),
        }
        frame.plain.clear();
        let mut spare = lock(&shared.spare);
        if spare.len() < 2 {
            spare.push(frame.plain);
        }
    }
}

/// Appends a frame to the open pack; returns that if it is full now.
fn append(shared: &Shared, frame: &Frame, compressed: &[u8]) -> Result<Option<ClosedPack>> {
    let mut open = lock(&shared.open);
    let mut pack = match open.take() {
        Some(pack) => pack,
        None => OpenPack::begin(&shared.target)?,
    };
    let before = pack.stored_bytes();
    pack.append(frame, compressed)?;
    let takes = pack.stored_bytes() - before;
    let closed = if pack.stored_bytes() < shared.target.pack_size.bytes() {
        *open = Some(pack);
        None
    } else {
        drop(open);
        Some(close(shared, pack)?)
    };
    shared.spool.packed(frame.plain.len() as u64, takes);
    Ok(closed)
}

fn close(shared: &Shared, pack: OpenPack) -> Result<ClosedPack> {
    let before = pack.stored_bytes();
    let closed = pack.close(shared.target.layout.vault)?;
    let bytes = closed.indexed.stored_bytes;
    shared.spool.closed(bytes - before, bytes);
    Ok(closed)
}

/// Commits packs and writes indexes of them.
struct Committer<'a> {
    shared: &'a Shared,
    stored: &'a Sender<StoredPack>,
    waiting: Vec<(IndexedPack, Vec<u32>)>,
    last_index: Instant,
}

impl<'a> Committer<'a> {
    fn new(shared: &'a Shared, stored: &'a Sender<StoredPack>) -> Self {
        Self { shared, stored, waiting: Vec::new(), last_index: (shared.target.clock)() }
    }

    fn run(mut self, packs: &Receiver<ClosedPack>) {
        for pack in packs {
            let (bytes, chunks) = (pack.indexed.stored_bytes, pack.indexed.ids.len());
            // On a dead line each of those that wait would be tried for minutes.
            if !self.shared.is_over()
                && let Err(error) = self.commit(pack)
            {
                self.shared.fail(error);
            }
            self.shared.spool.left(bytes, chunks);
        }
        // Also after a failure elsewhere: what is stored is worth finding again.
        if let Err(error) = self.write_index() {
            self.shared.fail(error);
        }
    }

    fn commit(&mut self, pack: ClosedPack) -> Result<()> {
        let target = &self.shared.target;
        let name = target.layout.pack(pack.indexed.hash);
        let begun = (target.clock)();
        match pack.staged.commit(&name) {
            // Its name is the hash of its bytes: what is there is this pack or is damaged.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {
                let took = (target.clock)().saturating_duration_since(begun);
                target.pack_size.sent(pack.indexed.stored_bytes, took);
            }
            Err(error) => {
                if matches!(error, StoreError::Io { .. }) {
                    target.pack_size.broke();
                }
                return Err(error.into());
            }
        }
        self.waiting.push((pack.indexed, pack.frames));
        let chunks: usize = self.waiting.iter().map(|(pack, _)| pack.ids.len()).sum();
        if self.waiting.len() >= self.shared.settings.packs_per_index
            || chunks >= CHUNKS_PER_INDEX
            || (target.clock)().saturating_duration_since(self.last_index) >= INDEX_AT_LEAST_EVERY
        {
            self.write_index()?;
        }
        Ok(())
    }

    fn write_index(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let target = &self.shared.target;
        let (packs, frames): (Vec<_>, Vec<_>) = self.waiting.drain(..).unzip();
        let bytes = index::encode(target.layout.vault, &packs, &target.index_recipients, &*target.random)?;
        let hash = ObjectHash::of(&bytes);
        create_named(&*target.store, &target.layout.index(hash), hash, &bytes)?;
        self.last_index = (target.clock)();
        for (pack, frames) in packs.into_iter().zip(frames) {
            let _ = self.stored.send(StoredPack {
                hash: pack.hash,
                stored_bytes: pack.stored_bytes,
                all_bytes: pack.frames.plain_bytes(),
                frames,
                index: hash,
            });
        }
        Ok(())
    }
}

/// Creates an object whose name has the hash of its bytes. If it is there already, its bytes
/// are looked at: they have that hash, or the store is damaged.
pub fn create_named(store: &dyn Store, name: &ObjectName, hash: ObjectHash, bytes: &[u8]) -> Result<()> {
    match store.create(name, bytes) {
        Err(StoreError::AlreadyExists { .. }) => {
            let there = store.read(name, bytes.len() as u64)?;
            if ObjectHash::of(&there) == hash { Ok(()) } else { Err(VaultError::HashMismatch { name: name.clone() }) }
        }
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests;
