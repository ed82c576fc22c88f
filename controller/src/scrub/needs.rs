//! What the snapshots of a vault need, by their manifests and reaches, and so what an object costs
//! that is damaged or gone. No key is needed for that.

use std::collections::{BTreeMap, HashSet};

use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::error::VaultError;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName, ObjectKind};
use pulih_vault::manifest::Manifest;
use pulih_vault::reach::chain::{self, Loaded};
use pulih_vault::store::{ObjectName, Store};

use crate::base::{Base, lock};
use crate::catalog::Point;
use crate::gateway::answer::{Answer, Refusal};
use crate::store::MAX_REACH_BYTES;

/// What a snapshot needs.
pub struct Needed {
    pub manifest: ObjectName,
    pub description: ObjectName,
    pub loaded: Loaded,
}

impl Needed {
    /// All objects, in the order in which they are written.
    pub fn objects(&self, layout: Layout) -> impl Iterator<Item = ObjectName> {
        let packs = self.loaded.reach.packs.keys().map(move |hash| layout.pack(*hash));
        let indexes = self.loaded.reach.indexes.iter().map(move |hash| layout.index(*hash));
        let reaches = self.loaded.chain.iter().rev().map(move |hash| layout.reach(*hash));
        let last = [self.manifest.clone()];
        [self.description.clone()].into_iter().chain(packs).chain(indexes).chain(reaches).chain(last)
    }

    fn needs(&self, layout: Layout, object: &ObjectName) -> bool {
        match layout.classify(object) {
            Some(ObjectKind::Pack(hash)) => self.loaded.reach.packs.contains_key(&hash),
            Some(ObjectKind::Index(hash)) => self.loaded.reach.indexes.contains(&hash),
            Some(ObjectKind::Reach(hash)) => self.loaded.chain.contains(&hash),
            Some(ObjectKind::Manifest(..)) => self.manifest == *object,
            Some(ObjectKind::Description(_)) => self.description == *object,
            None => false,
        }
    }
}

/// Why it cannot be said what a snapshot needs: this object is damaged or gone.
#[derive(Debug, Clone)]
pub struct Blind {
    pub object: ObjectName,
    pub why: String,
}

fn blind(fallback: &ObjectName, error: &VaultError) -> Blind {
    Blind { object: error.object().unwrap_or(fallback).clone(), why: error.to_string() }
}

/// The name of a snapshot, in types.
pub fn named(point: &Point) -> Answer<(DatasetName, ManifestName)> {
    let dataset = point.dataset.parse().map_err(|error| Refusal::internal(&error))?;
    Ok((dataset, point.snapshot.parse().map_err(|error| Refusal::internal(&error))?))
}

/// What one snapshot needs, as the objects in `store` say. One that cannot be read may be the store's
/// fault: who calls it damaged asks whether the store is there.
pub fn needed(store: &dyn Store, layout: Layout, dataset: &DatasetName, name: ManifestName) -> Result<Needed, Blind> {
    let manifest = layout.manifest(dataset, name);
    let read = store.read(&manifest, MAX_NOTE_BYTES).map_err(VaultError::from).and_then(|note| {
        if ObjectHash::of(&note) != name.hash {
            return Err(VaultError::HashMismatch { name: manifest.clone() });
        }
        // Its signature was verified when the snapshot was taken in, and its hash is that of then.
        Manifest::claimed(&note).map_err(|source| VaultError::Object { name: manifest.clone(), source })
    });
    let its = match read {
        Ok(its) => its,
        Err(error) => return Err(blind(&manifest, &error)),
    };
    let description = layout.description(its.facts.description);
    match chain::load_chain(store, layout, its.reach, MAX_REACH_BYTES) {
        Ok(loaded) => Ok(Needed { manifest, description, loaded }),
        Err(error) => Err(blind(&layout.reach(its.reach), &error)),
    }
}

/// The folder of a vault.
pub fn vault_folder(vault: VaultId) -> ObjectName {
    format!("vaults/{vault}").parse().expect("a vault's id is within an object name's letters")
}

/// `<dataset>/<manifest>`.
pub fn shown(point: &Point) -> String {
    format!("{}/{}", point.dataset, point.snapshot)
}

impl Base {
    /// The snapshots of a vault, of all its datasets, the newest of each first.
    pub fn points_in(&self, vault: VaultId) -> Answer<Vec<Point>> {
        let catalog = lock(&self.catalog);
        let mut points = Vec::new();
        for dataset in catalog.datasets_of(&vault.to_string())? {
            points.extend(catalog.points(&vault.to_string(), &dataset)?);
        }
        Ok(points)
    }

    /// Calls `each` with some snapshots of a vault, one after the other.
    fn for_each_point(
        &self,
        vault: VaultId,
        points: &[Point],
        mut each: impl FnMut(&Point, Result<Needed, Blind>),
    ) -> Answer<()> {
        let layout = Layout { vault };
        for point in points {
            if self.scrubbing.is_ending() {
                return Err(super::ending());
            }
            let (dataset, name) = named(point)?;
            each(point, needed(&*self.store, layout, &dataset, name));
        }
        Ok(())
    }

    /// Objects that snapshots of a vault need and that are not in the store.
    pub fn missing(&self, vault: VaultId) -> Answer<Vec<ObjectName>> {
        self.lacking(vault, &self.points_in(vault)?, &*self.store, &mut 0)
    }

    /// Objects that some snapshots of a vault need, as this site knows them, and that a store does not list;
    /// `listed` grows by how many it lists of the vault.
    pub fn lacking(
        &self,
        vault: VaultId,
        points: &[Point],
        store: &dyn Store,
        listed: &mut u64,
    ) -> Answer<Vec<ObjectName>> {
        let layout = Layout { vault };
        let (mut hashes, mut names) = (HashSet::new(), HashSet::new());
        self.for_each_point(vault, points, |_, needed| match needed {
            Ok(needed) => {
                hashes.extend(needed.loaded.reach.packs.keys().map(|hash| (0, *hash)));
                hashes.extend(needed.loaded.reach.indexes.iter().map(|hash| (1, *hash)));
                hashes.extend(needed.loaded.chain.iter().map(|hash| (2, *hash)));
                names.extend([needed.manifest, needed.description]);
            }
            // What is listed is read in its turn.
            Err(blind) => {
                names.insert(blind.object);
            }
        })?;
        store.list(&vault_folder(vault), &mut |name| {
            *listed += 1;
            match layout.classify(&name) {
                Some(ObjectKind::Pack(hash)) => hashes.remove(&(0, hash)),
                Some(ObjectKind::Index(hash)) => hashes.remove(&(1, hash)),
                Some(ObjectKind::Reach(hash)) => hashes.remove(&(2, hash)),
                _ => false,
            };
            names.remove(&name);
        })?;
        let named = hashes.into_iter().map(|(kind, hash)| match kind {
            0 => layout.pack(hash),
            1 => layout.index(hash),
            _ => layout.reach(hash),
        });
        let mut missing: Vec<ObjectName> = named.chain(names).collect();
        missing.sort_unstable();
        Ok(missing)
    }

    /// The snapshots that need each of some objects of a vault.
    pub fn costs(&self, vault: VaultId, objects: &[ObjectName]) -> Answer<BTreeMap<ObjectName, Vec<String>>> {
        let layout = Layout { vault };
        let mut costs: BTreeMap<ObjectName, Vec<String>> = objects.iter().map(|name| (name.clone(), vec![])).collect();
        self.for_each_point(vault, &self.points_in(vault)?, |point, needed| match needed {
            Ok(needed) => {
                for (object, snapshots) in &mut costs {
                    if needed.needs(layout, object) {
                        snapshots.push(shown(point));
                    }
                }
            }
            Err(blind) => {
                let of = costs.get_mut(&blind.object);
                of.into_iter().for_each(|snapshots| snapshots.push(shown(point)));
            }
        })?;
        Ok(costs)
    }
}
