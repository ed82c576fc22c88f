//! Reading a bundle: what is there, and its bytes within a bound. Nothing outside the bundle is ever opened.

mod folder;
mod tar;

use std::fs;
use std::io;
use std::path::Path;

pub use folder::Folder;
pub use tar::{ReadAt, Tar};

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A file of so many bytes.
    File(u64),
    Link,
    /// Neither a file nor a folder, or something whose name is none.
    Other,
    /// What holds the files is cut off, or not of its format, from there on.
    Damaged(&'static str),
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("cannot {action}: {source}")]
    Io { action: String, source: io::Error },
    #[error("{name} is larger than the {limit} bytes that it may have")]
    TooLarge { name: String, limit: u64 },
}

fn failed(action: String) -> impl FnOnce(io::Error) -> SourceError {
    move |source| SourceError::Io { action, source }
}

/// A bundle, wherever it is.
pub trait Source: Send + Sync {
    /// Calls `each` with every name, until it says `false`. A name may be one that is none.
    fn list(&self, each: &mut dyn FnMut(&str, Found) -> bool) -> Result<(), SourceError>;

    /// A file that was listed, of at most `limit` bytes.
    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, SourceError>;
}

/// A bundle that is a folder, or a file: then it is an archive.
pub fn open(path: &Path) -> Result<Box<dyn Source>, SourceError> {
    let about = fs::metadata(path).map_err(failed(format!("read {}", path.display())))?;
    if about.is_dir() {
        return Ok(Box::new(Folder::open(path)?));
    }
    Ok(Box::new(Tar::open(path)?))
}
