//! What a policy keeps of a dataset over a time, and what that takes in the store and on the line: so that a change is
//! seen before it is applied. Pure: what is there, and the time, go in.
//!
//! A model, and not what will be: each run is taken to come when it is due and to bring a sound point at once. How much a
//! dataset is and changes is an estimate from what was measured ([`Growth`]).

mod course;
mod growth;
mod line;
mod tried;

pub use course::{Calendar, Course, Held, Point};
pub use growth::Growth;
pub use line::{Line, Load};
pub use tried::Tried;

/// From when up to when, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub from: i64,
    pub to: i64,
}

pub(crate) const DAY: i64 = 24 * 3600;
