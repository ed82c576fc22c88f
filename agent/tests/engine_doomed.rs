//! Packs that the site will delete: the next backup needs none of them, writes what they held
//! again and nothing else, and everything restores.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pulih_vault::id::ObjectHash;
use pulih_vault::layout::ManifestName;
use pulih_vault::reach::chain;
use pulih_vault::store::{DirStore, Store};
use support::TestVault;
use support::reach::assert_reach_is_exact;
use support::trees;

struct Office {
    folder: tempfile::TempDir,
    vault: TestVault,
    store: Arc<dyn Store>,
}

impl Office {
    /// A tree of files that take several packs.
    fn new() -> Self {
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

    fn root(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn listing(&self) -> PathBuf {
        self.cache().join("default.listing")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn backup(&self) -> (ManifestName, pulih_vault::manifest::Changes) {
        let outcome = self.vault.backup(&self.store, &self.cache(), &self.root()).unwrap();
        assert_reach_is_exact(&self.vault, &self.store, outcome.name);
        self.vault.assert_restores(&self.store, outcome.name, &trees::read(&self.root()), &self.root());
        (outcome.name, outcome.manifest.changes)
    }

    fn packs(&self, name: ManifestName) -> BTreeSet<ObjectHash> {
        let manifest = self.vault.manifest(&*self.store, name);
        chain::load(&*self.store, self.vault.layout, manifest.reach).unwrap().packs.into_keys().collect()
    }

    fn delete(&self, pack: ObjectHash) {
        let object = self.vault.layout.pack(pack);
        fs::remove_file(self.folder.path().join("store").join(object.as_str())).unwrap();
    }
}

/// Bytes that do not compress and differ by `seed`.
fn noise(seed: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new_derive_key("noise of a test").update(&[seed]).finalize_xof().fill(&mut out);
    out
}

#[test]
fn what_a_doomed_pack_held_is_written_again_and_nothing_else() {
    for lose_caches in [false, true] {
        let mut office = Office::new();
        let (first, written) = office.backup();
        let before = office.packs(first);
        assert!(before.len() >= 5, "{}", before.len());
        // Nothing in the tree changes: without its doom the pack would be taken over unread.
        let doomed = *before.iter().next().unwrap();
        office.vault.doomed.insert(doomed);
        if lose_caches {
            fs::remove_dir_all(office.cache()).unwrap();
            fs::create_dir_all(office.cache()).unwrap();
        }
        let (second, again) = office.backup();
        let after = office.packs(second);
        assert!(!after.contains(&doomed));
        assert!(after.intersection(&before).count() >= before.len() - 2, "what is alive is used on");
        assert!(again.new_bytes > 0 && again.new_bytes < written.new_bytes / 2, "{again:?} after {written:?}");
        // Without the last run's listing all files are new to this one, and none to the vault.
        assert_eq!((again.new > 0, again.removed), (lose_caches, 0));
        // The site does what it said; what was written since stands without it.
        office.delete(doomed);
        let (third, settled) = office.backup();
        assert!(!office.packs(third).contains(&doomed));
        assert!(settled.new_bytes < 50_000, "{settled:?}");
    }
}

#[test]
fn all_packs_may_be_doomed() {
    let mut office = Office::new();
    let (first, written) = office.backup();
    office.vault.doomed = office.packs(first);
    let (second, again) = office.backup();
    assert!(office.packs(second).is_disjoint(&office.vault.doomed));
    assert!(again.new_bytes >= written.new_bytes * 9 / 10, "{again:?} after {written:?}");
}

#[test]
fn sums_that_were_made_before_a_chunk_moved_are_not_carried_on() {
    let mut office = Office::new();
    let (first, _) = office.backup();
    let kept = fs::read(office.listing()).unwrap();
    // Another dataset of the vault meets the doom, and has chunks of this one written again.
    fs::remove_file(office.listing()).unwrap();
    office.vault.doomed = office.packs(first);
    office.backup();
    // The site changes its mind. This dataset's listing still counts those chunks where they were.
    office.vault.doomed.clear();
    fs::write(office.listing(), kept).unwrap();
    for number in [0, 7, 21] {
        fs::remove_file(office.root().join(format!("dir-{}/file-{number}", number % 4))).unwrap();
    }
    office.backup();
}
