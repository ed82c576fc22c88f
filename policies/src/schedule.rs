//! A line of a crontab(5) as a schedule. When it next comes is worked out by the `cron` crate,
//! which counts weekdays from 1 (Sunday), has seconds first, and takes a day only if it is in
//! both day fields; crontab(5) takes one that is in either, if both are restricted. So a line
//! with both becomes two schedules of that crate.

use std::fmt;
use std::str::FromStr;

use crate::cron_text::{CronError, Fields, Set};
use crate::zone::Zone;

#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    fields: Fields,
    engines: Vec<cron::Schedule>,
}

impl Schedule {
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The line in one form: lower case, one space between fields, shorthands spelled out.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `utc` (seconds since 1970) at which it comes in `zone`; none after
    /// the year 2100, where the `cron` crate's calendar ends.
    pub fn next_after(&self, zone: Zone, utc: i64) -> Option<i64> {
        let local = zone.date_time(utc)?;
        let next = self.engines.iter().filter_map(|engine| engine.after(&local).next()).min();
        next.map(|time| time.timestamp())
    }

    /// The first `count` times after `utc`, in order.
    pub fn next_n(&self, zone: Zone, utc: i64, count: usize) -> Vec<i64> {
        std::iter::successors(self.next_after(zone, utc), |&last| self.next_after(zone, last)).take(count).collect()
    }
}

impl FromStr for Schedule {
    type Err = CronError;

    fn from_str(line: &str) -> Result<Self, CronError> {
        let (fields, text) = Fields::parse(line)?;
        let (days, weekdays) = (list(fields.days, 0), list(fields.weekdays, 1));
        let line = |days: &str, weekdays: &str| {
            let (minutes, hours, months) = (list(fields.minutes, 0), list(fields.hours, 0), list(fields.months, 0));
            format!("0 {minutes} {hours} {days} {months} {weekdays}")
        };
        let lines = if fields.either_day() {
            vec![line(&days, "*"), line("*", &weekdays)]
        } else {
            vec![line(&days, &weekdays)]
        };
        // A list of numbers within their ranges is one that the crate takes; if ever not, the
        // schedule is refused rather than run at other times.
        let engines = lines
            .iter()
            .map(|line| line.parse::<cron::Schedule>().map_err(|_| CronError::Never))
            .collect::<Result<_, _>>()?;
        Ok(Self { text, fields, engines })
    }
}

fn list(set: Set, shift: u32) -> String {
    set.values().map(|value| (value + shift).to_string()).collect::<Vec<_>>().join(",")
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
