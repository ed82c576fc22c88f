//! What a class says of drills.

use super::table::Table;
use crate::class::Class;
use crate::drills::{Drills, Wipe};
use crate::problem::ProblemKind;
use crate::quantity::Span;

/// Points of one drill stand in one entry of the ledger.
const MAX_DATASETS: u32 = 300;
const LEAST_WINDOW: Span = Span::from_minutes(60);
const MOST_WINDOW: Span = Span::from_minutes(7 * 24 * 60);

pub(super) fn read(table: &Table, class: Class) -> Drills {
    let Some(table) = table.entry("drills").and_then(|entry| entry.table()) else { return Drills::default() };
    let window = table.entry("window").and_then(|entry| {
        let window: Span = entry.parse()?;
        if !(LEAST_WINDOW..=MOST_WINDOW).contains(&window) {
            entry.report(ProblemKind::DrillWindow(window));
        }
        Some(window)
    });
    let wipe = table.entry("wipe").and_then(|entry| {
        let wipe: Wipe = entry.parse()?;
        if class == Class::Strategis && wipe != Wipe::Always {
            entry.report(ProblemKind::DrillWipe);
        }
        Some(wipe)
    });
    let drills = Drills {
        verify: table.entry("verify").and_then(|entry| entry.parse()),
        restore: table.entry("restore").and_then(|entry| entry.parse()),
        datasets: table.entry("datasets").and_then(|entry| entry.number(1, MAX_DATASETS)),
        window,
        wipe,
    };
    table.finish();
    drills
}
