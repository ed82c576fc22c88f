//! Facts of offices and datasets: who approved what, what is fresh at which site, how it is classed.

use std::collections::BTreeMap;

use pulih_evidence::facts::{Key, Owner};
use pulih_evidence::register::Recorded;
use pulih_ledger::entry::kinds::DatasetClassified;
use pulih_ledger::ids::OpdId;
use pulih_policies::{Class, Policy};
use pulih_vault::trust;
use serde_json::Value;

use super::coverage::{Standing, Standings, until};
use super::held::Held;
use super::records::{Ledger, Object, Records};
use crate::gateway::answer::{Answer, Refusal};

/// A dataset that counts, and what is asked of it by offices.
pub struct Dataset {
    pub opd: OpdId,
    is_approved: bool,
    is_fresh: bool,
    entries: Vec<String>,
    fact: Object,
}

/// Those that count now: approved, or with a point. `states`: by vault and dataset, as a DRC has them.
pub fn datasets(records: &Records, states: &BTreeMap<(String, String), String>) -> Answer<Vec<Dataset>> {
    let (held, standings) = (Held::of(records)?, Standings::read(records));
    Ok(standings.at(records.now).map(|its| dataset(records, &held, &its, states)).collect())
}

fn dataset(records: &Records, held: &Held, its: &Standing, states: &BTreeMap<(String, String), String>) -> Dataset {
    let (key, owner) = (its.of.key, its.of.owner);
    let mut entries: Vec<String> = its.approval.iter().map(|(given, ledger)| ledger.entry(given)).collect();
    let policy = records.policies.newest().map(|(_, policy)| policy);
    let of_class = policy.and_then(|policy| policy.classes.get(&owner.class.parse::<Class>().ok()?));
    let keys = recovery_keys(records, key, owner);
    let classes = classes(records, key);
    entries.extend(classes.iter().map(|(its, ledger)| ledger.entry(its)));
    let newest = |pick: fn(&DatasetClassified) -> Option<&String>| {
        classes.iter().rev().find_map(|(its, _)| pick(&its.says)).cloned()
    };
    let fact = Object::default()
        .with("opd", owner.opd.as_str())
        .with("agent", owner.agent.as_str())
        .with("dataset", key.dataset.as_str())
        .with("class", owner.class.as_str())
        .with("approved", its.approval.is_some())
        .with_some("approval_days_left", its.approval.and_then(|(given, _)| Some(records.days_until(until(given)?))))
        .with_some("exposure_seconds", its.at_pusat)
        .with_some("rpo_seconds", its.targets.map(|its| its.rpo_pusat.seconds()))
        .with("fresh", its.is_fresh())
        .with_some("at_drc_seconds", its.at_drc)
        .with_some("fresh_at_drc", its.is_fresh_at_drc())
        .with_some("purpose", newest(|its| its.purpose.as_ref()))
        .with_some("confidentiality", newest(|its| its.confidentiality.as_ref()))
        .with_some("category", newest(|its| its.category.as_ref()))
        .with_some("content", newest(|its| its.content.as_ref()))
        .with_some("classified_by", classified_by(&classes))
        .with_some("state", states.get(&(key.vault.to_string(), key.dataset.to_string())).cloned())
        .with("encrypted", keys.is_some_and(|keys| keys > 0));
    let (fact, of_held) = held.add(fact, records, key, of_class, keys);
    entries.extend(of_held);
    let (is_approved, is_fresh) = (its.approval.is_some(), its.is_fresh());
    Dataset { opd: owner.opd.clone(), is_approved, is_fresh, entries, fact }
}

/// What was said of its class, the oldest first.
fn classes<'r>(records: &'r Records, key: &Key) -> Vec<(&'r Recorded<DatasetClassified>, &'r Ledger)> {
    let of =
        |ledger: &'r Ledger| ledger.register().classes.get(key).into_iter().flatten().map(move |its| (its, ledger));
    let mut all: Vec<_> = records.all().flat_map(of).collect();
    all.sort_by_key(|(its, _)| its.at);
    all
}

/// The role of whoever set its confidentiality, by the newest word on that person: `walidata` where it is one of them.
fn classified_by(classes: &[(&Recorded<DatasetClassified>, &Ledger)]) -> Option<String> {
    let (its, ledger) = classes.iter().rev().find(|(its, _)| its.says.confidentiality.is_some())?;
    let user = ledger.register().users.get(its.by.as_ref()?)?;
    let roles = &user.says.roles;
    roles.iter().find(|role| *role == "walidata").or_else(|| roles.first()).cloned()
}

/// How many recovery keys the description by which its vault is written names; `None`: none is believed.
fn recovery_keys(records: &Records, key: &Key, owner: &Owner) -> Option<usize> {
    let vault = trust::load(records.sources.store, key.vault, |its| its.fingerprint() == owner.key).ok()?;
    Some(vault.current().1.recipients.len())
}

impl Dataset {
    pub fn into_fact(self) -> Value {
        self.fact.from_entries(self.entries)
    }
}

/// Registered offices, and how many of them are covered.
pub fn opds(records: &Records, datasets: &[Dataset]) -> (Vec<Value>, Value) {
    let ledger = records.pusat();
    let policy = records.policies.newest().map(|(_, policy)| policy);
    let (mut rows, mut covered) = (Vec::new(), 0_u64);
    for (opd, its) in &ledger.register().opds {
        let of: Vec<&Dataset> = datasets.iter().filter(|its| its.opd == *opd && its.is_approved).collect();
        let fresh = of.iter().filter(|its| its.is_fresh).count();
        let is_covered = !of.is_empty() && fresh == of.len();
        covered += u64::from(is_covered);
        let said = records.all().filter_map(|ledger| Some((ledger.register().described_opds.get(opd)?, ledger)));
        let described = said.max_by_key(|(its, _)| its.at);
        let vaults = ledger.said.facts.vaults().filter(|(_, owner)| owner.opd == *opd).count();
        let fact = Object::default()
            .with("opd", opd.as_str())
            .with("name", its.says.name.clone())
            .with("datasets", of.len())
            .with("fresh", fresh)
            .with("covered", is_covered)
            .with("vaults", vaults)
            .with_some("capped", policy.map(|policy| is_capped(policy, opd.as_str())))
            .with_some("own_centre", described.map(|(its, _)| its.says.own_centre));
        let entries = [Some(ledger.entry(its)), described.map(|(its, ledger)| ledger.entry(its))];
        rows.push(fact.from_entries(entries.into_iter().flatten().collect()));
    }
    let all = rows.len() as u64;
    let percent = covered * 100 / all.max(1);
    let coverage = Object::default().with("opds", all).with("covered", covered).with("percent", percent);
    (rows, coverage.into())
}

/// Whether the policy gives an office less than the whole line.
fn is_capped(policy: &Policy, opd: &str) -> bool {
    let own = policy.offices.get(opd).map(|office| &office.limits);
    let share = own.and_then(|its| its.share_percent).or(policy.limits.share_percent);
    let has_band = own.is_some_and(|its| its.bandwidth.as_ref().is_some_and(|bands| !bands.is_empty()));
    has_band || share.is_some_and(|percent| percent < 100)
}

/// States of datasets and plans at a DRC, and its newest qualifying test, as `evidence states` has them.
pub fn states(records: &Records) -> Answer<Option<Value>> {
    if records.drc().is_none_or(|drc| drc.site != records.own.site) {
        return Ok(None);
    }
    let found = crate::evidence::states::report(records.sources, records.now.saturating_add(1), |_, _| true)?;
    Ok::<_, Refusal>(Some(found))
}
