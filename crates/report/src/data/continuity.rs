//! What a continuity test report shows.

use serde::Serialize;

use super::{
    Basis, Both, Checkpoint, DatasetRto, EntryRef, Finding, Here, Judgement, Minutes, Person, Regulation, Rpo, Scope,
    ServiceRto, Signatory, Step, Test, Vital,
};
use crate::utc::Utc;

/// The data of a continuity test report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Continuity {
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
    pub basis: Vec<Basis>,
    pub scope: Scope,
    pub organisation: Vec<Person>,
    /// `None`: no test was ever announced.
    pub test: Option<Test>,
    /// Of that test, in order.
    pub steps: Vec<Step>,
    pub rpo: Vec<Rpo>,
    pub rto_services: Vec<ServiceRto>,
    pub rto_datasets: Vec<DatasetRto>,
    pub vital: Vec<Vital>,
    pub findings: Vec<Finding>,
    /// `None`: no auditor attested the test.
    pub judgement: Option<Judgement>,
    pub minutes: Minutes,
    pub regulations: Vec<Regulation>,
    pub entries: Vec<EntryRef>,
    /// What a reader must know of the figures, as that a clock was in doubt.
    pub remarks: Vec<Both>,
}
