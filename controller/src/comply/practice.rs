//! Facts of what is done: plans, drills, qualifying tests, audits, scrubs, people, decisions, reports, incidents.

use pulih_evidence::qualifying::counts_until;
use pulih_evidence::register::Recorded;
use pulih_ledger::entry::kinds::AuditHeld;
use pulih_policies::{Meaning, Plan, Word};
use pulih_vault::utc;
use serde_json::Value;

use super::records::{Ledger, Object, Records};
use crate::evidence::read::plan as read_plan;
use crate::gateway::answer::Answer;
use crate::site::SiteRole;

/// Roles of people who own data or test, and operate nothing.
const UNPRIVILEGED: [&str; 2] = ["walidata", "auditor"];
/// Kinds of drills that bring something back.
const RESTORES: [&str; 3] = ["restore", "application", "plan"];

fn at(text: &Value) -> Option<i64> {
    text.as_str().and_then(utc::parse)
}

/// Plans in force, where a DRC's ledger is here; `states` as `evidence states` has them.
pub fn plans(records: &Records, states: Option<&Value>) -> Answer<Option<Vec<Value>>> {
    let Some(drc) = records.drc() else { return Ok(None) };
    let mut rows = Vec::new();
    for (name, applied) in &drc.register().plans {
        let its = read_plan(records.sources, name, applied.says.object)?;
        let tests = drc.said.tried.drills().iter().filter(|drill| {
            let announced = &drill.announced;
            announced.plan.as_ref() == Some(name)
                && announced.plan_version == Some(applied.says.version)
                && drill.index > applied.index
                && drill.outcome() == Some("passed")
        });
        let passed: Vec<u64> = tests.map(|drill| drill.index).collect();
        let state = states.and_then(|states| {
            let all = states["plans"].as_array()?;
            all.iter().find(|its| its["plan"] == name.as_str())?["state"].as_str().map(str::to_owned)
        });
        let has = sections(&its);
        let fact = Object::default()
            .with("plan", name.as_str())
            .with("title", its.title.clone())
            .with("version", its.version)
            .with("components", has.0)
            .with("organisation", has.1)
            .with("steps", has.2)
            .with_some("state", state)
            .with("tested", !passed.is_empty());
        let entries = [applied.index].into_iter().chain(passed).map(|index| drc.at(index)).collect();
        rows.push(fact.from_entries(entries));
    }
    Ok(Some(rows))
}

/// Whether a plan names what it brings back, who does it, and what is done by hand.
fn sections(plan: &Plan) -> (bool, bool, bool) {
    let mut services = plan.services.values();
    let components = services.clone().any(|its| !its.datasets.is_empty());
    (components, !plan.people.is_empty(), services.any(|its| !its.steps.is_empty()))
}

/// Restores that passed in the last two years.
pub fn drills(records: &Records) -> Value {
    let Some(drc) = records.drc() else { return Object::default().into() };
    let passed: Vec<(i64, u64)> = drc
        .said
        .tried
        .drills()
        .iter()
        .filter(|drill| RESTORES.contains(&drill.announced.kind.as_str()) && drill.outcome() == Some("passed"))
        .filter_map(|drill| Some((drill.ended.as_ref()?.1, drill.index)))
        .filter(|(ended, _)| counts_until(*ended) > records.now)
        .collect();
    let newest = passed.iter().map(|(ended, _)| *ended).max();
    Object::default()
        .with("passed", passed.len())
        .with_some("days", newest.map(|ended| records.days_since(ended)))
        .from_entries(passed.iter().map(|(_, index)| drc.at(*index)).collect())
}

/// The newest test that qualifies, also one that no longer counts.
pub fn qualifying(records: &Records, states: Option<&Value>) -> Value {
    let find = || {
        let drc = records.drc()?;
        let its = states?["tests"].as_array()?.iter().find(|its| its["qualifies"] == true)?;
        let drill = drc.said.tried.drills().iter().find(|drill| its["drill"] == drill.announced.drill.as_str())?;
        let text = |name: &str| its[name].as_str().map(str::to_owned);
        let fact = Object::default()
            .with_some("drill", text("drill"))
            .with_some("auditor", text("auditor"))
            .with_some("institution", text("institution"))
            .with_some("opinion", text("opinion"))
            .with_some("days", at(&its["attested"]).map(|at| records.days_since(at)))
            .with_some("days_left", its["days_left"].as_i64());
        Some(fact.from_entries(vec![drc.at(drill.index)]))
    };
    find().unwrap_or_else(|| Object::default().into())
}

/// The newest of each subject, by when it was held.
pub fn audits(records: &Records) -> Value {
    let newest = |subject: &str| {
        let all = records.all().flat_map(|ledger| ledger.register().audits.iter().map(move |its| (its, ledger)));
        let of = all.filter(|(its, _)| its.says.subject == subject);
        let dated = of.filter_map(|(its, ledger)| Some((utc::parse(its.says.held.as_str())?, its, ledger)));
        let (held, its, ledger) = dated.filter(|(held, ..)| *held <= records.now).max_by_key(|(held, ..)| *held)?;
        Some(audit(records, held, its, ledger))
    };
    Object::default()
        .with_some("data_centre", newest("data-centre"))
        .with_some("security", newest("security"))
        .with_some("internal", newest("internal"))
        .into()
}

fn audit(records: &Records, held: i64, its: &Recorded<AuditHeld>, ledger: &Ledger) -> Value {
    Object::default()
        .with("days", records.days_since(held))
        .with("days_left", records.days_until(counts_until(held)))
        .with("by", its.says.by.clone())
        .with("body", its.says.body.clone())
        .with("findings", its.says.findings.len())
        .from_entries(vec![ledger.entry(its)])
}

pub fn scrub(records: &Records) -> Value {
    let of = |role| {
        let ledger = records.of(role)?;
        ledger.register().scrub.as_ref().map(|its| (records.days_since(its.at), ledger.entry(its)))
    };
    let (pusat, drc) = (of(SiteRole::Pusat), of(SiteRole::Drc));
    let lost: usize = records.all().map(|ledger| ledger.register().lost.len()).sum();
    let entries = [&pusat, &drc].into_iter().flatten().map(|(_, entry)| entry.clone()).collect();
    Object::default()
        .with_some("pusat_days", pusat.map(|(days, _)| days))
        .with_some("drc_days", drc.map(|(days, _)| days))
        .with("lost", lost)
        .from_entries(entries)
}

/// Who may act at either site.
pub fn users(records: &Records) -> Vec<Value> {
    let mut rows = Vec::new();
    for ledger in records.all() {
        for (user, its) in &ledger.register().users {
            let is_plain = its.says.roles.iter().all(|role| UNPRIVILEGED.contains(&role.as_str()));
            let until = its.says.until.as_ref().and_then(|until| utc::parse(until.as_str()));
            let fact = Object::default()
                .with("user", user.as_str())
                .with("name", its.says.name.clone())
                .with("privileged", !is_plain)
                .with_some("decree", its.says.decree.clone())
                .with_some("days_left", until.map(|until| records.days_until(until)));
            rows.push(fact.from_entries(vec![ledger.entry(its)]));
        }
    }
    rows
}

/// What the Dinas decided that vague words mean, by the policy in force.
pub fn decisions(records: &Records) -> Value {
    let Some((_, policy)) = records.policies.newest() else { return Object::default().into() };
    let number = |word: Word, unit: u64| match policy.decisions.get(&word)?.means {
        Meaning::Kilometres(km) => Some(u64::from(km)),
        Meaning::Within(span) => Some(span.seconds() / unit),
    };
    let (hour, day) = (3600, 24 * 3600);
    Object::default()
        .with_some("far_km", number(Word::Far, 1))
        .with_some("promptly_hours", number(Word::Promptly, hour))
        .with_some("regularly_hours", number(Word::Regularly, hour))
        .with_some("rekey_days", number(Word::Rekey, day))
        .with_some("scrub_days", number(Word::Scrub, day))
        .into()
}

/// Since a report of each kind was issued.
pub fn reports(records: &Records) -> Value {
    let all = || records.all().flat_map(|ledger| ledger.register().reports.iter().map(move |its| (its, ledger)));
    let newest = |kind: &str| all().filter(|(its, _)| its.says.report == kind).max_by_key(|(its, _)| its.at);
    let kinds = ["coverage", "bandwidth", "evaluation", "monthly", "continuity"];
    let mut fact = Object::default();
    let mut entries = Vec::new();
    for (kind, (its, ledger)) in kinds.into_iter().filter_map(|kind| Some((kind, newest(kind)?))) {
        fact = fact.with(&format!("{kind}_days"), records.days_since(its.at));
        entries.push(ledger.entry(its));
    }
    fact.from_entries(entries)
}

/// Those that began in the last two years.
pub fn incidents(records: &Records) -> Vec<Value> {
    let mut rows = Vec::new();
    for ledger in records.all() {
        for its in &ledger.register().incidents {
            let began = utc::parse(its.says.began.as_str()).unwrap_or(its.at);
            if counts_until(began) <= records.now {
                continue;
            }
            let reported = utc::parse(its.says.reported.as_str()).unwrap_or(its.at);
            let fact = Object::default()
                .with("held", its.says.hold.is_some())
                .with("letter", its.says.letter.is_some())
                .with("reported_hours", (reported - began).div_euclid(3600));
            rows.push(fact.from_entries(vec![ledger.entry(its)]));
        }
    }
    rows
}
