//! What the answer to a question must be.

use std::fmt::Write as _;
use std::str::FromStr;

use regex_lite::{Regex, RegexBuilder};

/// What a pattern may take, compiled.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// A regular expression, found anywhere in the answer; its text is what makes two the same.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no regular expression that can be used: {0}")]
pub struct NoPattern(String);

impl FromStr for Pattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let built = RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build();
        built.map(Self).map_err(|error| NoPattern(error.to_string()))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// All that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expect {
    /// What was printed, byte by byte.
    pub equals: Option<String>,
    pub matches: Option<Pattern>,
    /// How the program ended; 0 where nothing is said.
    pub status: Option<u32>,
    /// What was printed is a whole number, white space around it apart.
    pub at_least: Option<i64>,
    pub at_most: Option<i64>,
    /// Of all that was printed, in hexadecimal.
    pub sha256: Option<String>,
}

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<'a> {
    /// `None`: a signal ended it.
    pub status: Option<i32>,
    /// The beginning of its standard output.
    pub printed: &'a [u8],
    /// Whether that is all of it.
    pub is_all: bool,
    /// Of all of it, in hexadecimal.
    pub sha256: &'a str,
}

impl Expect {
    /// Whether the answer is as it should be; `Err` says what is not, without what was printed.
    pub fn check(&self, its: &Answered) -> Result<(), String> {
        let mut wrong = String::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                let _ = write!(wrong, "{}{what}", if wrong.is_empty() { "" } else { "; " });
            }
        };
        let status = self.status.unwrap_or(0);
        let ended = its.status.map_or_else(|| "by a signal".into(), |its| format!("with status {its}"));
        must(its.status.is_some_and(|its| i64::from(its) == i64::from(status)), &format!("it ended {ended}"));
        if let Some(text) = &self.equals {
            must(its.is_all && its.printed == text.as_bytes(), "what it printed is not what `equals` says");
        }
        if let Some(pattern) = &self.matches {
            let printed = String::from_utf8_lossy(its.printed);
            must(pattern.0.is_match(&printed), "what it printed does not match");
        }
        if let Some(hash) = &self.sha256 {
            must(its.sha256 == hash, "what it printed has another SHA-256");
        }
        if self.at_least.is_some() || self.at_most.is_some() {
            let text = std::str::from_utf8(its.printed).unwrap_or_default();
            match text.trim().parse::<i64>().ok().filter(|_| its.is_all) {
                Some(number) => {
                    must(self.at_least.is_none_or(|least| number >= least), "the number is below `at_least`");
                    must(self.at_most.is_none_or(|most| number <= most), "the number is above `at_most`");
                }
                None => must(false, "what it printed is no whole number"),
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: i32, printed: &str) -> Answered<'_> {
        Answered { status: Some(status), printed: printed.as_bytes(), is_all: true, sha256: "ab" }
    }

    #[test]
    fn all_that_is_said_must_hold_and_nothing_said_is_status_0() {
        let none = Expect::default();
        assert_eq!(none.check(&answered(0, "anything")), Ok(()));
        assert_eq!(none.check(&answered(1, "")), Err("it ended with status 1".into()));
        assert!(none.check(&Answered { status: None, ..answered(0, "") }).is_err());
        let status = Expect { status: Some(3), ..Expect::default() };
        assert!(status.check(&answered(3, "")).is_ok() && status.check(&answered(0, "")).is_err());
        let equals = Expect { equals: Some("t\n".into()), ..Expect::default() };
        assert!(equals.check(&answered(0, "t\n")).is_ok());
        assert!(equals.check(&answered(0, "t")).is_err() && equals.check(&answered(1, "t\n")).is_err());
        assert!(equals.check(&Answered { is_all: false, ..answered(0, "t\n") }).is_err());
        let matches = Expect { matches: Some("^pasien: [0-9]+$".parse().unwrap()), ..Expect::default() };
        assert!(matches.check(&answered(0, "pasien: 12")).is_ok() && matches.check(&answered(0, "pasien: x")).is_err());
        let number = Expect { at_least: Some(-1), at_most: Some(10), ..Expect::default() };
        assert!(number.check(&answered(0, " 10\n")).is_ok() && number.check(&answered(0, "-1")).is_ok());
        for bad in ["11", "-2", "", "1 2", "ten", "99999999999999999999"] {
            assert!(number.check(&answered(0, bad)).is_err(), "{bad:?}");
        }
        let hash = Expect { sha256: Some("cd".into()), at_least: Some(1), ..Expect::default() };
        let both = hash.check(&answered(0, "0")).unwrap_err();
        assert!(both.contains("SHA-256") && both.contains("at_least"), "{both}");
    }
}
