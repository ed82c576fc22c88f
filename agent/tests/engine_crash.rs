//! The power fails, or the disk is full, at every operation of a backup: what was saved before
//! is whole, what was reported as saved is there, and the next backup works.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulih_vault::layout::ManifestName;
use pulih_vault::reach::chain;
use pulih_vault::reader::walk::ChunkCursor;
use pulih_vault::store::sim_disk::{Moment, PowerCut, SimDisk};
use pulih_vault::store::{DirStore, Store};
use support::{TestVault, copy_folder, trees};

struct Scene {
    _folder: tempfile::TempDir,
    root: PathBuf,
    cache: PathBuf,
    vault: TestVault,
    disk: SimDisk,
    saved: Vec<ManifestName>,
    tree: trees::Tree,
}

fn store(disk: &SimDisk) -> Arc<dyn Store> {
    Arc::new(DirStore::on(disk.clone()))
}

/// Two snapshots on a simulated disk, and a tree that has changed since.
fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path().join("tree"), folder.path().join("cache"));
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::create_dir_all(&cache).unwrap();
    let mut vault = TestVault::new();
    // Each run keeps its work once on the way.
    vault.limits.unkept_bytes = 100_000;
    let disk = SimDisk::new();
    vault.begin(&*store(&disk));
    let mut saved = Vec::new();
    for day in 0..3u8 {
        for n in 0..6u8 {
            fs::write(root.join(format!("f{n}")), trees::bytes(n * 3 + day * (n % 2), 30_000 + usize::from(day)))
                .unwrap();
        }
        fs::write(root.join(format!("sub/day{day}")), trees::bytes(101 + day * 2, 50_000)).unwrap();
        if day < 2 {
            saved.push(vault.backup(&store(&disk), &cache, &root).unwrap().name);
        }
    }
    let tree = trees::read(&root);
    Scene { _folder: folder, root, cache, vault, disk, saved, tree }
}

/// Reads every node and every chunk of a snapshot.
fn assert_whole(vault: &TestVault, store: &Arc<dyn Store>, name: ManifestName) {
    let manifest = vault.manifest(&**store, name);
    let scratch = tempfile::tempdir().unwrap();
    let reader = vault.reader(store, &manifest, scratch.path());
    let mut content = ChunkCursor::new(&reader);
    ChunkCursor::new(&reader)
        .walk(manifest.facts.tree, &|_, _| true, &mut |entry| {
            let Some(its) = entry.content() else { return Ok(()) };
            let mut ids = Vec::new();
            content.content_ids(its, &mut |id| {
                ids.push(id);
                Ok(())
            })?;
            ids.iter().try_for_each(|id| content.chunk(id).map(|_| ()))
        })
        .unwrap();
}

/// What must hold of a disk after a run that may have failed; `cache` is what that run left.
fn assert_valid(scene: &Scene, disk: &SimDisk, cache: &Path, done: Option<ManifestName>) {
    let store = store(disk);
    let there = scene.vault.snapshots(&*store);
    assert!(scene.saved.iter().chain(&done).all(|name| there.contains(name)), "a snapshot is gone");
    there.iter().for_each(|name| assert_whole(&scene.vault, &store, *name));
    let next = scene.vault.backup(&store, cache, &scene.root).unwrap();
    scene.vault.assert_restores(&store, next.name, &scene.tree, &scene.root);
}

/// The operations of the run that is tried, by their numbers on the disk.
fn operations(scene: &Scene) -> std::ops::Range<usize> {
    let disk = scene.disk.snapshot();
    let cache = scene.cache.with_file_name("cache.count");
    copy_folder(&scene.cache, &cache);
    let from = disk.ops().len();
    scene.vault.backup(&store(&disk), &cache, &scene.root).unwrap();
    let manifests = scene.vault.snapshots(&*store(&disk));
    assert!(manifests.iter().any(|name| scene.vault.manifest(&*store(&disk), *name).facts.partial));
    from..disk.ops().len()
}

#[test]
fn a_power_cut_at_every_operation_costs_no_snapshot() {
    let scene = scene();
    let all = operations(&scene);
    assert!(all.len() > 20, "{all:?}");
    for at in all {
        for moment in [Moment::Before, Moment::Midway, Moment::After] {
            let disk = scene.disk.snapshot();
            let cache = scene.cache.with_file_name(format!("cache.{at}.{moment:?}"));
            copy_folder(&scene.cache, &cache);
            disk.cut_power_at(at, moment);
            let done = scene.vault.backup(&store(&disk), &cache, &scene.root).ok().map(|outcome| outcome.name);
            for cut in [PowerCut::LosesUnsynced, PowerCut::KeepsUnsynced, PowerCut::Zeros, PowerCut::Random(at as u64)]
            {
                let again = cache.with_extension(format!("{cut:?}"));
                copy_folder(&cache, &again);
                assert_valid(&scene, &disk.after_power_cut(cut), &again, done);
                fs::remove_dir_all(&again).unwrap();
            }
            fs::remove_dir_all(&cache).unwrap();
        }
    }
}

#[test]
fn a_full_disk_at_every_operation_costs_no_snapshot() {
    let scene = scene();
    for at in operations(&scene) {
        let disk = scene.disk.snapshot();
        let cache = scene.cache.with_file_name(format!("cache.full.{at}"));
        copy_folder(&scene.cache, &cache);
        disk.fill_at(at);
        let done = scene.vault.backup(&store(&disk), &cache, &scene.root);
        if let Err(error) = &done {
            assert!(error.to_string().contains("full"), "{error}");
        }
        disk.free_space();
        assert_valid(&scene, &disk, &cache, done.ok().map(|outcome| outcome.name));
    }
}

#[test]
fn a_pack_that_is_gone_is_written_again() {
    let scene = scene();
    let mut written = 0;
    // Whichever it is: content, tree, or what a manifest is made again from.
    for at in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(DirStore::create(folder.path()).unwrap());
        scene.vault.begin(&*store);
        let cache = scene.cache.with_file_name(format!("cache.gone.{at}"));
        fs::create_dir_all(&cache).unwrap();
        scene.vault.backup(&store, &cache, &scene.root).unwrap();
        let mut packs = Vec::new();
        store.list(&scene.vault.layout.folder("packs"), &mut |name| packs.push(name)).unwrap();
        let Some(gone) = packs.get(at) else { break };
        fs::remove_file(folder.path().join(gone.as_str())).unwrap();
        let next = scene.vault.backup(&store, &cache, &scene.root).unwrap();
        written += u64::from(next.manifest.changes.stored_bytes > 0);
        let reach = chain::load(&*store, scene.vault.layout, next.manifest.reach).unwrap();
        for pack in reach.packs.keys() {
            assert!(store.size(&scene.vault.layout.pack(*pack)).is_ok(), "the snapshot needs a pack that is gone");
        }
        scene.vault.assert_restores(&store, next.name, &scene.tree, &scene.root);
    }
    assert!(written > 0);
}
