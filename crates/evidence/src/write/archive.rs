//! The archive that a bundle is written into, under another name until it is whole.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::folder::{failed, not_there, part_of, sync_folder_of};
use super::{Target, WriteError};
use crate::ustar::{self, BLOCK};

/// A file with `.part` at its end.
pub struct Archive {
    out: PathBuf,
    unfinished: PathBuf,
    file: BufWriter<File>,
}

impl Archive {
    /// Begins anew, whatever an export that was cut off has left.
    pub fn begin(out: &Path) -> Result<Self, WriteError> {
        not_there(out)?;
        let unfinished = part_of(out);
        match fs::symlink_metadata(&unfinished) {
            Ok(about) if about.is_file() => fs::remove_file(&unfinished).map_err(failed("remove", &unfinished))?,
            Ok(_) => return Err(WriteError::Exists { at: unfinished }),
            Err(_) => {}
        }
        let file = File::create_new(&unfinished).map_err(failed("make", &unfinished))?;
        Ok(Self { out: out.to_owned(), unfinished, file: BufWriter::with_capacity(1 << 20, file) })
    }
}

impl Target for Archive {
    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let size = bytes.len() as u64;
        let header = ustar::header(name, size).ok_or_else(|| WriteError::Archive { name: name.to_owned() })?;
        let padding = &[0; BLOCK][..ustar::padding(size)];
        let parts = [&header[..], bytes, padding];
        parts.into_iter().try_for_each(|part| self.file.write_all(part)).map_err(failed("write", &self.unfinished))
    }

    fn finish(mut self) -> Result<(), WriteError> {
        let end = self.file.write_all(&[0; 2 * BLOCK]).and_then(|()| self.file.flush());
        end.and_then(|()| self.file.get_ref().sync_all()).map_err(failed("write", &self.unfinished))?;
        fs::rename(&self.unfinished, &self.out).map_err(failed("rename", &self.unfinished))?;
        sync_folder_of(&self.out)
    }
}
