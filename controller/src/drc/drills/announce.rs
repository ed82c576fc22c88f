//! Announcing a drill: it stands in the ledger with its points before anybody knows how it goes.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{DrillAnnounced, DrillMissed};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;

use super::super::recovery::order::{Dataset, Item, Wanted as Recovered};
use super::super::{Drc, lock};
use super::due::{Due, Line, Occurrence, Of, due, lines};
use super::order::{Planned, Wanted};
use super::{KINDS, PLAN, RESTORE, restores};
use crate::catalog::Catalog;
use crate::drc::recovery::{MAX_POINTS, parse_point};
use crate::gateway::answer::{Answer, Refusal};
use crate::keeping::clock_doubt;
use crate::policy::InForce;
use crate::pusat::draw;
use crate::record::{Record, time};
use crate::recover::content;

/// What a file takes beside its content: an entry of its folder, and the end of its last block.
const FILE_BYTES: u64 = 8192;
/// Seconds that one which a person announced waits for its start, at most.
const MOST_WAIT: i64 = 7 * 24 * 3600;

/// Percent that a sample is of.
const SAMPLES: std::ops::RangeInclusive<u64> = 1..=99;

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

/// What a recovery would bring back, without what people do by hand.
pub(super) fn datasets(items: Vec<Item>) -> impl Iterator<Item = Dataset> {
    items.into_iter().filter_map(|item| match item {
        Item::Dataset(its) => Some(its),
        Item::Manual(_) => None,
    })
}

fn told(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(&error)
}

/// That a person's announcement is one that this version does, of the points that are due to be tried.
pub fn check_announced(catalog: &Catalog, its: &DrillAnnounced, in_force: &InForce, now: i64) -> Answer<()> {
    if catalog.drill(its.drill.as_str())?.is_some() {
        return Err(Refusal::new(Code::AlreadyExists, format!("there was a drill {} already", its.drill)));
    }
    if !KINDS.contains(&its.kind.as_str()) || its.recipes.is_some() {
        return Err(bad("this version does `verify`, `restore` and `plan` drills"));
    }
    if its.sample_percent.is_some_and(|percent| its.kind != RESTORE || !SAMPLES.contains(&percent)) {
        return Err(bad("a sample is 1 to 99 percent of a `restore` drill"));
    }
    if its.schedule.is_some() || its.occurrence.is_some() || its.due.is_some() {
        return Err(Refusal::new(
            Code::Forbidden,
            "what the policy's schedule asks for is announced by the site alone",
        ));
    }
    if its.policy.to_string() != in_force.hash {
        return Err(bad("another policy came into force just now; order it again"));
    }
    let until = pulih_vault::utc::parse(its.until.as_str()).unwrap_or(0);
    if !(now..=now + MOST_WAIT).contains(&until) {
        return Err(bad("a drill waits for its start seven days at most"));
    }
    if its.points.is_empty() || its.points.len() > MAX_POINTS {
        return Err(bad(format!("a drill has 1 to {MAX_POINTS} points")));
    }
    for (at, point) in its.points.iter().enumerate() {
        let (vault, dataset, manifest) = parse_point(point)?;
        let usual = catalog.newest_before_suspicion(vault, dataset)?;
        if usual.is_none_or(|usual| usual.snapshot != manifest) || its.points[..at].contains(point) {
            return Err(bad(format!("{dataset}: this is not the newest complete point that is not suspected, once")));
        }
    }
    Ok(())
}

impl Drc {
    /// What a person would announce.
    pub(super) fn plan_drill(&self, wanted: &Wanted) -> Answer<Planned> {
        if !KINDS.contains(&wanted.kind.as_str()) {
            return Err(bad("a drill is `verify`, `restore` or `plan`"));
        }
        if (wanted.kind == PLAN) != wanted.plan.is_some() {
            return Err(bad("a drill of a plan, and no other one, names its plan: --kind plan --plan NAME"));
        }
        if wanted.sample_percent.is_some() && wanted.kind != RESTORE {
            return Err(bad("a sample is of a `restore` drill"));
        }
        let (in_force, now) = (self.in_force(), self.now());
        let (mut items, mut problems) = (Vec::new(), Vec::new());
        let mut plan = None;
        let mut window = pulih_policies::Drills::default().window();
        if let Some(class) = &wanted.class {
            let drills = in_force.rules(class, "", "").map_err(|_| bad(format!("{class:?} is no class")))?.drills;
            window = drills.window();
            items = Self::chosen(&lock(&self.catalog), class, &wanted.kind, drills.datasets(), 0)?;
            if items.is_empty() {
                problems.push(format!("no dataset of class {class} has a complete point here that is not suspected"));
            }
        } else if let Some(name) = &wanted.plan {
            let planned = self.drill_of_plan(name)?;
            problems.extend(planned.problems);
            items = planned.items;
            plan = Some((name.clone(), planned.version));
        } else {
            let named = Recovered { datasets: wanted.datasets.clone(), ..Recovered::default() };
            let prepared = self.prepare(&named)?;
            problems.extend(prepared.problems);
            items.extend(datasets(prepared.items));
        }
        if restores(&wanted.kind) && self.site.drill_scratch.is_none() {
            problems
                .push("there is no `drill_scratch` in site.toml: a drill that restores needs a place for it".into());
        }
        let scratch_bytes = self.scratch_bytes(&wanted.kind, &items);
        let auditor = wanted.auditor.as_ref().map(|named| self.auditor(named)).transpose()?;
        if let Some(auditor) = &auditor {
            let kind = &wanted.kind;
            problems.extend(self.operates(&lock(&self.record), kind, auditor, now)?);
        }
        // People from elsewhere have to come.
        let waits = if auditor.is_some() { MOST_WAIT } else { window.seconds() as i64 };
        let announced = DrillAnnounced {
            class: wanted.class.clone(),
            plan_version: plan.as_ref().map(|(_, version)| *version),
            plan: plan.map(|(name, _)| name),
            auditor,
            sample_percent: wanted.sample_percent,
            until: time(now + waits).map_err(told)?,
            ..self.announcement(&wanted.kind, &items, scratch_bytes)?
        };
        let rate = lock(&self.catalog).recovery_rate()?;
        let forecast_seconds = rate.filter(|_| restores(&wanted.kind)).map(|rate| scratch_bytes / rate.max(1));
        Ok(Planned { announced, items, problems, forecast_seconds })
    }

    /// The most that these points take on disk.
    fn scratch_bytes(&self, kind: &str, items: &[Dataset]) -> u64 {
        if !restores(kind) {
            return 0;
        }
        // What cannot be read is a matter for the drill to find.
        let of = |its: &Dataset| {
            content(&*self.store, its).map_or(its.stored_bytes, |counts| {
                counts.bytes.saturating_add((counts.files + counts.dirs + counts.others).saturating_mul(FILE_BYTES))
            })
        };
        items.iter().map(of).fold(0, u64::saturating_add)
    }

    fn announcement(&self, kind: &str, items: &[Dataset], scratch_bytes: u64) -> Answer<DrillAnnounced> {
        let policy: ObjectHash = self.in_force().hash.parse().map_err(told)?;
        Ok(DrillAnnounced {
            drill: draw("d")?.parse().map_err(told)?,
            kind: kind.to_owned(),
            class: None,
            schedule: None,
            occurrence: None,
            due: None,
            points: items.iter().map(Dataset::point).collect(),
            plan: None,
            plan_version: None,
            recipes: None,
            sample_percent: None,
            scratch_bytes,
            policy,
            until: time(self.now()).map_err(told)?,
            auditor: None,
        })
    }

    /// Writes down what the policy's lines have asked for by now: announced, or missed. Called before another policy
    /// takes its place too, so that each occurrence is one of the policy that it came under.
    pub(in crate::drc) fn announce_due(&self, record: &mut Record) -> Answer<()> {
        let (in_force, now) = (self.in_force(), self.now());
        // By a clock that cannot be believed nothing has come, and nothing was missed: until a person has looked.
        if clock_doubt(&record.catalog, now)?.is_some() {
            return Ok(());
        }
        let mut bodies: Vec<Body> = Vec::new();
        for line in lines(&in_force.policy) {
            let name = line.name();
            let known = record.catalog.drill_schedule(&name)?.map(|(number, due)| Occurrence { number, due });
            for found in due(&line, in_force.policy.zone, in_force.since, known, now) {
                match found {
                    Due::Missed { last, count } => {
                        bodies.push(self.missed(&record.catalog, &line, last, count)?.into());
                    }
                    Due::Now(its) => {
                        let is_open =
                            record.catalog.open_drills()?.iter().any(|open| open.schedule.as_ref() == Some(&name));
                        bodies.extend(
                            if is_open { None } else { self.scheduled(&record.catalog, &line, its)? }.map(Body::from),
                        );
                    }
                }
            }
        }
        if bodies.is_empty() {
            return Ok(());
        }
        let is_announced = bodies.iter().any(|body| matches!(body, Body::DrillAnnounced(_)));
        record.write(now, &Actor::Site, bodies)?;
        if is_announced {
            self.have_cosigned_soon(record);
        }
        Ok(())
    }

    /// The same before another policy takes the place of the one in force, which is not kept from it.
    pub(in crate::drc) fn announce_before_change(&self, record: &mut Record) {
        if let Err(refusal) = self.announce_due(record) {
            eprintln!("warning: drills that were due were not announced: {}", refusal.message);
        }
    }

    /// The announcement of an occurrence; `None`: there is nothing yet that it could try.
    fn scheduled(&self, catalog: &Catalog, line: &Line, its: Occurrence) -> Answer<Option<DrillAnnounced>> {
        let mut sample_percent = None;
        let (items, version) = match &line.of {
            Of::Class(class) => {
                let drills = self.in_force().rules(class, "", "")?.drills;
                sample_percent = drills.sample_percent().map(u64::from).filter(|_| line.kind == RESTORE);
                (Self::chosen(catalog, class, &line.kind, drills.datasets(), its.number)?, None)
            }
            Of::Plan(plan) => match self.drill_of_plan(plan) {
                Ok(planned) if planned.problems.is_empty() => (planned.items, Some((plan.clone(), planned.version))),
                // It may be whole before its window is over; else it is missed, with why.
                _ => return Ok(None),
            },
        };
        if items.is_empty() {
            return Ok(None);
        }
        let scratch_bytes = self.scratch_bytes(&line.kind, &items);
        Ok(Some(DrillAnnounced {
            class: line.of.class().map(str::to_owned),
            plan_version: version.as_ref().map(|(_, version)| *version),
            plan: version.map(|(plan, _)| plan),
            schedule: Some(line.name()),
            occurrence: Some(its.number),
            due: Some(time(its.due).map_err(told)?),
            sample_percent,
            until: time(its.due + line.window).map_err(told)?,
            ..self.announcement(&line.kind, &items, scratch_bytes)?
        }))
    }

    fn missed(&self, catalog: &Catalog, line: &Line, its: Occurrence, count: u64) -> Answer<DrillMissed> {
        let nothing = match &line.of {
            Of::Class(class) => Self::chosen(catalog, class, &line.kind, 1, its.number)?
                .is_empty()
                .then(|| format!("no dataset of class {class} has a complete point here that is not suspected")),
            Of::Plan(plan) => match self.drill_of_plan(plan) {
                Ok(planned) => planned.problems.into_iter().next(),
                Err(refusal) => Some(refusal.message),
            },
        };
        let usual = "in its window nobody served this site, or the drill before it of the same schedule had not ended";
        Ok(DrillMissed {
            schedule: line.name(),
            kind: line.kind.clone(),
            class: line.of.class().map(str::to_owned),
            occurrence: its.number,
            due: time(its.due).map_err(told)?,
            reason: nothing.unwrap_or_else(|| usual.to_owned()),
            count: (count > 1).then_some(count),
        })
    }
}
