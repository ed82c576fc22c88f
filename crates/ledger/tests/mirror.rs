//! A mirror grows by what the other site signed, and by nothing else.

mod support;

use std::sync::Arc;

use pulih_ledger::head::Head;
use pulih_ledger::mirror::Mirror;
use pulih_ledger::{Ledger, LedgerError};
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
    mirror.take_checkpoint(&from.read(&ledger.log().layout().checkpoint(320), 1 << 16).unwrap()).unwrap();
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
    assert!(mirror.take_checkpoint(&note).is_err());
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
