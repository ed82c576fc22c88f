//! The DRC: it pulls what the Pusat Data has, believes nothing of it untried, and keeps it where
//! the Pusat Data cannot reach. `docs/contracts/replication.md`.
//!
//! Everything here blocks. Locks are taken in this order, each for as short as it can be: `mirrored`,
//! `record`, `catalog`, then the small ones.

mod acts;
mod answers;
mod descriptions;
mod error;
mod fetch;
mod ledger;
mod pair;
mod pull;
mod settle;
mod snapshot;
mod status;
mod urgency;
mod work;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pulih_ledger::mirror::Mirror;
use pulih_stores::gateway::ReplicaStore;
use pulih_vault::store::Store;

use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::Authority;
use crate::policy::{self, InForce};
use crate::record::Record;
use crate::site::{SiteDir, SiteFile};
use crate::store::SiteStore;

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
    pub site: SiteFile,
    dir: SiteDir,
    authority: Authority,
    store: Arc<dyn Store>,
    mirrored: Mutex<Mirrored>,
    /// Held for a whole decision: what it counts on must not change before it is written down.
    record: Mutex<Record>,
    /// For looking things up, beside the one that follows the ledger.
    catalog: Mutex<Catalog>,
    policy: Mutex<Arc<InForce>>,
    /// Held while the mirror grows.
    following: Mutex<()>,
    there: Mutex<Option<Arc<ReplicaStore>>>,
    stopping: AtomicBool,
    work: Mutex<Work>,
    /// Something in `work` has changed.
    changed: Condvar,
    /// Seconds since 1970.
    clock: fn() -> i64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drc {
    /// Opens what the site has; then every snapshot that is in the store is written down or named.
    pub fn open(
        dir: &SiteDir,
        site: SiteFile,
        authority: Authority,
        SiteStore { store, .. }: SiteStore,
        catalog: Catalog,
        record: Record,
        clock: fn() -> i64,
    ) -> Answer<Self> {
        let in_force = policy::load(&*store, &site, &catalog)?;
        let mirrored = Mirrored { mirror: None, catalog: Catalog::open(&dir.path("pusat.sqlite"))?, diverged: None };
        let drc = Self {
            site,
            dir: dir.clone(),
            authority,
            store,
            mirrored: Mutex::new(mirrored),
            record: Mutex::new(record),
            catalog: Mutex::new(catalog),
            policy: Mutex::new(Arc::new(in_force)),
            following: Mutex::default(),
            there: Mutex::default(),
            stopping: AtomicBool::new(false),
            work: Mutex::default(),
            changed: Condvar::new(),
            clock,
        };
        drc.open_mirror()?;
        drc.settle_leftovers()?;
        drc.plan()?;
        Ok(drc)
    }

    pub fn in_force(&self) -> Arc<InForce> {
        lock(&self.policy).clone()
    }

    /// How many entries the ledger has.
    pub fn entries(&self) -> u64 {
        lock(&self.record).size()
    }

    /// Signs a checkpoint of the ledger, if there is news.
    pub fn checkpoint(&self) -> Answer<()> {
        Ok(lock(&self.record).checkpoint()?)
    }

    fn id(&self) -> Answer<pulih_ledger::ids::SiteId> {
        self.site.id().map_err(|error| Refusal::internal(&error))
    }
}
