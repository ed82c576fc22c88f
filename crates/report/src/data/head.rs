//! What each report but the first begins with: whose it is, of when, as of which entries, why it is written, and what
//! its figures come to in words.

use serde::Serialize;

use super::{Both, Checkpoint, Here, Signatory};
use crate::utc::Utc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Of a clock that is not the world's: every page says so.
    pub uji: bool,
    /// The letter's number; empty: a line to write it on.
    pub number: String,
    pub issued: Utc,
    /// The figures are of this period, `to` not included.
    pub from: Utc,
    pub to: Utc,
    pub site: Here,
    /// As of which entries: the site's own first.
    pub checkpoints: Vec<Checkpoint>,
    pub approval: Vec<Signatory>,
    pub basis: Vec<AskedBy>,
    /// What the figures show, in sentences.
    pub findings: Vec<Both>,
    /// What a reader must know of the figures.
    pub remarks: Vec<Both>,
}

/// A clause that asks for the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedBy {
    /// The regulation's title.
    pub regulation: Both,
    /// `Pasal 21 ayat (3)`.
    pub at: String,
    /// The regulation's own words; the English ones are a translation.
    pub words: Both,
    /// No law: how this report answers it; may be empty.
    pub reading: Both,
}
