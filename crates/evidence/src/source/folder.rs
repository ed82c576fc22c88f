//! A bundle that is a folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::{Found, Source, SourceError, failed};
use crate::places::is_name;

/// A bundle that is a folder.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn open(root: &Path) -> Result<Self, SourceError> {
        let is_folder = fs::metadata(root).map_err(failed(format!("read {}", root.display())))?.is_dir();
        if is_folder {
            return Ok(Self { root: root.to_owned() });
        }
        Err(failed(format!("read {}", root.display()))(io::Error::other("it is not a folder")))
    }

    /// The names in one folder below; folders go to `open`.
    fn list_one(
        &self,
        below: &str,
        open: &mut Vec<String>,
        each: &mut dyn FnMut(&str, Found) -> bool,
    ) -> Result<bool, SourceError> {
        let folder = self.root.join(below);
        let failed = |error| failed(format!("list {}", folder.display()))(error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let last = entry.file_name();
            let last = last.to_string_lossy();
            let name = if below.is_empty() { last.into_owned() } else { format!("{below}/{last}") };
            // Of the entry itself, not of what a link leads to.
            let about = entry.metadata().map_err(failed)?;
            let found = match about.file_type() {
                its if its.is_symlink() => Found::Link,
                its if its.is_dir() && is_name(&name) => {
                    open.push(name);
                    continue;
                }
                its if its.is_file() => Found::File(about.len()),
                _ => Found::Other,
            };
            if !each(&name, found) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Source for Folder {
    fn list(&self, each: &mut dyn FnMut(&str, Found) -> bool) -> Result<(), SourceError> {
        let mut open = vec![String::new()];
        while let Some(below) = open.pop() {
            if !self.list_one(&below, &mut open, each)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let path = self.root.join(name);
        let failed = |error| failed(format!("read {}", path.display()))(error);
        // Neither a link nor, if it was put there meanwhile, something to wait for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let file = File::from(file);
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(failed(io::Error::other("it is not a file")));
        }
        let mut bytes = Vec::with_capacity(about.len().min(limit) as usize + 1);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(SourceError::TooLarge { name: name.to_owned(), limit });
        }
        Ok(bytes)
    }
}
