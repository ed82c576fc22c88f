//! Manifests: what a snapshot is. It exists once its manifest does. Facts are a manifest
//! without what is known only after the last pack, kept in that pack.

use serde::{Deserialize, Serialize};

use crate::chunker::ChunkSizes;
use crate::description::{Description, DescriptionName};
use crate::error::Malformed;
use crate::id::{ObjectHash, VaultId};
use crate::layout::{DatasetName, ManifestName};
use crate::note::{SigningKey, Unverified};
use crate::tree::node::{MAX_LEVEL, Root};

const WHAT: &str = "manifest";
const TYPE: &str = "pulih/manifest/v1";
const FACTS_TYPE: &str = "pulih/facts/v1";

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub files: u64,
    pub dirs: u64,
    pub others: u64,
    /// Sum of the files' sizes.
    pub bytes: u64,
    /// Files and folders that could not be read.
    pub unread: u64,
    /// Files that changed while they were read.
    pub noted: u64,
}

/// What the run that made it did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub removed: u64,
    /// Bytes read from files.
    pub read_bytes: u64,
    /// Bytes of chunks that the vault did not have.
    pub new_bytes: u64,
    /// Bytes of the packs that were stored.
    pub stored_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    vault: String,
    dataset: String,
    sequence: u64,
    captured: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    finished: String,
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    rebuilt: bool,
    program: String,
    host: String,
    description: String,
    chunker: ChunkSizes,
    tree: Option<Root>,
    counts: Counts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reach: Option<String>,
    #[serde(default)]
    previous: Option<String>,
    #[serde(default)]
    rejoined: Option<String>,
    #[serde(default)]
    head: Option<String>,
}

/// What manifest and facts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub vault: VaultId,
    pub dataset: DatasetName,
    pub sequence: u64,
    /// When reading began: the recovery point. RFC 3339, UTC.
    pub captured: String,
    pub partial: bool,
    pub program: String,
    pub host: String,
    pub description: DescriptionName,
    pub chunker: ChunkSizes,
    /// `None`: nothing was saved.
    pub tree: Option<Root>,
    pub counts: Counts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub facts: Facts,
    pub finished: String,
    pub rebuilt: bool,
    pub changes: Changes,
    pub reach: ObjectHash,
    pub previous: Option<ManifestName>,
    pub rejoined: Option<ManifestName>,
    /// What the DRC had signed when the agent last asked: a note, as it came.
    pub head: Option<String>,
}

impl Facts {
    fn to_text(&self, kind: &str) -> Text {
        Text {
            kind: kind.into(),
            vault: self.vault.to_string(),
            dataset: self.dataset.to_string(),
            sequence: self.sequence,
            captured: self.captured.clone(),
            finished: String::new(),
            partial: self.partial,
            rebuilt: false,
            program: self.program.clone(),
            host: self.host.clone(),
            description: self.description.to_string(),
            chunker: self.chunker,
            tree: self.tree,
            counts: self.counts,
            changes: None,
            reach: None,
            previous: None,
            rejoined: None,
            head: None,
        }
    }

    fn from_text(text: &Text) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new(WHAT, why);
        if text.sequence == 0 || text.sequence > 9_999_999_999 {
            return Err(bad("its sequence is not one".to_owned()));
        }
        if text.tree.is_some_and(|tree| tree.level > MAX_LEVEL) {
            return Err(bad("its tree has more than twelve levels".to_owned()));
        }
        Ok(Self {
            vault: text.vault.parse().map_err(|e| bad(format!("{e}")))?,
            dataset: text.dataset.parse()?,
            sequence: text.sequence,
            captured: text.captured.clone(),
            partial: text.partial,
            program: text.program.clone(),
            host: text.host.clone(),
            description: text.description.parse()?,
            chunker: text.chunker.check()?,
            tree: text.tree,
            counts: text.counts,
        })
    }

    /// The note that a snapshot's last pack ends with.
    pub fn sign(&self, agent: &SigningKey) -> String {
        sign(&self.to_text(FACTS_TYPE), agent)
    }

    pub fn open(note: &[u8], description: &Description) -> Result<Self, Malformed> {
        let unverified = Unverified::parse(note)?;
        let (text, _) = unverified
            .verify(&[&description.agent])
            .ok_or_else(|| Malformed::new("facts", "the agent's signature is not valid"))?;
        Self::from_text(&parse(text, FACTS_TYPE)?)
    }
}

fn sign(text: &Text, key: &SigningKey) -> String {
    let json = serde_json::to_string_pretty(text).expect("text and numbers are JSON");
    key.sign(&(json + "\n"))
}

fn parse(text: &str, kind: &str) -> Result<Text, Malformed> {
    let text: Text = serde_json::from_str(text).map_err(|error| Malformed::new(WHAT, error.to_string()))?;
    if text.kind == kind {
        Ok(text)
    } else {
        Err(Malformed::new(WHAT, format!("its type is {:?}, not {kind:?}", text.kind)))
    }
}

impl Manifest {
    pub fn sign(&self, key: &SigningKey) -> String {
        let text = Text {
            finished: self.finished.clone(),
            rebuilt: self.rebuilt,
            changes: Some(self.changes),
            reach: Some(self.reach.to_string()),
            previous: self.previous.map(|name| name.to_string()),
            rejoined: self.rejoined.map(|name| name.to_string()),
            head: self.head.clone(),
            ..self.facts.to_text(TYPE)
        };
        sign(&text, key)
    }

    /// Reads a manifest and believes it if the agent of `description` signed it, or, after a
    /// rebuild, the owner.
    pub fn open(note: &[u8], description: &Description) -> Result<Self, Malformed> {
        let unverified = Unverified::parse(note)?;
        let bad = || Malformed::new(WHAT, "its signature is not valid");
        let keys = [&description.agent, &description.owner];
        let (text, key) = unverified.verify(&keys).ok_or_else(bad)?;
        let manifest = Self::parse(text)?;
        if key != &description.agent && !manifest.rebuilt {
            return Err(bad());
        }
        Ok(manifest)
    }

    /// What a manifest says that nobody has vouched for: for finding the description that names
    /// the key, and for listings marked as not verified.
    pub fn claimed(note: &[u8]) -> Result<Self, Malformed> {
        Self::parse(Unverified::parse(note)?.claimed_text())
    }

    /// Reads a manifest's text. Apart from the signature, so that fuzzing gets past it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = parse(text, TYPE)?;
        let bad = |why: String| Malformed::new(WHAT, why);
        let reach = text.reach.as_deref().ok_or_else(|| bad("it has no reach".into()))?;
        Ok(Self {
            facts: Facts::from_text(&text)?,
            finished: text.finished,
            rebuilt: text.rebuilt,
            changes: text.changes.unwrap_or_default(),
            reach: reach.parse().map_err(|e| bad(format!("{e}")))?,
            previous: text.previous.as_deref().map(str::parse).transpose()?,
            rejoined: text.rejoined.as_deref().map(str::parse).transpose()?,
            head: text.head,
        })
    }
}
