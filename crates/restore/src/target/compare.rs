//! Whether what is there already is what the snapshot has, as far as metadata tells. Content is
//! not read: a file of the same size and time is taken for the same, as a backup does too.

use pulih_vault::tree::entry::{Entry, Kind, Timestamp};
use rustix::fs::{FileType, Stat, major, minor};
use rustix::io::Errno;

use super::metadata::{Node, open_node};
use super::{Target, TargetError, xattr};

impl Target {
    /// Whether type, size, symlink's target, device, mode, owner, time and attributes are those
    /// of `entry`. Nothing is changed; where a part of the path is missing, the answer is no.
    pub fn matches(&self, entry: &Entry) -> Result<bool, TargetError> {
        let failed = |errno| TargetError::io("compare", &entry.path, errno);
        let parent = match self.parent(&entry.path) {
            Err(TargetError::NotAFolder { .. }) => return Ok(false),
            Err(TargetError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(false);
            }
            parent => parent?,
        };
        let fd = match open_node(&parent.0, parent.1) {
            Err(Errno::NOENT) => return Ok(false),
            fd => fd.map_err(failed)?,
        };
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        let is_link = matches!(entry.kind, Kind::Link { .. });
        if !is_of_kind(&stat, &entry.kind)
            || (stat.st_uid, stat.st_gid) != self.owners.wanted(entry)
            || (!is_link && stat.st_mode & 0o7777 != entry.mode & 0o7777)
            || !same_time(&stat, entry.mtime)
        {
            return Ok(false);
        }
        if let Kind::Link { target } = &entry.kind {
            // Of the descriptor itself: the name may mean another by now.
            let found = rustix::fs::readlinkat(&fd, c"", Vec::new()).map_err(failed)?;
            if found.as_bytes() != target {
                return Ok(false);
            }
        }
        xattr::same(&Node::unopened(&fd), &entry.xattrs).map_err(failed)
    }

    /// Whether a symlink, fifo, socket or device like the entry's is there, under this name only
    /// unless the entry is hard-linked.
    pub(super) fn same_special(&self, entry: &Entry) -> Result<bool, TargetError> {
        let failed = |errno| TargetError::io("compare", &entry.path, errno);
        let (folder, name) = self.parent(&entry.path)?;
        let fd = match open_node(&folder, name) {
            Err(Errno::NOENT) => return Ok(false),
            fd => fd.map_err(failed)?,
        };
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        if !is_of_kind(&stat, &entry.kind) || (stat.st_nlink > 1 && entry.links.is_none()) {
            return Ok(false);
        }
        let Kind::Link { target } = &entry.kind else {
            return Ok(true);
        };
        let found = rustix::fs::readlinkat(&fd, c"", Vec::new()).map_err(failed)?;
        Ok(found.as_bytes() == target)
    }
}

/// Whether a file with this `stat` is of the kind, with the kind's size or device.
pub(super) fn is_of_kind(stat: &Stat, kind: &Kind) -> bool {
    let device = (major(stat.st_rdev), minor(stat.st_rdev));
    match (kind, FileType::from_raw_mode(stat.st_mode)) {
        (Kind::File(content), FileType::RegularFile) => stat.st_size as u64 == content.size,
        (Kind::Char { major, minor }, FileType::CharacterDevice)
        | (Kind::Block { major, minor }, FileType::BlockDevice) => device == (*major, *minor),
        (Kind::Dir, FileType::Directory)
        | (Kind::Link { .. }, FileType::Symlink)
        | (Kind::Fifo, FileType::Fifo)
        | (Kind::Socket, FileType::Socket) => true,
        _ => false,
    }
}

pub(super) fn same_time(stat: &Stat, time: Timestamp) -> bool {
    stat.st_mtime == time.seconds && stat.st_mtime_nsec == u64::from(time.nanoseconds)
}
