//! The test that the report is about: which it is, how it went beside its plan, and the entries that say so.

use pulih_evidence::facts::Key;
use pulih_evidence::tried::Drill;
use pulih_ledger::entry::kinds::DrillStep;
use pulih_ledger::ids::Sha256;
use pulih_policies::{MAX_BYTES, Plan, Recipe};
use pulih_report::Utc;
use pulih_report::data::{Auditor, Both, EntryRef, Outcome, Step, Test, TestKind, Vital, What};
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;

use super::continuity::{Made, utc};
use crate::evidence::read::Sources;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

const APPLICATION: &str = "application ";
const MANUAL: &str = "manual ";
/// Before the task, in the language of ledgers: that it is one is shown by its kind.
const BY_HAND: &str = "by hand, not in a drill: ";

/// Of those that were announced in the period: the newest with an auditor, else of a plan, else of applications, else any.
pub fn newest(drills: &[Drill], from: i64, to: i64) -> Option<&Drill> {
    let within = |drill: &&Drill| (from..to).contains(&drill.at);
    let rank = |drill: &Drill| match drill.announced.kind.as_str() {
        _ if drill.announced.auditor.is_some() => 3,
        "plan" => 2,
        "application" => 1,
        _ => 0,
    };
    // One that was tried says more than one that was not.
    drills.iter().filter(within).max_by_key(|drill| (rank(drill), drill.is_tried(), drill.index))
}

fn outcome(text: Option<&str>) -> Outcome {
    match text {
        Some("passed") => Outcome::Passed,
        Some("failed") => Outcome::Failed,
        Some("aborted") => Outcome::Aborted,
        Some("missed") => Outcome::Missed,
        Some(_) => Outcome::Skipped,
        None => Outcome::Open,
    }
}

pub fn test(made: &Made) -> Answer<Option<Test>> {
    let Some(drill) = made.drill else { return Ok(None) };
    let its = &drill.announced;
    let at = |at: Option<i64>| at.map(utc).transpose();
    let opened = drill.course().and_then(|course| course.times[1]);
    let ended = drill.ended.as_ref();
    let title = made.plan.as_ref().filter(|_| its.plan.is_some()).map(|plan| plan.title.clone());
    let recipes = drill.recipes().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    let object = its.plan.as_ref().and_then(|name| made.records().drc()?.said.tried.plan(name));
    Ok(Some(Test {
        drill: its.drill.to_string(),
        kind: match its.kind.as_str() {
            "verify" => TestKind::Verify,
            "application" => TestKind::Application,
            "plan" => TestKind::Plan,
            _ => TestKind::Restore,
        },
        title: title.unwrap_or(recipes),
        plan: its.plan.clone().unwrap_or_default(),
        plan_version: its.plan_version,
        plan_hash: object.map(|object| object.to_string()).unwrap_or_default(),
        // Where nothing is restored there is none.
        scenario: if its.kind == "verify" {
            Both::default()
        } else {
            Both::new(
                "Pusat Data tidak dapat dipakai. DRC memulihkan dari salinannya sendiri, ke tempat uji, tanpa meminta apa \
             pun dari Pusat Data.",
                "The Pusat Data cannot be used. The DRC restores from its own copies, to a place for tests, and asks the \
             Pusat Data for nothing.",
            )
        },
        announced: utc(drill.at)?,
        opened: at(opened)?,
        started: at(drill.started)?,
        ended: at(ended.map(|(_, at)| *at))?,
        outcome: outcome(drill.outcome()),
        milliseconds: ended.map(|(ended, _)| ended.milliseconds),
        points: its.points.len() as u64,
        sample_percent: its.sample_percent,
        leftovers: ended.map(|(ended, _)| ended.leftovers),
        log: ended.map(|(ended, _)| ended.log.to_string()).unwrap_or_default(),
        text: ended.map(|(ended, _)| ended.text.clone()).unwrap_or_default(),
        auditor: its.auditor.as_ref().map(|auditor| Auditor {
            name: auditor.name.clone(),
            institution: auditor.institution.clone(),
            mandate: auditor.mandate.clone(),
            fingerprint: auditor.key.fingerprint().to_string(),
        }),
    }))
}

/// A service of the plan: by when it should be back, from the beginning, and its datasets by agent and name.
struct Planned {
    title: String,
    /// Milliseconds: from when on, and for how long. Its own target after those before it.
    window: Option<(u64, u64)>,
    datasets: Vec<(String, String)>,
}

fn planned(plan: &Plan) -> Vec<Planned> {
    let mut from = 0;
    let of = |(_, service): (&pulih_policies::Name, &pulih_policies::Service)| {
        let window = service.rto.map(|rto| {
            let until = rto.seconds().saturating_mul(1000);
            let window = (from.min(until), until.saturating_sub(from));
            from = from.max(until);
            window
        });
        let datasets = service.datasets.iter().map(|its| (its.agent.to_string(), its.dataset.to_string())).collect();
        Planned { title: service.title.clone(), window, datasets }
    };
    plan.order().into_iter().map(of).collect()
}

pub fn steps(made: &Made) -> Vec<Step> {
    let Some(drill) = made.drill else { return Vec::new() };
    let services = made.plan.as_ref().map(planned).unwrap_or_default();
    let of = |its: &DrillStep| {
        let agent = its.vault.zip(its.dataset.clone()).and_then(|(vault, dataset)| {
            let key = Key { vault, dataset };
            Some((made.records().owner(&key)?.agent.to_string(), key.dataset.to_string()))
        });
        let service = agent.as_ref().and_then(|agent| services.iter().find(|its| its.datasets.contains(agent)));
        let began = utc::parse(its.began.as_str());
        let from_ms =
            began.zip(drill.started).map(|(began, started)| began.saturating_sub(started).max(0) as u64 * 1000);
        let (what, name) = match (its.what.as_str(), &agent) {
            ("verify", Some((agent, dataset))) => (What::Verify, format!("{agent}/{dataset}")),
            (_, Some((agent, dataset))) => (What::Restore, format!("{agent}/{dataset}")),
            (what, None) => match (what.strip_prefix(APPLICATION), what.strip_prefix(MANUAL)) {
                (Some(recipe), _) => (What::Application, recipe.to_owned()),
                (None, Some(task)) => (What::Manual, task.to_owned()),
                (None, None) => (What::Restore, what.to_owned()),
            },
        };
        let planned = service.and_then(|its| its.window);
        Step {
            number: its.step,
            what,
            name,
            service: service.map(|its| its.title.clone()).unwrap_or_default(),
            planned_from_ms: planned.map(|(from, _)| from),
            planned_ms: planned.map(|(_, for_ms)| for_ms),
            began: Utc::read(its.began.as_str()).ok(),
            from_ms,
            milliseconds: Some(its.milliseconds),
            outcome: outcome(Some(&its.outcome)),
            // Of one that passed the figures say it all; why another did not stands there as it was written.
            text: match its.text.strip_prefix(BY_HAND) {
                Some(task) => task.to_owned(),
                None if its.outcome == "passed" => String::new(),
                None => its.text.clone(),
            },
        }
    };
    drill.steps.iter().map(of).collect()
}

/// What recipes asked of services that had come back.
pub fn vital(made: &Made) -> Vec<Vital> {
    let Some(drill) = made.drill else { return Vec::new() };
    let services = made.plan.as_ref().map(planned).unwrap_or_default();
    let of = |its: &DrillStep| {
        let recipe = its.what.strip_prefix(APPLICATION)?;
        Some(Vital {
            function: recipe.to_owned(),
            service: serves(made, drill, recipe, &services),
            recipe: recipe.to_owned(),
            milliseconds: Some(its.milliseconds),
            outcome: outcome(Some(&its.outcome)),
            text: if its.outcome == "passed" { String::new() } else { its.text.clone() },
        })
    };
    drill.steps.iter().filter_map(of).collect()
}

/// The services of the plan whose datasets a recipe brings up; empty where there is no plan, or the recipe is not here.
fn serves(made: &Made, drill: &Drill, recipe: &str, services: &[Planned]) -> String {
    let object = drill.recipes().find(|(name, _)| *name == recipe).and_then(|(_, object)| object.parse().ok());
    let Some(read) = object.and_then(|object| read_recipe(made.records().sources, recipe, object)) else {
        return String::new();
    };
    let its = |part: &pulih_policies::Part| (part.agent.to_string(), part.dataset.to_string());
    let datasets: Vec<(String, String)> = read.datasets.iter().map(its).collect();
    let of = services.iter().filter(|service| service.datasets.iter().any(|its| datasets.contains(its)));
    of.map(|service| service.title.as_str()).collect::<Vec<_>>().join(", ")
}

fn read_recipe(sources: &Sources, name: &str, object: ObjectHash) -> Option<Recipe> {
    let place = format!("site/{}/recipes/{object}", sources.site).parse().ok()?;
    let bytes = sources.store.read(&place, MAX_BYTES as u64).ok()?;
    if ObjectHash::of(&bytes) != object {
        return None;
    }
    Recipe::parse(name, &bytes).ok()
}

/// The entries of the test itself, with the hash of each.
pub fn entries(made: &Made) -> Answer<Vec<EntryRef>> {
    let (Some(drill), Some(drc)) = (made.drill, made.records().drc()) else { return Ok(Vec::new()) };
    let sources = made.records().sources;
    let part = if sources.role == SiteRole::Drc { Some(sources.own) } else { sources.peer };
    let Some(part) = part else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for recorded in part.log.entries(drill.index) {
        let recorded = recorded.map_err(|error| Refusal::internal(&error))?;
        if recorded.index >= part.size {
            break;
        }
        let Ok(entry) = serde_json::from_slice::<serde_json::Value>(&recorded.bytes) else { continue };
        if entry["drill"] != drill.announced.drill.as_str() {
            continue;
        }
        let kind = entry["type"].as_str().unwrap_or_default();
        let kind = kind.trim_start_matches("pulih/ledger/").trim_end_matches("/v1").to_owned();
        let Some(at) = entry["at"].as_str().and_then(|at| Utc::read(at).ok()) else { continue };
        let sha256 = Sha256::of(&recorded.bytes).to_string();
        found.push(EntryRef { site: drc.site.to_string(), index: recorded.index, kind, at, sha256 });
        if drill.attested.is_some() && found.last().is_some_and(|its| its.kind == "drill-attested") {
            break;
        }
    }
    Ok(found)
}
