//! What a regulation asks, held against facts. A pack's expressions are checked against the schema of facts when the
//! pack is read, and evaluated over one document of facts; a verdict says what it rests on. Pure: it knows no store,
//! no ledger's bytes and no clock but the one that bounds an expression.

mod check;
mod evaluate;
mod facts;
mod judge;
pub mod packs;
mod schema;
mod statements;

pub use check::{Expression, ExpressionError, MAX_EXPRESSION_BYTES};
pub use evaluate::{Limit, Outcome};
pub use facts::{Cited, Facts, FactsError};
pub use judge::{Judged, Verdict, Warning, judge};
pub use schema::paths;
pub use statements::{Opinion, Statement, Statements};
