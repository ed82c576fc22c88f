//! Who: those who sign, those who are to act, the auditor's word, and the Berita Acara.

use serde::Serialize;

use crate::utc::Utc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    Prepared,
    Reviewed,
    Approved,
    Acknowledged,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signatory {
    pub duty: Duty,
    /// `Kepala Dinas Komunikasi dan Informatika`.
    pub position: String,
    /// Empty, as `nip`: a line to write it on.
    pub name: String,
    pub nip: String,
}

/// Of the plan's organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub name: String,
    pub role: String,
    pub contact: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The auditor's attestation.
    Auditor,
    /// A step of the test that failed.
    Test,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub source: Source,
    pub text: String,
    /// Empty: nobody answers for it yet.
    pub owner: String,
    pub until: Option<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opinion {
    Met,
    MetWithFindings,
    NotMet,
}

/// What the auditor attested, and whether the test qualifies by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    pub opinion: Opinion,
    pub attested: Utc,
    /// The document that the auditor signed; may be empty.
    pub document_sha256: String,
    pub qualifies: bool,
    /// Why it does not.
    pub wrong: Vec<String>,
    /// Until when it counts, and days to then, below 0 afterwards.
    pub until: Option<Utc>,
    pub days_left: Option<i64>,
}

/// The Berita Acara.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Minutes {
    /// Each may be empty: a line to write it on.
    pub number: String,
    pub place: String,
    pub keys: Vec<SiteKey>,
    pub witnesses: Vec<Witness>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteKey {
    pub site: String,
    /// Of its ledger key: `SHA256:…`.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witness {
    pub name: String,
    pub institution: String,
    pub fingerprint: String,
    /// Of the newest checkpoint that it co-signed, if it has.
    pub size: Option<u64>,
    pub seen: Option<Utc>,
}
