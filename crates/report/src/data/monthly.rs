//! One page a month for the regent.

use serde::Serialize;

use super::{Both, Clock, Head};
use crate::utc::Utc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Monthly {
    pub head: Head,
    pub tonight: Tonight,
    pub opds: u64,
    pub covered: u64,
    /// As the month began; `None`: not known.
    pub covered_before: Option<u64>,
    /// Of the time of all datasets: inside their targets, in hundredths of a per cent.
    pub inside_hundredths: Option<u64>,
    /// In the month before.
    pub inside_before: Option<u64>,
    pub drills_passed: u64,
    pub drills_failed: u64,
    /// When a drill last passed.
    pub last_passed: Option<Utc>,
    pub clocks: Vec<Clock>,
    /// The page has room for the first of them.
    pub risks: Vec<Both>,
    /// What is asked of the regent.
    pub asks: Vec<Both>,
}

/// What comes back if the data centre is lost now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tonight {
    pub datasets: u64,
    /// Have a recovery point at the DRC.
    pub recoverable: u64,
    /// Work that is lost at most, and of which dataset; empty: not known.
    pub worst_seconds: Option<u64>,
    pub worst_dataset: String,
    /// How long it takes to bring all back.
    pub forecast_ms: Option<u64>,
}
