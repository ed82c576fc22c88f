//! What people stated of clauses.

use serde::Serialize;

/// What somebody says of what a clause asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opinion {
    Met,
    MetWithFindings,
    NotMet,
}

impl Opinion {
    pub const ALL: [Self; 3] = [Self::Met, Self::MetWithFindings, Self::NotMet];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::MetWithFindings => "met-with-findings",
            Self::NotMet => "not-met",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|its| its.as_str() == text)
    }
}

/// One statement of a clause's item. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub attestation: String,
    pub regulation: String,
    pub clause: String,
    pub item: String,
    pub opinion: Opinion,
    pub by: String,
    pub letter: String,
    pub document_sha256: String,
    pub given: i64,
    pub until: i64,
    /// Its entry, `<site>/<index>`.
    pub entry: String,
}

/// All that were made, in the order in which they came, without those that were ended.
#[derive(Debug, Clone, Default)]
pub struct Statements(pub Vec<Statement>);

impl Statements {
    /// The newest of an item that is in force at a time.
    pub fn newest(&self, regulation: &str, clause: &str, item: &str, at: i64) -> Option<&Statement> {
        let is_it = |its: &&Statement| its.regulation == regulation && its.clause == clause && its.item == item;
        self.0.iter().filter(is_it).rfind(|its| its.given <= at && at < its.until)
    }
}
