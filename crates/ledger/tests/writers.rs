//! Two writers of one ledger: whoever is second is told so and stops, whatever either appends,
//! and nothing that either was told is in the log is lost.

mod support;

use pulih_ledger::{Ledger, LedgerError};
use pulih_vault::store::{DirStore, Store};
use std::sync::Arc;
use support::{MemStore, bytes_of, create, entries, open, open_log, read_all, read_by_specification, site, site_key};

#[test]
fn the_second_of_two_writers_is_refused_whatever_it_appends() {
    // Of another length too: names that say where a batch ends would not meet.
    for count in [1, 2, 3, 300] {
        let shared = MemStore::default().shared();
        let mut first = create(&shared);
        first.append(&entries(0..10)).unwrap();
        let mut second = open(&shared).unwrap();
        first.append(&entries(10..12)).unwrap();

        let refused = second.append(&entries(100..100 + count));
        assert!(matches!(refused, Err(LedgerError::AnotherWriter { .. })), "{count}: {refused:?}");
        for refused in [second.append(&entries(0..1)).map(drop), second.checkpoint().map(drop)] {
            assert!(matches!(refused, Err(LedgerError::Closed { .. })), "{refused:?}");
        }
        first.append(&entries(12..13)).unwrap();
        assert_eq!(read_all(&open_log(&shared).unwrap()).unwrap(), bytes_of(&entries(0..13)));
        // Opened again it goes on from there, and then the first is the second.
        open(&shared).unwrap().append(&entries(13..14)).unwrap();
        let refused = first.append(&entries(200..201));
        assert!(matches!(refused, Err(LedgerError::AnotherWriter { .. })), "{refused:?}");
    }
}

#[test]
fn what_a_writer_that_fell_behind_still_publishes_is_right() {
    let store = MemStore::default();
    let shared = store.shared();
    let mut first = create(&shared);
    first.append(&entries(0..300)).unwrap();
    let mut behind = open(&shared).unwrap();
    first.append(&entries(300..600)).unwrap();
    first.checkpoint().unwrap();
    assert_eq!(behind.checkpoint().unwrap().size, 300);
    assert_eq!(read_by_specification(&store, 300).len(), 300);
    assert_eq!(open(&shared).unwrap().log().checkpoint().size, 600);
}

#[test]
fn an_object_that_does_not_follow_from_the_entries_is_a_fork() {
    let store = MemStore::default();
    let mut ledger = create(&store.shared());
    ledger.append(&entries(0..3)).unwrap();
    let tile = ledger.log().layout().tile(0, 0, 3);
    store.with(|objects| objects.insert(tile.clone(), vec![7; 96]));
    let fork = ledger.checkpoint();
    assert!(matches!(&fork, Err(LedgerError::Fork { object }) if *object == tile), "{fork:?}");
    assert!(matches!(ledger.append(&entries(3..4)), Err(LedgerError::Closed { .. })));
}

#[test]
fn a_ledger_is_created_once() {
    let shared = MemStore::default().shared();
    let missing = open(&shared).map(drop);
    assert!(matches!(missing, Err(LedgerError::NoLedger { .. })), "{missing:?}");
    create(&shared).append(&entries(0..1)).unwrap();
    let again = Ledger::create(Arc::clone(&shared), &site(), site_key()).map(drop);
    assert!(matches!(again, Err(LedgerError::Exists { .. })), "{again:?}");
    assert_eq!(open(&shared).unwrap().log().size(), 1);
}

#[test]
fn many_writers_on_a_folder_lose_nothing_that_was_acknowledged() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 25;
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(DirStore::create(folder.path()).unwrap());
    drop(create(&store));
    let threads: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let mut acknowledged = Vec::new();
                let mut ledger = open(&store).unwrap();
                while (acknowledged.len() as u64) < EACH {
                    let number = writer * 1000 + acknowledged.len() as u64;
                    let count = 1 + number % 3;
                    // A batch of so many of one number: it is there whole, or not at all.
                    match ledger.append(&vec![support::entry(number); count as usize]) {
                        Ok(range) => acknowledged.push((range, number)),
                        Err(LedgerError::AnotherWriter { .. }) => ledger = open(&store).unwrap(),
                        Err(error) => panic!("{error}"),
                    }
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    acknowledged.sort_by_key(|(range, _)| range.start);
    let expected: Vec<_> = acknowledged.iter().flat_map(|(range, number)| range.clone().map(|_| *number)).collect();
    assert_eq!(read_all(&open_log(&store).unwrap()).unwrap(), bytes_of(&entries(expected)));
}
