//! How far apart backups may come: what a schedule with its windows makes possible is held
//! against the RPO when a policy is read, not when data is lost.

use chrono::{Days, NaiveDate};

use crate::due::{DayPlan, Minutes};
use crate::quantity::Span;
use crate::schedule::Schedule;
use crate::window::{DAY_MINUTES, Windows};

/// The days that are looked at: a little more than a year.
const LOOKED_AT_DAYS: u32 = 400;
const DAY: u32 = DAY_MINUTES as u32;

/// The longest time between two runs of these schedules, each put off to the next opening of
/// `windows`, within 400 days from 2027-01-01 on. What comes more rarely has a longer gap than is
/// said, never a shorter one. The zone does not matter: none has daylight saving.
pub fn longest_gap(schedules: &[Schedule], windows: &Windows) -> Span {
    let plan = DayPlan::of(schedules, windows);
    let mut date = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap_or_default();
    let (mut longest, mut last) = (0, 0);
    let mut tomorrow = Minutes::NONE;
    let mut known = (Minutes::NONE, None);
    for day in 0..LOOKED_AT_DAYS {
        let mut today = std::mem::replace(&mut tomorrow, Minutes::NONE);
        plan.add(date, &mut today, &mut tomorrow);
        // Most days are like the one before.
        if today != known.0 {
            known = (today, DayRuns::of(&today));
        }
        if let Some(runs) = known.1 {
            longest = longest.max(day * DAY + runs.first - last).max(runs.gap);
            last = day * DAY + runs.last;
        }
        date = date.checked_add_days(Days::new(1)).unwrap_or(date);
    }
    Span::from_minutes(longest.max(LOOKED_AT_DAYS * DAY - last))
}

/// The first and the last run of a day, and the longest gap between two of its runs, in minutes.
#[derive(Clone, Copy)]
struct DayRuns {
    first: u32,
    last: u32,
    gap: u32,
}

impl DayRuns {
    fn of(minutes: &Minutes) -> Option<Self> {
        let mut runs = minutes.iter();
        let first = runs.next()?;
        let start = Self { first, last: first, gap: 0 };
        Some(runs.fold(start, |day, run| Self { first, last: run, gap: day.gap.max(run - day.last) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(lines: &[&str], windows: &[&str]) -> String {
        let schedules: Vec<Schedule> = lines.iter().map(|line| line.parse().unwrap()).collect();
        let windows = Windows::new(windows.iter().map(|range| range.parse().unwrap()).collect());
        longest_gap(&schedules, &windows).to_string()
    }

    #[test]
    fn the_longest_gap_is_between_runs_that_are_allowed() {
        assert_eq!(gap(&["0 * * * *"], &[]), "1h");
        assert_eq!(gap(&["0 1 * * *"], &[]), "1d");
        assert_eq!(gap(&["0 1 * * *", "0 13 * * *"], &[]), "12h");
        assert_eq!(gap(&["0 1 * * mon-fri"], &[]), "3d");
        assert_eq!(gap(&["0 1 1 * *"], &[]), "31d");
        // The last of the morning is at 05:00, the next when the window opens.
        assert_eq!(gap(&["0 */1 * * *"], &["18:00-06:00"]), "13h");
        // What is due at 23:00 waits until the next day.
        assert_eq!(gap(&["0 2,23 * * *"], &["01:00-04:00"]), "23h");
        assert_eq!(gap(&["0 0 29 2 *"], &[]), "400d");
        assert_eq!(gap(&["0 12 31 12 *"], &[]), "8748h");
    }
}
