//! `evidence states`, as people read them: what is worst comes first, with what to do.

use std::fmt::Write as _;

use pulih_policies::Zone;
use pulih_terminal::printable;
use pulih_vault::utc;
use serde_json::Value;

use pulih_evidence::states::State;

use super::{Logs, logs, must_be_drc, period, sources};
use crate::cli::Failure;
use crate::cli::show::{field, list, table};
use crate::evidence::states::report;
use crate::site::SiteDir;
use crate::uji;

pub fn run(dir: &SiteDir, to: Option<&str>, only: Option<&str>, json: bool) -> Result<(), Failure> {
    let site = dir.site()?;
    must_be_drc(&site)?;
    let Logs { store, own, peer } = logs(dir, &site)?;
    let zone = period::zone(dir)?;
    // What was written in this second is known.
    let as_of = to.map(|to| period::day(to, zone)).transpose()?.unwrap_or(uji::now() + 1);
    let sources = sources(&site, &*store, &own, peer.as_ref())?;
    let is_asked = |agent: &str, dataset: &str| only.is_none_or(|only| only == format!("{agent}/{dataset}"));
    let found = report(&sources, as_of, is_asked)?;
    if json {
        println!("{found}");
    } else {
        print!("{}", text(&found, zone));
    }
    Ok(())
}

fn when(its: &Value, name: &str, zone: Zone) -> String {
    its[name].as_str().and_then(utc::parse).map_or_else(|| "-".into(), |at| zone.print(at))
}

fn rank(its: &Value) -> usize {
    State::ALL.iter().position(|state| its["state"] == state.as_str()).unwrap_or(State::ALL.len())
}

/// What to do about it.
fn to_do(its: &Value, order: &str) -> String {
    match its["state"].as_str() {
        Some("failed") => format!("drill show {}", field(its, "drill")),
        Some("verified") | None => "-".into(),
        Some(_) => format!("drill run {order}"),
    }
}

fn rows(its: &[Value], zone: Zone, name: impl Fn(&Value) -> (String, String)) -> Vec<Vec<String>> {
    let mut all: Vec<&Value> = its.iter().collect();
    all.sort_by_key(|its| rank(its));
    let row = |its: &&Value| {
        let (name, order) = name(its);
        let state = field(its, "state");
        let state = if rank(its) == 0 { state.to_uppercase() } else { state };
        let by = if its["drill"].is_null() {
            "-".into()
        } else {
            format!("{} ({})", field(its, "drill"), field(its, "kind"))
        };
        vec![state, name, when(its, "tested", zone), by, when(its, "bytes_checked", zone), to_do(its, &order)]
    };
    all.iter().map(row).collect()
}

pub(super) fn text(found: &Value, zone: Zone) -> String {
    let counts: Vec<String> = State::ALL
        .iter()
        .filter_map(|state| Some(format!("{} {state}", found["counts"][state.as_str()].as_u64()?)))
        .collect();
    let counts = if counts.is_empty() { "nothing is kept here yet".into() } else { counts.join(", ") };
    let mut out = format!("States at {}, {}: {counts}\n\n", field(found, "site"), when(found, "at", zone));
    let of_dataset = |its: &Value| {
        let name = format!("{}/{}", field(its, "agent"), field(its, "dataset"));
        (name.clone(), format!("--kind restore {name}"))
    };
    let heads = |what| ["STATE", what, "TESTED", "BY", "BYTES CHECKED", "WHAT TO DO"];
    let datasets = rows(list(found, "datasets"), zone, of_dataset);
    out += &table(&heads("DATASET"), datasets.into_iter(), "No dataset counts here: none was approved or saved.\n");
    for (title, field_name, order) in
        [("RECIPE", "recipe", "--kind application"), ("PLAN", "plan", "--kind plan --plan")]
    {
        let of_name = |its: &Value| (field(its, field_name), format!("{order} {}", field(its, field_name)));
        let all = rows(list(found, &format!("{field_name}s")), zone, of_name);
        if !all.is_empty() {
            out += "\n";
            out += &table(&heads(title), all.into_iter(), "");
        }
    }
    out + &tests(found, zone)
}

fn tests(found: &Value, zone: Zone) -> String {
    let its = &found["qualifying"];
    let mut out = String::from("\n");
    if its.is_null() {
        out += "No qualifying test counts now: an auditor who operates none of it tests a plan, `drill run --kind plan --auditor USER`.\n";
    } else {
        let _ = writeln!(
            out,
            "Qualifying test {} by {} ({}): counts until {}, {} days left.",
            field(its, "drill"),
            field(its, "auditor"),
            field(its, "institution"),
            when(its, "until", zone),
            its["days_left"]
        );
    }
    let rows = list(found, "tests").iter().map(|its| {
        let why: Vec<String> =
            list(its, "wrong").iter().map(|why| printable(why.as_str().unwrap_or_default())).collect();
        let counts = if its["qualifies"] == true { "yes".into() } else { why.join("; ") };
        let fields = ["auditor", "institution", "outcome", "opinion"].map(|name| field(its, name));
        let mut row = vec![field(its, "drill"), when(its, "announced", zone)];
        row.extend(fields);
        row.push(counts);
        row
    });
    let heads = ["TEST", "ANNOUNCED", "AUDITOR", "INSTITUTION", "OUTCOME", "OPINION", "QUALIFIES"];
    let table = table(&heads, rows, "");
    if table.is_empty() { out } else { format!("{out}\n{table}") }
}
