//! Entries: who did what, when, at which site, as one canonical JSON object. What an entry says
//! beside its typed view stays readable, and unknown kinds and fields do too: `docs/contracts/
//! ledger.md` has them all.

mod act;
mod actor;
pub mod kinds;
mod plain;
mod read;

use serde_json::{Map, Value};

use pulih_vault::error::Malformed;

use crate::bundle::MAX_ENTRY_BYTES;
use crate::canonical;
use crate::ids::SiteId;
use crate::time::Time;

pub use act::{ActError, sign_act, verify_act};
pub use actor::Actor;
pub use kinds::{Body, Kind};
pub use read::{ReadEntry, View};

/// Fields of the envelope: no kind has a field of one of these names.
pub const ENVELOPE: [&str; 5] = ["act", "actor", "at", "site", "type"];

/// Why an entry cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error(
        "the entry has {bytes} bytes; at most {MAX_ENTRY_BYTES} fit: put what is large into an object and its hash into the entry"
    )]
    TooLarge { bytes: usize },
    #[error("the entry is of the site {found}, the ledger of {expected}")]
    OtherSite { found: SiteId, expected: SiteId },
    #[error("a person's act is not signed; sign it with that person's key")]
    Unsigned,
    #[error("an act is signed that is no person's")]
    NoPerson,
    #[error("a key is handed over alone, and not among other entries")]
    NotAlone,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What is to be written, or was read and understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub site: SiteId,
    /// When it happened: by the site's clock, or by the person's where a person signed it.
    pub at: Time,
    pub actor: Actor,
    pub body: Body,
    /// A person's signature: [`sign_act`] sets it.
    pub act: Option<String>,
}

impl Entry {
    pub fn new(site: SiteId, at: Time, actor: Actor, body: Body) -> Self {
        Self { site, at, actor, body, act: None }
    }

    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// All fields but `act`.
    fn fields(&self) -> Result<Map<String, Value>, Malformed> {
        let mut fields = self.body.to_fields()?;
        fields.insert("type".into(), self.kind().to_type().into());
        fields.insert("at".into(), self.at.as_str().into());
        fields.insert("site".into(), self.site.as_str().into());
        fields.insert("actor".into(), self.actor.to_value());
        Ok(fields)
    }

    /// The entry's bytes in the ledger of `site`. Of a signature only its presence is checked:
    /// whose key it must be is known to a [`Roster`](crate::roster::Roster).
    pub fn encode(&self, site: &SiteId) -> Result<Vec<u8>, EntryError> {
        if self.site != *site {
            return Err(EntryError::OtherSite { found: self.site.clone(), expected: site.clone() });
        }
        let mut fields = self.fields()?;
        match (&self.actor, &self.act) {
            (Actor::Person { .. }, None) => return Err(EntryError::Unsigned),
            (Actor::Person { .. }, Some(act)) => {
                fields.insert("act".into(), act.as_str().into());
            }
            (_, Some(_)) => return Err(EntryError::NoPerson),
            (_, None) => {}
        }
        let bytes = canonical::encode(&fields)?;
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }
}
