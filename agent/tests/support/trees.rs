//! Trees of files: read into memory to be compared, and changed at random.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

/// What of an entry must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    mode: u32,
    mtime: (i64, i64),
    content: Vec<u8>,
    /// The first name of the same file.
    linked_to: Option<PathBuf>,
}

pub type Tree = BTreeMap<PathBuf, Seen>;

pub fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut inodes = BTreeMap::new();
    visit(root, root, &mut tree, &mut inodes);
    tree
}

fn visit(root: &Path, path: &Path, tree: &mut Tree, inodes: &mut BTreeMap<(u64, u64), PathBuf>) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let below = path.strip_prefix(root).unwrap().to_owned();
    let kind = metadata.file_type();
    let content = if kind.is_file() {
        fs::read(path).unwrap()
    } else if kind.is_symlink() {
        fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec()
    } else {
        Vec::new()
    };
    let linked_to = (kind.is_file() && metadata.nlink() > 1)
        .then(|| inodes.entry((metadata.dev(), metadata.ino())).or_insert_with(|| below.clone()).clone());
    let mtime = (metadata.mtime(), metadata.mtime_nsec());
    tree.insert(below, Seen { mode: metadata.mode(), mtime, content, linked_to });
    if kind.is_dir() {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.iter().for_each(|name| visit(root, name, tree, inodes));
    }
}

pub fn assert_same(saved: &Tree, restored: &Tree) {
    for (path, seen) in saved {
        let got = restored.get(path).unwrap_or_else(|| panic!("{} is missing", path.display()));
        assert_eq!(got.content.len(), seen.content.len(), "length of {}", path.display());
        assert!(got.content == seen.content, "content of {}", path.display());
        assert_eq!(
            (got.mode, got.mtime, &got.linked_to),
            (seen.mode, seen.mtime, &seen.linked_to),
            "{}",
            path.display()
        );
    }
    for path in restored.keys() {
        assert!(saved.contains_key(path), "{} was not saved", path.display());
    }
}

/// A change to a tree of a few names.
#[derive(Debug, Clone)]
pub enum Edit {
    Write { at: u8, seed: u8, len: u32 },
    Patch { at: u8, offset: u32, seed: u8, len: u16 },
    Truncate { at: u8, len: u32 },
    Remove(u8),
    Move(u8, u8),
    Link(u8, u8),
    Symlink(u8, u8),
    Folder(u8),
    Mode(u8, u16),
    Time(u8, u32),
}

pub fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let at = 0u8..24;
    let len = prop_oneof![4 => 0u32..3000, 2 => 0u32..40_000, 1 => 200_000u32..400_000];
    let edit = prop_oneof![
        6 => (at.clone(), any::<u8>(), len.clone()).prop_map(|(at, seed, len)| Edit::Write { at, seed, len }),
        3 => (at.clone(), 0u32..300_000, any::<u8>(), 1u16..5000)
            .prop_map(|(at, offset, seed, len)| Edit::Patch { at, offset, seed, len }),
        1 => (at.clone(), len).prop_map(|(at, len)| Edit::Truncate { at, len }),
        2 => at.clone().prop_map(Edit::Remove),
        1 => (at.clone(), at.clone()).prop_map(|(from, to)| Edit::Move(from, to)),
        1 => (at.clone(), at.clone()).prop_map(|(from, to)| Edit::Link(from, to)),
        1 => (at.clone(), at.clone()).prop_map(|(from, to)| Edit::Symlink(from, to)),
        1 => at.clone().prop_map(Edit::Folder),
        1 => (at.clone(), 0u16..0o777).prop_map(|(at, mode)| Edit::Mode(at, mode | 0o600)),
        1 => (at, any::<u32>()).prop_map(|(at, time)| Edit::Time(at, time)),
    ];
    proptest::collection::vec(edit, 1..most)
}

/// 24 names in four folders, of which one lies in another.
fn name(root: &Path, at: u8) -> PathBuf {
    let folder = ["a", "a/b", "a-b", "z"][usize::from(at % 4)];
    root.join(folder).join(format!("n{}", at / 4))
}

pub fn bytes(seed: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut out);
    // Half of the seeds give content that compresses.
    if seed.is_multiple_of(2) {
        out.iter_mut().for_each(|byte| *byte = b"pulih dan aman\n"[usize::from(*byte) % 15]);
    }
    out
}

/// Applies an edit; one that the tree as it is does not allow changes nothing.
pub fn apply(root: &Path, edit: &Edit) {
    let file = |at: u8| {
        let path = name(root, at);
        let _ = fs::create_dir_all(path.parent().unwrap());
        path
    };
    let _ = match *edit {
        Edit::Write { at, seed, len } => fs::write(file(at), bytes(seed, len as usize)),
        Edit::Patch { at, offset, seed, len } => patch(&file(at), offset as usize, &bytes(seed, usize::from(len))),
        Edit::Truncate { at, len } => {
            fs::File::options().write(true).open(file(at)).and_then(|file| file.set_len(u64::from(len)))
        }
        Edit::Remove(at) => fs::remove_file(file(at)).or_else(|_| fs::remove_dir_all(file(at))),
        Edit::Move(from, to) => fs::rename(file(from), file(to)),
        Edit::Link(from, to) => fs::hard_link(file(from), file(to)),
        Edit::Symlink(from, to) => symlink(name(Path::new(".."), from), file(to)),
        Edit::Folder(at) => fs::create_dir(file(at)).and_then(|()| fs::write(file(at).join("in"), b"in")),
        Edit::Mode(at, mode) => fs::set_permissions(file(at), fs::Permissions::from_mode(u32::from(mode))),
        Edit::Time(at, time) => fs::File::open(file(at)).and_then(|file| {
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(u64::from(time), time % 1_000_000_000))
        }),
    };
}

fn patch(path: &Path, offset: usize, with: &[u8]) -> std::io::Result<()> {
    let mut content = fs::read(path)?;
    let from = offset.min(content.len());
    let to = (from + with.len() / 2).min(content.len());
    content.splice(from..to, with.iter().copied());
    fs::write(path, content)
}
