//! That a report says what its data says, all of it, in either language, and the same each time.

mod bandwidth;
mod budget;
mod clauses;
mod coverage;
mod crowded;
mod evaluation;
mod example;
mod file;
mod head;
mod hostile;
mod labels;
mod measured;
mod monthly;
mod others;
mod page;
mod pages;
mod parts;
mod placed;
mod said;
mod shapes;

use crate::data;
use crate::report::{Kind, Report};
use crate::utc::Utc;

fn report(data: &(impl Clone + Into<Report>)) -> Report {
    data.clone().into()
}
