//! Whether the Pusat Data is heard.

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{LinkBack, LinkLost};

use super::{Drc, lock};
use crate::catalog::Silence;
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;
use crate::silence::{Change, Heard, changes};

/// The least that the other site may be quiet, in seconds.
const PATIENCE: i64 = 600;

impl Drc {
    /// Looks whether the Pusat Data is quiet for longer than the shortest target here, and writes down what changed.
    pub fn listen(&self) -> Answer<()> {
        let now = self.now();
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return self.say(now, Vec::new()) };
        let shortest =
            self.in_force().policy.classes.values().map(|rules| rules.targets.rpo_drc.seconds() as i64).min();
        let (last, open) = {
            let catalog = lock(&self.catalog);
            (catalog.heard(&peer.site)?.unwrap_or(peer.since), catalog.silences(Silence::Link)?)
        };
        let patience = shortest.unwrap_or(PATIENCE).max(PATIENCE);
        let heard = [Heard { subject: peer.site, last, patience }];
        let internal = |error: &dyn std::fmt::Display| Refusal::internal(&error);
        let body = |change| -> Answer<Body> {
            Ok(match change {
                Change::Lost { subject, since } => LinkLost {
                    peer: subject.parse().map_err(|error| internal(&error))?,
                    since: time(since).map_err(|error| internal(&error))?,
                }
                .into(),
                Change::Back { subject, since } => LinkBack {
                    peer: subject.parse().map_err(|error| internal(&error))?,
                    since: time(since).map_err(|error| internal(&error))?,
                }
                .into(),
            })
        };
        self.say(now, changes(&heard, &open, self.opened, now).into_iter().map(body).collect::<Answer<_>>()?)
    }
}
