//! Giving a restored entry its metadata, through a descriptor of the entry itself. Calls that
//! would change nothing are left out: with 200,000 small files each one counts.
//!
//! The order matters. Changing the owner clears set-id bits and capabilities, so it comes first.
//! Attributes come before the mode: an ACL limits what the mode's group bits give and may change
//! the mode, and only who may write to a file may set its `user.` attributes. The time is last;
//! a file that has it was restored to its end.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use pulih_vault::tree::entry::{Entry, Kind};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, Timespec, Timestamps, XattrFlags};
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;

use super::compare::{is_of_kind, same_time};
use super::create::wrong_kind;
use super::{ACCESS_ACL, Folder, MetadataProblem, Target, TargetError, TargetFile, xattr};

const SET_ID: u32 = 0o6000;

impl Target {
    /// The metadata of a file whose content is complete.
    pub fn finish_file(&self, file: &TargetFile, entry: &Entry) -> Result<Vec<MetadataProblem>, TargetError> {
        self.apply(&Node::opened(file.as_fd()), entry)
    }

    /// The metadata of a folder, when nothing more is made in it.
    pub fn finish_folder(&self, entry: &Entry) -> Result<Vec<MetadataProblem>, TargetError> {
        let Kind::Dir = entry.kind else {
            return Err(wrong_kind(entry));
        };
        let folder = match self.folders.forget(&entry.path) {
            Some(folder) => folder,
            None => self.open_folder(&entry.path)?.into(),
        };
        self.apply(&Node::opened(folder.as_fd()), entry)
    }

    /// The metadata of what is there under the entry's name: a symlink, fifo, socket, device,
    /// or a file whose content is right.
    pub fn apply_metadata(&self, entry: &Entry) -> Result<Vec<MetadataProblem>, TargetError> {
        let (folder, name) = self.parent(&entry.path)?;
        let failed = |errno| TargetError::io("find", &entry.path, errno);
        let fd = open_node(&folder, name).map_err(failed)?;
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        let elsewhere = stat.st_nlink > 1 && entry.links.is_none() && entry.kind != Kind::Dir;
        if elsewhere || !is_of_kind(&stat, &entry.kind) {
            return Err(TargetError::contested(&entry.path));
        }
        self.apply(&Node::unopened(&fd), entry)
    }

    fn apply(&self, node: &Node<'_>, entry: &Entry) -> Result<Vec<MetadataProblem>, TargetError> {
        let failed = |errno| TargetError::io("read the metadata of", &entry.path, errno);
        let stat = rustix::fs::fstat(node.fd).map_err(failed)?;
        let mut problems = Vec::new();
        let wanted = self.owners.wanted(entry);
        let owner = set_owner(node, &stat, wanted, &mut problems);
        let mut touched = owner != (stat.st_uid, stat.st_gid);

        let present = xattr::names(node).map_err(failed)?;
        touched |= xattr::restore(node, &present, &entry.xattrs, &mut problems);
        if !matches!(entry.kind, Kind::Link { .. }) {
            let mode = allowed_mode(entry, wanted, owner, &mut problems);
            set_mode(node, &stat, touched, mode, &mut problems);
        }
        set_time(node, &stat, entry, &mut problems);
        Ok(problems)
    }
}

/// Returns the owner that it has now.
fn set_owner(node: &Node<'_>, stat: &Stat, (uid, gid): (u32, u32), problems: &mut Vec<MetadataProblem>) -> (u32, u32) {
    let current = (stat.st_uid, stat.st_gid);
    if current == (uid, gid) {
        return current;
    }
    let result = match (uid, gid) {
        // To the kernel this number means "leave it".
        (u32::MAX, _) | (_, u32::MAX) => Err(Errno::INVAL),
        _ => node.set_owner(Some(uid), Some(gid)),
    };
    match result {
        Ok(()) => (uid, gid),
        Err(errno) => {
            problems.push(MetadataProblem::Owner(errno.into()));
            // A user may give a file to another of their groups, but not to another user.
            let may = errno == Errno::PERM && gid != current.1;
            if may && node.set_owner(None, Some(gid)).is_ok() {
                return (current.0, gid);
            }
            current
        }
    }
}

/// The entry's mode without what would be wrong to give while something else is not right.
fn allowed_mode(entry: &Entry, wanted: (u32, u32), owner: (u32, u32), problems: &mut Vec<MetadataProblem>) -> u32 {
    let mut mode = entry.mode & 0o7777;
    // Set-id bits run a program with its owner's rights: never with those of another owner.
    let mut wrong = 0;
    if owner.0 != wanted.0 {
        wrong |= mode & 0o4000;
    }
    if owner.1 != wanted.1 {
        wrong |= mode & 0o2000;
    }
    if wrong != 0 && entry.kind != Kind::Dir {
        mode &= !wrong;
        let why = "its set-id bit was left out, as it has another owner here";
        let why = io::Error::new(io::ErrorKind::PermissionDenied, why);
        problems.push(MetadataProblem::Mode(why));
    }
    // The group bits of a file with an ACL are the most that the ACL gives to anyone; without
    // the ACL they would give that to the whole group.
    let no_acl = |problem: &MetadataProblem| match problem {
        MetadataProblem::Xattr { name, .. } => name == ACCESS_ACL,
        _ => false,
    };
    if entry.xattrs.contains_key(ACCESS_ACL) && problems.iter().any(no_acl) {
        mode &= !0o070;
    }
    mode
}

fn set_mode(node: &Node<'_>, stat: &Stat, touched: bool, mode: u32, problems: &mut Vec<MetadataProblem>) {
    if !touched && stat.st_mode & 0o7777 == mode {
        return;
    }
    let set = || {
        node.set_mode(Mode::from_raw_mode(mode))?;
        // The kernel drops a set-group-id bit of a group that is not the user's, and says nothing.
        let kept = mode & SET_ID == 0 || rustix::fs::fstat(node.fd)?.st_mode & 0o7777 == mode;
        if kept { Ok(()) } else { Err(Errno::PERM) }
    };
    if let Err(errno) = set() {
        problems.push(MetadataProblem::Mode(errno.into()));
    }
}

fn set_time(node: &Node<'_>, stat: &Stat, entry: &Entry, problems: &mut Vec<MetadataProblem>) {
    if same_time(stat, entry.mtime) {
        return;
    }
    let set = || {
        // Higher numbers have other meanings: now, or leave it.
        if entry.mtime.nanoseconds >= 1_000_000_000 {
            return Err(Errno::INVAL);
        }
        node.set_times(&Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
            last_modification: Timespec { tv_sec: entry.mtime.seconds, tv_nsec: i64::from(entry.mtime.nanoseconds) },
        })
    };
    if let Err(errno) = set() {
        problems.push(MetadataProblem::Time(errno.into()));
    }
}

/// A descriptor of what is at `name`, be it a symlink, without opening it.
pub(super) fn open_node(folder: &Folder, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::empty())
}

/// An entry on the disk, held by a descriptor so that it stays the same one.
pub(super) struct Node<'fd> {
    pub(super) fd: BorrowedFd<'fd>,
    /// For a descriptor of an entry that is not open, the name under which calls take it: the
    /// kernel goes from there to the entry itself and, if it is a symlink, no further.
    proc: Option<String>,
}

/// The call on the descriptor, or the one on the name.
macro_rules! on {
    ($node:expr, $by_fd:path, $by_name:path, $($arg:expr),*) => {
        match &$node.proc {
            None => $by_fd($node.fd, $($arg),*),
            Some(name) => $by_name(name.as_str(), $($arg),*),
        }
    };
}

impl<'fd> Node<'fd> {
    pub(super) fn opened(fd: BorrowedFd<'fd>) -> Self {
        Self { fd, proc: None }
    }

    pub(super) fn unopened(fd: &'fd OwnedFd) -> Self {
        let proc = Some(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        Self { fd: fd.as_fd(), proc }
    }

    fn set_owner(&self, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        rustix::fs::chownat(self.fd, c"", uid, gid, AtFlags::EMPTY_PATH)
    }

    pub(super) fn set_mode(&self, mode: Mode) -> Result<(), Errno> {
        on!(self, rustix::fs::fchmod, rustix::fs::chmod, mode)
    }

    fn set_times(&self, times: &Timestamps) -> Result<(), Errno> {
        match &self.proc {
            None => rustix::fs::futimens(self.fd, times),
            Some(name) => rustix::fs::utimensat(CWD, name.as_str(), times, AtFlags::empty()),
        }
    }

    pub(super) fn list_xattrs(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        on!(self, rustix::fs::flistxattr, rustix::fs::listxattr, buffer)
    }

    pub(super) fn get_xattr(&self, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
        on!(self, rustix::fs::fgetxattr, rustix::fs::getxattr, name, buffer)
    }

    pub(super) fn set_xattr(&self, name: &[u8], value: &[u8], flags: XattrFlags) -> Result<(), Errno> {
        on!(self, rustix::fs::fsetxattr, rustix::fs::setxattr, name, value, flags)
    }

    pub(super) fn remove_xattr(&self, name: &[u8]) -> Result<(), Errno> {
        on!(self, rustix::fs::fremovexattr, rustix::fs::removexattr, name)
    }
}
