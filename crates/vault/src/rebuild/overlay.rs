//! A store as it will be: what is made goes into a scratch store, and is read as if it were in
//! the vault already.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::reach::MAX_REACH_BYTES;
use crate::store::{DirStore, ObjectName, Staged, Store, StoreError};

pub struct Overlay {
    below: Arc<dyn Store>,
    made: DirStore,
}

impl Overlay {
    pub fn new(below: Arc<dyn Store>, folder: &Path) -> Result<Self> {
        Ok(Self { below, made: DirStore::create(folder)? })
    }

    /// The bytes of an object that was made.
    pub fn made(&self, name: &ObjectName) -> Result<Vec<u8>> {
        // Indexes and reaches have the same limit, manifests a lower one.
        Ok(self.made.read(name, MAX_REACH_BYTES)?)
    }
}

impl Store for Overlay {
    fn stage(&self) -> std::result::Result<Box<dyn Staged>, StoreError> {
        self.made.stage()
    }

    fn size(&self, name: &ObjectName) -> std::result::Result<u64, StoreError> {
        match self.made.size(name) {
            Err(StoreError::NotFound { .. }) => self.below.size(name),
            size => size,
        }
    }

    fn read_range(
        &self,
        name: &ObjectName,
        offset: u64,
        len: usize,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), StoreError> {
        match self.made.read_range(name, offset, len, out) {
            Err(StoreError::NotFound { .. }) => self.below.read_range(name, offset, len, out),
            read => read,
        }
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> std::result::Result<(), StoreError> {
        self.below.list(prefix, each)?;
        self.made.list(prefix, each)
    }
}
