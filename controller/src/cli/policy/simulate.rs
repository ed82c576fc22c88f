//! `policy simulate`: what a policy file would keep, cost and break over a year, as people read it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pulih_policies::{Policy, Zone};
use pulih_terminal::{count, csv_cell, csv_text, duration, printable, size, wrapped};
use pulih_vault::utc;
use serde_json::Value;

use super::read;
use crate::catalog::Catalog;
use crate::cli::Failure;
use crate::cli::evidence::{Logs, logs, period, sources};
use crate::cli::show::{field, list, table};
use crate::policy::load;
use crate::simulate::{Asked, report};
use crate::site::{SiteDir, SiteRole};
use crate::uji;

const WIDTH: usize = 96;
/// Datasets of a break that are named; `--json` has all of them.
const NAMED: usize = 8;
/// Measured for less long, growth says little.
const DAY: u64 = 24 * 3600;
/// Five years: what comes later nobody decides by.
const MOST_DAYS: i64 = 1830;

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub struct Simulate {
    /// The policy that would take the place of the one in force
    file: PathBuf,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = 366, value_parser = clap::value_parser!(u32).range(1..=MOST_DAYS))]
    days: u32,
    /// From when on: a day, or a time (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// A line for each dataset
    #[arg(long)]
    csv: bool,
}

const HELP: &str = "\
Both policies are followed from the same moment on: when runs come, which points stay, how much that stores and sends,
what is drilled. Nothing is applied, and nothing is written. Bytes are estimates, by what was measured of each dataset;
docs/contracts/policy.md says how, and what is not known. The exit status says nothing of what breaks.

Examples:
  pulih-controller policy simulate kebijakan.toml
  pulih-controller policy simulate kebijakan.toml --days 92 --csv > simulasi.csv";

pub fn run(dir: &SiteDir, asked: &Simulate, json: bool) -> Result<(), Failure> {
    let site = dir.site()?;
    if site.role == SiteRole::Drc {
        return Err(Failure::Said("backups come to the Pusat Data, and are simulated there: ask it there".into()));
    }
    let (_, then) = read(&asked.file)?;
    let Logs { store, own, peer } = logs(dir, &site)?;
    let catalog = Catalog::open(&dir.path("catalog.sqlite"))?;
    let in_force = load(&*store, &site, &catalog)?;
    let at = asked.at.as_deref().map(|at| moment(at, in_force.policy.zone)).transpose()?.unwrap_or_else(uji::now);
    let sources = sources(&site, &*store, &own, peer.as_ref())?;
    let found = report(&catalog, &sources, &Asked { now: &in_force.policy, then: &then, at, days: asked.days })?;
    if json {
        println!("{found}");
    } else if asked.csv {
        print!("{}", csv(&found));
    } else {
        print!("{}", text(&found, &then));
    }
    Ok(())
}

/// A time, or the first moment of a day.
fn moment(text: &str, zone: Zone) -> Result<i64, Failure> {
    if !text.contains('T') {
        return period::day(text, zone);
    }
    let none =
        || Failure::Said(format!("{text:?} is no time: write it as 2027-01-01T03:10:00Z, or a day as 2027-01-01"));
    utc::parse(text).ok_or_else(none)
}

fn number(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".into(), count)
}

fn bytes(value: &Value) -> String {
    value.as_u64().map_or_else(|| "not known".into(), |bytes| format!("~{}", size(bytes)))
}

fn span(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".into(), |seconds| duration(Duration::from_secs(seconds)))
}

fn time(value: &Value, zone: Zone) -> String {
    value.as_str().and_then(utc::parse).map_or_else(|| "-".into(), |at| zone.print(at))
}

fn text(found: &Value, then: &Policy) -> String {
    let mut out = String::new();
    let zone = then.zone;
    let named = |side: &str| format!("{} version {}", field(&found[side], "policy"), found[side]["version"]);
    let _ = writeln!(
        out,
        "{} -> {}, for {} days from {} on. Nothing is applied.\n{} fields differ, {} of them weaken protection (`policy diff` \
         shows them).",
        named("now"),
        named("then"),
        found["days"],
        time(&found["at"], zone),
        found["changes"],
        found["weakens"]
    );
    for its in list(found, "classes") {
        let datasets = its["datasets"].as_u64().unwrap_or(0);
        if datasets == 0 && !list(found, "datasets").is_empty() {
            continue;
        }
        out += &of_class(its, datasets, zone);
    }
    out += &of_offices(found, zone);
    out + &breaks(found) + &unknown(found)
}

/// Which lines a class has: how each is called, and how it is shown.
fn of_class(its: &Value, datasets: u64, zone: Zone) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, show: &dyn Fn(&Value) -> String| {
        rows.push(vec![name.to_owned(), show(&its["now"]), show(&its["then"])]);
    };
    row("backups", &|side| number(&side["runs"]));
    row("longest between two, jitter counted", &|side| span(&side["longest_wait_seconds"]));
    row("target (rpo_pusat)", &|side| span(&side["rpo_seconds"]));
    row("points in the end", &|side| number(&side["points"]));
    for (tier, name) in [
        ("hour", "  of an hour"),
        ("day", "  of a day"),
        ("week", "  of a week"),
        ("month", "  of a month"),
        ("year", "  of a year"),
        ("newest", "  the newest"),
    ] {
        row(name, &|side| number(&side["by_tier"][tier]));
    }
    row("  of them here already", &|side| number(&side["old_points"]));
    row("oldest point", &|side| time(&side["oldest"], zone));
    for (age, name) in [
        ("day", "longest without a point: last day"),
        ("week", "  last week"),
        ("month", "  last month"),
        ("year", "  last year"),
    ] {
        row(name, &|side| span(&side["apart_seconds"][age]));
    }
    if datasets > 0 {
        row("stored in the end", &|side| bytes(&side["stored_bytes"]));
        row("received", &|side| bytes(&side["received_bytes"]));
    }
    row("drills: verify, restore, application", &|side| {
        let drills = &side["drills"];
        ["verify", "restore", "application"].map(|kind| number(&drills[kind])).join(", ")
    });
    row("datasets that drills restore", &|side| number(&side["drills"]["restores"]));
    row("each dataset restored once in", &|side| span(&side["drills"]["cycle_seconds"]));
    let whose = match datasets {
        0 => "no dataset yet: one of it".to_owned(),
        1 => "1 dataset".to_owned(),
        many => format!("{} datasets, together", count(many)),
    };
    format!("\nClass {}: {whose}\n{}", field(its, "class"), table(&["", "NOW", "THEN"], rows.into_iter(), ""))
}

fn of_offices(found: &Value, zone: Zone) -> String {
    let rows = list(found, "offices").iter().map(|its| {
        let line = |side: &str| bytes(&its[side]["line"]["busiest_bytes"]);
        vec![
            field(its, "opd"),
            its["stored_bytes"].as_u64().map_or_else(|| "-".into(), size),
            bytes(&its["now"]["stored_bytes"]),
            bytes(&its["then"]["stored_bytes"]),
            its["then"]["quota_bytes"].as_u64().map_or_else(|| "-".into(), size),
            time(&its["then"]["passed"], zone),
            format!("{} -> {}", line("now"), line("then")),
        ]
    });
    let heads = ["OPD", "STORED TODAY", "END: NOW", "END: THEN", "QUOTA", "PASSED ON", "MOST IN AN HOUR"];
    let shown = table(&heads, rows, "");
    if shown.is_empty() { shown } else { format!("\n{shown}") }
}

fn breaks(found: &Value) -> String {
    let all = list(found, "breaks");
    if all.is_empty() {
        return "\nBreaks: nothing that is known here.\n".into();
    }
    let mut out = String::from("\nBreaks\n");
    for its in all {
        let datasets = list(its, "datasets");
        let mut whose: Vec<String> = ["opd", "class", "regulation", "clause"]
            .into_iter()
            .filter_map(|name| its[name].as_str().map(printable))
            .collect();
        whose.extend(datasets.iter().take(NAMED).filter_map(|its| its.as_str().map(printable)));
        if datasets.len() > NAMED {
            whose.push(format!("and {} more", datasets.len() - NAMED));
        }
        let already = if its["already"] == true { " (so it is now, too)" } else { "" };
        let whose = if whose.is_empty() { "the site".to_owned() } else { whose.join(", ") };
        let said = format!("{}: {whose}: {}{already}", field(its, "kind"), field(its, "text"));
        let _ = writeln!(out, "  {}", wrapped(&said, WIDTH - 2).replace('\n', "\n    "));
        let _ = writeln!(out, "    = {}", wrapped(&field(its, "remedy"), WIDTH - 6).replace('\n', "\n      "));
    }
    out
}

/// What the figures do not have in them.
fn unknown(found: &Value) -> String {
    let all = list(found, "datasets");
    let without = all.iter().filter(|its| its["daily_bytes"].is_null()).count();
    let unsaved = all.iter().filter(|its| its["saved"] == false).count();
    let is_short = |its: &&Value| its["measured_seconds"].as_u64().is_some_and(|seconds| seconds < DAY);
    let short = all.iter().filter(is_short).count();
    let mut out = String::new();
    if short > 0 {
        let _ = writeln!(
            out,
            "\n{short} of {} datasets were measured over less than a day: how fast they change is hardly known.",
            all.len()
        );
    }
    if without > 0 {
        let _ = writeln!(
            out,
            "\n{without} of {} datasets have no figure in bytes: fewer than two points came one after the other.",
            all.len()
        );
    }
    if unsaved > 0 {
        let _ = writeln!(
            out,
            "\n{unsaved} of {} datasets are not approved, or their server is revoked: nothing comes of them.",
            all.len()
        );
    }
    out + "\nFigures with ~ are estimates: each dataset goes on to change as it was measured to.\n"
}

fn csv(found: &Value) -> String {
    const FIGURES: [&str; 8] = [
        "runs",
        "longest_wait_seconds",
        "points",
        "old_points",
        "oldest",
        "stored_bytes",
        "received_bytes",
        "rpo_seconds",
    ];
    const TIERS: [&str; 6] = ["hour", "day", "week", "month", "year", "newest"];
    const AGES: [&str; 4] = ["day", "week", "month", "year"];
    let mut heads: Vec<String> = ["opd", "agent", "dataset", "class"].map(str::to_owned).to_vec();
    for side in ["now", "then"] {
        heads.extend(FIGURES.iter().map(|name| format!("{side}_{name}")));
        heads.extend(TIERS.iter().map(|tier| format!("{side}_tier_{tier}")));
        heads.extend(AGES.iter().map(|age| format!("{side}_apart_{age}_seconds")));
    }
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => csv_cell(&csv_text(text)),
        other => other.to_string(),
    };
    // A new site has no dataset, and its classes stand for themselves.
    let (of_datasets, of_classes) = (list(found, "datasets"), list(found, "classes"));
    let rows = if of_datasets.is_empty() { of_classes } else { of_datasets };
    let mut out = heads.join(",") + "\r\n";
    for its in rows {
        let mut cells: Vec<String> = ["opd", "agent", "dataset", "class"]
            .iter()
            .map(|name| if its[*name].is_string() { cell(&its[*name]) } else { String::new() })
            .collect();
        for side in ["now", "then"].map(|side| &its[side]) {
            cells.extend(FIGURES.iter().map(|name| cell(&side[*name])));
            cells.extend(TIERS.iter().map(|tier| cell(&side["by_tier"][*tier])));
            cells.extend(AGES.iter().map(|age| cell(&side["apart_seconds"][*age])));
        }
        out += &cells.join(",");
        out += "\r\n";
    }
    out
}
