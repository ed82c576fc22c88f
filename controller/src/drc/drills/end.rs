//! How a drill ended: by its steps and nothing else. Its raw log is in the store before the ledger names it.

use std::fs;
use std::time::Duration;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::DrillEnded;
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{MAX_TEXT_BYTES, one_line};
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, StoreError};
use serde_json::Value;

use super::super::recovery::disaster::must_say_why;
use super::super::{Drc, lock};
use super::order::Done;
use super::step::{application_what, recipes};
use crate::catalog::{Catalog, Drill, Tried};
use crate::drc::recovery::manual_what;
use crate::drill::{log, scratch, try_lock};
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

/// What failed stays so long where the policy lets it.
const KEPT_SECONDS: i64 = 7 * 24 * 3600;
/// How long a person who ends a drill waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// `passed` or `failed`, of one that began.
fn outcome(points: &[String], recipes: &[String], steps: &[Tried], leftovers: u64) -> &'static str {
    let passed = |point: &String| steps.iter().any(|its| its.point.as_ref() == Some(point) && its.outcome == "passed");
    let ran = |recipe: &String| {
        let what = application_what(recipe);
        steps.iter().any(|its| its.what == what && its.outcome == "passed")
    };
    let good = |its: &Tried| its.outcome == "passed" || (its.outcome == "skipped" && is_manual(&its.what));
    let all = !points.is_empty() && points.iter().all(passed) && recipes.iter().all(ran) && steps.iter().all(good);
    if all && leftovers == 0 { "passed" } else { "failed" }
}

/// What people do by hand is not done in a drill: its steps say so, and bear nothing.
fn is_manual(what: &str) -> bool {
    what.strip_prefix("manual ").is_some_and(|name| manual_what(name) == what)
}

fn must_be_open(catalog: &Catalog, id: &str) -> Answer<Drill> {
    let none = || Refusal::new(Code::NotFound, format!("no drill {id} waits or goes on here"));
    catalog.drill(id)?.filter(|its| its.ended.is_none()).ok_or_else(none)
}

impl Drc {
    /// The worker has done all it could.
    pub(super) fn drill_done(&self, its: &Done) -> Answer<Value> {
        self.end_drill(&its.drill, None, its.milliseconds, its.leftovers, &its.text)?;
        self.shown_drill(&its.drill)
    }

    /// Ends a drill; `outcome` `None`: as its steps say.
    pub(super) fn end_drill(
        &self,
        id: &str,
        said: Option<&str>,
        milliseconds: u64,
        leftovers: u64,
        text: &str,
    ) -> Answer<()> {
        let path = self.dir.path(&log::name(id));
        let raw = log::whole(&path, id).map_err(|error| Refusal::internal(&error))?;
        let object = ObjectHash::of(&raw);
        let name: ObjectName =
            format!("site/{}/drills/{object}", self.id()?).parse().map_err(|error| Refusal::internal(&error))?;
        match self.store.create(&name, &raw) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut record = lock(&self.record);
        let drill = must_be_open(&record.catalog, id)?;
        let steps = record.catalog.drill_steps(id)?;
        let recipes: Vec<String> = recipes(&drill).collect();
        if said.is_none() && drill.started.is_none() {
            return Err(Refusal::new(Code::BadRequest, "it has not begun"));
        }
        let mut bodies: Vec<Body> = Vec::new();
        if said.is_none() {
            bodies.extend(self.by_hand(&record.catalog, &drill, steps.len() as u64)?.into_iter().map(Body::from));
        }
        let ended = DrillEnded {
            drill: id.parse().map_err(|error| Refusal::internal(&error))?,
            outcome: said.unwrap_or_else(|| outcome(&drill.points, &recipes, &steps, leftovers)).to_owned(),
            milliseconds,
            steps: (steps.len() + bodies.len()) as u64,
            log: object,
            leftovers,
            text: one_line(text, MAX_TEXT_BYTES),
        };
        bodies.push(ended.into());
        record.write(self.now(), &Actor::Site, bodies)?;
        drop(record);
        let _ = fs::remove_file(path);
        Ok(())
    }

    /// Ends one that was broken off: wiped first, with the time that its log says.
    pub fn abort_drill(&self, id: &str, why: &str) -> Answer<()> {
        let Some(drill) = lock(&self.catalog).drill(id)?.filter(|its| its.ended.is_none()) else { return Ok(()) };
        // What runs goes before what it runs on.
        let running = if drill.recipes.is_empty() { 0 } else { pulih_sandbox::sweep(id) };
        let (path, place) = (self.dir.path(&log::name(id)), self.site.drill_scratch.as_deref());
        let told = |error: std::io::Error| Refusal::internal(&error);
        let milliseconds = if drill.started.is_some() { log::milliseconds(&path).map_err(told)? } else { 0 };
        // What nobody can look for is not gone: its disk may be away. It is wiped when it is there again.
        let is_away = drill.started.is_some()
            && place.is_none_or(|place| !scratch::is_there(place, id))
            && log::has_scratch(&path).map_err(told)?;
        let leftovers = running + u64::from(is_away) + place.map_or(0, |place| scratch::wipe(place, id));
        let away = if is_away { "; its folder is not in the scratch place, so that nobody could wipe it" } else { "" };
        self.end_drill(id, Some("aborted"), milliseconds, leftovers, &format!("{why}{away}"))
    }

    /// The same at the start. A new Pusat Data that is filled as a DRC is has no drills.
    pub(in crate::drc) fn sweep_if_drc(&self) -> Answer<()> {
        if self.site.role == SiteRole::Drc { self.sweep_drills() } else { Ok(()) }
    }

    /// What an earlier process left: drills that went on then have ended, and nothing stays of those that have. Does
    /// nothing while a worker is at it.
    pub(in crate::drc) fn sweep_drills(&self) -> Answer<()> {
        let open = lock(&self.catalog).open_drills()?;
        let begun: Vec<&Drill> = open.iter().filter(|its| its.started.is_some()).collect();
        let left = self.site.drill_scratch.as_deref().map(scratch::left_in).unwrap_or_default();
        if begun.is_empty() && left.is_empty() {
            return Ok(());
        }
        let Some(_lock) = try_lock(&self.dir).map_err(|error| Refusal::internal(&error))? else { return Ok(()) };
        for its in begun {
            self.abort_drill(&its.id, "the process that did it, or its host, went away")?;
        }
        for id in left {
            self.wipe_ended(&id)?;
        }
        Ok(())
    }

    /// The folder of one that has ended goes, at once or when people had their time to look.
    fn wipe_ended(&self, id: &str) -> Answer<()> {
        let Some(drill) = lock(&self.catalog).drill(id)? else { return Ok(()) };
        let (Some(ended), Some(place)) = (drill.ended, self.site.drill_scratch.as_deref()) else { return Ok(()) };
        let is_kept = scratch::is_kept(place, id);
        if is_kept && self.now() < ended.saturating_add(KEPT_SECONDS) {
            return Ok(());
        }
        match scratch::wipe(place, id) {
            0 => eprintln!("note: what drill {id} had restored is wiped"),
            left => eprintln!("warning: {left} of what drill {id} had restored could not be wiped"),
        }
        Ok(())
    }

    /// A person ends a drill.
    pub(super) fn cancel_drill(&self, id: &str, reason: &str) -> Answer<Value> {
        must_say_why(reason)?;
        let drill = must_be_open(&lock(&self.catalog), id)?;
        if drill.started.is_none() {
            self.abort_drill(id, reason)?;
        } else if !self.drilling.cancel(id, reason, PATIENCE) {
            let text = "the process that does it is not this one: end the `drill run` that follows it";
            return Err(Refusal::new(Code::Busy, text));
        }
        self.shown_drill(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(point: &str, outcome: &str) -> Tried {
        Tried {
            step: 1,
            what: "restore".into(),
            point: Some(point.to_owned()),
            outcome: outcome.to_owned(),
            began: String::new(),
            milliseconds: 0,
            phases: String::new(),
            files: 0,
            bytes: 0,
            total_files: 0,
            total_bytes: 0,
            text: String::new(),
        }
    }

    #[test]
    fn it_has_passed_only_with_a_passed_step_for_each_point_and_nothing_left_over() {
        let points = ["v/a/1".to_owned(), "v/b/1".to_owned()];
        let (a, b) = (step("v/a/1", "passed"), step("v/b/1", "passed"));
        assert_eq!(outcome(&points, &[], &[a.clone(), b.clone()], 0), "passed");
        assert_eq!(outcome(&points, &[], &[a.clone(), b.clone()], 1), "failed");
        assert_eq!(outcome(&points, &[], std::slice::from_ref(&a), 0), "failed");
        assert_eq!(outcome(&points, &[], &[a.clone(), step("v/b/1", "failed")], 0), "failed");
        assert_eq!(outcome(&points, &[], &[a.clone(), b.clone(), step("v/c/1", "skipped")], 0), "failed");
        let by_hand = |outcome| Tried { what: "manual dns".into(), point: None, ..step("", outcome) };
        assert_eq!(outcome(&points, &[], &[a.clone(), b.clone(), by_hand("skipped")], 0), "passed");
        assert_eq!(outcome(&points, &[], &[a, b, by_hand("failed")], 0), "failed");
        assert_eq!(outcome(&[], &[], &[], 0), "failed");
        // Each recipe has its step too.
        let recipes = ["simrs".to_owned()];
        let (one, b) = (["v/a/1".to_owned()], step("v/a/1", "passed"));
        let ran = |outcome| Tried { what: "application simrs".into(), point: None, ..step("", outcome) };
        assert_eq!(outcome(&one, &recipes, &[b.clone(), ran("passed")], 0), "passed");
        for bad in [vec![b.clone()], vec![b.clone(), ran("failed")], vec![b, ran("skipped")], vec![ran("passed")]] {
            assert_eq!(outcome(&one, &recipes, &bad, 0), "failed");
        }
    }
}
