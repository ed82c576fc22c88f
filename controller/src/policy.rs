//! The policy in force at a site: an object of the site, named by its ledger; read once and kept.

use pulih_ledger::entry::kinds::PolicyApplied;
use pulih_policies::{Class, Policy, Rules, Targets};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteFile;

/// What a new site begins with.
pub const DEFAULT: &str = include_str!("../../policies/default.toml");

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

impl InForce {
    pub fn rules(&self, class: &str, opd: &str, dataset: &str) -> Answer<Rules> {
        let class: Class = class.parse().map_err(|error| Refusal::internal(&error))?;
        let none = || Refusal::internal(&format!("the policy has no class {class}"));
        self.policy.rules(class, opd, dataset).ok_or_else(none)
    }

    pub fn targets(&self, class: &str, opd: &str, dataset: &str) -> Answer<Targets> {
        let class: Class = class.parse().map_err(|error| Refusal::internal(&error))?;
        let none = || Refusal::internal(&format!("the policy has no class {class}"));
        self.policy.targets(class, opd, dataset).ok_or_else(none)
    }
}

/// That a policy may come after the one in force; returns it read.
pub fn next(current: &InForce, text: &str) -> Answer<Policy> {
    let bad = |error: &dyn std::fmt::Display| Refusal::new(Code::BadRequest, error.to_string());
    let next = Policy::parse("policy", text.as_bytes()).map_err(|error| bad(&error))?;
    if next.version <= current.policy.version {
        let text = format!(
            "the policy has version {}, and {} is in force; raise `version` and apply it again",
            next.version, current.policy.version
        );
        return Err(Refusal::new(Code::BadRequest, text));
    }
    Ok(next)
}

/// Puts the policy that a person applies into the store, if it is the one that was signed.
pub fn take(
    store: &dyn Store,
    site: &SiteFile,
    current: &InForce,
    its: &PolicyApplied,
    text: Option<&str>,
) -> Answer<()> {
    let bad = |why: &str| Refusal::new(Code::BadRequest, why);
    let text = text.ok_or_else(|| bad("the policy's text is missing"))?;
    let policy = next(current, text)?;
    let named = its.object == ObjectHash::of(text.as_bytes());
    if !named || its.policy != policy.name.to_string() || its.version != u64::from(policy.version) {
        return Err(bad("what was signed is another policy than the one that came with it"));
    }
    put(store, site, text).map(|_| ())
}
