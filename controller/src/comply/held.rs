//! What a class asks of its datasets beside its targets: by how many keys each can be opened, at how many places it is,
//! how long ago it came back.

use std::collections::BTreeSet;

use pulih_evidence::facts::Key;
use pulih_ledger::entry::kinds::CopyMade;
use pulih_ledger::receipt::{CopiedDataset, MAX_RECEIPT_BYTES, Receipt};
use pulih_policies::Rules;
use pulih_vault::store::{ObjectName, StoreError};

use super::records::{Ledger, Object, Records};
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

/// A further copy, as it was made last.
struct Further {
    at: i64,
    entry: String,
    /// What is on it; `None`: the other site made it, and has the receipt.
    has: Option<BTreeSet<Key>>,
}

/// What is looked up once for all datasets.
pub struct Held {
    further: Vec<Further>,
    /// A DRC is there whose ledger is not here.
    drc_is_unknown: bool,
}

/// At how many places a dataset is, and whether that is enough; each `None` where it is not known.
struct Places {
    count: Option<usize>,
    is_enough: Option<bool>,
    entries: Vec<String>,
}

impl Held {
    pub fn of(records: &Records) -> Answer<Self> {
        let mut further = Vec::new();
        for ledger in records.all() {
            for its in ledger.register().copies.values() {
                let has = receipt(records, ledger, &its.says)?.map(|receipt| {
                    let key = |its: &CopiedDataset| Key { vault: its.vault, dataset: its.dataset.clone() };
                    receipt.datasets.iter().map(key).collect()
                });
                further.push(Further { at: its.at, entry: ledger.entry(its), has });
            }
        }
        let is_paired =
            records.all().any(|its| its.register().peers.values().any(|peer| peer.says.role == SiteRole::Drc.as_str()));
        Ok(Self { further, drc_is_unknown: records.drc().is_none() && is_paired })
    }

    /// Adds what is known of a dataset to its fact, and says by which entries. `keys`: recovery keys of its vault.
    pub fn add(
        &self,
        fact: Object,
        records: &Records,
        key: &Key,
        rules: Option<&Rules>,
        keys: Option<usize>,
    ) -> (Object, Vec<String>) {
        let keys_enough = keys.zip(rules).map(|(keys, rules)| keys >= rules.recovery.least() as usize);
        let Places { count, is_enough, mut entries } = self.places(records, key, rules);
        let last = last_restore(records, key);
        let days = last.as_ref().map(|(at, _)| records.days_since(*at));
        let longest = rules.and_then(|rules| rules.drills.longest).filter(|_| records.drc().is_some());
        let is_drilled = longest.map(|longest| {
            last.as_ref().is_some_and(|(at, _)| records.now.saturating_sub(*at) <= longest.seconds() as i64)
        });
        entries.extend(last.and_then(|(_, entry)| entry));
        let fact = fact
            .with_some("recovery_keys", keys)
            .with_some("keys_enough", keys_enough)
            .with_some("copies", count)
            .with_some("copies_enough", is_enough)
            .with_some("drilled_days", days)
            .with_some("drilled_enough", is_drilled);
        (fact, entries)
    }

    fn places(&self, records: &Records, key: &Key, rules: Option<&Rules>) -> Places {
        let is_at = |ledger: Option<&Ledger>| ledger.is_some_and(|its| its.said.facts.has_point(key));
        let (pusat, drc) = (is_at(records.of(SiteRole::Pusat)), is_at(records.drc()));
        let pusat_is_unknown = records.of(SiteRole::Pusat).is_none();
        let of: Vec<&Further> =
            self.further.iter().filter(|its| its.has.as_ref().is_some_and(|has| has.contains(key))).collect();
        let entries = of.iter().map(|its| its.entry.clone()).collect();
        if self.drc_is_unknown || pusat_is_unknown {
            return Places { count: None, is_enough: None, entries };
        }
        let is_in_time = |its: &Further| {
            let limit = rules.and_then(|rules| rules.copies.further());
            limit.is_none_or(|limit| records.now.saturating_sub(its.at) <= limit.seconds() as i64)
        };
        let third =
            if rules.is_none_or(|rules| rules.copies.further().is_none()) || of.iter().any(|its| is_in_time(its)) {
                Some(true)
            } else {
                // One whose receipt is elsewhere may have it.
                let may_be = self.further.iter().any(|its| its.has.is_none() && is_in_time(its));
                (!may_be).then_some(false)
            };
        let is_enough = if pusat && drc { third } else { Some(false) };
        let is_known = self.further.iter().all(|its| its.has.is_some());
        let count = is_known.then(|| usize::from(pusat) + usize::from(drc) + of.len());
        Places { count, is_enough: is_enough.filter(|_| rules.is_some()), entries }
    }
}

/// What an entry says is on a copy; `None`: it is not here.
fn receipt(records: &Records, ledger: &Ledger, made: &CopyMade) -> Answer<Option<Receipt>> {
    let name: ObjectName =
        format!("site/{}/receipts/{}", ledger.site, made.receipt).parse().map_err(|error| Refusal::internal(&error))?;
    match records.sources.store.read(&name, MAX_RECEIPT_BYTES) {
        Ok(note) => Receipt::recorded(&note, made.receipt).map(Some).map_err(|error| {
            Refusal::internal(&format!("{name}: {error}; make the further copy again with `replicate --to`"))
        }),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// When it came back last in a drill, whole or a sample of it, and which entry announced that drill.
fn last_restore(records: &Records, key: &Key) -> Option<(i64, Option<String>)> {
    let drc = records.drc()?;
    let tried = &drc.said.tried;
    let last = tried.measured().iter().rev().find(|its| its.key == *key && its.kind != "recovery")?;
    let drill = last.by.parse().ok().and_then(|id| tried.drill(&id));
    Some((last.at, drill.map(|drill| drc.at(drill.index))))
}
