//! How old the newest point of each dataset was at both places, second by second, from records that were read once: for
//! reports that ask of many periods.

use pulih_evidence::facts::{Key, Owner};
use pulih_evidence::rpo::{Figures, Target, Timeline};
use pulih_report::data::{Both, Role};

use super::continuity::role_of;
use crate::comply::records::Records;
use crate::evidence::read::InTime;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

/// A dataset at a place.
pub struct Exposed<'r> {
    pub key: &'r Key,
    pub owner: &'r Owner,
    pub place: Role,
    pub timeline: Timeline,
    pub targets: Vec<Target>,
}

/// All of them, and what a reader must know where some are missing.
pub struct Exposures<'r> {
    pub all: Vec<Exposed<'r>>,
    pub remarks: Vec<Both>,
}

impl<'r> Exposures<'r> {
    pub fn read(records: &'r Records) -> Answer<Self> {
        let mut found = Self { all: Vec::new(), remarks: Vec::new() };
        found.take(records, records.sources.role, &records.policies)?;
        let Some(policies) = records.peer_policies() else { return Ok(found) };
        match policies {
            Ok(policies) => found.take(records, SiteRole::Pusat, &policies)?,
            // Its policies are its own: without them nothing says what its targets are.
            Err(refusal) => found.remarks.push(Both::new(
                format!("Angka RPO di Pusat Data tidak dapat dihitung di sini: {}", refusal.message),
                format!("RPO at the Pusat Data could not be reckoned here: {}", refusal.message),
            )),
        }
        Ok(found)
    }

    fn take(&mut self, records: &'r Records, role: SiteRole, policies: &InTime) -> Answer<()> {
        let Some(ledger) = records.of(role) else { return Ok(()) };
        for (key, owner) in records.counted() {
            let Some(timeline) = ledger.said.facts.timeline(key, records.peer_facts(ledger)) else { continue };
            let class = owner.class.parse().map_err(|error| Refusal::internal(&error))?;
            let targets = policies.targets(class, owner.opd.as_str(), key.dataset.as_str());
            self.all.push(Exposed { key, owner, place: role_of(role), timeline, targets });
        }
        Ok(())
    }

    /// Of those that `is_asked` takes, each with its figures of a period in which it counted.
    pub fn figures(
        &self,
        (from, to, now): (i64, i64, i64),
        is_asked: impl Fn(&Exposed) -> bool,
    ) -> Vec<(&Exposed<'r>, Figures)> {
        let asked = self.all.iter().filter(|its| is_asked(its));
        let each = asked.map(|its| (its, its.timeline.figures(from, to, now, &its.targets)));
        each.filter(|(_, figures)| figures.seconds > 0).collect()
    }

    /// Hundredths of a per cent of the time inside the targets at a place; `None`: nothing counted.
    pub fn inside(&self, place: Role, period: (i64, i64, i64)) -> Option<u64> {
        let each = self.figures(period, |its| its.place == place);
        Figures::of_all(each.iter().map(|(_, figures)| figures)).inside_per_myriad()
    }
}
