//! What is wrong with a recovery plan, beside what can be wrong with every file.

use crate::name::Name;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanProblem {
    #[error("this is another type of file or a later version")]
    Type,
    #[error("this is empty, longer than 500 bytes, or has control characters")]
    Text,
    #[error("the plan has no {what} `{name}`")]
    NoSuch { what: &'static str, name: Name },
    #[error("services wait for each other in a circle: {0}")]
    Cycle(String),
    #[error("it is of tier {tier} and waits for `{other}`, which is of tier {later}")]
    LaterTier { tier: u32, other: Name, later: u32 },
    #[error("`{0}` is named twice")]
    Twice(String),
    #[error("the service has neither datasets nor steps")]
    Nothing,
    #[error("this is neither `before` nor `after`")]
    When,
}

impl PlanProblem {
    /// A stable word for it, as `docs/contracts/plan.md` lists them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Text => "text",
            Self::NoSuch { .. } => "no-such",
            Self::Cycle(_) => "cycle",
            Self::LaterTier { .. } => "later-tier",
            Self::Twice(_) => "twice",
            Self::Nothing => "nothing",
            Self::When => "when",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let fixed = match self {
            Self::Type => "begin the file with `type = \"pulih/plan/v1\"`; a later version needs a newer program",
            Self::Text => "write one line that says it",
            Self::NoSuch { what, name } => return format!("add `[{what}.{name}]`, or correct the name"),
            Self::Cycle(_) => "take one `after` out: one of them has to come back first",
            Self::LaterTier { tier, .. } => {
                return format!("put what it needs into tier {tier} or an earlier one, or it into the later tier");
            }
            Self::Twice(_) => "leave it in one place: a dataset is recovered once, and a step ticked once",
            Self::Nothing => "give it `datasets`, `steps` or both",
            Self::When => "write `when = \"before\"` or `when = \"after\"` the datasets",
        };
        fixed.to_owned()
    }
}
