//! What kept recovery points from coming: a silence, a run that fails, a line, a site that was away.

use pulih_vault::layout::DatasetName;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, SiteId};
use crate::text;
use crate::time::Time;

/// Nothing is heard of an agent any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSilent {
    pub agent: AgentId,
    /// When it was heard last.
    pub since: Time,
}

/// It is heard again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentHeard {
    pub agent: AgentId,
    /// Of the silence that this ends.
    pub since: Time,
}

/// A server's clock is off, or off by another span than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentClock {
    pub agent: AgentId,
    /// Its clock less the site's.
    pub seconds: i64,
}

/// A dataset's runs are due, or were tried, and none has succeeded since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFailing {
    pub agent: AgentId,
    #[serde(with = "text")]
    pub dataset: DatasetName,
    pub since: Time,
    /// What the agent said of it, for people.
    pub text: String,
}

/// Nothing fresh is heard of another site any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkLost {
    pub peer: SiteId,
    pub since: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkBack {
    pub peer: SiteId,
    /// Of the loss that this ends.
    pub since: Time,
}

/// The site itself was not served from then until this entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteAway {
    pub since: Time,
}
