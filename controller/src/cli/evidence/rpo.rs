//! `evidence rpo`: the figures, as people read them.

use std::fmt::Write as _;

use pulih_policies::Zone;
use pulih_vault::utc;
use serde_json::Value;

use super::period::{self, Asked, First};
use super::{Logs, logs, sources};
use crate::cli::Failure;
use crate::cli::show::{self, field, list, table};
use crate::evidence::rpo::report;
use crate::site::SiteDir;

pub fn run(dir: &SiteDir, asked: &Asked, json: bool) -> Result<(), Failure> {
    let site = dir.site()?;
    let Logs { store, own, peer } = logs(dir, &site)?;
    let zone = period::zone(dir)?;
    let its = asked.period(zone, First::OfMonth)?;
    let sources = sources(&site, &*store, &own, peer.as_ref())?;
    let found = report(&sources, its, |agent, dataset| asked.is_asked(agent, dataset))?;
    if json {
        println!("{found}");
    } else {
        print!("{}", text(&found, zone));
    }
    Ok(())
}

fn span(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".into(), show::span)
}

pub(super) fn text(found: &Value, zone: Zone) -> String {
    let at =
        |name: &str| utc::parse(found[name].as_str().unwrap_or_default()).map_or_else(String::new, |at| zone.print(at));
    let percent = |its: &Value| match its["inside_percent"].as_str() {
        Some(percent) => format!("{percent} %"),
        None => "-".into(),
    };
    let mut out = format!("RPO at {} from {} to {}\n\n", field(found, "site"), at("from"), at("to"));
    let rows = list(found, "datasets");
    out += &table(
        &["DATASET", "CLASS", "TARGET", "NOW", "HALF", "95 %", "99 %", "WORST", "INSIDE", "BREACHES"],
        rows.iter().map(|its| {
            let figures =
                ["target_seconds", "exposure_seconds", "p50_seconds", "p95_seconds", "p99_seconds", "worst_seconds"];
            let mut row = vec![format!("{}/{}", field(its, "agent"), field(its, "dataset")), field(its, "class")];
            row.extend(figures.map(|name| span(&its[name])));
            row.extend([percent(its), list(its, "breaches").len().to_string()]);
            row
        }),
        "Nothing counts in this period: no dataset was approved or saved.\n",
    );
    for its in rows.iter().filter(|its| its["clean_exposure_seconds"] != its["exposure_seconds"]) {
        let (name, lost) =
            (format!("{}/{}", field(its, "agent"), field(its, "dataset")), span(&its["clean_exposure_seconds"]));
        let _ = writeln!(out, "\nSUSPECTED: {name} would lose {lost} now, without the points under suspicion.");
    }
    let breaches: Vec<Vec<String>> = rows
        .iter()
        .flat_map(|its| {
            let name = format!("{}/{}", field(its, "agent"), field(its, "dataset"));
            list(its, "breaches").iter().map(move |breach| {
                let began = breach["began"].as_str().and_then(utc::parse).map_or_else(String::new, |at| zone.print(at));
                let goes_on = if breach["open"] == true { " (goes on)" } else { "" };
                vec![
                    name.clone(),
                    began,
                    format!("{}{goes_on}", span(&breach["seconds"])),
                    span(&breach["worst_seconds"]),
                    field(breach, "cause"),
                ]
            })
        })
        .collect();
    if !breaches.is_empty() {
        out += "\n";
        out += &table(&["BREACH", "BEGAN", "FOR", "WORST", "CAUSE"], breaches.into_iter(), "");
    }
    if !rows.is_empty() {
        let (inside, worst) = (percent(&found["fleet"]), span(&found["fleet"]["worst_seconds"]));
        let _ = writeln!(out, "\nAll together: {inside} inside their targets, worst {worst}.");
    }
    if found["clock_doubt"] == true {
        out += "This site's own clock was in doubt in this period: its times are as it wrote them.\n";
    }
    out
}
