//! What the store has: damage that was found, what was healed, copies elsewhere.

use pulih_vault::id::{ObjectHash, VaultId};
use serde::{Deserialize, Serialize};

use crate::ids::SiteId;
use crate::text;
use crate::time::Time;

/// The bytes of an object are not those of its name, or are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDamaged {
    pub object: String,
    /// What was found in its place.
    pub reason: String,
}

/// The right bytes were put back, after they were held against the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHealed {
    pub object: String,
    /// Where they came from: a site's id, or a store.
    pub source: String,
    pub bytes: u64,
}

/// Nobody who was asked has the right bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLost {
    pub object: String,
    #[serde(with = "text")]
    pub vault: VaultId,
    /// What it costs: `<dataset>/<manifest>`, at most 300.
    pub snapshots: Vec<String>,
}

/// Every object that was in the store at the beginning has been read and held against its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubFinished {
    pub began: Time,
    pub objects: u64,
    pub bytes: u64,
    /// How many were damaged, and how many of them were healed.
    pub damaged: u64,
    pub healed: u64,
}

/// All objects of another site's vaults were held against those here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SitesCompared {
    pub from: SiteId,
    pub objects: u64,
    /// Needed by a snapshot that both have, and not there.
    pub missing: u64,
}

/// A further copy was read again whole, and is what its receipt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyVerified {
    /// Where it is.
    pub medium: String,
    /// BLAKE3 of the newest receipt on it.
    #[serde(with = "text")]
    pub receipt: ObjectHash,
    pub snapshots: u64,
    /// What was read.
    pub objects: u64,
    pub bytes: u64,
}

/// A further copy was brought up to date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyMade {
    /// Where it is.
    pub medium: String,
    /// BLAKE3 of the receipt, an object of the site and of the copy.
    #[serde(with = "text")]
    pub receipt: ObjectHash,
    pub snapshots: u64,
    pub objects: u64,
    pub bytes: u64,
}
