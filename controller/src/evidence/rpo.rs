//! RPO of each dataset in a period, measured: from the entries of this site's ledger, the policies that they
//! name, and at a DRC the mirrored ledger, where approvals stand.

use std::collections::BTreeSet;

use pulih_evidence::facts::{Facts, Key};
use pulih_evidence::rpo::{Breach, Cause, Figures, Target};
use pulih_ledger::entry::View;
use pulih_ledger::{Actor, Log};
use pulih_policies::{Class, Policy, Targets};
use pulih_vault::id::ObjectHash;
use pulih_vault::store::Store;
use pulih_vault::utc;
use serde_json::{Value, json};

use crate::gateway::answer::{Answer, Refusal};
use crate::policy;
use crate::site::{SiteFile, SiteRole};

/// Quantiles that are shown, in thousandths.
const SHARES: [u64; 3] = [500, 950, 990];

/// From when up to when, in seconds since 1970, and what time it is.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    pub from: i64,
    pub to: i64,
    pub now: i64,
}

/// What the figures follow from.
pub struct Sources<'s> {
    pub site: &'s SiteFile,
    pub store: &'s dyn Store,
    pub own: &'s Log,
    /// At a DRC: the ledger that it mirrors.
    pub peer: Option<&'s Log>,
}

/// Reads a ledger from its first entry on. What a later version wrote says nothing here; `is_own`: what
/// cannot be read is an error, while another site's only counts for nothing.
fn facts(log: &Log, is_own: bool) -> Answer<Facts> {
    let mut facts = Facts::default();
    for recorded in log.entries(0) {
        let recorded = recorded.map_err(|error| Refusal::internal(&error))?;
        let Ok(entry) = recorded.read() else {
            if is_own {
                return Err(Refusal::internal(&format!("entry {} of the ledger cannot be read", recorded.index)));
            }
            continue;
        };
        if let View::Known(body) = &entry.view {
            facts.take(&entry.at, !matches!(entry.actor, Actor::Person { .. }), body);
        }
    }
    Ok(facts)
}

/// Policies, each from when on it was in force.
struct InTime {
    role: SiteRole,
    all: Vec<(i64, Policy)>,
}

impl InTime {
    fn load(sources: &Sources, applied: &[(i64, ObjectHash)]) -> Answer<Self> {
        let read = |(from, object): &(i64, ObjectHash)| {
            let name = policy::object(sources.site, *object)?;
            let bytes = sources.store.read(&name, pulih_policies::MAX_BYTES as u64)?;
            if ObjectHash::of(&bytes) != *object {
                return Err(Refusal::internal(&format!("the policy {object} in the store is damaged")));
            }
            let policy = Policy::parse("policy", &bytes).map_err(|error| Refusal::internal(&error))?;
            Ok((*from, policy))
        };
        Ok(Self { role: sources.site.role, all: applied.iter().map(read).collect::<Answer<_>>()? })
    }

    fn seconds(&self, targets: &Targets) -> u64 {
        match self.role {
            SiteRole::Pusat => targets.rpo_pusat.seconds(),
            SiteRole::Drc => targets.rpo_drc.seconds(),
        }
    }

    fn targets(&self, class: Class, opd: &str, dataset: &str) -> Vec<Target> {
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

/// `pulih/rpo/v1` of the datasets that `is_asked` names by agent and name.
pub fn report(sources: &Sources, period: Period, is_asked: impl Fn(&str, &str) -> bool) -> Answer<Value> {
    let own = facts(sources.own, true)?;
    let peer = sources.peer.map(|log| facts(log, false)).transpose()?;
    let policies = InTime::load(sources, own.policies())?;
    let id = sources.site.id().map_err(|error| Refusal::internal(&error))?;
    let keys: BTreeSet<&Key> = own.keys().chain(peer.iter().flat_map(Facts::keys)).collect();
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    for key in keys {
        let Some(owner) = own.owner(&key.vault).or_else(|| peer.as_ref()?.owner(&key.vault)) else { continue };
        let dataset = key.dataset.to_string();
        if !is_asked(owner.agent.as_str(), &dataset) {
            continue;
        }
        let Some(timeline) = own.timeline(key, peer.as_ref()) else { continue };
        let class = owner.class.parse().map_err(|error| Refusal::internal(&error))?;
        let targets = policies.targets(class, owner.opd.as_str(), &dataset);
        let figures = timeline.figures(period.from, period.to, period.now, &targets);
        if figures.seconds == 0 {
            continue;
        }
        let breaches: Vec<Value> = figures
            .breaches
            .iter()
            .map(|breach| shown_breach(breach, &own.causes(key, peer.as_ref(), breach)))
            .collect();
        let clock = own.clock_of(&owner.agent).or_else(|| peer.as_ref()?.clock_of(&owner.agent));
        let mut row = shown(&figures);
        let facts = json!({
            "place": id.as_str(), "vault": key.vault.to_string(), "dataset": dataset, "agent": owner.agent.as_str(),
            "opd": owner.opd.as_str(), "class": owner.class,
            "target_seconds": targets.iter().rfind(|target| target.from <= period.now).map(|target| target.seconds),
            "exposure_seconds": timeline.exposure(period.now), "points": own.points(key, period.from, period.to),
            "breaches": breaches, "agent_clock_seconds": clock,
        });
        if let (Some(row), Value::Object(facts)) = (row.as_object_mut(), facts) {
            row.extend(facts);
        }
        rows.push(row);
        all.push(figures);
    }
    Ok(json!({
        "type": "pulih/rpo/v1", "site": id.as_str(), "at": utc::rfc3339(period.now),
        "from": utc::rfc3339(period.from), "to": utc::rfc3339(period.to),
        "clock_doubt": own.is_clock_doubted(period.from, period.to),
        "fleet": shown(&Figures::of_all(&all)), "datasets": rows,
    }))
}

/// What a dataset and all of them together have.
fn shown(figures: &Figures) -> Value {
    let [p50, p95, p99] = figures.runs.quantiles(SHARES);
    let percent = figures.inside_per_myriad().map(|share| format!("{}.{:02}", share / 100, share % 100));
    json!({
        "seconds": figures.seconds, "inside_seconds": figures.inside, "inside_percent": percent,
        "worst_seconds": figures.worst(), "p50_seconds": p50, "p95_seconds": p95, "p99_seconds": p99,
    })
}

fn shown_breach(breach: &Breach, causes: &[Cause]) -> Value {
    let causes: Vec<&str> = causes.iter().map(|cause| cause.as_str()).collect();
    json!({
        "began": utc::rfc3339(breach.began), "ended": utc::rfc3339(breach.ended), "seconds": breach.seconds,
        "worst_seconds": breach.worst, "began_before": breach.began_before, "open": breach.open,
        "cause": causes.first(), "causes": causes,
    })
}
