//! Receipts: what a site put on a further copy, signed by the key of its ledger. Whoever has the copy and
//! the site's public key can hold the one against the other.

use std::collections::BTreeSet;

use pulih_vault::error::Malformed;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::{SigningKey, Unverified, VerifierKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checkpoint::{Distrust, opened};
use crate::edge::MAX_TREE_SIZE;
use crate::hash::Hash;
use crate::ids::SiteId;
use crate::text;
use crate::time::Time;

const WHAT: &str = "receipt";
const TYPE: &str = "pulih/copy-receipt/v1";
/// Most bytes that a receipt may have: some 180,000 snapshots.
pub const MAX_RECEIPT_BYTES: u64 = 16 << 20;
/// Letters of a medium's name.
const MOST_MEDIUM: usize = 1024;

/// What is on a further copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    #[serde(rename = "type")]
    kind: String,
    pub site: SiteId,
    /// By the site's clock.
    pub at: Time,
    /// Where the copy is, as the person said who made it.
    pub medium: String,
    pub ledger: CopiedLedger,
    pub datasets: Vec<CopiedDataset>,
}

/// The site's ledger as it is on the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedLedger {
    pub size: u64,
    #[serde(with = "text")]
    pub root: Hash,
}

/// The snapshots of a dataset that are on the copy, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedDataset {
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    #[serde(with = "text::list")]
    pub manifests: Vec<ManifestName>,
    /// What they need together, and how many bytes that is.
    pub objects: u64,
    pub bytes: u64,
}

impl Receipt {
    pub fn new(site: SiteId, at: Time, medium: String, ledger: CopiedLedger, datasets: Vec<CopiedDataset>) -> Self {
        Self { kind: TYPE.to_owned(), site, at, medium, ledger, datasets }
    }

    /// The signed note. An error where it would be one that no reader takes.
    pub fn sign(&self, key: &SigningKey) -> Result<String, Malformed> {
        self.check()?;
        let Ok(Value::Object(object)) = serde_json::to_value(self) else {
            return Err(Malformed::new(WHAT, "it is no object"));
        };
        let text = crate::canonical::encode(&object)?;
        let text = String::from_utf8(text).map_err(|error| Malformed::new(WHAT, error.to_string()))?;
        let note = key.sign(&format!("{text}\n"));
        if note.len() as u64 > MAX_RECEIPT_BYTES {
            return Err(Malformed::new(WHAT, "it has more than 16 MiB"));
        }
        Ok(note)
    }

    /// Reads a receipt that `key` signed.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, Distrust> {
        if note.len() as u64 > MAX_RECEIPT_BYTES {
            return Err(Malformed::new(WHAT, "it has more than 16 MiB").into());
        }
        let text = opened(note, key)?;
        let its: Self = serde_json::from_str(text).map_err(|error| Malformed::new(WHAT, error.to_string()))?;
        its.check()?;
        Ok(its)
    }

    /// Reads a receipt that an entry names: the ledger vouches for it by its hash, whichever key signed it then.
    pub fn recorded(note: &[u8], hash: ObjectHash) -> Result<Self, Malformed> {
        if note.len() as u64 > MAX_RECEIPT_BYTES || ObjectHash::of(note) != hash {
            return Err(Malformed::new(WHAT, "it is not the one that the ledger names"));
        }
        let note = Unverified::parse(note)?;
        let its: Self =
            serde_json::from_str(note.claimed_text()).map_err(|error| Malformed::new(WHAT, error.to_string()))?;
        its.check()?;
        Ok(its)
    }

    /// How many snapshots are on the copy.
    pub fn snapshots(&self) -> u64 {
        self.datasets.iter().map(|its| its.manifests.len() as u64).sum()
    }

    fn check(&self) -> Result<(), Malformed> {
        let bad = |why: &str| Err(Malformed::new(WHAT, why));
        if self.kind != TYPE {
            return bad("its type is not pulih/copy-receipt/v1");
        }
        if self.medium.is_empty() || self.medium.len() > MOST_MEDIUM || self.medium.contains(char::is_control) {
            return bad("its medium is empty, longer than 1,024 letters, or has control characters");
        }
        if self.ledger.size > MAX_TREE_SIZE {
            return bad("its ledger has more than 2^48 entries");
        }
        let mut seen = BTreeSet::new();
        for its in &self.datasets {
            if its.manifests.is_empty() || !seen.insert((its.vault, &its.dataset)) {
                return bad("a dataset of it has no snapshot, or comes twice");
            }
            if its.manifests.windows(2).any(|two| two[0] >= two[1]) {
                return bad("the snapshots of a dataset are not in order");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pulih_vault::id::ObjectHash;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::generate("pulih-ledger/pusat-33.19", &ring::rand::SystemRandom::new()).unwrap()
    }

    fn receipt() -> Receipt {
        let manifest = |sequence| ManifestName { sequence, hash: ObjectHash([sequence as u8; 32]) };
        let letters = CopiedDataset {
            vault: VaultId([1; 16]),
            dataset: "letters".parse().unwrap(),
            manifests: vec![manifest(1), manifest(2)],
            objects: 9,
            bytes: 1 << 40,
        };
        let ledger = CopiedLedger { size: 7, root: Hash::of_empty_tree() };
        let at = "2026-11-22T01:23:45Z".parse().unwrap();
        Receipt::new("pusat-33.19".parse().unwrap(), at, "/mnt/disk \u{2014} biru".into(), ledger, vec![letters])
    }

    #[test]
    fn what_the_site_signed_is_believed_and_nothing_else() {
        let (ours, note) = (key(), receipt());
        let note = note.sign(&ours).unwrap();
        assert_eq!(Receipt::open(note.as_bytes(), &ours.verifier()).unwrap(), receipt());
        assert_eq!(receipt().snapshots(), 2);
        let stranger = Receipt::open(note.as_bytes(), &key().verifier());
        assert!(matches!(stranger, Err(Distrust::Signature { .. })), "{stranger:?}");
        let altered = note.replace("\"objects\":9", "\"objects\":8");
        assert!(altered != note && Receipt::open(altered.as_bytes(), &ours.verifier()).is_err());
        // A note of another kind by the same key is none.
        let other = ours.sign("{\"type\":\"pulih/other/v1\"}\n");
        assert!(matches!(Receipt::open(other.as_bytes(), &ours.verifier()), Err(Distrust::Malformed(_))));
    }

    #[test]
    fn what_nobody_could_read_is_not_signed() {
        let mut twice = receipt();
        twice.datasets.push(twice.datasets[0].clone());
        let mut disordered = receipt();
        disordered.datasets[0].manifests.reverse();
        let mut empty = receipt();
        empty.datasets[0].manifests.clear();
        let mut odd = receipt();
        odd.medium = "disk\u{1b}[2J".into();
        for bad in [twice, disordered, empty, odd] {
            assert!(bad.sign(&key()).is_err(), "{bad:?}");
        }
    }
}
