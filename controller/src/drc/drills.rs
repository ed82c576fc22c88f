//! Drills at the DRC: what the policy's lines ask for, what a person orders, and what came of it. Every decision
//! and every entry is here; the worker that restores is elsewhere (`crate::drill`) and asks. `docs/contracts/evidence.md`.

mod announce;
mod auditor;
mod choose;
mod cosigned;
pub mod due;
mod end;
mod of_plan;
mod of_recipes;
pub mod order;
mod recipes;
mod shown;
mod start;
mod step;
mod tend;
mod wanted;
mod what;

use pulih_policies::Recipe;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use announce::check_announced;
pub use tend::Drilling;

use super::Drc;
use super::recovery::order::Dataset;
use crate::control::json;
use crate::gateway::answer::Answer;
use order::{Done, Host, StepEnded, Wanted};

/// The kinds of drills that this version does.
pub const VERIFY: &str = "verify";
pub const RESTORE: &str = "restore";
/// All datasets of a recovery plan, in its order.
pub const PLAN: &str = "plan";
/// Recipes run over their restored datasets.
pub const APPLICATION: &str = "application";
pub const KINDS: [&str; 4] = [VERIFY, RESTORE, APPLICATION, PLAN];

/// Whether a drill of a kind brings data back, and so takes keys and a scratch place.
pub fn restores(kind: &str) -> bool {
    kind != VERIFY
}

/// Whether a recipe runs over a dataset.
pub fn needs(recipe: &Recipe, item: &Dataset) -> bool {
    recipe.datasets.iter().any(|part| {
        (part.opd.as_str(), part.agent.as_str(), part.dataset.as_str()) == (&*item.opd, &*item.agent, &*item.dataset)
    })
}

/// What a command of this area, or the worker, asks of a DRC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "drill", rename_all = "kebab-case")]
pub enum Ask {
    /// What a person would announce.
    Plan {
        wanted: Wanted,
    },
    List,
    Show {
        id: String,
    },
    /// When each schedule comes next.
    Schedule,
    Cancel {
        id: String,
        reason: String,
    },
    Recipes,
    /// `None`: the version in force.
    Recipe {
        name: String,
        version: Option<u64>,
    },
    /// What its auditor signs to let it start, or to attest it: the hash of the entry that is meant.
    ToSign {
        id: String,
        ended: bool,
    },
    /// The worker is ready: whether it may begin, and with what.
    Start {
        id: String,
        host: Host,
    },
    Step {
        ended: StepEnded,
    },
    /// The worker has done all it could.
    End {
        done: Done,
    },
}

impl Drc {
    pub(super) fn answer_drills(&self, ask: &Ask) -> Answer<Value> {
        match ask {
            Ask::Plan { wanted } => json(self.plan_drill(wanted)?),
            Ask::List => self.listed_drills(),
            Ask::Show { id } => self.shown_drill(id),
            Ask::Schedule => self.drill_schedule(),
            Ask::Cancel { id, reason } => self.cancel_drill(id, reason),
            Ask::Recipes => self.listed_recipes(),
            Ask::Recipe { name, version } => self.shown_recipe(name, *version),
            Ask::ToSign { id, ended } => self.to_sign(id, *ended),
            Ask::Start { id, host } => json(self.start_drill(id, host)?),
            Ask::Step { ended } => self.drill_step(ended),
            Ask::End { done } => self.drill_done(done),
        }
    }
}
