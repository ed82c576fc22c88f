//! The policy as agents fetch it.

use pulih_protocol::policy::PolicyInForce;
use pulih_vault::utc;

use super::Pusat;

impl Pusat {
    pub fn policy_for_agents(&self) -> PolicyInForce {
        let its = self.in_force();
        PolicyInForce { hash: its.hash.clone(), text: its.text.clone(), applied: utc::rfc3339(its.since) }
    }
}
