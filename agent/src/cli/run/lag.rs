//! What the DRC has of each dataset, by its own word, held against the policy's target.

use pulih_protocol::drc::Heads;
use pulih_vault::layout::DatasetName;

use super::super::drc::heads_seen;
use super::shared::Shared;
use crate::daemon::due::Standing;
use crate::drc::{head, is_late};
use crate::state::StateDir;

/// What the DRC said last.
pub struct Heard {
    drc: String,
    heads: Heads,
}

impl Heard {
    /// `None`: no DRC is known, or it has said nothing yet; `status` says so.
    pub fn read(state: &StateDir, agent: &str) -> Option<Self> {
        let known = state.drc().ok().flatten()?;
        let heads = heads_seen(state, agent, &known).ok().flatten()?;
        Some(Self { drc: known.card.name, heads })
    }

    /// The DRC has nothing newer: the Pusat Data withholds, or the line between the two does. Told once for each point.
    pub fn warn_of_lag(&self, shared: &Shared, name: &DatasetName, standing: &Standing, target: i64, now: i64) {
        let head = head(&self.heads, name.as_str());
        if !is_late(head, standing.served.map(|_| standing.known), target, now) {
            return;
        }
        let has = head.map_or_else(|| "nothing of it".to_owned(), |its| format!("nothing newer than {}", its.accepted));
        let about = head.map_or("", |its| its.snapshot.as_str());
        let (drc, at) = (&self.drc, &self.heads.at);
        let text = format!("dataset {name} is past its target at the DRC: {drc} has {has}, as it said at {at}");
        shared.alarm("drc-late", &format!("{name} {about}"), &text);
    }
}
