//! The order in which services come back.

use std::collections::{BTreeMap, BTreeSet};

use super::Service;
use crate::name::Name;

/// By tier, then by name, each after what it needs. `Err`: names that wait for each other in a circle.
pub fn of(services: &BTreeMap<Name, Service>) -> Result<Vec<(&Name, &Service)>, Vec<&Name>> {
    let mut waiting: Vec<(&Name, &Service)> = services.iter().collect();
    waiting.sort_by_key(|(name, service)| (service.tier, *name));
    let mut done: BTreeSet<&Name> = BTreeSet::new();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let can = |(_, service): &(&Name, &Service)| {
            service.after.iter().all(|other| done.contains(other) || !services.contains_key(other))
        };
        let Some(at) = waiting.iter().position(can) else { return Err(circle(services, &waiting)) };
        let next = waiting.remove(at);
        done.insert(next.0);
        order.push(next);
    }
    Ok(order)
}

/// Of services that all wait for another of them, some that do so in a circle.
fn circle<'a>(services: &'a BTreeMap<Name, Service>, waiting: &[(&'a Name, &'a Service)]) -> Vec<&'a Name> {
    let stuck: BTreeSet<&Name> = waiting.iter().map(|(name, _)| *name).collect();
    let mut path: Vec<&Name> = waiting.first().map(|(name, _)| *name).into_iter().collect();
    while let Some(last) = path.last() {
        let next = services.get(*last).and_then(|its| its.after.iter().find(|other| stuck.contains(other)));
        let Some(next) = next else { break };
        if let Some(at) = path.iter().position(|known| *known == next) {
            path.drain(..at);
            break;
        }
        path.push(next);
    }
    path
}
