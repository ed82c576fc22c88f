//! Another key of a site's ledger: proposed, accepted by the other site, and in use.

use pulih_vault::id::ObjectHash;
use pulih_vault::note::VerifierKey;
use serde::{Deserialize, Serialize};

use crate::ids::SiteId;
use crate::text;

/// The site has a further key, which signs nothing yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyProposed {
    #[serde(with = "text")]
    pub key: VerifierKey,
    /// The key's own signature line: somebody has its secret.
    pub possession: String,
    pub reason: String,
}

/// A person compared the fingerprint of another site's new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAccepted {
    pub peer: SiteId,
    #[serde(with = "text")]
    pub key: VerifierKey,
    /// Index of the `key-proposed` in the other site's ledger.
    pub proposal: u64,
    /// What this site signed of it.
    #[serde(with = "text")]
    pub statement: ObjectHash,
}

/// The last entry that the old key signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotated {
    #[serde(with = "text")]
    pub key: VerifierKey,
    /// Index of the `key-proposed`.
    pub proposal: u64,
    /// The site whose statement it is; absent where no other site was ever paired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SiteId>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub statement: Option<ObjectHash>,
}
