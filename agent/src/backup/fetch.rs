//! Reading files ahead of the backup that consumes them, in order, on a few threads: while one
//! waits for the disk, others read, cut and hash.
//!
//! Small files travel in batches, with their content; a large one is a stream of pieces. What
//! is in flight is bounded by whoever submits jobs: see [`Job::cost`].

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use pulih_vault::chunker::Chunker;
use pulih_vault::id::ChunkId;
use pulih_vault::reader::chunk_id;
use pulih_vault::tree::entry::{Content, Entry, Kind, Note};
use rustix::buffer::spare_capacity;
use rustix::fs::{Advice, fadvise};
use rustix::io::Errno;

use super::again::Again;
use crate::source::content::{self, Extents};
use crate::source::{Found, OwnerNames, Stat, metadata};

/// Files up to this size travel whole.
pub const SMALL_BYTES: u64 = 512 << 10;
/// Bytes of a piece of a large file.
pub(super) const PIECE_BYTES: usize = 1 << 20;
/// Pieces that wait for the backup, per file.
const PIECES_AHEAD: usize = 2;
/// Bytes that a job holds at most before they are consumed, unless they travel whole.
pub(super) const MOST_AHEAD: u64 = ((PIECES_AHEAD + 2) * PIECE_BYTES) as u64;
/// How far the kernel is told to read ahead in a large file.
const READ_AHEAD: u64 = 8 << 20;

/// A file that was read whole.
pub struct SmallFile {
    pub found: Found,
    /// The entry, without its content's ids; or why there is none.
    pub entry: io::Result<Entry>,
    /// Ids and lengths, in order; their bytes follow each other in the batch's buffer.
    pub chunks: Vec<(ChunkId, u32)>,
}

pub enum Fetched {
    Small {
        files: Vec<SmallFile>,
        bytes: Vec<u8>,
    },
    Piece {
        bytes: Vec<u8>,
        chunks: Vec<(ChunkId, u32)>,
    },
    /// A large file is over; its entry has no ids.
    End(io::Result<Box<Entry>>),
    /// Chunks that were wanted again are over; so many of their bytes differ.
    Again(io::Result<u64>),
}

pub enum Job {
    Small(Vec<Found>),
    Large(Found),
    /// Some chunks of a file that is as it was.
    Again(Found, Arc<Again>),
    /// Content that is not a file's: an entry without ids, and what to read.
    Stream(Box<Entry>, Box<dyn io::Read + Send>),
}

impl Job {
    /// Most bytes that the job holds before they are consumed.
    pub fn cost(&self) -> u64 {
        match self {
            Self::Small(files) => files.iter().map(|found| found.stat().size.min(SMALL_BYTES) + 512).sum(),
            Self::Again(_, again) => again.cost(),
            Self::Large(_) | Self::Stream(..) => MOST_AHEAD,
        }
    }
}

/// How content is cut and named.
pub struct Cutting {
    pub chunker: Chunker,
    pub id_key: [u8; 32],
}

impl Cutting {
    /// Cuts the chunks off `bytes` that are certain: all if it is the end, else those that more
    /// bytes would not change. Returns how many bytes they have.
    fn cut(&self, bytes: &[u8], is_end: bool, chunks: &mut Vec<(ChunkId, u32)>) -> usize {
        let max = self.chunker.sizes().max as usize;
        let mut at = 0;
        while at < bytes.len() && (is_end || bytes.len() - at >= max) {
            let len = self.chunker.cut(&bytes[at..]);
            let chunk = &bytes[at..at + len];
            chunks.push((chunk_id(&self.id_key, chunk), len as u32));
            at += len;
        }
        at
    }
}

type Queue = Arc<Mutex<Receiver<(Job, SyncSender<Fetched>)>>>;

pub struct Pool {
    jobs: Option<Sender<(Job, SyncSender<Fetched>)>>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub fn start(threads: usize, cutting: &Arc<Cutting>) -> Self {
        let (jobs, queue) = channel();
        let queue: Queue = Arc::new(Mutex::new(queue));
        let spare = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..threads)
            .map(|_| {
                let worker = Worker { cutting: cutting.clone(), spare: spare.clone(), names: OwnerNames::new() };
                let queue = queue.clone();
                std::thread::spawn(move || worker.run(&queue))
            })
            .collect();
        Self { jobs: Some(jobs), spare, threads }
    }

    /// Starts a job. Jobs are begun in the order in which they are submitted.
    pub fn submit(&self, job: Job) -> Receiver<Fetched> {
        let (sender, receiver) = sync_channel(PIECES_AHEAD);
        if let Some(jobs) = &self.jobs {
            // If no worker lives any more, the receiver says so.
            let _ = jobs.send((job, sender));
        }
        receiver
    }

    /// Gives back a buffer to be used again.
    pub fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < 8 && buffer.capacity() <= 2 * PIECE_BYTES {
            spare.push(buffer);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Worker {
    cutting: Arc<Cutting>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    names: OwnerNames,
}

impl Worker {
    fn run(mut self, queue: &Queue) {
        loop {
            let received = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((job, out)) = received else { return };
            // Nobody listens any more when the backup has stopped: then there is nothing to do.
            match job {
                Job::Small(files) => {
                    let _ = out.send(self.small(files));
                }
                Job::Large(found) => {
                    let end = self.large(&found, &out).map(Box::new);
                    let _ = out.send(Fetched::End(end));
                }
                Job::Again(found, again) => {
                    let end = again.read(&found, &self.cutting.id_key, &out);
                    let _ = out.send(Fetched::Again(end));
                }
                Job::Stream(entry, input) => {
                    let end = self.stream(*entry, input, &out).map(Box::new);
                    let _ = out.send(Fetched::End(end));
                }
            }
        }
    }

    fn buffer(&self) -> Vec<u8> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_default()
    }

    fn small(&mut self, files: Vec<Found>) -> Fetched {
        let mut bytes = self.buffer();
        // The disk is asked for all of them before the first is waited for.
        let begun: Vec<_> = files
            .into_iter()
            .map(|found| {
                let begun = begin(&found, &mut self.names);
                if let Ok((_, file, _)) = &begun {
                    let _ = fadvise(file, 0, None, Advice::WillNeed);
                }
                (found, begun)
            })
            .collect();
        let files = begun
            .into_iter()
            .map(|(found, begun)| {
                let mut chunks = Vec::new();
                let before = bytes.len();
                let entry = begun.and_then(|begun| self.small_file(&found, begun, &mut bytes, &mut chunks));
                if entry.is_err() {
                    bytes.truncate(before);
                    chunks.clear();
                }
                SmallFile { found, entry, chunks }
            })
            .collect();
        Fetched::Small { files, bytes }
    }

    fn small_file(
        &self,
        found: &Found,
        (mut entry, file, extents): (Entry, File, Extents),
        bytes: &mut Vec<u8>,
        chunks: &mut Vec<(ChunkId, u32)>,
    ) -> io::Result<Entry> {
        let from = bytes.len();
        let mut read = 0;
        for &(offset, len) in &extents.data {
            let got = read_at(&file, offset, len, bytes)?;
            read += got;
            if got < len {
                break;
            }
        }
        self.cutting.cut(&bytes[from..], true, chunks);
        finish(&mut entry, found, &file, &extents, read)?;
        Ok(entry)
    }

    fn large(&mut self, found: &Found, out: &SyncSender<Fetched>) -> io::Result<Entry> {
        let (mut entry, file, extents) = begin(found, &mut self.names)?;
        let mut pieces = Pieces { worker: self, out, buffer: self.buffer() };
        let mut read = 0;
        let mut advised = 0;
        for &(offset, len) in &extents.data {
            let mut at = offset;
            while at < offset + len {
                if at + READ_AHEAD / 2 >= advised {
                    let from = advised.max(at);
                    // Only advice: a file system that takes none is read all the same.
                    let _ = fadvise(&file, from, std::num::NonZeroU64::new(READ_AHEAD), Advice::WillNeed);
                    advised = from + READ_AHEAD;
                }
                let want = (offset + len - at).min(pieces.room() as u64);
                let got = read_at(&file, at, want, &mut pieces.buffer)?;
                read += got;
                at += got;
                if got < want {
                    break;
                }
                if !pieces.send_full() {
                    return Err(io::Error::other("the backup was stopped"));
                }
            }
            if at < offset + len {
                break;
            }
        }
        pieces.send_rest();
        finish(&mut entry, found, &file, &extents, read)?;
        Ok(entry)
    }

    fn stream(
        &mut self,
        mut entry: Entry,
        mut input: Box<dyn io::Read + Send>,
        out: &SyncSender<Fetched>,
    ) -> io::Result<Entry> {
        let mut pieces = Pieces { worker: self, out, buffer: self.buffer() };
        let mut read = 0;
        loop {
            let want = pieces.room() as u64;
            let got = (&mut input).take(want).read_to_end(&mut pieces.buffer)? as u64;
            read += got;
            if got < want {
                break;
            }
            if !pieces.send_full() {
                return Err(io::Error::other("the backup was stopped"));
            }
        }
        pieces.send_rest();
        if let Kind::File(content) = &mut entry.kind {
            content.size = read;
        }
        Ok(entry)
    }
}

/// A large file's content on its way out.
struct Pieces<'w> {
    worker: &'w Worker,
    out: &'w SyncSender<Fetched>,
    buffer: Vec<u8>,
}

impl Pieces<'_> {
    fn room(&self) -> usize {
        // More than the largest chunk must fit, or nothing could ever be cut.
        let least = 2 * self.worker.cutting.chunker.sizes().max as usize;
        PIECE_BYTES.max(least).saturating_sub(self.buffer.len())
    }

    /// Sends what is certain of a full buffer; false if nobody listens.
    fn send_full(&mut self) -> bool {
        self.room() > 0 || self.send(false)
    }

    fn send_rest(&mut self) {
        if !self.buffer.is_empty() {
            self.send(true);
        }
    }

    fn send(&mut self, is_end: bool) -> bool {
        let mut chunks = Vec::new();
        let len = self.worker.cutting.cut(&self.buffer, is_end, &mut chunks);
        let mut next = self.worker.buffer();
        next.extend_from_slice(&self.buffer[len..]);
        let mut bytes = std::mem::replace(&mut self.buffer, next);
        bytes.truncate(len);
        self.out.send(Fetched::Piece { bytes, chunks }).is_ok()
    }
}

fn begin(found: &Found, names: &mut OwnerNames) -> io::Result<(Entry, File, Extents)> {
    let file = content::open(found)?;
    let entry = metadata::read_open_entry(found, &file, names)?;
    let extents = content::extents(&file, found.stat())?;
    Ok((entry, file, extents))
}

/// Sets what is known once all is read: how long the content was, and whether it held still.
fn finish(entry: &mut Entry, found: &Found, file: &File, extents: &Extents, read: u64) -> io::Result<()> {
    let expected: u64 = extents.data.iter().map(|(_, len)| len).sum();
    let after = Stat::from(rustix::fs::fstat(file)?);
    if read < expected {
        entry.note = Some(Note::Shrank);
        let holes = holes_before(extents, read);
        let size = read + holes.iter().map(|(_, len)| len).sum::<u64>();
        entry.kind = Kind::File(Content { size, holes, sparse: extents.sparse, ..Content::default() });
        return Ok(());
    }
    if !content::is_stable(found.stat(), &after) {
        entry.note = Some(Note::Changed);
    }
    entry.kind = Kind::File(Content {
        size: found.stat().size,
        holes: extents.holes.clone(),
        sparse: extents.sparse,
        ..Content::default()
    });
    Ok(())
}

/// The holes that lie before the end of the first `read` bytes of data.
fn holes_before(extents: &Extents, read: u64) -> Vec<(u64, u64)> {
    let mut left = read;
    let mut end = 0;
    for &(offset, len) in &extents.data {
        let taken = len.min(left);
        if taken > 0 {
            end = offset + taken;
        }
        left -= taken;
    }
    extents.holes.iter().copied().filter(|(offset, _)| *offset < end).collect()
}

/// Appends up to `len` bytes from `offset` on; fewer if the file ends before.
pub(super) fn read_at(file: &File, offset: u64, len: u64, bytes: &mut Vec<u8>) -> io::Result<u64> {
    let (from, to) = (bytes.len(), bytes.len() + len as usize);
    bytes.reserve(len as usize);
    while bytes.len() < to {
        let done = (bytes.len() - from) as u64;
        // Into room that nobody has cleared: clearing it costs as much as hashing it.
        match rustix::io::pread(file, spare_capacity(bytes), offset + done) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // The room may be larger than what was asked for.
    bytes.truncate(to);
    Ok((bytes.len() - from) as u64)
}
