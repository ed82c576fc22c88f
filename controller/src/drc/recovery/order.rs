//! What a recovery does, as both sides of the control socket say it: what is wanted, what is to be
//! done for it in which order, and what was done.

use pulih_restore::recover::Point;
use serde::{Deserialize, Serialize};

/// What an operator wants back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The plan in force with this name.
    pub plan: Option<String>,
    /// `DATASET` or `AGENT/DATASET`, without a plan.
    pub datasets: Vec<String>,
    /// Whose datasets these are, where the name alone does not say it.
    pub agent: Option<String>,
    /// A point other than the newest before suspicion: the beginning of its id.
    pub at: Option<String>,
    /// `AGENT/DATASET` of the plan that is left out.
    pub skip: Vec<String>,
    /// A folder of this host, or the server's name.
    pub target: String,
    /// The agent that brings them into place; `None`: this host.
    pub server: Option<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "kebab-case")]
pub enum Item {
    Dataset(Dataset),
    Manual(Manual),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// The plan's service that it belongs to.
    pub service: Option<String>,
    pub opd: String,
    pub agent: String,
    pub vault: String,
    pub class: String,
    pub dataset: String,
    /// The manifest's name.
    pub snapshot: String,
    pub captured: String,
    pub stored_bytes: u64,
    /// The fingerprint of the owner key that speaks for the vault here.
    pub owner: String,
    /// It is not the newest point before suspicion: that takes a reason.
    pub is_other: bool,
    pub done: bool,
}

impl Dataset {
    /// `<vault>/<dataset>/<manifest>`, as it stands in the ledger.
    pub fn point(&self) -> String {
        format!("{}/{}/{}", self.vault, self.dataset, self.snapshot)
    }

    /// The same for whoever restores it.
    pub fn parsed(&self) -> Result<Point, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", self.label());
        Ok(Point {
            vault: self.vault.parse().map_err(|error| told(&error))?,
            owner: self.owner.parse().map_err(|error| told(&error))?,
            dataset: self.dataset.parse().map_err(|error| told(&error))?,
            manifest: self.snapshot.parse().map_err(|error| told(&error))?,
        })
    }

    /// As people name it.
    pub fn label(&self) -> String {
        format!("{}/{}", self.agent, self.dataset)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    pub service: String,
    pub name: String,
    pub text: String,
    pub responsible: String,
    pub contact: String,
    pub done: bool,
}

/// What a recovery would do, and what is known to be in its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    pub disaster: Option<String>,
    /// One that was interrupted, and goes on.
    pub recovery: Option<String>,
    pub items: Vec<Item>,
    pub problems: Vec<String>,
    /// Bytes of content a second, of recoveries that ended well here.
    pub bytes_per_second: Option<u64>,
}

/// A step that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub recovery: String,
    pub vault: String,
    pub dataset: String,
    pub snapshot: String,
    /// `done` or `failed`.
    pub outcome: String,
    pub began: String,
    pub milliseconds: u64,
    pub fetch_ms: u64,
    /// `None`: it is in `write_ms`, as a server says it.
    pub decrypt_ms: Option<u64>,
    pub write_ms: u64,
    pub verify_ms: u64,
    pub files: u64,
    pub bytes: u64,
    pub text: String,
}

/// What a server is to restore now, as the command that follows the order says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServersTurn {
    pub recovery: String,
    pub point: String,
    /// Which dataset of the order it is, from 1.
    pub number: u64,
    /// Bytes of content of it and of all that follow.
    pub left_bytes: u64,
    /// The steps that there were when the command came to it: a later one is this turn's.
    pub after: u64,
}
