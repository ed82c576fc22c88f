//! What reports show. Plain data: every figure in it was reckoned before, from the ledger, and stands on the page as it
//! stands here. `docs/contracts/report.md` says what each field is.

mod bandwidth;
mod budget;
mod clauses;
mod clock;
mod continuity;
mod coverage;
mod evaluation;
mod head;
mod measured;
mod monthly;
mod people;
mod place;
mod test;

use serde::Serialize;

pub use bandwidth::{Band, Bandwidth, Traffic};
pub use budget::{Budget, Exposed, Gap, OfficeBudget};
pub use clauses::{Attested, Clause, ClauseKind, Counts, Regulation, Verdict, Warning};
pub use clock::{Clock, ClockKind};
pub use continuity::Continuity;
pub use coverage::{Act, Coverage, MonthCovered, OfficeCovered};
pub use evaluation::{AuditRow, ClassRpo, DrillCount, Evaluation, Incident, Month, PackCounts, Unmet};
pub use head::{AskedBy, Head};
pub use measured::{DatasetRto, Phases, Rpo, ServiceRto, Vital};
pub use monthly::{Monthly, Tonight};
pub use people::{Duty, Finding, Judgement, Minutes, Opinion, Person, Signatory, SiteKey, Source, Witness};
pub use place::{Basis, Checkpoint, Component, EntryRef, Here, Place, Role, Scope, Zone};
pub use test::{Auditor, Outcome, Step, Test, TestKind, What};

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
