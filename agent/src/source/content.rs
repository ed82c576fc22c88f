//! A file's content, opened without changing the file or being led elsewhere: what is read is
//! what the walk found, or an error.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom as From};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{CWD, Mode, OFlags, SeekFrom, fstat, openat, seek};
use rustix::io::Errno;

use super::listing::Found;
use super::stat::Stat;

/// Holes from this size on are left out of the content.
pub const MIN_HOLE: u64 = 256 << 10;
/// Most holes that are left out; in the rest of the file they are read as zeros.
pub const MAX_HOLES: usize = 1_024;

const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Under the name there is another file by now, or something that is none.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it was replaced by something else")]
pub struct Replaced;

/// Whether the error says that what the walk found is not there any more.
pub fn is_vanished(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.get_ref().and_then(|inner| inner.downcast_ref::<Replaced>()).is_some()
}

/// Opens a regular file that the walk found.
pub fn open(found: &Found) -> io::Result<File> {
    let replaced = || io::Error::other(Replaced);
    let opened = match open_quietly(found.folder(), found.name(), OFlags::NOFOLLOW) {
        // Somebody holds a lease on it, as a file server does for its clients.
        Err(Errno::WOULDBLOCK) => open_leased(found)?,
        // A link or a socket by now.
        Err(Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Err(replaced()),
        opened => opened?,
    };
    let now = Stat::from(fstat(&opened)?);
    if !now.is_file() || !now.is_same_file(found.stat()) {
        return Err(replaced());
    }
    Ok(opened.into())
}

/// Waits until the lease is given up. Only a regular file may be waited for, a pipe might never
/// be opened: so what is opened is what was looked at, not what has the name now.
fn open_leased(found: &Found) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = openat(found.folder(), found.name(), flags, Mode::empty())?;
    if !Stat::from(fstat(&place)?).is_file() {
        return Err(io::Error::other(Replaced));
    }
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    Ok(openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens without waiting and, where that is allowed, without a mark that it was read: else a
/// backup would make every file look used.
pub(super) fn open_quietly(folder: impl AsFd, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = |flags| loop {
        match openat(folder.as_fd(), name, flags, Mode::empty()) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    };
    // Only reading leaves a mark.
    if flags.contains(OFlags::PATH) {
        return open(flags);
    }
    match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => open(flags),
        other => other,
    }
}

/// Whether this is the mark of a folder whose content can be made again.
pub(super) fn is_cache_tag(folder: impl AsFd, name: &CStr) -> bool {
    let Ok(fd) = open_quietly(folder, name, OFlags::NOFOLLOW) else { return false };
    if !fstat(&fd).is_ok_and(|stat| Stat::from(stat).is_file()) {
        return false;
    }
    let mut start = [0; CACHE_SIGNATURE.len()];
    File::from(fd).read_exact_at(&mut start, 0).is_ok() && start == CACHE_SIGNATURE
}

/// What of a file is to be read: data and holes (offset and length), ascending; together they
/// are all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extents {
    /// With the holes that are not left out.
    pub data: Vec<(u64, u64)>,
    pub holes: Vec<(u64, u64)>,
    /// There is a hole, of whatever size.
    pub sparse: bool,
}

/// Where `file`, of which `stat` is known, has data. Its position is at its start afterwards.
pub fn extents(file: &File, stat: &Stat) -> io::Result<Extents> {
    let mut extents = Extents::default();
    // Without this, each file would cost two calls more.
    if stat.blocks.saturating_mul(512) < stat.size {
        extents.find_holes(file, stat.size)?;
        let mut file = file;
        file.seek(From::Start(0))?;
    }
    extents.fill_data(stat.size);
    Ok(extents)
}

impl Extents {
    /// Of a file of `size` bytes whose `holes` are known.
    pub fn around(holes: Vec<(u64, u64)>, size: u64) -> Self {
        let mut extents = Self { sparse: !holes.is_empty(), holes, data: Vec::new() };
        extents.fill_data(size);
        extents
    }

    fn find_holes(&mut self, file: &File, size: u64) -> io::Result<()> {
        let mut at = 0;
        while at < size && self.holes.len() < MAX_HOLES {
            let hole = match seek(file, SeekFrom::Hole(at)) {
                Ok(hole) => hole,
                // This file system does not tell holes, or the file is shorter by now.
                Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NXIO) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if hole >= size {
                return Ok(());
            }
            let end = match seek(file, SeekFrom::Data(hole)) {
                Ok(data) => data.min(size),
                Err(Errno::NXIO) => size,
                Err(error) => return Err(error.into()),
            };
            self.sparse = true;
            if end - hole >= MIN_HOLE {
                self.holes.push((hole, end - hole));
            }
            // If data is written into the hole meanwhile, the search must go on all the same.
            at = end.max(at + 1);
        }
        Ok(())
    }

    fn fill_data(&mut self, size: u64) {
        let mut at = 0;
        for &(hole, length) in &self.holes {
            if hole > at {
                self.data.push((at, hole - at));
            }
            at = hole + length;
        }
        if size > at {
            self.data.push((at, size - at));
        }
    }
}

/// Whether a file, as far as the system tells, is the same and has not been written between.
pub fn is_stable(before: &Stat, after: &Stat) -> bool {
    before.is_same_file(after)
        && before.file_type() == after.file_type()
        && (before.size, before.mtime, before.ctime) == (after.size, after.mtime, after.ctime)
}
