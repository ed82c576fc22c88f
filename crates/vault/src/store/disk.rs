//! What the directory store asks of a disk: the exact primitives, and nothing about how a
//! crash-safe commit is made of them. Every change the store makes goes through here, so that a
//! simulated disk can stand in and lose power at any of them.

use std::io;
use std::path::Path;

/// What an entry of a folder is, itself: links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Dir,
    Other,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub kind: EntryKind,
}

/// A folder on a disk. Paths are relative to it, with slashes between parts; the empty path is
/// the folder itself. No part of a path is ever followed if it is a symbolic link.
pub trait Disk: Send + Sync + 'static {
    /// A file being written. Dropping it closes it and releases its lock; without a name it
    /// is then gone.
    type Temp: Send;
    /// A file opened for reading.
    type Object;

    /// Where this is, for error messages.
    fn place(&self) -> &Path;

    /// Makes one folder; an error of kind `AlreadyExists` if anything has the name.
    fn make_dir(&self, path: &str) -> io::Result<()>;

    /// Makes the entries of a folder durable.
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// Entries of a folder, without those whose names are not UTF-8.
    fn list_dir(&self, path: &str) -> io::Result<Vec<Entry>>;

    /// Opens a new file without a name. An error of kind `Unsupported` if this disk cannot.
    fn open_unnamed(&self) -> io::Result<Self::Temp>;

    /// Makes a new file with a name and locks it. An error of kind `WouldBlock` if a sweep of
    /// leftovers got in between, which has then removed the file.
    fn open_locked(&self, path: &str) -> io::Result<Self::Temp>;

    /// Locks an existing file. An error of kind `WouldBlock` if its writer still has it locked.
    fn lock_leftover(&self, path: &str) -> io::Result<Self::Temp>;

    /// Appends some of the bytes and says how many.
    fn write(&self, temp: &mut Self::Temp, bytes: &[u8]) -> io::Result<usize>;

    /// Makes the contents of a file durable and the file read-only.
    fn sync_file(&self, temp: &mut Self::Temp) -> io::Result<()>;

    /// Gives a file a (further) name; an error of kind `AlreadyExists` if anything has it.
    fn link(&self, temp: &Self::Temp, path: &str) -> io::Result<()>;

    /// Gives what has a name another one; an error of kind `AlreadyExists` if anything has that.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name of a file.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Size of a regular file; `IsADirectory` for a folder, another error for anything else.
    fn size(&self, path: &str) -> io::Result<u64>;

    /// Opens a regular file and says its size; errors as for [`Disk::size`].
    fn open(&self, path: &str) -> io::Result<(Self::Object, u64)>;

    /// Reads some bytes at an offset and says how many; none at the end of the file.
    fn read_at(&self, object: &Self::Object, into: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// The folder a path is in, and its name there.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
