//! What the clauses of a regulation are held against beside backups and drills: the pack in force, what people state and
//! audit, how data are classed, where a site stands, and what was reported. `docs/contracts/regulation.md`.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::DatasetName;
use serde::{Deserialize, Serialize};

use super::drills::DrillFinding;
use crate::hash::Hash;
use crate::ids::{AttestationId, AuditId, HoldId, IncidentId, OpdId, Sha256};
use crate::text;
use crate::time::Time;

/// A regulation pack is in force from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegulationApplied {
    pub regulation: String,
    /// Counts from 1 for each regulation.
    pub version: u64,
    /// BLAKE3 of the pack's text, which is an object of the site.
    #[serde(with = "text")]
    pub object: ObjectHash,
    /// Of the regulation's own text, which the pack was written for.
    pub text_sha256: Sha256,
}

/// A person states what no figure shows, of an item of a clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationGiven {
    pub attestation: AttestationId,
    pub regulation: String,
    pub clause: String,
    pub item: String,
    /// `met`, `met-with-findings` or `not-met`.
    pub opinion: String,
    /// Who states it, for people: name and office.
    pub by: String,
    /// Number of the document.
    pub letter: String,
    pub document_sha256: Sha256,
    pub until: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationEnded {
    pub attestation: AttestationId,
    pub reason: String,
}

/// Somebody looked at the site, and said what is to be mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHeld {
    pub audit: AuditId,
    /// `data-centre`, `security` or `internal`.
    pub subject: String,
    /// The institution.
    pub by: String,
    /// `internal`, `government` or `accredited`.
    pub body: String,
    /// Number of its report.
    pub letter: String,
    pub document_sha256: Sha256,
    /// When, by the report.
    pub held: Time,
    /// At most 50, and may be none.
    pub findings: Vec<DrillFinding>,
    /// By what the institution may audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accreditation: Option<String>,
}

/// What kind of data a dataset holds, by whoever may say so. The newest word on each field counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetClassified {
    #[serde(with = "text")]
    pub vault: VaultId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    /// `strategis`, `non-publik` or `publik`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// `terbuka`, `terbatas` or `rahasia`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidentiality: Option<String>,
    /// `strategis`, `tinggi` or `rendah`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// `information`, `system` or `infrastructure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Who says so, for people: name and office.
    pub by: String,
    /// Number of the letter or decree.
    pub letter: String,
}

/// What there is at an office. The newest word counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpdDescribed {
    pub opd: OpdId,
    /// Whether it runs a data centre of its own.
    pub own_centre: bool,
    /// Who says so, for people: name and office.
    pub by: String,
    /// Number of the letter or decree.
    pub letter: String,
}

/// What `site.toml` says of the site from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteDescribed {
    pub name: String,
    /// Where it stands, by Kemendagri.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regency: Option<String>,
    /// Degrees as text, as canonical JSON has no fractions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<String>,
    /// Who runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Whether those are civil servants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_is_asn: Option<bool>,
    /// Whose house it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub certificates: Vec<SiteCertificate>,
}

/// What the house of a site is certified for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCertificate {
    pub name: String,
    pub number: String,
    /// The end of its last day, UTC.
    pub until: Time,
}

/// A report was made from this ledger, and is the one that has these hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportIssued {
    /// `continuity`, `bandwidth`, `coverage`, `evaluation`, `monthly` or `budget`.
    pub report: String,
    /// The time that it is about.
    pub from: Time,
    pub to: Time,
    /// Of the checkpoint that it was made as of.
    pub size: u64,
    #[serde(with = "text")]
    pub root: Hash,
    pub data_sha256: Sha256,
    pub pdf_sha256: Sha256,
    pub language: String,
}

/// A serious failure, which those who own the data were told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentReported {
    pub incident: IncidentId,
    /// The order by which what was there is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldId>,
    pub began: Time,
    /// When they were told.
    pub reported: Time,
    /// Number of the letter that told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<String>,
    pub text: String,
}
