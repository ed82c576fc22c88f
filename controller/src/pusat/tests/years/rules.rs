//! The keep rules once more, by the words of docs/contracts/policy.md and with a calendar of their own:
//! what must be left is not asked of the code that is held to it.

use std::collections::{BTreeMap, BTreeSet};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What a snapshot was when the site accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Sound,
    /// The work of a run that did not end: no recovery point.
    Partial,
    /// Its dataset was under suspicion: it takes no tier.
    Suspected,
}

struct Accepted {
    name: String,
    partial: bool,
    until: Option<i64>,
}

/// Keep rules: periods in seconds, `None` where the tier is not kept.
#[derive(Clone, Copy)]
pub struct Rules {
    pub newest: usize,
    /// Of an hour, a day, a week, a month, a year.
    pub periods: [Option<i64>; 5],
    pub hours_east: i64,
}

const MONTH: i64 = 31 * DAY;
const YEAR: i64 = 366 * DAY;

/// Class `non-publik` of policies/default.toml, in WIB: `4`, `35d`, `13w`, `13mo`, `5y`.
pub const NON_PUBLIK: Rules = Rules {
    newest: 4,
    periods: [None, Some(35 * DAY), Some(13 * 7 * DAY), Some(13 * MONTH), Some(5 * YEAR)],
    hours_east: 7,
};

/// Class `strategis`, but for a year that is kept for two: `6`, `3d`, `35d`, `13w`, `24mo`, `2y`.
pub const STRATEGIS_TWO_YEARS: Rules = Rules {
    newest: 6,
    periods: [Some(3 * DAY), Some(35 * DAY), Some(13 * 7 * DAY), Some(24 * MONTH), Some(2 * YEAR)],
    hours_east: 7,
};

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: usize) -> i64 {
    let february = if is_leap(year) { 29 } else { 28 };
    [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
}

/// Year and month (from 0) of a day counted from 1970, and the day with which the next month begins.
fn month_of(day: i64) -> (i64, usize, i64) {
    let (mut year, mut begins) = (1970, 0);
    while begins + 365 + i64::from(is_leap(year)) <= day {
        begins += 365 + i64::from(is_leap(year));
        year += 1;
    }
    let mut month = 0;
    while begins + days_in(year, month) <= day {
        begins += days_in(year, month);
        month += 1;
    }
    (year, month, begins + days_in(year, month))
}

impl Rules {
    fn local(&self, at: i64) -> i64 {
        at + self.hours_east * HOUR
    }

    /// The hour, day, week, month and year that a moment lies in, each by a number of its own.
    fn buckets(&self, at: i64) -> [i64; 5] {
        let local = self.local(at);
        let day = local.div_euclid(DAY);
        let (year, month, _) = month_of(day);
        // The first of January 1970 was a Thursday, three days after a Monday.
        [local.div_euclid(HOUR), day, (day + 3).div_euclid(7), year * 12 + month as i64, year]
    }

    /// The first moment of the month after the one that a moment lies in.
    fn month_end(&self, at: i64) -> i64 {
        let (_, _, next) = month_of(self.local(at).div_euclid(DAY));
        next * DAY - self.hours_east * HOUR
    }
}

/// All that was ever accepted of a dataset, in that order.
pub struct Model {
    rules: Rules,
    taken: [BTreeSet<i64>; 5],
    all: Vec<Accepted>,
}

impl Model {
    pub fn of(rules: Rules) -> Self {
        Self { rules, taken: Default::default(), all: Vec::new() }
    }

    /// One more; says until when it is kept.
    pub fn accept(&mut self, name: String, at: i64, standing: Standing) -> Option<i64> {
        let mut longest = None;
        if standing == Standing::Sound {
            for (tier, bucket) in self.rules.buckets(at).into_iter().enumerate() {
                if self.rules.periods[tier].is_some() && self.taken[tier].insert(bucket) {
                    longest = longest.max(self.rules.periods[tier]);
                }
            }
        }
        let until = longest.map(|period| self.rules.month_end(at + period));
        self.all.push(Accepted { name, partial: standing == Standing::Partial, until });
        until
    }

    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// What must be there at `now`, and nothing else: by name, until when.
    pub fn remain(&self, now: i64) -> BTreeMap<String, Option<i64>> {
        let whole: Vec<usize> = (0..self.all.len()).filter(|at| !self.all[*at].partial).collect();
        let newest: BTreeSet<usize> = whole.iter().rev().take(self.rules.newest).copied().collect();
        let last_whole = whole.last().copied();
        let stays = |at: usize, its: &Accepted| {
            newest.contains(&at)
                || its.until.is_some_and(|until| until > now)
                // The work of a run, until one after it has ended.
                || (its.partial && last_whole.is_none_or(|last| last < at))
        };
        let left = self.all.iter().enumerate().filter(|(at, its)| stays(*at, its));
        left.map(|(_, its)| (its.name.clone(), its.until)).collect()
    }
}

#[test]
fn the_calendar_is_right() {
    let day = |date: &str| pulih_vault::utc::parse(&format!("{date}T00:00:00Z")).unwrap() / DAY;
    for (date, next) in [
        ("1970-01-01", "1970-02-01"),
        ("2028-02-29", "2028-03-01"),
        ("2027-02-28", "2027-03-01"),
        ("2026-12-31", "2027-01-01"),
        ("2100-02-28", "2100-03-01"),
    ] {
        let (year, month, begins) = month_of(day(date));
        assert_eq!(format!("{year}-{:02}", month + 1), date[..7]);
        assert_eq!(begins, day(next), "{date}");
    }
    // A Sunday and the Monday after it.
    let [sunday, monday] = ["2026-11-22", "2026-11-23"].map(|date| STRATEGIS_TWO_YEARS.buckets(day(date) * DAY)[2]);
    assert_eq!(sunday + 1, monday);
    // Midnight in Jakarta is 17:00 UTC of the day before.
    let evening = day("2026-11-30") * DAY + 17 * HOUR;
    assert_eq!(STRATEGIS_TWO_YEARS.buckets(evening)[3], STRATEGIS_TWO_YEARS.buckets(evening - 1)[3] + 1);
    assert_eq!(STRATEGIS_TWO_YEARS.month_end(evening - 1), evening);
}
