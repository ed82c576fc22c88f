//! Names of a vault's objects: the one place that joins them, and that takes them apart.

use std::fmt;
use std::str::FromStr;

use crate::description::DescriptionName;
use crate::error::Malformed;
use crate::id::{ObjectHash, VaultId};
use crate::store::ObjectName;

/// 1 to 63 of `a-z 0-9 . _ -`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetName(String);

impl DatasetName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatasetName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ok = (1..=63).contains(&text.len())
            && letter(text.as_bytes()[0])
            && text.bytes().all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'));
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new(
                "dataset name",
                format!("{text:?} must be 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"),
            ))
        }
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `<sequence>-<hash>`: which manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManifestName {
    pub sequence: u64,
    pub hash: ObjectHash,
}

impl fmt::Display for ManifestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}-{}", self.sequence, self.hash)
    }
}

impl FromStr for ManifestName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.split_once('-')
            .and_then(|(sequence, hash)| {
                let digits = sequence.len() == 10 && sequence.bytes().all(|b| b.is_ascii_digit());
                let sequence = sequence.parse().ok().filter(|&s: &u64| digits && s > 0)?;
                Some(Self { sequence, hash: hash.parse().ok()? })
            })
            .ok_or_else(|| Malformed::new("manifest's name", format!("{text:?}")))
    }
}

/// The objects of one vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub vault: VaultId,
}

fn name(text: &str) -> ObjectName {
    text.parse().expect("ids and dataset names are within an object name's letters")
}

impl Layout {
    pub fn description(&self, description: DescriptionName) -> ObjectName {
        name(&format!("vaults/{}/vault/{description}", self.vault))
    }

    pub fn pack(&self, hash: ObjectHash) -> ObjectName {
        let hash = hash.to_string();
        name(&format!("vaults/{}/packs/{}/{hash}", self.vault, &hash[..2]))
    }

    pub fn index(&self, hash: ObjectHash) -> ObjectName {
        name(&format!("vaults/{}/index/{hash}", self.vault))
    }

    pub fn reach(&self, hash: ObjectHash) -> ObjectName {
        name(&format!("vaults/{}/reach/{hash}", self.vault))
    }

    pub fn manifest(&self, dataset: &DatasetName, manifest: ManifestName) -> ObjectName {
        name(&format!("vaults/{}/snapshots/{dataset}/{manifest}", self.vault))
    }

    /// The folder of all objects of a kind.
    pub fn folder(&self, kind: &str) -> ObjectName {
        name(&format!("vaults/{}/{kind}", self.vault))
    }

    /// What the object `object` is, if it is one of this vault's.
    pub fn classify(&self, object: &ObjectName) -> Option<ObjectKind> {
        let rest = object.as_str().strip_prefix("vaults/")?;
        let (vault, rest) = rest.split_once('/')?;
        vault.parse().ok().filter(|vault: &VaultId| *vault == self.vault)?;
        let (kind, rest) = rest.split_once('/')?;
        Some(match kind {
            "vault" => ObjectKind::Description(rest.parse().ok()?),
            "packs" => {
                let (folder, hash) = rest.split_once('/')?;
                ObjectKind::Pack(hash.parse().ok().filter(|_| hash.starts_with(folder) && folder.len() == 2)?)
            }
            "index" => ObjectKind::Index(rest.parse().ok()?),
            "reach" => ObjectKind::Reach(rest.parse().ok()?),
            "snapshots" => {
                let (dataset, manifest) = rest.split_once('/')?;
                ObjectKind::Manifest(dataset.parse().ok()?, manifest.parse().ok()?)
            }
            _ => return None,
        })
    }
}

/// An object of a vault by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectKind {
    Description(DescriptionName),
    Pack(ObjectHash),
    Index(ObjectHash),
    Reach(ObjectHash),
    Manifest(DatasetName, ManifestName),
}

impl ObjectKind {
    pub fn hash(&self) -> ObjectHash {
        match self {
            Self::Description(name) => name.hash,
            Self::Pack(hash) | Self::Index(hash) | Self::Reach(hash) => *hash,
            Self::Manifest(_, name) => name.hash,
        }
    }
}

/// The vault that an object belongs to.
pub fn vault_of(object: &ObjectName) -> Option<VaultId> {
    object.as_str().strip_prefix("vaults/")?.split('/').next()?.parse().ok()
}

/// The folder of all vaults.
pub fn vaults() -> ObjectName {
    name("vaults")
}
