//! A real folder, by system calls relative to its open descriptor. No symbolic link below the
//! folder is followed: a path is walked part by part, and each part must be what it should be.

use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::disk::{Disk, Entry, EntryKind, split};

/// A folder of a mounted file system.
pub struct RealDisk {
    path: PathBuf,
    root: OwnedFd,
    /// A file without a name can only be given one through its entry in this folder of `/proc`.
    can_name_descriptors: bool,
}

const DESCRIPTORS: &str = "/proc/self/fd";
const FOLDER_MODE: u32 = 0o755;
const OBJECT_MODE: u32 = 0o444;
/// Until it is whole, a named file stays writable: some network file systems let only a
/// descriptor that can write take the lock.
const UNFINISHED_MODE: u32 = 0o644;

/// A file being written; `name` is its path if it has one already.
pub struct RealTemp {
    file: OwnedFd,
    name: Option<String>,
}

impl RealDisk {
    /// Opens a folder that is there. The path itself may lead through symbolic links.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = fs::open(path, folder_flags(), Mode::empty())?;
        Ok(Self {
            path: path.to_owned(),
            root,
            can_name_descriptors: fs::access(DESCRIPTORS, fs::Access::EXEC_OK).is_ok(),
        })
    }

    /// Opens a folder and makes it first if need be, with the folders above it, durably.
    pub fn create(path: &Path) -> io::Result<Self> {
        make_durable_dir(path)?;
        Self::open(path)
    }

    /// This folder as if its file system had no files without a name, for tests of that case.
    #[must_use]
    pub fn without_unnamed_files(self) -> Self {
        Self { can_name_descriptors: false, ..self }
    }

    /// A descriptor of a folder to name its entries by.
    fn walk(&self, path: &str) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = fs::openat(&self.root, ".", flags, Mode::empty())?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            at = match fs::openat(&at, part, flags, Mode::empty()) {
                // The kernel calls a link to a folder "not a folder" here. Say what it is, lest
                // it pass for an object that is merely not there.
                Err(Errno::NOTDIR) if is_symlink(&at, part) => return Err(Errno::LOOP.into()),
                opened => opened?,
            };
        }
        Ok(at)
    }

    /// A descriptor of a folder to list or sync it by.
    fn open_dir(&self, path: &str) -> io::Result<OwnedFd> {
        let at = self.walk(path)?;
        Ok(fs::openat(at, ".", folder_flags(), Mode::empty())?)
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn is_symlink(at: &OwnedFd, name: &str) -> bool {
    fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn make_durable_dir(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    let make = || DirBuilder::new().mode(FOLDER_MODE).create(path);
    let sync_parent = || -> io::Result<()> {
        let folder = fs::open(parent, folder_flags(), Mode::empty())?;
        Ok(retry_on_intr(|| fs::fsync(&folder))?)
    };
    let made = match make() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_durable_dir(parent)?;
            make()
        }
        made => made,
    };
    match made {
        Ok(()) => sync_parent(),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Another process may have made it a moment ago. A parent that cannot be opened
            // is no hindrance: then this folder was made by someone else, and long ago.
            let _ = sync_parent();
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The size in a regular file's `stat`, and an error for what is not one.
fn file_size(stat: &Stat) -> io::Result<u64> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat.st_size as u64),
        FileType::Directory => Err(Errno::ISDIR.into()),
        FileType::Symlink => Err(Errno::LOOP.into()),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "it is neither a regular file nor a folder")),
    }
}

fn lock(file: &OwnedFd) -> io::Result<()> {
    Ok(retry_on_intr(|| fs::flock(file, FlockOperation::NonBlockingLockExclusive))?)
}

impl Disk for RealDisk {
    type Temp = RealTemp;
    type Object = OwnedFd;

    fn place(&self) -> &Path {
        &self.path
    }

    fn make_dir(&self, path: &str) -> io::Result<()> {
        let (parent, name) = split(path);
        let mode = Mode::from_raw_mode(FOLDER_MODE);
        Ok(fs::mkdirat(self.walk(parent)?, name, mode)?)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let folder = self.open_dir(path)?;
        Ok(retry_on_intr(|| fs::fsync(&folder))?)
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<Entry>> {
        let folder = self.open_dir(path)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                kind = match fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                };
            }
            entries.push(Entry {
                name: name.to_owned(),
                kind: match kind {
                    FileType::RegularFile => EntryKind::File,
                    FileType::Directory => EntryKind::Dir,
                    _ => EntryKind::Other,
                },
            });
        }
        Ok(entries)
    }

    fn open_unnamed(&self) -> io::Result<RealTemp> {
        if !self.can_name_descriptors {
            return Err(ErrorKind::Unsupported.into());
        }
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match fs::openat(&self.root, ".", flags, Mode::from_raw_mode(OBJECT_MODE)) {
            Ok(file) => Ok(RealTemp { file, name: None }),
            // The three answers of file systems and kernels that do not know the flag.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Err(ErrorKind::Unsupported.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn open_locked(&self, path: &str) -> io::Result<RealTemp> {
        let (parent, name) = split(path);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(UNFINISHED_MODE);
        let file = fs::openat(self.walk(parent)?, name, flags, mode)?;
        lock(&file)?;
        if fs::fstat(&file)?.st_nlink == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(RealTemp { file, name: Some(path.to_owned()) })
    }

    fn lock_leftover(&self, path: &str) -> io::Result<RealTemp> {
        let (parent, name) = split(path);
        let folder = self.walk(parent)?;
        let rest = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = |access| fs::openat(&folder, name, access | rest, Mode::empty());
        let file = match open(OFlags::RDWR) {
            // Its writer died between making it read-only and removing this name.
            Err(Errno::ACCESS) => open(OFlags::RDONLY)?,
            opened => opened?,
        };
        file_size(&fs::fstat(&file)?)?;
        lock(&file)?;
        Ok(RealTemp { file, name: Some(path.to_owned()) })
    }

    fn write(&self, temp: &mut RealTemp, bytes: &[u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::write(&temp.file, bytes))?)
    }

    fn sync_file(&self, temp: &mut RealTemp) -> io::Result<()> {
        if temp.name.is_some() {
            // Of the bits the umask left.
            let mode = Mode::from_raw_mode(fs::fstat(&temp.file)?.st_mode);
            fs::fchmod(&temp.file, mode & Mode::from_raw_mode(OBJECT_MODE))?;
        }
        Ok(retry_on_intr(|| fs::fsync(&temp.file))?)
    }

    fn link(&self, temp: &RealTemp, path: &str) -> io::Result<()> {
        let (parent, name) = split(path);
        let folder = self.walk(parent)?;
        if let Some(from) = &temp.name {
            let (from_parent, from_name) = split(from);
            let from_folder = self.walk(from_parent)?;
            fs::linkat(from_folder, from_name, folder, name, AtFlags::empty())?;
        } else {
            let descriptor = format!("{DESCRIPTORS}/{}", temp.file.as_raw_fd());
            fs::linkat(CWD, descriptor, folder, name, AtFlags::SYMLINK_FOLLOW)?;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from_parent, from_name), (to_parent, to_name)) = (split(from), split(to));
        let (from_folder, to_folder) = (self.walk(from_parent)?, self.walk(to_parent)?);
        match fs::renameat_with(&from_folder, from_name, &to_folder, to_name, RenameFlags::NOREPLACE) {
            // Some network file systems do not know the flag. One process renames in a store.
            Err(Errno::INVAL | Errno::NOSYS) => match fs::statat(&to_folder, to_name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => Ok(fs::renameat(from_folder, from_name, to_folder, to_name)?),
                Ok(_) => Err(Errno::EXIST.into()),
                Err(error) => Err(error.into()),
            },
            renamed => Ok(renamed?),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (parent, name) = split(path);
        Ok(fs::unlinkat(self.walk(parent)?, name, AtFlags::empty())?)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        let (parent, name) = split(path);
        let folder = self.walk(parent)?;
        file_size(&fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn open(&self, path: &str) -> io::Result<(OwnedFd, u64)> {
        let (parent, name) = split(path);
        // Without NONBLOCK, opening a fifo would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = fs::openat(self.walk(parent)?, name, flags, Mode::empty())?;
        let size = file_size(&fs::fstat(&file)?)?;
        Ok((file, size))
    }

    fn read_at(&self, object: &OwnedFd, into: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(object, &mut *into, offset))?)
    }
}
