//! `evidence key`: another key for a site's ledger, in three acts of admins.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{KeyAccepted, KeyProposed, KeyRotated};
use pulih_vault::hand_over::MAX_STATEMENT_BYTES;
use pulih_vault::note::Fingerprint;
use serde_json::{Value, json};

use crate::cli::ask::{answer, said};
use crate::cli::show::{field, list};
use crate::cli::{Failure, Signed, person};
use crate::control::Ask;
use crate::evidence::keys;
use crate::site::SiteDir;

pub const HELP: &str = "\
The old key stays in use until the third act. With it everybody goes on who knew the ledger by it: the fingerprint on
paper stays good, and the new one is good as well.

Examples:
  pulih-controller evidence key propose --reason \"pegawai pindah\" --out usulan.json --as ani --sign-with ani.key
  pulih-controller evidence key accept usulan.json --fingerprint SHA256:… --as budi --sign-with budi.key   (there)
  pulih-controller evidence key rotate --as ani --sign-with ani.key";

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make another key here, and say so on the ledger; it signs nothing yet
    Propose {
        #[arg(long)]
        reason: String,
        /// The file for the other site's admin; at a DRC the Pusat Data's comes by itself
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
    /// Let the other site's ledger go over to the key that it proposed
    Accept {
        /// What was written there by `propose --out`; at a DRC it may be left out
        proposal: Option<PathBuf>,
        /// The key's fingerprint, as the other site's admin reads it out
        #[arg(long, value_name = "SHA256:…")]
        fingerprint: Fingerprint,
        #[command(flatten)]
        signed: Signed,
    },
    /// Go over to the key that was proposed, once the other site has accepted it
    Rotate {
        #[command(flatten)]
        signed: Signed,
    },
    /// The keys of this site's ledger and of the paired one's
    List,
}

pub fn run(dir: &SiteDir, command: &Key, json: bool) -> Result<(), Failure> {
    match command {
        Key::Propose { reason, out, signed } => propose(dir, reason, out.as_deref(), signed, json),
        Key::Accept { proposal, fingerprint, signed } => accept(dir, proposal.as_deref(), fingerprint, signed, json),
        Key::Rotate { signed } => rotate(dir, signed, json),
        Key::List => {
            let known = answer(dir, Ask::Key(keys::Ask::List))?;
            if json {
                println!("{known}");
            } else {
                show(&known);
            }
            Ok(())
        }
    }
}

fn act(dir: &SiteDir, signed: &Signed, body: Body, attachment: Option<String>, json: bool) -> Result<(), Failure> {
    let entry = person::entry(&dir.site()?, signed, body)?;
    let done = answer(dir, Ask::Act { entry, attachment })?;
    if json {
        println!("{done}");
    }
    Ok(())
}

fn propose(dir: &SiteDir, reason: &str, out: Option<&Path>, signed: &Signed, json: bool) -> Result<(), Failure> {
    let mut made = answer(dir, Ask::Key(keys::Ask::Make))?;
    // Again after a crash, or for another file: it is one proposal.
    if made["proposal"].is_null() {
        let key = field(&made, "key").parse().map_err(said)?;
        let proposed = KeyProposed { key, possession: field(&made, "possession"), reason: reason.to_owned() };
        act(dir, signed, proposed.into(), None, json)?;
        made = answer(dir, Ask::Key(keys::Ask::Make))?;
    }
    if let Some(out) = out {
        let proposal = json!({
            "type": "pulih/key-proposal/v1", "site": made["site"], "proposal": made["proposal"], "note": made["note"],
        });
        write(out, &format!("{proposal}\n"))?;
    }
    if !json {
        println!(
            "The new key of {}, which signs nothing yet:\n\n  {}\n",
            field(&made, "site"),
            field(&made, "fingerprint")
        );
        println!("Read it to the other site's admin by telephone; there:\n");
        println!(
            "  pulih-controller evidence key accept FILE --fingerprint {} --as USER --sign-with KEY",
            field(&made, "fingerprint")
        );
    }
    Ok(())
}

/// It holds no secret, and is made again by the same command.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error| Failure::Said(format!("cannot write {}: {error}", file.display()));
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(file).map_err(cannot)?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(cannot)
}

fn read(file: &Path) -> Result<(u64, String), Failure> {
    let cannot = |error| Failure::Said(format!("cannot read {}: {error}", file.display()));
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(cannot)?;
    opened.take(MAX_STATEMENT_BYTES).read_to_string(&mut text).map_err(cannot)?;
    let its: Value = serde_json::from_str(&text).unwrap_or_default();
    match (its["type"].as_str(), its["proposal"].as_u64(), its["note"].as_str()) {
        (Some("pulih/key-proposal/v1"), Some(index), Some(note)) => Ok((index, note.to_owned())),
        _ => Err(Failure::Said(format!(
            "{} is no proposal of a key; `evidence key propose --out` makes one",
            file.display()
        ))),
    }
}

fn accept(
    dir: &SiteDir,
    proposal: Option<&Path>,
    fingerprint: &Fingerprint,
    signed: &Signed,
    json: bool,
) -> Result<(), Failure> {
    let carried = proposal.map(read).transpose()?;
    let note = carried.as_ref().map(|(_, note)| note.clone());
    let offered = answer(dir, Ask::Key(keys::Ask::Accept { note: note.clone() }))?;
    if field(&offered, "fingerprint") != fingerprint.to_string() {
        let text = format!(
            "the key that {} proposes has the fingerprint {}, not the one given: nothing was accepted. Ask its admin \
             again, by a number that you know",
            field(&offered, "peer"),
            field(&offered, "fingerprint")
        );
        return Err(Failure::Said(text));
    }
    let index = offered["proposal"].as_u64().or(carried.map(|(index, _)| index));
    let accepted = KeyAccepted {
        peer: field(&offered, "peer").parse().map_err(said)?,
        key: field(&offered, "key").parse().map_err(said)?,
        proposal: index.ok_or_else(|| Failure::Said("the file says no number of the proposal".into()))?,
        statement: field(&offered, "statement").parse().map_err(said)?,
    };
    act(dir, signed, accepted.into(), note, json)?;
    if !json {
        println!(
            "{} may go over to {fingerprint}; its admin ends it there: evidence key rotate",
            field(&offered, "peer")
        );
    }
    Ok(())
}

fn rotate(dir: &SiteDir, signed: &Signed, json: bool) -> Result<(), Failure> {
    let known = answer(dir, Ask::Key(keys::Ask::List))?;
    let next = &known["next"];
    let Some(proposal) = next["proposal"].as_u64() else {
        return Err(Failure::Said("no other key was proposed here; `evidence key propose` comes first".into()));
    };
    let by = &next["statement"];
    let text = |name: &str| by[name].as_str().map(str::to_owned);
    let rotated = KeyRotated {
        key: field(next, "key").parse().map_err(said)?,
        proposal,
        peer: text("peer").map(|peer| peer.parse()).transpose().map_err(said)?,
        statement: text("statement").map(|hash| hash.parse()).transpose().map_err(said)?,
    };
    act(dir, signed, rotated.into(), None, json)?;
    if !json {
        println!("The ledger of {} is signed by {} from here on.", field(&known, "site"), field(next, "fingerprint"));
        println!("Write it into the Berita Acara beside the old one, which stays good for what was before.");
    }
    Ok(())
}

fn show(known: &Value) {
    let keys = list(known, "keys");
    println!("{}:", field(known, "site"));
    for (at, key) in keys.iter().enumerate() {
        let use_ = if at + 1 == keys.len() { "signs" } else { "before" };
        println!("  {use_:8} {}", field(key, "fingerprint"));
    }
    if !known["next"].is_null() {
        let how = match (&known["next"]["proposal"], &known["next"]["statement"]) {
            (Value::Null, _) => "made",
            (_, Value::Null) => "proposed",
            _ => "accepted",
        };
        println!("  {how:8} {}", field(&known["next"], "fingerprint"));
    }
    for peer in list(known, "peers") {
        println!("{}:", field(peer, "site"));
        for key in list(peer, "keys") {
            println!("  believed {}", field(key, "fingerprint"));
        }
        if peer["proposed"]["accepted"] == false {
            println!("  proposed {}", field(&peer["proposed"], "fingerprint"));
        }
    }
}
