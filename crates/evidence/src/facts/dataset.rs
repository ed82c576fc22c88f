//! One dataset: since when it counts, and its points.

use std::collections::BTreeMap;

use pulih_ledger::ids::{ApprovalId, SuspicionId};
use pulih_vault::layout::ManifestName;

use crate::rpo::{Breach, Moment};

#[derive(Debug)]
struct Approval {
    id: ApprovalId,
    given: i64,
    /// Until when it is in force; `None`: until somebody ends it.
    until: Option<i64>,
}

#[derive(Debug)]
struct Point {
    moment: Moment,
    /// When a Pusat Data took it in, which is what a suspicion goes by.
    accepted: i64,
}

#[derive(Debug, Default)]
pub struct Facts {
    approvals: Vec<Approval>,
    there: BTreeMap<ManifestName, Point>,
    gone: Vec<Moment>,
    first: Option<i64>,
    /// The suspicion that it is under, and since when what was accepted is suspected.
    suspected: Option<(SuspicionId, i64)>,
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
    pub fn point(&mut self, name: ManifestName, moment: Moment, accepted: i64) {
        self.first = Some(self.first.map_or(moment.there, |first| first.min(moment.there)));
        self.there.entry(name).or_insert(Point { moment, accepted });
    }

    pub fn suspect(&mut self, id: SuspicionId, since: i64) {
        self.suspected = Some((id, since));
    }

    pub fn trust(&mut self, id: &SuspicionId) {
        self.suspected.take_if(|(open, _)| open == id);
    }

    /// The points of now that no suspicion is on; `None`: it is under none.
    pub fn clean(&self) -> Option<impl Iterator<Item = Moment>> {
        let since = self.suspected.as_ref()?.1;
        Some(self.there.values().filter(move |its| its.accepted < since).map(|its| its.moment))
    }

    pub fn gone(&mut self, name: ManifestName, at: i64) {
        if let Some(its) = self.there.remove(&name) {
            self.gone.push(its.moment.until(at));
        }
    }

    /// Whether one is there now.
    pub fn has_point(&self) -> bool {
        !self.there.is_empty()
    }

    pub fn points(&self) -> impl Iterator<Item = Moment> {
        self.there.values().map(|its| its.moment).chain(self.gone.iter().copied())
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
            elsewhere.and_then(|its| its.there.get(name)).is_some_and(|its| its.moment.there <= breach.ended)
        };
        let fresher = |its: &Moment| its.there < breach.ended && its.dated() > breach.newest();
        self.there.iter().any(|(name, its)| fresher(&its.moment) && !came(name))
    }
}
