//! `witness`: on the third machine, which has no site and no line.

use std::path::PathBuf;

use clap::Subcommand;
use pulih_ledger::ids::SiteId;
use pulih_vault::note::VerifierKey;
use pulih_vault::utc;
use serde_json::json;

use super::Failure;
use super::ask::said;
use crate::site::SiteDir;
use crate::witness::{Outcome, Witness as Machine};

#[derive(Debug, Subcommand)]
pub enum Witness {
    /// Make the witness's key in a folder of its own (--state)
    Init {
        /// What the key is called: inspektorat-33.19
        #[arg(long)]
        name: String,
    },
    /// Watch a site, whose key was compared with what stands on paper
    Trust {
        #[arg(long)]
        site: SiteId,
        /// The key of its ledger, as `pair list` and the Berita Acara show it
        #[arg(long, value_name = "VKEY")]
        key: VerifierKey,
        /// The site changed its key to this one
        #[arg(long)]
        next: bool,
    },
    /// Co-sign what is on a stick, if it goes on from all that was co-signed before
    #[command(after_long_help = SIGN)]
    Sign { stick: PathBuf },
    /// Show the witness's key, and whom it watches
    Show,
}

const SIGN: &str = "\
Status 1 if anything was refused or nothing could be signed. What does not go on is copied into refused/ in the
witness's folder: that is the proof, keep it.

Example:
  pulih-controller --state /var/lib/pulih-witness witness sign /media/stick";

/// Whether everything on the stick was signed; the others are always.
pub fn run(dir: &SiteDir, command: &Witness, json: bool) -> Result<bool, Failure> {
    match command {
        Witness::Init { name } => {
            let machine = Machine::init(dir, name).map_err(said)?;
            show(&machine, json)?;
        }
        Witness::Trust { site, key, next } => {
            Machine::open(dir).and_then(|machine| machine.trust(site, key, *next)).map_err(said)?;
            if json {
                println!(
                    "{}",
                    json!({"type": "pulih/witness-trusts/v1", "site": site.as_str(), "key": key.to_string()})
                );
            } else {
                println!("{site} is watched. Its key is {}: compare it with what stands on paper.", key.fingerprint());
            }
        }
        Witness::Sign { stick } => {
            let now = u64::try_from(utc::now()).unwrap_or(0);
            let done = Machine::open(dir).and_then(|machine| machine.sign(stick, now)).map_err(said)?;
            let is_whole = !done.is_empty() && done.iter().all(|(_, its)| matches!(its, Outcome::Signed(_)));
            if json {
                let sites: Vec<_> = done.iter().map(|(site, its)| told(site, its)).collect();
                println!("{}", json!({"type": "pulih/witnessed/v1", "sites": sites}));
            } else {
                done.iter().for_each(|(site, its)| println!("{site}: {}", words(its)));
                if done.is_empty() {
                    println!("There is no request on this stick.");
                }
            }
            return Ok(is_whole);
        }
        Witness::Show => show(&Machine::open(dir).map_err(said)?, json)?,
    }
    Ok(true)
}

fn told(site: &SiteId, outcome: &Outcome) -> serde_json::Value {
    let (what, size, text) = match outcome {
        Outcome::Signed(size) => ("signed", Some(*size), String::new()),
        Outcome::Refused { size, why } => ("refused", Some(*size), why.clone()),
        Outcome::AskFrom(size) => ("ask", Some(*size), String::new()),
        Outcome::Unknown(why) => ("unknown", None, why.clone()),
    };
    json!({"site": site.as_str(), "outcome": what, "size": size, "text": text})
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Signed(size) => format!("co-signed at {size} entries; `evidence witness take` at the site takes it"),
        Outcome::Refused { size, why } => {
            format!(
                "REFUSED at {size} entries: {why}. The request is kept in refused/; tell the institution that you answer to"
            )
        }
        Outcome::AskFrom(size) => {
            format!("nothing here goes on from {size} entries; at the site: `evidence witness ask --old {size}`")
        }
        Outcome::Unknown(why) => why.clone(),
    }
}

fn show(machine: &Machine, json: bool) -> Result<(), Failure> {
    let (key, watched) = (machine.key(), machine.watched().map_err(said)?);
    if json {
        let sites: Vec<_> = watched
            .iter()
            .map(|(site, key, size)| {
                json!({"site": site.as_str(), "fingerprint": key.fingerprint().to_string(), "size": size})
            })
            .collect();
        println!(
            "{}",
            json!({
                "type": "pulih/witness/v1", "key": key.to_string(), "fingerprint": key.fingerprint().to_string(),
                "sites": sites,
            })
        );
        return Ok(());
    }
    println!("{key}\n{}", key.fingerprint());
    for (site, its, size) in watched {
        let size = size.map_or_else(|| "nothing yet".to_owned(), |size| format!("{size} entries"));
        println!("{site} {}: {size}", its.fingerprint());
    }
    Ok(())
}
