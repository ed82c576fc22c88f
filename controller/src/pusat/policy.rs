//! The policy in force at the Pusat Data.

use std::sync::Arc;

use pulih_protocol::policy::PolicyInForce;
use pulih_vault::utc;

use super::{Pusat, lock};
use crate::catalog::Catalog;
use crate::gateway::answer::Answer;
use crate::policy::{InForce, load};

impl Pusat {
    pub fn in_force(&self) -> Arc<InForce> {
        lock(&self.policy).clone()
    }

    /// The policy as an agent fetches it.
    pub fn policy_for_agents(&self) -> PolicyInForce {
        let its = self.in_force();
        PolicyInForce { hash: its.hash.clone(), text: its.text.clone(), applied: utc::rfc3339(its.since) }
    }

    /// Takes the policy from the ledger and the store again.
    pub fn reload_policy(&self, catalog: &Catalog) -> Answer<()> {
        let fresh = load(&*self.store, &self.site, catalog)?;
        *lock(&self.policy) = Arc::new(fresh);
        Ok(())
    }
}
