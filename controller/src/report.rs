//! What reports show, reckoned from what is signed: no report has a figure of its own.

pub mod continuity;
mod measured;
mod people;
mod regulations;
mod test;
