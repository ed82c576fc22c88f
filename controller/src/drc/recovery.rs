//! The night of the disaster at the DRC: it is declared, services are brought back in the order of
//! a plan, and every step is on the ledger. `docs/contracts/recovery.md`.

pub(super) mod disaster;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Drc;
use crate::gateway::answer::Answer;

/// What a command of this area asks of a DRC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "recovery", rename_all = "kebab-case")]
pub enum Ask {
    /// The disaster that is going on.
    Disaster,
}

impl Drc {
    pub(super) fn answer_recovery(&self, ask: &Ask) -> Answer<Value> {
        match ask {
            Ask::Disaster => self.shown_disaster(),
        }
    }
}
