//! The folder that a bundle is written into, under another name until it is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Target, WriteError};

/// A folder with `.part` at its end.
pub struct Folder {
    out: PathBuf,
    unfinished: PathBuf,
    /// The folder that was made last: files come in order.
    made: PathBuf,
}

pub fn failed(action: &str, path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let action = format!("{action} {}", path.display());
    move |source| WriteError::Io { action, source }
}

/// Nothing is overwritten.
pub fn not_there(out: &Path) -> Result<(), WriteError> {
    if fs::symlink_metadata(out).is_ok() {
        return Err(WriteError::Exists { at: out.to_owned() });
    }
    Ok(())
}

/// The name that it has until it is whole.
pub fn part_of(out: &Path) -> PathBuf {
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    PathBuf::from(part)
}

/// Makes a name durable.
pub fn sync_folder_of(out: &Path) -> Result<(), WriteError> {
    let above = out.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(above).and_then(|above| above.sync_all()).map_err(failed("sync", above))
}

impl Folder {
    /// Begins anew, whatever an export that was cut off has left.
    pub fn begin(out: &Path) -> Result<Self, WriteError> {
        not_there(out)?;
        let part = part_of(out);
        match fs::symlink_metadata(&part) {
            Ok(about) if about.is_dir() => fs::remove_dir_all(&part).map_err(failed("remove", &part))?,
            Ok(_) => return Err(WriteError::Exists { at: part }),
            Err(_) => {}
        }
        fs::create_dir(&part).map_err(failed("make", &part))?;
        Ok(Self { out: out.to_owned(), made: part.clone(), unfinished: part })
    }
}

impl Target for Folder {
    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = self.unfinished.join(name);
        if let Some(folder) = path.parent().filter(|folder| *folder != self.made) {
            fs::create_dir_all(folder).map_err(failed("make", folder))?;
            folder.clone_into(&mut self.made);
        }
        fs::write(&path, bytes).map_err(failed("write", &path))
    }

    /// All is synced at once.
    fn finish(self) -> Result<(), WriteError> {
        let folder = File::open(&self.unfinished).map_err(failed("open", &self.unfinished))?;
        rustix::fs::syncfs(&folder).map_err(|error| failed("sync", &self.unfinished)(error.into()))?;
        fs::rename(&self.unfinished, &self.out).map_err(failed("rename", &self.unfinished))?;
        sync_folder_of(&self.out)
    }
}
