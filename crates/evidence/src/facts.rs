//! Facts of recovery points, as a ledger says them, entry by entry in its order.

mod dataset;
mod spans;

use std::collections::BTreeMap;

use pulih_ledger::entry::Body;
use pulih_ledger::ids::{AgentId, OpdId};
use pulih_ledger::time::Time;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::Fingerprint;
use pulih_vault::utc;

use crate::rpo::{Breach, Cause, Moment, Span, Timeline};
use dataset::Facts as Dataset;
use spans::Spans;

/// A dataset: its vault and its name there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub vault: VaultId,
    pub dataset: DatasetName,
}

/// Whose a vault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub opd: OpdId,
    pub agent: AgentId,
    pub class: String,
    /// The owner key that speaks for it.
    pub key: Fingerprint,
}

/// What one ledger says of points, and of what kept them from coming.
#[derive(Debug, Default)]
pub struct Facts {
    vaults: BTreeMap<VaultId, Owner>,
    datasets: BTreeMap<Key, Dataset>,
    /// Which policy was in force from when on.
    policies: Vec<(i64, ObjectHash)>,
    spans: Spans,
    /// Seconds by which an agent's clock was off when that was seen last.
    clocks: BTreeMap<AgentId, i64>,
    newest: i64,
    /// When expiry was stopped by the clock, or an entry was older than one before it.
    doubted: Vec<i64>,
}

fn seconds(time: &Time) -> i64 {
    utc::parse(time.as_str()).unwrap_or(0)
}

impl Facts {
    /// Takes in the next entry. `is_site`: by the site and so by its clock, and not by a person's.
    pub fn take(&mut self, at: &Time, is_site: bool, body: &Body) {
        let at = seconds(at);
        if is_site {
            if at < self.newest || matches!(body, Body::ExpiryStopped(_)) {
                self.doubted.push(at);
            }
            self.newest = self.newest.max(at);
        }
        match body {
            Body::PolicyApplied(its) => self.policies.push((at, its.object)),
            Body::AgentEnrolled(its) => self.own(its.vault, (&its.opd, &its.agent), &its.class, its.owner),
            Body::VaultPinned(its) => self.own(its.vault, (&its.opd, &its.agent), &its.class, its.owner),
            Body::AgentClock(its) => drop(self.clocks.insert(its.agent.clone(), its.seconds)),
            _ => self.take_point(at, body),
        }
    }

    fn own(&mut self, vault: VaultId, (opd, agent): (&OpdId, &AgentId), class: &str, key: Fingerprint) {
        self.vaults.insert(vault, Owner { opd: opd.clone(), agent: agent.clone(), class: class.to_owned(), key });
    }

    fn dataset(&mut self, vault: VaultId, dataset: &DatasetName) -> &mut Dataset {
        self.datasets.entry(Key { vault, dataset: dataset.clone() }).or_default()
    }

    fn take_point(&mut self, at: i64, body: &Body) {
        match body {
            Body::ApprovalGiven(its) => {
                let until = its.until.as_ref().map(seconds);
                self.dataset(its.vault, &its.dataset).approve(its.approval.clone(), at, until);
            }
            Body::ApprovalEnded(its) => self.datasets.values_mut().for_each(|of| of.end(&its.approval, at)),
            Body::SnapshotAccepted(its) => {
                // Its age counts by the site's clock, unless it came late and claims to be older.
                let dated = if its.late { at.min(seconds(&its.captured)) } else { at };
                self.point((its.vault, &its.dataset), its.manifest, Moment::new(at, dated, None), at, its.partial);
            }
            Body::SnapshotReplicated(its) => {
                let accepted = seconds(&its.accepted);
                let moment = Moment::new(at, at.min(accepted).min(seconds(&its.captured)), None);
                self.point((its.vault, &its.dataset), its.manifest, moment, accepted, its.partial);
            }
            Body::SnapshotsExpired(its) => {
                let of = self.dataset(its.vault, &its.dataset);
                its.manifests.iter().filter_map(|name| name.parse().ok()).for_each(|name| of.gone(name, at));
            }
            Body::SuspicionRaised(its) => {
                self.dataset(its.vault, &its.dataset).suspect(its.suspicion.clone(), seconds(&its.since));
            }
            Body::SuspicionEnded(its) => self.datasets.values_mut().for_each(|of| of.trust(&its.suspicion)),
            Body::ObjectLost(its) => {
                for lost in &its.snapshots {
                    let Some((dataset, name)) = lost.split_once('/') else { continue };
                    if let (Ok(dataset), Ok(name)) = (dataset.parse(), name.parse()) {
                        self.dataset(its.vault, &dataset).gone(name, at);
                    }
                }
            }
            _ => self.spans.take(at, body),
        }
    }

    fn point(
        &mut self,
        (vault, dataset): (VaultId, &DatasetName),
        name: ManifestName,
        its: Moment,
        accepted: i64,
        is_partial: bool,
    ) {
        let key = Key { vault, dataset: dataset.clone() };
        if is_partial {
            self.spans.dataset(key, Span { cause: Cause::Partial, from: its.there, to: its.there });
            return;
        }
        if let Some(owner) = self.vaults.get(&vault) {
            self.spans.succeeded(&owner.agent, dataset, its.there);
        }
        self.dataset(vault, dataset).point(name, its, accepted);
    }

    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.datasets.keys()
    }

    pub fn vaults(&self) -> impl Iterator<Item = (&VaultId, &Owner)> {
        self.vaults.iter()
    }

    /// `None` of a vault that the ledger does not say whose it is.
    pub fn owner(&self, vault: &VaultId) -> Option<&Owner> {
        self.vaults.get(vault)
    }

    /// Which policy was in force from when on, in the order in which they came.
    pub fn policies(&self) -> &[(i64, ObjectHash)] {
        &self.policies
    }

    pub fn clock_of(&self, agent: &AgentId) -> Option<i64> {
        self.clocks.get(agent).copied()
    }

    /// Whether the site's own clock was in doubt within `from..to`.
    pub fn is_clock_doubted(&self, from: i64, to: i64) -> bool {
        self.doubted.iter().any(|at| (from..to).contains(at))
    }

    /// How many points of a dataset came within `from..to`.
    pub fn points(&self, key: &Key, from: i64, to: i64) -> u64 {
        self.datasets.get(key).map_or(0, |of| of.points().filter(|its| (from..to).contains(&its.there)).count() as u64)
    }

    /// Whether a point of a dataset is at this place now.
    pub fn has_point(&self, key: &Key) -> bool {
        self.datasets.get(key).is_some_and(Dataset::has_point)
    }

    /// The points of a dataset at this place. `peer`: the ledger that approvals stand in where it is not this one.
    pub fn timeline(&self, key: &Key, peer: Option<&Self>) -> Option<Timeline> {
        let of = self.datasets.get(key);
        let approved = peer.and_then(|peer| peer.datasets.get(key)).or(of);
        let first = of.and_then(Dataset::first);
        let given = approved.and_then(Dataset::approved_since);
        let since = given.into_iter().chain(first).min()?;
        let points = of.map(|of| of.points().collect()).unwrap_or_default();
        Some(Timeline::new(since, approved.and_then(Dataset::approved_until), points))
    }

    /// What would be lost now if nothing that is suspected here were taken, as a recovery takes none of it.
    pub fn clean_exposure(&self, key: &Key, peer: Option<&Self>, now: i64) -> Option<u64> {
        let timeline = self.timeline(key, peer)?;
        match self.datasets.get(key).and_then(Dataset::clean) {
            Some(points) => timeline.with(points.collect()).exposure(now),
            None => timeline.exposure(now),
        }
    }

    /// What a breach of a dataset is put down to, the first one first.
    pub fn causes(&self, key: &Key, peer: Option<&Self>, breach: &Breach) -> Vec<Cause> {
        let agent = self.owner(&key.vault).or_else(|| peer?.owner(&key.vault)).map(|owner| &owner.agent);
        let mut spans = self.spans.of(key, agent);
        if let Some(peer) = peer {
            // What the other ledger says of the server explains as much as this one does.
            spans.extend(peer.spans.of(key, agent).into_iter().filter(|span| span.cause != Cause::Link));
            let theirs = peer.datasets.get(key);
            let own = self.datasets.get(key);
            if theirs.is_some_and(|theirs| theirs.has_fresher(own, breach)) {
                spans.push(Span { cause: Cause::Behind, from: breach.began, to: breach.ended });
            }
        }
        breach.causes(&spans)
    }
}

#[cfg(test)]
mod tests;
