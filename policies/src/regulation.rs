//! Regulation packs: what a regulation asks, clause by clause, with its words and our reading of them kept apart.
//! Data alone: a further regency's pack needs no other program. `docs/contracts/regulation.md`.

mod problem;
mod quoted;
mod read;

use std::fmt;
use std::str::FromStr;

use crate::name::Name;

pub use problem::RegulationProblem;

/// Largest text of a regulation.
pub const MAX_REGULATION_TEXT_BYTES: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regulation {
    pub name: Name,
    /// Rises with each version that is applied.
    pub version: u32,
    pub regency: RegencyCode,
    pub title: Words,
    /// SHA-256 of the text that its words are from, in hexadecimal.
    pub text_sha256: String,
    /// Never empty.
    pub clauses: Vec<Clause>,
}

/// The same in Indonesian and in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub id: String,
    pub en: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// By this attestations name it.
    pub id: Name,
    /// Where it stands, for people.
    pub at: String,
    pub kind: ClauseKind,
    /// What the text says: its own words, and a translation.
    pub words: Words,
    /// What somebody chose to show it by; no law.
    pub reading: Option<Words>,
    pub applies: Option<Applies>,
    pub pass: Option<String>,
    pub attest: Vec<Item>,
    /// Kinds of entries that a verdict cites.
    pub entries: Vec<String>,
    pub remedy: Option<Words>,
}

/// An expression, and why the clause does not apply where it is false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applies {
    pub expression: String,
    pub otherwise: Words,
}

/// What a person states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub item: Name,
    pub asks: Words,
    /// Without: only an expression asks for it.
    pub is_needed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClauseKind {
    Automatic,
    Manual,
    Both,
    /// Nothing to pass.
    Informative,
}

impl ClauseKind {
    pub const ALL: [Self; 4] = [Self::Automatic, Self::Manual, Self::Both, Self::Informative];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Both => "both",
            Self::Informative => "informative",
        }
    }

    pub fn is_measured(self) -> bool {
        matches!(self, Self::Automatic | Self::Both)
    }

    pub fn is_stated(self) -> bool {
        matches!(self, Self::Manual | Self::Both)
    }
}

impl FromStr for ClauseKind {
    type Err = RegulationProblem;

    fn from_str(text: &str) -> Result<Self, RegulationProblem> {
        Self::ALL.into_iter().find(|its| its.as_str() == text).ok_or(RegulationProblem::ClauseKind)
    }
}

/// Of a regency, by Kemendagri: province and regency, `14.09`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegencyCode(String);

impl RegencyCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RegencyCode {
    type Err = RegulationProblem;

    fn from_str(text: &str) -> Result<Self, RegulationProblem> {
        let is_one = text.len() == 5
            && text.bytes().enumerate().all(|(at, b)| if at == 2 { b == b'.' } else { b.is_ascii_digit() });
        if is_one { Ok(Self(text.to_owned())) } else { Err(RegulationProblem::Regency) }
    }
}

impl fmt::Display for RegencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a pack is held against while it is read. This crate evaluates nothing and knows no ledger.
pub struct Against<'a> {
    /// The regulation's text and its SHA-256, where it is at hand; without it words are believed.
    pub text: Option<(&'a str, &'a str)>,
    /// Why an expression cannot be used.
    pub expression: &'a dyn Fn(&str) -> Result<(), String>,
    /// Whether there is such a kind of entries.
    pub is_entry_kind: &'a dyn Fn(&str) -> bool,
}

impl Regulation {
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.id.as_str() == id)
    }
}
