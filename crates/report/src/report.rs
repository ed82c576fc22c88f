//! The six reports, and what is the same of all of them.

use serde::Serialize;

use crate::data::{Bandwidth, Budget, Continuity, Coverage, Evaluation, Monthly};
use crate::utc::Utc;

/// A report's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Report {
    Continuity(Box<Continuity>),
    Bandwidth(Bandwidth),
    Coverage(Coverage),
    Evaluation(Evaluation),
    Monthly(Monthly),
    Budget(Budget),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The test of the continuity plan, once in two years.
    Continuity,
    /// The line between the sites, each month.
    Bandwidth,
    /// Which offices are covered, and how they are supervised.
    Coverage,
    /// Monitoring and evaluation, each year.
    Evaluation,
    /// A page for the regent, each month.
    Monthly,
    /// What each office needs money for.
    Budget,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Continuity, Self::Bandwidth, Self::Coverage, Self::Evaluation, Self::Monthly, Self::Budget];

    pub fn name(self) -> &'static str {
        match self {
            Self::Continuity => "continuity",
            Self::Bandwidth => "bandwidth",
            Self::Coverage => "coverage",
            Self::Evaluation => "evaluation",
            Self::Monthly => "monthly",
            Self::Budget => "budget",
        }
    }

    /// The `type` of the data as JSON.
    pub fn type_name(self) -> String {
        format!("pulih/report/{}/v1", self.name())
    }
}

impl Report {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Continuity(_) => Kind::Continuity,
            Self::Bandwidth(_) => Kind::Bandwidth,
            Self::Coverage(_) => Kind::Coverage,
            Self::Evaluation(_) => Kind::Evaluation,
            Self::Monthly(_) => Kind::Monthly,
            Self::Budget(_) => Kind::Budget,
        }
    }

    /// When it is issued: the date of its file.
    pub fn issued(&self) -> &Utc {
        match self {
            Self::Continuity(its) => &its.issued,
            Self::Bandwidth(its) => &its.head.issued,
            Self::Coverage(its) => &its.head.issued,
            Self::Evaluation(its) => &its.head.issued,
            Self::Monthly(its) => &its.head.issued,
            Self::Budget(its) => &its.head.issued,
        }
    }
}

impl From<Continuity> for Report {
    fn from(its: Continuity) -> Self {
        Self::Continuity(Box::new(its))
    }
}

impl From<Bandwidth> for Report {
    fn from(its: Bandwidth) -> Self {
        Self::Bandwidth(its)
    }
}

impl From<Coverage> for Report {
    fn from(its: Coverage) -> Self {
        Self::Coverage(its)
    }
}

impl From<Evaluation> for Report {
    fn from(its: Evaluation) -> Self {
        Self::Evaluation(its)
    }
}

impl From<Monthly> for Report {
    fn from(its: Monthly) -> Self {
        Self::Monthly(its)
    }
}

impl From<Budget> for Report {
    fn from(its: Budget) -> Self {
        Self::Budget(its)
    }
}
