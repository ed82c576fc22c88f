//! What every site has, whatever its role: a store, a ledger with the catalog that follows it, the
//! policy in force, a CA and a clock. What a role does beside this is in `pusat` and `drc`; what
//! both do is written once, on this.
//!
//! Everything here blocks. Locks are taken in this order, each for as short as it can be: those of
//! a role, then `record` (a whole decision), then `catalog`, then the small ones.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulih_ledger::ids::SiteId;
use pulih_vault::store::{Keeps, Locks, Store};

use crate::cards;
use crate::catalog::{Catalog, PeerSite, User, Vault};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::Authority;
use crate::policy::{self, InForce};
use crate::record::{Record, time};
use crate::scrub::Scrubbing;
use crate::site::{SiteDir, SiteFile};
use crate::store::SiteStore;

pub struct Base {
    pub site: SiteFile,
    pub dir: SiteDir,
    pub authority: Authority,
    pub store: Arc<dyn Store>,
    /// The same store, if what is in it can be held against everyone.
    pub locks: Option<Arc<dyn Locks>>,
    /// The same store, for what removes and heals: only after it is on the ledger why.
    pub keeps: Arc<dyn Keeps>,
    /// Held for a whole decision: what it counts on must not change before it is written down.
    pub record: Mutex<Record>,
    /// For looking things up, beside the one that follows the ledger.
    pub catalog: Mutex<Catalog>,
    policy: Mutex<Arc<InForce>>,
    /// Held for a whole run of retention, before everything else.
    pub retaining: Mutex<()>,
    /// Objects that retention has removed.
    pub removals: AtomicU64,
    /// Since when this process has the site open, seconds since 1970.
    pub opened: i64,
    pub scrubbing: Scrubbing,
    /// Seconds since 1970.
    pub clock: fn() -> i64,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Base {
    pub fn open(
        dir: &SiteDir,
        site: SiteFile,
        authority: Authority,
        SiteStore { store, locks, keeps }: SiteStore,
        clock: fn() -> i64,
    ) -> Answer<Self> {
        let record = Record::open(dir, &site, store.clone())?;
        let catalog = Catalog::open(&dir.path("catalog.sqlite"))?;
        let in_force = policy::load(&*store, &site, &catalog)?;
        Ok(Self {
            site,
            dir: dir.clone(),
            authority,
            store,
            locks,
            keeps,
            record: Mutex::new(record),
            catalog: Mutex::new(catalog),
            policy: Mutex::new(Arc::new(in_force)),
            retaining: Mutex::default(),
            removals: AtomicU64::new(0),
            opened: clock(),
            scrubbing: Scrubbing::default(),
            clock,
        })
    }

    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    pub fn id(&self) -> Answer<SiteId> {
        self.site.id().map_err(|error| Refusal::internal(&error))
    }

    pub fn in_force(&self) -> Arc<InForce> {
        lock(&self.policy).clone()
    }

    /// Takes the policy from the ledger and the store again.
    pub fn reload_policy(&self, catalog: &Catalog) -> Answer<()> {
        let fresh = policy::load(&*self.store, &self.site, catalog)?;
        *lock(&self.policy) = Arc::new(fresh);
        Ok(())
    }

    pub fn users(&self) -> Answer<Vec<User>> {
        Ok(lock(&self.catalog).users()?)
    }

    pub fn peers(&self) -> Answer<Vec<PeerSite>> {
        Ok(lock(&self.catalog).peers()?)
    }

    /// The vaults of an agent, or of all.
    pub fn vaults(&self, agent: Option<&str>) -> Answer<Vec<Vault>> {
        let catalog = lock(&self.catalog);
        Ok(agent.map_or_else(|| catalog.vaults(), |agent| catalog.vaults_of(agent))?)
    }

    /// SHA-256 of all cards that were ever believed here.
    pub fn known_cards(&self) -> Answer<Vec<String>> {
        Ok(lock(&self.catalog).known_cards()?)
    }

    /// CAs that may have issued what a peer shows, in PEM: this site's own and those in cards that it knows. Who is
    /// let in is looked up by a certificate's hash; this is only who can finish a handshake.
    pub fn authorities(&self, cards: &[String]) -> Answer<Vec<String>> {
        let mut all = vec![self.authority.certificate().to_owned()];
        for card in cards {
            let hash = card.parse().map_err(|error| Refusal::internal(&error))?;
            all.extend(cards::load(&*self.store, &self.id()?, &hash)?.map(|card| card.ca));
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// How many entries the ledger has.
    pub fn entries(&self) -> u64 {
        lock(&self.record).size()
    }

    /// Signs a checkpoint of the ledger, if there is news.
    pub fn checkpoint(&self) -> Answer<()> {
        Ok(lock(&self.record).checkpoint()?)
    }

    /// The signed head of the ledger now.
    pub fn head(&self) -> Answer<String> {
        let at = time(self.now()).map_err(|error| Refusal::internal(&error))?;
        Ok(lock(&self.record).head(at))
    }
}
