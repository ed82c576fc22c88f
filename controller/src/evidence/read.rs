//! What figures follow from: the entries of this site's ledger, those of the one that it mirrors, and the policies and
//! plans that they name.

use pulih_evidence::facts::Facts;
use pulih_evidence::register::Register;
use pulih_evidence::rpo::Target;
use pulih_evidence::tried::Tried;
use pulih_ledger::entry::View;
use pulih_ledger::ids::SiteId;
use pulih_ledger::{Actor, Log};
use pulih_policies::{Class, Plan, Policy, Targets};
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, Store};
use pulih_vault::utc;

use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

/// From when up to when, in seconds since 1970, and what time it is.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    pub from: i64,
    pub to: i64,
    pub now: i64,
}

/// A ledger, as of so many of its entries.
#[derive(Clone, Copy)]
pub struct Extent<'s> {
    pub log: &'s Log,
    pub size: u64,
}

impl<'s> Extent<'s> {
    /// All that there is, also what no checkpoint has yet.
    pub fn whole(log: &'s Log) -> Self {
        Self { log, size: log.size() }
    }

    /// What its newest checkpoint has.
    pub fn signed(log: &'s Log) -> Self {
        Self { log, size: log.checkpoint().size }
    }
}

/// What the figures follow from.
pub struct Sources<'s> {
    pub site: SiteId,
    pub role: SiteRole,
    pub store: &'s dyn Store,
    pub own: Extent<'s>,
    /// At a DRC: the ledger that it mirrors.
    pub peer: Option<Extent<'s>>,
}

fn told(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(&error)
}

/// What one ledger says.
#[derive(Debug, Default)]
pub struct Said {
    pub facts: Facts,
    pub tried: Tried,
    pub register: Register,
}

/// Reads a ledger from its first entry on, up to a time. What a later version wrote says nothing here; `is_own`: what
/// cannot be read is an error, while another site's only counts for nothing.
pub fn said(part: Extent, is_own: bool, until: i64) -> Answer<Said> {
    let mut said = Said::default();
    for recorded in part.log.entries(0) {
        let recorded = recorded.map_err(told)?;
        if recorded.index >= part.size {
            break;
        }
        let Ok(entry) = recorded.read() else {
            if is_own {
                return Err(told(format!("entry {} of the ledger cannot be read", recorded.index)));
            }
            continue;
        };
        if utc::parse(entry.at.as_str()).is_some_and(|at| at >= until) {
            continue;
        }
        if let View::Known(body) = &entry.view {
            said.facts.take(&entry.at, !matches!(entry.actor, Actor::Person { .. }), body);
            said.register.take(recorded.index, &entry.at, &entry.actor, body);
            said.tried.take(recorded.index, &recorded.bytes, &entry.at, &entry.actor, body);
        }
    }
    Ok(said)
}

/// Policies, each from when on it was in force.
pub struct InTime {
    role: SiteRole,
    all: Vec<(i64, Policy)>,
}

impl InTime {
    pub fn load(sources: &Sources, applied: &[(i64, ObjectHash)]) -> Answer<Self> {
        let read = |(from, object): &(i64, ObjectHash)| {
            let name: ObjectName = format!("site/{}/policies/{object}", sources.site).parse().map_err(told)?;
            let bytes = sources.store.read(&name, pulih_policies::MAX_BYTES as u64)?;
            if ObjectHash::of(&bytes) != *object {
                return Err(told(format!("the policy {object} in the store is damaged")));
            }
            Ok((*from, Policy::parse("policy", &bytes).map_err(told)?))
        };
        Ok(Self { role: sources.role, all: applied.iter().map(read).collect::<Answer<_>>()? })
    }

    /// The one in force, and since when.
    pub fn newest(&self) -> Option<(i64, &Policy)> {
        self.all.last().map(|(from, policy)| (*from, policy))
    }

    /// The one that was in force then; before the first, that one.
    pub fn at(&self, at: i64) -> Option<&Policy> {
        let before = self.all.iter().rfind(|(from, _)| *from <= at).or(self.all.first());
        before.map(|(_, policy)| policy)
    }

    /// As if a policy were applied at a time, after all others.
    pub fn put(&mut self, from: i64, policy: Policy) {
        self.all.push((from, policy));
    }

    fn seconds(&self, targets: &Targets) -> u64 {
        match self.role {
            SiteRole::Pusat => targets.rpo_pusat.seconds(),
            SiteRole::Drc => targets.rpo_drc.seconds(),
        }
    }

    pub fn targets(&self, class: Class, opd: &str, dataset: &str) -> Vec<Target> {
        let target = |(from, policy): &(i64, Policy)| {
            let rules = policy.rules(class, opd, dataset)?;
            Some(Target { from: *from, seconds: self.seconds(&rules.targets) })
        };
        let mut targets: Vec<Target> = self.all.iter().filter_map(target).collect();
        // People date what they sign by clocks of their own.
        targets.sort_by_key(|target| target.from);
        targets
    }
}

/// A plan that a ledger names.
pub fn plan(sources: &Sources, name: &str, object: ObjectHash) -> Answer<Plan> {
    let place: ObjectName = format!("site/{}/plans/{object}", sources.site).parse().map_err(told)?;
    let bytes = sources.store.read(&place, pulih_policies::MAX_BYTES as u64)?;
    if ObjectHash::of(&bytes) != object {
        return Err(told(format!("the plan {object} in the store is damaged; apply it again with a higher version")));
    }
    Plan::parse(name, &bytes).map_err(told)
}
