//! What could go now: decided by what the ledger says, and by nothing else. This only plans.

use std::collections::{BTreeMap, BTreeSet};

use pulih_vault::layout::Layout;
use serde::{Deserialize, Serialize};

use crate::base::{Base, lock};
use crate::catalog::{Catalog, Deletion, Point, Vault, doubt};
use crate::gateway::answer::{Answer, Refusal};

/// What could be deleted now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Plan {
    /// Why nothing expires at all.
    pub stopped: Option<String>,
    pub snapshots: Vec<Expired>,
    /// By vault: packs that only these snapshots need.
    pub packs: BTreeMap<String, Vec<String>>,
    pub bytes: u64,
    /// Datasets of which something would go, were it not for a hold or a suspicion.
    pub kept_back: Vec<KeptBack>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    pub vault: String,
    pub dataset: String,
    pub snapshot: String,
    /// Seconds since 1970; absent: it was one of the newest until others came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<i64>,
    /// The deletion that two people asked for; absent: its date is past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptBack {
    pub vault: String,
    pub dataset: String,
    pub snapshots: usize,
    pub why: String,
}

/// What may go of one dataset.
pub(super) enum Verdict {
    Expires(Vec<Expired>),
    KeptBack(KeptBack),
}

/// Parts a dataset's snapshots, newest first, into those that are kept and those that need not be.
pub(super) fn part(points: Vec<Point>, newest: usize, now: i64) -> (Vec<Point>, Vec<Point>) {
    let mut whole = 0;
    points.into_iter().partition(|point| {
        // The work of a long run, until a snapshot has come after it.
        if point.partial {
            return whole == 0 || point.keep_until.is_some_and(|until| until > now);
        }
        whole += 1;
        whole <= newest || point.keep_until.is_some_and(|until| until > now)
    })
}

/// Why nothing may expire at a site, if something speaks against it.
pub(super) fn stopped_by(catalog: &Catalog, now: i64) -> Answer<Option<String>> {
    if let Some(disaster) = catalog.disaster()? {
        return Ok(Some(format!("disaster {} is declared; nothing expires until it ends", disaster.id)));
    }
    clock_doubt(catalog, now)
}

/// Why the site's clock is not believed, until a person has looked.
pub fn clock_doubt(catalog: &Catalog, now: i64) -> Answer<Option<String>> {
    if let Some(stopped) = catalog.stopped()? {
        return Ok(Some(stopped.reason));
    }
    Ok(doubt(catalog.newest_time()?, now))
}

impl Base {
    /// What may go of a dataset; `catalog` must not change before it is acted on.
    pub(super) fn verdict(
        &self,
        catalog: &Catalog,
        known: &Vault,
        dataset: &str,
        deletions: &[Deletion],
        now: i64,
    ) -> Answer<Verdict> {
        let newest = self.in_force().rules(&known.class, &known.opd, dataset)?.keep.newest as usize;
        let (kept, past) = part(catalog.points(&known.id, dataset)?, newest, now);
        let expired = |point: Point, deletion: Option<String>| Expired {
            vault: point.vault,
            dataset: point.dataset,
            snapshot: point.snapshot,
            kept_until: point.keep_until,
            deletion,
        };
        let mut expires: Vec<Expired> = past.into_iter().map(|point| expired(point, None)).collect();
        for point in kept {
            let asked = deletions
                .iter()
                .find(|its| its.vault == known.id && its.dataset == dataset && its.manifests.contains(&point.snapshot));
            if let Some(its) = asked.filter(|its| its.approved.is_some()) {
                expires.push(expired(point, Some(its.id.clone())));
            }
        }
        if expires.is_empty() {
            return Ok(Verdict::Expires(expires));
        }
        let back = |why: String| {
            let (vault, dataset, snapshots) = (known.id.clone(), dataset.to_owned(), expires.len());
            Ok(Verdict::KeptBack(KeptBack { vault, dataset, snapshots, why }))
        };
        if let Some(hold) = catalog.holds_on(&known.id)?.iter().find(|hold| hold.covers(&known.id, dataset)) {
            return back(format!("hold {} (letter {})", hold.id, hold.letter));
        }
        if let Some(its) = catalog.suspected(&known.id, dataset)? {
            return back(format!("suspicion {}: {}", its.id, its.text));
        }
        Ok(Verdict::Expires(expires))
    }

    pub fn retention_plan(&self) -> Answer<Plan> {
        let now = self.now();
        let (vaults, deletions, stopped) = {
            let catalog = lock(&self.catalog);
            (catalog.vaults()?, catalog.deletions()?, stopped_by(&catalog, now)?)
        };
        let mut plan = Plan { stopped, ..Plan::default() };
        for known in vaults {
            let datasets = lock(&self.catalog).datasets_of(&known.id)?;
            let mut expires = Vec::new();
            for dataset in datasets {
                match self.verdict(&lock(&self.catalog), &known, &dataset, &deletions, now)? {
                    Verdict::Expires(some) => expires.extend(some),
                    Verdict::KeptBack(back) => plan.kept_back.push(back),
                }
            }
            if !expires.is_empty() {
                self.plan_packs(&known, &expires, &mut plan)?;
                plan.snapshots.extend(expires);
            }
        }
        Ok(plan)
    }

    /// The packs that only these snapshots of a vault need.
    fn plan_packs(&self, known: &Vault, expires: &[Expired], plan: &mut Plan) -> Answer<()> {
        let layout = Layout { vault: known.id.parse().map_err(|error| Refusal::internal(&error))? };
        let names: BTreeSet<(String, String)> =
            expires.iter().map(|its| (its.dataset.clone(), its.snapshot.clone())).collect();
        let needed = self.needed(known, &names)?;
        let mut free = BTreeSet::new();
        for (dataset, name) in &names {
            let points = lock(&self.catalog).points(&known.id, dataset)?;
            let Some(point) = points.iter().find(|point| point.snapshot == *name) else { continue };
            let packs = self.reach_of(point)?.reach.packs.into_keys();
            free.extend(packs.filter(|pack| !needed.packs.contains(pack)));
        }
        let catalog = lock(&self.catalog);
        for pack in &free {
            plan.bytes += catalog.object_size(&known.id, layout.pack(*pack).as_str())?.unwrap_or(0);
        }
        if !free.is_empty() {
            plan.packs.insert(known.id.clone(), free.iter().map(ToString::to_string).collect());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(number: u8, keep_until: Option<i64>, partial: bool) -> Point {
        Point {
            vault: "v".into(),
            dataset: "d".into(),
            snapshot: number.to_string(),
            captured: String::new(),
            accepted: 0,
            keep_until,
            tiers: String::new(),
            stored_bytes: 0,
            partial,
            late: false,
        }
    }

    #[test]
    fn the_newest_and_what_is_not_over_stay() {
        let points = vec![
            point(9, None, true),
            point(8, None, false),
            point(7, None, true),
            point(6, None, false),
            point(5, None, false),
            point(4, Some(101), false),
            point(3, Some(100), false),
        ];
        let (kept, expired) = part(points, 2, 100);
        let names = |points: &[Point]| points.iter().map(|point| point.snapshot.clone()).collect::<String>();
        assert_eq!(names(&kept), "9864");
        assert_eq!(names(&expired), "753");
    }
}
