//! What a site tells an agent of how things stand.

use serde::{Deserialize, Serialize};

/// What the site knows of the agent that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    pub agent: String,
    pub opd: String,
    pub site: String,
    /// The site's clock, RFC 3339.
    pub at: String,
    pub vaults: Vec<VaultView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultView {
    pub vault: String,
    pub datasets: Vec<DatasetView>,
}

/// The newest recovery point of a dataset at this site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetView {
    pub dataset: String,
    pub snapshot: String,
    /// When the site accepted it, RFC 3339.
    pub accepted: String,
    pub captured: String,
}
