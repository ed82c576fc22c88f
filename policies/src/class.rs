//! The security classes. A vault's description names its class by the same words.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Strategis,
    NonPublik,
    Publik,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Strategis, Self::NonPublik, Self::Publik];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strategis => "strategis",
            Self::NonPublik => "non-publik",
            Self::Publik => "publik",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a class is `strategis`, `non-publik` or `publik`")]
pub struct ClassError;

impl FromStr for Class {
    type Err = ClassError;
    fn from_str(text: &str) -> Result<Self, ClassError> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or(ClassError)
    }
}
