//! A mirror grows by what the other site signed, and by nothing else.

mod support;

use std::sync::Arc;

use pulih_ledger::checkpoint::Checkpoint;
use pulih_ledger::head::Head;
use pulih_ledger::mirror::Mirror;
use pulih_ledger::{Ledger, LedgerError, Log};
use pulih_vault::store::{DirStore, Store};
use support::{create, entries, open, read_all, site, site_key};

fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(DirStore::open(folder.path()).unwrap());
    (folder, store)
}

fn begin(from: &Arc<dyn Store>, to: &Arc<dyn Store>, ledger: &Ledger) -> Mirror {
    let first = from.read(&ledger.log().layout().checkpoint(0), 1 << 16).unwrap();
    Mirror::begin(Arc::clone(to), &site(), site_key().verifier(), &first).unwrap()
}

fn follow(from: &Arc<dyn Store>, mirror: &mut Mirror, size: u64) {
    while mirror.log().size() < size {
        mirror.take(&from.read(&mirror.next(), 1 << 23).unwrap()).unwrap();
    }
}

fn take(from: &Arc<dyn Store>, mirror: &mut Mirror, size: u64) -> pulih_ledger::Result<()> {
    let name = mirror.log().layout().checkpoint(size);
    mirror.take_checkpoint(size, &from.read(&name, 1 << 16).unwrap())
}

#[test]
fn a_mirror_has_the_same_entries_and_goes_on_after_a_crash() {
    let ((_a, from), (_b, to)) = (store(), store());
    let mut ledger = create(&from);
    for at in 0..30 {
        ledger.append(&entries(at * 20..at * 20 + 20)).unwrap();
        if at == 15 {
            ledger.checkpoint().unwrap();
        }
    }
    let mut mirror = begin(&from, &to, &ledger);
    follow(&from, &mut mirror, 320);
    take(&from, &mut mirror, 320).unwrap();
    follow(&from, &mut mirror, 400);
    drop(mirror);
    let mut mirror = Mirror::open(Arc::clone(&to), &site(), site_key().verifier()).unwrap();
    assert_eq!((mirror.log().size(), mirror.log().checkpoint().size), (400, 320));
    follow(&from, &mut mirror, 600);
    assert_eq!(mirror.log().root(), ledger.log().root());
    assert_eq!(read_all(mirror.log()).unwrap(), read_all(ledger.log()).unwrap());
    // The head that the ledger signs now says the same.
    let note = ledger.head("2026-11-22T01:23:45Z".parse().unwrap());
    let head = Head::open(note.as_bytes(), &site_key().verifier()).unwrap();
    assert_eq!((head.size, head.root, head.checkpoint), (600, mirror.log().root(), 320));
}

#[test]
fn another_past_is_refused_and_leaves_no_trace() {
    let ((_a, from), (_b, to), (_c, forked)) = (store(), store(), store());
    let mut ledger = create(&from);
    ledger.append(&entries(0..3)).unwrap();
    let mut mirror = begin(&from, &to, &ledger);
    follow(&from, &mut mirror, 3);
    // The same key, another past of the same length, and what goes on from it.
    let mut other = create(&forked);
    other.append(&entries(10..13)).unwrap();
    other.append(&entries(13..15)).unwrap();
    let batch = forked.read(&mirror.next(), 1 << 23).unwrap();
    assert!(matches!(mirror.take(&batch), Err(LedgerError::RootMismatch { .. })));
    other.checkpoint().unwrap();
    let note = forked.read(&other.log().layout().checkpoint(5), 1 << 16).unwrap();
    assert!(mirror.take_checkpoint(5, &note).is_err());
    // A flipped byte is no batch either, and the right one still goes on.
    ledger.append(&entries(3..5)).unwrap();
    let good = from.read(&mirror.next(), 1 << 23).unwrap();
    for at in [0, 40, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(mirror.take(&bad).is_err(), "{at}");
    }
    assert!(matches!(to.size(&mirror.next()), Err(pulih_vault::store::StoreError::NotFound { .. })));
    mirror.take(&good).unwrap();
    assert_eq!(mirror.log().root(), open(&from).unwrap().log().root());
}

#[test]
fn a_checkpoint_that_the_mirror_has_passed_is_taken_and_the_mirror_opens_there() {
    // Where it was passed: in the same bundle, in an earlier one, at the end of one.
    for (sizes, passed) in [(&[3, 5, 9][..], 5), (&[200, 300, 700], 300), (&[256, 512, 513], 512), (&[1, 2, 3], 3)] {
        let ((_a, from), (_b, to)) = (store(), store());
        let mut ledger = create(&from);
        let mut mirror = begin(&from, &to, &ledger);
        for size in sizes {
            ledger.append(&entries(ledger.log().size()..*size)).unwrap();
            ledger.checkpoint().unwrap();
        }
        let last = *sizes.last().unwrap();
        follow(&from, &mut mirror, last);
        take(&from, &mut mirror, passed).unwrap();
        assert_eq!((mirror.log().size(), mirror.log().checkpoint().size), (last, passed));
        assert_eq!(read_all(mirror.log()).unwrap(), read_all(ledger.log()).unwrap());
        // Everything that a reader by the specification needs is there.
        let of_them = &read_all(ledger.log()).unwrap()[..passed as usize];
        assert_eq!(support::read_by_specification(to.as_ref(), passed as usize), of_them);
        // One from before it is in order, and changes nothing.
        take(&from, &mut mirror, sizes[0]).unwrap();
        assert_eq!(mirror.log().checkpoint().size, passed);
        drop(mirror);
        let mut mirror = Mirror::open(Arc::clone(&to), &site(), site_key().verifier()).unwrap();
        assert_eq!((mirror.log().size(), mirror.log().checkpoint().size), (last, passed));
        ledger.append(&entries(last..last + 300)).unwrap();
        ledger.checkpoint().unwrap();
        follow(&from, &mut mirror, last + 300);
        take(&from, &mut mirror, last + 300).unwrap();
        assert_eq!(support::read_by_specification(to.as_ref(), last as usize + 300), read_all(ledger.log()).unwrap());
    }
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused_and_leaves_no_trace() {
    let ((_a, from), (_b, to), (_c, forked)) = (store(), store(), store());
    let mut ledger = create(&from);
    ledger.append(&entries(0..3)).unwrap();
    ledger.append(&entries(3..7)).unwrap();
    let mut mirror = begin(&from, &to, &ledger);
    follow(&from, &mut mirror, 7);
    let mut other = create(&forked);
    other.append(&entries(10..13)).unwrap();
    other.checkpoint().unwrap();
    let note = |store: &Arc<dyn Store>, size| store.read(&ledger.log().layout().checkpoint(size), 1 << 16).unwrap();
    // Another past, one that is not there yet, one under another's name.
    assert!(matches!(mirror.take_checkpoint(3, &note(&forked, 3)), Err(LedgerError::RootMismatch { size: 3, .. })));
    assert!(matches!(mirror.take_checkpoint(7, &note(&forked, 3)), Err(LedgerError::Damaged { .. })));
    // In the middle of a batch no log can be opened.
    let between = Log::open(Arc::clone(&from), &site(), site_key().verifier()).unwrap().root_at(5).unwrap();
    let between = Checkpoint { origin: "pulih-ledger/pusat".into(), size: 5, root: between }.sign(&site_key());
    assert!(matches!(mirror.take_checkpoint(5, between.as_bytes()), Err(LedgerError::Damaged { .. })));
    let ahead = Checkpoint { origin: "pulih-ledger/pusat".into(), size: 8, root: mirror.log().root() };
    assert!(matches!(
        mirror.take_checkpoint(8, ahead.sign(&site_key()).as_bytes()),
        Err(LedgerError::OutOfRange { .. })
    ));
    assert_eq!(mirror.log().checkpoint().size, 0);
    assert_eq!(mirror.log().checkpoint_sizes().unwrap(), [0]);
}
