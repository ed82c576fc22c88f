//! Which occurrences of a schedule have come: numbers without a gap, whatever the clock does. Pure: the policy's line,
//! how far the ledger has come, and the time go in.

use pulih_policies::{Policy, Schedule, Zone};

use super::{KINDS, PLAN};

/// So many at once are told one by one; more are one entry with their count.
const MOST_ONE_BY_ONE: usize = 100;
/// So many are counted at one look: the rest at the next, so that a clock that is far ahead keeps nobody waiting.
const MOST_AT_ONCE: usize = 100_000;

/// A line of the policy.
#[derive(Debug, Clone)]
pub struct Line {
    pub of: Of,
    pub kind: String,
    pub schedule: Schedule,
    /// Seconds in which one that is due may start.
    pub window: i64,
}

/// What a line asks to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// Some datasets of it.
    Class(String),
    /// All of a recovery plan.
    Plan(String),
}

impl Of {
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::Class(class) => Some(class),
            Self::Plan(_) => None,
        }
    }
}

impl Line {
    /// `<class>/<kind>` or `plan/<plan>`, as the ledger names it.
    pub fn name(&self) -> String {
        match &self.of {
            Of::Class(class) => format!("{class}/{}", self.kind),
            Of::Plan(plan) => format!("{PLAN}/{plan}"),
        }
    }
}

/// All lines of a policy.
pub fn lines(policy: &Policy) -> Vec<Line> {
    let of_class = policy.classes.iter().flat_map(|(class, rules)| {
        KINDS.into_iter().filter_map(|kind| {
            let (of, window) = (Of::Class(class.to_string()), rules.drills.window().seconds() as i64);
            let schedule = rules.drills.schedule(kind)?.clone();
            Some(Line { of, kind: kind.to_owned(), schedule, window })
        })
    });
    let of_plan = policy.plan_drills.iter().map(|(plan, its)| Line {
        of: Of::Plan(plan.to_string()),
        kind: PLAN.to_owned(),
        schedule: its.schedule.clone(),
        window: its.window().seconds() as i64,
    });
    of_class.chain(of_plan).collect()
}

/// One coming of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    pub number: u64,
    pub due: i64,
}

/// What is to be written about occurrences that have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Their windows are over: so many, up to this one.
    Missed { last: Occurrence, count: u64 },
    /// Its window is open.
    Now(Occurrence),
}

/// What has come by `now` and is not on the ledger: first what was missed, then at most one that may still be announced,
/// for a schedule's drills come one after the other. `known` is the newest that the ledger has; `since` is when the
/// policy came into force.
pub fn due(line: &Line, zone: Zone, since: i64, known: Option<Occurrence>, now: i64) -> Vec<Due> {
    let (number, from) = known.map_or((0, since), |its| (its.number, its.due.max(since)));
    let next = |last: i64| line.schedule.next_after(zone, last).filter(|due| *due <= now);
    let mut found = Vec::new();
    let mut missed: Vec<Occurrence> = Vec::new();
    let come = std::iter::successors(next(from), |last| next(*last)).take(MOST_AT_ONCE);
    for (number, due) in (number + 1..).zip(come) {
        let its = Occurrence { number, due };
        if due.saturating_add(line.window) > now {
            found.push(Due::Now(its));
            break;
        }
        missed.push(its);
    }
    let told = match missed.last() {
        Some(last) if missed.len() > MOST_ONE_BY_ONE => vec![Due::Missed { last: *last, count: missed.len() as u64 }],
        _ => missed.iter().map(|its| Due::Missed { last: *its, count: 1 }).collect(),
    };
    found.splice(0..0, told);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 00:00 WIB, a Sunday.
    const SUNDAY: i64 = 1_795_305_600 - 7 * 3600;
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    fn line(schedule: &str) -> Line {
        let schedule = schedule.parse().unwrap();
        Line { of: Of::Class("publik".into()), kind: "restore".into(), schedule, window: 6 * HOUR }
    }

    fn at(number: u64, due: i64) -> Occurrence {
        Occurrence { number, due }
    }

    fn asked(schedule: &str, known: Option<Occurrence>, now: i64) -> Vec<Due> {
        due(&line(schedule), Zone::Jakarta, SUNDAY, known, now)
    }

    #[test]
    fn one_that_has_come_is_announced_once_and_nothing_before_the_policy_counts() {
        let daily = "0 2 * * *";
        assert_eq!(asked(daily, None, SUNDAY + 2 * HOUR - 1), []);
        let first = at(1, SUNDAY + 2 * HOUR);
        assert_eq!(asked(daily, None, first.due), [Due::Now(first)]);
        assert_eq!(asked(daily, Some(first), first.due + HOUR), []);
        assert_eq!(asked(daily, Some(first), first.due + DAY), [Due::Now(at(2, first.due + DAY))]);
    }

    #[test]
    fn what_came_while_nobody_was_there_is_missed_and_keeps_its_number() {
        let first = at(1, SUNDAY + 2 * HOUR);
        let found = asked("0 2 * * *", Some(first), first.due + 3 * DAY + HOUR);
        let missed = |number, days| Due::Missed { last: at(number, first.due + days * DAY), count: 1 };
        assert_eq!(found, [missed(2, 1), missed(3, 2), Due::Now(at(4, first.due + 3 * DAY))]);
        // At the end of its window it is missed too.
        assert_eq!(asked("0 2 * * *", None, first.due + 6 * HOUR), [Due::Missed { last: first, count: 1 }]);
    }

    #[test]
    fn one_at_a_time_is_open_of_a_schedule_that_comes_often() {
        let found = asked("0 * * * *", None, SUNDAY + 3 * HOUR);
        assert_eq!(found, [Due::Now(at(1, SUNDAY + HOUR))]);
    }

    #[test]
    fn two_years_are_counted_without_a_gap() {
        let (mut known, mut seen) = (None, Vec::new());
        for day in 0..730 {
            for found in asked("0 2 * * *", known, SUNDAY + day * DAY + 5 * HOUR) {
                let Due::Now(its) = found else { panic!("{found:?}") };
                (known, seen) = (Some(its), [seen, vec![its.number]].concat());
            }
        }
        assert_eq!(seen, (1..=730).collect::<Vec<u64>>());
        // Zones here have no daylight saving: it is 02:00 in the last week as in the first.
        assert_eq!((known.unwrap().due - SUNDAY) % DAY, 2 * HOUR);
    }

    #[test]
    fn a_clock_ten_years_ahead_is_one_entry_and_one_that_goes_back_writes_nothing() {
        let first = at(1, SUNDAY + 2 * HOUR);
        let ahead = first.due + 3652 * DAY + HOUR;
        let found = asked("0 2 * * *", Some(first), ahead);
        let [Due::Missed { last, count }, Due::Now(open)] = found[..] else { panic!("{found:?}") };
        assert_eq!((count, last.number, open.number), (3651, 3652, 3653));
        assert_eq!(asked("0 2 * * *", Some(open), ahead - 3652 * DAY), []);
        // A line that comes each minute is counted over several looks, and ends.
        let known =
            std::iter::successors(Some(first), |known| match asked("* * * * *", Some(*known), ahead).last()? {
                Due::Missed { last, .. } => Some(*last),
                Due::Now(_) => None,
            });
        let numbers: Vec<u64> = known.map(|its| its.number).take(4).collect();
        assert_eq!(numbers, [1, 100_001, 200_001, 300_001]);
    }
}
