//! Durations, sizes and rates, as people write them and with their unit always beside them.

use std::fmt;
use std::str::FromStr;

use crate::quote::short;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The longest month and the longest year, so that what is kept "a month" is never kept for less
/// than one of the calendar's.
const MONTH: u64 = 31 * DAY;
const YEAR: u64 = 366 * DAY;

const SPANS: &[(&str, u64)] = &[("m", MINUTE), ("h", HOUR), ("d", DAY), ("w", 7 * DAY), ("mo", MONTH), ("y", YEAR)];
const DELAYS: &[(&str, u64)] = &[("s", 1), ("m", MINUTE), ("h", HOUR)];
const SIZES: &[(&str, u64)] = &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
/// Lines are sold in decimal bits.
const RATES: &[(&str, u64)] = &[("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000)];

/// A lock in an object store cannot be taken back: a slip of the finger must not be one for
/// centuries.
const MOST_SPAN: u64 = 50 * YEAR;
const MOST_SIZE: u64 = 1 << 50;
const MOST_RATE: u64 = 1_000_000_000_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("{0:?} does not begin with a whole number")]
    Number(String),
    #[error("{0:?} has no unit that is known here")]
    Unit(String),
    #[error("{0:?} is nothing")]
    Zero(String),
    #[error("{0:?} is more than {1}")]
    TooMuch(String, &'static str),
}

fn parse(text: &str, units: &[(&str, u64)], most: u64, most_text: &'static str) -> Result<u64, QuantityError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(QuantityError::Number(short(text)));
    }
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let factor = factor.ok_or_else(|| QuantityError::Unit(short(text)))?;
    // Digits that do not fit a number are too many.
    let value = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|n| *n <= most);
    match value {
        None => Err(QuantityError::TooMuch(short(text), most_text)),
        Some(0) => Err(QuantityError::Zero(short(text))),
        Some(value) => Ok(value),
    }
}

fn print(value: u64, units: &[(&str, u64)], base: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match units.iter().rev().find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor)) {
        Some((unit, factor)) => write!(f, "{}{unit}", value / factor),
        None => write!(f, "{value}{base}"),
    }
}

/// A length of time in seconds, from 0 to 50 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    pub const HOUR: Self = Self(HOUR);
    pub const DAY: Self = Self(DAY);
    pub const WEEK: Self = Self(7 * DAY);
    pub const MONTH: Self = Self(MONTH);
    pub const YEAR: Self = Self(YEAR);

    pub const fn from_minutes(minutes: u32) -> Self {
        Self(minutes as u64 * MINUTE)
    }

    pub const fn from_days(days: u16) -> Self {
        Self(days as u64 * DAY)
    }

    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        parse(text, SPANS, MOST_SPAN, "50y").map(Self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 && self.0.is_multiple_of(YEAR) {
            return write!(f, "{}y", self.0 / YEAR);
        }
        // Days up to a year: that "4w" and "1mo" are 28 and 31 of them, nobody should have to know.
        print(self.0, &[("m", MINUTE), ("h", HOUR), ("d", DAY)], "s", f)
    }
}

/// How long something that runs may take, in seconds: at least one, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delay(u64);

impl Delay {
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Delay {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        parse(text, DELAYS, YEAR, "a year").map(Self)
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, DELAYS, "s", f)
    }
}

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        parse(text, SIZES, MOST_SIZE, "1024TiB").map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, SIZES, "B", f)
    }
}

/// Bits in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    pub fn bits_per_second(self) -> u64 {
        self.0
    }

    pub fn bytes_per_second(self) -> u64 {
        self.0 / 8
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        parse(text, RATES, MOST_RATE, "1000Gbit/s").map(Self)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, RATES, "bit/s", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_are_a_number_and_a_unit() {
        for (text, seconds, again) in [
            ("4h", 14_400, "4h"),
            ("90 m", 5_400, "90m"),
            ("120m", 7_200, "2h"),
            ("2w", 1_209_600, "14d"),
            ("1mo", 2_678_400, "31d"),
            ("10y", 316_224_000, "10y"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.seconds(), span.to_string().as_str()), (seconds, again));
        }
        assert_eq!("2 TiB".parse::<Size>().unwrap().bytes(), 2 << 40);
        assert_eq!("20Mbit/s".parse::<Rate>().unwrap().bytes_per_second(), 2_500_000);
    }

    #[test]
    fn what_is_none_is_refused_and_says_why() {
        for (text, error) in [
            ("", QuantityError::Number(String::new())),
            ("-4h", QuantityError::Number("-4h".to_owned())),
            ("4", QuantityError::Unit("4".to_owned())),
            ("4 jam", QuantityError::Unit("4 jam".to_owned())),
            ("4H", QuantityError::Unit("4H".to_owned())),
            ("4  h", QuantityError::Unit("4  h".to_owned())),
            ("1.5h", QuantityError::Unit("1.5h".to_owned())),
            ("0d", QuantityError::Zero("0d".to_owned())),
            ("51y", QuantityError::TooMuch("51y".to_owned(), "50y")),
            ("99999999999999999999999h", QuantityError::TooMuch("99999999999999999999999h".to_owned(), "50y")),
        ] {
            assert_eq!(text.parse::<Span>(), Err(error));
        }
        assert_eq!("2 TB".parse::<Size>(), Err(QuantityError::Unit("2 TB".to_owned())));
        assert_eq!("2 MB/s".parse::<Rate>(), Err(QuantityError::Unit("2 MB/s".to_owned())));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(minutes in 1u32..1_000_000, mib in 1u64..1 << 30, kbit in 1u64..1_000_000_000) {
            let span = Span::from_minutes(minutes);
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
            let delay = Delay(u64::from(minutes % 86_400 + 1));
            prop_assert_eq!(delay.to_string().parse::<Delay>(), Ok(delay));
            let size = Size(mib << 20);
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
            let rate = Rate(kbit * 1000);
            prop_assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,30}") {
            let _ = (text.parse::<Span>(), text.parse::<Size>(), text.parse::<Rate>());
        }
    }
}
