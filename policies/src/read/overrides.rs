//! What a class, an OPD or a dataset says: the same fields everywhere, needed in a class only.

use std::str::FromStr;

use super::table::{Entry, Table};
use super::{MAX_LIST, MAX_RANGES};
use crate::copies::{Copies, Recovery};
use crate::drills::Drills;
use crate::keep::KeepRules;
use crate::policy::{Overrides, Rules, Targets};
use crate::problem::ProblemKind;
use crate::quantity::Span;
use crate::window::Windows;

const MAX_SCHEDULES: usize = 16;
const MAX_NEWEST: u32 = 1_000;
const DEFAULT_NEWEST: u32 = 3;
const DEFAULT_JITTER: Span = Span::from_minutes(10);

pub(super) fn read(table: &Table, needed: bool) -> Overrides {
    let get = |table: &Table<'_>, key: &'static str, needed: bool| -> Option<Span> {
        let entry = if needed { table.needed(key) } else { table.entry(key) };
        entry?.parse()
    };
    let mut over = Overrides::default();
    let below = |key| if needed { table.needed(key) } else { table.entry(key) };
    if let Some(targets) = below("targets").and_then(|entry| entry.table()) {
        over.rpo_pusat = get(&targets, "rpo_pusat", needed);
        over.rpo_drc = get(&targets, "rpo_drc", needed);
        over.rto = get(&targets, "rto", needed);
        targets.finish();
    }
    if let Some(keep) = below("keep").and_then(|entry| entry.table()) {
        over.newest = keep.entry("newest").and_then(|entry| entry.number(1, MAX_NEWEST));
        over.hourly = get(&keep, "hourly", false);
        over.daily = get(&keep, "daily", false);
        over.weekly = get(&keep, "weekly", false);
        over.monthly = get(&keep, "monthly", needed);
        over.yearly = get(&keep, "yearly", needed);
        keep.finish();
    }
    over.schedules = below("schedules").and_then(|entry| parse_list(&entry, 1, MAX_SCHEDULES));
    over.windows = table.entry("windows").and_then(|entry| parse_list(&entry, 0, MAX_RANGES)).map(Windows::new);
    over.jitter = get(table, "jitter", false);
    over.excludes = table.entry("excludes").and_then(|entry| parse_list(&entry, 0, MAX_LIST));
    over
}

/// All of a list, or none of it: half a list must not be judged as if it were what was meant.
fn parse_list<T: FromStr>(entry: &Entry, least: usize, most: usize) -> Option<Vec<T>>
where
    ProblemKind: From<T::Err>,
{
    // Each entry is read before the first mistake is weighed, so that all of them are told.
    let read: Vec<Option<T>> = entry.list(least, most)?.iter().map(Entry::parse).collect();
    read.into_iter().collect()
}

/// The rules of a class, with the defaults for what it may leave out. `None`: something is
/// missing, which was told.
pub(super) fn complete(over: Overrides) -> Option<Rules> {
    Some(Rules {
        targets: Targets { rpo_pusat: over.rpo_pusat?, rpo_drc: over.rpo_drc?, rto: over.rto? },
        keep: KeepRules {
            newest: over.newest.unwrap_or(DEFAULT_NEWEST),
            hourly: over.hourly,
            daily: over.daily,
            weekly: over.weekly,
            monthly: over.monthly?,
            yearly: over.yearly?,
        },
        schedules: over.schedules?,
        windows: over.windows.unwrap_or_default(),
        jitter: over.jitter.unwrap_or(DEFAULT_JITTER),
        excludes: over.excludes.unwrap_or_default(),
        drills: Drills::default(),
        recovery: Recovery::default(),
        copies: Copies::default(),
    })
}
