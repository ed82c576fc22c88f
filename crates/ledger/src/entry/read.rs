//! An entry as it was read: its raw fields, and what this program understands of them.

use serde_json::{Map, Value};

use pulih_vault::error::Malformed;

use super::{Actor, Body, ENVELOPE, Kind};
use crate::canonical;
use crate::ids::SiteId;
use crate::time::Time;

const WHAT: &str = "ledger entry";

/// What an entry says, as far as this program understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    Known(Box<Body>),
    /// A kind of which only the name is known, whole: `pulih/ledger/<kind>/v<n>`.
    Unknown,
    /// A known kind with fields that are not as they should be. A reader that needs this kind
    /// must say so and not pass over it.
    Misread {
        kind: Kind,
        why: Malformed,
    },
}

/// An entry of the ledger. `raw` is all of it; the rest is taken from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadEntry {
    pub site: SiteId,
    pub at: Time,
    pub actor: Actor,
    pub view: View,
    pub raw: Map<String, Value>,
}

impl ReadEntry {
    /// Reads canonical JSON with the fields of the envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::from_raw(canonical::decode(bytes)?)
    }

    fn from_raw(raw: Map<String, Value>) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new(WHAT, why);
        let text = |name: &str| {
            let text = raw.get(name).and_then(Value::as_str);
            text.ok_or_else(|| bad(format!("its field {name:?} is not there, or no text")))
        };
        let actor = raw.get("actor").ok_or_else(|| bad("its field \"actor\" is not there".into()))?;
        let view = match Kind::from_type(text("type")?) {
            None => View::Unknown,
            Some(kind) => {
                let mut fields = raw.clone();
                fields.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
                match Body::from_fields(kind, fields) {
                    Ok(body) => View::Known(Box::new(body)),
                    Err(why) => View::Misread { kind, why },
                }
            }
        };
        Ok(Self { site: text("site")?.parse()?, at: text("at")?.parse()?, actor: Actor::from_value(actor), view, raw })
    }

    /// `pulih/ledger/<kind>/v1`, of unknown kinds too.
    pub fn type_name(&self) -> &str {
        self.raw.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// What it says, if it is of a known kind and understood.
    pub fn body(&self) -> Option<&Body> {
        match &self.view {
            View::Known(body) => Some(body),
            View::Unknown | View::Misread { .. } => None,
        }
    }
}
