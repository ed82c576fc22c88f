//! What was measured of the line: per office and month, how much came and went at the site's gateway.

use serde::{Deserialize, Serialize};

use crate::ids::OpdId;
use crate::time::Time;

/// What agents of an office sent to the site and fetched from it in a month that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficMeasured {
    pub opd: OpdId,
    /// The month, of the policy's time zone.
    pub from: Time,
    pub until: Time,
    /// Bytes of bodies that came, also of those that were then refused.
    pub received: u64,
    /// Bytes of bodies that went.
    pub sent: u64,
    /// Received on each day of the month, at most 31.
    pub days: Vec<u64>,
    /// The hour in which most came; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest: Option<Time>,
    pub busiest_bytes: u64,
    /// For so long of the month the gateway was served and counted what passed: without it nobody could tell an hour
    /// without service from an hour without traffic.
    pub measured_seconds: u64,
}
