//! Whose key is whose, as the ledger itself says: entries are followed in order, and a person's
//! act is believed only with a key that an entry before it gave that person.

use std::collections::BTreeMap;

use pulih_vault::note::VerifierKey;

use crate::entry::{ActError, Actor, Body, ReadEntry, verify_act};
use crate::ids::UserId;

/// The people of a site and their keys.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    keys: BTreeMap<UserId, Vec<VerifierKey>>,
}

impl Roster {
    /// Keys that the ledger gave a user.
    pub fn keys(&self, user: &UserId) -> &[VerifierKey] {
        self.keys.get(user).map_or(&[], Vec::as_slice)
    }

    /// Whether an entry may be believed of its actor: a person's only if that person signed it.
    /// Before an entry is appended, this says whether it should be.
    pub fn verify(&self, entry: &ReadEntry) -> Result<(), ActError> {
        let Actor::Person { user, key } = &entry.actor else {
            return Ok(());
        };
        let known = self.keys(user).iter().find(|known| known.fingerprint() == *key);
        let known = known.ok_or_else(|| ActError::UnknownKey { user: user.to_string(), key: key.to_string() })?;
        verify_act(entry, known)
    }

    /// Takes the next entry of the ledger. One that is not believed adds nobody.
    pub fn follow(&mut self, entry: &ReadEntry) -> Result<(), ActError> {
        self.verify(entry)?;
        if let Some(Body::UserAdded(added)) = entry.body() {
            let keys = self.keys.entry(added.user.clone()).or_default();
            if !keys.contains(&added.key) {
                keys.push(added.key.clone());
            }
        }
        Ok(())
    }
}
