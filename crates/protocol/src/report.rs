//! How things stand: what a site tells an agent, and what an agent tells its site.

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
    pub class: String,
    /// Those that have a recovery point, or are approved.
    pub datasets: Vec<DatasetView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetView {
    pub dataset: String,
    /// Its OPD's approval is on record and in force.
    pub approved: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<PointView>,
}

/// The newest recovery point of a dataset at this site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointView {
    /// `<sequence>-<hash>` of its manifest.
    pub snapshot: String,
    /// When the site accepted it, RFC 3339.
    pub accepted: String,
    pub captured: String,
    /// Since when the DRC has it, once the DRC has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_drc: Option<String>,
}

/// An agent's heartbeat, with what happened since the last one that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The agent's clock, RFC 3339.
    pub at: String,
    pub program: String,
    /// The policy that the agent follows, by its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    pub datasets: Vec<DatasetReport>,
    /// Runs that ended, oldest first. At most [`MAX_JOBS`].
    pub jobs: Vec<Job>,
    /// What a person should know, as `policy-refused`. At most [`MAX_JOBS`].
    pub alarms: Vec<AgentAlarm>,
}

pub const MAX_JOBS: usize = 256;
pub const MAX_DATASETS: usize = 256;
/// Of each text for people.
pub const MAX_TEXT_BYTES: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetReport {
    pub dataset: String,
    pub class: String,
    pub running: bool,
    /// When it runs next, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Since when a run is due that has not succeeded yet, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub dataset: String,
    pub began: String,
    pub ended: String,
    pub outcome: JobOutcome,
    /// Of the snapshot that was made: `<sequence>-<hash>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    pub read_bytes: u64,
    pub stored_bytes: u64,
    /// Files that could not be read.
    pub unread: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobOutcome {
    Done,
    /// Done, and some files could not be read.
    Unread,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentAlarm {
    /// A word, as `policy-refused`.
    pub alarm: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportTaken {
    /// The site's clock, RFC 3339.
    pub at: String,
    /// The hash of the policy in force: a new one is to be fetched.
    pub policy: String,
    /// The certificate should be renewed now.
    pub renew: bool,
}
