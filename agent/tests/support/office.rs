//! A vault whose site dooms and avoids packs, and a tree of files that take several packs.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pulih_agent::backup::Outcome;
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::ManifestName;
use pulih_vault::reach::{Reach, chain};
use pulih_vault::store::{DirStore, Store};

use super::TestVault;
use super::reach::assert_reach_is_exact;
use super::trees;

pub struct Office {
    pub folder: tempfile::TempDir,
    pub vault: TestVault,
    pub store: Arc<dyn Store>,
}

impl Office {
    /// A tree of files that take several packs.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = TestVault::new();
        let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
        vault.begin(&*store);
        let office = Self { folder, vault, store };
        fs::create_dir_all(office.cache()).unwrap();
        for number in 0..40_u8 {
            office.write(&format!("dir-{}/file-{number}", number % 4), &noise(number, 600_000));
        }
        office
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub fn listing(&self) -> PathBuf {
        self.cache().join("default.listing")
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Saves the tree, and holds what was saved against it.
    pub fn save(&self) -> Outcome {
        let outcome = self.vault.backup(&self.store, &self.cache(), &self.root()).unwrap();
        assert_reach_is_exact(&self.vault, &self.store, outcome.name);
        self.assert_restores(outcome.name, &trees::read(&self.root()));
        outcome
    }

    pub fn backup(&self) -> (ManifestName, pulih_vault::manifest::Changes) {
        let outcome = self.save();
        (outcome.name, outcome.manifest.changes)
    }

    pub fn assert_restores(&self, name: ManifestName, saved: &trees::Tree) {
        self.vault.assert_restores(&self.store, name, saved, &self.root());
    }

    pub fn reach(&self, name: ManifestName) -> Reach {
        let manifest = self.vault.manifest(&*self.store, name);
        chain::load(&*self.store, self.vault.layout, manifest.reach).unwrap()
    }

    pub fn packs(&self, name: ManifestName) -> BTreeSet<ObjectHash> {
        self.reach(name).packs.into_keys().collect()
    }

    pub fn delete(&self, pack: ObjectHash) {
        let object = self.vault.layout.pack(pack);
        fs::remove_file(self.folder.path().join("store").join(object.as_str())).unwrap();
    }
}

/// Bytes that do not compress and differ by `seed`.
pub fn noise(seed: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new_derive_key("noise of a test").update(&[seed]).finalize_xof().fill(&mut out);
    out
}
