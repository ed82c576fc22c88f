//! The DRC: it pulls what the Pusat Data has, believes nothing of it untried, and keeps it where
//! the Pusat Data cannot reach. `docs/contracts/replication.md`.
//!
//! Everything here blocks. `mirrored` is locked before all that `base` has.

mod acts;
mod adopt;
mod alone;
mod answers;
pub mod changes;
mod checkpoint;
mod compare;
mod cosign;
mod damage;
mod dates;
mod descriptions;
pub mod drills;
mod error;
mod fetch;
mod handover;
mod heads;
mod keep;
mod ledger;
mod listen;
mod moved;
mod objects;
mod pair;
mod plan;
mod pull;
pub mod recovery;
mod rehomed;
mod room;
mod settle;
mod snapshot;
mod status;
mod there;
mod urgency;
mod work;

#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use pulih_ledger::mirror::Mirror;

use crate::base::{Base, lock};
use crate::catalog::Catalog;
use crate::gateway::answer::Answer;
use crate::gateway::lines::Lines;
use crate::pusat::Pusat;

pub use pull::Round;

use cosign::Exchange;
use drills::Drilling;
use recovery::server::Servers;
use there::There;
use work::Work;

/// The Pusat Data as this DRC knows it.
struct Mirrored {
    /// `None`: nothing came yet.
    mirror: Option<Mirror>,
    /// What its ledger says.
    catalog: Catalog,
    /// Why it does not go on from the mirror, if it does not.
    diverged: Option<String>,
}

pub struct Drc {
    base: Arc<Base>,
    /// What takes in agents' snapshots while a disaster is declared: the same code as at a Pusat Data.
    intake: Arc<Pusat>,
    mirrored: Mutex<Mirrored>,
    /// Held while the mirror grows.
    following: Mutex<()>,
    /// Held while what the mirror has is adopted.
    adopting: Mutex<()>,
    there: Mutex<Option<Arc<dyn There>>>,
    /// What the two sites have co-signed.
    exchange: Mutex<Exchange>,
    /// Bandwidth by the hour of this site's policy.
    lines: Lines,
    stopping: AtomicBool,
    /// After the first try that the line kept from succeeding.
    first_pause: Duration,
    /// Servers that recover from here, and what each may have for it now.
    pub servers: Servers,
    /// What whoever follows a drill's worker hears of people.
    pub drilling: Drilling,
    /// The pairing has ended.
    parted: AtomicBool,
    work: Mutex<Work>,
    /// Something in `work` has changed.
    changed: Condvar,
}

/// A DRC is a site, and does more.
impl Deref for Drc {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl Drc {
    /// Opens what the site has; then every snapshot that is in the store and was waited for is written down or named.
    pub fn open(base: Arc<Base>) -> Answer<Self> {
        let source = base.site.role.other().as_str();
        let catalog = Catalog::open(&base.dir.path(&format!("{source}.sqlite")))?;
        let drc = Self {
            intake: Arc::new(Pusat::closed(base.clone())?),
            base,
            mirrored: Mutex::new(Mirrored { mirror: None, catalog, diverged: None }),
            following: Mutex::default(),
            adopting: Mutex::default(),
            there: Mutex::default(),
            exchange: Mutex::default(),
            lines: Lines::default(),
            stopping: AtomicBool::new(false),
            first_pause: fetch::FIRST_PAUSE,
            servers: Servers::default(),
            drilling: Drilling::default(),
            parted: AtomicBool::new(false),
            work: Mutex::default(),
            changed: Condvar::new(),
        };
        drc.wait_if_made_anew()?;
        drc.make_changes()?;
        drc.keep_peer_card()?;
        drc.open_mirror()?;
        drc.plan()?;
        drc.settle_leftovers()?;
        drc.open_intake();
        // What fails is tried again while it serves, and keeps nothing that is here from being restored.
        if let Err(refusal) = drc.sweep_if_drc() {
            eprintln!("warning: drills that were broken off have not ended yet: {}", refusal.message);
        }
        Ok(drc)
    }

    pub fn intake(&self) -> &Arc<Pusat> {
        &self.intake
    }

    /// While a disaster is declared, goes on where an earlier process ended. What fails is tried again while it
    /// serves, and keeps nothing that is here from being restored.
    fn open_intake(&self) {
        let opened = || {
            self.adopt_if_due()?;
            if lock(&self.catalog).disaster()?.is_none() {
                return Ok(());
            }
            self.intake.prepare()?;
            self.intake.accept_leftovers()
        };
        if let Err(refusal) = opened() {
            eprintln!("warning: agents are not taken in yet: {}", refusal.message);
        }
    }
}
