//! What the Dinas decided that a regulation's vague words mean here. No backup goes by it: clauses are held against it.

use std::fmt;

use crate::quantity::Span;

/// A word that has no figure in any regulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// *jauh*: how far a DRC is from the Pusat Data.
    Far,
    /// *segera*: how soon a failure is reported.
    Promptly,
    /// *berkala*: how often data is saved.
    Regularly,
    /// How soon the account of somebody who left is closed.
    Rekey,
    /// How often everything is read again.
    Scrub,
}

impl Word {
    pub const ALL: [Self; 5] = [Self::Far, Self::Promptly, Self::Regularly, Self::Rekey, Self::Scrub];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Far => "far",
            Self::Promptly => "promptly",
            Self::Regularly => "regularly",
            Self::Rekey => "rekey",
            Self::Scrub => "scrub",
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Kilometres(u32),
    Within(Span),
}

/// A decision, and who made it when by which decree: without these it is an opinion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub means: Meaning,
    /// A day, `2026-08-01`.
    pub date: String,
    /// Name and office.
    pub by: String,
    pub decree: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionProblem {
    #[error("this is no day")]
    Date,
    #[error("this is empty, longer than 200 bytes, or has control characters")]
    Text,
}

impl DecisionProblem {
    pub fn code(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Text => "text",
        }
    }

    pub fn remedy(self) -> &'static str {
        match self {
            Self::Date => "write a day as \"2026-08-01\"",
            Self::Text => "write who decided, name and office, or the number of the decree",
        }
    }
}
