//! What a regulation asks, held against what the ledgers here say: the document of facts, and the matrix of verdicts.
//! `docs/contracts/facts.md`, `docs/contracts/regulation.md`.

mod copies;
pub mod coverage;
pub mod data;
pub mod facts;
mod held;
mod line;
pub mod matrix;
mod places;
mod practice;
pub mod records;

pub use places::own_regency;
