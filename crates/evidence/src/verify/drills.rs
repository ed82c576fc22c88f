//! Step 10: no drill was left out, each ended once, and its outcome is what its steps bear.

mod judge;
mod log;

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::entry::kinds::{
    DrillAnnounced, DrillAttested, DrillEnded, DrillMissed, DrillOpened, DrillStarted, DrillStep,
};
use pulih_ledger::ids::SiteId;
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use serde::de::DeserializeOwned;

use crate::report::{Code, DrillReport, Report};
use log::Lines;

/// How long after its last moment to start a drill must have ended.
pub const GRACE_SECONDS: i64 = 24 * 3600;
/// Most drills of a log that are followed: one an hour for a century.
const MOST_DRILLS: usize = 1_000_000;

/// What the entries say of one drill, in their order.
#[derive(Default)]
struct Drill {
    announced: Option<DrillAnnounced>,
    /// By which entry.
    index: u64,
    opened: bool,
    started: Option<DrillStarted>,
    steps: Vec<DrillStep>,
    ended: Option<DrillEnded>,
    attested: bool,
    /// Steps of which the raw log says that something was not as it should be; `None`: the log was not read.
    not_ok: Option<BTreeSet<u64>>,
    qualifies: bool,
    wrong: Vec<String>,
}

/// The drills of a site's log.
pub struct Drills {
    site: SiteId,
    known: BTreeMap<String, Drill>,
    /// The newest occurrence of each schedule.
    schedules: BTreeMap<String, u64>,
    /// The log is here from its first entry on, and so each schedule from its first occurrence.
    from_first: bool,
    wrong: Vec<String>,
}

fn fields<T: DeserializeOwned>(entry: &[u8]) -> Result<T, String> {
    serde_json::from_slice(entry).map_err(|why| why.to_string())
}

impl Drills {
    pub fn new(site: &SiteId, from_first: bool) -> Self {
        let (known, schedules) = (BTreeMap::new(), BTreeMap::new());
        Self { site: site.clone(), known, schedules, from_first, wrong: Vec::new() }
    }

    /// Takes an entry, if it is about a drill. An error: it is not as entries of its kind are.
    pub fn follow(&mut self, index: u64, kind: &str, entry: &[u8]) -> Result<(), String> {
        match kind {
            "drill-announced" => self.announced(index, fields(entry)?),
            "drill-opened" => {
                let opened: DrillOpened = fields(entry)?;
                self.its(index, opened.drill.as_str(), "opened", |drill| {
                    let in_order = drill.started.is_none() && !drill.opened;
                    drill.opened = true;
                    in_order
                });
            }
            "drill-started" => {
                let started: DrillStarted = fields(entry)?;
                self.its(index, started.drill.clone().as_str(), "started", |drill| {
                    let in_order = drill.started.is_none() && drill.steps.is_empty() && drill.ended.is_none();
                    drill.started.get_or_insert(started);
                    in_order
                });
            }
            "drill-step" => {
                let step: DrillStep = fields(entry)?;
                self.its(index, step.drill.clone().as_str(), "stepped", |drill| {
                    let is_next = step.step == drill.steps.len() as u64 + 1;
                    drill.steps.push(step);
                    is_next && drill.started.is_some() && drill.ended.is_none()
                });
            }
            "drill-ended" => {
                let ended: DrillEnded = fields(entry)?;
                self.its(index, ended.drill.clone().as_str(), "ended", |drill| {
                    let is_first = drill.ended.is_none();
                    drill.ended.get_or_insert(ended);
                    is_first
                });
            }
            "drill-missed" => {
                let missed: DrillMissed = fields(entry)?;
                self.occurrence(index, &missed.schedule, missed.occurrence, missed.count.unwrap_or(1));
            }
            "drill-attested" => {
                let attested: DrillAttested = fields(entry)?;
                self.its(index, attested.drill.as_str(), "attested", |drill| {
                    drill.attested = true;
                    drill.ended.is_some()
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn announced(&mut self, index: u64, announced: DrillAnnounced) {
        if let (Some(schedule), Some(occurrence)) = (&announced.schedule, announced.occurrence) {
            self.occurrence(index, &schedule.clone(), occurrence, 1);
            let is_its = match &announced.class {
                Some(class) => *schedule == format!("{class}/{}", announced.kind),
                None => announced.plan.as_ref().is_some_and(|plan| *schedule == format!("plan/{plan}")),
            };
            if !is_its {
                self.wrong.push(format!("entry {index} is of the schedule {schedule}, and announces another drill"));
            }
        } else if announced.schedule.is_some() || announced.occurrence.is_some() || announced.due.is_some() {
            self.wrong.push(format!("entry {index} has a part of schedule, occurrence and due, and not all"));
        }
        let id = announced.drill.to_string();
        if self.known.len() >= MOST_DRILLS {
            self.wrong.push(format!("entry {index} announces a drill beyond the first {MOST_DRILLS}"));
            return;
        }
        let drill = self.known.entry(id.clone()).or_default();
        if drill.announced.is_some() {
            self.wrong.push(format!("entry {index} announces {id}, an id that was given before"));
        } else {
            drill.announced = Some(announced);
            drill.index = index;
        }
    }

    /// Takes what an entry says of a drill that was announced before it.
    fn its(&mut self, index: u64, id: &str, what: &str, take: impl FnOnce(&mut Drill) -> bool) {
        match self.known.get_mut(id) {
            Some(drill) if drill.announced.is_some() => {
                if !take(drill) {
                    drill.wrong.push(format!("entry {index} says that it {what}, out of order"));
                }
            }
            _ => self.wrong.push(format!("entry {index} says that {id} {what}, which was not announced before")),
        }
    }

    /// Occurrences `occurrence - count + 1` to `occurrence` of a schedule: they follow those before without a gap.
    fn occurrence(&mut self, index: u64, schedule: &str, occurrence: u64, count: u64) {
        let first = occurrence.checked_sub(count.max(1) - 1).filter(|first| *first > 0);
        let before = if self.from_first { 0 } else { first.unwrap_or(1) - 1 };
        let newest = self.schedules.entry(schedule.to_owned()).or_insert(before);
        if first.is_none() || first != newest.checked_add(1) {
            let since = *newest;
            self.wrong.push(format!("entry {index} has the occurrence {occurrence} of {schedule}, after {since}"));
        }
        *newest = occurrence.max(*newest);
    }

    /// Drills that started, and which entry announced each.
    pub fn starts(&self) -> impl Iterator<Item = (&str, u64, &DrillStarted)> {
        self.known.iter().filter_map(|(id, drill)| Some((id.as_str(), drill.index, drill.started.as_ref()?)))
    }

    /// Drills that tried a sample: how each started, and the points of which it restored one.
    pub fn sampled(&self) -> impl Iterator<Item = (&str, &DrillStarted, BTreeSet<String>)> {
        self.known.iter().filter_map(|(id, drill)| {
            let started = drill.started.as_ref().filter(|_| drill.is_of_sample())?;
            let points = drill.steps.iter().filter(|step| judge::is_restored(step)).filter_map(judge::point_of);
            Some((id.as_str(), started, points.collect()))
        })
    }

    /// What another step found wrong with a drill.
    pub fn say(&mut self, drill: &str, why: String) {
        if let Some(drill) = self.known.get_mut(drill) {
            drill.wrong.push(why);
        }
    }

    /// What another step found of a drill with an auditor.
    pub fn qualifies(&mut self, drill: &str) {
        if let Some(drill) = self.known.get_mut(drill) {
            drill.qualifies = true;
        }
    }

    /// The raw log of a drill, which is the one that its end names. `files_of`: how many files a point has, as its
    /// manifest says.
    pub fn read_log<E>(
        &mut self,
        hash: ObjectHash,
        bytes: &[u8],
        files_of: &dyn Fn(&str) -> Result<Option<u64>, E>,
    ) -> Result<(), E> {
        let lines = Lines::read(bytes);
        for drill in self.known.values_mut().filter(|drill| drill.ended.as_ref().is_some_and(|its| its.log == hash)) {
            // No more of it than the drill has steps, as any number of drills can name one log.
            let steps = drill.steps.len() as u64;
            drill.not_ok = Some(lines.not_ok.range(..=steps).copied().collect());
            let missing = drill.not_drawn(&lines, files_of)?;
            drill.wrong.extend(missing);
        }
        Ok(())
    }

    /// All entries were followed; the last of them was at `last`.
    pub fn close(self, is_whole: bool, last: &str, points: &mut BTreeSet<String>, report: &mut Report) {
        if !is_whole {
            // What is missing would be told a second time, as drills that did not end.
            if !self.known.is_empty() || !self.wrong.is_empty() {
                report.remark(format!("the drills of {} were not judged: not all entries are there", self.site));
            }
            return;
        }
        let site = self.site;
        self.wrong.into_iter().for_each(|why| report.problem(Code::Drill, &site, why));
        let last = utc::parse(last).unwrap_or(i64::MAX);
        for (id, mut drill) in self.known {
            let Some(announced) = drill.announced.take() else { continue };
            drill.judge(&announced, last);
            let place = format!("{site} drill {id}");
            drill.wrong.iter().for_each(|why| report.problem(Code::Drill, &place, why.clone()));
            let outcome = drill.ended.map_or_else(|| "open".to_owned(), |ended| ended.outcome);
            points.extend(announced.points);
            report.drills.push(DrillReport {
                drill: id,
                kind: announced.kind,
                outcome,
                qualifying: drill.qualifies && drill.wrong.is_empty(),
            });
        }
    }
}
