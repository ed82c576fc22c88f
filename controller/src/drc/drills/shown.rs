//! Drills as commands show them.

use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::{Drc, lock};
use super::due::lines;
use crate::catalog::{Drill, Tried};
use crate::gateway::answer::{Answer, Refusal};
use crate::keeping::clock_doubt;
use pulih_protocol::error::Code;

/// Comings of each schedule that are shown.
const NEXT: usize = 10;

fn state(its: &Drill) -> &'static str {
    match (its.ended, its.started) {
        (Some(_), _) => "ended",
        (None, Some(_)) => "started",
        (None, None) => "announced",
    }
}

fn row(its: &Drill) -> Value {
    json!({
        "drill": its.id, "kind": its.kind, "class": its.class, "schedule": its.schedule, "occurrence": its.occurrence,
        "due": its.due.map(utc::rfc3339), "by": its.person, "announced": utc::rfc3339(its.announced),
        "until": utc::rfc3339(its.until), "started": its.started.map(utc::rfc3339), "ended": its.ended.map(utc::rfc3339),
        "state": state(its), "outcome": its.outcome, "milliseconds": its.milliseconds, "leftovers": its.leftovers,
        "text": its.text, "plan": its.plan, "plan_version": its.plan_version, "sample_percent": its.sample_percent,
        "recipes": its.recipes,
        "auditor": its.auditor.as_ref().map(|auditor| {
            json!({
                "user": auditor.user, "name": auditor.name, "institution": auditor.institution,
                "mandate": auditor.mandate, "opened": its.opened.map(utc::rfc3339),
                "attested": its.attested.map(utc::rfc3339), "opinion": its.opinion,
            })
        }),
    })
}

fn step(its: &Tried) -> Value {
    json!({
        "step": its.step, "what": its.what, "point": its.point, "outcome": its.outcome, "began": its.began,
        "milliseconds": its.milliseconds, "phases": serde_json::from_str::<Value>(&its.phases).unwrap_or_default(),
        "files": its.files, "bytes": its.bytes, "total_files": its.total_files, "total_bytes": its.total_bytes,
        "text": its.text,
    })
}

impl Drc {
    pub(super) fn listed_drills(&self) -> Answer<Value> {
        let catalog = lock(&self.catalog);
        let drills: Vec<Value> = catalog.drills()?.iter().map(row).collect();
        let missed = catalog.drills_missed()?.into_iter().map(|its| {
            json!({
                "schedule": its.schedule, "occurrence": its.occurrence, "due": utc::rfc3339(its.due), "count": its.count,
                "reason": its.reason,
            })
        });
        Ok(json!({"type": "pulih/drills/v1", "drills": drills, "missed": missed.collect::<Vec<_>>()}))
    }

    pub(super) fn shown_drill(&self, id: &str) -> Answer<Value> {
        let catalog = lock(&self.catalog);
        let none = || Refusal::new(Code::NotFound, format!("there is no drill {id} here"));
        let its = catalog.drill(id)?.ok_or_else(none)?;
        let mut shown = row(&its);
        let steps: Vec<Value> = catalog.drill_steps(id)?.iter().map(step).collect();
        if let Some(fields) = shown.as_object_mut() {
            let more = json!({
                "type": "pulih/drill/v1", "points": its.points, "scratch_bytes": its.scratch_bytes, "policy": its.policy,
                "log": its.log, "steps": steps,
            });
            fields.extend(more.as_object().cloned().unwrap_or_default());
        }
        Ok(shown)
    }

    pub(super) fn drill_schedule(&self) -> Answer<Value> {
        let (in_force, now) = (self.in_force(), self.now());
        let catalog = lock(&self.catalog);
        let mut schedules = Vec::new();
        for line in lines(&in_force.policy) {
            let known = catalog.drill_schedule(&line.name())?;
            let from = known.map_or(now, |(_, due)| due.max(now));
            let next = line.schedule.next_n(in_force.policy.zone, from, NEXT);
            schedules.push(json!({
                "schedule": line.name(), "line": line.schedule.as_str(), "window_seconds": line.window,
                "occurrences": known.map_or(0, |(number, _)| number),
                "next": next.into_iter().map(utc::rfc3339).collect::<Vec<_>>(),
            }));
        }
        let stopped = clock_doubt(&catalog, now)?;
        Ok(json!({"type": "pulih/drill-schedule/v1", "schedules": schedules, "stopped": stopped}))
    }
}
