//! Restoring in place: a file that is there already is written into only where it differs.
//! It must be that name's alone, as what is written would show under every other name too.

use pulih_vault::tree::entry::{Entry, Kind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::create::wrong_kind;
use super::{Target, TargetError, TargetFile};

impl Target {
    /// The file that is where `entry` belongs, to be read and changed. `None`: nothing is there
    /// now, as what was there could not be used and was removed; [`Target::create_file`] is next.
    pub fn open_existing(&self, entry: &Entry) -> Result<Option<TargetFile>, TargetError> {
        let Kind::File(_) = entry.kind else {
            return Err(wrong_kind(entry));
        };
        let (folder, name) = self.parent(&entry.path)?;
        let failed = |errno| TargetError::io("open the file", &entry.path, errno);
        // Asked first, because opening some devices does something.
        match rustix::fs::statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
            Ok(stat) if !self.may_reuse(&stat, entry) => {
                self.clear(&folder, name, &entry.path)?;
                return Ok(None);
            }
            Ok(_) => {}
        }
        // NONBLOCK: a fifo swapped in, or a lease that another process holds, must not hang.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        match rustix::fs::openat(&*folder, name, flags | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => {
                let stat = rustix::fs::fstat(&fd).map_err(failed)?;
                if self.may_reuse(&stat, entry) {
                    let allowed = self.birth_mode(&folder, entry) | Mode::RWXU;
                    let mode = Mode::from_raw_mode(stat.st_mode);
                    if !allowed.contains(mode) {
                        // Nobody may read the new content by rights that it will not have.
                        rustix::fs::fchmod(&fd, mode & allowed).map_err(failed)?;
                    }
                    let size = stat.st_size as u64;
                    return Ok(Some(TargetFile::existing(fd.into(), &entry.path, size)));
                }
            }
            Err(Errno::NOENT) => return Ok(None),
            // Swapped meanwhile, not readable for its owner, running, or leased: made anew.
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::ACCESS | Errno::TXTBSY | Errno::AGAIN) => {}
            Err(errno) => return Err(failed(errno)),
        }
        self.clear(&folder, name, &entry.path)?;
        Ok(None)
    }

    /// The file that is where `entry` belongs, to be read.
    pub fn open_to_read(&self, entry: &Entry) -> Result<TargetFile, TargetError> {
        let (folder, name) = self.parent(&entry.path)?;
        let failed = |errno| TargetError::io("open the file", &entry.path, errno);
        // NONBLOCK: a fifo in its place must not hang; it is no regular file, and refused.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&*folder, name, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(TargetError::contested(&entry.path));
        }
        Ok(TargetFile::existing(fd.into(), &entry.path, stat.st_size as u64))
    }

    /// Whether the file may be written into. Hard-linked files may not, even if the entry is
    /// hard-linked too: nothing proves that the other names are the snapshot's and not a file
    /// outside. Nor may files of other users, who may hold them open.
    fn may_reuse(&self, stat: &Stat, entry: &Entry) -> bool {
        let owner = stat.st_uid;
        let (wanted, _) = self.owners.wanted(entry);
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_nlink == 1
            && (owner == self.uid || (self.uid == 0 && owner == wanted))
    }
}
