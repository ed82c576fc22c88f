//! What can go wrong with a vault, and where.

use crate::layout::{DatasetName, ManifestName};
use crate::store::{ObjectName, StoreError};
use crate::trust::Earlier;

/// Bytes that are not what the format says. Says what they were taken for and why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: {why}")]
pub struct Malformed {
    pub what: &'static str,
    pub why: String,
}

impl Malformed {
    pub fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: why.into() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(transparent)]
    Store(#[from] StoreError),

    /// An object whose bytes do not have the hash that its name says.
    #[error("object {name} is damaged: its bytes do not have the hash in its name")]
    HashMismatch { name: ObjectName },

    /// An object that is what its name says but not what the format says.
    #[error("object {name} is damaged or was not written by Pulih: {source}")]
    Object { name: ObjectName, source: Malformed },

    #[error(transparent)]
    Malformed(#[from] Malformed),

    #[error("none of the identities given opens {what}; give the vault's recovery identity with --identity")]
    NoMatchingIdentity { what: String },

    #[error("{what}: {why}")]
    Untrusted { what: String, why: String },

    /// An older snapshot in its place would be taken for the newest: a person says which one.
    #[error(
        "snapshot number {sequence} of {dataset} ({id}) is the newest and is not believed: {source}; {earlier}",
        sequence = newest.sequence,
        id = newest.hash,
        earlier = match earlier {
            Some(earlier) => format!("the newest good one is {earlier}"),
            None => "no other one is good".to_owned(),
        }
    )]
    LatestNotBelieved {
        dataset: DatasetName,
        newest: ManifestName,
        source: Box<VaultError>,
        earlier: Option<Box<Earlier>>,
    },

    #[error("chunk {id} is missing: no index of this snapshot has it")]
    MissingChunk { id: crate::id::ChunkId },

    #[error("chunk {id} in pack {pack} is damaged: its bytes do not have that id")]
    DamagedChunk { id: crate::id::ChunkId, pack: crate::id::ObjectHash },

    #[error(
        "a frame read back after compression differs from what went in: memory or processor of this machine cannot be trusted; nothing of this frame was stored"
    )]
    DecodeCheck,

    #[error("cannot {action}: {source}")]
    Local { action: String, source: std::io::Error },

    #[error("{what} was stopped because another part of it failed")]
    Stopped { what: &'static str },
}

impl VaultError {
    /// The object that the error is about, if it says.
    pub fn object(&self) -> Option<&ObjectName> {
        match self {
            Self::HashMismatch { name }
            | Self::Object { name, .. }
            | Self::Store(
                StoreError::NotFound { name } | StoreError::TooLarge { name, .. } | StoreError::OutOfRange { name, .. },
            ) => Some(name),
            _ => None,
        }
    }

    pub fn local(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Local { action, source }
    }

    pub fn untrusted(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Untrusted { what: what.into(), why: why.into() }
    }
}

pub type Result<T> = std::result::Result<T, VaultError>;
