//! What a policy would keep, cost and break if it took the place of the one in force: worked out from what this site knows,
//! and nothing of it is applied or written. `docs/contracts/policy.md`, *Simulation*.

mod breaks;
mod clauses;
mod known;
mod offices;
mod outcome;
mod report;

pub use report::{Asked, report};
