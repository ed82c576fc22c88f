//! Recovery plans: which services of a regency come back first, what they need, what people do by
//! hand, and whom to call. `docs/contracts/plan.md`.

mod order;
mod problem;
mod read;

use std::collections::BTreeMap;

use crate::name::Name;
use crate::quantity::Span;

pub use problem::PlanProblem;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub name: Name,
    /// Rises with each version that is applied.
    pub version: u32,
    pub title: String,
    pub people: BTreeMap<Name, Person>,
    pub services: BTreeMap<Name, Service>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// For people: name and office.
    pub name: String,
    pub role: String,
    /// How to reach them at night.
    pub contact: String,
    /// Who this is at the DRC, if the person acts there.
    pub user: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub title: String,
    /// 1 comes first.
    pub tier: u32,
    /// How soon it should be back.
    pub rto: Option<Span>,
    /// Who answers for it: a key of `people`.
    pub responsible: Name,
    /// Services that have to be back before it.
    pub after: Vec<Name>,
    pub datasets: Vec<Part>,
    /// What people do by hand, in this order.
    pub steps: Vec<Task>,
}

/// A dataset that belongs to a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    pub opd: Name,
    pub agent: Name,
    pub dataset: Name,
}

/// Something that a person does by hand, and ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// By which it is ticked; no two of a plan have the same.
    pub name: Name,
    pub text: String,
    pub when: When,
}

/// Whether a manual step comes before the service's datasets or after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

impl Plan {
    /// The services in the order in which they come back: by tier, and each after what it needs.
    pub fn order(&self) -> Vec<(&Name, &Service)> {
        // A plan that was read has no cycle.
        order::of(&self.services).unwrap_or_default()
    }
}
