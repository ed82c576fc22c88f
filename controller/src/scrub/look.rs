//! One object: read whole in pieces, without a key, and held against the hash in its name.

use pulih_vault::id::ObjectHash;
use pulih_vault::pack::MAX_PACK_BYTES;
use pulih_vault::store::{ObjectName, Store, StoreError};

/// What is read at a time.
const PIECE_BYTES: u64 = 4 << 20;
/// No object that a site has is larger.
pub const MAX_OBJECT_BYTES: u64 = MAX_PACK_BYTES;

/// What is found under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// So many bytes with the right hash.
    Sound(u64),
    /// Something else, as the words say.
    Damaged(String),
    Gone,
    /// It could not be read: it, or the store.
    Unread(String),
    /// The process ends.
    Stopped,
}

/// Reads an object; `read` is told how many bytes just came, and says whether to go on.
pub fn look(store: &dyn Store, name: &ObjectName, hash: ObjectHash, read: &dyn Fn(u64) -> bool) -> Found {
    match digest(store, name, read) {
        Ok(Some((size, found))) if found == hash => Found::Sound(size),
        Ok(Some((size, _))) => Found::Damaged(format!("its {size} bytes do not have the hash in its name")),
        Ok(None) => Found::Stopped,
        Err(StoreError::NotFound { .. }) => Found::Gone,
        Err(error @ (StoreError::TooLarge { .. } | StoreError::OutOfRange { .. })) => Found::Damaged(error.to_string()),
        Err(error) => Found::Unread(error.to_string()),
    }
}

/// How long an object is, and the hash of its bytes; `None`: it was not read to the end.
fn digest(
    store: &dyn Store,
    name: &ObjectName,
    read: &dyn Fn(u64) -> bool,
) -> Result<Option<(u64, ObjectHash)>, StoreError> {
    let size = store.size(name)?;
    if size > MAX_OBJECT_BYTES {
        return Err(StoreError::TooLarge { name: name.clone(), size, limit: MAX_OBJECT_BYTES });
    }
    let (mut hasher, mut piece, mut at) = (blake3::Hasher::new(), Vec::new(), 0);
    while at < size {
        let len = PIECE_BYTES.min(size - at);
        piece.clear();
        store.read_range(name, at, len as usize, &mut piece)?;
        hasher.update(&piece);
        if !read(len) {
            return Ok(None);
        }
        at += len;
    }
    Ok(Some((size, ObjectHash(*hasher.finalize().as_bytes()))))
}

/// The right bytes of an object, if a store has them.
pub fn right_bytes(store: &dyn Store, name: &ObjectName, hash: ObjectHash) -> Result<Option<Vec<u8>>, StoreError> {
    match store.read(name, MAX_OBJECT_BYTES) {
        Ok(bytes) => Ok(Some(bytes).filter(|bytes| ObjectHash::of(bytes) == hash)),
        Err(StoreError::NotFound { .. } | StoreError::TooLarge { .. } | StoreError::OutOfRange { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
