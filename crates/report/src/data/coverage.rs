//! Which offices' data is backed up, and what the Dinas did to supervise it.

use serde::Serialize;

use super::{Both, Head};
use crate::utc::Utc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    pub head: Head,
    pub opds_total: u64,
    pub covered: u64,
    /// Approved datasets of all offices, and how many of them have a point that is young enough.
    pub datasets: u64,
    pub fresh: u64,
    pub months: Vec<MonthCovered>,
    pub opds: Vec<OfficeCovered>,
    pub acts: Vec<Act>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthCovered {
    /// When the month begins.
    pub from: Utc,
    pub opds: u64,
    pub covered: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfficeCovered {
    pub opd: String,
    /// May be empty.
    pub name: String,
    pub servers: u64,
    pub silent_servers: u64,
    /// Approved.
    pub datasets: u64,
    pub unapproved: u64,
    pub fresh: u64,
    /// Its newest recovery point.
    pub newest: Option<Utc>,
    /// Datasets fresh at the DRC.
    pub at_drc: u64,
    pub covered: bool,
    /// Why it is not.
    pub why: Vec<Both>,
}

/// Something that people did to supervise: an office registered, an approval, a report, an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Act {
    pub at: Utc,
    pub what: Both,
    /// `<site>/<index>`.
    pub entry: String,
}
