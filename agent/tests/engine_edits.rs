//! Whatever happens to a tree from day to day: each snapshot restores as it was saved, and its
//! reach counts just what it refers to.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use pulih_vault::layout::ManifestName;
use pulih_vault::store::{DirStore, Store};
use pulih_vault::trust;
use support::TestVault;
use support::reach::assert_reach_is_exact;
use support::trees::{self, Edit};

fn days_of_edits(days: &[Vec<Edit>], lose_cache_on: Option<usize>, limits: (Option<u64>, Option<usize>)) {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path().join("tree"), folder.path().join("cache"));
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(&cache).unwrap();
    let mut vault = TestVault::new();
    vault.limits.unkept_bytes = limits.0.unwrap_or(u64::MAX);
    vault.limits.ids = limits.1.unwrap_or(usize::MAX);
    let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
    vault.begin(&*store);
    let mut saved = Vec::new();
    for (day, edits) in days.iter().enumerate() {
        edits.iter().for_each(|edit| trees::apply(&root, edit));
        if lose_cache_on == Some(day) {
            fs::remove_dir_all(&cache).unwrap();
            fs::create_dir_all(&cache).unwrap();
        }
        let outcome = vault.backup(&store, &cache, &root).unwrap();
        assert_eq!(outcome.manifest.facts.counts.unread, 0);
        assert_reach_is_exact(&vault, &store, outcome.name);
        saved.push((outcome.name, trees::read(&root)));
        assert_nothing_is_stored_again(&vault, &store, &cache, &root);
    }
    for (name, tree) in &saved {
        vault.assert_restores(&store, *name, tree, &root);
    }
    restores_in_place(&vault, &store, &saved, &root);
}

/// The same tree again: nothing is read. The folders above the tree are entries too, and other
/// programs write in them: nothing else may be stored than the leaf that they are in.
fn assert_nothing_is_stored_again(vault: &TestVault, store: &Arc<dyn Store>, cache: &Path, root: &Path) {
    let again = vault.backup(store, cache, root).unwrap().manifest;
    let above = root.components().count() as u64;
    assert!(again.changes.changed < above && again.changes.new == 0 && again.changes.removed == 0);
    assert!(again.changes.new_bytes < 100_000, "{:?}", again.changes);
    // But what has too many ids to be recognised without being read.
    assert!(again.changes.read_bytes == 0 || vault.limits.ids < 60, "{:?}", again.changes);
    assert_reach_is_exact(vault, store, vault.snapshots(&**store).pop().unwrap());
}

/// One snapshot over another: what the newer does not have stays, everything else is as in it.
fn restores_in_place(vault: &TestVault, store: &Arc<dyn Store>, saved: &[(ManifestName, trees::Tree)], root: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    for (name, tree) in saved {
        let summary = vault.restore(store, *name, &target).unwrap();
        // A folder in the way that is not empty is never removed: then the entry is named.
        if summary.failed > 0 {
            return;
        }
        let mut there = trees::read(&target.join(root.strip_prefix("/").unwrap()));
        there.retain(|path, _| tree.contains_key(path));
        trees::assert_same(tree, &there);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 60, ..ProptestConfig::with_cases(ProptestConfig::default().cases / 16) })]
    #[test]
    fn every_day_restores_as_it_was(
        days in proptest::collection::vec(trees::edits(14), 1..5),
        lose_cache_on in proptest::option::of(1usize..4),
        unkept_bytes in proptest::option::of(1u64..300_000),
        ids in proptest::option::of(1usize..60),
    ) {
        days_of_edits(&days, lose_cache_on, (unkept_bytes, ids));
    }
}

#[test]
fn many_small_files_span_leaves_and_levels() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path().join("tree"), folder.path().join("cache"));
    fs::create_dir_all(&cache).unwrap();
    for n in 0..3000u32 {
        let sub = root.join(format!("{:02}", n % 60));
        fs::create_dir_all(&sub).unwrap();
        fs::write(sub.join(format!("f{n}")), n.to_le_bytes().repeat(n as usize % 40)).unwrap();
    }
    let vault = TestVault::new();
    let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
    vault.begin(&*store);
    let mut before = None;
    for day in 0..4u32 {
        let outcome = vault.backup(&store, &cache, &root).unwrap();
        assert_reach_is_exact(&vault, &store, outcome.name);
        assert_ne!(before, Some(outcome.manifest.facts.tree));
        before = Some(outcome.manifest.facts.tree);
        vault.assert_restores(&store, outcome.name, &trees::read(&root), &root);
        for n in (0..3000u32).skip(day as usize * 7).step_by(501) {
            let path = root.join(format!("{:02}/f{n}", n % 60));
            if n % 2 == 0 {
                fs::write(path, day.to_le_bytes().repeat(500)).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let last = vault.backup(&store, &cache, &root).unwrap();
    assert!(last.manifest.changes.unchanged > 2900, "{:?}", last.manifest.changes);
}

/// A run that keeps its work after every few thousand new bytes, in the middle of a large file
/// too: every partial snapshot is whole by itself, and the last one is as if there were none.
#[test]
fn a_long_run_keeps_its_work_in_partial_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path().join("tree"), folder.path().join("cache"));
    fs::create_dir_all(root.join("many")).unwrap();
    fs::create_dir_all(&cache).unwrap();
    for n in 0..2000u32 {
        fs::write(root.join(format!("many/f{n:04}")), n.to_le_bytes().repeat(200)).unwrap();
    }
    fs::write(root.join("large"), trees::bytes(1, 6 << 20)).unwrap();
    let mut vault = TestVault::new();
    vault.limits.unkept_bytes = 512 << 10;
    let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
    vault.begin(&*store);

    let first = vault.backup(&store, &cache, &root).unwrap();
    let names = vault.snapshots(&*store);
    assert!(names.len() > 4, "{names:?}");
    for (at, name) in names.iter().enumerate() {
        let manifest = vault.manifest(&*store, *name);
        assert_eq!(manifest.facts.sequence, at as u64 + 1);
        assert_eq!(manifest.facts.partial, *name != first.name);
        assert_eq!(manifest.previous, at.checked_sub(1).map(|at| names[at]));
        let target = folder.path().join(format!("out-{at}"));
        assert_eq!(vault.restore(&store, *name, &target).unwrap().failed, 0);
    }
    assert_reach_is_exact(&vault, &store, first.name);
    vault.assert_restores(&store, first.name, &trees::read(&root), &root);
    let trusted = trust::load(&*store, vault.layout.vault, |owner| *owner == vault.owner.verifier()).unwrap();
    assert_eq!(trusted.resolve(&*store, "latest", None).unwrap().name, first.name);

    // A second day of which most is as it was.
    fs::write(root.join("large"), trees::bytes(3, 3 << 20)).unwrap();
    fs::write(root.join("many/f0999"), b"changed").unwrap();
    let second = vault.backup(&store, &cache, &root).unwrap();
    assert!(vault.snapshots(&*store).len() > names.len() + 1);
    assert_reach_is_exact(&vault, &store, second.name);
    vault.assert_restores(&store, second.name, &trees::read(&root), &root);
    assert_nothing_is_stored_again(&vault, &store, &cache, &root);
}

/// Not only bytes count: a slow line has little to show after hours.
#[test]
fn time_makes_a_partial_snapshot_due_too() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path().join("tree"), folder.path().join("cache"));
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(&cache).unwrap();
    fs::write(root.join("large"), trees::bytes(1, 6 << 20)).unwrap();
    let mut vault = TestVault::new();
    vault.limits.unkept_time = std::time::Duration::ZERO;
    let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
    vault.begin(&*store);
    let outcome = vault.backup(&store, &cache, &root).unwrap();
    assert!(vault.snapshots(&*store).len() > 2);
    // Nothing is new: nothing needs to be kept.
    let before = vault.snapshots(&*store).len();
    vault.limits.unkept_bytes = 1 << 40;
    let again = vault.backup(&store, &cache, &root).unwrap();
    assert!(vault.snapshots(&*store).len() <= before + 2);
    assert_eq!(again.manifest.previous.map(|name| name.sequence), Some(again.name.sequence - 1));
    assert!(again.name.sequence > outcome.name.sequence);
}

/// A file whose ids are too many to be kept is read under each of its names, while the readers are
/// busy with large files that come after it.
#[test]
fn a_name_that_is_read_again_does_not_wait_for_what_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path().join("tree"), folder.path().join("cache"));
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(&cache).unwrap();
    fs::write(root.join("0"), trees::bytes(1, 100_000)).unwrap();
    fs::hard_link(root.join("0"), root.join("1")).unwrap();
    (2..8u8).for_each(|n| fs::write(root.join(n.to_string()), trees::bytes(n, 6 << 20)).unwrap());
    let mut vault = TestVault::new();
    vault.limits.ids = 1;
    let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
    vault.begin(&*store);
    let outcome = vault.backup(&store, &cache, &root).unwrap();
    vault.assert_restores(&store, outcome.name, &trees::read(&root), &root);
}
