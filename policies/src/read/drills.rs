//! What a class says of drills.

use std::collections::BTreeMap;

use super::table::Table;
use crate::class::Class;
use crate::drills::{Drills, PlanDrill, Wipe};
use crate::name::Name;
use crate::problem::ProblemKind;
use crate::quantity::Span;

/// Points of one drill stand in one entry of the ledger.
const MAX_DATASETS: u32 = 300;
const LEAST_WINDOW: Span = Span::from_minutes(60);
const MOST_WINDOW: Span = Span::from_minutes(7 * 24 * 60);

/// Plans that are drilled by schedule.
const MAX_PLANS: usize = 24;

/// `[plan-drills.NAME]`, each with the name of a plan.
pub(super) fn read_plans(root: &Table) -> BTreeMap<Name, PlanDrill> {
    let Some(table) = root.entry("plan-drills").and_then(|entry| entry.table()) else { return BTreeMap::new() };
    let named = table.named();
    if named.len() > MAX_PLANS {
        table.report(ProblemKind::Count { found: named.len(), least: 0, most: MAX_PLANS });
        return BTreeMap::new();
    }
    let read = |(name, table): (Name, Table)| {
        let schedule = table.needed("schedule").and_then(|entry| entry.parse());
        let window = window(&table);
        table.finish();
        Some((name, PlanDrill { schedule: schedule?, window }))
    };
    named.into_iter().filter_map(read).collect()
}

fn window(table: &Table) -> Option<Span> {
    let entry = table.entry("window")?;
    let window: Span = entry.parse()?;
    if !(LEAST_WINDOW..=MOST_WINDOW).contains(&window) {
        entry.report(ProblemKind::DrillWindow(window));
    }
    Some(window)
}

pub(super) fn read(table: &Table, class: Class) -> Drills {
    let Some(table) = table.entry("drills").and_then(|entry| entry.table()) else { return Drills::default() };
    let window = window(&table);
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
        application: table.entry("application").and_then(|entry| entry.parse()),
        datasets: table.entry("datasets").and_then(|entry| entry.number(1, MAX_DATASETS)),
        sample_percent: table.entry("sample_percent").and_then(|entry| entry.number(1, 100)),
        window,
        wipe,
        longest: table.entry("longest").and_then(|entry| entry.parse()),
    };
    table.finish();
    drills
}
