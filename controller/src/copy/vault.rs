//! The snapshots of a vault, onto the copy: descriptions, then of each snapshot packs, indexes, reaches
//! and last the manifest, the newest of each dataset first.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;

use pulih_ledger::receipt::CopiedDataset;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{Layout, ManifestName};
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::trust;

use super::object::Copied;
use super::{Copying, at_medium};
use crate::base::{Base, lock};
use crate::catalog::Point;
use crate::gateway::answer::{Answer, Refusal};
use crate::parallel;
use crate::scrub::names::hash_in;
use crate::scrub::needs::{named, needed, shown, vault_folder};

/// Objects of one snapshot that are copied at once.
const STREAMS: usize = 4;

/// What snapshots of a dataset are on the copy, and what they need together.
#[derive(Default)]
struct OfDataset {
    manifests: BTreeSet<ManifestName>,
    needed: HashSet<ObjectHash>,
    bytes: u64,
}

impl Base {
    /// The vaults that have a snapshot here.
    pub(super) fn copied_vaults(&self) -> Answer<Vec<VaultId>> {
        let vaults: BTreeSet<String> = lock(&self.catalog).accepted()?.into_iter().map(|its| its.point.vault).collect();
        vaults.iter().map(|vault| vault.parse().map_err(|error| Refusal::internal(&error))).collect()
    }
}

impl Copying<'_> {
    pub fn vault(&self, vault: VaultId, datasets: &mut Vec<CopiedDataset>, incomplete: &mut Vec<String>) -> Answer<()> {
        let layout = Layout { vault };
        let mut there = self.there(vault)?;
        // The whole chain: a restorer follows it from the first to the newest.
        for description in trust::description_names(&*self.base.store, vault)? {
            self.all(&[layout.description(description)], &mut there)?;
        }
        let mut all: BTreeMap<String, OfDataset> = BTreeMap::new();
        for point in newest_first(self.base.points_in(vault)?) {
            let (dataset, name) = named(&point)?;
            let its = match needed(&*self.base.store, layout, &dataset, name) {
                Ok(needed) => {
                    let objects: Vec<ObjectName> = needed.objects(layout).collect();
                    self.all(&objects, &mut there)?.then_some(objects)
                }
                Err(blind) => {
                    self.base.note_damage(&[(blind.object, blind.why)])?;
                    None
                }
            };
            match its {
                Some(objects) => self.count(all.entry(point.dataset.clone()).or_default(), &point, &objects)?,
                None => incomplete.push(format!("{vault}/{}", shown(&point))),
            }
        }
        for (dataset, its) in all {
            datasets.push(CopiedDataset {
                vault,
                dataset: dataset.parse().map_err(|error| Refusal::internal(&error))?,
                manifests: its.manifests.into_iter().collect(),
                objects: its.needed.len() as u64,
                bytes: its.bytes,
            });
        }
        Ok(())
    }

    /// What the copy has of a vault, by the hashes: names of objects with one hash differ in their kind only.
    fn there(&self, vault: VaultId) -> Answer<HashSet<ObjectHash>> {
        let mut there = HashSet::new();
        let listed = self.to.list(&vault_folder(vault), &mut |name| there.extend(hash_in(&name)));
        listed.map_err(at_medium)?;
        Ok(there)
    }

    /// Copies what is missing of some objects, in order as far as it matters: the last one after all
    /// others, those before it as they come. Whether all are there now; what is damaged is written down.
    fn all(&self, objects: &[ObjectName], there: &mut HashSet<ObjectHash>) -> Answer<bool> {
        let hashed = objects.iter().filter_map(|name| hash_in(name).map(|hash| (name.clone(), hash)));
        let missing: Vec<(ObjectName, ObjectHash)> = hashed.filter(|(_, hash)| !there.contains(hash)).collect();
        let damaged: Mutex<Vec<(ObjectName, String)>> = Mutex::default();
        let copy = |(name, hash): &(ObjectName, ObjectHash)| {
            if let Copied::Damaged(why) = self.object(name, *hash)? {
                lock(&damaged).push((name.clone(), why));
            }
            Ok(())
        };
        // Packs by themselves, then the rest one by one: indexes, reaches from the oldest on, the manifest.
        let packs = missing.iter().take_while(|(name, _)| !is_after_packs(name)).count();
        parallel::each(&missing[..packs], STREAMS, copy)?;
        for its in &missing[packs..] {
            if !lock(&damaged).is_empty() {
                break;
            }
            copy(its)?;
        }
        let damaged = std::mem::take(&mut *lock(&damaged));
        if damaged.is_empty() {
            there.extend(missing.iter().map(|(_, hash)| *hash));
            return Ok(true);
        }
        self.base.note_damage(&damaged)?;
        Ok(false)
    }

    fn count(&self, its: &mut OfDataset, point: &Point, objects: &[ObjectName]) -> Answer<()> {
        its.manifests.insert(point.snapshot.parse().map_err(|error| Refusal::internal(&error))?);
        for name in objects {
            if hash_in(name).is_some_and(|hash| its.needed.insert(hash)) {
                its.bytes += self.size(&point.vault, name)?;
            }
        }
        Ok(())
    }

    fn size(&self, vault: &str, name: &ObjectName) -> Answer<u64> {
        if let Some(size) = lock(&self.base.catalog).object_size(vault, name.as_str())? {
            return Ok(size);
        }
        match self.base.store.size(name) {
            Err(StoreError::NotFound { .. }) => self.to.size(name).map_err(at_medium),
            size => Ok(size?),
        }
    }
}

fn is_after_packs(name: &ObjectName) -> bool {
    ["/index/", "/reach/", "/snapshots/"].iter().any(|kind| name.as_str().contains(kind))
}

/// The newest point of each dataset, then the others, the newest first.
fn newest_first(points: Vec<Point>) -> Vec<Point> {
    let mut seen = BTreeSet::new();
    let (first, mut rest): (Vec<Point>, Vec<Point>) =
        points.into_iter().partition(|point| seen.insert(point.dataset.clone()));
    rest.sort_by_key(|point| std::cmp::Reverse(point.accepted));
    first.into_iter().chain(rest).collect()
}
