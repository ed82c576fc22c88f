//! The monthly evaluation of the line between the sites, office by office.

use serde::Serialize;

use super::Head;
use crate::utc::Utc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bandwidth {
    pub head: Head,
    pub period_seconds: u64,
    /// The site's limits, by the hour of the day.
    pub bands: Vec<Band>,
    /// Of all offices together.
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// Received in the month before.
    pub before_bytes: Option<u64>,
    /// Received of all, on each day of the period in order.
    pub days: Vec<u64>,
    pub opds: Vec<Traffic>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Band {
    /// `07:00-17:00`.
    pub hours: String,
    pub bits_per_second: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Traffic {
    pub opd: String,
    /// Of the office; may be empty.
    pub name: String,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub before_bytes: Option<u64>,
    /// Of what all received.
    pub share_percent: Option<u64>,
    /// In the busiest hour.
    pub limit_bits_per_second: Option<u64>,
    /// When the hour began in which the most was received, and how much that was.
    pub busiest_at: Option<Utc>,
    pub busiest_bytes: u64,
    /// How much of the period was measured.
    pub measured_seconds: u64,
    /// Recovery points accepted.
    pub points: u64,
    /// Received on each day, as those of all.
    pub days: Vec<u64>,
}
