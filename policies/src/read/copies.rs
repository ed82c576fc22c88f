//! What a class says of keys and copies.

use super::table::Table;
use crate::copies::{Copies, MOST, Recovery};
use crate::problem::ProblemKind;

/// Half of what a vault may be encrypted to.
const MOST_KEYS: u32 = 16;

pub(super) fn read_recovery(table: &Table) -> Recovery {
    let Some(table) = table.entry("recovery").and_then(|entry| entry.table()) else { return Recovery::default() };
    let least = table.entry("least").and_then(|entry| entry.number(1, MOST_KEYS));
    table.finish();
    Recovery { least }
}

pub(super) fn read(table: &Table) -> Copies {
    let Some(table) = table.entry("copies").and_then(|entry| entry.table()) else { return Copies::default() };
    let said = table.entry("least");
    let least = said.as_ref().and_then(|entry| entry.number(2, MOST));
    let further = if least == Some(MOST) { table.needed("further") } else { table.entry("further") };
    // Of a number that is none, nothing is said of what goes with it.
    if let Some(entry) = further.as_ref().filter(|_| least != Some(MOST) && said.is_some() == least.is_some()) {
        entry.report(ProblemKind::CopiesFurther);
    }
    let further = further.and_then(|entry| entry.parse());
    table.finish();
    Copies { least, further }
}
