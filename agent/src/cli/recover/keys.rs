//! File keys that the DRC gives: asked by the object's name, for it reads the header in its own store.

use std::io;
use std::sync::Arc;

use pulih_protocol::error::Code;
use pulih_protocol::recovery::KeyAsked;
use pulih_stores::GatewayStore;
use pulih_vault::reader::keys::{DecryptError, FileKey, Found, Keys, Stanza};
use pulih_vault::store::ObjectName;

pub struct KeysOfDrc {
    drc: Arc<GatewayStore>,
    recovery: String,
}

impl KeysOfDrc {
    pub fn new(drc: Arc<GatewayStore>, recovery: &str) -> Self {
        Self { drc, recovery: recovery.to_owned() }
    }
}

impl Keys for KeysOfDrc {
    fn file_key(&self, object: &ObjectName, _: &[Stanza]) -> Found {
        let asked = KeyAsked { recovery: self.recovery.clone(), object: object.to_string() };
        let strange = || io::Error::new(io::ErrorKind::InvalidData, "the DRC gave a key that is none");
        let key = match self.drc.recovery_key(&asked) {
            // Its header is damaged there, or is not for the DRC: this object is lost, and the others are not.
            Err(error) if error.code() == Some(Code::Refused) => return Some(Err(DecryptError::DecryptionFailed)),
            asked => asked.map_err(io::Error::other),
        };
        let key = key.and_then(|given| given.bytes().ok_or_else(strange));
        Some(key.map(|bytes| FileKey::new(Box::new(bytes))).map_err(DecryptError::Io))
    }
}
