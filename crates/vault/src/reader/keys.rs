//! Who gives the file keys of packs: identities, which need nothing but a header, or somebody elsewhere
//! who is asked by the object's name.

use std::sync::Arc;

pub use age::DecryptError;
pub use age_core::format::{FileKey, Stanza};
pub use age_core::secrecy::ExposeSecret;

use super::Identities;
pub use crate::envelope::Found;
use crate::envelope::found_by;
use crate::store::ObjectName;

pub trait Keys: Send + Sync {
    /// The file key of an object whose header has these stanzas.
    fn file_key(&self, object: &ObjectName, stanzas: &[Stanza]) -> Found;
}

impl Keys for Identities {
    fn file_key(&self, _: &ObjectName, stanzas: &[Stanza]) -> Found {
        found_by(self, stanzas)
    }
}

impl<K: Keys + ?Sized> Keys for Arc<K> {
    fn file_key(&self, object: &ObjectName, stanzas: &[Stanza]) -> Found {
        (**self).file_key(object, stanzas)
    }
}
