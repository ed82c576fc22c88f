//! The mirror takes the checkpoints of the Pusat Data's ledger, whenever they are signed.

use std::sync::{Arc, Mutex};

use pulih_ledger::checkpoint::Checkpoint;
use pulih_ledger::entry::kinds::OpdAdded;
use pulih_ledger::hash::Hash;
use pulih_ledger::head::Head;
use pulih_vault::store::{Keeps as _, Store as _};

use super::bench::{PUSAT, Two};
use super::lock;

/// What the mirror has: its newest checkpoint, and how many entries.
fn mirror(two: &Two) -> (u64, u64) {
    let mirrored = lock(&two.drc.mirrored);
    let log = mirrored.mirror.as_ref().unwrap().log();
    (log.checkpoint().size, log.size())
}

/// So many entries, each an append of its own.
fn write(two: &Two, prefix: &str, count: u32) {
    let opd = |n: u32| OpdAdded { opd: format!("{prefix}-{n}").parse().unwrap(), name: "x".into(), owner: None };
    (0..count).for_each(|n| two.pusat.write(opd(n)));
}

fn checkpoint(two: &Two) {
    lock(&two.pusat.pusat.record).checkpoint().unwrap();
}

#[test]
fn a_checkpoint_that_comes_between_looks_is_taken_and_the_mirror_opens_there() {
    let mut two = Two::new();
    write(&two, "a", 3);
    two.round().unwrap();
    // The mirror is where the checkpoint is.
    checkpoint(&two);
    let at = two.head().size;
    two.round().unwrap();
    assert_eq!(mirror(&two), (at, at));
    // The ledger has gone on, and the look before was of less.
    write(&two, "b", 2);
    two.round().unwrap();
    write(&two, "c", 300);
    checkpoint(&two);
    let at = two.head().size;
    write(&two, "d", 2);
    two.round().unwrap();
    assert_eq!(mirror(&two), (at, at + 2));
    // Opening it reads the batches after the checkpoint, and no others.
    let read = Arc::new(Mutex::new(0));
    let count = read.clone();
    let batches = format!("site/{PUSAT}/ledger/batch/");
    two.store.on(move |what, name| {
        *count.lock().unwrap() += u32::from(what == "read" && name.as_str().starts_with(&batches));
        Ok(())
    });
    two.restart(false);
    two.store.off();
    let read = *read.lock().unwrap();
    assert!((2..10).contains(&read), "{read} reads of batches");
    assert_eq!(mirror(&two), (at, at + 2));
}

#[test]
fn of_several_checkpoints_between_two_looks_the_newest_is_taken() {
    let two = Two::new();
    two.round().unwrap();
    for prefix in ["a", "b", "c"] {
        write(&two, prefix, 5);
        checkpoint(&two);
    }
    let at = two.head().size;
    write(&two, "d", 5);
    two.round().unwrap();
    assert_eq!(mirror(&two), (at, at + 5));
    // Also when it takes several looks to come to it.
    write(&two, "e", 8);
    checkpoint(&two);
    write(&two, "f", 3);
    let before = mirror(&two);
    two.drc.follow_ledger(&two.peer(), &*two.line, 4).unwrap();
    assert_eq!(mirror(&two), (before.0, before.1 + 4));
    two.drc.follow_ledger(&two.peer(), &*two.line, 100).unwrap();
    assert_eq!(mirror(&two), (at + 13, at + 16));
}

#[test]
fn a_checkpoint_of_another_past_is_a_divergence_and_damage_here_is_none() {
    let two = Two::new();
    write(&two, "a", 3);
    two.round().unwrap();
    let (before, size) = mirror(&two);
    let forked = Checkpoint { origin: format!("pulih-ledger/{PUSAT}"), size, root: Hash::of_leaf(b"another past") };
    let name = format!("site/{PUSAT}/ledger/checkpoint/{size:020}").parse().unwrap();
    two.pusat.store.put(&name, forked.sign(&two.stolen()).as_bytes());
    write(&two, "b", 1);
    two.answer(&Head { checkpoint: size, ..two.head() });
    assert!(two.round().unwrap_err().to_string().contains("has another root hash: it was forked"));
    assert_eq!((mirror(&two), two.alarms("ledger-diverged")), ((before, size + 1), 1));
    two.round().unwrap_err();
    assert_eq!(two.alarms("ledger-diverged"), 1);

    // A batch of the mirror that its own disk has damaged says nothing about the other site.
    let two = Two::new();
    write(&two, "a", 3);
    two.round().unwrap();
    checkpoint(&two);
    write(&two, "b", 1);
    let size = mirror(&two).1;
    let batch = format!("site/{PUSAT}/ledger/batch/{:017}/{:020}", 0, size - 1).parse().unwrap();
    let mut bytes = two.store.read(&batch, 1 << 20).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    two.store.remove(&batch).unwrap();
    two.store.put(&batch, &bytes);
    assert!(two.round().is_err());
    assert_eq!((mirror(&two).1, two.alarms("ledger-diverged")), (size + 1, 0));
}
