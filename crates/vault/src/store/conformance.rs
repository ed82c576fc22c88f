//! What every store must do, as checks on the primitive itself. A new backend passes all of
//! them before anything is built on it. They are for tests: a store that fails a check makes it
//! panic and say what the store did.

mod keep;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Barrier;
use std::thread;

use super::{MAX_NAME_BYTES, ObjectName, Staged, Store, StoreError};
pub use keep::{KEEP_CHECKS, KeepCheck, run_keep};

/// One thing a store must do, checked on a store that is empty.
pub struct Check {
    pub name: &'static str,
    pub run: fn(&dyn Store),
}

const fn check(name: &'static str, run: fn(&dyn Store)) -> Check {
    Check { name, run }
}

/// All checks.
pub const CHECKS: &[Check] = &[
    check("an object reads back, whole and in ranges", reads_back),
    check("an empty object is an object", empty_object),
    check("an object of 40 MiB written in pieces reads back", large_object),
    check("what is not there is not found", not_found),
    check("a range that leaves the object is refused", out_of_range),
    check("an object above the limit is not read", too_large),
    check("a second commit is refused and changes nothing", create_only),
    check("of racing writers one wins, and the object is its own", racing_writers),
    check("what is not committed is not there", dropped_stage),
    check("list takes a prefix for a folder", list_folders),
    check("long names and many parts work", long_names),
    check("many threads read while others write", readers_and_writers),
];

/// Runs all checks, each on a store of its own, which `make` gives empty.
pub fn run(make: &dyn Fn() -> Box<dyn Store>) {
    for check in CHECKS {
        // Tells which check it was that panics.
        println!("check: {}", check.name);
        (check.run)(&*make());
    }
}

fn name(text: &str) -> ObjectName {
    text.parse().unwrap_or_else(|error| panic!("the check's own name is wrong: {error}"))
}

/// Bytes that differ from place to place and from seed to seed.
fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn create<S: Store + ?Sized>(store: &S, text: &str, bytes: &[u8]) {
    if let Err(error) = store.create(&name(text), bytes) {
        panic!("creating {text} failed: {error}");
    }
}

fn read<S: Store + ?Sized>(store: &S, text: &str) -> Vec<u8> {
    match store.read(&name(text), u64::MAX) {
        Ok(bytes) => bytes,
        Err(error) => panic!("reading {text} failed: {error}"),
    }
}

fn assert_holds<S: Store + ?Sized>(store: &S, text: &str, bytes: &[u8]) {
    // Not assert_eq: megabytes help nobody.
    assert!(read(store, text) == bytes, "{text} has other bytes than were written");
}

fn listed<S: Store + ?Sized>(store: &S, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let result = store.list(&name(prefix), &mut |object| {
        assert!(names.insert(object.to_string()), "{object} was listed twice");
    });
    if let Err(error) = result {
        panic!("listing {prefix} failed: {error}");
    }
    names
}

fn reads_back(store: &dyn Store) {
    let bytes = pattern(1, 100_000);
    create(store, "data/one", &bytes);
    assert_holds(store, "data/one", &bytes);
    let size = store.size(&name("data/one"));
    assert!(matches!(size, Ok(100_000)), "the size is {size:?}");
    for (offset, len) in [(0, 1), (0, 100_000), (99_999, 1), (4_095, 8_193), (7, 0)] {
        let mut out = b"before".to_vec();
        let read = store.read_range(&name("data/one"), offset as u64, len, &mut out);
        assert!(read.is_ok(), "reading {len} at {offset}: {read:?}");
        assert!(
            out[..6] == *b"before" && out[6..] == bytes[offset..offset + len],
            "{len} bytes at {offset} were not appended as they are"
        );
    }
}

fn empty_object(store: &dyn Store) {
    create(store, "data/empty", b"");
    assert_holds(store, "data/empty", b"");
    assert_eq!(listed(store, "data"), ["data/empty".to_owned()].into());
    let again = store.create(&name("data/empty"), b"now not empty");
    assert!(matches!(again, Err(StoreError::AlreadyExists { .. })), "creating an empty object again gave {again:?}");
    assert_holds(store, "data/empty", b"");
}

fn large_object(store: &dyn Store) {
    const SIZE: usize = 40 << 20;
    let bytes = pattern(2, SIZE);
    let mut staged = store.stage().expect("begins a large object");
    // Pieces of a size that divides nothing.
    for piece in bytes.chunks(1_000_003) {
        staged.write_all(piece).expect("takes a piece");
    }
    staged.commit(&name("data/large")).expect("commits a large object");
    assert_holds(store, "data/large", &bytes);
    let mut out = Vec::new();
    let (offset, len) = (SIZE - 5_000_000, 4_999_999);
    store.read_range(&name("data/large"), offset as u64, len, &mut out).expect("reads a range of a large object");
    assert!(out == bytes[offset..offset + len], "a range of a large object has other bytes than were written");
}

fn not_found(store: &dyn Store) {
    create(store, "data/ab/one", b"1");
    // The last ones are: a folder, below an object, too long a part for a file system.
    let long = "a".repeat(300);
    for text in ["nothing", "data/ab/on", "data/ab", "data/ab/one/x", &long] {
        let results = [
            store.size(&name(text)).map(drop),
            store.read(&name(text), 10).map(drop),
            store.read_range(&name(text), 0, 0, &mut Vec::new()),
        ];
        for result in results {
            assert!(
                matches!(&result, Err(StoreError::NotFound { name }) if name.as_str() == text),
                "reading {text}, which is not there, gave {result:?}"
            );
        }
    }
}

fn out_of_range(store: &dyn Store) {
    create(store, "data/ten", b"0123456789");
    for (offset, len) in [(0, 11), (9, 2), (10, 1), (11, 0), (u64::MAX, 1)] {
        let mut out = b"kept".to_vec();
        let result = store.read_range(&name("data/ten"), offset, len, &mut out);
        assert!(
            matches!(result, Err(StoreError::OutOfRange { size: 10, .. })),
            "reading {len} of 10 bytes at {offset} gave {result:?}"
        );
        assert_eq!(out, b"kept", "a refused read left something");
    }
    let mut out = Vec::new();
    let at_the_end = store.read_range(&name("data/ten"), 10, 0, &mut out);
    assert!(at_the_end.is_ok(), "nothing at the end: {at_the_end:?}");
}

fn too_large(store: &dyn Store) {
    create(store, "data/ten", b"0123456789");
    let result = store.read(&name("data/ten"), 9);
    let expected = matches!(result, Err(StoreError::TooLarge { size: 10, limit: 9, .. }));
    assert!(expected, "reading at most 9 of 10 bytes gave {result:?}");
    let whole = store.read(&name("data/ten"), 10);
    assert!(whole.is_ok(), "reading at most 10 of 10 bytes: {whole:?}");
}

fn create_only(store: &dyn Store) {
    create(store, "data/one", b"first");
    for bytes in [b"other".as_slice(), b"first", b"", &pattern(3, 100_000)] {
        let result = store.create(&name("data/one"), bytes);
        assert!(
            matches!(&result, Err(StoreError::AlreadyExists { name }) if name.as_str() == "data/one"),
            "creating an object that is there gave {result:?}"
        );
        assert_holds(store, "data/one", b"first");
    }
    assert_eq!(listed(store, "data"), ["data/one".to_owned()].into());
}

fn racing_writers(store: &dyn Store) {
    const WRITERS: u64 = 8;
    for round in 0..20 {
        let text = format!("race/{round}/object");
        let start = Barrier::new(WRITERS as usize);
        // Each has other bytes and another length, so that a mixture shows.
        let bytes_of = |writer: u64| pattern(writer, 10_000 + writer as usize * 1_000);
        let stage = |writer: u64| {
            let mut staged = store.stage().expect("begins an object");
            staged.write_all(&bytes_of(writer)).expect("takes bytes");
            staged
        };
        let commit = |staged: Box<dyn Staged>| {
            start.wait();
            let result = staged.commit(&name(&text));
            if matches!(result, Err(StoreError::AlreadyExists { .. })) {
                // Whoever lost relies on what is there at once.
                let found = read(store, &text);
                assert!(
                    (0..WRITERS).any(|winner| found == bytes_of(winner)),
                    "a writer that lost found no whole object"
                );
            }
            result
        };
        let staged: Vec<_> = (0..WRITERS).map(stage).collect();
        let results: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = staged.into_iter().map(|staged| scope.spawn(|| commit(staged))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a writer ends")).collect()
        });
        let winners: Vec<_> = (0..WRITERS).filter(|writer| results[*writer as usize].is_ok()).collect();
        assert_eq!(winners.len(), 1, "of {WRITERS} writers won {winners:?}");
        assert_holds(store, &text, &bytes_of(winners[0]));
        let refused = results.iter().filter(|result| matches!(result, Err(StoreError::AlreadyExists { .. })));
        assert_eq!(refused.count() as u64, WRITERS - 1, "{results:?}");
    }
}

fn dropped_stage(store: &dyn Store) {
    create(store, "data/kept", b"kept");
    let mut staged = store.stage().expect("begins an object");
    staged.write_all(&pattern(4, 50_000)).expect("takes bytes");
    // Not while it is being written either.
    let folders = ["data", "tmp", "dropped"];
    let all = || -> Vec<_> { folders.iter().flat_map(|dir| listed(store, dir)).collect() };
    assert_eq!(all(), ["data/kept"], "while an object is being written");
    drop(staged);
    assert_eq!(all(), ["data/kept"], "after an object was dropped");
    create(store, "dropped/object", b"afterwards");
    assert_holds(store, "dropped/object", b"afterwards");
}

fn list_folders(store: &dyn Store) {
    let objects = ["ab/1", "ab/2", "ab/deep/er/3", "abc/4", "b/ab/5", "a.b/6"];
    for object in objects {
        create(store, object, object.as_bytes());
    }
    let expect = |prefix: &str, objects: &[&str]| {
        let expected: BTreeSet<_> = objects.iter().map(|&object| object.to_owned()).collect();
        assert_eq!(listed(store, prefix), expected, "below {prefix}");
    };
    expect("ab", &["ab/1", "ab/2", "ab/deep/er/3"]);
    expect("ab/deep", &["ab/deep/er/3"]);
    expect("abc", &["abc/4"]);
    expect("b", &["b/ab/5"]);
    expect("a.b", &["a.b/6"]);
    expect("a", &[]);
    expect("ab/de", &[]);
    expect("nothing/here", &[]);
    // An object is no folder, and holds nothing.
    expect("ab/1", &[]);
}

fn long_names(store: &dyn Store) {
    let long_part = "p".repeat(255);
    let longest = format!("{long_part}/{long_part}");
    let deep = vec!["d"; MAX_NAME_BYTES / 2].join("/");
    for text in [longest.as_str(), &deep, "-", "_/0.9", "a--/b..c"] {
        create(store, text, text.as_bytes());
        assert_holds(store, text, text.as_bytes());
    }
    let below = listed(store, &long_part);
    assert_eq!(below, [longest].into(), "below a long folder name");
    assert_eq!(listed(store, "d/d/d"), [deep].into(), "below deep folders");
}

fn readers_and_writers(store: &dyn Store) {
    const THREADS: u64 = 4;
    const OBJECTS: u64 = 15;
    let text = |writer: u64, object: u64| format!("many/{writer}/{object}");
    let bytes_of = |writer: u64, object: u64| pattern(writer * 100 + object, 20_000);
    create(store, "shared", b"read by all");
    let seen_early = thread::scope(|scope| {
        for writer in 0..THREADS {
            scope.spawn(move || {
                for object in 0..OBJECTS {
                    create(store, &text(writer, object), &bytes_of(writer, object));
                    assert_holds(store, "shared", b"read by all");
                }
            });
        }
        listed(store, "many")
    });
    // Whatever a list shows is whole.
    for object in seen_early {
        assert_eq!(read(store, &object).len(), 20_000, "{object} was listed");
    }
    assert_eq!(listed(store, "many").len() as u64, THREADS * OBJECTS);
    for (writer, object) in (0..THREADS).flat_map(|w| (0..OBJECTS).map(move |o| (w, o))) {
        assert_holds(store, &text(writer, object), &bytes_of(writer, object));
    }
}
