//! What goes on between two sites: pairing, pulling, and what was refused.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::{Fingerprint, VerifierKey};
use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::ids::{AgentId, OpdId, Sha256, SiteId};
use crate::text;
use crate::time::Time;

/// A person compared the fingerprint of another site's card, and believes the keys in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SitePaired {
    pub peer: SiteId,
    /// `pusat` or `drc`.
    pub role: String,
    /// For people.
    pub name: String,
    /// The key that signs the peer's ledger.
    #[serde(with = "text")]
    pub key: VerifierKey,
    /// Of its CA certificate's DER.
    pub ca_sha256: Sha256,
    /// Of the card's file: what was compared.
    pub card_sha256: Sha256,
}

/// Nothing is read by the peer, or from it, any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteUnpaired {
    pub peer: SiteId,
    pub reason: String,
}

/// A certificate with which a paired DRC reads at this site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCertified {
    pub peer: SiteId,
    /// In lower-case hexadecimal.
    pub serial: String,
    /// Of the certificate's DER.
    pub certificate_sha256: Sha256,
    pub not_before: Time,
    pub not_after: Time,
}

/// A DRC saw a vault for the first time: this owner key speaks for it from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultPinned {
    #[serde(with = "text")]
    pub vault: VaultId,
    pub opd: OpdId,
    pub agent: AgentId,
    pub class: String,
    #[serde(with = "text")]
    pub owner: Fingerprint,
}

/// A snapshot is complete at this DRC, and was verified here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotReplicated {
    /// The site whose ledger says what follows of it.
    pub from: SiteId,
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    #[serde(with = "text")]
    pub manifest: ManifestName,
    /// When that site accepted it.
    pub accepted: Time,
    /// As the agent signed.
    pub captured: Time,
    /// Until when it is kept: as long as that site's ledger fixed, or longer by the policy of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<Time>,
    pub tiers: Vec<String>,
    /// What it needs, in stored bytes, as its reach says.
    pub stored_bytes: u64,
    /// It holds the work of a long run and is no recovery point.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Older ones of its dataset are still to come: a second entry says for how long it is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
}

/// What came from another site is not what it should be: nothing of it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRefused {
    pub from: SiteId,
    /// The name of what was refused.
    pub object: String,
    pub reason: String,
    /// The snapshot that needs it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub vault: Option<VaultId>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub dataset: Option<DatasetName>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub manifest: Option<ManifestName>,
}

/// Another site's ledger no longer goes on from the mirror that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerDiverged {
    pub from: SiteId,
    /// Entries of the mirror, and their root hash.
    pub size: u64,
    #[serde(with = "text")]
    pub root: Hash,
    /// BLAKE3 of what that site signed, which is kept.
    #[serde(with = "text")]
    pub proof: ObjectHash,
    pub reason: String,
}
