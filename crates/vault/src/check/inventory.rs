//! What a store has of a vault, by kind.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use crate::description::DescriptionName;
use crate::error::Result;
use crate::id::ObjectHash;
use crate::layout::{DatasetName, Layout, ManifestName, ObjectKind};
use crate::store::{ObjectName, Store};

/// Strays that are listed; more are counted.
const LISTED: usize = 1000;

#[derive(Default)]
pub struct Inventory {
    pub descriptions: Vec<DescriptionName>,
    pub manifests: BTreeSet<(DatasetName, ManifestName)>,
    pub reaches: BTreeSet<ObjectHash>,
    pub indexes: BTreeSet<ObjectHash>,
    /// With their sizes.
    pub packs: BTreeMap<ObjectHash, u64>,
    /// Objects that are none of a vault's.
    pub strays: Vec<ObjectName>,
    pub strays_count: u64,
}

impl Inventory {
    pub fn take(store: &dyn Store, layout: Layout, findings: &Findings) -> Result<Self> {
        let mut inventory = Self::default();
        let mut packs = Vec::new();
        // The folder above that of the descriptions: the vault's own.
        let own = layout.folder("vault");
        let own = own.as_str().trim_end_matches("/vault");
        if let Ok(own) = own.parse() {
            store.list(&own, &mut |object| match layout.classify(&object) {
                Some(ObjectKind::Pack(hash)) => packs.push(hash),
                Some(kind) => inventory.add(kind),
                None => inventory.stray(object),
            })?;
        }
        for hash in packs {
            let name = layout.pack(hash);
            match store.size(&name) {
                Ok(size) => drop(inventory.packs.insert(hash, size)),
                Err(error) => findings.damaged(&name, &error.into()),
            }
        }
        inventory.descriptions.sort_by_key(|name| (name.number, name.hash));
        inventory.strays.sort();
        Ok(inventory)
    }

    fn add(&mut self, kind: ObjectKind) {
        match kind {
            ObjectKind::Description(name) => self.descriptions.push(name),
            ObjectKind::Manifest(dataset, name) => drop(self.manifests.insert((dataset, name))),
            ObjectKind::Reach(hash) => drop(self.reaches.insert(hash)),
            ObjectKind::Index(hash) => drop(self.indexes.insert(hash)),
            ObjectKind::Pack(_) => {}
        }
    }

    fn stray(&mut self, object: ObjectName) {
        self.strays_count += 1;
        if self.strays.len() < LISTED {
            self.strays.push(object);
        }
    }
}
