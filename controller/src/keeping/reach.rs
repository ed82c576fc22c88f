//! What snapshots need, read one at a time: how much memory a reach takes is up to whoever wrote it.

use std::collections::{BTreeSet, HashSet};

use pulih_protocol::error::Code;
use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::reach::chain::{self, Loaded};
use pulih_vault::store::ObjectName;

use crate::base::{Base, lock};
use crate::catalog::{Point, Vault};
use crate::gateway::answer::{Answer, Refusal};
use crate::store::MAX_REACH_BYTES;

/// Which snapshot, in types.
pub(super) struct Named {
    pub layout: Layout,
    pub dataset: DatasetName,
    pub name: ManifestName,
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Answer<T> {
    text.parse().map_err(|error: T::Err| Refusal::internal(&error))
}

impl Named {
    pub fn of(point: &Point) -> Answer<Self> {
        let layout = Layout { vault: parsed::<VaultId>(&point.vault)? };
        Ok(Self { layout, dataset: parsed(&point.dataset)?, name: parsed(&point.snapshot)? })
    }

    pub fn object(&self) -> ObjectName {
        self.layout.manifest(&self.dataset, self.name)
    }
}

/// Everything that the kept snapshots of a vault need.
pub(super) struct Needed {
    pub packs: HashSet<ObjectHash>,
    /// Indexes and reaches, by name.
    pub small: HashSet<String>,
    /// The number of the newest snapshot when this was gathered.
    pub number: i64,
}

impl Base {
    /// The reach of a snapshot. Its manifest is the one that the ledger names, by its hash; who signed it was
    /// checked when it was accepted.
    pub(super) fn reach_of(&self, point: &Point) -> Answer<Loaded> {
        let its = Named::of(point)?;
        let note = self.store.read(&its.object(), MAX_NOTE_BYTES)?;
        if ObjectHash::of(&note) != its.name.hash {
            return Err(Refusal::new(Code::Refused, format!("{} is damaged", its.object())));
        }
        let manifest = Manifest::claimed(&note)
            .map_err(|error| Refusal::new(Code::Refused, format!("{}: {error}", its.object())))?;
        Ok(chain::load_chain(&*self.store, its.layout, manifest.reach, MAX_REACH_BYTES)?)
    }

    /// What is needed by the kept snapshots of a vault, without those named in `except`.
    pub(super) fn needed(&self, known: &Vault, except: &BTreeSet<(String, String)>) -> Answer<Needed> {
        let layout = Layout { vault: parsed(&known.id)? };
        let number = lock(&self.catalog).newest_number(&known.id)?;
        let mut needed = Needed { packs: HashSet::new(), small: HashSet::new(), number };
        let datasets = lock(&self.catalog).datasets_of(&known.id)?;
        for dataset in datasets {
            let points = lock(&self.catalog).points(&known.id, &dataset)?;
            for point in points {
                if except.contains(&(point.dataset.clone(), point.snapshot.clone())) {
                    continue;
                }
                let its = self.reach_of(&point)?;
                needed.packs.extend(its.reach.packs.into_keys());
                let indexes = its.reach.indexes.into_iter().map(|hash| layout.index(hash));
                let names = indexes.chain(its.chain.into_iter().map(|hash| layout.reach(hash)));
                needed.small.extend(names.map(|name| name.to_string()));
            }
        }
        Ok(needed)
    }
}
