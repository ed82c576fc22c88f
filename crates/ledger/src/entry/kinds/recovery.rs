//! The night itself: plans, disasters, recoveries and their steps, keys that were opened; and
//! the way back.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::ids::{AgentId, DisasterId, OpdId, RecoveryId, Sha256, SiteId};
use crate::text;
use crate::time::Time;

/// A recovery plan is in force from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanApplied {
    pub plan: String,
    /// Counts from 1 for each plan.
    pub version: u64,
    /// BLAKE3 of the plan's text, which is an object of the site.
    #[serde(with = "text")]
    pub object: ObjectHash,
}

/// The clock of a disaster starts, and nothing expires until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisasterDeclared {
    pub disaster: DisasterId,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisasterEnded {
    pub disaster: DisasterId,
    pub reason: String,
}

/// One person did alone what takes several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlassBroken {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disaster: Option<DisasterId>,
    /// What was done alone, in the controller's words.
    pub what: String,
    pub reason: String,
}

/// A sealed identity of this site was opened for a while, by these people together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysOpened {
    pub class: String,
    pub people: Vec<String>,
    pub until: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryBegun {
    pub recovery: RecoveryId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disaster: Option<DisasterId>,
    /// Absent: single datasets are recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Where to: a folder of this host, or an agent's name.
    pub target: String,
    /// A point that is not the newest before suspicion was asked for, because of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The agent that brings them into place on its own server; absent: this site's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<AgentId>,
    /// Which points, `<vault>/<dataset>/<manifest>`, in the order in which they come back.
    pub points: Vec<String>,
}

/// How long the parts of a step took, by a clock that nobody sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Waiting for people.
    pub approve: u64,
    /// Waiting for the store: of all workers, divided by their number.
    pub fetch: u64,
    /// The keeper, and opening: the same. Absent: it is in `write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decrypt: Option<u64>,
    /// The rest of bringing it into place.
    pub write: u64,
    /// Reading it again from the target and holding it against the snapshot.
    pub verify: u64,
    /// The application. Absent: none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<u64>,
}

/// One step of a recovery, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryStep {
    pub recovery: RecoveryId,
    /// From 1.
    pub step: u64,
    /// What was done, in the controller's words, or the plan's where a person did it.
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub vault: Option<VaultId>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub dataset: Option<DatasetName>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub manifest: Option<ManifestName>,
    /// `done`, `failed` or `skipped`.
    pub outcome: String,
    pub began: Time,
    pub milliseconds: u64,
    pub files: u64,
    pub bytes: u64,
    /// For people: who ticked it, or what went wrong.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// The agent whose word all of this is, but for `began`; absent: this site saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<AgentId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryEnded {
    pub recovery: RecoveryId,
    /// `done`, `failed` or `aborted`.
    pub outcome: String,
    pub milliseconds: u64,
}

/// This site answers from here on for what the mirrored ledger of another says, up to there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteAdopted {
    pub from: SiteId,
    /// Entries of the mirror, and their root hash.
    pub size: u64,
    #[serde(with = "text")]
    pub root: Hash,
    /// Cards of the sites whose CAs issued what is adopted: SHA-256 of their files, which are objects of this site.
    pub cards: Vec<Sha256>,
    /// In which disaster; absent where a new site was filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disaster: Option<DisasterId>,
}

/// A server that another site enrolled is let in here too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentAdopted {
    pub agent: AgentId,
    pub opd: OpdId,
    pub from: SiteId,
    /// The certificates that the other site issued and that are still good.
    pub certificates: Vec<AdoptedCertificate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedCertificate {
    /// Of the certificate's DER.
    pub certificate_sha256: Sha256,
    pub not_after: Time,
}

/// Agents go on at a new Pusat Data: a person compared its card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PusatMoved {
    pub peer: SiteId,
    /// `https://host:port` of its gateway.
    pub url: String,
    /// Of the card's file.
    pub card_sha256: Sha256,
}
