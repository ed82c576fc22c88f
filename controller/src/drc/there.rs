//! The Pusat Data as it is asked: over the line, or in a test out of a folder.

use pulih_stores::Credentials;
use pulih_stores::gateway::{Incoming, ReplicaStore};
use pulih_vault::store::{ObjectName, Store, StoreError};

use super::error::PullError;

pub trait There: Store {
    /// The signed head of its ledger, as it came.
    fn head(&self) -> Result<Vec<u8>, PullError>;
    /// Begins to read a whole object.
    fn fetch(&self, name: &ObjectName) -> Result<Incoming, StoreError>;
    /// Has a checkpoint of this site's own ledger co-signed there: the status, and what was answered.
    fn add_checkpoint(&self, request: &str) -> Result<(u16, String), PullError>;
    /// Hands in what this site said of the ledger there.
    fn hand_in(&self, note: &str) -> Result<(u16, String), PullError>;
    /// Credentials with a new key and certificate, and when that ends (RFC 3339).
    fn renew(&self, old: &Credentials) -> Result<(Credentials, String), PullError>;
}

impl There for ReplicaStore {
    fn head(&self) -> Result<Vec<u8>, PullError> {
        Ok(Self::head(self)?)
    }

    fn fetch(&self, name: &ObjectName) -> Result<Incoming, StoreError> {
        Self::fetch(self, name).map_err(|error| error.of(name, "read"))
    }

    fn add_checkpoint(&self, request: &str) -> Result<(u16, String), PullError> {
        Ok(Self::add_checkpoint(self, request)?)
    }

    fn hand_in(&self, note: &str) -> Result<(u16, String), PullError> {
        Ok(Self::hand_in(self, note)?)
    }

    fn renew(&self, old: &Credentials) -> Result<(Credentials, String), PullError> {
        Ok(Self::renew(self, old)?)
    }
}
