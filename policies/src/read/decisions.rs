//! What a policy says of vague words.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::table::{Entry, Table};
use crate::decision::{Decision, DecisionProblem, Meaning, Word};

/// Half the way around the earth.
const MOST_KM: u32 = 20_000;
const MOST_TEXT: usize = 200;

pub(super) fn read(root: &Table) -> BTreeMap<Word, Decision> {
    let Some(table) = root.entry("decisions").and_then(|entry| entry.table()) else { return BTreeMap::new() };
    let read = |word: Word| {
        let of = table.entry(word.as_str())?.table()?;
        let means = match word {
            Word::Far => of.needed("km").and_then(|entry| entry.number(1, MOST_KM)).map(Meaning::Kilometres),
            _ => of.needed("within").and_then(|entry| entry.parse()).map(Meaning::Within),
        };
        let date = of.needed("date").and_then(|entry| date(&entry));
        let by = of.needed("by").and_then(|entry| text(&entry));
        let decree = of.needed("decree").and_then(|entry| text(&entry));
        of.finish();
        Some((word, Decision { means: means?, date: date?, by: by?, decree: decree? }))
    };
    let decisions = Word::ALL.into_iter().filter_map(read).collect();
    table.finish();
    decisions
}

fn date(entry: &Entry) -> Option<String> {
    let text = entry.text()?;
    // One way to write it, as the canonical form has it.
    let is_day = text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    if !is_day {
        entry.report(DecisionProblem::Date.into());
    }
    Some(text.to_owned())
}

fn text(entry: &Entry) -> Option<String> {
    let text = entry.text()?;
    if text.trim().is_empty() || text.len() > MOST_TEXT || text.contains(char::is_control) {
        entry.report(DecisionProblem::Text.into());
    }
    Some(text.to_owned())
}
