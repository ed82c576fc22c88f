//! What a bundle will have, by name, before any of it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::places::Place;

/// Where the bytes of a file come from.
pub enum Content {
    Bytes(Vec<u8>),
    /// An object of the store, of at most so many bytes.
    Object(ObjectName, u64),
}

impl Content {
    pub fn read(&self, store: &dyn Store) -> Result<Cow<'_, [u8]>, StoreError> {
        match self {
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Object(name, limit) => store.read(name, *limit).map(Cow::Owned),
        }
    }
}

/// Names sort by bytes, as an archive has them.
#[derive(Default)]
pub struct Plan {
    pub files: BTreeMap<String, Content>,
    pub absent: Vec<ObjectName>,
}

impl Plan {
    pub fn put(&mut self, place: &Place, bytes: Vec<u8>) {
        self.files.insert(place.to_string(), Content::Bytes(bytes));
    }

    pub fn copy(&mut self, place: &Place, object: ObjectName) {
        self.files.insert(place.to_string(), Content::Object(object, place.limit()));
    }

    /// Takes an object that an entry names, if the store has it.
    pub fn copy_if_there(&mut self, place: &Place, object: ObjectName, store: &dyn Store) -> Result<(), StoreError> {
        match store.size(&object) {
            Ok(_) => self.copy(place, object),
            // A manifest goes with its snapshot; the entry stays.
            Err(StoreError::NotFound { .. }) if matches!(place, Place::Manifest(..)) => {}
            Err(StoreError::NotFound { name }) => self.absent.push(name),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
