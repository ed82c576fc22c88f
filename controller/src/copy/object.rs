//! One object, onto the copy: hashed on its way, and named only if the hash is that of its name.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, StoreError};

use super::{Copying, at_medium};
use crate::gateway::answer::{Answer, Refusal};
use crate::scrub::look::MAX_OBJECT_BYTES;

const PIECE_BYTES: u64 = 1 << 20;

/// What came onto the copy.
#[derive(Default)]
pub struct Counted {
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Counted {
    pub fn add(&self, bytes: u64) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn now(&self) -> (u64, u64) {
        (self.objects.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// What became of an object.
pub enum Copied {
    There,
    /// It is not what its name says here, as the words say.
    Damaged(String),
}

impl Copying<'_> {
    /// Copies an object that the copy does not have.
    pub fn object(&self, name: &ObjectName, hash: ObjectHash) -> Answer<Copied> {
        let here = |error: StoreError| match error {
            StoreError::NotFound { .. } => Ok(Copied::Damaged("it is gone".into())),
            error @ (StoreError::TooLarge { .. } | StoreError::OutOfRange { .. }) => {
                Ok(Copied::Damaged(error.to_string()))
            }
            error => Err(Refusal::from(error)),
        };
        let size = match self.base.store.size(name) {
            Ok(size) if size <= MAX_OBJECT_BYTES => size,
            Ok(size) => return Ok(Copied::Damaged(format!("it has {size} bytes, more than any object"))),
            Err(error) => return here(error),
        };
        let mut staged = self.to.stage().map_err(at_medium)?;
        let (mut hasher, mut piece, mut at) = (blake3::Hasher::new(), Vec::new(), 0);
        while at < size {
            if self.base.scrubbing.is_ending() {
                return Err(crate::scrub::ending());
            }
            let len = PIECE_BYTES.min(size - at);
            piece.clear();
            if let Err(error) = self.base.store.read_range(name, at, len as usize, &mut piece) {
                return here(error);
            }
            hasher.update(&piece);
            staged.write_all(&piece).map_err(|error| at_medium(StoreError::from_write(name, error)))?;
            self.base.scrubbing.progress.advance(len);
            at += len;
        }
        if *hasher.finalize().as_bytes() != hash.0 {
            return Ok(Copied::Damaged(format!("its {size} bytes do not have the hash in its name")));
        }
        match staged.commit(name) {
            Ok(()) => self.copied.add(size),
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(at_medium(error)),
        }
        Ok(Copied::There)
    }
}
