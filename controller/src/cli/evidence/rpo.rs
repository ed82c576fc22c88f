//! `evidence rpo`: the figures, as people read them.

use std::fmt::Write as _;
use std::time::Duration;

use pulih_policies::Zone;
use pulih_terminal::duration;
use pulih_vault::utc;
use serde_json::Value;

use super::{Logs, logs};
use crate::cli::Failure;
use crate::cli::ask::{answer, said};
use crate::cli::show::{field, list, table};
use crate::control::Ask;
use crate::evidence::rpo::{Period, Sources, report};
use crate::site::SiteDir;

/// The first moment of a day.
pub fn day(text: &str, zone: Zone) -> Result<i64, Failure> {
    let none = || Failure::Said(format!("{text:?} is no day: write it as 2026-11-01"));
    let is_date = text.len() == 10;
    let midnight = utc::parse(&format!("{text}T00:00:00Z")).filter(|_| is_date).ok_or_else(none)?;
    Ok(midnight - i64::from(zone.offset_seconds()))
}

fn month_of(now: i64, zone: Zone) -> Result<i64, Failure> {
    let here = utc::rfc3339(now + i64::from(zone.offset_seconds()));
    day(&format!("{}-01", &here[..7]), zone)
}

pub fn run(dir: &SiteDir, from: Option<&str>, to: Option<&str>, only: Option<&str>, json: bool) -> Result<(), Failure> {
    let site = dir.site()?;
    let Logs { store, own, peer } = logs(dir, &site)?;
    let now = utc::now();
    let zone = zone(dir)?;
    let from = from.map_or_else(|| month_of(now, zone), |from| day(from, zone))?;
    let to = to.map(|to| day(to, zone)).transpose()?.unwrap_or(now);
    if from >= to {
        return Err(Failure::Said("the period has no second: --from comes before --to, and before now".into()));
    }
    let sources = Sources { site: &site, store: &*store, own: &own, peer: peer.as_ref() };
    let is_asked = |agent: &str, dataset: &str| only.is_none_or(|only| only == format!("{agent}/{dataset}"));
    let found = report(&sources, Period { from, to, now }, is_asked)?;
    if json {
        println!("{found}");
    } else {
        print!("{}", text(&found, zone));
    }
    Ok(())
}

/// The zone of the policy in force.
pub fn zone(dir: &SiteDir) -> Result<Zone, Failure> {
    let shown = answer(dir, Ask::PolicyShow)?;
    let text = shown["text"].as_str().unwrap_or_default();
    Ok(pulih_policies::Policy::parse("policy", text.as_bytes()).map_err(said)?.zone)
}

fn span(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".into(), |seconds| duration(Duration::from_secs(seconds)))
}

fn text(found: &Value, zone: Zone) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_where_the_policy_says() {
        let at = |text: &str| utc::parse(text).unwrap();
        assert_eq!(day("2026-11-01", Zone::Jakarta).unwrap(), at("2026-10-31T17:00:00Z"));
        assert_eq!(month_of(at("2026-10-31T16:59:59Z"), Zone::Jakarta).unwrap(), at("2026-09-30T17:00:00Z"));
        assert_eq!(month_of(at("2026-10-31T17:00:00Z"), Zone::Jakarta).unwrap(), at("2026-10-31T17:00:00Z"));
        for bad in ["", "2026-11", "2026-13-01", "2026-11-01T00", "kemarin...."] {
            day(bad, Zone::Jakarta).unwrap_err();
        }
    }
}
