//! From what an operator wants to what is done for it: which points, in which order, and what is in
//! the way as far as this site knows it. Nothing is changed.

use std::collections::BTreeSet;

use pulih_policies::{Part, Plan, Service, Task, When};
use pulih_protocol::error::Code;

use super::super::{Drc, lock};
use super::order::{Dataset, Item, Manual, Prepared, Wanted};
use super::server;
use crate::catalog::{Catalog, Pin, Point, Recovery, Step};
use crate::gateway::answer::{Answer, Refusal};

/// Points that one recovery brings back, at most: they stand in one entry of the ledger.
pub const MAX_POINTS: usize = 300;

/// What manual steps are called in the ledger.
pub fn manual_what(name: &str) -> String {
    format!("manual {name}")
}

/// What is being put together.
struct Draft<'c> {
    catalog: &'c Catalog,
    pins: Vec<Pin>,
    at: Option<&'c str>,
    /// An interrupted recovery, and what was done of it.
    going: Option<(Recovery, Vec<Step>)>,
    items: Vec<Item>,
    problems: Vec<String>,
}

impl Drc {
    pub(in crate::drc) fn prepare(&self, wanted: &Wanted) -> Answer<Prepared> {
        let plan = wanted.plan.as_deref().map(|name| self.plan_in_force(name)).transpose()?.map(|(plan, ..)| plan);
        // Before the catalog is held: the keeper may take its time.
        let served = wanted.server.as_ref().map(|_| self.servers.must_serve());
        let catalog = lock(&self.catalog);
        let mut draft = Draft {
            pins: catalog.pins()?,
            at: wanted.at.as_deref(),
            going: None,
            items: Vec::new(),
            problems: Vec::new(),
            catalog: &catalog,
        };
        if let Some((name, served)) = wanted.server.as_ref().zip(served) {
            let in_the_way = [server::must_be_let_in(&catalog, name, self.now()), served];
            draft.problems.extend(in_the_way.into_iter().filter_map(Result::err).map(|refusal| refusal.message));
        }
        // Looked for before anything else: it goes on with the points that it began with.
        draft.going = draft.going_on(wanted)?;
        let others = draft.problems.clone();
        draft.fill(plan.as_ref(), wanted)?;
        if !draft.goes_on() {
            // It has other points than that one began with: a new order, which ends the old one.
            (draft.going, draft.items, draft.problems) = (None, Vec::new(), others);
            draft.fill(plan.as_ref(), wanted)?;
        }
        let points = draft.items.iter().filter(|item| matches!(item, Item::Dataset(_))).count();
        if points > MAX_POINTS {
            draft.problems.push(format!("{points} datasets are too many for one recovery; {MAX_POINTS} are the most"));
        }
        if draft.items.is_empty() && draft.problems.is_empty() {
            draft.problems.push("nothing was asked for: name datasets, or a plan with --plan".into());
        }
        Ok(Prepared {
            disaster: catalog.disaster()?.map(|its| its.id),
            recovery: draft.going.map(|(its, _)| its.id),
            items: draft.items,
            problems: draft.problems,
            bytes_per_second: catalog.recovery_rate()?,
        })
    }

    /// The point that is recovered if nobody asks for another.
    pub(super) fn default_point(catalog: &Catalog, vault: &str, dataset: &str) -> Answer<Option<Point>> {
        Ok(catalog.newest_before_suspicion(vault, dataset)?)
    }
}

impl Draft<'_> {
    fn fill(&mut self, plan: Option<&Plan>, wanted: &Wanted) -> Answer<()> {
        match plan {
            Some(plan) => self.follow(plan, &wanted.skip),
            None => wanted.datasets.iter().try_for_each(|name| self.named(name, wanted.agent.as_deref())),
        }
    }

    /// Whether the interrupted recovery has the points that are asked for now, and no others: one that ends as `done`
    /// has brought all of its points back.
    fn goes_on(&self) -> bool {
        let Some((its, _)) = &self.going else { return true };
        let asked = self.items.iter().filter_map(|item| match item {
            Item::Dataset(dataset) => Some(dataset.point()),
            Item::Manual(_) => None,
        });
        asked.collect::<BTreeSet<_>>() == its.points.iter().cloned().collect()
    }

    /// The recovery that was interrupted, if what is wanted is the same.
    fn going_on(&self, wanted: &Wanted) -> Answer<Option<(Recovery, Vec<Step>)>> {
        if wanted.at.is_some() {
            return Ok(None);
        }
        for its in self.catalog.recoveries()? {
            let is_same = (&its.target, &its.plan, &its.server) == (&wanted.target, &wanted.plan, &wanted.server);
            if its.ended.is_some() || !is_same {
                continue;
            }
            let names: BTreeSet<&str> = its.points.iter().filter_map(|point| point.split('/').nth(1)).collect();
            let asked: BTreeSet<&str> =
                wanted.datasets.iter().map(|name| name.rsplit('/').next().unwrap_or(name)).collect();
            if wanted.plan.is_some() || names == asked {
                let steps = self.catalog.steps(&its.id)?;
                return Ok(Some((its, steps)));
            }
        }
        Ok(None)
    }

    fn follow(&mut self, plan: &Plan, skip: &[String]) -> Answer<()> {
        for person in plan.people.values() {
            let Some(user) = &person.user else { continue };
            if self.catalog.user(user.as_str())?.is_none() {
                self.problems.push(format!("the plan's {} ({user}) is not known at this site", person.name));
            }
        }
        for (name, service) in plan.order() {
            let manual = |task: &Task| self.manual(plan, name.as_str(), service, task);
            let (before, after): (Vec<&Task>, Vec<&Task>) =
                service.steps.iter().partition(|task| task.when == When::Before);
            let (before, after): (Vec<Item>, Vec<Item>) =
                (before.into_iter().map(manual).collect(), after.into_iter().map(manual).collect());
            self.items.extend(before);
            for part in &service.datasets {
                if !skip.contains(&format!("{}/{}", part.agent, part.dataset)) {
                    self.part(name.as_str(), part)?;
                }
            }
            self.items.extend(after);
        }
        Ok(())
    }

    fn manual(&self, plan: &Plan, name: &str, service: &Service, task: &Task) -> Item {
        let what = manual_what(task.name.as_str());
        let done =
            self.going.as_ref().is_some_and(|(_, steps)| steps.iter().any(|its| its.is_done() && its.what == what));
        let person = plan.people.get(&service.responsible);
        Item::Manual(Manual {
            service: name.to_owned(),
            name: task.name.to_string(),
            text: task.text.clone(),
            responsible: person.map(|its| its.name.clone()).unwrap_or_default(),
            contact: person.map(|its| its.contact.clone()).unwrap_or_default(),
            done,
        })
    }

    /// A dataset of a plan.
    fn part(&mut self, service: &str, part: &Part) -> Answer<()> {
        let fits = |pin: &&Pin| pin.agent == part.agent.as_str() && pin.opd == part.opd.as_str();
        let pins: Vec<Pin> = self.pins.iter().filter(fits).cloned().collect();
        self.one_of(Some(service), &pins, part.dataset.as_str(), &format!("{}/{}", part.agent, part.dataset))
    }

    /// A dataset that a person named.
    fn named(&mut self, name: &str, agent: Option<&str>) -> Answer<()> {
        let (of, dataset) = name.split_once('/').map_or((agent, name), |(of, dataset)| (Some(of), dataset));
        let fits = |pin: &&Pin| of.is_none_or(|of| pin.agent == of);
        let pins: Vec<Pin> = self.pins.iter().filter(fits).cloned().collect();
        self.one_of(None, &pins, dataset, name)
    }

    fn one_of(&mut self, service: Option<&str>, pins: &[Pin], dataset: &str, asked: &str) -> Answer<()> {
        let mut found = Vec::new();
        for pin in pins {
            if self.catalog.points(&pin.vault, dataset)?.iter().any(|point| !point.partial) {
                found.push(pin);
            }
        }
        match found[..] {
            [pin] => self.point(service, pin, dataset),
            [] => {
                self.problems.push(format!("{asked}: no recovery point of it is at this site"));
                Ok(())
            }
            _ => {
                let agents: Vec<String> =
                    found.iter().map(|pin| format!("{} (vault {})", pin.agent, pin.vault)).collect();
                self.problems.push(format!("{asked}: there are several; name one with --agent: {}", agents.join(", ")));
                Ok(())
            }
        }
    }

    fn point(&mut self, service: Option<&str>, pin: &Pin, dataset: &str) -> Answer<()> {
        let label = format!("{}/{dataset}", pin.agent);
        let usual = Drc::default_point(self.catalog, &pin.vault, dataset)?;
        let points = self.catalog.points(&pin.vault, dataset)?;
        let begun = self.going.as_ref().and_then(|(its, _)| {
            let of = format!("{}/{dataset}/", pin.vault);
            its.points.iter().find_map(|point| point.strip_prefix(&of)).map(str::to_owned)
        });
        let chosen = match (self.at, begun) {
            (Some(at), _) => points.iter().find(|point| id_of(&point.snapshot).starts_with(at)).cloned(),
            (None, Some(begun)) => points.iter().find(|point| point.snapshot == begun).cloned(),
            (None, None) => usual.clone(),
        };
        let Some(chosen) = chosen else {
            let why = match self.at {
                Some(at) => format!("{label}: no recovery point here begins with {at}"),
                None => format!("{label}: each point here is suspected; --at chooses one, with a --reason"),
            };
            self.problems.push(why);
            return Ok(());
        };
        let done = self.going.as_ref().is_some_and(|(_, steps)| {
            steps.iter().any(|its| {
                its.is_done()
                    && its.vault.as_ref() == Some(&pin.vault)
                    && its.snapshot.as_ref() == Some(&chosen.snapshot)
            })
        });
        self.items.push(Item::Dataset(Dataset {
            service: service.map(str::to_owned),
            opd: pin.opd.clone(),
            agent: pin.agent.clone(),
            vault: pin.vault.clone(),
            class: pin.class.clone(),
            dataset: dataset.to_owned(),
            is_other: usual.is_none_or(|usual| usual.snapshot != chosen.snapshot),
            snapshot: chosen.snapshot,
            captured: chosen.captured,
            stored_bytes: chosen.stored_bytes,
            owner: pin.owner.clone(),
            done,
        }));
        Ok(())
    }
}

/// The id in a manifest's name, by which people know a snapshot.
fn id_of(name: &str) -> &str {
    name.split_once('-').map_or(name, |(_, id)| id)
}

/// A point as it stands in the ledger: vault, dataset, manifest.
pub fn parse_point(point: &str) -> Answer<(&str, &str, &str)> {
    let mut parts = point.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(vault), Some(dataset), Some(manifest)) => Ok((vault, dataset, manifest)),
        _ => Err(Refusal::new(Code::BadRequest, format!("{point:?} is no point"))),
    }
}
