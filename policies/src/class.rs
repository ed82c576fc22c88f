//! The security classes. A vault's description names its class by the same words.

use std::fmt;

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
