//! Which datasets are approved and fresh, and which offices are covered by that: as of any time.

use std::collections::BTreeMap;

use pulih_evidence::facts::{Key, Owner};
use pulih_evidence::register::Recorded;
use pulih_ledger::entry::kinds::ApprovalGiven;
use pulih_ledger::ids::OpdId;
use pulih_policies::{Class, Targets};
use pulih_vault::utc;

use super::records::{Ledger, Records};

/// How a dataset stands that counts at a time: approved then, or with a point.
pub struct Standing<'r> {
    /// The newest approval that was in force, and in whose ledger it stands.
    pub approval: Option<(&'r Recorded<ApprovalGiven>, &'r Ledger)>,
    /// Seconds since its newest point at each place, or since it counts where there never was one.
    pub at_pusat: Option<u64>,
    pub at_drc: Option<u64>,
    /// Whether there was a point.
    pub is_at_pusat: bool,
    pub is_at_drc: bool,
    pub targets: Option<Targets>,
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

fn approval<'r>(records: &'r Records, key: &Key, at: i64) -> Option<(&'r Recorded<ApprovalGiven>, &'r Ledger)> {
    let is_in_force = |its: &Recorded<ApprovalGiven>, ended: Option<i64>| {
        its.at <= at && ended.is_none_or(|ended| ended > at) && until(its).is_none_or(|until| until > at)
    };
    let all = records.all().flat_map(|ledger| ledger.register().approvals.values().map(move |its| (its, ledger)));
    all.filter(|((its, ended), _)| {
        its.says.vault == key.vault && its.says.dataset == key.dataset && is_in_force(its, *ended)
    })
    .map(|((its, _), ledger)| (its, ledger))
    .max_by_key(|(its, _)| its.at)
}

/// `None`: it does not count then, any more or yet.
pub fn standing<'r>(records: &'r Records, key: &Key, owner: &Owner, at: i64) -> Option<Standing<'r>> {
    let exposure = |ledger: &Ledger| ledger.said.facts.timeline(key, records.peer_facts(ledger))?.exposure(at);
    let (at_pusat, at_drc) = (exposure(records.pusat()), records.drc().and_then(exposure));
    at_pusat.or(at_drc)?;
    let targets = records.policies.at(at).and_then(|policy| {
        policy.targets(owner.class.parse::<Class>().ok()?, owner.opd.as_str(), key.dataset.as_str())
    });
    let is_at = |ledger: &Ledger| ledger.said.facts.had_point(key, at);
    let (is_at_pusat, is_at_drc) = (is_at(records.pusat()), records.drc().is_some_and(is_at));
    Some(Standing { approval: approval(records, key, at), at_pusat, at_drc, is_at_pusat, is_at_drc, targets })
}

/// Of all offices, as of a time.
pub fn at(records: &Records, at: i64) -> Covered {
    // Approved datasets of each, and how many of them were fresh.
    let mut counts: BTreeMap<&OpdId, (u64, u64)> = BTreeMap::new();
    for (key, owner) in records.counted() {
        let Some(standing) = standing(records, key, owner, at).filter(|its| its.approval.is_some()) else { continue };
        let (approved, fresh) = counts.entry(&owner.opd).or_default();
        *approved += 1;
        *fresh += u64::from(standing.is_fresh());
    }
    let registered = records.pusat().register().opds.iter().filter(|(_, its)| its.at <= at);
    let mut all = Covered::default();
    for (opd, _) in registered {
        all.opds += 1;
        all.covered += u64::from(counts.get(opd).is_some_and(|(approved, fresh)| approved == fresh));
    }
    all
}
