//! The DRC, as agents know it: who it is, as their Pusat Data says, and what it says of itself.

use serde::{Deserialize, Serialize};

/// The DRC that a Pusat Data is paired with. What an agent is told first it keeps; another one later it takes
/// only from a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrcCard {
    /// Its id.
    pub site: String,
    /// For people.
    pub name: String,
    /// `https://host:port` of its gateway.
    pub url: String,
    /// Its CA's certificate, in PEM.
    pub ca: String,
    /// The key of its ledger, which signs what it says.
    pub key: String,
}

/// [`Heads`] in a signed note by the key of the DRC's ledger: a line of JSON. It begins with `{`, as no
/// checkpoint, batch or head of a ledger does.
pub const HEADS_TYPE: &str = "pulih/drc-heads/v1";

/// What the DRC says to an agent: how far it has come, and whether agents go on there, or elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// [`HEADS_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    pub site: String,
    /// Whose datasets these are.
    pub agent: String,
    /// The DRC's clock, RFC 3339.
    pub at: String,
    /// Since when a disaster is declared there, RFC 3339: agents go on at the DRC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disaster: Option<String>,
    /// By which notes the keys of its ledger handed over to the one that signed this, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handed_over: Vec<String>,
    /// Where the Pusat Data is now, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// Those that have a recovery point there.
    pub datasets: Vec<HeadView>,
}

/// A new Pusat Data, whose card a person at the DRC compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub site: String,
    pub url: String,
    /// Its CA's certificate, in PEM.
    pub ca: String,
}

/// The newest recovery point of a dataset that is complete at the DRC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadView {
    pub vault: String,
    pub dataset: String,
    /// `<sequence>-<hash>` of its manifest.
    pub snapshot: String,
    /// How old it is at most: the earliest of when the Pusat Data accepted it, when it was captured, and when it
    /// was complete at the DRC. RFC 3339.
    pub accepted: String,
    /// Since when the DRC has it, RFC 3339.
    pub replicated: String,
}
