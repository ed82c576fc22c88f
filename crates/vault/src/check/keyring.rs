//! Identities that several readers use at a time.

use std::sync::Arc;

use age::{DecryptError, Identity};
use age_core::format::{FileKey, Stanza};

use crate::reader::Identities;

#[derive(Clone)]
pub struct Keyring(Arc<Identities>);

impl Keyring {
    pub fn new(identities: Identities) -> Self {
        Self(Arc::new(identities))
    }

    /// The same identities, for one more reader.
    pub fn lend(&self) -> Identities {
        vec![Box::new(self.clone())]
    }
}

impl Identity for Keyring {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.0.iter().find_map(|identity| identity.unwrap_stanza(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        self.0.iter().find_map(|identity| identity.unwrap_stanzas(stanzas))
    }
}
