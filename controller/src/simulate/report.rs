//! The simulation as `pulih/policy-simulation/v1`.

use pulih_policies::simulate::{Load, Time, Tried};
use pulih_policies::{Class, Policy, Tier, diff};
use pulih_protocol::error::Code;
use pulih_vault::utc;
use serde_json::{Map, Value, json};

use super::breaks::{Side, all};
use super::clauses::both;
use super::known::{Dataset, Known};
use super::outcome::{AGES, Outcome, Simulated};
use crate::catalog::Catalog;
use crate::comply::records::Records;
use crate::evidence::read::Sources;
use crate::gateway::answer::{Answer, Refusal};

const DAY: i64 = 24 * 3600;
/// Names of [`AGES`].
const AGE_NAMES: [&str; AGES.len()] = ["day", "week", "month", "year"];

/// What is asked.
pub struct Asked<'a> {
    /// The policy in force, and the one that would take its place.
    pub now: &'a Policy,
    pub then: &'a Policy,
    /// From when on, and for how many days.
    pub at: i64,
    pub days: u32,
}

/// Works it out. Nothing is written.
pub fn report(catalog: &Catalog, sources: &Sources, asked: &Asked) -> Answer<Value> {
    let records = Records::read(sources, asked.at)?;
    let known = Known::of(catalog, &records)?;
    if let Some(newest) = known.newest.filter(|newest| *newest > asked.at) {
        let text = format!(
            "a simulation begins when all that is known has happened: the newest recovery point came at {}",
            utc::rfc3339(newest)
        );
        return Err(Refusal::new(Code::BadRequest, text));
    }
    let time = Time { from: asked.at, to: asked.at.saturating_add(i64::from(asked.days) * DAY) };
    let now = Simulated::of(asked.now, &known, time)?;
    let then = Simulated::of(asked.then, &known, time)?;
    let sides = [Side { policy: asked.now, simulated: &now }, Side { policy: asked.then, simulated: &then }];
    let facts = both(records, asked.then)?;
    let changes = diff(asked.now, asked.then);
    let turned: Vec<Value> = facts.turned.iter().map(|its| {
        json!({"regulation": its.regulation, "clause": its.clause, "where": its.place, "now": its.now.code(), "then": its.then.code()})
    }).collect();
    let datasets: Vec<Value> = known
        .datasets
        .iter()
        .zip(now.outcomes.iter().zip(&then.outcomes))
        .map(|(its, (old, new))| dataset(its, old, new))
        .collect();
    let classes: Vec<Value> = Class::ALL.into_iter().map(|class| of_class(class, &known, &sides)).collect();
    Ok(json!({
        "type": "pulih/policy-simulation/v1", "site": sources.site.as_str(), "at": utc::rfc3339(time.from),
        "to": utc::rfc3339(time.to), "days": asked.days,
        "now": policy(asked.now), "then": policy(asked.then),
        "changes": changes.len(), "weakens": changes.iter().filter(|its| its.weakens.is_some()).count(),
        "classes": classes, "datasets": datasets, "offices": offices(&known, &sides), "site_line": site_line(&sides),
        "clauses": turned, "breaks": all(&known, &sides[0], &sides[1], &facts, time),
    }))
}

fn policy(its: &Policy) -> Value {
    json!({"policy": its.name.to_string(), "version": its.version, "hash": its.hash().to_string()})
}

fn dataset(its: &Dataset, old: &Outcome, new: &Outcome) -> Value {
    json!({
        "opd": its.opd, "agent": its.agent, "dataset": its.name, "class": its.class.as_str(), "saved": its.is_saved,
        "full_bytes": its.growth.map(|growth| growth.full), "daily_bytes": its.growth.map(|growth| growth.daily),
        "measured_seconds": its.growth.map(|_| its.measured_seconds), "usual_seconds": its.usual_seconds,
        "now": figures(&[old]), "then": figures(&[new]),
    })
}

/// Of one dataset, or of several together: sums, and the worst of what is no sum.
fn figures(of: &[&Outcome]) -> Map<String, Value> {
    let sum = |pick: &dyn Fn(&Outcome) -> u64| of.iter().fold(0_u64, |sum, its| sum.saturating_add(pick(its)));
    let known: Vec<(u64, u64)> = of.iter().filter_map(|its| its.bytes).collect();
    let bytes = |pick: fn(&(u64, u64)) -> u64| {
        (!known.is_empty()).then(|| known.iter().map(pick).fold(0_u64, u64::saturating_add))
    };
    let by_tier: Map<String, Value> = Tier::ALL
        .iter()
        .map(|tier| tier.as_str())
        .chain(["newest"])
        .enumerate()
        .map(|(at, tier)| (tier.to_owned(), sum(&|its| its.by_tier[at] as u64).into()))
        .collect();
    let apart: Map<String, Value> = AGE_NAMES
        .iter()
        .enumerate()
        .map(|(at, age)| ((*age).to_owned(), of.iter().filter_map(|its| its.apart[at]).max().into()))
        .collect();
    let value = json!({
        "runs": sum(&|its| its.runs as u64), "longest_wait_seconds": of.iter().map(|its| its.longest_wait).max(),
        "rpo_seconds": of.iter().map(|its| its.rpo).min(), "points": sum(&|its| its.points() as u64),
        "by_tier": by_tier, "old_points": sum(&|its| its.old as u64),
        "oldest": of.iter().filter_map(|its| its.oldest).min().map(utc::rfc3339), "apart_seconds": apart,
        "stored_bytes": bytes(|its| its.0), "received_bytes": bytes(|its| its.1),
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn of_class(class: Class, known: &Known, sides: &[Side; 2]) -> Value {
    let side = |side: &Side| {
        let of: Vec<&Outcome> = side.simulated.outcomes.iter().filter(|its| its.class == class).collect();
        let mut map = figures(&of);
        map.insert("drills".into(), tried(side.simulated.tried.get(&class).copied().unwrap_or_default()));
        map
    };
    let of: Vec<&Dataset> = known.datasets.iter().filter(|its| its.class == class).collect();
    json!({
        "class": class.as_str(), "datasets": of.len(), "with_bytes": of.iter().filter(|its| its.growth.is_some()).count(),
        "now": side(&sides[0]), "then": side(&sides[1]),
    })
}

fn tried(its: Tried) -> Value {
    json!({
        "verify": its.verify, "restore": its.restore, "application": its.application, "restores": its.restores,
        "cycle_seconds": its.cycle,
    })
}

fn load(its: Load) -> Value {
    json!({
        "busiest_at": its.busiest.map(|(at, _)| utc::rfc3339(at)), "busiest_bytes": its.busiest.map(|(_, bytes)| bytes),
        "wait_seconds": its.longest_wait, "left_bytes": its.left,
    })
}

fn offices(known: &Known, sides: &[Side; 2]) -> Vec<Value> {
    let row = |opd: &str| {
        let stored = known.stored.get(opd).copied().unwrap_or(0);
        let side = |side: &Side| {
            let quota = side.simulated.offices.quota(side.policy, opd, stored);
            json!({
                "quota_bytes": quota.map(|its| its.most), "passed": quota.and_then(|its| its.passed).map(utc::rfc3339),
                "stored_bytes": side.simulated.offices.stored(opd, stored),
                "line": side.simulated.offices.load(side.policy, opd).map(load),
            })
        };
        json!({"opd": opd, "stored_bytes": stored, "now": side(&sides[0]), "then": side(&sides[1])})
    };
    sides[1].simulated.offices.names().map(row).collect()
}

fn site_line(sides: &[Side; 2]) -> Value {
    let side = |side: &Side| load(side.simulated.offices.site(side.policy));
    json!({"now": side(&sides[0]), "then": side(&sides[1])})
}
