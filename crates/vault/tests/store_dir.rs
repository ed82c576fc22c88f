//! What only a directory store has: files and their modes, symbolic links in the way, leftovers
//! of writers that died, and several processes' stores in one folder.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pulih_vault::store::disk::Disk as _;
use pulih_vault::store::real_disk::RealDisk;
use pulih_vault::store::sim_disk::SimDisk;
use pulih_vault::store::{DirStore, ObjectName, Store, StoreError};

fn name(text: &str) -> ObjectName {
    text.parse().expect("an object name")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("makes a folder")
}

fn listed(store: &dyn Store, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    store.list(&name(prefix), &mut |found| names.push(found.to_string())).expect("lists");
    names.sort();
    names
}

#[test]
fn open_wants_a_folder_and_create_makes_one() {
    let folder = folder();
    let path = folder.path().join("a/b");
    assert!(DirStore::open(&path).is_err());
    let store = DirStore::create(&path).expect("makes it");
    assert_eq!(store.path(), path);
    store.create(&name("one"), b"1").expect("creates");
    let store = DirStore::create(&path).expect("opens it");
    assert_eq!(store.read(&name("one"), 1).expect("is there"), b"1");
    DirStore::open(&path).expect("opens it");
    assert!(DirStore::open(&path.join("one")).is_err(), "a file");
    assert!(DirStore::create(&path.join("one")).is_err(), "a file");
}

#[test]
fn objects_are_read_only_files_and_nothing_else_is_left() {
    let folder = folder();
    let store = DirStore::open(folder.path()).expect("opens");
    store.create(&name("data/one"), b"one").expect("creates");
    store.create(&name("data/one"), b"two").expect_err("is there");
    drop(store.stage().expect("begins"));
    let meta = |path: &str| fs::metadata(folder.path().join(path)).expect("is there");
    // Whatever the umask is, it takes bits away and adds none.
    assert_eq!(meta("data/one").permissions().mode() & 0o7333, 0);
    assert_eq!(meta("data").permissions().mode() & 0o7022, 0);
    assert_eq!(meta("data/one").nlink(), 1);
    let entries = |path: &Path| fs::read_dir(path).expect("lists").count();
    assert_eq!(entries(folder.path()), 1);
    assert_eq!(entries(&folder.path().join("data")), 1);
}

#[test]
fn a_link_in_place_of_an_object_is_not_followed() {
    let folder = folder();
    let outside = folder.path().join("outside");
    fs::write(&outside, b"outside").expect("writes");
    let path = folder.path().join("store");
    let store = DirStore::create(&path).expect("opens");
    store.create(&name("data/real"), b"real").expect("creates");
    symlink(&outside, path.join("data/link")).expect("links");
    symlink("nowhere", path.join("data/loose")).expect("links");
    for text in ["data/link", "data/loose"] {
        let object = name(text);
        let results = [
            store.read(&object, 100).map(drop),
            store.read_range(&object, 0, 1, &mut Vec::new()),
            store.size(&object).map(drop),
            // Not `AlreadyExists`, on which a writer would rely.
            store.create(&object, b"new"),
        ];
        for result in results {
            assert!(matches!(result, Err(StoreError::Io { .. })), "{result:?}");
        }
    }
    assert_eq!(fs::read(&outside).expect("is there"), b"outside");
    assert!(!path.join("data/nowhere").exists());
    assert_eq!(listed(&store, "data"), ["data/real"]);
}

#[test]
fn a_link_in_place_of_a_folder_is_not_followed() {
    let folder = folder();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).expect("makes a folder");
    fs::write(outside.join("one"), b"outside").expect("writes");
    let path = folder.path().join("store");
    let store = DirStore::create(&path).expect("opens");
    symlink(&outside, path.join("data")).expect("links");
    fs::create_dir(path.join("snap")).expect("makes a folder");
    symlink(&outside, path.join("snap/deep")).expect("links");
    for text in ["data/one", "snap/deep/one", "data/new", "data/new/deep"] {
        let object = name(text);
        let results =
            [store.read(&object, 100).map(drop), store.size(&object).map(drop), store.create(&object, b"new")];
        for result in results {
            assert!(matches!(result, Err(StoreError::Io { .. })), "{result:?}");
        }
    }
    let through = store.list(&name("data"), &mut |found| panic!("{found}"));
    assert!(matches!(through, Err(StoreError::Io { .. })), "{through:?}");
    assert_eq!(listed(&store, "snap"), [""; 0]);
    let left = fs::read_dir(&outside).expect("lists").count();
    assert_eq!(left, 1, "something was written through the link");
}

#[test]
fn what_is_no_object_is_passed_over_or_refused() {
    let folder = folder();
    let store = DirStore::open(folder.path()).expect("opens");
    store.create(&name("data/one"), b"1").expect("creates");
    for other in ["data/UPPER", "data/.hidden", "data/with space"] {
        fs::write(folder.path().join(other), b"x").expect("writes");
    }
    fs::create_dir(folder.path().join("data/.folder")).expect("makes a folder");
    fs::write(folder.path().join("data/.folder/two"), b"x").expect("writes");
    let fifo = folder.path().join("data/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .expect("makes a fifo");
    assert_eq!(listed(&store, "data"), ["data/one"]);
    // And does not wait for a writer.
    let fifo = store.read_range(&name("data/fifo"), 0, 0, &mut Vec::new());
    assert!(matches!(fifo, Err(StoreError::Io { .. })), "{fifo:?}");
}

/// Eight writers on two stores, as two processes have them.
fn race_two<S: Store>(stores: &[S; 2]) {
    for round in 0..30 {
        let object = name(&format!("race/{round}/one"));
        let start = Barrier::new(8);
        let won = |writer: usize| {
            let bytes = vec![writer as u8; 5_000 + writer];
            start.wait();
            match stores[writer % 2].create(&object, &bytes) {
                Ok(()) => true,
                Err(StoreError::AlreadyExists { .. }) => false,
                Err(error) => panic!("{error}"),
            }
        };
        let won = &won;
        let winners: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || won(n))).collect();
            let results = threads.into_iter().map(|thread| thread.join().expect("ends"));
            (0..8_usize).zip(results).filter_map(|(n, won)| won.then_some(n)).collect()
        });
        assert_eq!(winners.len(), 1, "{winners:?}");
        for store in stores {
            let found = store.read(&object, 10_000).expect("is there");
            assert_eq!(found, vec![winners[0] as u8; 5_000 + winners[0]]);
        }
    }
}

#[test]
fn two_stores_in_one_folder_race() {
    let folder = folder();
    race_two(&[(); 2].map(|()| DirStore::open(folder.path()).expect("opens")));
    for disk in [SimDisk::new(), SimDisk::without_unnamed_files()] {
        race_two(&[(); 2].map(|()| DirStore::on(disk.clone())));
    }
}

#[test]
fn a_folder_removed_under_the_store_is_made_again() {
    let folder = folder();
    let store = DirStore::open(folder.path()).expect("opens");
    store.create(&name("data/aa/one"), b"1").expect("creates");
    fs::remove_dir_all(folder.path().join("data")).expect("removes");
    store.create(&name("data/aa/two"), b"2").expect("creates");
    assert_eq!(listed(&store, "data"), ["data/aa/two"]);
}

#[test]
fn leftovers_of_the_dead_are_swept_and_those_of_the_living_are_not() {
    let folder = folder();
    let temps = folder.path().join("tmp");
    fs::create_dir(&temps).expect("makes a folder");
    let leftover = |digit: &str| format!("tmp/.{}", digit.repeat(32));
    let disk = RealDisk::open(folder.path()).expect("opens");
    let mut living = disk.open_locked(&leftover("a")).expect("opens a file");
    disk.write(&mut living, b"bytes").expect("writes");
    drop(disk.open_locked(&leftover("b")).expect("opens a file"));
    // One whose writer died just before its end, and one that is no leftover.
    let mut made = disk.open_locked(&leftover("c")).expect("opens a file");
    disk.sync_file(&mut made).expect("syncs");
    disk.link(&made, "object").expect("links");
    drop(made);
    fs::write(temps.join("other"), b"someone's").expect("writes");

    let store = DirStore::open(folder.path()).expect("opens");
    let exists = |path: String| folder.path().join(path).exists();
    assert!(exists(leftover("a")), "its writer lives");
    assert!(!exists(leftover("b")) && !exists(leftover("c")));
    assert!(exists("tmp/other".to_owned()));
    assert_eq!(store.read(&name("object"), 9).expect("stays"), b"");
    disk.sync_file(&mut living).expect("syncs");
    disk.link(&living, "living").expect("links");
    assert_eq!(store.read(&name("living"), 9).expect("is there"), b"bytes");
    let mode = fs::metadata(folder.path().join("living")).expect("is there");
    assert_eq!(mode.permissions().mode() & 0o7333, 0);
}

#[test]
fn stores_that_open_sweep_no_living_writer_away() {
    let folder = folder();
    let open = || {
        let disk = RealDisk::open(folder.path()).expect("opens");
        DirStore::on(disk.without_unnamed_files())
    };
    let writing = AtomicBool::new(true);
    let (open, writing) = (&open, &writing);
    thread::scope(|scope| {
        let sweeper = scope.spawn(move || {
            while writing.load(Ordering::Relaxed) {
                open();
            }
        });
        let writer =
            scope.spawn(move || (0..200).try_for_each(|n| open().create(&name(&format!("data/{n}")), b"bytes")));
        let written = writer.join();
        writing.store(false, Ordering::Relaxed);
        sweeper.join().expect("the sweeper ends");
        written.expect("the writer ends").expect("all are written");
    });
    assert_eq!(listed(&open(), "data").len(), 200);
    let temps = fs::read_dir(folder.path().join("tmp")).expect("lists");
    assert_eq!(temps.count(), 0);
}

#[test]
fn a_kill_without_unnamed_files_leaves_what_the_next_store_sweeps() {
    let disk = SimDisk::without_unnamed_files();
    let store = DirStore::on(disk.clone());
    let mut staged = store.stage().expect("begins");
    staged.write_all(b"bytes").expect("writes");
    DirStore::on(disk.clone());
    let temps = |disk: &SimDisk| disk.list_dir("tmp").expect("lists").len();
    assert_eq!(temps(&disk), 1, "the writer lives");
    let killed = disk.snapshot();
    assert_eq!(temps(&killed), 1, "nobody has swept yet");
    DirStore::on(killed.clone());
    assert_eq!(temps(&killed), 0);
    assert_eq!(killed.used(), 0);
    staged.commit(&name("one")).expect("goes on");
    assert_eq!(store.read(&name("one"), 9).expect("is there"), b"bytes");
    assert_eq!(temps(&disk), 0);
}
