//! What can go wrong with a ledger: what happened, to which object, what to do now.

use pulih_vault::error::Malformed;
use pulih_vault::store::{ObjectName, StoreError};

use crate::checkpoint::Distrust;
use crate::entry::EntryError;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// After a failed append the entries may be in the log all the same; the handle finds out.
    #[error(transparent)]
    Store(#[from] StoreError),

    #[error(transparent)]
    Entry(#[from] EntryError),

    #[error("there is a ledger at {at} already; open it, or choose another site id")]
    Exists { at: ObjectName },

    #[error(
        "there is no ledger at {at}: it has no checkpoint; check the site id and the store, or, if there was one, bring its objects back from another site's copy"
    )]
    NoLedger { at: ObjectName },

    #[error("{object} is damaged: {source}; bring it back from another site's copy")]
    Damaged { object: ObjectName, source: Malformed },

    #[error(
        "{object} is not signed by {key}; if the site's key was changed, give the new one; if not, someone else wrote it: keep it as evidence"
    )]
    BadSignature { object: ObjectName, key: String },

    #[error("{object} is of the log {found:?}, not of {expected:?}; check that the store and the key are of one site")]
    WrongOrigin { object: ObjectName, found: String, expected: String },

    /// What is there does not hash up to what was signed.
    #[error(
        "{object} is not what the site signed: it does not hash up to the head of {size} entries; it was changed or damaged: keep it as evidence and bring it back from another site's copy"
    )]
    RootMismatch { object: ObjectName, size: u64 },

    /// A checkpoint says that the log had more than is there.
    #[error(
        "the ledger's checkpoint is of {size} entries, but {missing} is not there: the store was rolled back or lost objects; bring them back from another site's copy, and do not start a new ledger"
    )]
    RolledBack { size: u64, missing: ObjectName },

    #[error(
        "the ledger ends at entry {end}, but has a batch that starts at {next}: {missing} was lost; bring it back from another site's copy"
    )]
    Gap { end: u64, next: u64, missing: ObjectName },

    /// Someone else appended at the same place, and was first.
    #[error(
        "another writer has appended to this ledger: {object} is not what this process wrote; nothing of this call from there on is in the log; see that only one controller runs for the site, and open the ledger again"
    )]
    AnotherWriter { object: ObjectName },

    /// An object that follows from the entries is there with other bytes.
    #[error(
        "the ledger is forked: {object} is there with other content than follows from its entries; keep it as evidence, and compare with another site's copy"
    )]
    Fork { object: ObjectName },

    /// Another key shall sign from here on, and this site has not said that it is the other's.
    #[error(
        "{object} hands the log over to the key {key}, which nobody here has accepted; if the other site's people say that it is theirs, accept it (`evidence key accept`); if not, keep it as evidence"
    )]
    NotAccepted { object: ObjectName, key: String },

    #[error("a key hands over at {object}, and that checkpoint is not here yet: nothing after it is taken before")]
    HandOver { object: ObjectName },

    #[error("the ledger was handed over to the key {key}, whose secret is not the one given")]
    OtherKey { key: String },

    #[error("this ledger was closed to writing because of {object}; open it again")]
    Closed { object: ObjectName },

    #[error("the ledger has {size} entries; {index} was asked for")]
    OutOfRange { index: u64, size: u64 },
}

pub type Result<T> = std::result::Result<T, LedgerError>;

impl LedgerError {
    /// The object that is damaged, forged or gone, if the error is about one.
    pub fn object(&self) -> Option<&ObjectName> {
        match self {
            Self::Damaged { object, .. }
            | Self::BadSignature { object, .. }
            | Self::WrongOrigin { object, .. }
            | Self::RootMismatch { object, .. }
            | Self::Fork { object }
            | Self::NotAccepted { object, .. }
            | Self::RolledBack { missing: object, .. }
            | Self::Gap { missing: object, .. }
            | Self::Store(
                StoreError::NotFound { name: object }
                | StoreError::TooLarge { name: object, .. }
                | StoreError::OutOfRange { name: object, .. },
            ) => Some(object),
            _ => None,
        }
    }

    /// Says of which object a note is not believed.
    pub fn distrust(object: ObjectName) -> impl FnOnce(Distrust) -> Self {
        move |why| match why {
            Distrust::Malformed(source) => Self::Damaged { object, source },
            Distrust::Signature { key } => Self::BadSignature { object, key: format!("{key:?}") },
            Distrust::Origin { found, expected } => Self::WrongOrigin { object, found, expected },
        }
    }

    pub(crate) fn damaged(object: &ObjectName) -> impl FnOnce(Malformed) -> Self {
        move |source| Self::Damaged { object: object.clone(), source }
    }
}
