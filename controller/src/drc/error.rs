//! Why something did not come over: what is wrong with it, or with the line, or here. The
//! difference decides what follows: an alarm, another try, or a full store that a person looks at.

use std::fmt::Display;

use pulih_ledger::LedgerError;
use pulih_stores::GatewayError;
use pulih_vault::error::VaultError;
use pulih_vault::store::{ObjectName, StoreError};

use crate::gateway::answer::Refusal;

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// What came is not what it should be, or what should be there is not.
    #[error("{object}: {why}")]
    Refused { object: String, why: String },
    /// The Pusat Data cannot be asked now, or does not let this DRC in.
    #[error("{0}")]
    Line(String),
    /// This site's store has no room.
    #[error("{0}")]
    Full(StoreError),
    /// It is good as far as anyone knows, and waits for room or for a person of this site.
    #[error("{0}")]
    Waits(String),
    /// This site failed; its log says why.
    #[error("{0}")]
    Here(String),
    #[error("the process ends")]
    Stopped,
}

/// Bytes that are kept of words that may be the other site's.
const MOST_WORDS: usize = 500;

fn cut(words: impl Display) -> String {
    let mut words = words.to_string();
    let end = (0..=MOST_WORDS.min(words.len())).rev().find(|at| words.is_char_boundary(*at));
    words.truncate(end.unwrap_or(0));
    words
}

impl PullError {
    pub fn refused(object: impl Display, why: impl Display) -> Self {
        Self::Refused { object: cut(object), why: cut(why) }
    }

    /// An error of reading an object at the Pusat Data.
    pub fn there(object: &ObjectName, error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => {
                Self::refused(object, "it is not there, and an accepted snapshot or the ledger needs it")
            }
            StoreError::TooLarge { .. } | StoreError::OutOfRange { .. } => Self::refused(object, error),
            error => Self::Line(error.to_string()),
        }
    }

    /// An error of this site's own store.
    pub fn here(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::Full(error),
            error => Self::Here(error.to_string()),
        }
    }

    /// How bad it is that a snapshot does not come for it, the worst highest.
    pub fn weight(&self) -> u8 {
        match self {
            Self::Stopped => 0,
            Self::Line(_) => 1,
            Self::Waits(_) => 2,
            Self::Here(_) => 3,
            Self::Full(_) => 4,
            Self::Refused { .. } => 5,
        }
    }

    /// An error of reading a vault, of which `object` was looked into.
    pub fn vault(object: &ObjectName, error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => Self::there(object, error),
            error => Self::refused(object, error),
        }
    }

    /// An error of taking in a part of the ledger.
    pub fn ledger(object: &ObjectName, error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => Self::here(error),
            error => Self::refused(object, error),
        }
    }
}

/// Of bytes that have the hash in their name: what they say is the other site's.
impl From<VaultError> for PullError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Object { name, source } => Self::refused(name, source),
            error => Self::Here(error.to_string()),
        }
    }
}

impl From<GatewayError> for PullError {
    fn from(error: GatewayError) -> Self {
        Self::Line(error.to_string())
    }
}

impl From<Refusal> for PullError {
    fn from(refusal: Refusal) -> Self {
        Self::Here(refusal.message)
    }
}

impl From<crate::catalog::CatalogError> for PullError {
    fn from(error: crate::catalog::CatalogError) -> Self {
        Self::Here(error.to_string())
    }
}

impl From<crate::record::RecordError> for PullError {
    fn from(error: crate::record::RecordError) -> Self {
        Self::Here(error.to_string())
    }
}

impl From<PullError> for Refusal {
    fn from(error: PullError) -> Self {
        Self::internal(&error)
    }
}
