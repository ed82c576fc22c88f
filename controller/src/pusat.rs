//! The Pusat Data: what it decides and does. Everything here blocks; the gateway and the control
//! socket call it from threads that may. `reading` (a reach in memory) is locked before all that
//! `base` has.

mod accept;
mod acts;
mod cosign;
mod grants;
mod hello;
mod import;
mod keep;
mod listen;
mod pair;
mod people;
mod policy;
mod presence;
mod quota;
mod reaches;
mod status;
mod traffic;

use std::ops::Deref;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use pulih_policies::Size;
use pulih_protocol::error::Code;
use pulih_vault::id::VaultId;
use pulih_vault::layout::vault_of;
use pulih_vault::store::{ObjectName, Store};

use crate::base::{Base, lock};
use crate::catalog::{Agent, Approval, Grant};
use crate::gateway::answer::{Answer, Refusal};
use crate::gateway::meter::Meter;
use crate::pki::CertificateHash;
use crate::site::SiteRole;

pub use accept::Came;
pub use cosign::Added;
pub use grants::draw;
pub use import::Imported;
pub use quota::Reserved;

use grants::ReachMemory;
use presence::Presences;
use quota::Quotas;

pub struct Pusat {
    base: Arc<Base>,
    presences: Mutex<Presences>,
    reaches: Mutex<ReachMemory>,
    /// Held while a peer's reach is in memory: one at a time, before any other lock.
    reading: Mutex<()>,
    quotas: Arc<Quotas>,
    /// Held while a checkpoint of another site is looked at: one at a time, before all that `base` has.
    cosigning: Mutex<()>,
    /// What comes and goes at the gateway.
    pub meter: Arc<Meter>,
    /// When the DRC last asked for the head, seconds since 1970.
    reader_heard: AtomicI64,
}

/// A Pusat Data is a site, and does more.
impl Deref for Pusat {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

/// A text for people of at most so many bytes.
pub(crate) fn is_printable(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.len() <= most && !text.contains(char::is_control)
}

impl Pusat {
    /// Opens what the site has; then every snapshot that is in the store is accepted or named.
    pub fn open(base: Arc<Base>) -> Answer<Self> {
        let pusat = Self::closed(base)?;
        pusat.prepare()?;
        pusat.accept_leftovers()?;
        Ok(pusat)
    }

    /// What takes in snapshots, before it looked at what is there.
    pub fn closed(base: Arc<Base>) -> Answer<Self> {
        let presences = Presences::new(lock(&base.catalog).presences()?);
        let meter = Arc::new(Meter::new(base.clock));
        Ok(Self {
            base,
            meter,
            presences: Mutex::new(presences),
            reaches: Mutex::default(),
            reading: Mutex::default(),
            quotas: Arc::default(),
            cosigning: Mutex::default(),
            reader_heard: AtomicI64::new(i64::MIN / 2),
        })
    }

    /// Counts what is in the store, and writes down descriptions that were not.
    pub fn prepare(&self) -> Answer<()> {
        let is_counted = lock(&self.catalog).is_counted()?;
        if !is_counted {
            self.count_objects()?;
        }
        self.complete_descriptions()?;
        let stored = lock(&self.catalog).stored_by_opd()?;
        self.quotas.begin(stored);
        Ok(())
    }

    /// That agents are taken in here: at a DRC only while a disaster is declared.
    pub fn must_take_in(&self) -> Answer<()> {
        if self.site.role == SiteRole::Pusat || lock(&self.catalog).disaster()?.is_some() {
            return Ok(());
        }
        let text = "no disaster is declared at this DRC: it takes in nothing, and agents go to the Pusat Data";
        Err(Refusal::new(Code::NoDisaster, text))
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

    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub fn ca_certificate(&self) -> &str {
        self.authority.certificate()
    }

    /// A certificate for the gateway, and its key, in PEM.
    pub fn gateway_certificate(&self) -> Answer<(String, String)> {
        let made = self.authority.server(&self.site.name, &self.site.hosts, (self.clock)());
        made.map(|(issued, key)| (issued.pem, key)).map_err(|error| Refusal::internal(&error))
    }

    /// The agent that a certificate was issued to, and when that ends.
    pub fn agent_of(&self, certificate: CertificateHash) -> Answer<Option<(Agent, i64)>> {
        Ok(lock(&self.catalog).agent_of(certificate, (self.clock)())?)
    }

    /// That a vault is the agent's to write into.
    pub fn must_be_writer(&self, agent: &Agent, vault: VaultId) -> Answer<()> {
        match lock(&self.catalog).vault(&vault.to_string())? {
            Some(known) if known.agent == agent.name => Ok(()),
            // Not told apart: whose vaults there are is nobody's business.
            _ => Err(Refusal::new(Code::Forbidden, format!("vault {vault} is not one of agent {}", agent.name))),
        }
    }

    /// That an agent may look into a vault: its own, or one that a grant lets it fetch from.
    pub fn must_be_reader(&self, agent: &Agent, vault: VaultId) -> Answer<()> {
        let granted = lock(&self.catalog).granted_vaults(&agent.name, (self.clock)())?;
        if granted.contains(&vault.to_string()) { Ok(()) } else { self.must_be_writer(agent, vault) }
    }

    /// The folders of the vaults that an agent may look into.
    pub fn readable_vaults(&self, agent: &Agent) -> Answer<Vec<ObjectName>> {
        let catalog = lock(&self.catalog);
        let mut vaults: Vec<String> = catalog.vaults_of(&agent.name)?.into_iter().map(|vault| vault.id).collect();
        vaults.extend(catalog.granted_vaults(&agent.name, (self.clock)())?);
        vaults.sort_unstable();
        vaults.dedup();
        Ok(vaults.iter().filter_map(|vault| format!("vaults/{vault}").parse().ok()).collect())
    }

    pub fn approvals(&self) -> Answer<Vec<Approval>> {
        Ok(lock(&self.catalog).approvals()?)
    }

    pub fn grants(&self) -> Answer<Vec<Grant>> {
        Ok(lock(&self.catalog).grants()?)
    }

    pub fn doomed(&self, vault: VaultId) -> Answer<Vec<String>> {
        Ok(lock(&self.catalog).doomed(&vault.to_string())?)
    }

    /// Packs that the next backup should need no more.
    pub fn avoided(&self, vault: VaultId) -> Answer<Vec<String>> {
        Ok(lock(&self.catalog).avoided(&vault.to_string())?)
    }

    /// Room for `bytes` of an agent's OPD, if its quota has any.
    pub fn reserve(&self, agent: &Agent, bytes: u64) -> Answer<Reserved> {
        let quota = self.in_force().policy.quota(&agent.opd).map(Size::bytes);
        self.quotas.reserve(&agent.opd, bytes, quota)
    }

    /// An object is in the store: it counts, and snapshots may need it.
    pub fn stored(&self, agent: &Agent, name: &ObjectName, size: u64, reserved: Reserved) -> Answer<()> {
        let Some(vault) = vault_of(name) else {
            return Err(Refusal::internal(&format!("{name} of {} is in no vault", agent.name)));
        };
        let catalog = lock(&self.catalog);
        if !catalog.has_object(&vault.to_string(), name.as_str())? {
            catalog.add_object(&vault.to_string(), name.as_str(), size)?;
            reserved.keep();
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
