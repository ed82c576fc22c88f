//! One dataset: since when it counts, and its points.

use std::collections::BTreeMap;

use pulih_ledger::ids::ApprovalId;
use pulih_vault::layout::ManifestName;

use crate::rpo::{Breach, Moment};

#[derive(Debug)]
struct Approval {
    id: ApprovalId,
    given: i64,
    /// Until when it is in force; `None`: until somebody ends it.
    until: Option<i64>,
}

#[derive(Debug, Default)]
pub struct Facts {
    approvals: Vec<Approval>,
    there: BTreeMap<ManifestName, Moment>,
    gone: Vec<Moment>,
    first: Option<i64>,
}

impl Facts {
    pub fn approve(&mut self, id: ApprovalId, given: i64, until: Option<i64>) {
        self.approvals.push(Approval { id, given, until });
    }

    pub fn end(&mut self, id: &ApprovalId, at: i64) {
        if let Some(its) = self.approvals.iter_mut().find(|its| its.id == *id) {
            its.until = Some(its.until.map_or(at, |until| until.min(at)));
        }
    }

    /// The first entry about a point says since when it is there; a later one says only for how long it is kept.
    pub fn point(&mut self, name: ManifestName, its: Moment) {
        self.first = Some(self.first.map_or(its.there, |first| first.min(its.there)));
        self.there.entry(name).or_insert(its);
    }

    pub fn gone(&mut self, name: ManifestName, at: i64) {
        if let Some(its) = self.there.remove(&name) {
            self.gone.push(its.until(at));
        }
    }

    pub fn points(&self) -> impl Iterator<Item = Moment> {
        self.there.values().chain(&self.gone).copied()
    }

    pub fn first(&self) -> Option<i64> {
        self.first
    }

    pub fn approved_since(&self) -> Option<i64> {
        self.approvals.iter().map(|its| its.given).min()
    }

    /// `None`: one of them is in force without an end, or there is none at all.
    pub fn approved_until(&self) -> Option<i64> {
        let ends: Option<Vec<i64>> = self.approvals.iter().map(|its| its.until).collect();
        ends?.into_iter().max()
    }

    /// Whether a point was here before a breach ended that would have shortened it elsewhere, and was not there.
    pub fn has_fresher(&self, elsewhere: Option<&Self>, breach: &Breach) -> bool {
        let came = |name: &ManifestName| {
            elsewhere.and_then(|its| its.there.get(name)).is_some_and(|its| its.there <= breach.ended)
        };
        let fresher = |its: &Moment| its.there < breach.ended && its.dated() > breach.newest();
        self.there.iter().any(|(name, its)| fresher(its) && !came(name))
    }
}
