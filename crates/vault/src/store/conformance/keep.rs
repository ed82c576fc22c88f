//! What every store must do whose keeper may remove and heal.

use super::{assert_holds, create, listed, name, pattern};
use crate::store::{Keeps, StoreError};

/// One thing a store must do, checked on a store that is empty.
pub struct KeepCheck {
    pub name: &'static str,
    pub run: fn(&dyn Keeps),
}

/// All checks.
pub const KEEP_CHECKS: &[KeepCheck] = &[
    KeepCheck { name: "what is removed is gone, and nothing else is", run: removes },
    KeepCheck { name: "removing what is not there is no error", run: removes_nothing },
    KeepCheck { name: "what is healed has its new bytes, and cannot be created", run: heals },
    KeepCheck { name: "what is gone is healed too", run: heals_what_is_gone },
    KeepCheck { name: "what was healed several times is removed whole", run: removes_what_was_healed },
];

/// Runs all checks, each on a store of its own, which `make` gives empty.
pub fn run_keep(make: &dyn Fn() -> Box<dyn Keeps>) {
    for check in KEEP_CHECKS {
        println!("check: {}", check.name);
        (check.run)(&*make());
    }
}

fn remove(store: &dyn Keeps, text: &str) {
    if let Err(error) = store.remove(&name(text)) {
        panic!("removing {text} failed: {error}");
    }
}

fn heal(store: &dyn Keeps, text: &str, bytes: &[u8]) {
    if let Err(error) = store.heal(&name(text), bytes) {
        panic!("healing {text} failed: {error}");
    }
}

fn assert_gone(store: &dyn Keeps, text: &str) {
    let read = store.read(&name(text), u64::MAX).map(drop);
    assert!(matches!(read, Err(StoreError::NotFound { .. })), "reading {text}, which was removed, gave {read:?}");
}

fn removes(store: &dyn Keeps) {
    for text in ["data/ab/one", "data/ab/one2", "data/ab/on", "data/two"] {
        create(store, text, text.as_bytes());
    }
    remove(store, "data/ab/one");
    assert_gone(store, "data/ab/one");
    let left = ["data/ab/on", "data/ab/one2", "data/two"].map(str::to_owned);
    assert_eq!(listed(store, "data"), left.into());
    assert_holds(store, "data/ab/one2", b"data/ab/one2");
    // The name is free again.
    create(store, "data/ab/one", b"another");
    assert_holds(store, "data/ab/one", b"another");
}

fn removes_nothing(store: &dyn Keeps) {
    create(store, "data/ab/one", b"1");
    let long = "a".repeat(300);
    for text in ["nothing", "data/ab/on", "data/ab", "data/ab/one/x", "no/such/folder", &long] {
        remove(store, text);
    }
    assert_eq!(listed(store, "data"), ["data/ab/one".to_owned()].into());
    remove(store, "data/ab/one");
    remove(store, "data/ab/one");
    assert_gone(store, "data/ab/one");
}

fn heals(store: &dyn Keeps) {
    create(store, "data/one", &pattern(1, 10_000));
    create(store, "data/two", b"beside it");
    for bytes in [pattern(2, 10_000), pattern(3, 70), Vec::new(), pattern(4, 3_000_000)] {
        heal(store, "data/one", &bytes);
        assert_holds(store, "data/one", &bytes);
        let size = store.size(&name("data/one"));
        assert!(size.as_ref().is_ok_and(|size| *size == bytes.len() as u64), "the size is {size:?}");
        let again = store.create(&name("data/one"), b"other");
        assert!(
            matches!(again, Err(StoreError::AlreadyExists { .. })),
            "creating an object that was healed gave {again:?}"
        );
        assert_holds(store, "data/one", &bytes);
    }
    // What was damaged stands in no list.
    assert_eq!(listed(store, "data"), ["data/one", "data/two"].map(str::to_owned).into());
    assert_holds(store, "data/two", b"beside it");
}

fn heals_what_is_gone(store: &dyn Keeps) {
    heal(store, "data/new/one", b"never there");
    assert_holds(store, "data/new/one", b"never there");
    create(store, "data/two", b"removed");
    remove(store, "data/two");
    heal(store, "data/two", b"brought back");
    assert_holds(store, "data/two", b"brought back");
    assert_eq!(listed(store, "data"), ["data/new/one", "data/two"].map(str::to_owned).into());
}

fn removes_what_was_healed(store: &dyn Keeps) {
    create(store, "data/one", b"damaged");
    heal(store, "data/one", b"right, and damaged again");
    heal(store, "data/one", b"right");
    remove(store, "data/one");
    // Neither an older version nor what was put aside comes back.
    assert_gone(store, "data/one");
    assert!(listed(store, "data").is_empty());
}
