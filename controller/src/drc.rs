//! The DRC: it pulls what the Pusat Data has, believes nothing of it untried, and keeps it where
//! the Pusat Data cannot reach. `docs/contracts/replication.md`.
//!
//! Everything here blocks. `mirrored` is locked before all that `base` has.

mod acts;
mod answers;
mod descriptions;
mod error;
mod fetch;
mod ledger;
mod pair;
mod pull;
pub mod recovery;
mod settle;
mod snapshot;
mod status;
mod urgency;
mod work;

use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};

use pulih_ledger::mirror::Mirror;
use pulih_stores::gateway::ReplicaStore;

use crate::base::{Base, lock};
use crate::catalog::Catalog;
use crate::gateway::answer::Answer;

pub use pull::Round;

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
    mirrored: Mutex<Mirrored>,
    /// Held while the mirror grows.
    following: Mutex<()>,
    there: Mutex<Option<Arc<ReplicaStore>>>,
    stopping: AtomicBool,
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
    /// Opens what the site has; then every snapshot that is in the store is written down or named.
    pub fn open(base: Arc<Base>) -> Answer<Self> {
        let catalog = Catalog::open(&base.dir.path("pusat.sqlite"))?;
        let drc = Self {
            base,
            mirrored: Mutex::new(Mirrored { mirror: None, catalog, diverged: None }),
            following: Mutex::default(),
            there: Mutex::default(),
            stopping: AtomicBool::new(false),
            work: Mutex::default(),
            changed: Condvar::new(),
        };
        drc.open_mirror()?;
        drc.settle_leftovers()?;
        drc.plan()?;
        Ok(drc)
    }
}
