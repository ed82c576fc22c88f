//! Whatever is appended in whatever portions, with checkpoints and reopenings anywhere: the log
//! has exactly that, and so have the files that others read, by a reader of the specification.

mod support;

use proptest::prelude::*;
use pulih_ledger::LedgerError;
use support::{MemStore, bytes_of, create, entries, open, open_log, read_all, read_by_specification, root_of};

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Checkpoint,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = prop_oneof![4 => 0u64..5, 2 => 100u64..300, 1 => 1000u64..1400].prop_map(Step::Append);
    let step = prop_oneof![3 => append, 2 => Just(Step::Checkpoint), 1 => Just(Step::Reopen)];
    prop::collection::vec(step, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_what_was_appended(steps in steps()) {
        let store = MemStore::default();
        let shared = store.shared();
        let mut ledger = create(&shared);
        let mut all = Vec::new();
        let mut sizes = vec![0];
        for step in steps {
            match step {
                Step::Append(count) => {
                    let first = all.len() as u64;
                    let batch = entries(first..first + count);
                    prop_assert_eq!(ledger.append(&batch).unwrap(), first..first + count);
                    all.extend(bytes_of(&batch));
                }
                Step::Checkpoint => {
                    let checkpoint = ledger.checkpoint().unwrap();
                    prop_assert_eq!((checkpoint.size, checkpoint.root.0), (all.len() as u64, root_of(&all)));
                    prop_assert_eq!(read_by_specification(&store, all.len()), all.clone());
                    sizes.push(all.len() as u64);
                }
                Step::Reopen => ledger = open(&shared).unwrap(),
            }
            prop_assert_eq!(ledger.log().size(), all.len() as u64);
            prop_assert_eq!(ledger.log().root().0, root_of(&all));
        }
        sizes.dedup();
        for log in [open_log(&shared).unwrap(), ledger.log().clone()] {
            prop_assert_eq!(read_all(&log).unwrap(), all.clone());
            prop_assert_eq!(log.checkpoint_sizes().unwrap(), sizes.clone());
            for &size in &sizes {
                prop_assert_eq!(log.checkpoint_at(size).unwrap().root.0, root_of(&all[..size as usize]));
            }
            for part in 0..8 {
                let size = all.len() * part / 7;
                prop_assert_eq!(log.root_at(size as u64).unwrap().0, root_of(&all[..size]));
                if let Some(bytes) = all.get(size) {
                    let entry = log.get(size as u64).unwrap();
                    prop_assert_eq!((entry.index, &entry.bytes), (size as u64, bytes));
                }
            }
            let past = log.get(all.len() as u64);
            let out_of_range = matches!(past, Err(LedgerError::OutOfRange { .. }));
            prop_assert!(out_of_range);
            prop_assert!(log.root_at(all.len() as u64 + 1).is_err());
        }
    }
}

#[test]
fn a_log_of_two_levels_of_tiles_is_read_by_the_specification() {
    let store = MemStore::default();
    let shared = store.shared();
    let mut ledger = create(&shared);
    let all = entries(0..66_100);
    // With a checkpoint in the middle, so that reading meets full tiles of both times.
    ledger.append(&all[..40_000]).unwrap();
    ledger.checkpoint().unwrap();
    ledger.append(&all[40_000..]).unwrap();
    ledger.checkpoint().unwrap();
    let all = bytes_of(&all);
    assert_eq!(read_by_specification(&store, all.len()), all);
    let log = open_log(&shared).unwrap();
    assert_eq!(read_all(&log).unwrap(), all);
    for size in [256, 40_000, 65_535, 65_536, 65_537] {
        assert_eq!(log.root_at(size as u64).unwrap().0, root_of(&all[..size]), "{size}");
    }
    assert_eq!(log.get(65_535).unwrap().bytes, all[65_535]);
}

#[test]
fn an_append_is_one_object_and_a_checkpoint_without_news_is_none() {
    let store = MemStore::default();
    let mut ledger = create(&store.shared());
    let before = store.names().len();
    ledger.append(&entries(0..1000)).unwrap();
    assert_eq!(store.names().len(), before + 1);
    ledger.checkpoint().unwrap();
    let after = store.names();
    assert_eq!(ledger.checkpoint().unwrap().size, 1000);
    assert_eq!(ledger.append(&[]).unwrap(), 1000..1000);
    assert_eq!(store.names(), after);
}
