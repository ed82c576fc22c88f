//! The test: of what kind, by whom, in which steps, and how it went.

use serde::Serialize;

use super::Both;
use crate::utc::Utc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestKind {
    Verify,
    Restore,
    Application,
    Plan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    Failed,
    Aborted,
    Skipped,
    Missed,
    /// Not ended yet.
    Open,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Auditor {
    pub name: String,
    pub institution: String,
    /// Number of the decree.
    pub mandate: String,
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Test {
    pub drill: String,
    pub kind: TestKind,
    /// Of the plan or the recipe; may be empty.
    pub title: String,
    pub plan: String,
    pub plan_version: Option<u64>,
    /// BLAKE3; may be empty.
    pub plan_hash: String,
    /// What is supposed to have happened; may be empty.
    pub scenario: Both,
    pub announced: Utc,
    pub opened: Option<Utc>,
    pub started: Option<Utc>,
    pub ended: Option<Utc>,
    pub outcome: Outcome,
    pub milliseconds: Option<u64>,
    pub points: u64,
    /// `None`: all files.
    pub sample_percent: Option<u64>,
    pub leftovers: Option<u64>,
    /// BLAKE3 of the raw log; may be empty.
    pub log: String,
    /// What the site wrote down of its end; may be empty.
    pub text: String,
    /// `None`: an operational test.
    pub auditor: Option<Auditor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Verify,
    Restore,
    Application,
    Manual,
}

/// A step, as the plan has it and as it went. Times are milliseconds from the test's start; an absent one: not
/// planned, or not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    pub number: u64,
    pub what: What,
    /// For people.
    pub name: String,
    /// May be empty.
    pub service: String,
    pub planned_from_ms: Option<u64>,
    pub planned_ms: Option<u64>,
    pub began: Option<Utc>,
    pub from_ms: Option<u64>,
    pub milliseconds: Option<u64>,
    pub outcome: Outcome,
    pub text: String,
}
