//! What a site keeps and what goes: by the dates that its ledger fixed, and by what people and
//! measures said. It works on what every site has, so for a Pusat Data and for a DRC alike.
//! `docs/contracts/retention.md`.

mod acts;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use pulih_vault::utc;

use crate::base::{Base, lock};
use crate::gateway::answer::Answer;

pub use acts::check;

/// What a command asks about this.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    Holds,
    Suspicions,
    Deletions,
}

impl Base {
    /// Does what was asked, and says what `--json` prints.
    pub fn keeping(&self, order: Order) -> Answer<Value> {
        match order {
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
