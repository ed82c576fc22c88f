//! When the runs of datasets begin: from the time, the timetables and what was served until now.
//! Nothing here reads a clock, sleeps or remembers.
//!
//! A run serves everything that was due when it began, so that what was missed, were it a month,
//! is made up for by one run. A run that failed is begun again after a pause. No run begins
//! outside the windows; one that has begun goes on to its end, for a first backup that is broken
//! off each morning would never be a recovery point.

use std::collections::BTreeMap;

use pulih_policies::{Timetable, jitter};
use pulih_vault::layout::DatasetName;
use serde::{Deserialize, Serialize};

/// Windows are the same each day: no opening further back matters now.
const TWO_DAYS: i64 = 2 * 86_400;
/// Agents that all come back at once, after a power cut, catch up within so many seconds.
const CATCH_UP_SPREAD: u64 = 300;
const LONGEST_PAUSE_MINUTES: u64 = 30;

/// Where a dataset stands. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When the daemon met this dataset.
    pub known: i64,
    /// All that was due until then is served: when the last run began that succeeded.
    pub served: Option<i64>,
    /// A run that began and has not succeeded.
    pub failing: Option<Failing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// What it was to serve.
    pub due: i64,
    /// How many runs failed. 0: one that began was cut off, as by a loss of power.
    pub tries: u32,
    /// When the last of them ended, or began, if it has no end.
    pub ended: i64,
}

impl Standing {
    pub fn new(now: i64) -> Self {
        Self { known: now, served: None, failing: None }
    }

    pub fn begin(&mut self, due: i64, now: i64) {
        let tries = self.failing.map_or(0, |failing| failing.tries);
        self.failing = Some(Failing { due, tries, ended: now });
    }

    /// A run that began at `began` has succeeded.
    pub fn succeed(&mut self, began: i64) {
        self.served = Some(began);
        self.failing = None;
    }

    /// The run that is due since `due` has failed.
    pub fn fail(&mut self, due: i64, now: i64) {
        let tries = self.failing.map_or(0, |failing| failing.tries).saturating_add(1);
        self.failing = Some(Failing { due, tries, ended: now });
    }

    /// A run was stopped and did not fail: it goes on as soon as it may.
    pub fn stop(&mut self, due: i64, now: i64) {
        self.failing = Some(Failing { due, tries: 0, ended: now });
    }
}

/// The next run of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first time that it serves.
    pub due: i64,
    /// When it begins: now, if that is past.
    pub begins: i64,
}

impl Run {
    /// Since when it should have been there.
    pub fn overdue_since(&self, standing: &Standing, now: i64) -> Option<i64> {
        (self.begins <= now || standing.failing.is_some()).then_some(self.due)
    }
}

/// Whose run it is: what its jitter depends on.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    pub agent: &'a str,
    pub dataset: &'a str,
}

/// The next run of a dataset; none if no schedule ever comes. `since` is from when on the daemon
/// has known this timetable: what began before was missed.
pub fn next_run(table: &Timetable, whose: Whose, standing: &Standing, now: i64, since: i64) -> Option<Run> {
    // A clock that ran ahead for a while must not put runs off for as long.
    let past = |time: i64| time.min(now);
    let (due, wanted) = match (standing.failing, standing.served) {
        (Some(failing), _) => (past(failing.due), past(failing.ended).saturating_add(pause(whose, failing))),
        // Who has just set it up looks on, and nothing of it is saved yet.
        (None, None) => (past(standing.known), past(standing.known)),
        (None, Some(served)) => {
            let due = table.next_after(past(served))?;
            let begins = table.begins(whose.agent, whose.dataset, due);
            if begins >= since {
                (due, begins)
            } else {
                let spread = table.jitter.seconds().min(CATCH_UP_SPREAD);
                (due, since.saturating_add(jitter(whose.agent, whose.dataset, due, spread) as i64))
            }
        }
    };
    Some(Run { due, begins: within_windows(table, whose, wanted, now) })
}

/// Seconds to wait after a run that failed: 1, 2, 4 minutes and so on to 30, and by up to a
/// quarter less, so that agents that failed together do not come back together.
fn pause(whose: Whose, failing: Failing) -> i64 {
    if failing.tries == 0 {
        return 0;
    }
    let minutes = (1_u64 << (failing.tries - 1).min(16)).min(LONGEST_PAUSE_MINUTES);
    let seconds = minutes * 60;
    (seconds - jitter(whose.agent, whose.dataset, failing.ended, seconds / 4)) as i64
}

/// The first time from `wanted` on at which the run may begin and that is not over: of several
/// openings, the one that is there now or comes next, each with its jitter.
fn within_windows(table: &Timetable, whose: Whose, wanted: i64, now: i64) -> i64 {
    let opening = |from: i64| {
        let opens = table.windows.next_open(table.zone, from);
        if opens == from { from } else { table.begins(whose.agent, whose.dataset, opens) }
    };
    let mut begins = opening(wanted.max(now.saturating_sub(TWO_DAYS)));
    loop {
        let closes = begins.saturating_add(table.windows.open_for(table.zone, begins) as i64);
        let opens = table.windows.next_open(table.zone, closes);
        // Open at its closing: it never closes.
        if now < closes || opens <= closes {
            return begins;
        }
        begins = opening(closes);
    }
}

/// What the daemon does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Begin(DatasetName, Run),
    /// Nothing until then; without a time, nothing until something changes.
    Wait(Option<i64>),
}

/// Of the runs that may begin, the one that is due longest.
pub fn decide(now: i64, runs: &BTreeMap<DatasetName, Run>) -> Decision {
    let ready = runs.iter().filter(|(_, run)| run.begins <= now).min_by_key(|(name, run)| (run.due, *name));
    match ready {
        Some((dataset, run)) => Decision::Begin(dataset.clone(), *run),
        None => Decision::Wait(runs.values().map(|run| run.begins).min()),
    }
}

#[cfg(test)]
mod tests;
