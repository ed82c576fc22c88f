//! What may be deleted: decided by what the ledger fixed, and by nothing else. This only plans.

use std::collections::{BTreeMap, BTreeSet};

use pulih_protocol::error::Code;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::trust::TrustedVault;
use serde::Serialize;

use super::{Pusat, lock};
use crate::catalog::{Point, Vault};
use crate::gateway::answer::{Answer, Refusal};

/// Packs that one entry of the ledger may name.
const DOOMED_AT_ONCE: usize = 500;

/// What could be deleted now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Plan {
    pub snapshots: Vec<Expired>,
    /// By vault: packs that only these snapshots need.
    pub packs: BTreeMap<String, Vec<String>>,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expired {
    pub vault: String,
    pub dataset: String,
    pub snapshot: String,
    /// Seconds since 1970; absent: it was one of the newest until others came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<i64>,
}

/// Parts a dataset's snapshots, newest first, into those that are kept and those that need not be.
fn part(points: Vec<Point>, newest: usize, now: i64) -> (Vec<Point>, Vec<Point>) {
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

impl Pusat {
    pub fn plan(&self) -> Answer<Plan> {
        let now = (self.clock)();
        let vaults = lock(&self.catalog).vaults()?;
        let mut plan = Plan::default();
        vaults.iter().try_for_each(|known| self.plan_vault(known, now, &mut plan))?;
        Ok(plan)
    }

    fn plan_vault(&self, known: &Vault, now: i64, plan: &mut Plan) -> Answer<()> {
        let vault: VaultId = known.id.parse().map_err(|error| Refusal::internal(&error))?;
        let (mut needed, mut given_up): (BTreeSet<ObjectHash>, BTreeSet<ObjectHash>) = Default::default();
        let datasets = lock(&self.catalog).datasets_of(&known.id)?;
        if datasets.is_empty() {
            return Ok(());
        }
        let trusted = self.trusted(vault)?;
        for dataset in datasets {
            let rules = self.in_force().rules(&known.class, &known.opd, &dataset)?;
            let points = lock(&self.catalog).points(&known.id, &dataset)?;
            let (kept, expired) = part(points, rules.keep.newest as usize, now);
            for point in &kept {
                needed.extend(self.needs(&trusted, point)?);
            }
            for point in expired {
                given_up.extend(self.needs(&trusted, &point)?);
                plan.snapshots.push(Expired {
                    vault: point.vault,
                    dataset: point.dataset,
                    snapshot: point.snapshot,
                    kept_until: point.keep_until,
                });
            }
        }
        // What no snapshot ever needed may be on its way to one, and is not looked at here.
        let free: Vec<ObjectHash> = given_up.difference(&needed).copied().collect();
        for pack in &free {
            let name = trusted.layout.pack(*pack);
            plan.bytes += lock(&self.catalog).object_size(&known.id, name.as_str())?.unwrap_or(0);
        }
        if !free.is_empty() {
            plan.packs.insert(known.id.clone(), free.iter().map(ToString::to_string).collect());
        }
        Ok(())
    }

    fn needs(&self, trusted: &TrustedVault, point: &Point) -> Answer<impl Iterator<Item = ObjectHash> + use<>> {
        let dataset: DatasetName = point.dataset.parse().map_err(|error| Refusal::internal(&error))?;
        let name: ManifestName = point.snapshot.parse().map_err(|error| Refusal::internal(&error))?;
        let manifest = trusted.manifest(&*self.store, &dataset, name)?;
        Ok(self.reach(trusted.layout.vault, manifest.reach)?.reach.packs.into_keys())
    }

    /// That packs may be doomed: no snapshot that is kept needs them.
    pub fn check_doomed(&self, vault: &str, packs: &[String]) -> Answer<()> {
        if packs.is_empty() || packs.len() > DOOMED_AT_ONCE {
            return Err(Refusal::new(Code::BadRequest, format!("from 1 to {DOOMED_AT_ONCE} packs are doomed at once")));
        }
        // Nothing may be accepted meanwhile, so that only this vault is looked at.
        let mut plan = Plan::default();
        let known = lock(&self.catalog).vault(vault)?;
        known.map(|known| self.plan_vault(&known, (self.clock)(), &mut plan)).transpose()?;
        let free = plan.packs.get(vault);
        match packs.iter().find(|pack| !free.is_some_and(|free| free.contains(pack))) {
            Some(pack) => Err(Refusal::new(
                Code::Refused,
                format!("pack {pack} of vault {vault} is not here, or a snapshot that is kept needs it"),
            )),
            None => Ok(()),
        }
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
