//! Drills: what was announced before anybody knew how it would go, each step, and how it ended.
//! `docs/contracts/evidence.md`.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::VerifierKey;
use serde::{Deserialize, Serialize};

use crate::ids::{DrillId, Sha256, UserId};
use crate::text;
use crate::time::Time;

/// An application recipe is in force from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeApplied {
    pub recipe: String,
    /// Counts from 1 for each recipe.
    pub version: u64,
    /// BLAKE3 of the recipe's text, which is an object of the site.
    #[serde(with = "text")]
    pub object: ObjectHash,
}

/// A drill will be tried with these points: written before it starts, so that none can be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillAnnounced {
    pub drill: DrillId,
    /// `verify`, `restore`, `application` or `plan`.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// `<class>/<kind>` of a scheduled one; without it a person ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Counts from 1 for each schedule, without a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// When the policy's line came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// Which points, `<vault>/<dataset>/<manifest>`, in order; at most 300.
    pub points: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u64>,
    /// `<name>/<version>/<BLAKE3>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipes: Option<Vec<String>>,
    /// 1 to 99; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_percent: Option<u64>,
    /// What it may take on disk at most.
    pub scratch_bytes: u64,
    /// BLAKE3 of the policy that asked for it.
    #[serde(with = "text")]
    pub policy: ObjectHash,
    /// If it has not started by then, it has missed.
    pub until: Time,
    /// Who tests independently: then it is a qualifying test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auditor: Option<DrillAuditor>,
}

/// Whom an announcement names as the independent tester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillAuditor {
    pub user: UserId,
    pub name: String,
    pub institution: String,
    /// Number of the decree that sends the person.
    pub mandate: String,
    #[serde(with = "text")]
    pub key: VerifierKey,
    /// Who runs the site and whose house it stands in, as `site.toml` says: the institution is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// The auditor whom the announcement names lets it start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillOpened {
    pub drill: DrillId,
    /// SHA-256 of the bytes of its `drill-announced`.
    pub announcement: Sha256,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillStarted {
    pub drill: DrillId,
    /// Of the checkpoint over the announcement that another one co-signed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// That one's key, type 0x04.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosigner: Option<String>,
    /// Its signature line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosignature: Option<String>,
}

/// How long the parts of a step took, in milliseconds by a clock that nobody sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillPhases {
    /// Waiting for people.
    pub approve: u64,
    /// Waiting for the store: of all workers, divided by their number.
    pub fetch: u64,
    /// The keeper, and opening: the same.
    pub decrypt: u64,
    /// The rest of bringing it into place.
    pub write: u64,
    /// Reading it again.
    pub verify: u64,
    /// The application.
    pub check: u64,
}

/// One dataset, or one service's application, has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillStep {
    pub drill: DrillId,
    /// From 1, without a gap.
    pub step: u64,
    /// `verify`, `restore`, `application <recipe>`, `manual <name>`.
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub vault: Option<VaultId>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub dataset: Option<DatasetName>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub manifest: Option<ManifestName>,
    /// `passed`, `failed` or `skipped`.
    pub outcome: String,
    pub began: Time,
    pub milliseconds: u64,
    pub phases: DrillPhases,
    /// Tried.
    pub files: u64,
    pub bytes: u64,
    /// Of the point.
    pub total_files: u64,
    pub total_bytes: u64,
    /// For people; no path of a file.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillEnded {
    pub drill: DrillId,
    /// `passed`, `failed`, `aborted`, `skipped` or `missed`.
    pub outcome: String,
    /// From its start; 0 without one.
    pub milliseconds: u64,
    pub steps: u64,
    /// BLAKE3 of its raw log, which is an object of the site.
    #[serde(with = "text")]
    pub log: ObjectHash,
    /// What is still there after wiping.
    pub leftovers: u64,
    pub text: String,
}

/// An occurrence of a schedule that was not announced in its window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillMissed {
    pub schedule: String,
    pub kind: String,
    /// Absent: of a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    pub occurrence: u64,
    pub due: Time,
    pub reason: String,
    /// So many up to `occurrence`; absent: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// What the auditor says of a drill that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillAttested {
    pub drill: DrillId,
    /// SHA-256 of the bytes of its `drill-ended`.
    pub ended: Sha256,
    /// `met`, `met-with-findings` or `not-met`.
    pub opinion: String,
    /// At most 50.
    pub findings: Vec<DrillFinding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_sha256: Option<Sha256>,
}

/// What is to be mended, by whom, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillFinding {
    pub text: String,
    pub owner: String,
    pub until: Time,
}
