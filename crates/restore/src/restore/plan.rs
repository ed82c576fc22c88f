//! The planner: walks the tree, makes folders, links and special files, and puts the files with
//! content into windows, with the place of every chunk.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

use pulih_vault::error::{Malformed, VaultError};
use pulih_vault::reader::walk::{ChunkCursor, is_damage};
use pulih_vault::tree::entry::{Content, Entry, Kind};

use super::window::{Part, Task, Window};
use super::{Action, Restore, RestoreError, Summary};
use crate::target::TargetError;

/// Parts and files of a window: what it holds in memory at most, about 40 MiB in all.
const MAX_PARTS: usize = 150_000;
const MAX_FILES: usize = 20_000;
/// In place, each file of a window is open from when it is compared until it is written: no more
/// of them than any system lets a process have open.
const MAX_FILES_IN_PLACE: usize = 512;

/// A folder that the walk is in.
struct Open {
    entry: Entry,
    /// Whether it was made: those on the way to a wanted entry are made when there is one.
    made: bool,
}

struct Planner<'a> {
    restore: &'a Restore<'a>,
    cursor: ChunkCursor<'a>,
    window: Window,
    folders: Vec<Open>,
    /// The first name of each file that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
    /// Files whose paths are wanted and that were come to.
    files: u64,
    summary: Summary,
}

/// Why planning ends before the tree does.
enum Stop {
    Failed(RestoreError),
    /// The workers have failed: they say why.
    NobodyListens,
}

impl<E: Into<RestoreError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

pub fn run(restore: &Restore, windows: &SyncSender<Window>) -> Result<Summary, RestoreError> {
    let mut planner = Planner {
        restore,
        cursor: ChunkCursor::new(restore.reader),
        window: Window::default(),
        folders: Vec::new(),
        links: HashMap::new(),
        files: 0,
        summary: Summary::default(),
    };
    let mut stop = None;
    let touches = |from: Option<&[u8]>, to: Option<&[u8]>| restore.selection.touches(from, to);
    let walked = ChunkCursor::new(restore.reader).walk(restore.root, &touches, &mut |entry| {
        planner.entry(entry, windows).map_err(|why| {
            stop = Some(why);
            VaultError::Stopped { what: "the restore" }
        })
    });
    match stop {
        Some(Stop::Failed(error)) => return Err(error),
        Some(Stop::NobodyListens) => return Ok(planner.summary),
        None => walked?,
    }
    planner.leave_all_but(b"");
    match planner.send(windows) {
        Err(Stop::Failed(error)) => Err(error),
        _ => Ok(planner.summary),
    }
}

impl Planner<'_> {
    fn entry(&mut self, entry: Entry, windows: &SyncSender<Window>) -> Result<(), Stop> {
        if self.restore.interrupted.load(Ordering::Relaxed) {
            return Err(Stop::Failed(RestoreError::Interrupted));
        }
        let is_dir = entry.is_dir();
        let wanted = self.restore.selection.wants(&entry.path, is_dir) && self.wants_kind(&entry);
        self.leave_all_but(&entry.path);
        if is_dir {
            if wanted || self.restore.selection.may_lead(&entry.path) {
                self.folders.push(Open { entry, made: false });
                if wanted {
                    self.make_folders();
                }
            }
            return Ok(());
        }
        if !wanted {
            return Ok(());
        }
        self.make_folders();
        let path = entry.path.clone();
        match self.other(entry) {
            Ok(()) => {}
            Err(Stop::Failed(RestoreError::Target(error))) => self.failed(&path, &error.to_string()),
            Err(Stop::Failed(RestoreError::Vault(error))) if is_damage(&error) => {
                self.failed(&path, &error.to_string());
            }
            Err(stop) => return Err(stop),
        }
        let is_open = self.restore.in_place && self.restore.action == Action::Write;
        let most = if is_open { MAX_FILES_IN_PLACE } else { MAX_FILES };
        if self.window.parts.len() >= MAX_PARTS || self.window.files.len() >= most {
            self.send(windows)?;
        }
        Ok(())
    }

    /// Counts files on the way.
    fn wants_kind(&mut self, entry: &Entry) -> bool {
        if let Kind::File(_) = &entry.kind {
            let number = self.files;
            self.files += 1;
            return self.restore.selection.wants_number(number);
        }
        self.restore.selection.wants_all_kinds()
    }

    fn failed(&mut self, path: &[u8], what: &str) {
        self.summary.failed += 1;
        self.restore.monitor.problem(path, what);
    }

    fn send(&mut self, windows: &SyncSender<Window>) -> Result<(), Stop> {
        windows.send(std::mem::take(&mut self.window)).map_err(|_| Stop::NobodyListens)
    }

    /// Leaves the folders that `path` is not in. They are finished after this window.
    fn leave_all_but(&mut self, path: &[u8]) {
        while let Some(open) = self.folders.last() {
            let inside = path.strip_prefix(&*open.entry.path).is_some_and(|rest| rest.first() == Some(&b'/'));
            if inside {
                break;
            }
            if let Some(Open { entry, made: true }) = self.folders.pop() {
                self.window.folders.push(entry);
            }
        }
    }

    fn make_folders(&mut self) {
        for at in 0..self.folders.len() {
            let open = &mut self.folders[at];
            if open.made {
                continue;
            }
            open.made = true;
            self.summary.dirs += 1;
            if self.restore.action != Action::Write {
                continue;
            }
            if let Err(error) = self.restore.target.make_folder(&open.entry.path) {
                let path = open.entry.path.clone();
                self.failed(&path, &error.to_string());
            }
        }
    }

    /// An entry that is no folder.
    fn other(&mut self, entry: Entry) -> Result<(), Stop> {
        let Kind::File(content) = &entry.kind else {
            self.summary.others += 1;
            match self.restore.action {
                Action::Write => {
                    if !self.is_another_name(&entry) {
                        self.restore.target.make_special(&entry)?;
                        self.metadata(&entry)?;
                    }
                }
                Action::Look => {}
                Action::Verify => self.window.others.push(entry),
            }
            return Ok(());
        };
        self.summary.files += 1;
        self.summary.bytes += content.size;
        self.restore.monitor.found(1, content.size);
        if let Some(why) = &content.unread {
            self.summary.unread += 1;
            self.restore.monitor.problem(&entry.path, &format!("it could not be read when it was saved: {why}"));
            if self.restore.action == Action::Verify {
                self.restore.monitor.unread(self.files.saturating_sub(1));
            }
            return Ok(());
        }
        // Under each of its names it has to be the same.
        if self.restore.action != Action::Verify && self.is_another_name(&entry) {
            return Ok(());
        }
        if self.restore.in_place
            && self.restore.action == Action::Look
            && self.restore.target.matches(&entry).unwrap_or(false)
        {
            self.summary.already_right += 1;
            return Ok(());
        }
        self.file(entry)
    }

    /// Whether the entry is one more name of a file (or link, or fifo) that this restore has
    /// already: then it is linked to that when the window is done.
    fn is_another_name(&mut self, entry: &Entry) -> bool {
        let Some(links) = entry.links else { return false };
        let key = (links.device, links.inode);
        if let Some(first) = self.links.get(&key) {
            self.window.links.push((first.clone(), entry.path.clone()));
            return true;
        }
        self.links.insert(key, entry.path.clone());
        false
    }

    fn metadata(&mut self, entry: &Entry) -> Result<(), TargetError> {
        for problem in self.restore.target.apply_metadata(entry)? {
            self.summary.metadata_problems += 1;
            self.restore.monitor.note(&entry.path, &problem.to_string());
        }
        Ok(())
    }

    fn file(&mut self, entry: Entry) -> Result<(), Stop> {
        let number = self.window.files.len() as u32;
        let before = self.window.parts.len();
        let Kind::File(content) = &entry.kind else { return Ok(()) };
        if let Err(error) = self.parts(content, number) {
            self.window.parts.truncate(before);
            return Err(error);
        }
        let parts = (self.window.parts.len() - before) as u32;
        // It is counted already.
        let of_tree = self.files.saturating_sub(1);
        self.window.files.push(Task::new(entry, of_tree, parts));
        Ok(())
    }

    fn parts(&mut self, content: &Content, file: u32) -> Result<(), Stop> {
        let reader = self.restore.reader;
        let parts = &mut self.window.parts;
        let mut holes = content.holes.iter().peekable();
        let mut at = 0;
        let too_long = || VaultError::from(Malformed::new("file", "its chunks are longer than it is"));
        self.cursor.content_ids(content, &mut |id| {
            let place = reader.place(&id)?;
            let mut skip = 0;
            // A chunk may reach over holes: its bytes then go to several places.
            while skip < place.len {
                while let Some((_, len)) = holes.next_if(|(offset, _)| *offset == at) {
                    at += len;
                }
                let until = holes.peek().map_or(content.size, |(offset, _)| *offset);
                let len = u64::from(place.len - skip).min(until - at.min(until)) as u32;
                if len == 0 {
                    return Err(too_long());
                }
                parts.push(Part { id, place, skip, len, file, at });
                at += u64::from(len);
                skip += len;
            }
            Ok(())
        })?;
        for (offset, len) in holes {
            if *offset == at {
                at += len;
            }
        }
        if at == content.size {
            Ok(())
        } else {
            Err(VaultError::from(Malformed::new("file", "its chunks are shorter than it is")).into())
        }
    }
}
