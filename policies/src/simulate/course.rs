//! The points of a dataset over a time: those that are there, and one for each run.

use std::collections::BTreeSet;

use super::{DAY, Growth, Time};
use crate::keep::{Period, Tier};
use crate::policy::Rules;
use crate::zone::Zone;

const TIERS: usize = Tier::ALL.len();

/// A point that is there when it begins: complete, and nothing speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub accepted: i64,
    /// Nothing makes it shorter.
    pub until: Option<i64>,
    pub tiers: Vec<Tier>,
    /// It did not come when it was made, and takes no tier from those that do.
    pub is_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub accepted: i64,
    pub until: Option<i64>,
    /// The largest that it took; `None`: it stays while it is one of the newest.
    pub tier: Option<Tier>,
    /// It was there when it began.
    pub is_old: bool,
}

/// When runs come, what each could take and for how long: the same for all datasets with these rules.
#[derive(Debug)]
pub struct Calendar {
    zone: Zone,
    newest: usize,
    time: Time,
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    at: i64,
    /// When the period of each tier begins that it lies in.
    begins: [i64; TIERS],
    /// Until when it is kept if it takes that tier; `None`: the tier is not kept.
    until: [Option<i64>; TIERS],
}

impl Calendar {
    pub fn of(rules: &Rules, zone: Zone, time: Time) -> Self {
        let run = |at: i64| Run {
            at,
            begins: Period::all(zone, at).map(|period| period.begins),
            until: Tier::ALL.map(|tier| {
                let kept = rules.keep.period(tier)?;
                Some(zone.month_end(at.saturating_add(kept.seconds() as i64)))
            }),
        };
        let runs = rules.timetable(zone).due_within(time.from, time.to).into_iter().map(run).collect();
        Self { zone, newest: rules.keep.newest as usize, time, runs }
    }

    /// `held`: the first accepted first, none after the time begins.
    pub fn course(&self, held: &[Held]) -> Course {
        self.follow(held, &self.runs)
    }

    /// The same of a dataset that is not saved any more.
    pub fn without_runs(&self, held: &[Held]) -> Course {
        self.follow(held, &[])
    }

    fn follow(&self, held: &[Held], runs: &[Run]) -> Course {
        // Time goes on: of each tier only the newest period that was taken can come again.
        let mut taken = [i64::MIN; TIERS];
        for its in held.iter().filter(|its| !its.is_late) {
            for (at, tier) in Tier::ALL.into_iter().enumerate().filter(|(_, tier)| its.tiers.contains(tier)) {
                taken[at] = taken[at].max(Period::containing(tier, self.zone, its.accepted).begins);
            }
        }
        let old = |its: &Held| Point {
            accepted: its.accepted,
            until: its.until,
            tier: its.tiers.iter().max().copied(),
            is_old: true,
        };
        let mut points: Vec<Point> = held.iter().map(old).collect();
        for run in runs {
            let mut point = Point { accepted: run.at, until: None, tier: None, is_old: false };
            for (at, tier) in Tier::ALL.into_iter().enumerate() {
                if run.until[at].is_some() && taken[at] < run.begins[at] {
                    taken[at] = run.begins[at];
                    point.until = point.until.max(run.until[at]);
                    point.tier = Some(tier);
                }
            }
            points.push(point);
        }
        Course { points, newest: self.newest, time: self.time, runs: runs.len() }
    }

    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The longest time between two runs, in seconds; from the beginning to the first and from the last to the end too.
    pub fn longest_wait(&self) -> u64 {
        longest(self.time.from, self.time.to, self.runs.iter().map(|run| run.at))
    }

    /// The shortest time for which a window stays open from a run on, in seconds; `None`: it never closes.
    pub fn shortest_window(&self, rules: &Rules) -> Option<u64> {
        // It is the same at the same time of each day.
        let times: BTreeSet<i64> = self.runs.iter().map(|run| run.at.rem_euclid(DAY)).collect();
        let open = times.into_iter().map(|time| rules.windows.open_for(self.zone, time));
        open.min().filter(|open| *open < DAY as u64)
    }
}

/// What comes of a dataset.
#[derive(Debug)]
pub struct Course {
    /// The first accepted first.
    points: Vec<Point>,
    newest: usize,
    time: Time,
    runs: usize,
}

impl Course {
    /// How many runs there were.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// The points that are kept at a time, by their dates or as one of the newest, the first accepted first.
    pub fn kept(&self, at: i64) -> Vec<Point> {
        let there = self.points.partition_point(|point| point.accepted <= at);
        let first_newest = there.saturating_sub(self.newest);
        let is_kept =
            |(number, point): &(usize, &Point)| *number >= first_newest || point.until.is_some_and(|until| until > at);
        self.points[..there].iter().enumerate().filter(is_kept).map(|(_, point)| *point).collect()
    }

    /// The points that are kept in the end.
    pub fn in_the_end(&self) -> Vec<Point> {
        self.kept(self.time.to)
    }

    /// The longest time without a point that is kept in the end, in seconds, of the last so many days; `None`: there is
    /// no point at all, or it did not go on for so long.
    pub fn apart(&self, kept: &[Point], days: i64) -> Option<u64> {
        let from = self.time.to.saturating_sub(days * DAY);
        let first = kept.first()?.accepted.min(self.time.from);
        (from >= first).then(|| longest(from, self.time.to, kept.iter().map(|point| point.accepted)))
    }

    /// Bytes that arrive with each run, as an estimate.
    pub fn arrivals(&self, growth: Growth) -> impl Iterator<Item = (i64, u64)> {
        let first = self.points.len() - self.runs;
        let all = &self.points;
        (first..all.len()).map(move |at| {
            let before = at.checked_sub(1).map_or(self.time.from, |before| all[before].accepted);
            (all[at].accepted, growth.changed(all[at].accepted - before))
        })
    }

    /// Bytes that are stored when it begins and at the end of each day after that, as an estimate.
    pub fn stored_by_day(&self, growth: Growth) -> Vec<u64> {
        let mut there = 0;
        let mut kept: Vec<(usize, Point)> = Vec::new();
        let mut by_day = Vec::new();
        let mut at = self.time.from;
        loop {
            while let Some(point) = self.points.get(there).filter(|point| point.accepted <= at) {
                kept.push((there, *point));
                there += 1;
            }
            let first_newest = there.saturating_sub(self.newest);
            // What has gone does not come again: dates are fixed, and newer ones come only.
            kept.retain(|(number, point)| *number >= first_newest || point.until.is_some_and(|until| until > at));
            by_day.push(growth.stored(kept.iter().map(|(_, point)| point.accepted)));
            if at >= self.time.to {
                return by_day;
            }
            at = at.saturating_add(DAY).min(self.time.to);
        }
    }
}

/// The longest time between two of these within a time, and between them and its ends.
fn longest(from: i64, to: i64, times: impl Iterator<Item = i64>) -> u64 {
    let (mut longest, mut last) = (0, from);
    for time in times.filter(|time| (from..=to).contains(time)) {
        longest = longest.max(time - last);
        last = time;
    }
    longest.max(to - last).max(0) as u64
}
