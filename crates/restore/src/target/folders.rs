//! From a path in the snapshot to an open folder below the root. No symlink is ever followed on
//! the way, and a folder once found is used by its descriptor, so swapping its name does nothing.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Descriptors kept; a process may usually have 1,024.
const MOST_FOLDERS: usize = 256;
/// The kernel takes paths of at most 4,095 bytes; longer ones go in several pieces.
const MAX_PIECE_BYTES: usize = 4_000;

const FLAGS: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// An open folder below the root.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    /// The group of files made in it, if it hands down its own (set-group-id).
    pub(super) group: Option<u32>,
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Folder {
    pub(super) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let stat = rustix::fs::fstat(&fd)?;
        let hands_down = Mode::from_raw_mode(stat.st_mode).contains(Mode::SGID);
        let group = hands_down.then_some(stat.st_gid);
        Ok(Self { fd, group })
    }
}

/// The root of the target as the operator named it: a symlink there is theirs to give.
pub(super) fn open_root(dir: &std::path::Path) -> Result<Folder, Errno> {
    let flags = FLAGS.difference(OFlags::NOFOLLOW);
    Folder::new(rustix::fs::openat(CWD, dir, flags, Mode::empty())?)
}

/// Opens the folder `path`, which is a safe path, below `root`.
pub(super) fn open(root: BorrowedFd<'_>, path: &[u8]) -> Result<Folder, Errno> {
    let fd = match open_pieces(root, path, MAX_PIECE_BYTES, beneath) {
        // Kernels before 5.6 lack openat2, old container filters answer EPERM for it, and
        // EAGAIN says that the kernel could not rule out an escape: none of them refuses.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => open_pieces(root, path, 1, step),
        other => other,
    }?;
    Folder::new(fd)
}

fn beneath(at: BorrowedFd<'_>, piece: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(at, piece, FLAGS, Mode::empty(), resolve)
}

/// Safe for one part of a path only: `O_NOFOLLOW` watches no more than the last.
fn step(at: BorrowedFd<'_>, part: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, part, FLAGS, Mode::empty())
}

fn open_pieces(
    root: BorrowedFd<'_>,
    path: &[u8],
    max: usize,
    open: fn(BorrowedFd<'_>, &[u8]) -> Result<OwnedFd, Errno>,
) -> Result<OwnedFd, Errno> {
    let mut at = None;
    for piece in pieces(path, max) {
        let next = open(at.as_ref().map_or(root, AsFd::as_fd), piece)?;
        at = Some(next);
    }
    at.map_or_else(|| step(root, b"."), Ok)
}

/// `path` cut at slashes into pieces of at most `max` bytes, or of one part.
fn pieces(path: &[u8], max: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if rest.len() <= max {
            return Some(std::mem::take(&mut rest));
        }
        let slash = |window: &[u8]| window.iter().rposition(|&b| b == b'/');
        let end = slash(&rest[..=max]).or_else(|| rest.iter().position(|&b| b == b'/')).unwrap_or(rest.len());
        let piece = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(piece)
    })
}

/// The folders used last, by path.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    clock: u64,
    folders: HashMap<Vec<u8>, (Arc<Folder>, u64)>,
}

impl Cache {
    pub(super) fn get(&self, path: &[u8]) -> Option<Arc<Folder>> {
        let recent = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.clock += 1;
        let (folder, used) = recent.folders.get_mut(path)?;
        *used = recent.clock;
        Some(Arc::clone(folder))
    }

    pub(super) fn put(&self, path: &[u8], folder: &Arc<Folder>) {
        let recent = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.clock += 1;
        let oldest = || recent.folders.iter().min_by_key(|(_, (_, used))| *used);
        if recent.folders.len() >= MOST_FOLDERS
            && let Some(oldest) = oldest().map(|(path, _)| path.clone())
        {
            recent.folders.remove(&oldest);
        }
        let held = (Arc::clone(folder), recent.clock);
        recent.folders.insert(path.to_vec(), held);
    }

    pub(super) fn forget(&self, path: &[u8]) -> Option<Arc<Folder>> {
        let recent = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.folders.remove(path).map(|(folder, _)| folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(path: &[u8], max: usize) -> Vec<&[u8]> {
        pieces(path, max).collect()
    }

    #[test]
    fn pieces_end_at_slashes_and_lose_nothing() {
        assert_eq!(cut(b"", 4), Vec::<&[u8]>::new());
        assert_eq!(cut(b"a/b/c", 1), [b"a", b"b", b"c"]);
        assert_eq!(cut(b"aa/bb/cc", 5), [&b"aa/bb"[..], b"cc"]);
        assert_eq!(cut(b"long/x", 2), [&b"long"[..], b"x"]);
        assert_eq!(cut(b"long", 2), [b"long"]);
    }

    /// Both ways must refuse the same, as most machines only ever use the first.
    #[test]
    fn neither_way_follows_a_symlink() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let outside = tempfile::tempdir().expect("temporary folder");
        std::fs::create_dir_all(dir.path().join("a/b")).expect("folder");
        std::fs::create_dir(outside.path().join("b")).expect("folder");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("l")).expect("symlink");
        std::os::unix::fs::symlink("a", dir.path().join("inside")).expect("symlink");
        let root = open_root(dir.path()).expect("root");
        let stepwise = |path: &[u8]| open_pieces(root.as_fd(), path, 1, step);
        assert!(stepwise(b"a/b").is_ok() && open(root.as_fd(), b"a/b").is_ok());
        for path in [&b"l"[..], b"l/b", b"inside", b"inside/b"] {
            assert!(matches!(stepwise(path), Err(Errno::LOOP | Errno::NOTDIR)));
            assert!(matches!(open(root.as_fd(), path), Err(Errno::LOOP | Errno::NOTDIR)));
        }
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let folder = Arc::new(open_root(dir.path()).expect("root"));
        let cache = Cache::default();
        cache.put(b"used", &folder);
        for i in 0..2 * MOST_FOLDERS {
            cache.put(i.to_string().as_bytes(), &folder);
            assert!(cache.get(b"used").is_some());
        }
        assert!(cache.get(b"0").is_none());
        assert_eq!(cache.0.lock().expect("lock").folders.len(), MOST_FOLDERS);
        assert!(cache.forget(b"used").is_some() && cache.get(b"used").is_none());
    }
}
