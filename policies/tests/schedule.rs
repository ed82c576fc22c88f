//! Schedules against an evaluator of their own: it asks of each minute, one after the other,
//! whether crontab(5) means it, and shares nothing with the code under test.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use proptest::prelude::*;
use pulih_policies::{Schedule, Zone};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn number(text: &str, names: &[&str], first: u32) -> u32 {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    named.map_or_else(|| text.parse().unwrap(), |at| at as u32 + first)
}

/// Whether a field means `value`. `top` is what `*` ends with.
fn means(field: &str, value: u32, least: u32, top: u32, names: &[&str]) -> bool {
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, top),
            Some((from, to)) => (number(from, names, least), number(to, names, least)),
            None => (number(range, names, least), number(range, names, least)),
        };
        value >= from && value <= to && (value - from).is_multiple_of(step.parse::<u32>().unwrap())
    })
}

fn day_matches(line: &str, date: NaiveDate) -> bool {
    let fields: Vec<&str> = line.split(' ').collect();
    let weekday = date.weekday().num_days_from_sunday();
    let on_day = means(fields[2], date.day(), 1, 31, &[]);
    let on_weekday = means(fields[4], weekday, 0, 7, &WEEKDAYS) || weekday == 0 && means(fields[4], 7, 0, 7, &WEEKDAYS);
    let free = fields[2].starts_with('*') || fields[4].starts_with('*');
    means(fields[3], date.month(), 1, 12, &MONTHS) && if free { on_day && on_weekday } else { on_day || on_weekday }
}

/// The first time after `utc`, minute by minute, on days that match; none within `days`.
fn naive_next(line: &str, zone: Zone, utc: i64, days: u64) -> Option<i64> {
    let fields: Vec<&str> = line.split(' ').collect();
    let offset = i64::from(zone.offset_seconds());
    let local = DateTime::from_timestamp(utc + offset, 0).unwrap().naive_utc();
    for ahead in 0..days {
        let date = local.date() + chrono::Days::new(ahead);
        if !day_matches(line, date) {
            continue;
        }
        for minute in 0..1440 {
            let time = date.and_hms_opt(minute / 60, minute % 60, 0).unwrap();
            if time > local && means(fields[1], time.hour(), 0, 23, &[]) && means(fields[0], time.minute(), 0, 59, &[])
            {
                return Some(time.and_utc().timestamp() - offset);
            }
        }
    }
    None
}

fn field(least: u32, most: u32, names: &'static [&'static str], first: u32) -> impl Strategy<Value = String> {
    let name = move |value: u32, named: bool| {
        let name = (value >= first).then(|| names.get((value - first) as usize)).flatten();
        name.filter(|_| named).map_or_else(|| value.to_string(), |name| (*name).to_owned())
    };
    let range =
        (least..=most, least..=most, 1..=most, 0..6, any::<bool>()).prop_map(move |(a, b, step, kind, named)| {
            let (from, to) = (a.min(b), a.max(b));
            match kind {
                0 => format!("{from}-{to}"),
                1 => format!("{from}-{to}/{step}"),
                2 => format!("*/{step}"),
                3 => format!("{}-{}", name(from, named && to < first + names.len() as u32), name(to, named)),
                _ => name(from, named),
            }
        });
    prop_oneof![3 => Just("*".to_owned()), 5 => prop::collection::vec(range, 1..4).prop_map(|parts| parts.join(","))]
}

fn line() -> impl Strategy<Value = String> {
    (
        field(0, 59, &[], 0),
        field(0, 23, &[], 0),
        field(1, 31, &[], 1),
        field(1, 12, &MONTHS, 1),
        field(0, 7, &WEEKDAYS, 0),
    )
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

/// Any second from 2000 to 2050, and those around the ends of months and leap days.
fn time() -> impl Strategy<Value = i64> {
    let edge = (2000i32..2050, 1u32..=12, -90_000i64..90_000).prop_map(|(year, month, off)| {
        NaiveDate::from_ymd_opt(year, month, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() + off
    });
    prop_oneof![946_684_800i64..2_524_608_000, edge]
}

fn zone() -> impl Strategy<Value = Zone> {
    prop::sample::select(Zone::ALL.to_vec())
}

/// Long enough for 29 February to come round on a given weekday, past 2000 and before 2100.
const DAYS: u64 = 366 * 29;

proptest! {
    #[test]
    fn the_next_time_is_the_one_that_crontab_means(line in line(), zone in zone(), utc in time()) {
        match line.parse::<Schedule>() {
            // Days that no month has: neither finds one.
            Err(_) => prop_assert_eq!(naive_next(&line, zone, utc, 366 * 5), None, "{}", line),
            Ok(schedule) => {
                let next = schedule.next_after(zone, utc);
                prop_assert_eq!(next, naive_next(&line, zone, utc, DAYS), "{}", line);
                let next = next.unwrap();
                // No later asking skips it, and asking at it goes on.
                prop_assert_eq!(schedule.next_after(zone, next - 1), Some(next));
                prop_assert!(schedule.next_after(zone, next).is_none_or(|later| later > next));
            }
        }
    }

    #[test]
    fn any_text_is_a_schedule_or_none(text in "\\PC{0,40}|[0-9*/,@a-z -]{0,40}", utc: i64) {
        if let Ok(schedule) = text.parse::<Schedule>() {
            let again = schedule.as_str().parse::<Schedule>();
            prop_assert_eq!(again.as_ref(), Ok(&schedule));
            if let Some(next) = schedule.next_after(Zone::Jakarta, utc) {
                prop_assert!(next > utc);
            }
        }
    }
}

#[track_caller]
fn comes(line: &str, zone: Zone, after: (i32, u32, u32, u32, u32), expected: &[&str]) {
    let (year, month, day, hour, minute) = after;
    let local = NaiveDate::from_ymd_opt(year, month, day).unwrap().and_hms_opt(hour, minute, 0).unwrap();
    let utc = local.and_utc().timestamp() - i64::from(zone.offset_seconds());
    let schedule: Schedule = line.parse().unwrap();
    let times: Vec<String> =
        schedule.next_n(zone, utc, expected.len()).into_iter().map(|t| zone.print_with_weekday(t)).collect();
    assert_eq!(times, expected, "{line}");
}

#[test]
fn times_that_are_easily_wrong() {
    let jakarta = Zone::Jakarta;
    // The cron crate counts Sunday as 1.
    comes("0 1 * * 0", jakarta, (2026, 11, 20, 0, 0), &["Sun 2026-11-22 01:00 WIB", "Sun 2026-11-29 01:00 WIB"]);
    comes("0 1 * * 7", jakarta, (2026, 11, 20, 0, 0), &["Sun 2026-11-22 01:00 WIB"]);
    comes("0 1 * * 1", jakarta, (2026, 11, 20, 0, 0), &["Mon 2026-11-23 01:00 WIB"]);
    comes("0 1 * * SAT", Zone::Makassar, (2026, 11, 20, 0, 0), &["Sat 2026-11-21 01:00 WITA"]);
    // The 13th or a Friday, whichever comes first.
    comes(
        "0 0 13 * fri",
        jakarta,
        (2026, 11, 1, 0, 0),
        &["Fri 2026-11-06 00:00 WIB", "Fri 2026-11-13 00:00 WIB", "Fri 2026-11-20 00:00 WIB"],
    );
    comes("0 0 1 * mon", jakarta, (2026, 11, 24, 0, 0), &["Mon 2026-11-30 00:00 WIB", "Tue 2026-12-01 00:00 WIB"]);
    // A field with a star restricts nothing by itself: both must hold.
    comes("0 0 */2 * mon", jakarta, (2026, 11, 1, 0, 0), &["Mon 2026-11-09 00:00 WIB", "Mon 2026-11-23 00:00 WIB"]);
    // Ends of months.
    comes("59 23 31 * *", jakarta, (2027, 1, 31, 23, 59), &["Wed 2027-03-31 23:59 WIB", "Mon 2027-05-31 23:59 WIB"]);
    comes("0 0 29 2 *", Zone::Jayapura, (2026, 11, 1, 0, 0), &["Tue 2028-02-29 00:00 WIT", "Sun 2032-02-29 00:00 WIT"]);
    // 1 January in the zone is still December in UTC.
    comes("@yearly", jakarta, (2026, 12, 31, 23, 59), &["Fri 2027-01-01 00:00 WIB", "Sat 2028-01-01 00:00 WIB"]);
    comes("@monthly", jakarta, (2026, 12, 31, 23, 59), &["Fri 2027-01-01 00:00 WIB", "Mon 2027-02-01 00:00 WIB"]);
    comes("@weekly", jakarta, (2026, 11, 22, 0, 0), &["Sun 2026-11-29 00:00 WIB"]);
    comes("@daily", jakarta, (2026, 11, 22, 0, 0), &["Mon 2026-11-23 00:00 WIB"]);
    comes("@hourly", jakarta, (2026, 11, 22, 23, 30), &["Mon 2026-11-23 00:00 WIB", "Mon 2026-11-23 01:00 WIB"]);
}

#[test]
fn a_clock_far_away_gets_an_answer() {
    let schedule: Schedule = "0 1 * * *".parse().unwrap();
    assert!(schedule.next_after(Zone::Jakarta, i64::MIN).is_some());
    assert_eq!(schedule.next_after(Zone::Jakarta, i64::MAX), None);
}
