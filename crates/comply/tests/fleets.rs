//! The five packs on three prepared fleets, every verdict asserted, clause by clause; and each automatic clause shown
//! failing by one fact of those that it is about, and by no other. The documents are those of real sites: the controller's
//! test `fleets` makes them, and holds the same table against the sites themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pulih_comply::packs::PACKED;
use pulih_comply::{Expression, Facts, Limit, Opinion, Statement, Statements, Verdict, judge, paths};
use pulih_policies::{ClauseKind, Regulation};
use serde_json::{Value, json};

/// Nothing is stated of these two, all that is asked of the first.
const FLEETS: [&str; 3] = ["exemplary", "typical", "pdns2"];
const NOW: i64 = 1_798_761_600;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleets")
}

fn fleet(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// All that a pack needs stated, of a fleet where people did their part.
fn statements(regulation: &Regulation, fleet: &str) -> Statements {
    let needed = |clause: &pulih_policies::Clause| {
        clause.attest.iter().filter(|item| item.is_needed).cloned().collect::<Vec<_>>()
    };
    let all = regulation.clauses.iter().flat_map(|clause| needed(clause).into_iter().map(move |item| (clause, item)));
    let stated = all.enumerate().map(|(number, (clause, item))| Statement {
        attestation: format!("p-{number}"),
        regulation: regulation.name.to_string(),
        clause: clause.id.to_string(),
        item: item.item.to_string(),
        opinion: Opinion::Met,
        by: "Siti, Diskominfo".into(),
        letter: "800/1".into(),
        document_sha256: "00".repeat(32),
        given: NOW - 1000,
        until: NOW + 400 * 24 * 3600,
        entry: format!("pusat-33.19/{}", 100 + number),
    });
    Statements(if fleet == "exemplary" { stated.collect() } else { Vec::new() })
}

fn verdicts(regulation: &Regulation, facts: &Facts, statements: &Statements) -> BTreeMap<String, Verdict> {
    let judged = judge(regulation, facts, statements, NOW, Limit::default());
    judged.into_iter().map(|its| (its.clause.id.to_string(), its.verdict)).collect()
}

#[test]
fn every_verdict_of_five_packs_on_three_fleets() {
    let mut found = String::from("regulation,clause,exemplary,typical,pdns2\n");
    for its in PACKED {
        let regulation = its.read().unwrap_or_else(|refused| panic!("{refused}"));
        let columns =
            FLEETS.map(|name| verdicts(&regulation, &Facts::new(fleet(name)).unwrap(), &statements(&regulation, name)));
        for clause in &regulation.clauses {
            let of = columns.each_ref().map(|column| column[clause.id.as_str()].code());
            let _ = writeln!(found, "{},{},{}", its.name, clause.id, of.join(","));
        }
    }
    let path = folder().join("verdicts.csv");
    if std::env::var_os("PULIH_WRITE_VERDICTS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap();
    let differ: Vec<_> = found.lines().zip(known.lines()).filter(|(a, b)| a != b).collect();
    assert!(differ.is_empty() && found.lines().count() == known.lines().count(), "{differ:#?}");
}

/// Each place of a document at which a fact of the schema stands, and what else could stand there.
fn changes(at: &Value, before: &str, pointer: &str, found: &mut Vec<(String, String, Value)>) {
    match at {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !["entries", "type"].contains(&name.as_str())) {
                changes(value, &format!("{before}{name}"), &format!("{pointer}/{name}"), found);
                if let Value::Object(_) = value {
                    changes(value, &format!("{before}{name}."), &format!("{pointer}/{name}"), found);
                }
            }
        }
        Value::Array(list) => {
            found.push((format!("{before}[]"), pointer.to_owned(), json!([])));
            for (index, one) in list.iter().enumerate() {
                changes(one, &format!("{before}[]."), &format!("{pointer}/{index}"), found);
            }
        }
        Value::Bool(its) => found.push((before.to_owned(), pointer.to_owned(), json!(!its))),
        Value::Number(_) => {
            for other in [-1_000_000, 0, 1_000_000] {
                found.push((before.to_owned(), pointer.to_owned(), json!(other)));
            }
        }
        Value::String(_) => found.push((before.to_owned(), pointer.to_owned(), json!("lain"))),
        Value::Null => {}
    }
}

#[test]
fn each_automatic_clause_fails_by_one_of_its_own_facts_and_by_no_other() {
    let known: BTreeSet<String> = paths().into_iter().map(|(path, _)| path).collect();
    let document = fleet("exemplary");
    let mut all = Vec::new();
    changes(&document, "", "", &mut all);
    all.retain(|(path, ..)| known.contains(path) || path.ends_with("[]"));
    let mut count = 0;
    for packed in PACKED {
        let regulation = packed.read().unwrap();
        let stated = statements(&regulation, "exemplary");
        let good = verdicts(&regulation, &Facts::new(document.clone()).unwrap(), &stated);
        let reads: BTreeMap<String, BTreeSet<String>> = regulation
            .clauses
            .iter()
            .map(|clause| {
                let expressions = clause.pass.iter().chain(clause.applies.as_ref().map(|its| &its.expression));
                let of = expressions
                    .flat_map(|text| Expression::parse(text).unwrap().reads().map(str::to_owned).collect::<Vec<_>>());
                (clause.id.to_string(), of.collect())
            })
            .collect();
        let mut failed: BTreeSet<String> = BTreeSet::new();
        for (path, pointer, value) in &all {
            let mut changed = document.clone();
            *changed.pointer_mut(pointer).unwrap() = value.clone();
            let after = verdicts(&regulation, &Facts::new(changed).unwrap(), &stated);
            for (clause, verdict) in &after {
                if *verdict == good[clause] {
                    continue;
                }
                // A list that is emptied takes what is in it away.
                let is_its =
                    reads[clause].iter().any(|its| its == path || (path.ends_with("[]") && its.starts_with(path)));
                assert!(is_its, "{clause} of {} changed by {path}, which it does not read", packed.name);
                if *verdict == Verdict::NotMet {
                    failed.insert(clause.clone());
                }
            }
        }
        for clause in regulation.clauses.iter().filter(|its| its.kind == ClauseKind::Automatic) {
            assert_eq!(good[clause.id.as_str()], Verdict::Met, "{} {}", packed.name, clause.id);
            assert!(failed.contains(clause.id.as_str()), "{} {} never fails", packed.name, clause.id);
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
    println!(
        "clauses: {count} automatic clauses of five packs, each failing by one of its own facts; {} changes tried",
        all.len()
    );
}
