//! States of each dataset, recipe and plan, and for how long a qualifying test still counts.

use pulih_evidence::facts::{Facts, Key, Owner};
use pulih_evidence::qualifying::{counts_until, wrong};
use pulih_evidence::states::{Schedule, Standing, State, Subject};
use pulih_evidence::tried::Drill;
use pulih_policies::{Class, Policy, Windows, Zone, longest_gap};
use pulih_vault::trust;
use pulih_vault::utc;
use serde_json::{Map, Value, json};

use super::read::{InTime, Sources, said};
use super::subjects::{Both, shown};
use crate::drc::drills::due::{Line, lines};
use crate::gateway::answer::{Answer, Refusal};

const DAY: i64 = 24 * 3600;

/// `pulih/states/v1` as of a time.
pub fn report(sources: &Sources, as_of: i64, is_asked: impl Fn(&str, &str) -> bool) -> Answer<Value> {
    let own = said(sources.own, true, as_of)?;
    let peer = sources.peer.map(|log| Ok::<Facts, Refusal>(said(log, false, as_of)?.facts)).transpose()?;
    let both = Both { own, peer };
    let policies = InTime::load(sources, both.own.facts.policies())?;
    let site = &sources.site;
    let asked = Asked { policies: &policies, as_of };
    let tried = &both.own.tried;
    let mut counted = Map::new();
    let mut count = |state: State| {
        let all = counted.entry(state.as_str()).or_insert(json!(0));
        *all = json!(all.as_u64().unwrap_or(0) + 1);
    };
    let mut datasets = Vec::new();
    for (key, owner) in both.datasets(as_of, is_asked) {
        let schedule = asked.of_class(&owner.class);
        let is_other = |drill: &Drill| is_described_otherwise(sources, &key, &owner, drill);
        let standing = tried.state(&Subject::Dataset(key.clone()), schedule.as_ref(), as_of, is_other);
        count(standing.state);
        let mut row = shown(site.as_str(), &key, &owner);
        row.extend(of_standing(&standing, schedule.as_ref()));
        datasets.push(Value::Object(row));
    }
    let mut of_names = |field: &str, names: Vec<&str>, subject: fn(String) -> Subject| {
        let rows = names.into_iter().map(|name| {
            let subject = subject(name.to_owned());
            let schedule = matches!(subject, Subject::Plan(_)).then(|| asked.named(&format!("plan/{name}"))).flatten();
            let standing = tried.state(&subject, schedule.as_ref(), as_of, |_| false);
            count(standing.state);
            let mut row = Map::from_iter([(field.to_owned(), name.into())]);
            row.extend(of_standing(&standing, schedule.as_ref()));
            Value::Object(row)
        });
        rows.collect::<Vec<_>>()
    };
    let recipes = of_names("recipe", tried.recipes().collect(), Subject::Recipe);
    let plans = of_names("plan", tried.plans().collect(), Subject::Plan);
    let tests: Vec<Value> = tried.drills().iter().rev().filter_map(|drill| of_test(drill, as_of)).collect();
    let qualifying = tests.iter().find(|its| its["qualifies"] == true && its["days_left"].as_i64() >= Some(0));
    Ok(json!({
        "type": "pulih/states/v1", "site": site.as_str(), "at": utc::rfc3339(as_of), "counts": counted,
        "datasets": datasets, "recipes": recipes, "plans": plans, "qualifying": qualifying, "tests": tests,
    }))
}

/// What the policy in force asks for.
struct Asked<'a> {
    policies: &'a InTime,
    as_of: i64,
}

impl Asked<'_> {
    /// The line by which datasets of a class are drilled.
    fn of_class(&self, class: &str) -> Option<Schedule> {
        let class: Class = class.parse().ok()?;
        self.named(&format!("{class}/restore")).or_else(|| self.named(&format!("{class}/application")))
    }

    fn named(&self, name: &str) -> Option<Schedule> {
        let (since, policy) = self.policies.newest()?;
        let line = lines(policy).into_iter().find(|line| line.name() == name)?;
        Some(scheduled(&line, policy, since, self.as_of))
    }
}

fn scheduled(line: &Line, policy: &Policy, since: i64, now: i64) -> Schedule {
    let gap = longest_gap(std::slice::from_ref(&line.schedule), &Windows::default()).seconds();
    Schedule {
        name: line.name(),
        past: past(line, policy.zone, since, now.saturating_sub(line.window), gap),
        longest_gap_seconds: gap,
    }
}

/// The newest occurrence up to a time, of those since the policy came into force.
fn past(line: &Line, zone: Zone, since: i64, until: i64, gap: u64) -> Option<i64> {
    let from = until.saturating_sub_unsigned(gap).saturating_sub(DAY).max(since);
    let next = |last: i64| line.schedule.next_after(zone, last).filter(|due| *due <= until);
    std::iter::successors(next(from), |last| next(*last)).last()
}

/// Whether the points of a drill were sealed to others than what comes now would be. What cannot be read is left to
/// drills, which find it.
fn is_described_otherwise(sources: &Sources, key: &Key, owner: &Owner, drill: &Drill) -> bool {
    let start = format!("{}/{}/", key.vault, key.dataset);
    let name = drill.announced.points.iter().find_map(|point| point.strip_prefix(&start)?.parse().ok());
    let Some(name) = name else { return false };
    let Ok(vault) = trust::load(sources.store, key.vault, |its| its.fingerprint() == owner.key) else { return false };
    let Ok(manifest) = vault.manifest(sources.store, &key.dataset, name) else { return false };
    let then = vault.description(manifest.facts.description);
    then.is_some_and(|then| then.recipients != vault.current().1.recipients)
}

fn of_standing(its: &Standing, schedule: Option<&Schedule>) -> Map<String, Value> {
    let fields = json!({
        "state": its.state.as_str(), "drill": its.last.map(|drill| drill.announced.drill.as_str().to_owned()),
        "kind": its.last.map(|drill| drill.announced.kind.clone()), "outcome": its.last.and_then(Drill::outcome),
        "tested": its.last.map(|drill| utc::rfc3339(drill.at)), "bytes_checked": its.bytes_checked.map(utc::rfc3339),
        "schedule": schedule.map(|its| its.name.clone()),
    });
    fields.as_object().cloned().unwrap_or_default()
}

/// A drill with an auditor. That its auditor operates nothing was looked at when it was announced.
fn of_test(drill: &Drill, now: i64) -> Option<Value> {
    let (its, auditor) = (drill.course()?, drill.announced.auditor.as_ref()?);
    let why = wrong(&its);
    let attested = its.attested.map(|(_, _, at)| at);
    let until = attested.filter(|_| why.is_empty()).map(counts_until);
    Some(json!({
        "drill": drill.announced.drill.as_str(), "kind": drill.announced.kind, "plan": drill.announced.plan,
        "announced": utc::rfc3339(drill.at), "auditor": auditor.name, "institution": auditor.institution,
        "mandate": auditor.mandate, "opened": its.opened.is_some(), "outcome": drill.outcome(),
        "opinion": its.attested.map(|(attested, ..)| attested.opinion.clone()),
        "findings": its.attested.map(|(attested, ..)| attested.findings.clone()),
        "attested": attested.map(utc::rfc3339), "qualifies": why.is_empty(), "wrong": why,
        "until": until.map(utc::rfc3339), "days_left": until.map(|until| (until - now).div_euclid(DAY)),
    }))
}
