//! What is kept and what goes: holds, suspicion, expiry, deletion.

use pulih_vault::id::VaultId;
use pulih_vault::layout::DatasetName;
use serde::{Deserialize, Serialize};

use crate::ids::{DeletionId, HoldId, SuspicionId};
use crate::text;
use crate::time::Time;

/// A person orders that nothing of this is deleted, whatever its dates say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPlaced {
    pub hold: HoldId,
    #[serde(with = "text")]
    pub vault: VaultId,
    /// Absent: all datasets of the vault.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub dataset: Option<DatasetName>,
    /// Number of the letter or decree that asks for it.
    pub letter: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReleased {
    pub hold: HoldId,
    pub reason: String,
}

/// A dataset looks as ransomware leaves it: nothing of it expires until a person has looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspicionRaised {
    pub suspicion: SuspicionId,
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    /// Snapshots that were accepted from then on are suspected.
    pub since: Time,
    /// Which measure spoke, in the controller's words.
    pub measure: String,
    /// For people.
    pub text: String,
}

/// Only a person ends a suspicion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspicionEnded {
    pub suspicion: SuspicionId,
    pub reason: String,
}

/// These snapshots are no longer kept: their dates are past, or two people asked for it. Their
/// manifests go first, then whatever nothing else needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotsExpired {
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    /// At most 400.
    pub manifests: Vec<String>,
    /// The deletion that two people asked for; absent where the dates decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<DeletionId>,
}

/// One person asks that snapshots are deleted before their dates; another one has to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionAsked {
    pub deletion: DeletionId,
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    /// At most 400.
    pub manifests: Vec<String>,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionApproved {
    pub deletion: DeletionId,
}

/// Packs of which little is needed any more: the next backup writes what is, afresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacksAvoided {
    #[serde(with = "text")]
    pub vault: VaultId,
    /// Hashes of packs, at most 500.
    pub packs: Vec<String>,
}

/// Nothing needs these objects, and their grace is over: from this entry on they are deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsDeleted {
    #[serde(with = "text")]
    pub vault: VaultId,
    /// Names of objects, at most 300.
    pub objects: Vec<String>,
    pub bytes: u64,
}

/// Nothing expires at this site until a person has looked: its clock, or what it decides from, is in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiryStopped {
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiryResumed {
    pub reason: String,
}
