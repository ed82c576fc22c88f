//! What was achieved, beside what it should be.

use serde::Serialize;

use super::{Outcome, Role};
use crate::utc::Utc;

/// Of a dataset at a place, over the report's period. What is absent is not known, and is no nought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rpo {
    pub place: Role,
    pub opd: String,
    pub agent: String,
    pub dataset: String,
    pub class: String,
    pub target_seconds: Option<u64>,
    /// At the report's time.
    pub exposure_seconds: Option<u64>,
    pub p95_seconds: Option<u64>,
    pub worst_seconds: Option<u64>,
    /// Hundredths of a per cent, rounded down: 10,000 is all of the time.
    pub inside_hundredths: Option<u64>,
    pub breaches: u64,
    /// `exposure_seconds` is within the target.
    pub inside: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceRto {
    pub service: String,
    pub target_seconds: Option<u64>,
    pub milliseconds: Option<u64>,
    pub forecast: bool,
    pub inside: Option<bool>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Phases {
    pub approve: u64,
    pub fetch: u64,
    pub decrypt: u64,
    pub write: u64,
    pub verify: u64,
    pub check: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetRto {
    pub opd: String,
    pub agent: String,
    pub dataset: String,
    pub class: String,
    pub target_seconds: Option<u64>,
    pub milliseconds: Option<u64>,
    pub forecast: bool,
    pub inside: Option<bool>,
    pub phases: Option<Phases>,
    /// The drill or recovery that it is of, and when; may be empty.
    pub by: String,
    pub at: Option<Utc>,
}

/// A vital function: what a recipe asked of a service that had come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vital {
    pub function: String,
    /// May be empty.
    pub service: String,
    pub recipe: String,
    pub milliseconds: Option<u64>,
    pub outcome: Outcome,
    pub text: String,
}
