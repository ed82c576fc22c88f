//! From a pack's file to a regulation, with everything that is wrong told at once.

use std::collections::BTreeSet;

use super::quoted::{plain, stands_in};
use super::{Against, Applies, Clause, ClauseKind, Item, Regulation, RegulationProblem, Words};
use crate::name::Name;
use crate::problem::{Refused, Schema};
use crate::read::{self, Entry, Table};

const TYPE: &str = "pulih/regulation/v1";
const MAX_CLAUSES: usize = 200;
const MAX_ITEMS: usize = 20;
const MAX_KINDS: usize = 50;
const MAX_TEXT_BYTES: usize = 4096;

impl Regulation {
    /// Reads a pack. `file` is its name as it should stand in errors.
    pub fn parse(file: &str, bytes: &[u8], against: &Against) -> Result<Self, Refused> {
        read::read(Schema::Regulation, file, bytes, |sink, root| regulation(&Table::root(sink, root), against))
    }
}

fn regulation(root: &Table, against: &Against) -> Option<Regulation> {
    let kind = root.needed("type")?;
    if kind.text()? != TYPE {
        kind.report(RegulationProblem::Type.into());
        return None;
    }
    let name = root.needed("name").and_then(|entry| entry.parse());
    let version = root.needed("version").and_then(|entry| entry.number(1, u32::MAX));
    let regency = root.needed("regency").and_then(|entry| entry.parse());
    let title = both(root, ("title", "title_en"));
    let text_sha256 = root.needed("text_sha256").and_then(|entry| hash(&entry, against));
    // Of another text no words are looked for.
    let text = against.text.filter(|(_, sha256)| text_sha256.as_deref() == Some(sha256)).map(|(text, _)| plain(text));
    let list = root.needed("clause").and_then(|entry| entry.list(1, MAX_CLAUSES)).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut clauses = Vec::new();
    for item in &list {
        let Some(table) = item.table() else { continue };
        let read = clause(&table, text.as_deref(), against, &mut seen);
        table.finish();
        clauses.extend(read);
    }
    root.finish();
    let (name, version, regency, title) = (name?, version?, regency?, title?);
    Some(Regulation { name, version, regency, title, text_sha256: text_sha256?, clauses })
}

fn hash(entry: &Entry, against: &Against) -> Option<String> {
    let text = entry.text()?;
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        entry.report(RegulationProblem::Hash.into());
        return None;
    }
    if let Some((_, sha256)) = against.text.filter(|(_, sha256)| *sha256 != text) {
        entry.report(RegulationProblem::TextHash(sha256.to_owned()).into());
    }
    Some(text.to_owned())
}

/// A text for people: in one line, however it was broken in the file.
fn text(entry: &Entry) -> Option<String> {
    let text = entry.text()?;
    let is_sound = |c: char| c == '\n' || !c.is_control();
    if text.trim().is_empty() || text.len() > MAX_TEXT_BYTES || !text.chars().all(is_sound) {
        entry.report(RegulationProblem::Text.into());
        return None;
    }
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A text in Indonesian and in English; both are needed.
fn both(table: &Table, (id, en): (&'static str, &'static str)) -> Option<Words> {
    let id = table.needed(id).and_then(|entry| text(&entry));
    let en = table.needed(en).and_then(|entry| text(&entry));
    Some(Words { id: id?, en: en? })
}

/// The same where it may be left out: one goes with the other.
fn both_or_none(table: &Table, (id, en): (&'static str, &'static str)) -> Option<Words> {
    let (first, second) = (table.entry(id), table.entry(en));
    if let (Some(only), None) = (&first, &second) {
        only.report(RegulationProblem::Beside(id, en).into());
    }
    if let (None, Some(only)) = (&first, &second) {
        only.report(RegulationProblem::Beside(en, id).into());
    }
    Some(Words { id: text(&first?)?, en: text(&second?)? })
}

fn expression(entry: &Entry, against: &Against) -> Option<String> {
    let text = entry.text()?;
    if let Err(why) = (against.expression)(text) {
        entry.report(RegulationProblem::Expression(why).into());
        return None;
    }
    Some(text.to_owned())
}

fn clause(table: &Table, its_text: Option<&str>, against: &Against, seen: &mut BTreeSet<Name>) -> Option<Clause> {
    let id: Option<Name> = table.needed("id").and_then(|entry| {
        let id: Name = entry.parse()?;
        if !seen.insert(id.clone()) {
            entry.report(RegulationProblem::Twice(id.to_string()).into());
        }
        Some(id)
    });
    let at = table.needed("at").and_then(|entry| text(&entry));
    let kind: Option<ClauseKind> = table.needed("kind").and_then(|entry| entry.parse());
    let words = both(table, ("words", "words_en"));
    if let (Some(words), Some(its_text), Some(entry)) = (&words, its_text, table.entry("words"))
        && !stands_in(&words.id, its_text)
    {
        entry.report(RegulationProblem::Words.into());
    }
    let reading = both_or_none(table, ("reading", "reading_en"));
    let applies = applies(table, against);
    let pass = table.entry("pass").and_then(|entry| expression(&entry, against));
    let attest = items(table);
    let entries = entry_kinds(table, against);
    let remedy = both_or_none(table, ("remedy", "remedy_en"));
    let kind = kind?;
    goes_together(table, kind);
    Some(Clause { id: id?, at: at?, kind, words: words?, reading, applies, pass, attest, entries, remedy })
}

/// What a kind needs, and what it does not have.
fn goes_together(table: &Table, kind: ClauseKind) {
    let is_informative = kind == ClauseKind::Informative;
    let must = |key: &'static str, needed: bool, allowed: bool, with: &'static str| match table.entry(key) {
        None if needed => table.report(RegulationProblem::Beside(key, with).into()),
        Some(entry) if !allowed => entry.report(RegulationProblem::Beside(key, with).into()),
        _ => {}
    };
    must("pass", kind.is_measured(), kind.is_measured(), "`automatic` and `both`");
    // An expression may ask for a statement that nobody has to make.
    must("attest", kind.is_stated(), !is_informative, "`manual` and `both`");
    must("remedy", !is_informative, !is_informative, "every kind but `informative`");
    must("applies", false, !is_informative, "every kind but `informative`");
    let measures = table.entry("pass").is_some() || table.entry("applies").is_some();
    must("reading", measures, true, "`pass` and `applies`");
}

fn applies(table: &Table, against: &Against) -> Option<Applies> {
    let otherwise = both_or_none(table, ("not_applicable", "not_applicable_en"));
    let Some(entry) = table.entry("applies") else {
        if let Some(entry) = table.entry("not_applicable") {
            entry.report(RegulationProblem::Beside("not_applicable", "`applies`").into());
        }
        return None;
    };
    if table.entry("not_applicable").is_none() {
        entry.report(RegulationProblem::Beside("applies", "`not_applicable`").into());
    }
    Some(Applies { expression: expression(&entry, against)?, otherwise: otherwise? })
}

fn items(table: &Table) -> Vec<Item> {
    let Some(list) = table.entry("attest").and_then(|entry| entry.list(1, MAX_ITEMS)) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let read = |entry: &Entry| {
        let its = entry.table()?;
        let item: Option<Name> = its.needed("item").and_then(|entry| entry.parse());
        let asks = both(&its, ("asks", "asks_en"));
        let is_needed = its.entry("needed").is_none_or(|entry| entry.boolean().unwrap_or(true));
        its.finish();
        let item = item?;
        if !seen.insert(item.clone()) {
            entry.report(RegulationProblem::Twice(item.to_string()).into());
        }
        Some(Item { item, asks: asks?, is_needed })
    };
    list.iter().filter_map(read).collect()
}

fn entry_kinds(table: &Table, against: &Against) -> Vec<String> {
    let list = table.entry("entries").and_then(|entry| entry.list(1, MAX_KINDS)).unwrap_or_default();
    let read = |entry: &Entry| {
        let kind = entry.text()?;
        if !(against.is_entry_kind)(kind) {
            entry.report(RegulationProblem::EntryKind.into());
        }
        Some(kind.to_owned())
    };
    list.iter().filter_map(read).collect()
}
