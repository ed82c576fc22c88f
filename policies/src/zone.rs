//! The three time zones of Indonesia, and the calendar in them. They have had fixed offsets and
//! no daylight saving since 1988, so no time-zone database is needed, nor can one be out of date.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, FixedOffset, Months, NaiveDate, NaiveDateTime, NaiveTime};

use crate::quote::short;

/// Times are held within the years 1 and 9999: what a broken clock says beyond that must not
/// overflow a calendar.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_402_300_799;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    Jakarta,
    Makassar,
    Jayapura,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time zone of Indonesia")]
pub struct ZoneError(pub String);

impl Zone {
    pub const ALL: [Self; 3] = [Self::Jakarta, Self::Makassar, Self::Jayapura];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jakarta => "Asia/Jakarta",
            Self::Makassar => "Asia/Makassar",
            Self::Jayapura => "Asia/Jayapura",
        }
    }

    /// As people write it after a time.
    pub fn abbreviation(self) -> &'static str {
        match self {
            Self::Jakarta => "WIB",
            Self::Makassar => "WITA",
            Self::Jayapura => "WIT",
        }
    }

    /// How many seconds its clocks are ahead of UTC.
    pub fn offset_seconds(self) -> i32 {
        match self {
            Self::Jakarta => 7 * 3600,
            Self::Makassar => 8 * 3600,
            Self::Jayapura => 9 * 3600,
        }
    }

    /// `2026-11-22 01:00 WIB`: seconds are cut off.
    pub fn print(self, utc: i64) -> String {
        format!("{} {}", self.local(utc).format("%Y-%m-%d %H:%M"), self.abbreviation())
    }

    /// `Sun 2026-11-22 01:00 WIB`.
    pub fn print_with_weekday(self, utc: i64) -> String {
        format!("{} {}", self.local(utc).format("%a"), self.print(utc))
    }

    pub(crate) fn local(self, utc: i64) -> NaiveDateTime {
        let shifted = utc.clamp(EARLIEST, LATEST) + i64::from(self.offset_seconds());
        DateTime::from_timestamp(shifted, 0).unwrap_or_default().naive_utc()
    }

    pub(crate) fn utc(self, local: NaiveDateTime) -> i64 {
        local.and_utc().timestamp() - i64::from(self.offset_seconds())
    }

    pub(crate) fn date_time(self, utc: i64) -> Option<DateTime<FixedOffset>> {
        let offset = FixedOffset::east_opt(self.offset_seconds())?;
        Some(DateTime::from_timestamp(utc.clamp(EARLIEST, LATEST), 0)?.with_timezone(&offset))
    }

    /// The first moment of the first month that begins at `utc` or later.
    pub fn month_end(self, utc: i64) -> i64 {
        let local = self.local(utc);
        let first = first_of_month(local.date());
        if local == first.and_time(NaiveTime::MIN) {
            return self.utc(local);
        }
        let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
        self.utc(next.and_time(NaiveTime::MIN))
    }
}

pub(crate) fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        Self::ALL.into_iter().find(|zone| zone.as_str() == text).ok_or_else(|| ZoneError(short(text)))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_clocks_there_show_them() {
        let midnight = 1_795_305_600; // 2026-11-22T00:00:00Z
        assert_eq!(Zone::Jakarta.print(midnight), "2026-11-22 07:00 WIB");
        assert_eq!(Zone::Makassar.print(midnight), "2026-11-22 08:00 WITA");
        assert_eq!(Zone::Jayapura.print_with_weekday(midnight + 15 * 3600), "Mon 2026-11-23 00:00 WIT");
    }

    #[test]
    fn a_month_ends_where_the_next_begins_there() {
        let zone = Zone::Jakarta;
        let december = 1_796_058_000; // 2026-12-01 00:00 WIB
        assert_eq!(zone.print(december), "2026-12-01 00:00 WIB");
        assert_eq!(zone.month_end(december), december);
        assert_eq!(zone.month_end(december - 1), december);
        assert_eq!(zone.print(zone.month_end(december + 1)), "2027-01-01 00:00 WIB");
        assert_eq!(zone.month_end(december - 29 * 86_400), december);
    }

    #[test]
    fn no_time_is_too_far_away() {
        for utc in [i64::MIN, i64::MAX, EARLIEST, LATEST] {
            for zone in Zone::ALL {
                assert!(!zone.print(utc).is_empty());
                zone.month_end(utc);
            }
        }
    }

    #[test]
    fn other_zones_are_refused() {
        assert_eq!("Asia/Jakarta".parse(), Ok(Zone::Jakarta));
        for bad in ["", "WIB", "asia/jakarta", "Asia/Pontianak", "Asia/Singapore", "UTC"] {
            assert_eq!(bad.parse::<Zone>(), Err(ZoneError(bad.to_owned())));
        }
    }
}
