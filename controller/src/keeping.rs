//! What a site keeps and what goes: by the dates that its ledger fixed, and by what people and
//! measures said. It works on what every site has, so for a Pusat Data and for a DRC alike.
//! `docs/contracts/retention.md`.

mod acts;
mod again;
mod avoid;
mod execute;
mod locks;
mod plan;
mod reach;
mod suspicion;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use pulih_ledger::entry::Body;
use pulih_vault::utc;

use crate::base::{Base, lock};
use crate::catalog::{Catalog, User};
use crate::control;
use crate::gateway::answer::Answer;
use crate::people::{Role, must};

pub use acts::check;
pub use execute::{By, GRACE_SECONDS, Retained};
pub use locks::Locked;
pub use plan::{Expired, Plan, clock_doubt};
pub use suspicion::{Change, Past, SILENCE, Suspect};

/// Between runs of retention that nobody asks for.
const DAY_SECONDS: i64 = 24 * 3600;

/// What a command asks about this.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    Plan,
    /// Does what follows from what has expired.
    Run,
    Holds,
    Suspicions,
    Deletions,
}

/// What a run did, as `--json` prints it.
pub fn retained(done: Retained) -> Answer<Value> {
    Ok(json!({"type": "pulih/retained/v1", "done": control::json(done)?}))
}

impl Base {
    /// Whether a person may do what was signed, and whether it makes sense; `false`: it is no matter of this room.
    pub fn check_keeping(&self, catalog: &Catalog, person: &User, body: &Body) -> Answer<bool> {
        let Body::SnapshotsExpired(its) = body else { return check(catalog, self.site.role, person, body) };
        must(person, person.is(Role::Operator) || person.is(Role::Admin), "an operator")?;
        self.check_expired(catalog, its).map(|()| true)
    }

    /// Whether the site's own run of the day is due. The first comes a day after the catalog was made.
    pub fn is_due(&self) -> Answer<bool> {
        let (now, catalog) = (self.now(), lock(&self.catalog));
        let last = catalog.retained()?;
        let due = last.is_some_and(|at| now - at >= DAY_SECONDS || now < at);
        if due || last.is_none() {
            catalog.set_retained(now)?;
        }
        Ok(due)
    }

    /// Does what was asked, and says what `--json` prints.
    pub fn keeping(&self, order: Order) -> Answer<Value> {
        match order {
            Order::Plan => {
                Ok(json!({"type": "pulih/retention-plan/v1", "plan": control::json(self.retention_plan()?)?}))
            }
            Order::Run => retained(self.retain_now(By::Person)?),
            Order::Holds => {
                let holds = lock(&self.catalog).holds()?.into_iter().map(|its| {
                    json!({
                        "hold": its.id, "vault": its.vault, "dataset": its.dataset, "letter": its.letter,
                        "reason": its.reason, "placed": utc::rfc3339(its.placed),
                        "released": its.released.map(utc::rfc3339),
                    })
                });
                Ok(json!({"type": "pulih/holds/v1", "holds": holds.collect::<Vec<_>>()}))
            }
            Order::Suspicions => {
                let suspicions = lock(&self.catalog).suspicions()?.into_iter().map(|its| {
                    json!({
                        "suspicion": its.id, "vault": its.vault, "dataset": its.dataset, "measure": its.measure,
                        "text": its.text, "since": utc::rfc3339(its.since), "raised": utc::rfc3339(its.raised),
                        "ended": its.ended.map(utc::rfc3339),
                    })
                });
                Ok(json!({"type": "pulih/suspicions/v1", "suspicions": suspicions.collect::<Vec<_>>()}))
            }
            Order::Deletions => {
                let deletions = lock(&self.catalog).deletions()?.into_iter().map(|its| {
                    json!({
                        "deletion": its.id, "vault": its.vault, "dataset": its.dataset, "snapshots": its.manifests,
                        "reason": its.reason, "asked_by": its.asked_by, "asked": utc::rfc3339(its.asked),
                        "approved": its.approved.map(utc::rfc3339),
                    })
                });
                Ok(json!({"type": "pulih/deletions/v1", "deletions": deletions.collect::<Vec<_>>()}))
            }
        }
    }
}
