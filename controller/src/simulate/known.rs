//! What this site knows of its datasets, before anything is simulated.

use std::collections::{BTreeMap, BTreeSet};

use pulih_policies::simulate::{Growth, Held};
use pulih_policies::{Class, Tier};

use crate::catalog::{Catalog, Point};
use crate::comply::coverage::until;
use crate::comply::records::Records;
use crate::gateway::answer::{Answer, Refusal};

/// So many of the newest points say how fast a dataset changes.
const MEASURED: usize = 100;

/// A dataset that is saved, or of which there are points.
#[derive(Debug)]
pub struct Dataset {
    pub opd: String,
    pub agent: String,
    pub name: String,
    pub class: Class,
    /// Runs go on: it is approved, and its agent is not revoked.
    pub is_saved: bool,
    pub held: Vec<Held>,
    pub growth: Option<Growth>,
    /// How many seconds of its past the growth was measured over.
    pub measured_seconds: i64,
    /// How long its backups take usually, as its agent says.
    pub usual_seconds: Option<i64>,
    /// When its approval in force was given, and until when it is.
    pub approved: Option<(i64, Option<i64>)>,
}

/// All that is known.
#[derive(Debug)]
pub struct Known {
    pub datasets: Vec<Dataset>,
    /// Bytes that each office has stored now.
    pub stored: BTreeMap<String, u64>,
    /// When the newest point came.
    pub newest: Option<i64>,
}

impl Known {
    pub fn of(catalog: &Catalog, records: &Records) -> Answer<Self> {
        let approved = approved(records);
        let revoked: BTreeSet<String> =
            catalog.agents()?.into_iter().filter(|its| its.revoked.is_some()).map(|its| its.name).collect();
        let usual = usual(catalog)?;
        let mut datasets = Vec::new();
        for vault in catalog.vaults()? {
            let class: Class = vault.class.parse().map_err(|error| Refusal::internal(&error))?;
            let mut names: BTreeSet<String> = catalog.datasets_of(&vault.id)?.into_iter().collect();
            names.extend(approved.keys().filter(|(of, _)| *of == vault.id).map(|(_, name)| name.clone()));
            for name in names {
                let points = points(catalog, &vault.id, &name)?;
                let (growth, measured_seconds) = growth(catalog, &vault.id, &name, &points)?;
                let approved = approved.get(&(vault.id.clone(), name.clone())).copied();
                datasets.push(Dataset {
                    opd: vault.opd.clone(),
                    agent: vault.agent.clone(),
                    class,
                    is_saved: approved.is_some() && !revoked.contains(&vault.agent),
                    held: points.iter().map(held).collect(),
                    growth,
                    measured_seconds,
                    usual_seconds: usual.get(&(vault.agent.clone(), name.clone())).copied(),
                    approved,
                    name,
                });
            }
        }
        datasets.sort_by(|a, b| (&a.opd, &a.agent, &a.name).cmp(&(&b.opd, &b.agent, &b.name)));
        let newest = datasets.iter().filter_map(|its| its.held.last()).map(|its| its.accepted).max();
        Ok(Self { datasets, stored: catalog.stored_by_opd()?.into_iter().collect(), newest })
    }
}

/// Approvals in force, by vault and dataset: the newest of each.
fn approved(records: &Records) -> BTreeMap<(String, String), (i64, Option<i64>)> {
    let mut approved: BTreeMap<(String, String), (i64, Option<i64>)> = BTreeMap::new();
    for (its, ended) in records.own.register().approvals.values() {
        let is_over = [*ended, until(its)].into_iter().flatten().any(|end| end <= records.now);
        if its.at > records.now || is_over {
            continue;
        }
        let known = approved.entry((its.says.vault.to_string(), its.says.dataset.to_string()));
        let given = (its.at, until(its));
        known.and_modify(|known| *known = given.max(*known)).or_insert(given);
    }
    approved
}

/// Complete points that are kept, the first accepted first.
fn points(catalog: &Catalog, vault: &str, dataset: &str) -> Answer<Vec<Point>> {
    let mut points = catalog.points(vault, dataset)?;
    points.retain(|point| !point.partial);
    points.reverse();
    Ok(points)
}

fn held(point: &Point) -> Held {
    let took = |tier: &Tier| point.tiers.split(' ').any(|name| name == tier.as_str());
    Held {
        accepted: point.accepted,
        until: point.keep_until,
        tiers: Tier::ALL.into_iter().filter(took).collect(),
        is_late: point.late,
    }
}

/// By what this site measured of points that came right after one another, and over how many seconds. What was measured
/// of a point is against the one before it, of which nobody knows when it came once it has expired.
fn growth(catalog: &Catalog, vault: &str, dataset: &str, points: &[Point]) -> Answer<(Option<Growth>, i64)> {
    let Some(newest) = points.last() else { return Ok((None, 0)) };
    let measured = catalog.new_bytes(vault, dataset)?;
    let (mut bytes, mut seconds) = (0_u128, 0_i64);
    for pair in points[points.len().saturating_sub(MEASURED)..].windows(2) {
        let follows = sequence(&pair[1]).zip(sequence(&pair[0])).is_some_and(|(its, before)| its == before + 1);
        if let Some(new) = measured.get(&pair[1].snapshot).filter(|_| follows) {
            bytes += u128::from(*new);
            seconds += (pair[1].accepted - pair[0].accepted).max(1);
        }
    }
    if seconds == 0 {
        return Ok((None, 0));
    }
    let daily = u64::try_from(bytes * 86_400 / seconds as u128).unwrap_or(u64::MAX);
    Ok((Some(Growth { full: newest.stored_bytes, daily }), seconds))
}

fn sequence(point: &Point) -> Option<u64> {
    point.snapshot.split_once('-')?.0.parse().ok()
}

/// The median of what is on record of each dataset.
fn usual(catalog: &Catalog) -> Answer<BTreeMap<(String, String), i64>> {
    let mut all: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
    for (agent, dataset, seconds) in catalog.job_seconds()? {
        all.entry((agent, dataset)).or_default().push(seconds);
    }
    let median = |mut times: Vec<i64>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    Ok(all.into_iter().map(|(of, times)| (of, median(times))).collect())
}
