//! The snapshot that a run makes: its tree, its listing, its counts, and in the end its reach
//! and manifest.

mod held;
mod store;

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use pulih_vault::error::Result;
use pulih_vault::id::{ChunkId, ObjectHash};
use pulih_vault::layout::ManifestName;
use pulih_vault::manifest::{Changes, Counts};
use pulih_vault::tree::builder::{EndedLeaf, TreeBuilder};
use pulih_vault::tree::entry::{Entry, Kind};
use pulih_vault::tree::node::{Boundaries, Child};
use pulih_vault::writer::STOP_WITHIN;
use rustix::fs::FileType;

use super::assemble::{Assembler, Part};
use super::ids::FileIds;
use super::known::{Known, LiveBytes};
use super::listing::{ListingWriter, Record, Tail, stat_bytes};
use super::rewrite::Rewriting;
use super::{Backup, BackupError, Outcome, Problem};
use crate::source::Stat;
pub use held::Held;
use pulih_progress::Progress;
use store::start_writer;

/// Problems that are kept to be listed; more are counted.
const MAX_PROBLEMS: usize = 10_000;

pub struct Snapshot<'a> {
    backup: &'a Backup<'a>,
    assembler: Assembler,
    tree: TreeBuilder,
    listing: ListingWriter,
    /// Records of an old leaf that so far is as it was: with it they are taken over whole.
    held: Vec<(Record, u64)>,
    /// The number of the record that would be next if nothing had changed.
    expected: u64,
    /// The last old record that ended a leaf.
    last_ended: Option<u64>,
    /// Path and line of the old record that was met last and not taken over: the entry that was
    /// read in its place comes next, if there is one.
    last_gone: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether everything so far is as it was.
    all_same: bool,
    /// References are counted anew, since the sums of the last run do not hold any more.
    recount: bool,
    /// A file is in the listing without all its ids: the next run must count anew.
    uncounted: bool,
    before: LiveBytes,
    counts: Counts,
    changes: Changes,
    unread: Vec<Problem>,
    /// Of the bytes that are stored, those that the monitor was told of.
    told_stored: u64,
    started: SystemTime,
    /// The dataset's newest manifest, and its reach.
    newest: Option<ManifestName>,
    reach: Option<ObjectHash>,
    /// The last partial snapshot, or the start: when, and how much was new by then.
    kept: (SystemTime, u64),
}

impl<'a> Snapshot<'a> {
    pub fn listing_path(backup: &Backup) -> PathBuf {
        backup.cache.join(format!("{}.listing", backup.dataset))
    }

    pub fn begin(backup: &'a Backup<'a>, old: Option<&Tail>, started: SystemTime) -> Result<Self> {
        let agent = vec![Box::new(backup.secrets.index_identity()?) as _];
        let folder = backup.cache.join("known");
        let known = Known::open(&folder, &*backup.store, backup.layout, &agent, backup.unwanted)?;
        backup.pack_size.in_vault_of(known.stored_bytes(), backup.writer.spool_bytes);
        let rewriting = Rewriting::within(backup.limits.rewrite_bytes);
        let stays = |live| known.all_alive(live) && !(rewriting.is_on() && known.any_avoided(live));
        let (recount, before) = match old {
            Some(tail) if tail.generation == known.generation() && stays(&tail.live) => (false, tail.live.clone()),
            _ => (true, LiveBytes::new()),
        };
        let writer = start_writer(backup)?;
        Ok(Self {
            backup,
            assembler: Assembler::new(known, writer, backup.secrets.id_key, rewriting),
            tree: TreeBuilder::new(Boundaries::new(&backup.secrets.boundary_secret)),
            listing: ListingWriter::new(&Self::listing_path(backup)),
            held: Vec::new(),
            expected: 0,
            last_ended: None,
            last_gone: None,
            all_same: true,
            recount,
            uncounted: false,
            before,
            counts: Counts::default(),
            changes: Changes::default(),
            unread: Vec::new(),
            told_stored: 0,
            started,
            newest: backup.newest,
            reach: backup.newest_reach,
            kept: (started, 0),
        })
    }

    /// A chunk of a file's content, whose ids so far are in `ids`.
    pub fn content(&mut self, part: Part, id: ChunkId, bytes: &[u8], ids: &mut FileIds) -> Result<()> {
        let new = self.assembler.add(part, id, bytes)?;
        self.changes.read_bytes += bytes.len() as u64;
        let (new_bytes, known_bytes) = if new { (bytes.len() as u64, 0) } else { (0, bytes.len() as u64) };
        self.backup.monitor.advance(Progress {
            bytes: bytes.len() as u64,
            new_bytes,
            known_bytes,
            stored_bytes: self.assembler.stored_bytes
                - std::mem::replace(&mut self.told_stored, self.assembler.stored_bytes),
            ..Progress::default()
        });
        self.backup.monitor.waiting(self.assembler.waiting_bytes());
        ids.push(id, &mut self.assembler)
    }

    pub fn refer(&mut self, id: &ChunkId) -> Result<()> {
        self.assembler.refer(id).map(|_| ())
    }

    /// A file whose content was stored is not saved after all.
    pub fn take_back(&mut self, ids: FileIds) -> Result<()> {
        self.uncounted |= !ids.take_back(&mut self.assembler)?;
        Ok(())
    }

    /// An entry that is as it was.
    pub fn same(&mut self, record: &Record, end: u64) -> std::result::Result<(), BackupError> {
        self.changes.unchanged += 1;
        let (mode, size) = record.mode_and_size();
        self.add_counts(FileType::from_raw_mode(mode), size);
        if self.recount {
            let entry = Entry::from_line(&record.line)?;
            self.assembler.refer_to_all(&entry, &record.ids)?;
        }
        let in_order = record.number == self.expected;
        self.expected = record.number + 1;
        if !in_order {
            self.release_held()?;
            self.all_same = false;
        }
        let can_hold =
            !self.recount && self.tree.at_leaf_start() && (!self.held.is_empty() || self.leaf_starts(record));
        if !can_hold {
            return Ok(self.push_old(record, end)?);
        }
        self.held.push((record.clone(), end));
        if let Some((node, _)) = record.leaf {
            self.take_over_leaf(node)?;
        }
        Ok(())
    }

    /// Whether an old leaf began with this record: the one before it ended one.
    fn leaf_starts(&self, record: &Record) -> bool {
        record.number == 0 || self.last_ended == Some(record.number - 1)
    }

    fn take_over_leaf(&mut self, node: ChunkId) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        let leaf = Child { first: held[0].0.path.clone(), node, entries: held.len() as u64 };
        self.tree.push_leaf(&leaf, &mut self.assembler)?;
        for (record, end) in &held {
            self.listing.same(record, *end, self.all_same)?;
        }
        self.last_ended = held.last().map(|(record, _)| record.number);
        Ok(())
    }

    /// The old leaf is not as it was after all: its entries so far go in one by one.
    fn release_held(&mut self) -> Result<()> {
        for (record, end) in std::mem::take(&mut self.held) {
            self.push_old(&record, end)?;
        }
        Ok(())
    }

    /// Puts an old entry into the tree by itself.
    fn push_old(&mut self, record: &Record, end: u64) -> Result<()> {
        if let Some((node, _)) = record.leaf {
            self.last_ended = Some(record.number);
            self.drop_node(&node)?;
        }
        let ended = self.tree.push(&record.path, &record.line, &mut self.assembler)?;
        let leaf = ended.map(|leaf| (leaf.id, leaf.bytes));
        if leaf == record.leaf {
            self.listing.same(record, end, self.all_same)
        } else {
            self.all_same = false;
            self.listing.put(&Record { leaf, ..record.clone() })
        }
    }

    /// A node of the last run's tree is not taken over: this run's tree refers to it anew if it
    /// has it all the same.
    fn drop_node(&mut self, node: &ChunkId) -> Result<()> {
        if self.recount { Ok(()) } else { self.assembler.unrefer(node) }
    }

    /// An entry that is gone, or that was changed and comes again.
    pub fn gone(&mut self, record: &Record) -> std::result::Result<(), BackupError> {
        self.release_held()?;
        self.all_same = false;
        self.changes.removed += 1;
        self.last_gone = Some((record.path.clone(), record.line.clone()));
        self.expected = record.number + 1;
        if let Some((node, _)) = record.leaf {
            self.last_ended = Some(record.number);
            self.drop_node(&node)?;
        }
        if !self.recount {
            let entry = Entry::from_line(&record.line)?;
            for id in self.assembler.chunks_of(&entry, &record.ids)? {
                self.assembler.unrefer(&id)?;
            }
        }
        Ok(())
    }

    pub fn unreadable(&mut self, path: Vec<u8>, what: String) {
        self.counts.unread += 1;
        self.backup.monitor.problem(&path, &what);
        if self.unread.len() < MAX_PROBLEMS {
            self.unread.push(Problem { path, what });
        }
    }

    pub fn vanished(&mut self, path: &[u8]) {
        self.backup.monitor.note(path, "vanished before it was read");
    }

    /// An entry that this run has read; `ids` are its content's.
    pub fn entry(
        &mut self,
        mut entry: Entry,
        stat: &Stat,
        ids: FileIds,
        settled: bool,
    ) -> std::result::Result<(), BackupError> {
        self.release_held()?;
        self.all_same = false;
        let unread = entry.content().is_some_and(|content| content.unread.is_some());
        if let Some(note) = entry.note {
            self.counts.noted += 1;
            let what = match note {
                pulih_vault::tree::entry::Note::Changed => "changed while it was read",
                pulih_vault::tree::entry::Note::Shrank => "became shorter while it was read",
            };
            self.backup.monitor.note(&entry.path, what);
        }
        let mut listed = Vec::new();
        let mut complete = true;
        if let Kind::File(content) = &mut entry.kind {
            let its = ids.finish(&mut self.assembler)?;
            (content.chunks, content.depth) = (its.chunks, its.depth);
            complete = its.ids.is_some();
            listed = its.ids.filter(|_| its.depth > 0).unwrap_or_default();
        }
        self.uncounted |= !complete;
        self.add_counts(file_type(&entry.kind), entry.content().map_or(0, |content| content.size));
        let line = entry.to_line();
        self.count_change(&entry.path, &line);
        let ended = self.tree.push(&entry.path, &line, &mut self.assembler)?;
        let record = Record {
            number: 0,
            trusted: settled && complete && !unread && entry.note.is_none(),
            stat: stat_bytes(stat),
            path: entry.path,
            line,
            ids: listed,
            leaf: ended.map(|leaf| (leaf.id, leaf.bytes)),
        };
        self.listing.put(&record)?;
        Ok(())
    }

    /// What was read again only to be sure, and is as it was, has not changed.
    fn count_change(&mut self, path: &[u8], line: &[u8]) {
        match self.last_gone.take() {
            Some((old, was)) if old == path => {
                self.changes.removed -= 1;
                if was == line {
                    self.changes.unchanged += 1;
                } else {
                    self.changes.changed += 1;
                }
            }
            _ => self.changes.new += 1,
        }
    }

    fn add_counts(&mut self, kind: FileType, size: u64) {
        match kind {
            FileType::RegularFile => {
                self.counts.files += 1;
                self.counts.bytes += size;
            }
            FileType::Directory => self.counts.dirs += 1,
            _ => self.counts.others += 1,
        }
        self.backup.monitor.advance(Progress { files: 1, ..Progress::default() });
    }

    /// Stores what there is as far as that is quickly done, so that the next run has it, and makes
    /// no snapshot.
    pub fn abandon(&mut self) -> Result<()> {
        self.assembler.give_up(Instant::now() + STOP_WITHIN)
    }

    /// Keeps the work of a long run: a partial snapshot of what is in the tree so far holds its
    /// packs, those of a file in the middle too. References of the last run that this one has not
    /// reached are still counted in its reach.
    pub fn keep_if_due(&mut self) -> std::result::Result<(), BackupError> {
        let now = (self.backup.clock)();
        let limits = self.backup.limits;
        // A clock that was set back counts from there.
        let Ok(since) = now.duration_since(self.kept.0) else {
            self.kept.0 = now;
            return Ok(());
        };
        let new = self.assembler.written_bytes - self.kept.1;
        if new == 0 || (since < limits.unkept_time && new < limits.unkept_bytes) {
            return Ok(());
        }
        self.release_held()?;
        let counted = self.assembler.counted();
        let (_, root) = self.tree.clone().finish(&mut self.assembler)?;
        let writer = start_writer(self.backup)?;
        self.store(root, true, Some(writer))?;
        self.assembler.put_back(counted);
        self.kept = (now, self.assembler.written_bytes);
        Ok(())
    }

    pub fn finish(mut self, old: Option<&Tail>) -> std::result::Result<Outcome, BackupError> {
        self.release_held()?;
        if !self.recount {
            for (node, _) in old.map_or(&[][..], |tail| &tail.nodes) {
                self.assembler.unrefer(node)?;
            }
        }
        let tree = std::mem::replace(&mut self.tree, TreeBuilder::new(Boundaries::new(&[0; 32])));
        let (last, root) = tree.finish(&mut self.assembler)?;
        self.assembler.nodes.extend(last.map(|EndedLeaf { id, bytes }| (id, bytes)));
        let (name, manifest, live) = self.store(root, false, None)?;
        self.assembler.known.save()?;
        let rewritten_bytes = self.assembler.rewriting.spent();
        // A chunk may have moved after it was counted where it was: the next run counts anew.
        let generation =
            if self.uncounted || rewritten_bytes > 0 { [0; 16] } else { self.assembler.known.generation() };
        let tail = Tail { generation, nodes: std::mem::take(&mut self.assembler.nodes), live };
        self.listing.finish(old, &tail, self.all_same)?;
        let unread_more = self.counts.unread - self.unread.len() as u64;
        Ok(Outcome { name, manifest, unread: self.unread, unread_more, rewritten_bytes })
    }
}

fn file_type(kind: &Kind) -> FileType {
    match kind {
        Kind::File(_) => FileType::RegularFile,
        Kind::Dir => FileType::Directory,
        _ => FileType::Unknown,
    }
}
