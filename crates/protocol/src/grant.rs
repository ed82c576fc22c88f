//! Asking for content back. The OPD's walidata answers at the site.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    pub vault: String,
    pub dataset: String,
    /// `<sequence>-<hash>`; absent: any snapshot of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// For the walidata, and for the ledger.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// By which the walidata finds it.
    pub request: String,
}
