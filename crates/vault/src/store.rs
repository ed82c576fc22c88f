//! Where objects live. A store creates and reads; it does not overwrite and, in this
//! interface, does not delete: an agent has no use for either.
//!
//! What must hold for every store, and is tested by the conformance suite on the primitive itself:
//!
//! - an object is there whole or not at all, also after a crash at any moment;
//! - once [`Staged::commit`] has returned `Ok`, a crash or power cut does not lose it;
//! - of any number of writers that commit one name, exactly one is told `Ok`;
//! - what is there is never changed by a commit that is refused or that fails.

pub mod conformance;
pub mod dir;
pub mod disk;
pub mod keep;
pub mod lock;
pub mod real_disk;
pub mod sim_disk;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use crate::id::BadId;
use crate::utc;
pub use dir::DirStore;
pub use keep::Keeps;
pub use lock::Locks;

/// Longest object name in bytes.
pub const MAX_NAME_BYTES: usize = 512;

/// The name of an object: parts of `[a-z0-9._-]` (none starting with a dot) between slashes.
/// The set is small on purpose: such a name is the same in a directory, a bucket and a URL,
/// and cannot leave the store's folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

impl ObjectName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectName {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        // Parts between slashes: none is empty or begins with a dot.
        let mut begins = true;
        let fits = |byte| {
            let first = std::mem::replace(&mut begins, byte == b'/');
            match byte {
                b'/' | b'.' => !first,
                byte => matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'),
            }
        };
        if text.len() <= MAX_NAME_BYTES && text.bytes().all(fits) && !begins {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId { what: "an object name", text: text.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What went wrong in a store, and with which object.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no object {name} in the store")]
    NotFound { name: ObjectName },
    #[error("the store already has an object {name}")]
    AlreadyExists { name: ObjectName },
    #[error("object {name} has {size} bytes; at most {limit} are read")]
    TooLarge { name: ObjectName, size: u64, limit: u64 },
    #[error("object {name} ends at byte {size}; bytes {offset} to {end} were asked for")]
    OutOfRange { name: ObjectName, size: u64, offset: u64, end: u64 },
    #[error("object {name} is locked until {}; nobody can delete it before", utc::rfc3339(*.until_unix_seconds))]
    Locked { name: ObjectName, until_unix_seconds: i64 },
    #[error("the store at {store} is full: {source}; free some space and run the command again")]
    Full { store: String, source: std::io::Error },
    #[error("cannot {action}: {source}")]
    Io { action: String, source: std::io::Error },
}

/// What a full store answers, whichever limit it is that was reached.
pub(crate) fn says_full(source: &io::Error) -> bool {
    matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl StoreError {
    /// The store's own error for a failed write to a [`Staged`]. A store hands its error through
    /// [`Write`] inside the [`io::Error`], since only the store knows its own address.
    pub fn from_write(name: &ObjectName, source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => error,
            Err(source) if says_full(&source) => Self::Full { store: "its address".to_owned(), source },
            Err(source) => Self::Io { action: format!("write object {name}"), source },
        }
    }
}

/// An object being written, without a name until it is committed. Dropped, it is gone.
/// A write that fails returns the error as [`std::io::Error`]; the object is then dropped and
/// can no longer be committed.
pub trait Staged: Write + Send {
    /// Gives the object its name, if no object has it yet. After `Ok` the object is durable, and
    /// after `AlreadyExists` the object that has the name is. On any error the store is as it
    /// was, except when the medium failed after the name was given: then the object may be
    /// there, whole. It is not taken back, for another writer may already rely on it.
    fn commit(self: Box<Self>, name: &ObjectName) -> Result<(), StoreError>;
}

/// A store of immutable objects. Methods may be called from any number of threads.
pub trait Store: Send + Sync {
    /// Begins a new object.
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError>;

    /// Size of an object in bytes.
    fn size(&self, name: &ObjectName) -> Result<u64, StoreError>;

    /// Appends bytes `offset .. offset + len` of an object to `out`: all of them, or an error.
    /// The caller has bounded `len`.
    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError>;

    /// Calls `each` with every object below the folder `prefix` (given without a final slash)
    /// in no particular order. What is not an object's name is passed over. A folder that is
    /// not there holds nothing.
    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError>;

    /// Reads a whole object of at most `limit` bytes.
    fn read(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StoreError> {
        let size = self.size(name)?;
        if size > limit {
            return Err(StoreError::TooLarge { name: name.clone(), size, limit });
        }
        let mut out = Vec::with_capacity(size as usize);
        self.read_range(name, 0, size as usize, &mut out)?;
        Ok(out)
    }

    /// Creates an object from bytes in memory.
    fn create(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), StoreError> {
        let mut staged = self.stage()?;
        staged.write_all(bytes).map_err(|source| StoreError::from_write(name, source))?;
        staged.commit(name)
    }
}
