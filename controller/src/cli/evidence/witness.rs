//! `evidence witness`: whom this site lets witness its ledger, and the stick there and back.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use pulih_ledger::checkpoint::MAX_CHECKPOINT_BYTES;
use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::entry::kinds::{WitnessAdded, WitnessRemoved};
use pulih_ledger::ids::WitnessId;
use pulih_ledger::tlog_proof::AddCheckpoint;
use serde_json::{Value, json};

use super::logs;
use crate::cli::ask::{acting, answer, said};
use crate::cli::show::{columns, field, list};
use crate::cli::{Failure, Signed};
use crate::control::Ask;
use crate::evidence::witnesses::{Ask as Asking, sizes_to_ask};
use crate::site::SiteDir;
use crate::stick::{self, Kind};

#[derive(Debug, Subcommand)]
pub enum Witness {
    /// Let what a key co-signs count from here on: compare it with the Berita Acara
    Add {
        /// An id, never given twice: inspektorat-33.19
        id: WitnessId,
        #[arg(long)]
        name: String,
        #[arg(long)]
        institution: String,
        /// As `witness show` prints it on its machine
        #[arg(long, value_name = "VKEY")]
        key: CosignerKey,
        #[command(flatten)]
        signed: Signed,
    },
    /// Let it count no longer
    Remove {
        id: WitnessId,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// List witnesses, and what each co-signed last
    List,
    /// Write onto a stick what a witness is asked
    Ask {
        /// Where the stick is
        #[arg(long, value_name = "STICK")]
        out: PathBuf,
        /// A size that the witness says it goes on from
        #[arg(long, value_name = "SIZE")]
        old: Vec<u64>,
    },
    /// Take what a witness wrote onto a stick
    Take { stick: PathBuf },
}

pub fn run(dir: &SiteDir, command: &Witness, json: bool) -> Result<(), Failure> {
    let (answer, text) = match command {
        Witness::Add { id, name, institution, key, signed } => {
            let added = WitnessAdded {
                witness: id.clone(),
                name: name.clone(),
                institution: institution.clone(),
                key: key.clone(),
            };
            let text = format!("{id} is a witness; its key is {}.\n", key.fingerprint());
            (answer(dir, acting(dir, signed, added.into())?)?, text)
        }
        Witness::Remove { id, reason, signed } => {
            let removed = WitnessRemoved { witness: id.clone(), reason: reason.clone() };
            (answer(dir, acting(dir, signed, removed.into())?)?, format!("{id} is a witness no longer.\n"))
        }
        Witness::List => {
            let all = answer(dir, Ask::Witness(Asking::List))?;
            let names = ["witness", "institution", "size", "witnessed", "removed"];
            let text = columns(&all, "witnesses", &names, "Nobody witnesses this ledger.\n");
            (all, text)
        }
        Witness::Ask { out, old } => ask(dir, out, old)?,
        Witness::Take { stick } => take(dir, stick)?,
    };
    if json {
        println!("{answer}");
    } else {
        print!("{text}");
    }
    Ok(())
}

fn ask(dir: &SiteDir, out: &Path, old: &[u64]) -> Result<(Value, String), Failure> {
    let site = dir.site()?;
    // A witness sees what is signed.
    answer(dir, Ask::Checkpoint)?;
    let known = answer(dir, Ask::Witness(Asking::List))?;
    let keys: Result<Vec<CosignerKey>, _> =
        list(&known, "witnesses").iter().map(|its| field(its, "key").parse()).collect();
    let (logs, id) = (logs(dir, &site)?, site.id().map_err(said)?);
    let (log, store) = (logs.own, logs.store);
    let size = log.checkpoint().size;
    let mut sizes = sizes_to_ask(&*store, &log, &keys.map_err(said)?)?;
    if let Some(more) = old.iter().find(|old| **old > size) {
        return Err(Failure::Said(format!(
            "this ledger has {size} entries under a checkpoint, and the witness says {more}: it was rolled back, or the \
             witness has another ledger. Do not go on without looking"
        )));
    }
    sizes.extend(old);
    let note = store.read(&log.layout().checkpoint(size), MAX_CHECKPOINT_BYTES).map_err(said)?;
    let checkpoint = String::from_utf8(note).map_err(said)?;
    for old in &sizes {
        let proof = log.prove_consistency(*old, size).map_err(said)?;
        let request = AddCheckpoint { old: *old, proof, checkpoint: checkpoint.clone() };
        stick::write(out, &id, Kind::Request, *old, request.to_text().as_bytes()).map_err(said)?;
    }
    let json = json!({"type": "pulih/witness-asked/v1", "site": id.as_str(), "size": size, "old": sizes});
    let text = format!(
        "{} requests for the checkpoint of {size} entries. On the witness's machine:\n\n  pulih-controller witness sign \
         STICK\n\nand back here:\n\n  pulih-controller evidence witness take {}\n",
        sizes.len(),
        out.display()
    );
    Ok((json, text))
}

fn take(dir: &SiteDir, stick: &Path) -> Result<(Value, String), Failure> {
    let id = dir.site()?.id().map_err(said)?;
    let files = stick::read(stick, &id, Kind::Cosigned).map_err(said)?;
    // The older ones were taken, or are proven by the newest.
    let Some((size, note)) = files.into_iter().next_back() else {
        return Err(Failure::Said("there is nothing on the stick that a witness co-signed of this ledger".into()));
    };
    let note = String::from_utf8(note).map_err(said)?;
    let taken = answer(dir, Ask::Witness(Asking::Take { note }))?;
    let text = format!("{} has co-signed this ledger at {size} entries.\n", field(&taken, "witness"));
    Ok((taken, text))
}
