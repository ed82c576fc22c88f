//! The one pass of a backup: the walk and the old listing go side by side; a queue holds what
//! was decided until its content has been read.

mod take;

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

use super::again::Again;
use super::fetch::{Cutting, Fetched, Job, Pool, SMALL_BYTES, SmallFile};
use super::ids::FileIds;
use super::links::Links;
use super::listing::{ListingReader, Record, stat_bytes};
use super::snapshot::{Held, Snapshot};
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
    /// The same, and some of its content comes to be written afresh.
    Again(Box<(Record, u64)>, Arc<Again>, Receiver<Fetched>),
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
    /// For what turns out to be needed at the front of the queue: the readers of `pool` may all be
    /// waiting for what they read after it to be taken in.
    beside: Pool,
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
        beside: Pool::start(1, &cutting),
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
                    let is_same = record.trusted && record.stat == stat_bytes(found.stat());
                    let held = if is_same { self.snapshot.held(&record)? } else { Held::NotAll };
                    if !matches!(held, Held::NotAll) {
                        self.backup.monitor.found(1, 0);
                        self.keep(found, Box::new((record, end)), held);
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

    /// An entry is taken over from the old listing.
    fn keep(&mut self, found: Found, same: Box<(Record, u64)>, held: Held) {
        let Held::Again(again) = held else { return self.queue.push_back(Item::Same(same)) };
        // Jobs are begun in the order of the queue.
        self.close_batch();
        let again = Arc::new(again);
        let job = Job::Again(found, again.clone());
        self.in_flight += job.cost();
        let receiver = self.pool.submit(job);
        self.queue.push_back(Item::Again(same, again, receiver));
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
            Some(Item::Again(same, again, receiver)) => self.again(&same, &again, &receiver),
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
}
