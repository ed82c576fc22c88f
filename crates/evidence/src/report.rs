//! What a verifier says: `pulih/evidence-verified/v1`.

use std::fmt;

use pulih_ledger::ids::SiteId;
use serde::Serialize;

/// Most problems, and most remarks, that are told one by one: a hostile bundle could have millions.
const MOST_TOLD: usize = 1000;

/// What kind of problem it is: `docs/contracts/evidence.md` says of each when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    Limit,
    Missing,
    Damaged,
    UnknownKey,
    BadSignature,
    WrongOrigin,
    RootMismatch,
    Gap,
    Fork,
    RolledBack,
    KeyChain,
    Cosignature,
    Entry,
    Act,
    Drill,
    Object,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub code: Code,
    #[serde(rename = "where")]
    pub place: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteReport {
    pub site: SiteId,
    pub origin: String,
    /// Of the key that signs now.
    pub fingerprint: String,
    /// Whether a fingerprint was given from outside: a site of which none was is told of, and supports nothing.
    pub given: bool,
    pub size: u64,
    pub root: String,
    /// The first entry of the period.
    pub from: u64,
    /// Made with a clock that is not the world's.
    pub uji: bool,
    pub cosigners: Vec<Cosigner>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cosigner {
    pub name: String,
    pub size: u64,
    pub time: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrillReport {
    pub drill: String,
    pub kind: String,
    /// `open`, where it has not ended and need not have.
    pub outcome: String,
    /// It was an independent test of a plan or of applications, by what is here. Why one is not, a remark says.
    pub qualifying: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub sites: Vec<SiteReport>,
    pub problems: Vec<Problem>,
    pub remarks: Vec<String>,
    pub drills: Vec<DrillReport>,
    /// Entries that were read and believed.
    pub entries: u64,
    #[serde(skip)]
    untold: (u64, u64),
}

impl Default for Report {
    fn default() -> Self {
        Self {
            kind: "pulih/evidence-verified/v1",
            sites: Vec::new(),
            problems: Vec::new(),
            remarks: Vec::new(),
            drills: Vec::new(),
            entries: 0,
            untold: (0, 0),
        }
    }
}

impl Report {
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn problem(&mut self, code: Code, place: impl fmt::Display, text: impl Into<String>) {
        if self.problems.len() < MOST_TOLD {
            self.problems.push(Problem { code, place: place.to_string(), text: text.into() });
        } else {
            self.untold.0 += 1;
        }
    }

    pub fn remark(&mut self, text: impl Into<String>) {
        if self.remarks.len() < MOST_TOLD {
            self.remarks.push(text.into());
        } else {
            self.untold.1 += 1;
        }
    }

    /// Says how much was not told one by one.
    pub(crate) fn close(&mut self) {
        let (problems, remarks) = self.untold;
        if problems + remarks > 0 {
            self.remarks.push(format!("{problems} more problems and {remarks} more remarks are not listed"));
        }
    }
}
