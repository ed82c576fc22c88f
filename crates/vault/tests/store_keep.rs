//! Removing and healing in a folder: power cuts at every change that they make, every way a disk
//! may come back from one, and where the damaged bytes are then.

use std::fs;

use pulih_vault::store::disk::Disk as _;
use pulih_vault::store::sim_disk::{Moment, Op, PowerCut, SimDisk};
use pulih_vault::store::{DirStore, Keeps as _, ObjectName, Store as _, StoreError};

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Midway, Moment::After];
const SEEDS: u64 = 12;
const DAMAGED: &[u8] = b"damaged bytes";
const RIGHT: &[u8] = b"the right bytes, of another length";

fn name(text: &str) -> ObjectName {
    text.parse().expect("an object name")
}

/// A disk with a damaged object and one beside it, both durable.
fn damaged(disk: SimDisk) -> SimDisk {
    let store = DirStore::on(disk.clone());
    store.create(&name("vaults/v/packs/ab/one"), DAMAGED).expect("creates");
    store.create(&name("vaults/v/packs/ab/two"), b"beside it").expect("creates");
    disk
}

fn read(disk: &SimDisk, text: &str) -> Option<Vec<u8>> {
    match DirStore::on(disk.clone()).read(&name(text), 1000) {
        Ok(bytes) => Some(bytes),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Does `act` with the power cut at every change of it, and shows `check` each disk that is left,
/// with what `act` was told.
fn cut_everywhere(
    act: fn(&DirStore<SimDisk>) -> Result<(), StoreError>,
    check: fn(left: &SimDisk, told: bool, context: &str),
) {
    for empty in [SimDisk::new(), SimDisk::without_unnamed_files()] {
        let before = damaged(empty);
        let undisturbed = before.snapshot();
        act(&DirStore::on(undisturbed.clone())).expect("nothing disturbs it");
        let changes = undisturbed.ops().len();
        assert!(changes >= 2, "too little happened: {:?}", undisturbed.ops());
        for at in 0..changes {
            for moment in MOMENTS {
                let disk = before.snapshot();
                disk.cut_power_at(at, moment);
                let told = act(&DirStore::on(disk.clone())).is_ok();
                let op = disk.ops().pop();
                for cut in PowerCut::all(SEEDS) {
                    check(&disk.after_power_cut(cut), told, &format!("{moment:?} change {at} {op:?}, {cut:?}"));
                }
                check(&disk.snapshot(), told, &format!("killed {moment:?} change {at} {op:?}"));
            }
        }
        for cut in PowerCut::all(SEEDS) {
            check(&undisturbed.after_power_cut(cut), true, &format!("after it all, {cut:?}"));
        }
    }
}

#[test]
fn a_removal_that_was_told_of_survives_every_power_cut() {
    let remove = |store: &DirStore<SimDisk>| store.remove(&name("vaults/v/packs/ab/one"));
    cut_everywhere(remove, |left, told, context| {
        let found = read(left, "vaults/v/packs/ab/one");
        assert!(found.is_none() || !told && found.as_deref() == Some(DAMAGED), "{found:?}: {context}");
        assert_eq!(read(left, "vaults/v/packs/ab/two").as_deref(), Some(&b"beside it"[..]), "{context}");
        let store = DirStore::on(left.clone());
        store.remove(&name("vaults/v/packs/ab/one")).expect("removes it again");
        assert_eq!(read(&left.after_power_cut(PowerCut::LosesUnsynced), "vaults/v/packs/ab/one"), None, "{context}");
    });
}

#[test]
fn a_power_cut_while_healing_leaves_the_damaged_object_or_none_or_the_right_one() {
    let heal = |store: &DirStore<SimDisk>| store.heal(&name("vaults/v/packs/ab/one"), RIGHT);
    cut_everywhere(heal, |left, told, context| {
        let aside = |left: &SimDisk| read(left, "quarantine/vaults/v/packs/ab/one");
        match read(left, "vaults/v/packs/ab/one") {
            Some(found) if found == RIGHT => {
                assert_eq!(aside(left).as_deref(), Some(DAMAGED), "the evidence is lost: {context}");
            }
            found => assert!(!told && found.is_none_or(|found| found == DAMAGED), "{context}"),
        }
        assert_eq!(read(left, "vaults/v/packs/ab/two").as_deref(), Some(&b"beside it"[..]), "{context}");
        // Whatever is left, the next try ends well, and what was put aside before stays.
        let before = aside(left);
        DirStore::on(left.clone()).heal(&name("vaults/v/packs/ab/one"), RIGHT).expect("heals at the next try");
        let left = left.after_power_cut(PowerCut::LosesUnsynced);
        assert_eq!(read(&left, "vaults/v/packs/ab/one").as_deref(), Some(RIGHT), "{context}");
        assert!(before.is_none() || aside(&left) == before, "{context}");
    });
}

#[test]
fn a_full_disk_leaves_the_damaged_object_where_it_is() {
    let disk = damaged(SimDisk::new());
    let store = DirStore::on(disk.clone());
    disk.set_capacity(disk.used() + 5);
    let told = store.heal(&name("vaults/v/packs/ab/one"), RIGHT);
    assert!(matches!(told, Err(StoreError::Full { .. })), "{told:?}");
    assert_eq!(read(&disk, "vaults/v/packs/ab/one").as_deref(), Some(DAMAGED));
    assert!(!disk.ops().iter().any(|op| matches!(op, Op::Rename(_))));
    assert!(disk.list_dir("quarantine").is_err(), "a folder was made for nothing");
}

#[test]
fn each_damage_is_put_aside_under_a_name_of_its_own() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = DirStore::open(folder.path()).expect("opens");
    let one = name("vaults/v/packs/ab/one");
    for bytes in [&b"first"[..], b"second", b"third", b"right"] {
        store.heal(&one, bytes).expect("heals");
    }
    let aside = |number: &str| fs::read(folder.path().join(format!("quarantine/{one}{number}"))).expect("is there");
    assert_eq!([aside(""), aside(".1"), aside(".2")], [&b"first"[..], b"second", b"third"]);
    assert_eq!(store.read(&one, 99).expect("is there"), b"right");
}

#[test]
fn what_is_no_file_in_place_of_an_object_is_put_aside_as_it_is() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let store = DirStore::create(&folder.path().join("store")).expect("opens");
    fs::write(folder.path().join("outside"), b"outside").expect("writes");
    let packs = folder.path().join("store/vaults/v/packs");
    fs::create_dir_all(packs.join("folder/deep")).expect("makes a folder");
    std::os::unix::fs::symlink("../../../../outside", packs.join("link")).expect("links");
    for text in ["link", "folder"] {
        let object = name(&format!("vaults/v/packs/{text}"));
        store.heal(&object, b"right").expect("heals");
        assert_eq!(store.read(&object, 99).expect("is there"), b"right");
    }
    assert_eq!(fs::read(folder.path().join("outside")).expect("is there"), b"outside");
    assert!(folder.path().join("store/quarantine/vaults/v/packs/folder/deep").is_dir());
}
