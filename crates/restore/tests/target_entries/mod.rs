//! Entries as a snapshot would have them, and a target with something beside it to be kept whole.

// Each test program uses some of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use pulih_restore::target::Target;
use pulih_vault::tree::entry::{Content, Entry, Kind, Timestamp};

pub fn of_kind(path: &[u8], kind: Kind) -> Entry {
    Entry {
        path: path.to_vec(),
        kind,
        mode: 0o640,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        user: None,
        group: None,
        mtime: Timestamp { seconds: 1_000_000_000, nanoseconds: 5 },
        links: None,
        xattrs: BTreeMap::new(),
        note: None,
    }
}

pub fn file(path: &[u8], content: &[u8]) -> Entry {
    let size = content.len() as u64;
    of_kind(path, Kind::File(Content { size, ..Content::default() }))
}

pub fn dir(path: &[u8]) -> Entry {
    let mut entry = of_kind(path, Kind::Dir);
    entry.mode = 0o750;
    entry
}

pub fn link(path: &[u8], target: &[u8]) -> Entry {
    let target = target.to_vec();
    of_kind(path, Kind::Link { target })
}

/// Makes the file anew with `bytes`; no metadata may fail.
pub fn write_file(target: &Target, entry: &Entry, bytes: &[u8]) {
    let file = target.create_file(entry).expect("create");
    file.write_at(0, bytes, false).expect("write");
    file.set_size(bytes.len() as u64).expect("size");
    let problems = target.finish_file(&file, entry).expect("metadata");
    assert!(problems.is_empty(), "{problems:?}");
}

/// Whether the test runs as root; says so when it does not.
pub fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("{test}: skipped: needs root");
    }
    root
}

pub struct Place {
    holder: tempfile::TempDir,
    pub target: Target,
    outside: Vec<(PathBuf, String)>,
}

impl Place {
    pub fn new() -> Self {
        let holder = tempfile::tempdir().expect("temporary folder");
        let target = Target::open(&holder.path().join("target")).expect("target");
        fs::create_dir(holder.path().join("outside")).expect("folder");
        fs::write(holder.path().join("outside/kept"), b"outside").expect("file");
        let mut place = Self { holder, target, outside: Vec::new() };
        place.outside = place.state_outside();
        place
    }

    pub fn inside(&self, path: &[u8]) -> PathBuf {
        self.holder.path().join("target").join(OsStr::from_bytes(path))
    }

    pub fn outside(&self) -> PathBuf {
        self.holder.path().join("outside")
    }

    pub fn outside_file(&self) -> PathBuf {
        self.outside().join("kept")
    }

    pub fn assert_outside_untouched(&self) {
        assert_eq!(self.state_outside(), self.outside);
    }

    /// All that a restore could change, in the folder outside and the one that holds both.
    fn state_outside(&self) -> Vec<(PathBuf, String)> {
        let mut paths = vec![self.outside()];
        for folder in [self.outside(), self.holder.path().to_owned()] {
            let listed = fs::read_dir(folder).expect("list");
            paths.extend(listed.map(|entry| entry.expect("entry").path()));
        }
        paths.retain(|path| !path.ends_with("target"));
        paths.sort();
        let state = |path: PathBuf| {
            let stat = fs::symlink_metadata(&path).expect("stat");
            let content = if stat.is_file() { fs::read(&path).expect("read") } else { Vec::new() };
            let (mode, time) = (stat.mode(), (stat.mtime(), stat.mtime_nsec()));
            let owner = (stat.uid(), stat.gid());
            (path, format!("{mode:o} {owner:?} {time:?} {content:?}"))
        };
        paths.into_iter().map(state).collect()
    }
}
