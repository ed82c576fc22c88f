//! The policy in force: an object of the site, named by the ledger; read once and kept.

use std::sync::Arc;

use pulih_policies::{Class, Policy, Rules};
use pulih_protocol::error::Code;
use pulih_protocol::policy::PolicyInForce;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, Store, StoreError};
use pulih_vault::utc;

use super::{Pusat, lock};
use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteFile;

/// What a new site begins with.
pub const DEFAULT: &str = include_str!("../../../policies/default.toml");

/// A policy with its text.
pub struct InForce {
    pub policy: Policy,
    pub text: String,
    /// BLAKE3 of its canonical form.
    pub hash: String,
    pub since: i64,
}

/// Where a policy's text lies.
pub fn object(site: &SiteFile, hash: ObjectHash) -> Answer<ObjectName> {
    let name = site.id().map_err(|error| Refusal::internal(&error))?;
    format!("site/{name}/policies/{hash}").parse().map_err(|error| Refusal::internal(&error))
}

/// Puts a policy's text into the store, where it may be already.
pub fn put(store: &dyn Store, site: &SiteFile, text: &str) -> Answer<ObjectHash> {
    let hash = ObjectHash::of(text.as_bytes());
    match store.create(&object(site, hash)?, text.as_bytes()) {
        Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(hash),
        Err(error) => Err(error.into()),
    }
}

/// Reads what the catalog says is in force.
pub fn load(store: &dyn Store, site: &SiteFile, catalog: &Catalog) -> Answer<InForce> {
    let (hash, since) = catalog.policy()?.ok_or_else(|| Refusal::internal(&"the ledger has no policy"))?;
    let hash: ObjectHash = hash.parse().map_err(|error| Refusal::internal(&error))?;
    let bytes = store.read(&object(site, hash)?, pulih_policies::MAX_BYTES as u64)?;
    if ObjectHash::of(&bytes) != hash {
        return Err(Refusal::internal(&format!("the policy {hash} in the store is damaged")));
    }
    let policy = Policy::parse("policy", &bytes).map_err(|error| Refusal::internal(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| Refusal::internal(&error))?;
    Ok(InForce { hash: policy.hash().to_string(), policy, text, since })
}

impl Pusat {
    pub fn in_force(&self) -> Arc<InForce> {
        lock(&self.policy).clone()
    }

    /// The policy as an agent fetches it.
    pub fn policy_for_agents(&self) -> PolicyInForce {
        let its = self.in_force();
        PolicyInForce { hash: its.hash.clone(), text: its.text.clone(), applied: utc::rfc3339(its.since) }
    }

    /// That a policy may come after the one in force; returns it read.
    pub fn next_policy(&self, text: &str) -> Answer<Policy> {
        let bad = |error: &dyn std::fmt::Display| Refusal::new(Code::BadRequest, error.to_string());
        let next = Policy::parse("policy", text.as_bytes()).map_err(|error| bad(&error))?;
        let current = self.in_force();
        if next.version <= current.policy.version {
            let text = format!(
                "the policy has version {}, and {} is in force; raise `version` and apply it again",
                next.version, current.policy.version
            );
            return Err(Refusal::new(Code::BadRequest, text));
        }
        Ok(next)
    }

    /// Takes the policy from the ledger and the store again.
    pub fn reload_policy(&self, catalog: &Catalog) -> Answer<()> {
        let fresh = load(&*self.store, &self.site, catalog)?;
        *lock(&self.policy) = Arc::new(fresh);
        Ok(())
    }
}

impl InForce {
    pub fn rules(&self, class: &str, opd: &str, dataset: &str) -> Answer<Rules> {
        let class: Class = class.parse().map_err(|error| Refusal::internal(&error))?;
        let none = || Refusal::internal(&format!("the policy has no class {class}"));
        self.policy.rules(class, opd, dataset).ok_or_else(none)
    }
}
