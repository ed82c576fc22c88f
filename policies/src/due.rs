//! When runs are due, for many days at once: minute by minute of a day, as most days are like the one before.

use chrono::{Days, NaiveTime};

use crate::cron_text::Fields;
use crate::schedule::Schedule;
use crate::timetable::Timetable;
use crate::window::{DAY_MINUTES, Windows};

const DAY: u32 = DAY_MINUTES as u32;

/// Of each schedule, the minutes of a day at which its runs begin: those of the same day, and those that the windows put
/// off to the next.
pub(crate) struct DayPlan<'s>(Vec<(&'s Fields, Minutes, Minutes)>);

impl<'s> DayPlan<'s> {
    pub(crate) fn of(schedules: &'s [Schedule], windows: &Windows) -> Self {
        let waits = waits(windows);
        let plan = |schedule: &'s Schedule| {
            let (same_day, next_day) = begins(schedule.fields(), &waits);
            (schedule.fields(), same_day, next_day)
        };
        Self(schedules.iter().map(plan).collect())
    }

    /// Adds what comes on a day, and what waits for the next one.
    pub(crate) fn add(&self, date: chrono::NaiveDate, today: &mut Minutes, tomorrow: &mut Minutes) {
        for (fields, same_day, next_day) in &self.0 {
            if fields.on(date) {
                today.add_all(same_day);
                tomorrow.add_all(next_day);
            }
        }
    }
}

impl Timetable {
    /// All times after `from` and up to `to` at which a run is due, in order: those that [`Self::next_after`] has one
    /// after the other.
    pub fn due_within(&self, from: i64, to: i64) -> Vec<i64> {
        let plan = DayPlan::of(&self.schedules, &self.windows);
        let last = self.zone.local(to).date();
        // What was put off yesterday comes today.
        let first = self.zone.local(from).date();
        let mut date = first.checked_sub_days(Days::new(1)).unwrap_or(first);
        let (mut due, mut tomorrow) = (Vec::new(), Minutes::NONE);
        while date <= last {
            let mut today = std::mem::replace(&mut tomorrow, Minutes::NONE);
            plan.add(date, &mut today, &mut tomorrow);
            let midnight = self.zone.utc(date.and_time(NaiveTime::MIN));
            let times = today.iter().map(|minute| midnight + i64::from(minute) * 60);
            due.extend(times.filter(|time| *time > from && *time <= to));
            let Some(next) = date.checked_add_days(Days::new(1)) else { break };
            date = next;
        }
        due
    }
}

/// For each minute of the day, how many minutes a run waits that is due then.
fn waits(windows: &Windows) -> Vec<u16> {
    let mut waits = vec![0; DAY_MINUTES as usize];
    let mut wait = windows.minutes_until_open(0);
    for minute in (0..DAY_MINUTES).rev() {
        wait = if windows.open_at(minute) { 0 } else { wait + 1 };
        waits[minute as usize] = wait;
    }
    waits
}

fn begins(fields: &Fields, waits: &[u16]) -> (Minutes, Minutes) {
    let (mut same_day, mut next_day) = (Minutes::NONE, Minutes::NONE);
    for hour in fields.hours.values() {
        for minute in fields.minutes.values() {
            let of_day = hour * 60 + minute;
            let begins = of_day + u32::from(waits[of_day as usize]);
            if begins < DAY { same_day.add(begins) } else { next_day.add(begins - DAY) }
        }
    }
    (same_day, next_day)
}

/// Minutes of a day, a bit for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Minutes([u64; DAY_MINUTES.div_ceil(64) as usize]);

impl Minutes {
    pub(crate) const NONE: Self = Self([0; DAY_MINUTES.div_ceil(64) as usize]);

    fn add(&mut self, minute: u32) {
        self.0[minute as usize / 64] |= 1 << (minute % 64);
    }

    fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }

    fn has(&self, minute: u32) -> bool {
        self.0[minute as usize / 64] & (1 << (minute % 64)) != 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..DAY).filter(|&minute| self.has(minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Span;
    use crate::zone::Zone;
    use proptest::prelude::*;

    const LINES: [&str; 8] = [
        "*/30 * * * *",
        "15 3 * * *",
        "0 */5 * * mon-fri",
        "59 23 * * *",
        "0 0 1 * *",
        "0 12 13 * fri",
        "7 6,18 * * sun",
        "30 17 29 2 *",
    ];
    const WINDOWS: [&[&str]; 5] =
        [&[], &["18:00-06:00"], &["01:00-04:00"], &["00:00-24:00"], &["12:00-12:30", "22:00-22:01"]];

    proptest! {
        #[test]
        fn they_are_those_that_come_one_after_the_other(
            lines in prop::collection::vec(prop::sample::select(&LINES), 1..4),
            windows in prop::sample::select(&WINDOWS),
            zone in prop::sample::select(Zone::ALL.to_vec()),
            from in 1_700_000_000i64..1_900_000_000,
            days in 0i64..45,
        ) {
            let table = Timetable {
                zone,
                schedules: lines.iter().map(|line| line.parse().unwrap()).collect(),
                windows: Windows::new(windows.iter().map(|range| range.parse().unwrap()).collect()),
                jitter: Span::HOUR,
            };
            let to = from + days * 86_400;
            let one_by_one: Vec<i64> = std::iter::successors(table.next_after(from), |&last| table.next_after(last))
                .take_while(|&time| time <= to)
                .collect();
            prop_assert_eq!(table.due_within(from, to), one_by_one);
        }
    }
}
