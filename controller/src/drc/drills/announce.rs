//! Announcing a drill: it stands in the ledger with its points before anybody knows how it goes.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{DrillAnnounced, DrillMissed};
use pulih_protocol::error::Code;

use super::super::Drc;
use super::super::recovery::order::{Dataset, Item};
use super::due::{Due, Line, Occurrence, due, lines};
use super::{KINDS, RESTORE};
use crate::catalog::Catalog;
use crate::drc::recovery::{MAX_POINTS, parse_point};
use crate::gateway::answer::{Answer, Refusal};
use crate::keeping::clock_doubt;
use crate::policy::InForce;
use crate::record::{Record, time};

/// Seconds that one which a person announced waits for its start, at most.
pub(super) const MOST_WAIT: i64 = 7 * 24 * 3600;

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
    if !KINDS.contains(&its.kind.as_str()) {
        return Err(bad(format!("this version does drills of {}", KINDS.join(", "))));
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
        let what = match self.what_of_line(catalog, line, its.number) {
            Ok(what) if what.problems.is_empty() => what,
            // It may be whole before its window is over; else it is missed, with why.
            Err(refusal) if line.of.class().is_some() => return Err(refusal),
            _ => return Ok(None),
        };
        Ok(Some(DrillAnnounced {
            class: line.of.class().map(str::to_owned),
            schedule: Some(line.name()),
            occurrence: Some(its.number),
            due: Some(time(its.due).map_err(told)?),
            until: time(its.due + line.window).map_err(told)?,
            ..self.announcement(&line.kind, &what)?
        }))
    }

    fn missed(&self, catalog: &Catalog, line: &Line, its: Occurrence, count: u64) -> Answer<DrillMissed> {
        let nothing = match self.what_of_line(catalog, line, its.number) {
            Ok(what) => what.problems.into_iter().next(),
            Err(refusal) => Some(refusal.message),
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
