//! The clauses of a regulation: its words, our reading, and the verdict (`docs/contracts/regulation.md`).

use serde::Serialize;

use super::{Both, Opinion};
use crate::utc::Utc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClauseKind {
    Automatic,
    Manual,
    Both,
    Informative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Met,
    NotMet,
    ToAttest,
    NotApplicable,
    Untested,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    pub met: u64,
    pub not_met: u64,
    pub to_attest: u64,
    pub not_applicable: u64,
    pub untested: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Regulation {
    pub name: String,
    pub version: u64,
    pub title: Both,
    /// BLAKE3 of the pack.
    pub hash: String,
    pub text_sha256: String,
    pub counts: Counts,
    pub clauses: Vec<Clause>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clause {
    pub id: String,
    /// `Pasal 55 ayat (3)`.
    #[serde(rename = "where")]
    pub place: String,
    pub kind: ClauseKind,
    /// The regulation's own words; the English ones are a translation.
    pub words: Both,
    /// No law: how it is shown here; may be empty.
    pub reading: Both,
    pub verdict: Verdict,
    pub why: Both,
    /// May be empty.
    pub remedy: Both,
    pub attested: Vec<Attested>,
    pub warnings: Vec<Warning>,
    /// `<site>/<index>`.
    pub entries: Vec<String>,
}

/// A person's statement that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attested {
    pub asks: Both,
    pub opinion: Opinion,
    pub by: String,
    /// The letter's number.
    pub letter: String,
    pub document_sha256: String,
    pub until: Utc,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub what: Both,
    pub until: Utc,
    pub days_left: i64,
}
