//! What a ledger has on record beside points and drills, and a regulation asks about: offices, people and their
//! appointments, approvals, statements, audits, classes of data, where sites stand, what was reported and what the line
//! carried. Each with the entry that says so.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    ApprovalGiven, AttestationGiven, AuditHeld, CheckpointWitnessed, CopyMade, CopyVerified, DatasetClassified,
    DrillMissed, IncidentReported, LedgerDiverged, OpdAdded, OpdDescribed, PlanApplied, RegulationApplied,
    ReportIssued, ScrubFinished, SiteDescribed, SitePaired, TrafficMeasured, UserAdded, WitnessAdded,
};
use pulih_ledger::ids::{AgentId, ApprovalId, AttestationId, OpdId, SiteId, UserId, WitnessId};
use pulih_ledger::time::Time;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::VerifierKey;
use pulih_vault::utc;

use crate::facts::Key;

/// What an entry says, when, and which it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded<T> {
    pub says: T,
    /// Seconds since 1970, by the clock of whoever wrote it.
    pub at: i64,
    pub index: u64,
    /// Who did it, where that was a person.
    pub by: Option<UserId>,
}

/// What is on record.
#[derive(Debug, Default)]
pub struct Register {
    pub opds: BTreeMap<OpdId, Recorded<OpdAdded>>,
    /// The newest word on each.
    pub described_opds: BTreeMap<OpdId, Recorded<OpdDescribed>>,
    /// The newest word on each.
    pub users: BTreeMap<UserId, Recorded<UserAdded>>,
    /// Each with its end, where it was ended before its time.
    pub approvals: BTreeMap<ApprovalId, (Recorded<ApprovalGiven>, Option<i64>)>,
    pub attestations: BTreeMap<AttestationId, (Recorded<AttestationGiven>, Option<i64>)>,
    pub audits: Vec<Recorded<AuditHeld>>,
    pub classes: BTreeMap<Key, Vec<Recorded<DatasetClassified>>>,
    pub described: Option<Recorded<SiteDescribed>>,
    /// Packs in force, by regulation.
    pub regulations: BTreeMap<String, Recorded<RegulationApplied>>,
    pub plans: BTreeMap<String, Recorded<PlanApplied>>,
    pub reports: Vec<Recorded<ReportIssued>>,
    /// By office and beginning of the month; the first word on each counts, as a site has one only.
    pub traffic: BTreeMap<(OpdId, i64), Recorded<TrafficMeasured>>,
    pub incidents: Vec<Recorded<IncidentReported>>,
    pub scrub: Option<Recorded<ScrubFinished>>,
    /// Sites that it is paired with now.
    pub peers: BTreeMap<SiteId, Recorded<SitePaired>>,
    /// Further copies by where they are, each as it was made last.
    pub copies: BTreeMap<String, Recorded<CopyMade>>,
    /// All of them by their receipts, each with when it was first read again and found whole.
    pub receipts: BTreeMap<ObjectHash, (Recorded<CopyMade>, Option<Recorded<CopyVerified>>)>,
    /// Keys of sites that it is paired with now, each with the ones that came after it: with them they co-sign this ledger.
    pub cosigners: BTreeMap<SiteId, Vec<VerifierKey>>,
    /// Objects that nobody has any more, and that did not come back.
    pub lost: BTreeMap<String, u64>,
    pub diverged: Option<Recorded<LedgerDiverged>>,
    /// Those that count now, each with the newest checkpoint that it co-signed.
    pub witnesses: BTreeMap<WitnessId, (Recorded<WitnessAdded>, Option<CheckpointWitnessed>)>,
    /// Servers of which nothing is heard now, each with since when.
    pub silent: BTreeMap<AgentId, i64>,
    /// Nothing is taken from them any more.
    pub revoked: BTreeSet<AgentId>,
    /// Occurrences of drills that were not even announced.
    pub missed: Vec<Recorded<DrillMissed>>,
    /// Bytes that the newest point of a dataset needs.
    pub sizes: BTreeMap<Key, u64>,
}

impl Register {
    /// Takes in the next entry.
    pub fn take(&mut self, index: u64, at: &Time, actor: &Actor, body: &Body) {
        let at = utc::parse(at.as_str()).unwrap_or(0);
        let by = match actor {
            Actor::Person { user, .. } => Some(user.clone()),
            _ => None,
        };
        self.take_people(&Said { index, at, by: by.as_ref() }, body);
        self.take_sites(&Said { index, at, by: by.as_ref() }, body);
        self.take_servers(&Said { index, at, by: by.as_ref() }, body);
    }

    fn take_servers(&mut self, said: &Said, body: &Body) {
        let since = |time: &Time| utc::parse(time.as_str()).unwrap_or(said.at);
        match body {
            Body::AgentSilent(its) => drop(self.silent.insert(its.agent.clone(), since(&its.since))),
            Body::AgentHeard(its) => drop(self.silent.remove(&its.agent)),
            Body::AgentRevoked(its) => drop(self.revoked.insert(its.agent.clone())),
            Body::AgentEnrolled(its) => drop(self.revoked.remove(&its.agent)),
            Body::DrillMissed(its) => self.missed.push(said.of(its)),
            Body::SnapshotAccepted(its) if !its.partial => {
                self.sizes.insert(Key { vault: its.vault, dataset: its.dataset.clone() }, its.stored_bytes);
            }
            Body::SnapshotReplicated(its) if !its.partial => {
                self.sizes.insert(Key { vault: its.vault, dataset: its.dataset.clone() }, its.stored_bytes);
            }
            _ => {}
        }
    }

    fn take_people(&mut self, said: &Said, body: &Body) {
        match body {
            Body::OpdAdded(its) => drop(self.opds.insert(its.opd.clone(), said.of(its))),
            Body::OpdDescribed(its) => drop(self.described_opds.insert(its.opd.clone(), said.of(its))),
            Body::UserAdded(its) => drop(self.users.insert(its.user.clone(), said.of(its))),
            Body::ApprovalGiven(its) => {
                self.approvals.entry(its.approval.clone()).or_insert((said.of(its), None));
            }
            Body::ApprovalEnded(its) => {
                if let Some((_, ended)) = self.approvals.get_mut(&its.approval) {
                    ended.get_or_insert(said.at);
                }
            }
            Body::AttestationGiven(its) => {
                self.attestations.entry(its.attestation.clone()).or_insert((said.of(its), None));
            }
            Body::AttestationEnded(its) => {
                if let Some((_, ended)) = self.attestations.get_mut(&its.attestation) {
                    ended.get_or_insert(said.at);
                }
            }
            Body::AuditHeld(its) => self.audits.push(said.of(its)),
            Body::DatasetClassified(its) => {
                let key = Key { vault: its.vault, dataset: its.dataset.clone() };
                self.classes.entry(key).or_default().push(said.of(its));
            }
            Body::RegulationApplied(its) => drop(self.regulations.insert(its.regulation.clone(), said.of(its))),
            Body::PlanApplied(its) => drop(self.plans.insert(its.plan.clone(), said.of(its))),
            Body::ReportIssued(its) => self.reports.push(said.of(its)),
            Body::IncidentReported(its) => self.incidents.push(said.of(its)),
            _ => {}
        }
    }

    fn take_sites(&mut self, said: &Said, body: &Body) {
        match body {
            Body::SiteDescribed(its) => self.described = Some(said.of(its)),
            Body::SitePaired(its) => {
                self.peers.insert(its.peer.clone(), said.of(its));
                self.cosigners.insert(its.peer.clone(), vec![its.key.clone()]);
            }
            Body::SiteUnpaired(its) => {
                self.peers.remove(&its.peer);
                self.cosigners.remove(&its.peer);
            }
            Body::KeyAccepted(its) => {
                if let Some(keys) = self.cosigners.get_mut(&its.peer) {
                    keys.push(its.key.clone());
                }
            }
            Body::CopyVerified(its) if said.by.is_none() => {
                if let Some((_, verified)) = self.receipts.get_mut(&its.receipt) {
                    verified.get_or_insert_with(|| said.of(its));
                }
            }
            Body::ScrubFinished(its) => self.scrub = Some(said.of(its)),
            Body::TrafficMeasured(its) if said.by.is_none() => {
                let month = utc::parse(its.from.as_str()).unwrap_or(0);
                self.traffic.entry((its.opd.clone(), month)).or_insert_with(|| said.of(its));
            }
            Body::CopyMade(its) => {
                self.copies.insert(its.medium.clone(), said.of(its));
                self.receipts.entry(its.receipt).or_insert_with(|| (said.of(its), None));
            }
            Body::ObjectLost(its) => drop(self.lost.insert(its.object.clone(), said.index)),
            Body::ObjectHealed(its) => drop(self.lost.remove(&its.object)),
            Body::LedgerDiverged(its) => self.diverged = Some(said.of(its)),
            Body::WitnessAdded(its) => drop(self.witnesses.insert(its.witness.clone(), (said.of(its), None))),
            Body::WitnessRemoved(its) => drop(self.witnesses.remove(&its.witness)),
            Body::CheckpointWitnessed(its) => {
                if let Some((_, newest)) = self.witnesses.get_mut(&its.witness) {
                    *newest = Some(its.clone());
                }
            }
            _ => {}
        }
    }
}

struct Said<'a> {
    index: u64,
    at: i64,
    by: Option<&'a UserId>,
}

impl Said<'_> {
    fn of<T: Clone>(&self, says: &T) -> Recorded<T> {
        Recorded { says: says.clone(), at: self.at, index: self.index, by: self.by.cloned() }
    }
}
