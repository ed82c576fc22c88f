//! What is wrong with a regulation pack, beside what can be wrong with every file.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegulationProblem {
    #[error("this is another type of file or a later version")]
    Type,
    #[error("`{0}` is named twice")]
    Twice(String),
    #[error("this is empty, longer than 4096 bytes, or has control characters")]
    Text,
    #[error("these words do not stand in the regulation's text")]
    Words,
    #[error("the text at hand is another one: its SHA-256 is {0}")]
    TextHash(String),
    #[error("this is no code of a regency")]
    Regency,
    #[error("this is none of the kinds of clauses")]
    ClauseKind,
    #[error("`{0}` goes with {1}")]
    Beside(&'static str, &'static str),
    #[error("the expression cannot be used: {0}")]
    Expression(String),
    #[error("the ledger has no such kind of entries")]
    EntryKind,
    #[error("this is no SHA-256")]
    Hash,
}

impl RegulationProblem {
    /// A stable word for it, as `docs/contracts/regulation.md` lists them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Twice(_) => "twice",
            Self::Text => "text",
            Self::Words => "words",
            Self::TextHash(_) => "text-hash",
            Self::Regency => "regency",
            Self::ClauseKind => "clause-kind",
            Self::Beside(..) => "beside",
            Self::Expression(_) => "expression",
            Self::EntryKind => "entry-kind",
            Self::Hash => "hash",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let fixed = match self {
            Self::Type => "begin the file with `type = \"pulih/regulation/v1\"`; a later version needs a newer program",
            Self::Twice(_) => "give each its own name",
            Self::Text => "write a text; lines may be broken, other control characters may not be in it",
            Self::Words => {
                "copy them from the text as it was published, its misprints too, and write `…` for what you leave out"
            }
            Self::TextHash(_) => {
                "find the text that the pack was written for; or, if the regulation has another text now, read the \
                 clauses again and write its SHA-256 here"
            }
            Self::Regency => "write province and regency as Kemendagri numbers them, as in \"14.09\"",
            Self::ClauseKind => "write `automatic`, `manual`, `both` or `informative`",
            Self::Beside(one, other) => return format!("write both, or take `{one}` out: it goes with {other}"),
            Self::Expression(_) => {
                "docs/contracts/facts.md has the facts, docs/contracts/regulation.md what an expression may be"
            }
            Self::EntryKind => "docs/contracts/ledger.md has the kinds",
            Self::Hash => "write 64 digits of `0-9a-f`",
        };
        fixed.to_owned()
    }
}

impl From<RegulationProblem> for crate::problem::ProblemKind {
    fn from(error: RegulationProblem) -> Self {
        Self::Regulation(error)
    }
}
