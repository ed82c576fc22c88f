//! What reports show, reckoned from what is signed: no report has a figure of its own.

pub mod budget;
mod clocks;
pub mod continuity;
pub mod coverage;
pub mod evaluation;
mod exposures;
pub mod head;
mod measured;
pub mod monthly;
mod people;
mod regulations;
mod risks;
mod said;
mod test;
pub mod traffic;
