//! A full disk, at every moment it can be found full: the store says so, is as it was, and goes
//! on once there is space.

use std::io::{ErrorKind, Write as _};

use pulih_vault::store::disk::Disk as _;
use pulih_vault::store::sim_disk::SimDisk;
use pulih_vault::store::{DirStore, ObjectName, Store as _, StoreError};

fn name(text: &str) -> ObjectName {
    text.parse().expect("an object name")
}

fn disks() -> [SimDisk; 2] {
    [SimDisk::new(), SimDisk::without_unnamed_files()]
}

#[test]
fn full_at_every_change() {
    for empty in disks() {
        let store = DirStore::on(empty.clone());
        store.create(&name("data/old"), b"old").expect("creates");
        let new = name("data/aa/new");
        let undisturbed = empty.snapshot();
        let changes = |disk: &SimDisk| disk.ops().len();
        let start = changes(&undisturbed);
        DirStore::on(undisturbed.clone()).create(&new, b"new").expect("creates");
        assert!(changes(&undisturbed) >= start + 6);

        for at in start..changes(&undisturbed) {
            let disk = empty.snapshot();
            disk.fill_at(at);
            let store = DirStore::on(disk.clone());
            let result = store.create(&new, b"new");
            let op = disk.ops().get(at).cloned();
            let Err(StoreError::Full { store: place, .. }) = result else {
                // Removing a name needs no space, and comes last.
                let last = changes(&undisturbed) - 1;
                assert!(result.is_ok() && at == last, "{op:?}: {result:?}");
                continue;
            };
            assert_eq!(place, disk.place().to_string_lossy());
            assert_eq!(store.read(&name("data/old"), 9).expect("is there"), b"old");
            match store.read(&new, 9) {
                Ok(bytes) => assert_eq!(bytes, b"new", "{op:?}"),
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            disk.free_space();
            match store.create(&new, b"new") {
                Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
                Err(error) => panic!("with space again after {op:?}: {error}"),
            }
            assert_eq!(store.read(&new, 9).expect("is there"), b"new");
        }
    }
}

#[test]
fn full_in_the_middle_of_an_object() {
    for disk in disks() {
        let store = DirStore::on(disk.clone());
        store.create(&name("data/old"), &[7; 1_000]).expect("creates");
        disk.set_capacity(5_000);
        let mut staged = store.stage().expect("begins");
        let error = staged.write_all(&[8; 6_000]).expect_err("does not fit");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        // The error carries the store's own, which knows where the store is.
        let error = StoreError::from_write(&name("data/new"), error);
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("simulated-disk"), "{error}");
        // What was written of it takes no space any more, and cannot become an object.
        assert_eq!(disk.used(), 1_000);
        assert!(staged.write_all(b"more").is_err());
        assert!(staged.commit(&name("data/new")).is_err());
        let gone = store.size(&name("data/new"));
        assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");

        store.create(&name("data/fits"), &[9; 4_000]).expect("what fits is taken");
        let full = store.create(&name("data/new"), b"8");
        assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
        disk.free_space();
        store.create(&name("data/new"), &[8; 6_000]).expect("takes it with space again");
        assert_eq!(store.read(&name("data/old"), 1_000).expect("is there"), [7; 1_000]);
    }
}

#[test]
fn a_store_that_does_not_say_where_it_is_is_full_all_the_same() {
    let full = std::io::Error::from(ErrorKind::QuotaExceeded);
    let error = StoreError::from_write(&name("one"), full);
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    let other = std::io::Error::from(ErrorKind::BrokenPipe);
    let error = StoreError::from_write(&name("one"), other);
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
}
