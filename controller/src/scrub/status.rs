//! What `status` says of the store itself.

use pulih_vault::utc;
use serde::Serialize;

use crate::base::{Base, lock};
use crate::gateway::answer::Answer;

#[derive(Debug, Serialize)]
pub struct StoreStatus {
    /// The last whole scrub; `None`: there was none yet.
    scrubbed: Option<Whole>,
    /// The turn that goes on.
    turn: Option<Going>,
    per_day_bytes: u64,
    /// Damaged or gone now.
    damaged: Vec<Damaged>,
    compared: Option<Compared>,
    copies: Vec<Copy>,
}

#[derive(Debug, Serialize)]
struct Whole {
    began: String,
    ended: String,
    objects: u64,
    bytes: u64,
    damaged: u64,
    healed: u64,
}

#[derive(Debug, Serialize)]
struct Going {
    began: String,
    objects: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Damaged {
    object: String,
    reason: String,
    since: String,
    /// Nobody who was asked has the right bytes: these snapshots are lost with it.
    lost: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct Compared {
    site: String,
    at: String,
    objects: u64,
    missing: u64,
}

#[derive(Debug, Serialize)]
struct Copy {
    medium: String,
    at: String,
    receipt: String,
    snapshots: u64,
    objects: u64,
    bytes: u64,
}

impl Base {
    pub fn store_status(&self) -> Answer<StoreStatus> {
        let per_day_bytes = self.scrub_per_day()?;
        let catalog = lock(&self.catalog);
        Ok(StoreStatus {
            scrubbed: catalog.last_scrub()?.map(|(its, ended)| Whole {
                began: utc::rfc3339(its.began),
                ended: utc::rfc3339(ended),
                objects: its.objects,
                bytes: its.bytes,
                damaged: its.damaged,
                healed: its.healed,
            }),
            turn: catalog.scrub_turn()?.map(|its| Going {
                began: utc::rfc3339(its.began),
                objects: its.objects,
                bytes: its.bytes,
            }),
            per_day_bytes,
            damaged: catalog
                .damages()?
                .into_iter()
                .map(|its| Damaged {
                    object: its.object,
                    reason: its.reason,
                    since: utc::rfc3339(its.at),
                    lost: its.costs,
                })
                .collect(),
            compared: catalog.last_compared()?.map(|its| Compared {
                site: its.site,
                at: utc::rfc3339(its.at),
                objects: its.objects,
                missing: its.missing,
            }),
            copies: catalog
                .copies()?
                .into_iter()
                .map(|its| Copy {
                    medium: its.medium,
                    at: utc::rfc3339(its.at),
                    receipt: its.receipt,
                    snapshots: its.snapshots,
                    objects: its.objects,
                    bytes: its.bytes,
                })
                .collect(),
        })
    }
}
