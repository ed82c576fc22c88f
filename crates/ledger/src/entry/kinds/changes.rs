//! What would weaken a DRC: proposed, approved by a person, in force after a wait.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::note::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::ids::{HoldId, ProposalId, SiteId};
use crate::text;
use crate::time::Time;

/// Something that would weaken this site, and has no effect yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeProposed {
    pub proposal: ProposalId,
    /// `policy`, `hold-release`, `site-keys` or `owner-key`.
    pub change: String,
    /// Of `policy`: BLAKE3 of its text. Of `site-keys`: of the card.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub object: Option<ObjectHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldId>,
    /// The site whose ledger asks for it; absent: a person here does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SiteId>,
    /// Of `owner-key`: a vault that was not seen before, and the key that is to speak for it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub vault: Option<VaultId>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub owner: Option<Fingerprint>,
    /// For people: what it weakens.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeApproved {
    pub proposal: ProposalId,
    /// From when on it may take effect: 30 days after the approval at the earliest; of `owner-key`, from then on.
    pub not_before: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRefused {
    pub proposal: ProposalId,
    pub reason: String,
}

/// An approved change took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeMade {
    pub proposal: ProposalId,
}

/// Nothing is pulled to this site until a person has looked: what it knew was lost, and was made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationStopped {
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationResumed {
    pub reason: String,
}
