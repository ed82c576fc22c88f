//! Making what the snapshot has. What is in the way is removed by its name and never opened or
//! followed; a folder that holds something is never removed.

use pulih_vault::tree::entry::{Entry, Kind};
use pulih_vault::tree::name;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, makedev};
use rustix::io::Errno;

use super::metadata::Node;
use super::{Folder, Target, TargetError, TargetFile};

/// How often a name is cleared for something to be made there. Each further time, another
/// program put something there within microseconds.
const MOST_TRIES: usize = 16;
const FOLDER_MODE: Mode = Mode::RWXU;

impl Target {
    /// Makes the folder `path`, for its owner alone until [`Target::finish_folder`]. Its parent
    /// must be there. Returns whether it is new.
    pub fn make_folder(&self, path: &[u8]) -> Result<bool, TargetError> {
        self.put(path, "make the folder", |folder, name| match rustix::fs::mkdirat(folder, name, FOLDER_MODE) {
            Err(Errno::EXIST) => {
                let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(vanished)?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                    return Err(Errno::EXIST);
                }
                self.let_in(folder, name, &stat)?;
                Ok(false)
            }
            made => made.map(|()| true),
        })
    }

    /// Makes an empty file, in place of what is there.
    pub fn create_file(&self, entry: &Entry) -> Result<TargetFile, TargetError> {
        let Kind::File(_) = entry.kind else {
            return Err(wrong_kind(entry));
        };
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let fd = self.put(&entry.path, "make the file", |folder, name| {
            rustix::fs::openat(folder, name, flags, self.birth_mode(folder, entry))
        })?;
        Ok(TargetFile::fresh(fd.into(), &entry.path))
    }

    /// Makes a symlink, fifo, socket or device, unless the same is there. Returns whether it is
    /// new. A socket is only its name: nobody listens.
    pub fn make_special(&self, entry: &Entry) -> Result<bool, TargetError> {
        if matches!(entry.kind, Kind::File(_) | Kind::Dir) {
            return Err(wrong_kind(entry));
        }
        if self.same_special(entry)? {
            return Ok(false);
        }
        let made = self.put(&entry.path, "make", |folder, name| {
            let mode = self.birth_mode(folder, entry);
            let node = |kind, device| rustix::fs::mknodat(folder, name, kind, mode, device);
            match &entry.kind {
                Kind::Link { target } => rustix::fs::symlinkat(target, folder, name),
                Kind::Fifo => node(FileType::Fifo, 0),
                Kind::Socket => node(FileType::Socket, 0),
                Kind::Char { major, minor } => node(FileType::CharacterDevice, makedev(*major, *minor)),
                Kind::Block { major, minor } => node(FileType::BlockDevice, makedev(*major, *minor)),
                Kind::File(_) | Kind::Dir => Err(Errno::INVAL),
            }
        });
        let device = matches!(entry.kind, Kind::Char { .. } | Kind::Block { .. });
        match made {
            Err(TargetError::Io { path, source, .. })
                if device && source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Err(TargetError::NeedsRoot { path })
            }
            made => made.map(|()| true),
        }
    }

    /// Makes `path` another name of `first`, which was restored before, unless it is already.
    /// Returns whether it is new.
    pub fn hard_link(&self, first: &[u8], path: &[u8]) -> Result<bool, TargetError> {
        let (of, of_name) = self.parent(first)?;
        self.put(path, "make a hard link at", |folder, name| {
            // No AT_SYMLINK_FOLLOW: a symlink swapped in at `first` would be linked itself.
            match rustix::fs::linkat(&*of, of_name, folder, name, AtFlags::empty()) {
                Err(Errno::EXIST) => {
                    let is = |folder, name| {
                        rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                            .map(|stat| (stat.st_dev, stat.st_ino))
                    };
                    let same = is(&*of, of_name)? == is(folder, name).map_err(vanished)?;
                    if same { Ok(false) } else { Err(Errno::EXIST) }
                }
                made => made.map(|()| true),
            }
        })
    }

    /// Calls `make` in the folder of `path`, clearing the way as long as it answers `EXIST`.
    fn put<T>(
        &self,
        path: &[u8],
        doing: &'static str,
        make: impl Fn(&Folder, &[u8]) -> Result<T, Errno>,
    ) -> Result<T, TargetError> {
        let (folder, name) = self.parent(path)?;
        for _ in 0..MOST_TRIES {
            match make(&folder, name) {
                Err(Errno::EXIST) => self.clear(&folder, name, path)?,
                made => return made.map_err(|errno| TargetError::io(doing, path, errno)),
            }
        }
        Err(TargetError::contested(path))
    }

    /// Removes the name `name`; whether it is a folder is asked of the removal itself, so that
    /// nothing can change in between.
    pub(super) fn clear(&self, folder: &Folder, name: &[u8], path: &[u8]) -> Result<(), TargetError> {
        let remove = |flags| rustix::fs::unlinkat(folder, name, flags);
        let removed = match remove(AtFlags::empty()) {
            Err(Errno::ISDIR) => {
                self.folders.forget(path);
                remove(AtFlags::REMOVEDIR)
            }
            removed => removed,
        };
        match removed {
            // Gone, or become a file meanwhile: the next try meets it.
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(Errno::NOTEMPTY) => Err(TargetError::NotEmpty { path: name::escape(path) }),
            Err(errno) => Err(TargetError::io("make room at", path, errno)),
        }
    }

    /// Lets this process into a folder of its own that shuts out even its owner.
    fn let_in(&self, folder: &Folder, name: &[u8], stat: &Stat) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(stat.st_mode);
        if self.uid == 0 || stat.st_uid != self.uid || mode.contains(FOLDER_MODE) {
            return Ok(());
        }
        let inner = super::metadata::open_node(folder, name)?;
        Node::unopened(&inner).set_mode(mode | FOLDER_MODE)
    }
}

/// What was in the way is gone by now: the way is to be tried again.
fn vanished(errno: Errno) -> Errno {
    if errno == Errno::NOENT { Errno::EXIST } else { errno }
}

pub(super) fn wrong_kind(entry: &Entry) -> TargetError {
    TargetError::WrongKind { path: name::escape(&entry.path) }
}
