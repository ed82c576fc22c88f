//! Which entries of a log a period has: up to a checkpoint, and back to the oldest drill that goes on in it, so that
//! each drill of which the bundle says anything is there from its announcement on.

use std::collections::BTreeMap;

use pulih_ledger::Log;
use pulih_ledger::edge::TILE_WIDTH;
use pulih_ledger::scan::scan;
use pulih_vault::utc;
use serde::Deserialize;

use super::{Period, WriteError};
use crate::verify::kind_of;

const WIDTH: u64 = TILE_WIDTH as u64;

/// Where a part of a log begins, and the checkpoint that it goes up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first entry of an entry bundle.
    pub from: u64,
    pub size: u64,
}

pub fn span(log: &Log, period: Period) -> Result<Span, WriteError> {
    let newest = log.checkpoint().size;
    if period == Period::default() {
        return Ok(Span { from: 0, size: newest });
    }
    let seen = Seen::of(log, newest, period)?;
    let size = match period.to {
        Some(_) => log.checkpoint_sizes()?.into_iter().find(|size| *size >= seen.end.max(1)).unwrap_or(newest),
        None => newest,
    };
    Ok(Span { from: seen.first_bundle(size) * WIDTH, size: size.min(newest) })
}

/// What one pass over the entries finds.
struct Seen {
    /// The first entry of the period.
    first: Option<u64>,
    /// After the last one before the period's end.
    end: u64,
    /// Entries about drills: which drill, and whether it is then over.
    drills: Vec<(u64, String, bool)>,
}

#[derive(Deserialize)]
struct About {
    drill: String,
}

impl Seen {
    fn of(log: &Log, size: u64, period: Period) -> Result<Self, WriteError> {
        let mut seen = Self { first: None, end: 0, drills: Vec::new() };
        for entry in log.entries(0).take(size as usize) {
            let entry = entry?;
            // An entry that is not as it should be is told of by a verifier.
            let Ok(found) = scan(&entry.bytes) else { continue };
            let Some(at) = found.at.and_then(utc::parse) else { continue };
            if seen.first.is_none() && period.from.is_none_or(|from| at >= from) {
                seen.first = Some(entry.index);
            }
            if period.to.is_none_or(|to| at < to) {
                seen.end = entry.index + 1;
            }
            let kind = found.kind.and_then(kind_of).unwrap_or_default();
            if kind.starts_with("drill-")
                && let Ok(its) = serde_json::from_slice::<About>(&entry.bytes)
            {
                seen.drills.push((entry.index, its.drill, kind == "drill-ended"));
            }
        }
        Ok(seen)
    }

    /// The bundle with which a log of this size has to begin.
    fn first_bundle(&self, size: u64) -> u64 {
        // First and last entry of each drill; the last one of an open drill is yet to come.
        let mut spans = BTreeMap::<&str, (u64, u64)>::new();
        for (index, drill, _) in self.drills.iter().filter(|(index, ..)| *index < size) {
            spans.entry(drill).or_insert((*index, u64::MAX));
        }
        for (index, drill, is_over) in self.drills.iter().filter(|(index, ..)| *index < size) {
            let Some((_, last)) = spans.get_mut(drill.as_str()) else { continue };
            // What comes after its end is of it too.
            if *is_over || *last != u64::MAX {
                *last = *index;
            }
        }
        // There is always one, so that the newest entry says how far time has come.
        let mut first = self.first.unwrap_or(size).min(size.saturating_sub(1)) / WIDTH;
        loop {
            let goes_on = spans.values().filter(|(_, last)| *last >= first * WIDTH).map(|(begun, _)| begun / WIDTH);
            match goes_on.min() {
                Some(begun) if begun < first => first = begun,
                _ => return first,
            }
        }
    }
}
