//! `evidence`: what a site can show of itself. It reads the ledger and the store, and asks whoever serves the site
//! for nothing but a checkpoint.

mod bundle;
mod rpo;
mod witness;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use pulih_evidence::verify::Trust;
use pulih_ledger::ids::SiteId;
use pulih_ledger::{LedgerError, Log};
use pulih_vault::note::{Fingerprint, SigningKey, VerifierKey};
use pulih_vault::store::Store;
use pulih_vault::utc;

use super::Failure;
use super::ask::{answer, said};
use super::show::list;
use crate::control::Ask;
use crate::site::{SiteDir, SiteFile, SiteRole};
use crate::store;

#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// What would have been lost at any moment of a period, dataset by dataset, from the ledger alone
    #[command(after_long_help = RPO)]
    Rpo {
        /// The first day [default: the first of this month]
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The day after the last one [default: up to now]
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
        /// One dataset alone
        #[arg(long, value_name = "AGENT/DATASET")]
        dataset: Option<String>,
    },
    /// Write all that the ledgers here say into a folder or an archive that anybody can check
    Export {
        /// A folder which is not there yet, or a file that ends in .tar
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
        /// The first day whose entries it has [default: all from the beginning]
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The day after the last one [default: up to now]
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
        /// Every checkpoint, and not the newest thousand
        #[arg(long)]
        all_checkpoints: bool,
    },
    /// Who co-signs this site's ledger on a machine of its own
    #[command(subcommand)]
    Witness(witness::Witness),
    /// Check what was exported, without a site, a database or a network
    #[command(after_long_help = VERIFY)]
    Verify {
        bundle: PathBuf,
        /// A site, and the fingerprint of its ledger's key as it stands on paper; several times
        #[arg(long, value_name = "SITE=SHA256:…", required = true, value_parser = trusted)]
        site: Vec<(SiteId, Fingerprint)>,
        /// A witness, and the fingerprint of its key: it must have co-signed the ledgers of these sites; several times
        #[arg(long, value_name = "NAME=SHA256:…", value_parser = trusted)]
        witness: Vec<(SiteId, Fingerprint)>,
        /// Each of these witnesses must have co-signed since then: 2026-11-22T01:23:45Z
        #[arg(long, value_name = "TIME", value_parser = moment)]
        since: Option<i64>,
    },
}

const RPO: &str = "\
For each second: how old the newest recovery point was that was at this site. Days are those of the policy's
time zone. Silence counts against: a dataset counts from its approval on, whether anything came or not. The
exit status says nothing of the figures.

Examples:
  pulih-controller evidence rpo --from 2026-10-01 --to 2027-01-01
  pulih-controller --json evidence rpo --dataset app-1/surat";

const VERIFY: &str = "\
Every problem is told with its code and where it is; the exit status is 1 if there is one. A site whose fingerprint
is not given is shown, and nothing is believed because of it. scripts/verify-evidence.py checks the same with Python
alone.

Example:
  pulih-controller evidence verify /media/stick/bukti.tar --site drc-33.19=SHA256:…";

fn trusted(text: &str) -> Result<(SiteId, Fingerprint), String> {
    let (site, fingerprint) = text.split_once('=').ok_or("write it as NAME=SHA256:…")?;
    let site = site.parse().map_err(|error| format!("{error}"))?;
    Ok((site, fingerprint.parse().map_err(|error| format!("{error}"))?))
}

fn moment(text: &str) -> Result<i64, String> {
    utc::parse(text).ok_or_else(|| "write it as 2026-11-22T01:23:45Z".to_owned())
}

/// Whether it was found good; only `verify` finds anything else.
pub fn run(dir: &SiteDir, command: &Evidence, json: bool) -> Result<bool, Failure> {
    match command {
        Evidence::Rpo { from, to, dataset } => {
            rpo::run(dir, from.as_deref(), to.as_deref(), dataset.as_deref(), json).map(|()| true)
        }
        Evidence::Witness(command) => witness::run(dir, command, json).map(|()| true),
        Evidence::Export { out, from, to, all_checkpoints } => {
            bundle::export(dir, out, (from.as_deref(), to.as_deref()), *all_checkpoints, json).map(|()| true)
        }
        Evidence::Verify { bundle, site, witness, since } => {
            let sites = site.iter().cloned().collect();
            bundle::verify(bundle, &Trust { sites, witnesses: witness.iter().cloned().collect(), since: *since }, json)
        }
    }
}

/// The ledgers that are in a site's store.
struct Logs {
    store: Arc<dyn Store>,
    own: Log,
    /// At a DRC: the one that it mirrors.
    peer: Option<Log>,
}

fn logs(dir: &SiteDir, site: &SiteFile) -> Result<Logs, Failure> {
    let store = store::open(dir)?.store;
    let key = SigningKey::from_secret_text(dir.read("ledger.key")?.trim()).map_err(said)?;
    let own = Log::open(store.clone(), &site.id().map_err(said)?, key.verifier()).map_err(said)?;
    let peer = mirrored(dir, site, &store)?;
    Ok(Logs { store, own, peer })
}

/// The ledger that a DRC mirrors.
fn mirrored(dir: &SiteDir, site: &SiteFile, store: &Arc<dyn Store>) -> Result<Option<Log>, Failure> {
    if site.role == SiteRole::Pusat {
        return Ok(None);
    }
    let peers = answer(dir, Ask::PeerList)?;
    let Some(peer) = list(&peers, "peers").iter().find(|its| its["role"] == "pusat" && its["ended"].is_null()) else {
        return Ok(None);
    };
    let key: VerifierKey = peer["key"].as_str().unwrap_or_default().parse().map_err(said)?;
    let id: SiteId = peer["site"].as_str().unwrap_or_default().parse().map_err(said)?;
    match Log::open(store.clone(), &id, key) {
        // Nothing was pulled yet.
        Err(LedgerError::NoLedger { .. }) => Ok(None),
        log => Ok(Some(log.map_err(said)?)),
    }
}
