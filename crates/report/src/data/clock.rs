//! Until when something counts that a regulation asks for again and again.

use serde::Serialize;

use crate::utc::Utc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// The periodic test by an auditor.
    Test,
    DataCentreAudit,
    SecurityAudit,
    InternalAudit,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    pub what: ClockKind,
    /// When it was last done; `None`: never.
    pub last: Option<Utc>,
    /// Until when that counts, and days to then, below 0 afterwards.
    pub until: Option<Utc>,
    pub days_left: Option<i64>,
}
