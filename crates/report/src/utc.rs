//! A time as a report takes it: one that the templates can certainly read.

use serde::Serialize;

use crate::error::ReportError;

/// RFC 3339 in UTC, whole seconds: `2026-11-22T01:23:45Z`, of the years 1970 to 9998 (a site's zone can be a day on).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Utc(String);

fn days_of(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

impl Utc {
    pub fn read(text: &str) -> Result<Self, ReportError> {
        is_time(text).then(|| Self(text.to_owned())).ok_or_else(|| ReportError::Time(text.chars().take(40).collect()))
    }

    /// Year, month, day, hour, minute, second.
    pub(crate) fn parts(&self) -> [u32; 6] {
        parts(&self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_time(text: &str) -> bool {
    let shape = |(i, byte): (usize, u8)| match i {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        19 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    if text.len() != 20 || !text.bytes().enumerate().all(shape) {
        return false;
    }
    let [year, month, day, hour, minute, second] = parts(text);
    (1970..=9998).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
}

/// Of a text of that shape.
fn parts(text: &str) -> [u32; 6] {
    [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)]
        .map(|(from, to)| text.get(from..to).and_then(|part| part.parse().ok()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::Utc;

    #[test]
    fn a_time_is_one_of_the_calendar() {
        for good in ["2026-11-22T01:23:45Z", "2028-02-29T00:00:00Z", "1970-01-01T00:00:00Z", "9998-12-31T23:59:59Z"] {
            assert_eq!(Utc::read(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22T01:23:45+07:00",
            "2026-11-22T01:23:45.1Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-13-10T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "9999-12-31T23:59:59Z",
            "1969-12-31T23:59:59Z",
            "2026-11-2éT01:23:45Z",
        ] {
            assert!(Utc::read(bad).is_err(), "{bad}");
        }
    }
}
