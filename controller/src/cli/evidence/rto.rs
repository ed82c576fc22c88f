//! `evidence rto`: the figures, as people read them.

use std::fmt::Write as _;
use std::time::Duration;

use pulih_policies::Zone;
use pulih_terminal::duration;
use pulih_vault::utc;
use serde_json::Value;

use super::period::{self, Asked, First};
use super::{Logs, logs, must_be_drc, sources};
use crate::cli::Failure;
use crate::cli::show::{field, list, span, table};
use crate::evidence::read::Period;
use crate::evidence::rto::report;
use crate::site::SiteDir;

pub fn run(dir: &SiteDir, asked: &Asked, json: bool) -> Result<(), Failure> {
    let site = dir.site()?;
    must_be_drc(&site)?;
    let Logs { store, own, peer } = logs(dir, &site)?;
    let zone = period::zone(dir)?;
    let its = asked.period(zone, First::Entry)?;
    // What ended in this second counts.
    let its = if its.to == its.now { Period { to: i64::MAX, ..its } } else { its };
    let sources = sources(&site, &*store, &own, peer.as_ref())?;
    let found = report(&sources, its, |agent, dataset| asked.is_asked(agent, dataset))?;
    if json {
        println!("{found}");
    } else {
        print!("{}", text(&found, zone));
    }
    Ok(())
}

/// How long, in tenths of a second where it is short.
fn time(milliseconds: &Value) -> String {
    match milliseconds.as_u64() {
        None => "-".into(),
        Some(short) if short < 10_000 => format!("{}.{}s", short / 1000, short % 1000 / 100),
        Some(long) => duration(Duration::from_millis(long)),
    }
}

fn takes(its: &Value, milliseconds: &Value) -> String {
    if milliseconds.is_null() {
        return "never".into();
    }
    if its["forecast"] == true { format!("~{}", time(milliseconds)) } else { time(milliseconds) }
}

fn inside(its: &Value) -> String {
    match its["inside"].as_bool() {
        Some(true) => "yes".into(),
        Some(false) => "NO".into(),
        None => "-".into(),
    }
}

fn target(its: &Value) -> String {
    its["target_seconds"].as_u64().map_or_else(|| "-".into(), span)
}

fn when(value: &Value, zone: Zone) -> String {
    value.as_str().and_then(utc::parse).map_or_else(|| "-".into(), |at| zone.print(at))
}

pub(super) fn text(found: &Value, zone: Zone) -> String {
    let mut out = format!("RTO at {}: how long it took here until data was back\n\n", field(found, "site"));
    let rows = list(found, "datasets");
    out += &table(
        &[
            "DATASET", "CLASS", "TARGET", "TAKES", "INSIDE", "FETCH", "DECRYPT", "WRITE", "VERIFY", "CHECK", "TREND",
            "BY", "AT",
        ],
        rows.iter().map(|its| {
            let milliseconds = if its["forecast"] == true { &its["forecast_ms"] } else { &its["measured_ms"] };
            let trend = its["trend_percent"].as_i64().map_or_else(|| "-".into(), |percent| format!("{percent:+} %"));
            let mut row = vec![
                format!("{}/{}", field(its, "agent"), field(its, "dataset")),
                field(its, "class"),
                target(its),
                takes(its, milliseconds),
                inside(its),
            ];
            row.extend(["fetch", "decrypt", "write", "verify", "check"].map(|name| time(&its["phases"][name])));
            let last = &its["last"];
            let by =
                if last.is_null() { "-".into() } else { format!("{} ({})", field(last, "by"), field(last, "kind")) };
            row.extend([trend, by, when(&last["at"], zone)]);
            row
        }),
        "No dataset counts here: none was approved or saved.\n",
    );
    for plan in list(found, "plans") {
        out += &of_plan(plan, zone);
    }
    out + &to_do(found)
}

fn of_plan(plan: &Value, zone: Zone) -> String {
    let mut out = format!("\nPlan {} version {}: {}, ", field(plan, "plan"), plan["version"], field(plan, "title"));
    let _ = match plan["milliseconds"].is_null() {
        true => writeln!(out, "never brought back whole"),
        false if plan["forecast"] == true => writeln!(out, "{} (a forecast)", takes(plan, &plan["milliseconds"])),
        false => {
            writeln!(out, "{} (by {}, {})", time(&plan["milliseconds"]), field(plan, "by"), when(&plan["at"], zone))
        }
    };
    out += &table(
        &["SERVICE", "TITLE", "TARGET", "BACK AFTER", "INSIDE"],
        list(plan, "services").iter().map(|its| {
            vec![field(its, "service"), field(its, "title"), target(its), takes(its, &its["milliseconds"]), inside(its)]
        }),
        "",
    );
    out
}

/// What follows for whoever reads it.
fn to_do(found: &Value) -> String {
    let rows = list(found, "datasets");
    let mut out = String::new();
    let count = |is_so: &dyn Fn(&Value) -> bool| rows.iter().filter(|its| is_so(its)).count();
    let never = count(&|its| its["last"].is_null());
    if never > 0 {
        let _ = writeln!(out, "\n{never} never came back here: `drill run --kind restore AGENT/DATASET` tries it.");
    }
    let slow = count(&|its| its["inside"] == false);
    if slow > 0 {
        let _ = writeln!(out, "\n{slow} would come back too late: the longest phase says what to make faster.");
    }
    if count(&|its| its["forecast"] == true) > 0 {
        out += "\n~ is a forecast by a sample: a drill of all files measures it.\n";
    }
    for its in rows.iter().filter(|its| !its["server"].is_null()) {
        let (server, name) = (&its["server"], format!("{}/{}", field(its, "agent"), field(its, "dataset")));
        let _ = writeln!(
            out,
            "{name}: {} says that it took {} there.",
            field(server, "agent"),
            time(&server["milliseconds"])
        );
    }
    out
}
