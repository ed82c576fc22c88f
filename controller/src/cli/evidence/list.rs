//! `evidence list`: entries of a ledger, a line each.

use std::fmt::Write as _;

use pulih_ledger::entry::ENVELOPE;
use pulih_policies::Zone;
use pulih_terminal::printable;
use pulih_vault::utc;
use serde_json::{Map, Value};

use super::period::{self, Asked, First};
use super::{Logs, logs};
use crate::cli::Failure;
use crate::cli::show::{field, list, table};
use crate::evidence::entries::{Wanted, report};
use crate::evidence::read::Period;
use crate::site::SiteDir;

/// Of what an entry says, on a line.
const MOST_CHARS: usize = 110;

pub fn run(dir: &SiteDir, kinds: &[String], asked: &Asked, mirrored: bool, json: bool) -> Result<(), Failure> {
    let site = dir.site()?;
    let Logs { own, peer, .. } = logs(dir, &site)?;
    let zone = period::zone(dir)?;
    let its = asked.period(zone, First::Entry)?;
    let its = if its.to == its.now { Period { to: i64::MAX, ..its } } else { its };
    let none = || Failure::Said("this site mirrors no ledger".into());
    let log = if mirrored { peer.ok_or_else(none)? } else { own };
    let dataset = asked.dataset.as_deref().map(|text| {
        let split = text.split_once('/').map(|(agent, dataset)| (agent.to_owned(), dataset.to_owned()));
        split.ok_or_else(|| Failure::Said(format!("{text:?} is no dataset: write it as AGENT/DATASET")))
    });
    let wanted = Wanted { kinds: kinds.to_vec(), dataset: dataset.transpose()? };
    let found = report(&log, log.key().name().trim_start_matches("pulih-ledger/"), &wanted, its)?;
    if json {
        println!("{found}");
    } else {
        print!("{}", text(&found, zone));
    }
    Ok(())
}

/// Its fields, as far as a line has room.
fn what(entry: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (name, value) in entry.iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str())) {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Array(all) => format!("{} of them", all.len()),
            Value::Object(_) => continue,
            other => other.to_string(),
        };
        // Hashes say nothing on a line.
        let short: String = if value.len() == 64 { value.chars().take(8).chain(['…']).collect() } else { value };
        let _ = write!(out, "{}{name}={}", if out.is_empty() { "" } else { " " }, printable(&short));
    }
    match out.char_indices().nth(MOST_CHARS) {
        Some((at, _)) => format!("{}…", &out[..at]),
        None => out,
    }
}

fn by(entry: &Value) -> String {
    let actor = &entry["actor"];
    match actor["type"].as_str() {
        Some("site") => "site".into(),
        Some("person") => field(actor, "user"),
        Some("agent") => format!("agent {}", field(actor, "agent")),
        _ => "?".into(),
    }
}

fn text(found: &Value, zone: Zone) -> String {
    let empty = Map::new();
    let rows = list(found, "entries").iter().map(|its| {
        let entry = &its["entry"];
        let kind = field(entry, "type");
        let kind = kind
            .strip_prefix("pulih/ledger/")
            .and_then(|kind| kind.rsplit_once('/'))
            .map_or(kind.as_str(), |its| its.0);
        let at = entry["at"].as_str().and_then(utc::parse).map_or_else(|| "-".into(), |at| zone.print(at));
        vec![its["index"].to_string(), at, kind.to_owned(), by(entry), what(entry.as_object().unwrap_or(&empty))]
    });
    let mut out = table(&["ENTRY", "AT", "KIND", "BY", "WHAT"], rows, "No such entry.\n");
    if found["left_out"].as_u64().is_some_and(|count| count > 0) {
        let _ =
            writeln!(out, "\n{} older ones are left out: ask for a period with --from and --to.", found["left_out"]);
    }
    out
}
