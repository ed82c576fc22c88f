//! One page for those who answer for the regency: each service, since when its data is lost, when it is
//! expected back, how it stands, and who answers for it.

use pulih_vault::utc;
use serde::Serialize;

use super::super::{Drc, lock};
use super::prepare::manual_what;
use crate::catalog::{Catalog, Pin, Recovery, Step};
use crate::gateway::answer::Answer;

#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    site: String,
    at: String,
    /// In which people read times.
    zone: String,
    disaster: Option<Declared>,
    /// The plan whose services these are; without one each dataset stands for itself.
    plan: Option<String>,
    services: Vec<Row>,
    bytes_per_second: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Declared {
    disaster: String,
    reason: String,
    #[serde(rename = "declared")]
    since: String,
    seconds: i64,
}

#[derive(Debug, Serialize)]
struct Row {
    service: String,
    tier: Option<u32>,
    /// What was written after this is lost: the oldest of its datasets' points.
    lost_since: Option<String>,
    /// `null`: nobody can say, or it is back.
    expected: Option<String>,
    /// `back`, `running`, `waiting`, `failed`, `no-point`
    state: &'static str,
    back_since: Option<String>,
    responsible: String,
    contact: String,
}

/// What is looked at for every service.
struct View<'c> {
    catalog: &'c Catalog,
    pins: Vec<Pin>,
    /// Of this disaster, the newest first, with their steps.
    recoveries: Vec<(Recovery, Vec<Step>)>,
    rate: Option<u64>,
    now: i64,
    /// Bytes of services that come before.
    ahead: u64,
}

/// What one dataset comes to.
struct Found {
    captured: Option<i64>,
    stored_bytes: u64,
    back: Option<i64>,
    failed: bool,
}

impl Drc {
    pub fn disaster_report(&self) -> Answer<Report> {
        let now = self.now();
        let (name, going) = {
            let catalog = lock(&self.catalog);
            let going = catalog.disaster()?;
            let recent = catalog.recoveries()?.into_iter().find_map(|its| its.plan);
            let only = catalog.plans()?.pop().map(|plan| plan.name);
            (recent.or(only), going)
        };
        let plan = name.map(|name| self.plan_in_force(&name)).transpose()?.map(|(plan, ..)| plan);
        let catalog = lock(&self.catalog);
        let mut recoveries = Vec::new();
        for its in catalog.recoveries()? {
            let of_this = going.as_ref().is_none_or(|going| its.began >= going.declared);
            if of_this {
                let steps = catalog.steps(&its.id)?;
                recoveries.push((its, steps));
            }
        }
        let rate = catalog.recovery_rate()?;
        let pins = catalog.pins()?;
        let mut view = View { catalog: &catalog, pins, recoveries, rate, now, ahead: 0 };
        let services = match &plan {
            Some(plan) => {
                let mut rows = Vec::new();
                for (_, service) in plan.order() {
                    let datasets: Vec<(String, String)> = service
                        .datasets
                        .iter()
                        .map(|part| (part.agent.to_string(), part.dataset.to_string()))
                        .collect();
                    let manual: Vec<String> =
                        service.steps.iter().map(|task| manual_what(task.name.as_str())).collect();
                    let person = plan.people.get(&service.responsible);
                    let mut row = view.row(&service.title, &datasets, &manual)?;
                    row.tier = Some(service.tier);
                    row.responsible = person.map(|its| its.name.clone()).unwrap_or_default();
                    row.contact = person.map(|its| its.contact.clone()).unwrap_or_default();
                    rows.push(row);
                }
                rows
            }
            None => view.every_dataset()?,
        };
        Ok(Report {
            kind: "pulih/disaster-report/v1",
            site: self.site.name.clone(),
            at: utc::rfc3339(now),
            zone: self.in_force().policy.zone.to_string(),
            disaster: going.map(|its| Declared {
                seconds: (now - its.declared).max(0),
                since: utc::rfc3339(its.declared),
                disaster: its.id,
                reason: its.reason,
            }),
            plan: plan.map(|plan| plan.title),
            services,
            bytes_per_second: rate,
        })
    }
}

impl View<'_> {
    fn every_dataset(&mut self) -> Answer<Vec<Row>> {
        let mut rows = Vec::new();
        for pin in self.pins.clone() {
            for dataset in self.catalog.datasets_of(&pin.vault)? {
                let title = format!("{} · {}/{dataset}", pin.opd, pin.agent);
                rows.push(self.row(&title, &[(pin.agent.clone(), dataset)], &[])?);
            }
        }
        Ok(rows)
    }

    fn row(&mut self, title: &str, datasets: &[(String, String)], manual: &[String]) -> Answer<Row> {
        let mut found = Vec::new();
        for (agent, dataset) in datasets {
            found.push(self.find(agent, dataset)?);
        }
        let ticked = |what: &String| {
            self.recoveries.iter().flat_map(|(_, steps)| steps).find(|its| its.is_done() && its.what == *what)
        };
        let ticks: Vec<Option<i64>> = manual.iter().map(|what| ticked(what).map(Step::ended)).collect();
        let all: Vec<Option<i64>> = found.iter().map(|its| its.back).chain(ticks).collect();
        let back = all.iter().copied().collect::<Option<Vec<i64>>>().and_then(|times| times.into_iter().max());
        let is_missing = found.iter().any(|its| its.captured.is_none());
        let left: u64 = found.iter().filter(|its| its.back.is_none()).map(|its| its.stored_bytes).sum();
        let state = match back {
            Some(_) => "back",
            None if is_missing => "no-point",
            None if found.iter().any(|its| its.failed) => "failed",
            None if all.iter().any(Option::is_some) || self.is_running(datasets) => "running",
            None => "waiting",
        };
        self.ahead += left;
        // What a service that has no point takes, nobody knows; those after it do not wait for it.
        let expected = self.rate.filter(|_| back.is_none() && !is_missing);
        let expected = expected.map(|rate| utc::rfc3339(self.now + (self.ahead / rate.max(1)) as i64));
        Ok(Row {
            service: title.to_owned(),
            tier: None,
            lost_since: found.iter().filter_map(|its| its.captured).min().filter(|_| !is_missing).map(utc::rfc3339),
            expected,
            state,
            back_since: back.map(utc::rfc3339),
            responsible: String::new(),
            contact: String::new(),
        })
    }

    fn is_running(&self, datasets: &[(String, String)]) -> bool {
        let open = self.recoveries.iter().filter(|(its, _)| its.ended.is_none());
        open.flat_map(|(its, _)| &its.points).any(|point| {
            datasets.iter().any(|(agent, dataset)| {
                self.pins
                    .iter()
                    .any(|pin| pin.agent == *agent && point.starts_with(&format!("{}/{dataset}/", pin.vault)))
            })
        })
    }

    fn find(&self, agent: &str, dataset: &str) -> Answer<Found> {
        let mut found = Found { captured: None, stored_bytes: 0, back: None, failed: false };
        for pin in self.pins.iter().filter(|pin| pin.agent == agent) {
            let Some(point) = Drc::default_point(self.catalog, &pin.vault, dataset)? else { continue };
            let of = |step: &&Step| step.vault.as_ref() == Some(&pin.vault) && step.dataset.as_deref() == Some(dataset);
            let last = self.recoveries.iter().find_map(|(_, steps)| steps.iter().rev().find(of));
            // What was brought back counts, also if it is not the newest.
            let chosen = last.and_then(|step| step.snapshot.clone());
            let points = self.catalog.points(&pin.vault, dataset)?;
            let point = points.into_iter().find(|its| chosen.as_ref() == Some(&its.snapshot)).unwrap_or(point);
            found.captured = utc::parse(&point.captured);
            found.stored_bytes = point.stored_bytes;
            found.back = last.filter(|step| step.is_done()).map(Step::ended);
            found.failed = last.is_some_and(|step| !step.is_done());
        }
        Ok(found)
    }
}
