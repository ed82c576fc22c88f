//! The one pass of a backup: the walk and the old listing go side by side; a queue holds what
//! was decided until its content has been read.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::SystemTime;

use pulih_vault::chunker::Chunker;
use pulih_vault::tree::entry::{Content, Entry, Kind, Timestamp};
use pulih_vault::tree::name::compare;

use super::assemble::Part;
use super::fetch::{Cutting, Fetched, Job, Pool, SMALL_BYTES, SmallFile};
use super::ids::FileIds;
use super::links::Links;
use super::listing::{ListingReader, Record, stat_bytes};
use super::snapshot::Snapshot;
use super::{Backup, BackupError, Outcome, Source};
use crate::source::{self, Found, OwnerNames, Skip, Stat, Step, content, metadata};

/// Bytes of content that may be in flight from readers.
const IN_FLIGHT_BYTES: u64 = 24 << 20;
/// Decisions that may wait.
const IN_FLIGHT_ITEMS: usize = 8192;
/// Small files read by one job.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: u64 = 512 << 10;

/// Content of small files, once it has come.
struct Batch {
    state: RefCell<BatchState>,
    cost: u64,
}

enum BatchState {
    Coming(Receiver<Fetched>),
    Here { files: VecDeque<SmallFile>, bytes: Vec<u8>, at: usize },
}

enum Item {
    /// Taken over from the old listing, where its record ends at the offset.
    Same(Box<(Record, u64)>),
    /// A record of the old listing that is not taken over.
    Gone(Box<Record>),
    /// Known without reading content.
    Entry(Box<(Entry, Stat)>),
    Small(Rc<Batch>),
    Large(Found, Receiver<Fetched>),
    Stream(Receiver<Fetched>),
    /// Another name of a file that was read in this run.
    HardLink(Found),
    Unreadable(Vec<u8>, String),
}

struct Run<'a> {
    backup: &'a Backup<'a>,
    snapshot: Snapshot<'a>,
    pool: Pool,
    queue: VecDeque<Item>,
    in_flight: u64,
    /// Small files that wait to be a job.
    batch: Vec<Found>,
    batch_rc: Vec<usize>,
    links: Links,
    names: OwnerNames,
    old: Option<ListingReader>,
    /// The record that the walk has not reached.
    next_old: Option<(Record, u64)>,
    started: SystemTime,
}

/// Makes a snapshot.
pub fn run(backup: &Backup, source: Source) -> Result<Outcome, BackupError> {
    let started = (backup.clock)();
    let old = ListingReader::open(&Snapshot::listing_path(backup));
    let cutting = Arc::new(Cutting {
        chunker: Chunker::new(&backup.secrets.boundary_secret, backup.chunker),
        id_key: backup.secrets.id_key,
    });
    let mut run = Run {
        backup,
        snapshot: Snapshot::begin(backup, old.as_ref().map(|old| &old.tail), started)?,
        pool: Pool::start(backup.readers, &cutting),
        queue: VecDeque::new(),
        in_flight: 0,
        batch: Vec::new(),
        batch_rc: Vec::new(),
        links: Links::keeping(backup.limits.ids),
        names: OwnerNames::new(),
        old,
        next_old: None,
        started,
    };
    run.advance_old()?;
    match source {
        Source::Paths { roots, options } => run.walk(&roots, options)?,
        Source::Stream { name, input } => run.stream(name, input)?,
    }
    let old_tail = run.old.map(|old| old.tail);
    run.snapshot.finish(old_tail.as_ref())
}

impl Run<'_> {
    fn advance_old(&mut self) -> Result<(), BackupError> {
        self.next_old = match &mut self.old {
            Some(old) => old.next_record()?,
            None => None,
        };
        Ok(())
    }

    fn walk(&mut self, roots: &[std::path::PathBuf], options: source::WalkOptions) -> Result<(), BackupError> {
        let mut walk = source::walk(roots, options)?;
        let mut steps = Vec::new();
        let mut path = Vec::new();
        while walk.next_batch(&mut steps) {
            self.check_interrupted()?;
            for step in steps.drain(..) {
                self.step(step, &mut path)?;
                self.make_room()?;
            }
            self.snapshot.keep_if_due()?;
        }
        while let Some((record, _)) = self.next_old.take() {
            self.queue.push_back(Item::Gone(Box::new(record)));
            self.advance_old()?;
            self.make_room()?;
        }
        self.drain()
    }

    fn check_interrupted(&mut self) -> Result<(), BackupError> {
        if self.backup.interrupted.load(Ordering::Relaxed) {
            self.snapshot.abandon()?;
            return Err(BackupError::Interrupted);
        }
        Ok(())
    }

    fn step(&mut self, step: Step, path: &mut Vec<u8>) -> Result<(), BackupError> {
        match step {
            Step::Found(found) => {
                found.write_path(path);
                self.found(found, path)
            }
            Step::Unreadable { path, error } => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    self.queue.push_back(Item::Unreadable(path, error.to_string()));
                }
                Ok(())
            }
            Step::Skipped { path, why: why @ Skip::TooLong } => {
                self.queue.push_back(Item::Unreadable(path, why.to_string()));
                Ok(())
            }
            Step::Skipped { .. } => Ok(()),
        }
    }

    /// Decides what to do with an entry that the walk found.
    fn found(&mut self, found: Found, path: &[u8]) -> Result<(), BackupError> {
        while let Some((record, end)) = self.next_old.take() {
            match compare(&record.path, path) {
                std::cmp::Ordering::Less => {
                    self.queue.push_back(Item::Gone(Box::new(record)));
                    self.advance_old()?;
                    self.make_room()?;
                }
                std::cmp::Ordering::Equal => {
                    self.advance_old()?;
                    if record.trusted && record.stat == stat_bytes(found.stat()) && self.snapshot.still_has(&record)? {
                        self.backup.monitor.found(1, 0);
                        self.queue.push_back(Item::Same(Box::new((record, end))));
                        return Ok(());
                    }
                    self.queue.push_back(Item::Gone(Box::new(record)));
                    break;
                }
                std::cmp::Ordering::Greater => {
                    self.next_old = Some((record, end));
                    break;
                }
            }
        }
        self.read(found);
        Ok(())
    }

    fn read(&mut self, found: Found) {
        let stat = *found.stat();
        if !stat.is_file() {
            let item = match metadata::read_entry(&found, &mut self.names) {
                Ok(entry) => Item::Entry(Box::new((entry, stat))),
                Err(error) if content::is_vanished(&error) => return,
                Err(error) => Item::Unreadable(found.path(), error.to_string()),
            };
            self.queue.push_back(item);
            return;
        }
        self.backup.monitor.found(1, stat.size);
        if stat.links > 1 {
            if self.links.is_known(&stat) {
                self.queue.push_back(Item::HardLink(found));
                return;
            }
            self.links.expect(&stat);
        }
        if stat.size > SMALL_BYTES {
            self.close_batch();
            let job = Job::Large(found.clone());
            self.in_flight += job.cost();
            let receiver = self.pool.submit(job);
            self.queue.push_back(Item::Large(found, receiver));
            return;
        }
        // Its place in the queue is kept, and filled when the batch is a job.
        self.batch_rc.push(self.queue.len());
        self.queue.push_back(Item::Unreadable(Vec::new(), String::new()));
        self.batch.push(found);
        let bytes: u64 = self.batch.iter().map(|found| found.stat().size).sum();
        if self.batch.len() == BATCH_FILES || bytes >= BATCH_BYTES {
            self.close_batch();
        }
    }

    fn close_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let job = Job::Small(std::mem::take(&mut self.batch));
        let cost = job.cost();
        self.in_flight += cost;
        let state = RefCell::new(BatchState::Coming(self.pool.submit(job)));
        let batch = Rc::new(Batch { state, cost });
        for at in self.batch_rc.drain(..) {
            self.queue[at] = Item::Small(batch.clone());
        }
    }

    /// Takes in from the front of the queue until there is room for more.
    fn make_room(&mut self) -> Result<(), BackupError> {
        while self.in_flight > IN_FLIGHT_BYTES || self.queue.len() > IN_FLIGHT_ITEMS {
            self.take_front()?;
        }
        // What needs no waiting is taken in at once; kept places count from the front.
        while self.batch.is_empty()
            && matches!(self.queue.front(), Some(Item::Same(_) | Item::Gone(_) | Item::Entry(_)))
        {
            self.take_front()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), BackupError> {
        self.close_batch();
        while !self.queue.is_empty() {
            self.check_interrupted()?;
            self.take_front()?;
            self.snapshot.keep_if_due()?;
        }
        Ok(())
    }

    fn take_front(&mut self) -> Result<(), BackupError> {
        self.close_batch();
        match self.queue.pop_front() {
            None => Ok(()),
            Some(Item::Same(same)) => self.snapshot.same(&same.0, same.1),
            Some(Item::Gone(record)) => self.snapshot.gone(&record),
            Some(Item::Entry(entry)) => self.entry(entry.0, &entry.1, FileIds::default()),
            Some(Item::Unreadable(path, what)) => {
                self.snapshot.unreadable(path, what);
                Ok(())
            }
            Some(Item::Small(batch)) => self.small(&batch),
            Some(Item::Large(found, receiver)) => {
                self.in_flight -= Job::Large(found.clone()).cost();
                let read = self.pieces(&receiver)?;
                let entry = read.1.map(|entry| *entry);
                self.file(&found, entry, read.0)
            }
            Some(Item::Stream(receiver)) => self.stream_end(&receiver),
            Some(Item::HardLink(found)) => self.hard_link(&found),
        }
    }

    fn small(&mut self, batch: &Batch) -> Result<(), BackupError> {
        let mut state = batch.state.borrow_mut();
        if let BatchState::Coming(receiver) = &*state {
            let Ok(Fetched::Small { files, bytes }) = receiver.recv() else {
                return Err(stopped());
            };
            *state = BatchState::Here { files: files.into(), bytes, at: 0 };
        }
        let BatchState::Here { files, bytes, at } = &mut *state else { return Err(stopped()) };
        let file = files.pop_front().ok_or_else(stopped)?;
        let mut ids = FileIds::keeping(self.backup.limits.ids);
        for (id, len) in &file.chunks {
            let end = *at + *len as usize;
            self.snapshot.content(Part::SmallFile, *id, &bytes[*at..end], &mut ids)?;
            *at = end;
        }
        if files.is_empty() {
            self.in_flight -= batch.cost;
            self.pool.give_back(std::mem::take(bytes));
        }
        drop(state);
        self.file(&file.found, file.entry, ids)
    }

    /// Takes in a large file's pieces; returns its ids and how it ended.
    #[allow(clippy::type_complexity)]
    fn pieces(&mut self, receiver: &Receiver<Fetched>) -> Result<(FileIds, std::io::Result<Box<Entry>>), BackupError> {
        let mut ids = FileIds::keeping(self.backup.limits.ids);
        loop {
            match receiver.recv() {
                Ok(Fetched::Piece { bytes, chunks }) => {
                    let mut at = 0;
                    for (id, len) in chunks {
                        let end = at + len as usize;
                        self.snapshot.content(Part::LargeFile, id, &bytes[at..end], &mut ids)?;
                        at = end;
                    }
                    self.pool.give_back(bytes);
                    self.check_interrupted()?;
                    self.snapshot.keep_if_due()?;
                }
                Ok(Fetched::End(entry)) => return Ok((ids, entry)),
                Ok(Fetched::Small { .. }) | Err(_) => return Err(stopped()),
            }
        }
    }

    /// A file's content was read, or not.
    fn file(&mut self, found: &Found, entry: std::io::Result<Entry>, ids: FileIds) -> Result<(), BackupError> {
        let stat = found.stat();
        match entry {
            Ok(entry) => {
                self.links.read(stat, &entry.kind, &ids);
                self.entry(entry, stat, ids)
            }
            Err(error) if content::is_vanished(&error) => {
                self.links.forget(stat);
                self.snapshot.vanished(&found.path());
                Ok(self.snapshot.take_back(ids)?)
            }
            Err(error) => {
                self.snapshot.take_back(ids)?;
                self.links.forget(stat);
                self.unread(found, &error.to_string())
            }
        }
    }

    /// A file that is there and cannot be read is an entry that says why.
    fn unread(&mut self, found: &Found, why: &str) -> Result<(), BackupError> {
        self.snapshot.unreadable(found.path(), why.to_owned());
        let Ok(mut entry) = metadata::read_entry(found, &mut self.names) else { return Ok(()) };
        if let Kind::File(content) = &mut entry.kind {
            content.unread = Some(why.to_owned());
        }
        self.entry(entry, found.stat(), FileIds::default())
    }

    fn hard_link(&mut self, found: &Found) -> Result<(), BackupError> {
        let stat = found.stat();
        let Some((content, ids)) = self.links.content(stat) else {
            // The first name could not be read, and this one says for itself why; or the content
            // is too large to keep its ids.
            let receiver = self.pool.submit(Job::Large(found.clone()));
            let (ids, entry) = self.pieces(&receiver)?;
            return self.file(found, entry.map(|entry| *entry), ids);
        };
        match metadata::read_entry(found, &mut self.names) {
            Ok(mut entry) => {
                entry.kind = Kind::File(content);
                for id in &ids {
                    self.snapshot.refer(id)?;
                }
                self.entry(entry, stat, ids.into())
            }
            Err(error) if content::is_vanished(&error) => Ok(()),
            Err(error) => self.unread(found, &error.to_string()),
        }
    }

    fn entry(&mut self, entry: Entry, stat: &Stat, ids: FileIds) -> Result<(), BackupError> {
        // A change within the same tick of the file system's clock would not be seen the next
        // time: what changed so shortly before the run is read again then. Only the ctime counts:
        // anyone can set an mtime, into the future too.
        let settled = stat.ctime < before(self.started);
        self.snapshot.entry(entry, stat, ids, settled)
    }

    fn stream(&mut self, name: Vec<u8>, input: Box<dyn std::io::Read + Send>) -> Result<(), BackupError> {
        let seconds = self.started.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_secs());
        let entry = Entry {
            path: name,
            kind: Kind::File(Content::default()),
            mode: 0o600,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            user: None,
            group: None,
            mtime: Timestamp { seconds: seconds as i64, nanoseconds: 0 },
            links: None,
            xattrs: std::collections::BTreeMap::new(),
            note: None,
        };
        while let Some((record, _)) = self.next_old.take() {
            self.snapshot.gone(&record)?;
            self.advance_old()?;
        }
        let receiver = self.pool.submit(Job::Stream(Box::new(entry), input));
        self.queue.push_back(Item::Stream(receiver));
        self.drain()
    }

    fn stream_end(&mut self, receiver: &Receiver<Fetched>) -> Result<(), BackupError> {
        let (ids, entry) = self.pieces(receiver)?;
        let entry = entry.map_err(|source| BackupError::Input { name: "--stdin".to_owned(), source })?;
        self.snapshot.entry(*entry, &Stat::default(), ids, false)
    }
}

fn stopped() -> BackupError {
    pulih_vault::error::VaultError::Stopped { what: "the reading of files" }.into()
}

/// Two seconds earlier: as coarse as any file system keeps its times.
fn before(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp { seconds: since.as_secs() as i64 - 2, nanoseconds: since.subsec_nanos() }
}
