//! Power cuts at every change a directory store makes, and every way a disk may come back from
//! one. Whatever a commit was told, an object is there whole or not at all; what was answered
//! `Ok` or `AlreadyExists` is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use pulih_vault::store::disk::Disk as _;
use pulih_vault::store::sim_disk::{Moment, Op, PowerCut, SimDisk};
use pulih_vault::store::{DirStore, ObjectName, Store as _, StoreError};

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Midway, Moment::After];
const SEEDS: u64 = 12;

fn name(text: &str) -> ObjectName {
    text.parse().expect("an object name")
}

/// The objects a run writes, in order; the last two meet what is there already.
fn objects() -> Vec<(ObjectName, Vec<u8>)> {
    let all = [
        ("config", 40),
        ("data/aa/one", 3_000),
        ("data/aa/two", 1),
        ("data/bb/three", 900),
        ("data/empty", 0),
        ("snap/four", 5_000),
        ("data/aa/one", 3_000),
        ("snap/four", 5_000),
    ];
    let bytes = |text: &str, len| text.bytes().cycle().take(len).collect();
    all.map(|(text, len)| (name(text), bytes(text, len))).into()
}

/// Which objects the store said are there; what it said of the others is in `errors`.
#[derive(Default)]
struct Told {
    there: BTreeSet<ObjectName>,
    errors: usize,
}

fn write_all(disk: &SimDisk) -> Told {
    let mut told = Told::default();
    let store = DirStore::on(disk.clone());
    for (name, bytes) in objects() {
        let result = store.stage().and_then(|mut staged| {
            // In pieces, so that the power can go between two.
            for piece in bytes.chunks(1_700) {
                staged.write_all(piece).map_err(|error| StoreError::from_write(&name, error))?;
            }
            staged.commit(&name)
        });
        match result {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {
                told.there.insert(name);
            }
            Err(_) => told.errors += 1,
        }
    }
    told
}

/// Checks a disk after a fault: objects are whole or absent, those told of are there, nothing
/// else is, and the store goes on from here.
fn check(disk: &SimDisk, told: &Told, context: &str) {
    let store = DirStore::on(disk.clone());
    let objects: BTreeMap<_, _> = objects().into_iter().collect();
    for (name, bytes) in &objects {
        match store.read(name, u64::MAX) {
            Ok(found) => assert!(found == *bytes, "{name} is torn: {context}"),
            Err(StoreError::NotFound { .. }) => {
                assert!(!told.there.contains(name), "{name} is lost: {context}");
            }
            Err(error) => panic!("{name}: {error}: {context}"),
        }
    }
    for folder in ["data", "snap", "tmp"] {
        let listed = store.list(&name(folder), &mut |found| {
            assert!(objects.contains_key(&found), "{found} appeared: {context}");
        });
        assert!(listed.is_ok(), "{listed:?}: {context}");
    }
    let leftovers = disk.list_dir("tmp").unwrap_or_default();
    assert_eq!(leftovers, [], "leftovers stayed: {context}");
    let again = write_all(disk);
    assert_eq!(again.errors, 0, "the store does not go on: {context}");
    assert_eq!(again.there.len(), objects.len(), "{context}");
}

fn cut_everywhere(empty: &SimDisk) {
    let undisturbed = empty.snapshot();
    let told = write_all(&undisturbed);
    assert_eq!(told.errors, 0);
    let changes = undisturbed.ops().len();
    assert!(changes > 30, "too little happened: {changes} changes");
    for at in 0..changes {
        for moment in MOMENTS {
            let disk = empty.snapshot();
            disk.cut_power_at(at, moment);
            let told = write_all(&disk);
            assert!(disk.power_is_cut());
            let op = disk.ops().pop();
            for cut in PowerCut::all(SEEDS) {
                let context = format!("{moment:?} change {at} {op:?}, {cut:?}");
                check(&disk.after_power_cut(cut), &told, &context);
            }
            // A kill at this moment, instead of a power cut, loses nothing that was written.
            let context = format!("killed {moment:?} change {at} {op:?}");
            check(&disk.snapshot(), &told, &context);
        }
    }
}

#[test]
fn power_cut_at_every_change() {
    cut_everywhere(&SimDisk::new());
}

#[test]
fn power_cut_at_every_change_without_unnamed_files() {
    cut_everywhere(&SimDisk::without_unnamed_files());
}

#[test]
fn a_finished_run_survives_every_power_cut() {
    for disk in [SimDisk::new(), SimDisk::without_unnamed_files()] {
        let told = write_all(&disk);
        for cut in PowerCut::all(SEEDS) {
            check(&disk.after_power_cut(cut), &told, &format!("{cut:?}"));
        }
    }
}

#[test]
fn already_exists_is_said_of_durable_objects_only() {
    let disk = SimDisk::new();
    // Another writer, between giving the name and syncing any folder.
    disk.make_dir("data").expect("makes a folder");
    disk.make_dir("data/aa").expect("makes a folder");
    let mut other = disk.open_unnamed().expect("opens a file");
    disk.write(&mut other, b"bytes").expect("writes");
    disk.sync_file(&mut other).expect("syncs");
    disk.link(&other, "data/aa/one").expect("links");
    let one = name("data/aa/one");

    let unsynced = DirStore::on(disk.after_power_cut(PowerCut::LosesUnsynced));
    let before = unsynced.size(&one);
    assert!(matches!(before, Err(StoreError::NotFound { .. })), "the name was durable already: {before:?}");

    let told = DirStore::on(disk.clone()).create(&one, b"other");
    assert!(matches!(told, Err(StoreError::AlreadyExists { .. })));
    let store = DirStore::on(disk.after_power_cut(PowerCut::LosesUnsynced));
    assert_eq!(store.read(&one, 100).expect("is there"), b"bytes");
}

#[test]
fn a_broken_medium_at_any_change_tears_nothing() {
    for empty in [SimDisk::new(), SimDisk::without_unnamed_files()] {
        let undisturbed = empty.snapshot();
        write_all(&undisturbed);
        for at in 0..undisturbed.ops().len() {
            let disk = empty.snapshot();
            disk.break_at(at);
            let told = write_all(&disk);
            let op = disk.ops()[at].clone();
            // Only the removal of a leftover may fail without anyone being told.
            let unharmed = matches!(op, Op::Remove(_));
            assert_eq!(told.errors == 0, unharmed, "{op:?}");
            for cut in PowerCut::all(SEEDS) {
                let context = format!("change {at} {op:?} failed, {cut:?}");
                check(&disk.after_power_cut(cut), &told, &context);
            }
        }
    }
}

#[test]
fn the_simulated_disk_does_lose_what_was_not_synced() {
    let disk = SimDisk::new();
    let mut file = disk.open_unnamed().expect("opens a file");
    disk.write(&mut file, b"synced").expect("writes");
    disk.sync_file(&mut file).expect("syncs");
    disk.write(&mut file, b" not").expect("writes");
    disk.link(&file, "file").expect("links");
    let left = |cut| {
        let disk = disk.after_power_cut(cut);
        let (object, _) = disk.open("file").ok()?;
        Some(object.to_vec())
    };
    assert_eq!(left(PowerCut::LosesUnsynced), None);
    assert_eq!(left(PowerCut::KeepsUnsynced).as_deref(), Some(&b"synced not"[..]));
    assert_eq!(left(PowerCut::KeepsNames).as_deref(), Some(&b"synced"[..]));
    assert_eq!(left(PowerCut::Zeros).as_deref(), Some(&b"synced\0\0\0\0"[..]));
    let garbage = left(PowerCut::Garbage).expect("the name survives");
    assert!(garbage.starts_with(b"synced") && garbage.len() == 10 && garbage != b"synced not");
    let random: BTreeSet<_> = (0..50).map(|seed| left(PowerCut::Random(seed))).collect();
    assert!(random.len() > 5, "chance does little: {random:?}");
}
