//! Where: the site that reports, both sites of the regency, what is in them, and as of when.

use serde::Serialize;

use super::Both;
use crate::utc::Utc;

/// Western, central and eastern Indonesian time: UTC+7, +8, +9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Zone {
    #[serde(rename = "WIB")]
    Wib,
    #[serde(rename = "WITA")]
    Wita,
    #[serde(rename = "WIT")]
    Wit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Pusat,
    Drc,
}

/// The site that issues the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Here {
    pub site: String,
    /// `Kabupaten Kudus`.
    pub regency: String,
    /// By Kemendagri.
    pub regency_code: String,
    /// The Dinas.
    pub office: String,
    pub zone: Zone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    pub site: String,
    pub size: u64,
    /// Base64, as in the checkpoint.
    pub root: String,
}

/// A regulation that asks for the test, and where it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basis {
    pub title: Both,
    pub clauses: Vec<String>,
    pub text_sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Scope {
    pub distance_km: Option<u64>,
    pub places: Vec<Place>,
    pub components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub role: Role,
    pub site: String,
    /// Where it stands. It may be empty, as each of these.
    pub regency: String,
    pub operator: String,
    pub provider: String,
}

/// Something of the Pusat Data or the DRC that the plan counts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component {
    pub role: Role,
    /// For people: a dataset, a server, a line.
    pub name: String,
    /// May be empty, as `class`.
    pub opd: String,
    pub class: String,
    pub bytes: Option<u64>,
}

/// An entry of a ledger that the report rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryRef {
    pub site: String,
    pub index: u64,
    pub kind: String,
    pub at: Utc,
    /// Of the entry's bytes.
    pub sha256: String,
}
