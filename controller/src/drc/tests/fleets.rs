//! The five packs on three fleets that are real sites: exemplary, as most are, and a national data centre as it was
//! before its night. What `comply` has of each, fact by fact and clause by clause, is what `crates/comply/tests/fleets`
//! has: those documents are made here (`PULIH_WRITE_FLEETS=1` writes them anew).

mod exemplary;
mod pdns2;
mod typical;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use pulih_comply::packs::PACKED;
use pulih_comply::{Limit, Verdict, judge};
use serde_json::Value;

use super::region::drills::host;
use super::region::people::Person;
use super::region::{At, Region};
use crate::comply::facts::Known;
use crate::evidence::read::Sources;
use crate::pusat::tests::bench::{DAY, now, wait};

/// What a fleet comes to: its document of facts, and the verdict of each clause of each pack.
pub struct Judged {
    document: Value,
    verdicts: Vec<(String, Verdict)>,
}

fn judged(sources: &Sources) -> Judged {
    let known = Known::of(sources, now()).unwrap();
    // Ids of drills are drawn.
    let mut text = known.facts.document().to_string();
    for (n, drill) in known.records.drc().into_iter().flat_map(|drc| drc.said.tried.drills()).enumerate() {
        text = text.replace(&format!("\"{}\"", drill.announced.drill), &format!("\"d-{}\"", n + 1));
    }
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut verdicts = Vec::new();
    for its in PACKED {
        let regulation = its.read().unwrap_or_else(|refused| panic!("{refused}"));
        let all = judge(&regulation, &known.facts, &known.statements, now(), Limit::default());
        verdicts.extend(all.iter().map(|judged| (format!("{},{}", its.name, judged.clause.id), judged.verdict)));
    }
    Judged { document, verdicts }
}

/// Where two documents are not the same.
fn differences(path: &str, found: &Value, known: &Value, out: &mut Vec<String>) {
    match (found, known) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            names.into_iter().for_each(|name| {
                differences(&format!("{path}.{name}"), &found[name], &known[name], out);
            });
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).enumerate().for_each(|(n, (one, other))| {
                differences(&format!("{path}[{n}]"), one, other, out);
            });
        }
        _ if found != known => out.push(format!("{path}: {found}, and the file has {known}")),
        _ => {}
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/comply/tests/fleets"))
}

#[test]
fn the_three_fleets_are_real_sites_and_every_verdict_is_that_of_the_table() {
    let fleets = [("exemplary", exemplary::fleet()), ("typical", typical::fleet()), ("pdns2", pdns2::fleet())];
    let mut table = String::from("regulation,clause,exemplary,typical,pdns2\n");
    for (n, (clause, _)) in fleets[0].1.verdicts.iter().enumerate() {
        let of: Vec<&str> = fleets.iter().map(|(_, its)| its.verdicts[n].1.code()).collect();
        assert!(fleets.iter().all(|(_, its)| its.verdicts[n].0 == *clause));
        let _ = writeln!(table, "{clause},{}", of.join(","));
    }
    let is_written = std::env::var_os("PULIH_WRITE_FLEETS").is_some();
    let file = |name: &str, text: &str| {
        let path = folder().join(name);
        if is_written {
            std::fs::write(&path, text).unwrap();
        }
        std::fs::read_to_string(path).unwrap()
    };
    let mut differ = Vec::new();
    for (name, its) in &fleets {
        let known =
            file(&format!("{name}.json"), &format!("{}\n", serde_json::to_string_pretty(&its.document).unwrap()));
        differences(name, &its.document, &serde_json::from_str(&known).unwrap(), &mut differ);
    }
    let known = file("verdicts.csv", &table);
    let lines = table.lines().zip(known.lines()).filter(|(found, known)| found != known);
    differ.extend(lines.map(|(found, known)| format!("{found}, and the table has {known}")));
    assert_eq!(table.lines().count(), known.lines().count());
    assert!(differ.is_empty(), "{differ:#?}");
    println!("fleets: 3 real sites, {} clauses each, every verdict as the table has it", table.lines().count() - 1);
}

/// A day of servers that save what they have, once, and of a line that lets it through.
fn day(region: &Region, saves: &[(&str, &str)], silent: &[&str], sequence: u64) {
    wait(DAY / 2 - now().rem_euclid(DAY / 2));
    for (server, dataset) in saves.iter().filter(|(server, _)| !silent.contains(server)) {
        let its = region.server(server);
        its.is_heard(&region.two.pusat);
        its.save(&region.two.pusat, dataset, sequence, 100 + sequence, 4096 * sequence);
    }
    wait(600);
    region.two.round().unwrap();
    region.two.pusat.pusat.listen().unwrap();
    region.two.drc.listen().unwrap();
}

/// Tries what may begin; the points that `fails` names do not pass.
fn drill(region: &Region, fails: &str) {
    while let Some(id) = region.two.drc.tend_drills(|| host(true)).unwrap() {
        region.work(&id, sizes, |_, point| (120, fails.is_empty() || !point.contains(fails)));
    }
}

/// Files and bytes of a point, as `day` saved it.
fn sizes(point: &str) -> (u64, u64) {
    let sequence: u64 = point.split('/').nth(2).unwrap()[..10].parse().unwrap();
    (100 + sequence, 4096 * sequence)
}

/// A report of that kind and time was issued now.
fn issue(region: &Region, by: &Person, kind: &str, from: i64, to: i64) {
    use pulih_ledger::entry::kinds::ReportIssued;
    use pulih_ledger::ids::Sha256;
    region.two.drc.checkpoint().unwrap();
    let (size, root) = {
        let record = super::lock(&region.two.drc.record);
        (record.log().checkpoint().size, record.log().checkpoint().root)
    };
    let issued = ReportIssued {
        report: kind.to_owned(),
        from: crate::record::time(from).unwrap(),
        to: crate::record::time(to).unwrap(),
        size,
        root,
        data_sha256: Sha256::of(kind.as_bytes()),
        pdf_sha256: Sha256::of(b"pdf"),
        language: "id".into(),
    };
    region.act(At::Drc, by, issued, None).unwrap();
}
