//! The night of the disaster at the DRC: it is declared, services are brought back in the order of
//! a plan, and every step is on the ledger. `docs/contracts/recovery.md`.

pub(super) mod disaster;
pub mod keys;
pub mod order;
mod plans;
mod prepare;
mod report;
pub mod server;
pub(super) mod steps;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use prepare::{MAX_POINTS, manual_what, parse_point};

use super::Drc;
use crate::control::json;
use crate::gateway::answer::Answer;
use order::{Ended, ServersTurn, Wanted};

/// What a command of this area asks of a DRC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "recovery", rename_all = "kebab-case")]
pub enum Ask {
    /// The disaster that is going on.
    Disaster,
    /// How things stand for those who answer for the regency.
    Report,
    Plans,
    Plan {
        name: String,
    },
    Prepare {
        wanted: Wanted,
    },
    StepEnded {
        ended: Ended,
    },
    /// A dataset that a server restores now, or how that ended.
    ServersTurn {
        turn: ServersTurn,
    },
    Ended {
        id: String,
        outcome: String,
        milliseconds: u64,
    },
    Recoveries,
    Recovery {
        id: String,
    },
    ToTick {
        id: Option<String>,
    },
    /// The keeper has all the parts of these people.
    KeysOpened {
        class: String,
        people: Vec<String>,
        until: String,
    },
}

impl Drc {
    pub(super) fn answer_recovery(&self, ask: &Ask) -> Answer<Value> {
        match ask {
            Ask::Disaster => self.shown_disaster(),
            Ask::Report => json(self.disaster_report()?),
            Ask::Plans => self.listed_plans(),
            Ask::Plan { name } => self.shown_plan(name),
            Ask::Prepare { wanted } => json(self.prepare(wanted)?),
            Ask::StepEnded { ended } => self.step_ended(ended),
            Ask::ServersTurn { turn } => self.servers_turn(turn),
            Ask::Ended { id, outcome, milliseconds } => self.recovery_ended(id, outcome, *milliseconds),
            Ask::Recoveries => self.listed_recoveries(),
            Ask::Recovery { id } => self.shown_recovery(id),
            Ask::ToTick { id } => self.to_tick(id.as_deref()),
            Ask::KeysOpened { class, people, until } => self.keys_opened(class, people, until),
        }
    }
}
