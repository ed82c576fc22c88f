//! Who else co-signs this ledger, and what a person decided when others had seen more of it than there is.

use pulih_vault::id::ObjectHash;
use serde::{Deserialize, Serialize};

use crate::cosign::CosignerKey;
use crate::hash::Hash;
use crate::ids::WitnessId;
use crate::text;
use crate::time::Time;

/// From here on what this key co-signs counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessAdded {
    pub witness: WitnessId,
    pub name: String,
    pub institution: String,
    #[serde(with = "text")]
    pub key: CosignerKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessRemoved {
    pub witness: WitnessId,
    pub reason: String,
}

/// A witness's co-signature came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointWitnessed {
    pub witness: WitnessId,
    /// Of the checkpoint.
    pub size: u64,
    #[serde(with = "text")]
    pub root: Hash,
    /// By the witness's clock.
    pub time: Time,
}

/// Another had kept a checkpoint of this ledger that is not here any more. A person looked, and it goes on from what
/// there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerResumed {
    /// Of the checkpoint that is given up.
    pub size: u64,
    /// BLAKE3 of that checkpoint, which is an object of the site.
    #[serde(with = "text")]
    pub proof: ObjectHash,
    pub reason: String,
}
