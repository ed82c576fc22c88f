//! Reads one folder: its names, and what each of them is. What cannot be read or is not wanted
//! is noted, and what has vanished meanwhile was never there; nothing else is left out.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};

use pulih_vault::tree::name::{MAX_PART_BYTES, MAX_PATH_BYTES};
use rustix::fs::{AtFlags, FileType, OFlags, RawDir, fstat, statat};
use rustix::io::Errno;

use super::ahead::Slot;
use super::content::{self, open_quietly};
use super::listing::{Item, Listing, Place, Skip, Step, Sub};
use super::roots::Scope;
use super::stat::Stat;
use super::walk::WalkOptions;

const CACHE_TAG: &CStr = c"CACHEDIR.TAG";

#[derive(Debug)]
pub(super) enum Outcome {
    /// With what is to be told of it before its items.
    Listed(Arc<Listing>, Vec<Step>),
    Refused(Skip),
    Vanished,
    Failed(io::Error),
}

/// Reads folders, one after the other. Its buffers are used again for each.
pub(super) struct Scanner {
    options: Arc<WalkOptions>,
    buffer: Vec<MaybeUninit<u8>>,
    raw: Vec<Raw>,
    by_inode: Vec<(u64, u32)>,
    /// What each of `raw` is; apart from it, since that is sorted. With whether it was followed.
    known: Vec<Result<(Stat, bool), Errno>>,
    path: Vec<u8>,
}

/// A name of a folder, before anything else is known of it.
struct Raw {
    /// The first bytes of the name: most comparisons need no more.
    key: u64,
    at: usize,
    len: usize,
    inode: u64,
}

impl Raw {
    fn name<'a>(&self, names: &'a [u8]) -> &'a CStr {
        CStr::from_bytes_with_nul(&names[self.at..=self.at + self.len]).unwrap_or(c"")
    }

    fn bytes<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        &names[self.at..self.at + self.len]
    }
}

impl Scanner {
    pub fn new(options: Arc<WalkOptions>) -> Self {
        Self {
            options,
            buffer: vec![MaybeUninit::uninit(); 64 << 10],
            raw: Vec::new(),
            by_inode: Vec::new(),
            known: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Opens and reads the folder that is `parent`'s sub of this number.
    pub fn enter(&mut self, parent: &Listing, sub: usize) -> Outcome {
        let sub = &parent.subs[sub];
        let item = &parent.items[sub.item as usize];
        let name = parent.name(item);
        if let Some(why) = self.refuses(&item.stat, &sub.scope) {
            return Outcome::Refused(why);
        }
        // Of a folder on the way to a root nothing is read, so that it needs no permission.
        let access = if sub.scope.whole.is_some() { OFlags::RDONLY } else { OFlags::PATH };
        let nofollow = if item.followed { OFlags::empty() } else { OFlags::NOFOLLOW };
        let opened = open_quietly(&parent.fd, name, access | nofollow | OFlags::DIRECTORY)
            .and_then(|fd| fstat(&fd).map(|stat| (fd, Stat::from(stat))));
        match opened {
            Err(Errno::NOENT) => Outcome::Vanished,
            Err(error) => Outcome::Failed(error.into()),
            // Asked again, since opening it may have mounted something on it.
            Ok((fd, stat)) => match self.refuses(&stat, &sub.scope) {
                Some(why) => Outcome::Refused(why),
                None => self.read(fd, parent.place.below(name), &sub.scope),
            },
        }
    }

    fn refuses(&self, stat: &Stat, scope: &Scope) -> Option<Skip> {
        if self.options.skip.contains(&(stat.device, stat.inode)) {
            return Some(Skip::Own);
        }
        let elsewhere = scope.whole.is_some_and(|device| device != stat.device);
        (elsewhere && self.options.one_file_system).then_some(Skip::OtherFileSystem)
    }

    /// Reads the open folder `fd`.
    pub fn read(&mut self, fd: OwnedFd, place: Place, scope: &Scope) -> Outcome {
        let mut names = Vec::new();
        let mut notes = Vec::new();
        self.raw.clear();
        if scope.whole.is_some()
            && let Err(error) = self.list(&fd, &mut names)
        {
            let path = folder_path(&place);
            notes.push(Step::Unreadable { path, error: error.into() });
        }
        // Roots below are there even if their folder does not show them.
        for name in scope.node.iter().flat_map(|node| node.children.keys()) {
            self.add_name(name, 0, &mut names);
        }
        self.raw.sort_unstable_by(|a, b| a.key.cmp(&b.key).then_with(|| a.bytes(&names).cmp(b.bytes(&names))));
        // A file system that changes while it is listed may give a name twice.
        self.raw.dedup_by(|a, b| a.key == b.key && a.bytes(&names) == b.bytes(&names));
        if scope.whole.is_some() && self.options.exclude_caches && self.is_cache(&fd, &names) {
            let named = |raw: &Raw| {
                let name = raw.name(&names);
                name == CACHE_TAG || scope.node.as_ref().is_some_and(|node| node.children.contains_key(name))
            };
            self.raw.retain(named);
            notes.push(Step::Skipped { path: folder_path(&place), why: Skip::Cache });
        }
        self.stat_all(&fd, &names, scope);
        let (items, subs) = self.sift(&names, &place, scope, &mut notes);
        Outcome::Listed(Arc::new(Listing { fd, place, names, items, subs }), notes)
    }

    fn list(&mut self, fd: &OwnedFd, names: &mut Vec<u8>) -> Result<(), Errno> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut folder = RawDir::new(fd, &mut buffer);
        let result = loop {
            match folder.next() {
                // Removed since it was opened: then it is empty.
                None | Some(Err(Errno::NOENT)) => break Ok(()),
                Some(Err(Errno::INTR)) => {}
                Some(Err(error)) => break Err(error),
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    if name != c"." && name != c".." {
                        self.add_name(name, entry.ino(), names);
                    }
                }
            }
        };
        self.buffer = buffer;
        result
    }

    fn add_name(&mut self, name: &CStr, inode: u64, names: &mut Vec<u8>) {
        let (at, len) = (names.len(), name.count_bytes());
        names.extend_from_slice(name.to_bytes_with_nul());
        let mut key = [0; 8];
        let shared = len.min(8);
        key[..shared].copy_from_slice(&name.to_bytes()[..shared]);
        self.raw.push(Raw { key: u64::from_be_bytes(key), at, len, inode });
    }

    fn is_cache(&self, fd: &OwnedFd, names: &[u8]) -> bool {
        self.raw.binary_search_by(|raw| raw.bytes(names).cmp(CACHE_TAG.to_bytes())).is_ok()
            && content::is_cache_tag(fd, CACHE_TAG)
    }

    /// In the order of inodes, which is how a disk with heads holds them.
    fn stat_all(&mut self, fd: &OwnedFd, names: &[u8], scope: &Scope) {
        self.by_inode.clear();
        self.by_inode.extend(self.raw.iter().enumerate().map(|(i, raw)| (raw.inode, i as u32)));
        self.by_inode.sort_unstable();
        self.known.clear();
        self.known.resize(self.raw.len(), Err(Errno::NOENT));
        for &(_, i) in &self.by_inode {
            let name = self.raw[i as usize].name(names);
            let stat = |flags| statat(fd.as_fd(), name, flags).map(Stat::from);
            let mut known = stat(AtFlags::SYMLINK_NOFOLLOW).map(|stat| (stat, false));
            if known.is_ok_and(|(stat, _)| stat.file_type() == FileType::Symlink) && is_on_the_way(scope, name) {
                known = stat(AtFlags::empty()).map(|stat| (stat, true));
            }
            self.known[i as usize] = known;
        }
    }

    /// The items that are entries of the snapshot, and of these the folders to be entered.
    fn sift(&mut self, names: &[u8], place: &Place, scope: &Scope, notes: &mut Vec<Step>) -> (Vec<Item>, Vec<Sub>) {
        let mut items = Vec::with_capacity(self.raw.len());
        let mut subs = Vec::new();
        let excludes = &self.options.excludes;
        for (raw, known) in self.raw.iter().zip(&self.known) {
            let name = raw.bytes(names);
            let path = || {
                let mut path = Vec::new();
                place.write_path(name, &mut path);
                path
            };
            let (stat, followed) = match *known {
                Ok(known) => known,
                Err(Errno::NOENT) if scope.whole.is_some() => continue,
                Err(error) => {
                    notes.push(Step::Unreadable { path: path(), error: error.into() });
                    continue;
                }
            };
            if raw.len > MAX_PART_BYTES || place.len_below(raw.len) > MAX_PATH_BYTES {
                notes.push(Step::Skipped { path: path(), why: Skip::TooLong });
                continue;
            }
            if !excludes.is_empty() {
                place.write_path(name, &mut self.path);
                if excludes.matches(&self.path, stat.is_dir()) {
                    notes.push(Step::Skipped { path: path(), why: Skip::Excluded });
                    continue;
                }
            }
            if stat.is_dir() {
                let scope = scope_below(scope, raw.name(names), &stat, self.options.one_file_system);
                let slot = Mutex::new(Slot::Idle);
                subs.push(Sub { item: items.len() as u32, scope, slot });
            }
            let name_len = raw.len as u16;
            items.push(Item { name_at: raw.at, name_len, followed, stat });
        }
        (items, subs)
    }
}

/// Whether a root was named below `name`.
fn is_on_the_way(scope: &Scope, name: &CStr) -> bool {
    let node = scope.node.as_ref().and_then(|node| node.children.get(name));
    node.is_some_and(|node| !node.children.is_empty())
}

/// What of the folder `name` is wanted, of which `scope` is wanted here.
fn scope_below(scope: &Scope, name: &CStr, stat: &Stat, one_file_system: bool) -> Scope {
    let node = scope.node.as_ref().and_then(|node| node.children.get(name)).cloned();
    let whole = match &node {
        // A root has a file system of its own, also inside another root.
        Some(node) if node.is_root => Some(stat.device),
        // On the way to a root on another file system: only the way.
        Some(_) if one_file_system && scope.whole != Some(stat.device) => None,
        _ => scope.whole,
    };
    Scope { whole, node }
}

fn folder_path(place: &Place) -> Vec<u8> {
    let mut path = Vec::new();
    place.write_path(b"", &mut path);
    path.pop();
    path
}
