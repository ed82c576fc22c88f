//! A store in other hands: objects changed, cut, swapped, removed, too large. Whatever is read
//! is what was appended, or a named error; nothing panics, and no size takes memory.

mod support;

use std::sync::Arc;

use proptest::prelude::*;
use pulih_ledger::bundle::MAX_BUNDLE_BYTES;
use pulih_ledger::{Ledger, LedgerError, Log, ReadEntry};
use pulih_vault::store::{ObjectName, Staged, Store, StoreError};
use support::{
    MemStore, bytes_of, create, entries, key_named, open, open_log, other_key, read_all, site, site_key, sized_entry,
};

/// 520 entries, of which 514 lie under the newest of three checkpoints.
fn ledger() -> (MemStore, Vec<Vec<u8>>) {
    let store = MemStore::default();
    let mut ledger = create(&store.shared());
    let all = entries(0..520);
    ledger.append(&all[..300]).unwrap();
    ledger.checkpoint().unwrap();
    ledger.append(&all[300..514]).unwrap();
    ledger.checkpoint().unwrap();
    ledger.append(&all[514..517]).unwrap();
    ledger.append(&all[517..]).unwrap();
    (store, bytes_of(&all))
}

/// Opens and reads all. Whatever comes out without an error is what was appended.
fn read(store: &MemStore, all: &[Vec<u8>]) -> pulih_ledger::Result<u64> {
    let log = open_log(&store.shared())?;
    assert_eq!(log.root().0, support::root_of(&all[..log.size() as usize]));
    for entry in log.entries(0) {
        let entry = entry?;
        assert_eq!(entry.bytes, all[entry.index as usize]);
    }
    for size in log.checkpoint_sizes()? {
        log.checkpoint_at(size)?;
    }
    Ok(log.size())
}

fn error_without(store: &MemStore, damage: impl FnOnce(&mut MemStore)) -> LedgerError {
    let mut store = store.copy();
    damage(&mut store);
    let all = bytes_of(&entries(0..520));
    match read(&store, &all) {
        Err(error) => error,
        Ok(size) => panic!("nobody noticed; {size} entries"),
    }
}

#[test]
fn each_harm_has_its_own_error() {
    let (store, _) = ledger();
    let layout = open_log(&store.shared()).unwrap().layout().clone();
    let remove = |name: ObjectName| move |store: &mut MemStore| drop(store.with(|objects| objects.remove(&name)));
    let put = |name: ObjectName, bytes: Vec<u8>| {
        move |store: &mut MemStore| drop(store.with(|objects| objects.insert(name, bytes)))
    };
    let bytes_at = |name: &ObjectName| store.with(|objects| objects[name].clone());

    let tile = layout.tile(0, 2, 2);
    let error = error_without(&store, remove(tile.clone()));
    assert!(matches!(&error, LedgerError::RolledBack { size: 514, missing } if *missing == tile), "{error}");

    let error = error_without(&store, put(tile.clone(), bytes_at(&tile)[..40].to_vec()));
    assert!(matches!(&error, LedgerError::Damaged { object, .. } if *object == tile), "{error}");

    let error = error_without(&store, put(tile.clone(), vec![1; 64]));
    assert!(matches!(&error, LedgerError::RootMismatch { size: 514, .. }), "{error}");

    for (index, width) in [(0, 256), (1, 256), (2, 2)] {
        let bundle = layout.bundle(index, width);
        let error = error_without(&store, remove(bundle.clone()));
        assert!(matches!(&error, LedgerError::RolledBack { missing, .. } if *missing == bundle), "{error}");
        let error = error_without(&store, put(bundle.clone(), b"\0\x01x".to_vec()));
        assert!(matches!(&error, LedgerError::Damaged { object, .. } if *object == bundle), "{error}");
        let mut other = bytes_at(&bundle);
        *other.last_mut().unwrap() ^= 1;
        let error = error_without(&store, put(bundle.clone(), other));
        assert!(matches!(&error, LedgerError::RootMismatch { object, .. } if *object == bundle), "{error}");
    }

    let checkpoint = layout.checkpoint(514);
    let forged = open_log(&store.shared()).unwrap().checkpoint().sign(&other_key("pulih-ledger/pusat"));
    let error = error_without(&store, put(checkpoint.clone(), forged.into_bytes()));
    assert!(matches!(&error, LedgerError::BadSignature { object, .. } if *object == checkpoint), "{error}");

    let moved = put(layout.checkpoint(600), bytes_at(&checkpoint));
    let error = error_without(&store, moved);
    assert!(matches!(&error, LedgerError::Damaged { .. }), "{error}");

    let batch = layout.batch(514);
    let error = error_without(&store, remove(batch.clone()));
    assert!(matches!(&error, LedgerError::Gap { end: 514, next: 517, missing } if *missing == batch), "{error}");
    let error = error_without(&store, put(batch.clone(), bytes_at(&layout.batch(517))));
    assert!(matches!(&error, LedgerError::Damaged { object, .. } if *object == batch), "{error}");
    let mut other = bytes_at(&batch);
    *other.last_mut().unwrap() ^= 1;
    let error = error_without(&store, put(batch.clone(), other));
    assert!(matches!(&error, LedgerError::RootMismatch { object, .. } if *object == batch), "{error}");

    let checkpoints: Vec<_> = [0, 300, 514].map(|size| layout.checkpoint(size)).into();
    let error = error_without(&store, |store| store.with(|all| all.retain(|name, _| !checkpoints.contains(name))));
    assert!(matches!(&error, LedgerError::NoLedger { .. }), "{error}");
}

#[test]
fn a_ledger_of_another_origin_is_refused() {
    let store = MemStore::default().shared();
    let elsewhere = key_named("pulih-ledger/drc");
    // One key under two names: the signature would hold, if the name were not in it.
    drop(Ledger::create(Arc::clone(&store), &site(), elsewhere).unwrap());
    let error = open(&store).map(drop).unwrap_err();
    assert!(matches!(error, LedgerError::BadSignature { .. }), "{error}");

    // A note with our name and signature about another log.
    let store = MemStore::default();
    create(&store.shared());
    let log = open_log(&store.shared()).unwrap();
    let note = site_key().sign(&log.checkpoint().to_text().replace("pusat", "drc"));
    store.with(|objects| objects.insert(log.layout().checkpoint(0), note.into_bytes()));
    let error = open_log(&store.shared()).map(drop).unwrap_err();
    assert!(matches!(error, LedgerError::WrongOrigin { .. }), "{error}");
}

#[test]
fn who_has_no_key_can_cut_the_tail_and_nothing_else() {
    let (store, all) = ledger();
    let layout = open_log(&store.shared()).unwrap().layout().clone();
    // A batch of another ledger, under the same key, with entries of its own.
    let other = MemStore::default();
    let mut elsewhere = create(&other.shared());
    elsewhere.append(&entries(1000..1514)).unwrap();
    elsewhere.append(&entries(2000..2003)).unwrap();
    let foreign = other.with(|objects| objects[&layout.batch(514)].clone());
    store.with(|objects| objects.insert(layout.batch(514), foreign));
    let error = read(&store, &all).unwrap_err();
    assert!(matches!(error, LedgerError::RootMismatch { .. }), "{error}");
    // The last batch gone leaves a shorter log; no more than that, and no checkpoint's.
    let (store, all) = ledger();
    store.with(|objects| objects.remove(&layout.batch(517)));
    assert_eq!(read(&store, &all).unwrap(), 517);
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Add(Vec<u8>),
    Replace(Vec<u8>),
    Remove,
    Swap(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        (any::<usize>(), 1u8..).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        any::<usize>().prop_map(Damage::Cut),
        bytes().prop_map(Damage::Add),
        bytes().prop_map(Damage::Replace),
        Just(Damage::Remove),
        any::<usize>().prop_map(Damage::Swap),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_damaged_nothing_else_than_what_was_appended_is_read(
        damages in prop::collection::vec((any::<usize>(), damage()), 1..4)
    ) {
        let (store, all) = ledger();
        let names = store.names();
        let pick = |at: usize| names[at % names.len()].clone();
        for (at, damage) in damages {
            let name = pick(at);
            store.with(|objects| {
                let mut bytes = objects.remove(&name).unwrap_or_default();
                match damage {
                    Damage::Flip(at, bits) if !bytes.is_empty() => {
                        let at = at % bytes.len();
                        bytes[at] ^= bits;
                    }
                    Damage::Flip(..) => {}
                    Damage::Cut(at) => bytes.truncate(at % (bytes.len() + 1)),
                    Damage::Add(more) => bytes.extend(more),
                    Damage::Replace(other) => bytes = other,
                    Damage::Remove => return,
                    Damage::Swap(at) => {
                        let other = pick(at);
                        bytes = objects.insert(other, bytes.clone()).unwrap_or(bytes);
                    }
                }
                objects.insert(name, bytes);
            });
        }
        // Removing the newest checkpoint, or the last batch, leaves a shorter log.
        let _ = read(&store, &all);
        // A writer on it neither panics nor appends to what is not sound.
        if let Ok(mut ledger) = open(&store.shared()) {
            let size = ledger.log().size() as usize;
            prop_assert_eq!(ledger.log().root().0, support::root_of(&all[..size]));
            let _ = ledger.append(&entries(5000..5300));
            let _ = ledger.checkpoint();
        }
    }

    #[test]
    fn any_bytes_are_an_entry_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = ReadEntry::parse(&bytes);
    }
}

/// Says of every object that it is as large as can be.
struct Huge(MemStore);

impl Store for Huge {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        self.0.stage()
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        // Only checkpoints are as they are, so that what they lead to is asked for.
        if name.as_str().contains("/checkpoint/") { self.0.size(name) } else { Ok(u64::MAX) }
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        assert!(len as u64 <= MAX_BUNDLE_BYTES, "{len} bytes of {name} were asked for");
        self.0.read_range(name, offset, len, out)
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.0.list(prefix, each)
    }
}

#[test]
fn no_size_that_a_store_tells_takes_memory() {
    let (store, _) = ledger();
    let opened = Log::open(Arc::new(Huge(store)), &site(), site_key().verifier());
    assert!(matches!(opened.map(drop), Err(LedgerError::Damaged { .. } | LedgerError::Store(_))));
}

#[test]
fn large_entries_go_into_several_batches_and_larger_ones_nowhere() {
    let store = MemStore::default();
    let shared = store.shared();
    let mut ledger = create(&shared);
    let overhead = bytes_of(&[sized_entry(0, 0)])[0].len();
    let largest: Vec<_> =
        (0..10).map(|number| sized_entry(number, 65_534 - overhead)).chain(entries(10..2000)).collect();
    assert_eq!(bytes_of(&largest)[0].len(), 65_534);
    assert_eq!(ledger.append(&largest).unwrap(), 0..2000);
    ledger.checkpoint().unwrap();
    let many: Vec<_> = (0..200).map(|number| sized_entry(number % 10, 65_534 - overhead)).collect();
    assert_eq!(ledger.append(&many).unwrap(), 2000..2200);
    ledger.checkpoint().unwrap();
    let expected = [bytes_of(&largest), bytes_of(&many)].concat();
    assert!(read_all(&open_log(&shared).unwrap()).unwrap() == expected);

    let too_large = ledger.append(&[sized_entry(0, 65_535 - overhead)]);
    assert!(matches!(too_large, Err(LedgerError::Entry(_))), "{too_large:?}");
    assert_eq!(ledger.log().size(), 2200);
}
