//! What a policy could not keep to, or would no longer hold, each with what to do about it.

use std::collections::BTreeMap;
use std::time::Duration;

use pulih_policies::simulate::{Load, Time};
use pulih_policies::{Class, Drills, Policy};
use pulih_terminal::{duration, size};
use pulih_vault::utc;
use serde::Serialize;
use serde_json::Value;

use super::clauses::Both;
use super::known::{Dataset, Known};
use super::outcome::{Outcome, Simulated};

/// Something that breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Break {
    pub kind: &'static str,
    pub opd: Option<String>,
    pub class: Option<String>,
    /// `<agent>/<dataset>`.
    pub datasets: Vec<String>,
    pub regulation: Option<String>,
    pub clause: Option<String>,
    /// When it begins, if that is not at once.
    pub from: Option<String>,
    /// It is so with the policy in force too.
    pub already: bool,
    pub text: String,
    pub remedy: String,
}

/// A policy, and what it makes of what is known.
pub struct Side<'s> {
    pub policy: &'s Policy,
    pub simulated: &'s Simulated,
}

fn span(seconds: u64) -> String {
    duration(Duration::from_secs(seconds))
}

fn name(its: &Dataset) -> String {
    format!("{}/{}", its.agent, its.name)
}

/// All of them, the gravest kinds first.
pub fn all(known: &Known, now: &Side, then: &Side, both: &Both, time: Time) -> Vec<Break> {
    let mut breaks = of_datasets(known, now, then);
    breaks.extend(facts(both));
    breaks.extend(quotas(known, now, then));
    breaks.extend(lines(known, now, then));
    breaks.extend(drills(known, now, then));
    breaks.extend(approvals(known, now, then, time));
    breaks.extend(clauses(both));
    breaks
}

/// Those of many datasets that are alike are told once.
fn together(all: impl Iterator<Item = (Break, String)>) -> Vec<Break> {
    let mut by_text: BTreeMap<(&str, bool, String, Option<String>), Break> = BTreeMap::new();
    for (its, dataset) in all {
        let key = (its.kind, its.already, its.text.clone(), its.opd.clone());
        by_text.entry(key).or_insert(its).datasets.push(dataset);
    }
    by_text.into_values().collect()
}

/// How late a point may be: what lies between two runs, and how long a backup takes usually.
fn late(its: &Dataset, of: &Outcome) -> (u64, u64) {
    let takes = its.usual_seconds.unwrap_or(0).max(0) as u64;
    (of.longest_wait.saturating_add(takes), takes)
}

fn of_datasets(known: &Known, now: &Side, then: &Side) -> Vec<Break> {
    let rows = || known.datasets.iter().zip(now.simulated.outcomes.iter().zip(&then.simulated.outcomes));
    let misses = rows().filter(|(its, _)| its.is_saved).filter_map(|(its, (old, new))| {
        let (most, takes) = late(its, new);
        (most > new.rpo).then(|| {
            let takes = if takes == 0 { String::new() } else { format!(", and one takes {}", span(takes)) };
            (late_break(new, &takes, late(its, old).0 > old.rpo), name(its))
        })
    });
    let closes = rows().filter(|(its, _)| its.is_saved).filter_map(|(its, (old, new))| {
        let takes = its.usual_seconds?.max(0) as u64;
        let is_short = |of: &Outcome| of.window.filter(|open| *open < takes);
        let open = is_short(new)?;
        let text = format!("a backup takes {}, and the window is open for {} from a run on", span(takes), span(open));
        let remedy = "widen `windows`, or schedule runs earlier in them";
        let already = is_short(old).is_some();
        Some((Break { kind: "window", already, text, remedy: remedy.into(), ..Break::default() }, name(its)))
    });
    let mut breaks = together(misses);
    breaks.extend(together(closes));
    if known.datasets.is_empty() {
        breaks.extend(of_classes(now, then));
    }
    breaks
}

/// Where there is no dataset yet.
fn of_classes(now: &Side, then: &Side) -> Vec<Break> {
    let rows = now.simulated.outcomes.iter().zip(&then.simulated.outcomes);
    let misses = rows.filter(|(_, new)| new.longest_wait > new.rpo).map(|(old, new)| Break {
        class: Some(new.class.to_string()),
        ..late_break(new, "", old.longest_wait > old.rpo)
    });
    misses.collect()
}

/// `takes`: how long a backup does, as it is said.
fn late_break(of: &Outcome, takes: &str, already: bool) -> Break {
    let text = format!(
        "up to {} between two backups, jitter counted{takes}: more than the target of {} may be lost",
        span(of.longest_wait),
        span(of.rpo)
    );
    let remedy = "schedule more runs, widen the windows, shorten the jitter, or make `rpo_pusat` longer";
    Break { kind: "rpo", already, text, remedy: remedy.into(), ..Break::default() }
}

/// What is so now and would not be: by the facts of each dataset.
fn facts(both: &Both) -> Vec<Break> {
    const ASKED: [(&str, &str, &str, &str); 4] = [
        (
            "fresh",
            "late",
            "its newest recovery point is older than the new target already",
            "save it before the policy is applied, or make `rpo_pusat` longer",
        ),
        ("keys_enough", "keys", "fewer recovery keys than its class would ask for", "its owner has to add one"),
        (
            "copies_enough",
            "copies",
            "fewer copies than its class would ask for",
            "`pair offer` for a DRC, `replicate --to` for a further copy",
        ),
        (
            "drilled_enough",
            "drilled",
            "it did not come back within the time that its class would ask for",
            "`drill run`",
        ),
    ];
    let rows = |document: &Value| document["datasets"].as_array().cloned().unwrap_or_default();
    let (now, then) = (rows(&both.now), rows(&both.then));
    let found = ASKED.iter().flat_map(|(fact, kind, text, remedy)| {
        now.iter().zip(&then).filter_map(move |(now, then)| {
            let is_worse = then[*fact] == false && now[*fact] != false;
            let word = |field: &str| then[field].as_str().unwrap_or("-").to_owned();
            is_worse.then(|| {
                let its = Break { kind, text: (*text).into(), remedy: (*remedy).into(), ..Break::default() };
                (its, format!("{}/{}", word("agent"), word("dataset")))
            })
        })
    });
    together(found)
}

fn quotas(known: &Known, now: &Side, then: &Side) -> Vec<Break> {
    let stored = |opd: &str| known.stored.get(opd).copied().unwrap_or(0);
    let passed = |side: &Side, opd: &str| {
        let quota = side.simulated.offices.quota(side.policy, opd, stored(opd))?;
        Some((quota, quota.passed?))
    };
    let of = |opd: &str| {
        let (quota, day) = passed(then, opd)?;
        Some(Break {
            kind: "quota",
            opd: Some(opd.to_owned()),
            from: Some(utc::rfc3339(day)),
            already: passed(now, opd).is_some(),
            text: format!(
                "its quota of {} is used up from {} on, and nothing more is taken in: {} would be stored in the end",
                size(quota.most),
                then.policy.zone.print(day),
                size(quota.in_the_end)
            ),
            remedy: format!("raise `opd.{opd}.limits.quota`, keep points for less long, or save less often"),
            ..Break::default()
        })
    };
    then.simulated.offices.names().filter_map(of).collect()
}

fn lines(known: &Known, now: &Side, then: &Side) -> Vec<Break> {
    // The strictest of its datasets: what waits on the line comes later than it was saved.
    let strictest = |side: &Side, opd: Option<&str>| {
        let of = known.datasets.iter().zip(&side.simulated.outcomes);
        let saved = of.filter(|(its, _)| its.is_saved && its.growth.is_some() && opd.is_none_or(|opd| its.opd == opd));
        // One that is late without any line is told as such.
        saved.filter_map(|(its, of)| of.rpo.checked_sub(late(its, of).0)).min()
    };
    let is_broken = |side: &Side, load: &Load, opd: Option<&str>| {
        load.left > 0 || load.longest_wait > 0 && strictest(side, opd).is_some_and(|room| load.longest_wait > room)
    };
    let tell = |load: &Load, opd: Option<&str>, already: bool| {
        let busiest = load.busiest.map_or_else(String::new, |(at, bytes)| {
            format!("; most comes at {}: {} in an hour", then.policy.zone.print(at), size(bytes))
        });
        let what = if load.left > 0 {
            format!("its line never catches up: {} are still waiting in the end", size(load.left))
        } else {
            format!(
                "what is saved waits for up to {} for its line, and comes too late for its target",
                span(load.longest_wait)
            )
        };
        let field = opd.map_or_else(|| "limits.bandwidth".to_owned(), |opd| format!("opd.{opd}.limits"));
        Break {
            kind: "line",
            opd: opd.map(str::to_owned),
            already,
            text: format!("{what}{busiest}"),
            remedy: format!("raise `{field}`, spread the schedules, or save less often"),
            ..Break::default()
        }
    };
    let mut breaks = Vec::new();
    let site = then.simulated.offices.site(then.policy);
    if is_broken(then, &site, None) {
        let already = is_broken(now, &now.simulated.offices.site(now.policy), None);
        breaks.push(tell(&site, None, already));
    }
    for opd in then.simulated.offices.names() {
        let Some(load) = then.simulated.offices.load(then.policy, opd).filter(|load| is_broken(then, load, Some(opd)))
        else {
            continue;
        };
        let before = now.simulated.offices.load(now.policy, opd);
        breaks.push(tell(&load, Some(opd), before.is_some_and(|load| is_broken(now, &load, Some(opd)))));
    }
    breaks
}

fn drills(known: &Known, now: &Side, then: &Side) -> Vec<Break> {
    let mut breaks = Vec::new();
    for class in Class::ALL {
        let of = |side: &Side| {
            let drills = side.policy.classes.get(&class).map(|rules| rules.drills.clone()).unwrap_or_default();
            (drills, side.simulated.tried.get(&class).copied().unwrap_or_default())
        };
        let ((old, before), (new, after)) = (of(now), of(then));
        let its = |text: String, remedy: &str, already: bool| Break {
            kind: "drills",
            class: Some(class.to_string()),
            already,
            text,
            remedy: remedy.into(),
            ..Break::default()
        };
        if before.restore > 0 && after.restore == 0 {
            breaks.push(its("nothing of it is restored by schedule any more".into(), "write `drills.restore`", false));
        }
        let many = known.datasets.iter().filter(|its| its.class == class).count();
        let misses = |drills: &Drills, cycle: Option<u64>| {
            let longest = drills.longest?.seconds();
            cycle.is_none_or(|cycle| cycle > longest).then_some(longest)
        };
        if let Some(longest) = misses(&new, after.cycle).filter(|_| many > 0) {
            let text = match after.cycle {
                Some(cycle) => format!(
                    "its {many} datasets come back once in {} by schedule, and `longest` allows {}",
                    span(cycle),
                    span(longest)
                ),
                None => format!("`longest` allows {} since the last restore, and no schedule restores", span(longest)),
            };
            let remedy = "restore more often (`drills.restore`), or more datasets at once (`drills.datasets`)";
            breaks.push(its(text, remedy, misses(&old, before.cycle).is_some()));
        }
    }
    breaks
}

/// Approvals that are in force for longer than the policy would let one be given for.
fn approvals(known: &Known, now: &Side, then: &Side, time: Time) -> Vec<Break> {
    let age = |side: &Side| side.policy.approvals_max_age.seconds() as i64;
    if age(then) >= age(now) {
        return Vec::new();
    }
    let stale = known.datasets.iter().filter_map(|its| {
        let (given, until) = its.approved?;
        let from = given.saturating_add(age(then)).max(time.from);
        let is_stale = from < until.unwrap_or(i64::MAX) && from < time.to;
        is_stale.then(|| {
            let found = Break {
                kind: "approval",
                opd: Some(its.opd.clone()),
                from: Some(utc::rfc3339(from)),
                text: format!(
                    "its approval is older than the policy allows from {} on; it stays in force, and another one could \
                     not be given for so long",
                    then.policy.zone.print(from)
                ),
                remedy: "ask its walidata for a new one in time: `approve give`".into(),
                ..Break::default()
            };
            (found, name(its))
        })
    });
    together(stale)
}

fn clauses(both: &Both) -> Vec<Break> {
    let worse = both.turned.iter().filter(|its| its.is_worse());
    let told = worse.map(|its| Break {
        kind: "clause",
        regulation: Some(its.regulation.clone()),
        clause: Some(its.clause.clone()),
        text: format!("{}: {} -> {}: {}", its.place, its.now.words(), its.then.words(), its.why),
        remedy: its.remedy.clone(),
        ..Break::default()
    });
    told.collect()
}
