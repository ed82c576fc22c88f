//! The Pusat Data: what it decides and does. Everything here blocks; the gateway and the control
//! socket call it from threads that may.

mod accept;
mod people;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulih_protocol::error::Code;
use pulih_protocol::report::{AgentView, DatasetView, VaultView};
use pulih_vault::id::VaultId;
use pulih_vault::store::Store;
use pulih_vault::utc;

use crate::catalog::{Agent, Catalog, Standing};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::{Authority, CertificateHash};
use crate::record::Record;
use crate::site::SiteFile;
use pulih_policies::Policy;

pub use people::Invited;

/// Seconds: more exactly nobody needs to know when an agent was seen.
const SEEN_EVERY: i64 = 30;

pub struct Pusat {
    pub site: SiteFile,
    authority: Authority,
    store: Arc<dyn Store>,
    /// For looking things up, beside the one that follows the ledger.
    catalog: Mutex<Catalog>,
    /// Held for a whole decision: what it counts on must not change before it is written down.
    record: Mutex<Record>,
    policy: Policy,
    /// Seconds since 1970.
    clock: fn() -> i64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pusat {
    pub fn new(
        site: SiteFile,
        authority: Authority,
        store: Arc<dyn Store>,
        catalog: Catalog,
        record: Record,
        policy: Policy,
        clock: fn() -> i64,
    ) -> Self {
        let (catalog, record) = (Mutex::new(catalog), Mutex::new(record));
        Self { site, authority, store, catalog, record, policy, clock }
    }

    /// Runs `work` on a thread that may block.
    pub async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let pusat = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&pusat)).await;
        done.unwrap_or_else(|error| Err(Refusal::internal(&error)))
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub fn ca_certificate(&self) -> &str {
        self.authority.certificate()
    }

    pub fn agent_of(&self, certificate: CertificateHash) -> Answer<Option<Agent>> {
        let (catalog, now) = (lock(&self.catalog), (self.clock)());
        let agent = catalog.agent_of(certificate, now)?;
        if let Some(agent) = agent.as_ref().filter(|agent| agent.last_seen.is_none_or(|seen| now - seen >= SEEN_EVERY)) {
            catalog.seen(&agent.name, now)?;
        }
        Ok(agent)
    }

    /// That a vault is the agent's to write into.
    pub fn must_be_writer(&self, agent: &Agent, vault: VaultId) -> Answer<()> {
        match lock(&self.catalog).writer_of(&vault.to_string())? {
            Some((writer, _)) if writer == agent.name => Ok(()),
            // Not told apart: whose vaults there are is nobody's business.
            _ => Err(Refusal::new(Code::Forbidden, format!("vault {vault} is not one of agent {}", agent.name))),
        }
    }

    pub fn vaults_of(&self, agent: &Agent) -> Answer<Vec<pulih_vault::store::ObjectName>> {
        let vaults = lock(&self.catalog).vaults_of(&agent.name)?;
        Ok(vaults.iter().filter_map(|vault| format!("vaults/{vault}").parse().ok()).collect())
    }

    pub fn standings(&self) -> Answer<Vec<Standing>> {
        Ok(lock(&self.catalog).standings()?)
    }

    pub fn agents(&self) -> Answer<Vec<Agent>> {
        Ok(lock(&self.catalog).agents()?)
    }

    /// How many entries the ledger has.
    pub fn entries(&self) -> u64 {
        lock(&self.record).size()
    }

    /// Signs a checkpoint of the ledger, if there is news.
    pub fn checkpoint(&self) -> Answer<()> {
        Ok(lock(&self.record).checkpoint()?)
    }

    /// What the site knows of an agent, for that agent.
    pub fn view(&self, agent: &Agent) -> Answer<AgentView> {
        let catalog = lock(&self.catalog);
        let standings = catalog.standings()?;
        let vaults = catalog.vaults_of(&agent.name)?.into_iter().map(|vault| {
            let its = standings.iter().filter(|standing| standing.point.vault == vault);
            let datasets = its
                .map(|standing| DatasetView {
                    dataset: standing.point.dataset.clone(),
                    snapshot: standing.point.snapshot.clone(),
                    accepted: utc::rfc3339(standing.point.accepted),
                    captured: standing.point.captured.clone(),
                })
                .collect();
            VaultView { vault, datasets }
        });
        Ok(AgentView {
            agent: agent.name.clone(),
            opd: agent.opd.clone(),
            site: self.site.name.clone(),
            at: utc::rfc3339((self.clock)()),
            vaults: vaults.collect(),
        })
    }
}
