//! The yearly monitoring and evaluation: the year month by month, what was tested, audited and reported, and how the
//! regulations stand.

use serde::Serialize;

use super::{Both, Clock, Counts, Finding, Head, Role, TestKind, Verdict};
use crate::utc::Utc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    pub head: Head,
    pub months: Vec<Month>,
    pub rpo: Vec<ClassRpo>,
    pub drills: Vec<DrillCount>,
    pub clocks: Vec<Clock>,
    pub audits: Vec<AuditRow>,
    pub incidents: Vec<Incident>,
    pub verdicts: Vec<PackCounts>,
    pub unmet: Vec<Unmet>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Month {
    /// When it begins.
    pub from: Utc,
    pub opds: u64,
    pub covered: u64,
    /// Recovery points accepted.
    pub points: u64,
    /// Of the time of all datasets: inside their targets, in hundredths of a per cent.
    pub inside_hundredths: Option<u64>,
    pub drills_passed: u64,
    pub drills_failed: u64,
    pub received_bytes: Option<u64>,
}

/// The datasets of a class at a place, over the year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassRpo {
    pub class: String,
    pub place: Role,
    pub datasets: u64,
    /// `None` where its datasets differ.
    pub target_seconds: Option<u64>,
    pub inside_hundredths: Option<u64>,
    pub worst_seconds: Option<u64>,
    pub breaches: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrillCount {
    pub kind: TestKind,
    pub passed: u64,
    pub failed: u64,
    pub missed: u64,
    /// Aborted, skipped or not ended.
    pub other: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    pub subject: String,
    pub by: String,
    /// May be empty.
    pub body: String,
    pub held: Utc,
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incident {
    pub began: Utc,
    pub reported: Utc,
    pub text: String,
    /// The letter's number; may be empty.
    pub letter: String,
    /// What was there is kept.
    pub held: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackCounts {
    pub name: String,
    pub title: Both,
    pub counts: Counts,
}

/// A clause that is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmet {
    pub regulation: Both,
    pub at: String,
    pub verdict: Verdict,
    pub why: Both,
    /// May be empty.
    pub remedy: Both,
}
