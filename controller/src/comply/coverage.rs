//! Which datasets are approved and fresh, and which offices are covered by that: as of any time.

use std::collections::BTreeMap;

use pulih_evidence::facts::{Key, Owner};
use pulih_evidence::register::Recorded;
use pulih_evidence::rpo::Timeline;
use pulih_ledger::entry::kinds::ApprovalGiven;
use pulih_ledger::ids::OpdId;
use pulih_policies::{Class, Policy, Targets};
use pulih_vault::utc;

use super::records::{Ledger, Records};

/// A dataset, with all its points at both places.
pub struct Dated<'r> {
    pub key: &'r Key,
    pub owner: &'r Owner,
    pusat: Option<Timeline>,
    drc: Option<Timeline>,
    /// Each with its end, where it was ended before its time, and the ledger that it stands in.
    approvals: Vec<(&'r Recorded<ApprovalGiven>, Option<i64>, &'r Ledger)>,
}

/// How a dataset stands that counts at a time: approved then, or with a point.
pub struct Standing<'d> {
    pub of: &'d Dated<'d>,
    /// The newest approval that was in force, and in whose ledger it stands.
    pub approval: Option<(&'d Recorded<ApprovalGiven>, &'d Ledger)>,
    /// Seconds since its newest point at each place, or since it counts where there never was one.
    pub at_pusat: Option<u64>,
    pub at_drc: Option<u64>,
    /// Whether there was a point.
    pub is_at_pusat: bool,
    pub is_at_drc: bool,
    pub targets: Option<Targets>,
}

/// All datasets, read once for as many times as are asked for.
pub struct Standings<'r> {
    records: &'r Records<'r>,
    all: Vec<Dated<'r>>,
}

/// Offices that were registered, and those whose approved datasets were fresh, all of them and one at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    pub opds: u64,
    pub covered: u64,
}

impl Standing<'_> {
    /// Within `rpo_pusat` at the Pusat Data.
    pub fn is_fresh(&self) -> bool {
        let target = self.targets.map(|its| its.rpo_pusat.seconds());
        self.is_at_pusat && self.at_pusat.zip(target).is_some_and(|(exposure, target)| exposure <= target)
    }

    /// Within `rpo_drc` at the DRC; `None`: no DRC's ledger is here, or nothing says how old a point may be.
    pub fn is_fresh_at_drc(&self) -> Option<bool> {
        Some(self.at_drc? <= self.targets?.rpo_drc.seconds() && self.is_at_drc)
    }
}

/// When an approval ends by itself.
pub fn until(its: &Recorded<ApprovalGiven>) -> Option<i64> {
    utc::parse(its.says.until.as_ref()?.as_str())
}

impl<'r> Standings<'r> {
    pub fn read(records: &'r Records<'r>) -> Self {
        let mut approvals: BTreeMap<Key, Vec<_>> = BTreeMap::new();
        for ledger in records.all() {
            for (its, ended) in ledger.register().approvals.values() {
                let key = Key { vault: its.says.vault, dataset: its.says.dataset.clone() };
                approvals.entry(key).or_default().push((its, *ended, ledger));
            }
        }
        let timeline = |key: &Key, ledger: &Ledger| ledger.said.facts.timeline(key, records.peer_facts(ledger));
        let of = |(key, owner): (&'r Key, &'r Owner)| Dated {
            key,
            owner,
            pusat: timeline(key, records.pusat()),
            drc: records.drc().and_then(|drc| timeline(key, drc)),
            approvals: approvals.remove(key).unwrap_or_default(),
        };
        Self { records, all: records.counted().into_iter().map(of).collect() }
    }

    /// Those that counted then.
    pub fn at(&self, at: i64) -> impl Iterator<Item = Standing<'_>> {
        let policy = self.records.policies.at(at);
        self.all.iter().filter_map(move |of| of.at(at, policy))
    }

    /// Of all offices, as of a time.
    pub fn covered(&self, at: i64) -> Covered {
        // Approved datasets of each, and how many of them were fresh.
        let mut counts: BTreeMap<&OpdId, (u64, u64)> = BTreeMap::new();
        for its in self.at(at).filter(|its| its.approval.is_some()) {
            let (approved, fresh) = counts.entry(&its.of.owner.opd).or_default();
            *approved += 1;
            *fresh += u64::from(its.is_fresh());
        }
        let registered = self.records.pusat().register().opds.iter().filter(|(_, its)| its.at <= at);
        let mut all = Covered::default();
        for (opd, _) in registered {
            all.opds += 1;
            all.covered += u64::from(counts.get(opd).is_some_and(|(approved, fresh)| approved == fresh));
        }
        all
    }
}

impl Dated<'_> {
    /// `None`: it does not count then, any more or yet.
    fn at(&self, at: i64, policy: Option<&Policy>) -> Option<Standing<'_>> {
        let exposure = |timeline: &Option<Timeline>| timeline.as_ref()?.exposure(at);
        let is_there = |timeline: &Option<Timeline>| timeline.as_ref().is_some_and(|its| its.had_point(at));
        let (at_pusat, at_drc) = (exposure(&self.pusat), exposure(&self.drc));
        at_pusat.or(at_drc)?;
        let class = self.owner.class.parse::<Class>().ok();
        let targets = policy
            .zip(class)
            .and_then(|(policy, class)| policy.targets(class, self.owner.opd.as_str(), self.key.dataset.as_str()));
        let in_force = self.approvals.iter().filter(|(its, ended, _)| {
            its.at <= at && ended.is_none_or(|ended| ended > at) && until(its).is_none_or(|until| until > at)
        });
        Some(Standing {
            of: self,
            approval: in_force.map(|(its, _, ledger)| (*its, *ledger)).max_by_key(|(its, _)| its.at),
            at_pusat,
            at_drc,
            is_at_pusat: is_there(&self.pusat),
            is_at_drc: is_there(&self.drc),
            targets,
        })
    }

    /// `agent/dataset`, as people name it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.owner.agent, self.key.dataset)
    }
}
