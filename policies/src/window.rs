//! Ranges of the day in the policy's zone: when backups may run, and when a bandwidth holds.

use std::fmt;
use std::str::FromStr;

use chrono::Timelike as _;

use crate::quote::short;
use crate::zone::Zone;

pub(crate) const DAY_MINUTES: u16 = 24 * 60;

/// From a minute of the day up to, and without, another; past midnight if that is the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayRange {
    from: u16,
    to: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    #[error("{0:?} is not two times of the day with a `-` between them")]
    Shape(String),
    #[error("{0:?} begins and ends at the same time")]
    Empty(String),
}

impl DayRange {
    /// Whether a minute of the day, 0 to 1439, lies in it.
    pub fn contains(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.from) || other.contains(self.from)
    }
}

/// `HH:MM`, as a minute of the day; 24:00 is the day's end.
fn time(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| -> Option<u16> {
        let sound = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| digits.parse().ok()).flatten()
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY_MINUTES).then_some(of_day)
}

impl FromStr for DayRange {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let times = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
        let (from, to) = times.ok_or_else(|| HoursError::Shape(short(text)))?;
        // 24:00 as a beginning is 00:00.
        let from = from % DAY_MINUTES;
        let to = if to == 0 { DAY_MINUTES } else { to };
        if from == to { Err(HoursError::Empty(short(text))) } else { Ok(Self { from, to }) }
    }
}

impl fmt::Display for DayRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// When backups may run. No range at all is all day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows(Vec<DayRange>);

impl Windows {
    pub fn new(ranges: Vec<DayRange>) -> Self {
        Self(ranges)
    }

    pub fn ranges(&self) -> &[DayRange] {
        &self.0
    }

    pub(crate) fn open_at(&self, minute: u16) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(minute))
    }

    /// Whether backups may run at `utc`.
    pub fn open(&self, zone: Zone, utc: i64) -> bool {
        self.open_at(minute_of_day(zone, utc))
    }

    /// `utc` if backups may run then, else the moment at which they next may.
    pub fn next_open(&self, zone: Zone, utc: i64) -> i64 {
        let minute = minute_of_day(zone, utc);
        match self.minutes_until_open(minute) {
            0 => utc,
            wait => whole_minute(utc).saturating_add(i64::from(wait) * 60),
        }
    }

    /// How many seconds from `utc` on backups may run without a break: 0 if they may not at
    /// `utc`, and no more than a day.
    pub fn open_for(&self, zone: Zone, utc: i64) -> u64 {
        let minute = minute_of_day(zone, utc);
        let open = (0..DAY_MINUTES).take_while(|later| self.open_at((minute + later) % DAY_MINUTES)).count();
        (open as u64 * 60).saturating_sub(utc.rem_euclid(60) as u64)
    }

    /// The moment at which they closed, if they are closed at `utc`.
    pub(crate) fn closed_since(&self, zone: Zone, utc: i64) -> Option<i64> {
        let minute = minute_of_day(zone, utc);
        let back = |earlier: u16| (minute + DAY_MINUTES - earlier) % DAY_MINUTES;
        let closed = (0..DAY_MINUTES).take_while(|&earlier| !self.open_at(back(earlier))).count() as i64;
        (closed > 0).then(|| whole_minute(utc).saturating_sub((closed - 1) * 60))
    }

    /// 0 if they are open at this minute of the day.
    pub(crate) fn minutes_until_open(&self, minute: u16) -> u16 {
        (0..DAY_MINUTES).find(|later| self.open_at((minute + later) % DAY_MINUTES)).unwrap_or(0)
    }
}

pub(crate) fn minute_of_day(zone: Zone, utc: i64) -> u16 {
    let local = zone.local(utc);
    (local.hour() * 60 + local.minute()) as u16
}

fn whole_minute(utc: i64) -> i64 {
    utc.saturating_sub(utc.rem_euclid(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(ranges: &[&str]) -> Windows {
        Windows::new(ranges.iter().map(|range| range.parse().unwrap()).collect())
    }

    #[test]
    fn ranges_are_read_and_printed() {
        for (text, again) in
            [("18:00-06:00", "18:00-06:00"), ("00:00-24:00", "00:00-24:00"), ("22:00-00:00", "22:00-24:00")]
        {
            assert_eq!(text.parse::<DayRange>().unwrap().to_string(), again);
        }
        for bad in ["", "18-06", "18:00", "8:00-9:00", "24:01-01:00", "18:60-19:00", "+1:00-02:00", "18:00 - 19:00"] {
            assert_eq!(bad.parse::<DayRange>(), Err(HoursError::Shape(bad.to_owned())), "{bad}");
        }
        assert!(matches!("06:00-06:00".parse::<DayRange>(), Err(HoursError::Empty(_))));
    }

    #[test]
    fn ranges_that_share_a_minute_overlap() {
        let range = |text: &str| text.parse::<DayRange>().unwrap();
        assert!(!range("06:00-18:00").overlaps(range("18:00-06:00")));
        assert!(range("06:00-18:01").overlaps(range("18:00-06:00")));
        assert!(range("22:00-02:00").overlaps(range("01:59-03:00")));
        assert!(range("00:00-24:00").overlaps(range("12:00-13:00")));
    }

    #[test]
    fn what_comes_outside_waits_for_the_opening() {
        let (zone, windows) = (Zone::Jakarta, windows(&["18:00-06:00"]));
        let noon = 1_795_305_600 + 5 * 3600; // 2026-11-22 12:00 WIB
        assert!(!windows.open(zone, noon));
        assert_eq!(zone.print(windows.next_open(zone, noon + 59)), "2026-11-22 18:00 WIB");
        assert_eq!(windows.next_open(zone, noon + 59) % 60, 0);
        assert_eq!(zone.print(windows.closed_since(zone, noon + 59).unwrap()), "2026-11-22 06:00 WIB");
        let evening = noon + 6 * 3600;
        assert_eq!(windows.next_open(zone, evening + 7), evening + 7);
        assert_eq!(windows.open_for(zone, evening + 7), 12 * 3600 - 7);
        assert_eq!((windows.open_for(zone, noon), windows.closed_since(zone, evening)), (0, None));
    }

    #[test]
    fn no_range_is_all_day() {
        let (zone, windows) = (Zone::Jayapura, Windows::default());
        assert_eq!(windows.next_open(zone, 12_345), 12_345);
        assert_eq!(windows.closed_since(zone, 12_345), None);
        for utc in [i64::MIN, i64::MAX] {
            windows.next_open(zone, utc);
            windows.open_for(zone, utc);
        }
    }
}
