//! From a plan's file to a plan, with everything that is wrong told at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Part, Person, Plan, PlanProblem, Service, Task, When, order};
use crate::name::Name;
use crate::problem::{Refused, Schema};
use crate::read::{self, Entry, Table};

const TYPE: &str = "pulih/plan/v1";
const MAX_TEXT_BYTES: usize = 500;
const MAX_TIER: u32 = 9;
/// Datasets and steps of one service, and services that one waits for.
const MAX_LIST: usize = 100;

impl Plan {
    /// Reads a plan file. `file` is its name as it should stand in errors.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Refused> {
        read::read(Schema::Plan, file, bytes, |sink, root| plan(&Table::root(sink, root)))
    }
}

fn plan(root: &Table) -> Option<Plan> {
    let kind = root.needed("type")?;
    if kind.text()? != TYPE {
        kind.report(PlanProblem::Type.into());
        return None;
    }
    let name = root.needed("name").and_then(|entry| entry.parse());
    let version = root.needed("version").and_then(|entry| entry.number(1, u32::MAX));
    let title = line(root, "title");
    let people = people(root);
    let services = services(root, &people);
    root.finish();
    Some(Plan { name: name?, version: version?, title: title?, people, services })
}

/// A line for people that must be there.
fn line(table: &Table, key: &'static str) -> Option<String> {
    let entry = table.needed(key)?;
    let text = entry.text()?;
    if !text.trim().is_empty() && text.len() <= MAX_TEXT_BYTES && !text.contains(char::is_control) {
        return Some(text.to_owned());
    }
    entry.report(PlanProblem::Text.into());
    None
}

fn people(root: &Table) -> BTreeMap<Name, Person> {
    let Some(table) = root.needed("person").and_then(|entry| entry.table()) else { return BTreeMap::new() };
    let read = |(key, table): (Name, Table)| {
        let (name, role, contact) = (line(&table, "name"), line(&table, "role"), line(&table, "contact"));
        let user = table.entry("user").and_then(|entry| entry.parse());
        table.finish();
        // Named even if something of it is wrong: who refers to it is not wrong too.
        let text = Option::unwrap_or_default;
        (key, Person { name: text(name), role: text(role), contact: text(contact), user })
    };
    table.named().into_iter().map(read).collect()
}

fn services(root: &Table, people: &BTreeMap<Name, Person>) -> BTreeMap<Name, Service> {
    let Some(table) = root.needed("service").and_then(|entry| entry.table()) else { return BTreeMap::new() };
    let named = table.named();
    let mut services = BTreeMap::new();
    let mut seen = Seen::default();
    for (name, table) in &named {
        if let Some(service) = service(table, people, &mut seen) {
            services.insert(name.clone(), service);
        }
    }
    let known: BTreeSet<&Name> = named.iter().map(|(name, _)| name).collect();
    for (name, table) in &named {
        let (Some(service), Some(entry)) = (services.get(name), table.entry("after")) else { continue };
        for other in &service.after {
            if !known.contains(other) {
                entry.report(PlanProblem::NoSuch { what: "service", name: other.clone() }.into());
            }
            if let Some(its) = services.get(other).filter(|its| its.tier > service.tier) {
                let (tier, later) = (service.tier, its.tier);
                entry.report(PlanProblem::LaterTier { tier, other: other.clone(), later }.into());
            }
        }
    }
    if let Err(circle) = order::of(&services) {
        let names: Vec<&str> = circle.iter().chain(circle.first()).map(|name| name.as_str()).collect();
        let place = circle.first().and_then(|first| named.iter().find(|(name, _)| name == *first));
        let entry = place.and_then(|(_, table)| table.entry("after"));
        entry.iter().for_each(|entry| entry.report(PlanProblem::Cycle(names.join(" -> ")).into()));
    }
    services
}

/// What no two services of a plan may both have.
#[derive(Default)]
struct Seen {
    datasets: BTreeSet<Part>,
    steps: BTreeSet<Name>,
}

fn service(table: &Table, people: &BTreeMap<Name, Person>, seen: &mut Seen) -> Option<Service> {
    let title = line(table, "title");
    let tier = table.needed("tier").and_then(|entry| entry.number(1, MAX_TIER));
    let rto = table.entry("rto").and_then(|entry| entry.parse());
    let responsible = table.needed("responsible").and_then(|entry| {
        let name: Name = entry.parse()?;
        if !people.contains_key(&name) {
            entry.report(PlanProblem::NoSuch { what: "person", name: name.clone() }.into());
        }
        Some(name)
    });
    let after = items(table, "after", name);
    let datasets = items(table, "datasets", |entry| part(entry, seen));
    let steps = items(table, "steps", |entry| task(entry, seen));
    table.finish();
    if datasets.is_empty() && steps.is_empty() && table.entry("datasets").is_none() && table.entry("steps").is_none() {
        table.report(PlanProblem::Nothing.into());
    }
    Some(Service { title: title?, tier: tier?, rto, responsible: responsible?, after, datasets, steps })
}

fn items<T>(table: &Table, key: &'static str, mut read: impl FnMut(&Entry) -> Option<T>) -> Vec<T> {
    let list = table.entry(key).and_then(|entry| entry.list(1, MAX_LIST)).unwrap_or_default();
    list.iter().filter_map(&mut read).collect()
}

fn name(entry: &Entry) -> Option<Name> {
    entry.parse()
}

fn part(entry: &Entry, seen: &mut Seen) -> Option<Part> {
    let table = entry.table()?;
    let name = |key| table.needed(key).and_then(|entry| entry.parse::<Name>());
    let (opd, agent, dataset) = (name("opd"), name("agent"), name("dataset"));
    table.finish();
    let part = Part { opd: opd?, agent: agent?, dataset: dataset? };
    if !seen.datasets.insert(part.clone()) {
        entry.report(PlanProblem::Twice(format!("{}/{}", part.agent, part.dataset)).into());
    }
    Some(part)
}

fn task(entry: &Entry, seen: &mut Seen) -> Option<Task> {
    let table = entry.table()?;
    let name: Option<Name> = table.needed("name").and_then(|entry| entry.parse());
    let text = line(&table, "text");
    let when = table.needed("when").and_then(|entry| match entry.text()? {
        "before" => Some(When::Before),
        "after" => Some(When::After),
        _ => {
            entry.report(PlanProblem::When.into());
            None
        }
    });
    table.finish();
    let task = Task { name: name?, text: text?, when: when? };
    if !seen.steps.insert(task.name.clone()) {
        entry.report(PlanProblem::Twice(task.name.to_string()).into());
    }
    Some(task)
}
