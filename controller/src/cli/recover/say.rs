//! What `recover` says: what it would do, what is in the way, and what was done.

use std::time::Duration;

use pulih_terminal::{duration, printable, size};
use serde_json::{Value, json};

use super::Failure;
use crate::cli::show::{columns, field};
use crate::drc::recovery::order::{Item, Prepared};
use crate::recover::Preflight;

pub fn record_text(record: &Value) -> String {
    let mut out = format!(
        "Recovery {} {} {}, begun {}: {}\n\n",
        field(record, "recovery"),
        if record["server"].is_null() { "into" } else { "onto server" },
        field(record, "target"),
        field(record, "began"),
        field(record, "outcome")
    );
    out += &columns(
        record,
        "steps",
        &["step", "what", "dataset", "outcome", "began", "milliseconds", "files", "bytes", "text"],
        "No step has ended yet.\n",
    );
    out
}

pub fn in_the_way(problems: &[String]) -> Failure {
    let listed: Vec<String> = problems.iter().map(|its| format!("  - {}", printable(its))).collect();
    Failure::Said(format!(
        "nothing was written; {} in the way:\n{}",
        match problems.len() {
            1 => "this is".to_owned(),
            many => format!("these {many} things are"),
        },
        listed.join("\n")
    ))
}

/// `is_here`: onto this host, whose rate it is that was measured.
pub fn show_plan(prepared: &Prepared, found: &Preflight, is_here: bool, json: bool) {
    if json {
        let forecast = found.seconds;
        println!(
            "{}",
            json!({
                "type": "pulih/recovery-plan/v1", "recovery": prepared.recovery, "items": prepared.items,
                "bytes": found.bytes, "datasets": found.datasets, "forecast_seconds": forecast,
                "problems": found.problems,
            })
        );
        return;
    }
    for item in &prepared.items {
        match item {
            Item::Dataset(its) => {
                let done = if its.done { " (done)" } else { "" };
                println!("  {}: point of {}, class {}{done}", its.label(), its.captured, its.class);
            }
            Item::Manual(its) => {
                println!("  by hand: {} ({}){}", printable(&its.text), its.name, if its.done { " (done)" } else { "" });
            }
        }
    }
    let forecast = match found.seconds {
        Some(seconds) => {
            let whose =
                if is_here { "here" } else { "on this DRC itself; the server and the line to it may be slower" };
            format!("about {} at the rate that was measured {whose}", duration(Duration::from_secs(seconds)))
        }
        None => "how long that takes is not known: nothing was recovered here yet".to_owned(),
    };
    println!("{} datasets, {} to write; {forecast}.", found.datasets, size(found.bytes));
}
