//! Times in entries: RFC 3339 in UTC to the second, in the one form whose order as text is the
//! order in time.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use pulih_vault::error::Malformed;

use crate::text;

/// `2026-11-22T01:23:45Z`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(#[serde(with = "checked")] String);

mod checked {
    use super::{Time, text};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        text::deserialize::<Time, D>(deserializer).map(|time| time.0)
    }
}

impl Time {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether a text is a [`Time`], for who needs no more.
pub fn is_time(text: &str) -> bool {
    let Ok(bytes) = <&[u8; 20]>::try_from(text.as_bytes()) else { return false };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    let digits = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0, |number, digit| {
            Some(number * 10 + u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?))
        })
    };
    let (Some(year), Some(month), Some(day)) = (digits(0, 4), digits(5, 7), digits(8, 10)) else { return false };
    let of_day = [(11, 24), (14, 60), (17, 60)];
    marks.iter().all(|(at, mark)| bytes[*at] == *mark)
        && of_day.iter().all(|(at, most)| digits(*at, *at + 2).is_some_and(|number| number < *most))
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
}

impl FromStr for Time {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        if is_time(text) {
            return Ok(Self(text.to_owned()));
        }
        let text: String = text.chars().take(80).collect();
        Err(Malformed::new("time", format!("{text:?} is not as 2026-11-22T01:23:45Z (UTC, to the second)")))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_only() {
        for good in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-11-30T00:00:00Z"] {
            assert_eq!(good.parse::<Time>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22T01:23:45",
            "2026-11-22T01:23:45.5Z",
            "2026-11-22T01:23:45+07:00",
            "2026-11-22t01:23:45Z",
            "2100-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "２026-11-22T01:23:4Z",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }
}
