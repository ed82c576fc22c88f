//! What a continuity test report shows. Plain data: every figure in it was reckoned before, from the ledger, and
//! stands on the page as it stands here. `docs/contracts/report.md` says what each field is.

mod clauses;
mod measured;
mod people;
mod place;
mod test;

use serde::Serialize;

pub use clauses::{Attested, Clause, ClauseKind, Counts, Regulation, Verdict, Warning};
pub use measured::{DatasetRto, Phases, Rpo, ServiceRto, Vital};
pub use people::{Duty, Finding, Judgement, Minutes, Opinion, Person, Signatory, SiteKey, Source, Witness};
pub use place::{Basis, Checkpoint, Component, EntryRef, Here, Place, Role, Scope, Zone};
pub use test::{Auditor, Outcome, Step, Test, TestKind, What};

use crate::utc::Utc;

/// The `type` of the data as JSON.
pub const CONTINUITY: &str = "pulih/report/continuity/v1";

/// A text in both languages. Without an English one the Indonesian one stands there too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Both {
    pub id: String,
    pub en: String,
}

impl Both {
    pub fn new(id: impl Into<String>, en: impl Into<String>) -> Self {
        Self { id: id.into(), en: en.into() }
    }
}

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
