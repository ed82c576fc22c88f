//! The five fields of a crontab(5) line, as sets of minutes, hours, days, months and weekdays.
//! All checks of a schedule are here; the `cron` crate gets only what passed them.

use chrono::{Datelike as _, NaiveDate};

/// A line of a schedule is short; longer ones are not looked at.
const MAX_CHARS: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    #[error("it has {0} fields, not five")]
    Fields(usize),
    #[error("`{0}` is no shorthand for times")]
    Shorthand(String),
    #[error("`{part}` is no {field}")]
    Part { field: &'static str, part: String },
    #[error("`{part}` is not within {least} to {most} ({field})")]
    OutOfRange { field: &'static str, part: String, least: u32, most: u32 },
    #[error("`{part}` ends before it begins ({field})")]
    Backwards { field: &'static str, part: String },
    #[error("`{part}` has a step without a range ({field})")]
    BareStep { field: &'static str, part: String },
    #[error("the step of `{part}` is not within 1 to {most} ({field})")]
    Step { field: &'static str, part: String, most: u32 },
    #[error("it never comes: no such month has that day")]
    Never,
    #[error("it is longer than {MAX_CHARS} characters")]
    TooLong,
}

struct Kind {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of the values, from `first_name` on.
    names: &'static [&'static str],
    first_name: u32,
    /// What also stands for 0 where a range ends.
    sunday: Option<u32>,
}

const MINUTE: Kind = Kind { name: "minute", least: 0, most: 59, names: &[], first_name: 0, sunday: None };
const HOUR: Kind = Kind { name: "hour", least: 0, most: 23, names: &[], first_name: 0, sunday: None };
const DAY: Kind = Kind { name: "day of the month", least: 1, most: 31, names: &[], first_name: 0, sunday: None };
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH: Kind = Kind { name: "month", least: 1, most: 12, names: MONTHS, first_name: 1, sunday: None };
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// 0 and 7 are both Sunday.
const WEEKDAY: Kind =
    Kind { name: "day of the week", least: 0, most: 7, names: WEEKDAYS, first_name: 0, sunday: Some(7) };

/// Which values a field names: bit n stands for n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set {
    bits: u64,
    /// It begins with `*`: crontab(5) then takes a day field as not restricted, `*/2` too.
    starred: bool,
}

impl Set {
    pub(crate) fn has(self, value: u32) -> bool {
        value < 64 && self.bits & (1 << value) != 0
    }

    pub(crate) fn values(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |&value| self.has(value))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) minutes: Set,
    pub(crate) hours: Set,
    pub(crate) days: Set,
    pub(crate) months: Set,
    /// 0 (Sunday) to 6.
    pub(crate) weekdays: Set,
}

impl Fields {
    /// The fields of a line, and the line in the one form in which it is kept and printed.
    pub(crate) fn parse(line: &str) -> Result<(Self, String), CronError> {
        if line.chars().count() > MAX_CHARS {
            return Err(CronError::TooLong);
        }
        let line = line.trim().to_ascii_lowercase();
        let text = if line.starts_with('@') { shorthand(&line)?.to_owned() } else { line };
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts[..] else { return Err(CronError::Fields(parts.len())) };
        let mut weekdays = set(weekdays, &WEEKDAY)?;
        weekdays.bits = (weekdays.bits | (weekdays.bits >> 7)) & 0x7f;
        let fields = Self {
            minutes: set(minutes, &MINUTE)?,
            hours: set(hours, &HOUR)?,
            days: set(days, &DAY)?,
            months: set(months, &MONTH)?,
            weekdays,
        };
        if fields.comes() { Ok((fields, parts.join(" "))) } else { Err(CronError::Never) }
    }

    /// Both day fields are restricted: then a day that is in either one is meant.
    pub(crate) fn either_day(&self) -> bool {
        !self.days.starred && !self.weekdays.starred
    }

    pub(crate) fn on(&self, date: NaiveDate) -> bool {
        let (day, weekday) = (self.days.has(date.day()), self.weekdays.has(date.weekday().num_days_from_sunday()));
        self.months.has(date.month()) && if self.either_day() { day || weekday } else { day && weekday }
    }

    /// Whether there is such a day at all. Each date comes on each weekday sooner or later.
    fn comes(&self) -> bool {
        let longest = |month| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        self.either_day() || self.months.values().any(|month| self.days.values().any(|day| day <= longest(month)))
    }
}

fn shorthand(line: &str) -> Result<&'static str, CronError> {
    Ok(match line {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        other => return Err(CronError::Shorthand(other.to_owned())),
    })
}

fn set(text: &str, kind: &Kind) -> Result<Set, CronError> {
    let mut bits = 0;
    for part in text.split(',') {
        bits |= part_bits(part, kind)?;
    }
    Ok(Set { bits, starred: text.starts_with('*') })
}

/// `*`, `5`, `1-5`, each range also with `/2` behind it.
fn part_bits(part: &str, kind: &Kind) -> Result<u64, CronError> {
    let field = kind.name;
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let (from, to) = match (range, range.split_once('-')) {
        ("*", _) => (kind.least, kind.most),
        (_, Some((from, to))) => {
            let (from, mut to) = (value(from, part, kind)?, value(to, part, kind)?);
            // In `fri-sun` Sunday is the end of the week, not its beginning.
            if to == 0 && from > 0 {
                to = kind.sunday.unwrap_or(to);
            }
            (from, to)
        }
        (_, None) if step.is_some() => return Err(CronError::BareStep { field, part: part.to_owned() }),
        (_, None) => {
            let value = value(range, part, kind)?;
            (value, value)
        }
    };
    if from > to {
        return Err(CronError::Backwards { field, part: part.to_owned() });
    }
    let step = match step {
        None => 1,
        Some(step) => {
            let step = number(step).ok_or_else(|| CronError::Part { field, part: part.to_owned() })?;
            if !(1..=kind.most).contains(&step) {
                return Err(CronError::Step { field, part: part.to_owned(), most: kind.most });
            }
            step
        }
    };
    Ok((from..=to).step_by(step as usize).fold(0, |bits, value| bits | (1 << value)))
}

fn value(text: &str, part: &str, kind: &Kind) -> Result<u32, CronError> {
    if let Some(at) = kind.names.iter().position(|name| *name == text) {
        return Ok(kind.first_name + at as u32);
    }
    let (field, part) = (kind.name, part.to_owned());
    let Some(value) = number(text) else { return Err(CronError::Part { field, part }) };
    let (least, most) = (kind.least, kind.most);
    if (least..=most).contains(&value) { Ok(value) } else { Err(CronError::OutOfRange { field, part, least, most }) }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // Many digits are a number too: one that is out of any range.
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(line: &str) -> [Vec<u32>; 5] {
        let fields = Fields::parse(line).unwrap().0;
        [fields.minutes, fields.hours, fields.days, fields.months, fields.weekdays].map(|set| set.values().collect())
    }

    #[test]
    fn fields_are_sets() {
        let [minutes, hours, days, months, weekdays] = bits("*/20 8-17/3,23 1,15,31 JAN-mar,dec Fri-Sun");
        assert_eq!(minutes, [0, 20, 40]);
        assert_eq!(hours, [8, 11, 14, 17, 23]);
        assert_eq!(days, [1, 15, 31]);
        assert_eq!(months, [1, 2, 3, 12]);
        assert_eq!(weekdays, [0, 5, 6]);
    }

    #[test]
    fn zero_and_seven_are_sunday() {
        for (line, weekdays) in [
            ("0 0 * * 0", &[0][..]),
            ("0 0 * * 7", &[0]),
            ("0 0 * * 5-7", &[0, 5, 6]),
            ("0 0 * * 0-2", &[0, 1, 2]),
            ("0 0 * * sun-tue", &[0, 1, 2]),
            ("0 0 * * 6,0", &[0, 6]),
            ("0 0 * * *", &[0, 1, 2, 3, 4, 5, 6]),
            ("0 0 * * */3", &[0, 3, 6]),
        ] {
            assert_eq!(bits(line)[4], weekdays, "{line}");
        }
    }

    #[test]
    fn a_line_is_kept_in_one_form() {
        let form = |line: &str| Fields::parse(line).unwrap().1;
        assert_eq!(form(" 0\t4  * * MON "), "0 4 * * mon");
        assert_eq!(form("@Daily"), "0 0 * * *");
        assert_eq!(form("@annually"), form("@yearly"));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |line: &str| Fields::parse(line).unwrap_err().to_string();
        for (line, error) in [
            ("", "it has 0 fields, not five"),
            ("0 4 * * * root", "it has 6 fields, not five"),
            ("@reboot", "`@reboot` is no shorthand for times"),
            ("60 4 * * *", "`60` is not within 0 to 59 (minute)"),
            ("0 24 * * *", "`24` is not within 0 to 23 (hour)"),
            ("0 4 0 * *", "`0` is not within 1 to 31 (day of the month)"),
            ("0 4 * 13 *", "`13` is not within 1 to 12 (month)"),
            ("0 4 * * 8", "`8` is not within 0 to 7 (day of the week)"),
            ("0 4 * * senin", "`senin` is no day of the week"),
            ("0 4 * * mon-", "`mon-` is no day of the week"),
            ("0 22-6 * * *", "`22-6` ends before it begins (hour)"),
            ("5/15 * * * *", "`5/15` has a step without a range (minute)"),
            ("*/0 * * * *", "the step of `*/0` is not within 1 to 59 (minute)"),
            ("*/ * * * *", "`*/` is no minute"),
            ("1,,2 * * * *", "`` is no minute"),
            ("99999999999 * * * *", "`99999999999` is not within 0 to 59 (minute)"),
            ("0 0 30 2 *", "it never comes: no such month has that day"),
            ("0 0 31 4,6 *", "it never comes: no such month has that day"),
            ("0 0 30 2 */2", "it never comes: no such month has that day"),
        ] {
            assert_eq!(said(line), error, "{line}");
        }
        assert_eq!(Fields::parse(&"* ".repeat(101)).unwrap_err(), CronError::TooLong);
        assert!(Fields::parse("0 0 29 2 *").is_ok());
        assert!(Fields::parse("0 0 30 2 mon").is_ok(), "Mondays in February");
    }
}
