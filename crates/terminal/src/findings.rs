//! What a `doctor` found: one line for each thing that was looked at.

use serde::Serialize;
use std::fmt;

use crate::printable_lines;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    Warning,
    Wrong,
}

#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at, in a word: `store`, `clock`.
    pub check: &'static str,
    pub verdict: Verdict,
    /// What was seen, and what to do about it.
    pub text: String,
}

/// What was found so far, in the order in which it was looked at.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub fn add(&mut self, check: &'static str, verdict: Verdict, text: impl Into<String>) {
        self.0.push(Finding { check, verdict, text: text.into() });
    }

    pub fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Verdict::Ok, text);
    }

    pub fn warning(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Verdict::Warning, text);
    }

    pub fn wrong(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Verdict::Wrong, text);
    }

    /// Whether nothing is wrong; a warning is not.
    pub fn healthy(&self) -> bool {
        self.0.iter().all(|finding| finding.verdict != Verdict::Wrong)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            let word = match finding.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Wrong => "WRONG",
            };
            writeln!(f, "{word:<8} {:<10} {}", finding.check, printable_lines(&finding.text))?;
        }
        f.write_str(match self.0.iter().map(|finding| finding.verdict).max() {
            Some(Verdict::Wrong) => "Something is wrong.\n",
            Some(Verdict::Warning) => "Nothing is wrong; mind the warnings.\n",
            Some(Verdict::Ok) | None => "All is well.\n",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_that_is_wrong_makes_the_end() {
        let mut found = Findings::default();
        found.ok("clock", "2026-11-22 10:00 UTC");
        assert!(found.healthy() && found.to_string().ends_with("All is well.\n"));
        found.warning("space", "512.0 MiB free");
        assert!(found.healthy() && found.to_string().ends_with("mind the warnings.\n"));
        found.wrong("store", "it is not there");
        let shown = found.to_string();
        assert_eq!(shown.lines().nth(2), Some("WRONG    store      it is not there"));
        assert!(!found.healthy() && shown.ends_with("Something is wrong.\n"));
        assert!(serde_json::to_string(&found).unwrap().contains(r#""verdict":"warning""#));
    }
}
