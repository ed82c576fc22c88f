//! `evidence`: what a site can show of itself. It reads the ledger and the store, and asks whoever serves the site
//! for nothing but a checkpoint.

mod bundle;
mod figures;
mod key;
mod list;
pub(in crate::cli) mod period;
mod rpo;
mod rto;
mod states;
mod witness;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use pulih_evidence::verify::Trust;
use pulih_ledger::entry::Kind;
use pulih_ledger::ids::SiteId;
use pulih_ledger::{LedgerError, Log};
use pulih_vault::note::{Fingerprint, SigningKey, VerifierKey};
use pulih_vault::store::Store;
use pulih_vault::utc;

use super::Failure;
use super::ask::{answer, said};
use super::show::list as listed;
use crate::control::Ask;
use crate::evidence::read::{Extent, Sources};
use crate::site::{SiteDir, SiteFile, SiteRole};
use crate::store;

#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// What would have been lost at any moment of a period, dataset by dataset, from the ledger alone
    #[command(after_long_help = RPO)]
    Rpo(period::Asked),
    /// How long it took until data was back, dataset by dataset and plan by plan, by drills and recoveries here
    #[command(after_long_help = RTO)]
    Rto(period::Asked),
    /// Whether each dataset, recipe and plan was shown to come back, and how long a qualifying test still counts
    #[command(after_long_help = STATES)]
    States {
        /// As of the first moment of this day [default: now]
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
        /// One dataset alone
        #[arg(long, value_name = "AGENT/DATASET")]
        dataset: Option<String>,
    },
    /// List entries of the ledger
    #[command(after_long_help = LIST)]
    List {
        /// Of this kind alone; several times
        #[arg(long, value_name = "KIND", value_parser = known_kind)]
        kind: Vec<String>,
        #[command(flatten)]
        asked: period::Asked,
        /// Of the ledger that this DRC mirrors, and not of its own
        #[arg(long)]
        mirrored: bool,
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
    /// Another key for this site's ledger: three acts, of which the second is the other site's
    #[command(subcommand, after_long_help = key::HELP)]
    Key(key::Key),
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
        /// Show RPO, RTO and states of each of these sites too, as they follow from what is there, if nothing is wrong
        #[arg(long)]
        figures: bool,
    },
}

const RPO: &str = "\
For each second: how old the newest recovery point was that was at this site. Days are those of the policy's
time zone. Silence counts against: a dataset counts from its approval on, whether anything came or not. The
exit status says nothing of the figures.

Examples:
  pulih-controller evidence rpo --from 2026-10-01 --to 2027-01-01
  pulih-controller --json evidence rpo --dataset app-1/surat";

const RTO: &str = "\
Measured: the newest time that all of its files came back here. Forecast, with ~: a newer drill took a sample, and
this is what all would take by it. A service is back when all is that comes before it in its plan. The exit status
says nothing of the figures.

Examples:
  pulih-controller evidence rto
  pulih-controller --json evidence rto --from 2026-10-01 --to 2027-01-01 --dataset app-1/surat";

const STATES: &str = "\
failed: its newest drill did not pass. never-tested: there was none. needs-verification: it is no longer what was
drilled. overdue: nobody drilled it when the policy said. verified: it came back. The exit status says nothing of it.

Examples:
  pulih-controller evidence states
  pulih-controller --json evidence states --to 2027-01-01";

const LIST: &str = "\
Examples:
  pulih-controller evidence list --kind drill-announced --kind drill-ended --kind drill-missed
  pulih-controller evidence list --dataset app-1/surat --from 2026-12-01";

const VERIFY: &str = "\
Every problem is told with its code and where it is; the exit status is 1 if there is one. A site whose fingerprint
is not given is shown, and nothing is believed because of it. scripts/verify-evidence.py checks the same with Python
alone. Figures need a bundle with all entries, exported without --from.

Examples:
  pulih-controller evidence verify /media/stick/bukti.tar --site drc-33.19=SHA256:…
  pulih-controller evidence verify bukti --site drc-33.19=SHA256:… --site pusat-33.19=SHA256:… --figures";

fn trusted(text: &str) -> Result<(SiteId, Fingerprint), String> {
    let (site, fingerprint) = text.split_once('=').ok_or("write it as NAME=SHA256:…")?;
    let site = site.parse().map_err(|error| format!("{error}"))?;
    Ok((site, fingerprint.parse().map_err(|error| format!("{error}"))?))
}

fn moment(text: &str) -> Result<i64, String> {
    utc::parse(text).ok_or_else(|| "write it as 2026-11-22T01:23:45Z".to_owned())
}

fn known_kind(text: &str) -> Result<String, String> {
    let is_known = Kind::ALL.iter().any(|kind| kind.name() == text);
    if is_known {
        Ok(text.to_owned())
    } else {
        Err("this is no kind of entry; docs/contracts/ledger.md has them".into())
    }
}

/// Whether it was found good; only `verify` finds anything else.
pub fn run(dir: &SiteDir, command: &Evidence, json: bool) -> Result<bool, Failure> {
    match command {
        Evidence::Witness(command) => witness::run(dir, command, json).map(|()| true),
        Evidence::Rpo(asked) => rpo::run(dir, asked, json).map(|()| true),
        Evidence::Rto(asked) => rto::run(dir, asked, json).map(|()| true),
        Evidence::States { to, dataset } => states::run(dir, to.as_deref(), dataset.as_deref(), json).map(|()| true),
        Evidence::List { kind, asked, mirrored } => list::run(dir, kind, asked, *mirrored, json).map(|()| true),
        Evidence::Key(command) => key::run(dir, command, json).map(|()| true),
        Evidence::Export { out, from, to, all_checkpoints } => {
            bundle::export(dir, out, (from.as_deref(), to.as_deref()), *all_checkpoints, json).map(|()| true)
        }
        Evidence::Verify { bundle, site, witness, since, figures } => {
            let sites = site.iter().cloned().collect();
            let trust = Trust { sites, witnesses: witness.iter().cloned().collect(), since: *since };
            bundle::verify(bundle, &trust, *figures, json)
        }
    }
}

/// Drills and recoveries are done at a DRC, and stand in its ledger.
fn must_be_drc(site: &SiteFile) -> Result<(), Failure> {
    match site.role {
        SiteRole::Drc => Ok(()),
        SiteRole::Pusat => Err(Failure::Said("drills and recoveries are done at the DRC: ask this there".into())),
    }
}

/// The ledgers that are in a site's store.
pub(super) struct Logs {
    pub(super) store: Arc<dyn Store>,
    pub(super) own: Log,
    /// At a DRC: the one that it mirrors.
    pub(super) peer: Option<Log>,
}

pub(super) fn logs(dir: &SiteDir, site: &SiteFile) -> Result<Logs, Failure> {
    let store = store::open(dir)?.store;
    let key = SigningKey::from_secret_text(dir.read("ledger.key")?.trim()).map_err(said)?;
    let own = Log::open(store.clone(), &site.id().map_err(said)?, key.verifier()).map_err(said)?;
    let peer = mirrored(dir, site, &store)?;
    Ok(Logs { store, own, peer })
}

/// What a site's figures follow from.
pub(super) fn sources<'s>(
    site: &SiteFile,
    store: &'s dyn Store,
    own: &'s Log,
    peer: Option<&'s Log>,
) -> Result<Sources<'s>, Failure> {
    Ok(Sources {
        site: site.id().map_err(said)?,
        role: site.role,
        store,
        own: Extent::whole(own),
        peer: peer.map(Extent::whole),
    })
}

/// The ledger that a DRC mirrors.
fn mirrored(dir: &SiteDir, site: &SiteFile, store: &Arc<dyn Store>) -> Result<Option<Log>, Failure> {
    if site.role == SiteRole::Pusat {
        return Ok(None);
    }
    let peers = answer(dir, Ask::PeerList)?;
    let Some(peer) = listed(&peers, "peers").iter().find(|its| its["role"] == "pusat" && its["ended"].is_null()) else {
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
