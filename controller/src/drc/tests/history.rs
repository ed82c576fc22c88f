//! Two years of two sites by clocks that are moved by hand: silent servers, a cut line, drills of all kinds, an
//! independent test, people's words that end. Every figure of the continuity test report is the one of the story's own
//! record, and the same data stands in the JSON and in the CSV.

mod clauses;
mod expected;
mod record;
mod story;

use pulih_policies::Zone;
use pulih_report::Report;
use pulih_vault::utc;
use serde_json::Value;

use crate::pusat::tests::bench::{DAY, now};
use crate::report::continuity::data;
use crate::report::head::Asked;
use expected::Expected;
use record::Period;
use story::{Story, Years};

/// Midnight in the policy's zone is seven hours before that of UTC.
const ZONE: i64 = 7 * 3600;

#[test]
fn every_figure_of_weeks_is_that_of_the_storys_own_record() {
    let drills = "0 2 * * 1";
    tell(Story { days: 35, silent: (100, 3), cut: (200, 4), sealed: (600, 8), drills });
}

#[test]
#[ignore = "takes minutes: scripts/prove policy --part history"]
fn every_figure_of_two_years_is_that_of_the_storys_own_record() {
    let drills = "0 2 1 * *";
    tell(Story { days: 731, silent: (100, 3), cut: (200, 4), sealed: (600, 32), drills });
}

fn tell(story: Story) {
    let mut its = Years::new(story);
    its.tell();
    let logs = its.region.logs();
    let sources = its.region.sources(&logs);
    let period = Period { from: its.began + DAY - ZONE, to: its.end() - ZONE, now: now() };
    let asked = Asked { from: period.from, to: period.to, number: "400.12/7/2028", regulation: None };
    let made = data(&sources, &asked, Zone::Jakarta).unwrap();
    let mut found = serde_json::to_value(&made).unwrap();
    let clauses = found.as_object_mut().unwrap().remove("regulations").unwrap();
    let expected = Expected { its: &its, period, logs: &logs }.whole();
    let mut others = 0;
    for (name, value) in expected.as_object().unwrap().iter().filter(|(name, value)| found[*name] != **value) {
        others += 1;
        println!("{name}: the report has\n{}\nand the story\n{value}", found[name]);
    }
    assert_eq!(others, 0, "fields of the report are not the story's own");
    assert_eq!(found.as_object().unwrap().len(), expected.as_object().unwrap().len());
    clauses::check(&clauses, &logs);
    let sizes: Vec<String> = made.checkpoints.iter().map(|its| its.size.to_string()).collect();
    assert_eq!(data(&sources, &asked, Zone::Jakarta).unwrap(), made, "made twice");
    let report = Report::from(made);
    is_everywhere(&report);
    say(&its, &found);
    if let Some(folder) = std::env::var_os("PULIH_HISTORY_OUT") {
        give(&its, &report, period, &sizes.join(","), folder.as_ref());
    }
}

/// The JSON is this data and its type, and so is the CSV: nothing more and nothing less.
fn is_everywhere(made: &Report) {
    let mut value = serde_json::to_value(made).unwrap();
    value["type"] = "pulih/report/continuity/v1".into();
    let json: Value = serde_json::from_str(&made.to_json().unwrap()).unwrap();
    assert_eq!(json, value);
    let mut lines = Vec::new();
    flat(&value, &mut Vec::new(), &mut lines);
    let csv = made.to_csv().unwrap();
    let mut rows: Vec<String> = rows(&csv);
    assert_eq!(rows.remove(0), "part|row|field|value");
    lines.sort();
    rows.sort();
    assert_eq!(rows, lines);
}

/// Cells of each row, with a line between them: read as RFC 4180 says, by the test.
fn rows(csv: &str) -> Vec<String> {
    let (mut rows, mut row, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(its) = chars.next() {
        match its {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => row.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push('|'),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => rows.push(std::mem::take(&mut row)),
            other => row.push(other),
        }
    }
    rows
}

fn flat(value: &Value, path: &mut Vec<String>, out: &mut Vec<String>) {
    let mut below = |name: String, value: &Value| {
        path.push(name);
        flat(value, path, out);
        path.pop();
    };
    match value {
        Value::Object(its) => its.iter().for_each(|(name, value)| below(name.clone(), value)),
        Value::Array(its) => its.iter().enumerate().for_each(|(n, value)| below((n + 1).to_string(), value)),
        leaf => {
            let text = match leaf {
                Value::Null => String::new(),
                Value::String(its) => its.clone(),
                other => other.to_string(),
            };
            let is_row = path.get(1).is_some_and(|its| its.parse::<u32>().is_ok());
            let (row, from) = if is_row { (path[1].clone(), 2) } else { (String::new(), 1) };
            out.push(format!("{}|{row}|{}|{text}", path[0], path[from.min(path.len())..].join(".")));
        }
    }
}

fn say(its: &Years, found: &Value) {
    let outcomes = |outcome: &str| {
        let all = super::drills::ended(&its.region.two);
        all.iter().filter(|its| its.outcome == outcome).count()
    };
    // Of all that may become of a drill the years have what people and disks make of it.
    assert!(outcomes("passed") > 1 && outcomes("failed") == 1 && outcomes("missed") > 0);
    let rpo = found["rpo"].as_array().unwrap();
    println!(
        "history: {} days, {} entries, {} drills passed, {} failed, {} missed; {} RPO rows, {} breaches, worst {} s",
        its.story.days,
        found["checkpoints"].as_array().unwrap().iter().map(|its| its["size"].as_u64().unwrap()).sum::<u64>(),
        outcomes("passed"),
        outcomes("failed"),
        outcomes("missed"),
        rpo.len(),
        rpo.iter().map(|its| its["breaches"].as_u64().unwrap()).sum::<u64>(),
        rpo.iter().map(|its| its["worst_seconds"].as_u64().unwrap()).max().unwrap(),
    );
}

/// The DRC's folder and what was reckoned, for the program itself to make the report of.
fn give(its: &Years, made: &Report, period: Period, sizes: &str, folder: &std::path::Path) {
    its.region.give_drc_to(&folder.join("drc"));
    std::fs::write(folder.join("expected.json"), made.to_json().unwrap()).unwrap();
    std::fs::write(folder.join("expected.csv"), made.to_csv().unwrap()).unwrap();
    let day = |at: i64| utc::rfc3339(at + ZONE)[..10].to_owned();
    let asked = format!("{} {} {sizes}\n", day(period.from), day(period.to));
    std::fs::write(folder.join("asked"), asked).unwrap();
}
