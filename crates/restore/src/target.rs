//! The restore target: the folder that a snapshot is restored into. Whatever the snapshot says,
//! and whatever other users of the system do meanwhile, nothing outside of it is written:
//! every path is checked, every step goes from an open folder to one name in it, no symlink is
//! followed, and no file is written through that has a name elsewhere.
//!
//! A pipeline calls [`Target::make_folder`] for folders as they come, then for each file
//! [`Target::open_existing`] (in place) or [`Target::create_file`], the file's own functions and
//! [`Target::finish_file`]; for others [`Target::make_special`] or [`Target::hard_link`] and
//! [`Target::apply_metadata`]; last, deepest first, [`Target::finish_folder`]. All functions may
//! be called from several threads.

mod compare;
mod create;
mod error;
mod existing;
mod file;
mod folders;
mod metadata;
mod owner;
mod xattr;

use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use pulih_vault::tree::entry::Entry;
use pulih_vault::tree::name;
use rustix::fs::Mode;
use rustix::io::Errno;

pub use error::{MetadataProblem, TargetError};
pub use file::TargetFile;
pub use folders::Folder;
pub use owner::{Accounts, OwnerPolicy};

/// A file system attribute that widens or narrows what the mode says.
const ACCESS_ACL: &[u8] = b"system.posix_acl_access";

#[derive(Debug)]
pub struct Target {
    root: Arc<Folder>,
    folders: folders::Cache,
    owners: OwnerPolicy,
    /// Whose files are that this process makes.
    uid: u32,
    gid: u32,
}

impl Target {
    /// Opens the folder `dir` and makes it, for its owner alone, where there is none.
    pub fn open(dir: &Path) -> Result<Self, TargetError> {
        use std::os::unix::ffi::OsStrExt;
        let failed = |source| TargetError::Io {
            doing: "open the target folder",
            path: name::escape(dir.as_os_str().as_bytes()),
            source,
        };
        let mut maker = std::fs::DirBuilder::new();
        let maker = maker.recursive(true).mode(0o700);
        maker.create(dir).map_err(failed)?;
        let root = folders::open_root(dir).map_err(|errno| failed(errno.into()))?;
        Ok(Self {
            root: Arc::new(root),
            folders: folders::Cache::default(),
            owners: OwnerPolicy::default(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        })
    }

    /// Before this it is [`OwnerPolicy::Numeric`].
    #[must_use]
    pub fn with_owners(mut self, owners: OwnerPolicy) -> Self {
        self.owners = owners;
        self
    }

    /// The folder `path` below the target, or the target itself if it is empty.
    pub fn folder(&self, path: &[u8]) -> Result<Arc<Folder>, TargetError> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        if let Some(folder) = self.folders.get(path) {
            return Ok(folder);
        }
        let folder = Arc::new(self.open_folder(path)?);
        self.folders.put(path, &folder);
        Ok(folder)
    }

    /// Writes everything to the disk, and says if any write since the start was lost.
    pub fn sync(&self) -> Result<(), TargetError> {
        rustix::fs::syncfs(&*self.root)
            .map_err(|errno| TargetError::io("write to the disk what was restored in", b".", errno))
    }

    fn open_folder(&self, path: &[u8]) -> Result<Folder, TargetError> {
        if !name::is_safe_path(path) {
            let path = name::escape(path);
            return Err(TargetError::UnsafePath { path });
        }
        folders::open(self.root.as_fd(), path).map_err(|errno| match errno {
            Errno::LOOP | Errno::NOTDIR => TargetError::NotAFolder { path: name::escape(path) },
            errno => TargetError::io("open the folder", path, errno),
        })
    }

    /// The open folder that `path` is in, and its name there.
    fn parent<'p>(&self, path: &'p [u8]) -> Result<(Arc<Folder>, &'p [u8]), TargetError> {
        if !name::is_safe_path(path) {
            let path = name::escape(path);
            return Err(TargetError::UnsafePath { path });
        }
        let (folder, name) = match path.iter().rposition(|&b| b == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        Ok((self.folder(folder)?, name))
    }

    /// The mode to make a file with in `folder`: the final one as far as nobody can do more
    /// with the file now than in the end, when owner, ACL and set-id bits are right.
    fn birth_mode(&self, folder: &Folder, entry: &Entry) -> Mode {
        let mode = entry.mode & 0o777;
        let harmless = if !entry.xattrs.is_empty() {
            // An ACL may shut out whom the mode lets in, and attributes need the right to write.
            (mode & 0o700) | 0o600
        } else if self.owners.wanted(entry).1 == folder.group.unwrap_or(self.gid) {
            mode
        } else {
            // Members of the present group and of the final one are on either side of the
            // line between group and others: only what both may do is harmless.
            let shared = (mode >> 3) & mode & 0o007;
            (mode & 0o700) | (shared << 3) | shared
        };
        Mode::from_raw_mode(harmless)
    }
}
