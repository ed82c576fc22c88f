//! Of what figures and states are: datasets that count here now, and services of plans in force.

use std::collections::BTreeSet;

use pulih_evidence::facts::{Facts, Key, Owner};
use pulih_evidence::rto::Service;
use pulih_policies::{Part, Plan};
use serde_json::{Value, json};

use super::read::Said;

/// What both ledgers say.
pub struct Both {
    pub own: Said,
    pub peer: Option<Facts>,
}

impl Both {
    pub fn owner(&self, key: &Key) -> Option<&Owner> {
        self.own.facts.owner(&key.vault).or_else(|| self.peer.as_ref()?.owner(&key.vault))
    }

    /// Datasets that count at a time, in order, of those that are asked for by agent and name.
    pub fn datasets(&self, now: i64, is_asked: impl Fn(&str, &str) -> bool) -> Vec<(Key, Owner)> {
        let keys: BTreeSet<&Key> = self.own.facts.keys().chain(self.peer.iter().flat_map(Facts::keys)).collect();
        let counts = |key: &&Key| {
            let timeline = self.own.facts.timeline(key, self.peer.as_ref());
            timeline.is_some_and(|timeline| timeline.exposure(now).is_some())
        };
        let with_owner = |key: &Key| Some((key.clone(), self.owner(key)?.clone()));
        let all = keys.into_iter().filter(counts).filter_map(with_owner);
        all.filter(|(key, owner)| is_asked(owner.agent.as_str(), key.dataset.as_str())).collect()
    }

    /// A dataset that a plan names, if its vault is known here.
    fn part(&self, part: &Part) -> Option<Key> {
        let all = self.own.facts.vaults().chain(self.peer.iter().flat_map(Facts::vaults));
        let its =
            |owner: &Owner| owner.agent.as_str() == part.agent.as_str() && owner.opd.as_str() == part.opd.as_str();
        let (vault, _) = all.into_iter().find(|(_, owner)| its(owner))?;
        Some(Key { vault: *vault, dataset: part.dataset.as_str().parse().ok()? })
    }

    /// The services of a plan in the order in which they come back.
    pub fn services(&self, plan: &Plan) -> Vec<Service> {
        let of = |parts: &[Part]| Service { datasets: parts.iter().map(|part| self.part(part)).collect() };
        plan.order().into_iter().map(|(_, service)| of(&service.datasets)).collect()
    }
}

/// Whose dataset it is, in every report the same.
pub fn shown(site: &str, key: &Key, owner: &Owner) -> serde_json::Map<String, Value> {
    let its = json!({
        "place": site, "vault": key.vault.to_string(), "dataset": key.dataset.to_string(),
        "agent": owner.agent.as_str(), "opd": owner.opd.as_str(), "class": owner.class,
    });
    its.as_object().cloned().unwrap_or_default()
}
