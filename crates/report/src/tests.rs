//! That a report says what its data says, all of it, in either language, and the same each time.

mod clauses;
mod crowded;
mod example;
mod file;
mod hostile;
mod labels;
mod measured;
mod pages;
mod parts;
mod placed;

use crate::data;
use crate::report::Report;
use crate::utc::Utc;

fn report(data: &(impl Clone + Into<Report>)) -> Report {
    data.clone().into()
}
