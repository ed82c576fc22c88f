//! What each office needs money for: what is at risk, what is missing, and which clause asks for it. Pulih knows no
//! price: the columns of costs are lines to write on.

use serde::Serialize;

use super::{Both, Head};
use crate::utc::Utc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    pub head: Head,
    /// A sheet each.
    pub offices: Vec<OfficeBudget>,
    /// The sheet of the Dinas itself: the DRC, audits, tests.
    pub common: Vec<Gap>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfficeBudget {
    pub opd: String,
    /// May be empty.
    pub name: String,
    pub datasets: Vec<Exposed>,
    pub gaps: Vec<Gap>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exposed {
    pub agent: String,
    pub dataset: String,
    /// May be empty.
    pub class: String,
    pub bytes: Option<u64>,
    /// Work that is lost if the server is lost now, and what it may be.
    pub exposure_seconds: Option<u64>,
    pub target_seconds: Option<u64>,
    /// The same if the data centre is lost.
    pub at_drc_seconds: Option<u64>,
    pub rto_target_seconds: Option<u64>,
    /// When it was last brought back in a drill or a recovery.
    pub tested: Option<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    pub gap: Both,
    /// What is at risk until it is closed.
    pub exposure: Both,
    /// The regulation's title.
    pub regulation: Both,
    /// `Pasal 10 ayat (1)`.
    pub at: String,
    /// The regulation's own words; may be empty.
    pub words: Both,
    pub remedy: Both,
}
