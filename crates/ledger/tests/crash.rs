//! Power cuts, kills and failing media at every change that a ledger makes on a directory store.
//! What an append was acknowledged for is there afterwards, in its order; what was not is there
//! whole or not at all; and the ledger goes on.

mod support;

use std::sync::Arc;

use pulih_ledger::{Ledger, LedgerError};
use pulih_vault::store::sim_disk::{Moment, Op, PowerCut, SimDisk};
use pulih_vault::store::{DirStore, Store};
use support::{bytes_of, entries, open, open_log, read_all, root_of, site, site_key};

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Midway, Moment::After];
const SEEDS: u64 = 4;

enum Step {
    Append(u64),
    Checkpoint,
}

/// Over the end of a bundle, with checkpoints before, at and after it.
const STEPS: [Step; 8] = [
    Step::Append(2),
    Step::Checkpoint,
    Step::Append(253),
    Step::Append(4),
    Step::Checkpoint,
    Step::Append(1),
    Step::Append(2),
    Step::Checkpoint,
];

/// How far a run came: entries acknowledged, and those of the append that failed after them.
#[derive(Debug, Default)]
struct Told {
    created: bool,
    acknowledged: u64,
    in_doubt: u64,
}

fn store_on(disk: &SimDisk) -> Arc<dyn Store> {
    Arc::new(DirStore::on(disk.clone()))
}

/// Runs the steps until one fails.
fn run(disk: &SimDisk) -> Told {
    let mut told = Told::default();
    let Ok(mut ledger) = Ledger::create(store_on(disk), &site(), site_key()) else {
        return told;
    };
    told.created = true;
    for step in STEPS {
        let done = match step {
            Step::Append(count) => {
                let batch = entries(told.acknowledged..told.acknowledged + count);
                let done = ledger.append(&batch);
                *(if done.is_ok() { &mut told.acknowledged } else { &mut told.in_doubt }) += count;
                done.map(drop)
            }
            Step::Checkpoint => ledger.checkpoint().map(drop),
        };
        if done.is_err() {
            break;
        }
    }
    told
}

/// Checks what a fault left, goes on from there, and says how many entries there are then.
fn check(disk: &SimDisk, told: &Told, context: &str) -> u64 {
    let store = store_on(disk);
    let mut ledger = match open(&store) {
        Err(LedgerError::NoLedger { .. }) if !told.created => {
            Ledger::create(Arc::clone(&store), &site(), site_key()).unwrap()
        }
        opened => opened.unwrap_or_else(|error| panic!("{error}: {context}")),
    };
    let found = ledger.log().size();
    let whole = [told.acknowledged, told.acknowledged + told.in_doubt];
    assert!(whole.contains(&found), "{found} entries, {told:?}: {context}");
    let go_on = |ledger: &mut Ledger| -> pulih_ledger::Result<()> {
        ledger.append(&entries(found..found + 2))?;
        ledger.checkpoint()?;
        ledger.append(&entries(found + 2..found + 3)).map(drop)
    };
    go_on(&mut ledger).unwrap_or_else(|error| panic!("it does not go on: {error}: {context}"));
    let log = open_log(&store).unwrap_or_else(|error| panic!("{error}: {context}"));
    let expected = bytes_of(&entries(0..found + 3));
    assert!(read_all(&log).unwrap() == expected, "other entries: {context}");
    assert_eq!(log.root().0, root_of(&expected), "{context}");
    found + 3
}

fn cut_everywhere(empty: &SimDisk) {
    let undisturbed = empty.snapshot();
    let told = run(&undisturbed);
    assert_eq!((told.acknowledged, told.in_doubt), (262, 0));
    let changes = undisturbed.ops().len();
    assert!(changes > 80, "too little happened: {changes} changes");
    for at in 0..changes {
        for moment in MOMENTS {
            let disk = empty.snapshot();
            disk.cut_power_at(at, moment);
            let told = run(&disk);
            assert!(disk.power_is_cut());
            let op = disk.ops().pop();
            for cut in PowerCut::all(SEEDS) {
                let context = format!("{moment:?} change {at} {op:?}, {cut:?}");
                check(&disk.after_power_cut(cut), &told, &context);
            }
            // A kill at this moment; and, when the next process has gone on from what it found,
            // which may not have been synced, a power cut after all.
            let context = format!("killed {moment:?} change {at} {op:?}");
            let killed = disk.snapshot();
            let size = check(&killed, &told, &context);
            let told = Told { created: true, acknowledged: size, in_doubt: 0 };
            check(&killed.after_power_cut(PowerCut::LosesUnsynced), &told, &format!("{context}, then a power cut"));
        }
    }
}

#[test]
fn power_cut_at_every_change() {
    cut_everywhere(&SimDisk::new());
}

#[test]
fn power_cut_at_every_change_without_unnamed_files() {
    cut_everywhere(&SimDisk::without_unnamed_files());
}

/// Does a step again, once, if it fails.
fn twice<T>(mut act: impl FnMut() -> pulih_ledger::Result<T>) -> T {
    act().or_else(|_| act()).unwrap_or_else(|error| panic!("also the second time: {error}"))
}

#[test]
fn an_append_that_failed_and_is_done_again_adds_its_entries_once() {
    let created = SimDisk::new();
    drop(Ledger::create(store_on(&created), &site(), site_key()).unwrap());
    let steps = |disk: &SimDisk| {
        let mut ledger = open(&store_on(disk)).unwrap();
        let mut size = 0;
        for step in STEPS {
            match step {
                Step::Append(count) => {
                    let batch = entries(size..size + count);
                    assert_eq!(twice(|| ledger.append(&batch)), size..size + count);
                    size += count;
                }
                Step::Checkpoint => drop(twice(|| ledger.checkpoint())),
            }
        }
        size
    };
    let opened = created.snapshot();
    drop(open(&store_on(&opened)).unwrap());
    let first = opened.ops().len();
    let undisturbed = created.snapshot();
    steps(&undisturbed);
    for at in first..undisturbed.ops().len() {
        let disk = created.snapshot();
        disk.break_at(at);
        let size = steps(&disk);
        let op = disk.ops()[at].clone();
        for cut in [PowerCut::LosesUnsynced, PowerCut::KeepsUnsynced] {
            let told = Told { created: true, acknowledged: size, in_doubt: 0 };
            check(&disk.after_power_cut(cut), &told, &format!("change {at} {op:?} failed, {cut:?}"));
        }
    }
}

#[test]
fn an_append_that_failed_and_is_there_comes_before_the_next() {
    let created = SimDisk::new();
    drop(Ledger::create(store_on(&created), &site(), site_key()).unwrap());
    let mut found = [0, 0];
    for at in 0.. {
        let disk = created.snapshot();
        let store = store_on(&disk);
        let mut ledger = open(&store).unwrap();
        disk.break_at(disk.ops().len() + at);
        if ledger.append(&entries(0..1)).is_ok() {
            break;
        }
        // Something else, not the same again.
        let range = ledger.append(&entries(7..9)).unwrap();
        let is_there = range.start == 1;
        let expected: Vec<_> = if is_there { vec![0, 7, 8] } else { vec![7, 8] };
        assert_eq!(read_all(ledger.log()).unwrap(), bytes_of(&entries(expected)));
        assert_eq!(open_log(&store).unwrap().size(), range.end);
        found[usize::from(is_there)] += 1;
    }
    // The medium can fail before the name is given, and after.
    assert!(found[0] > 0 && found[1] > 0, "{found:?}");
}

#[test]
fn a_full_disk_ends_nothing() {
    let disk = SimDisk::new();
    let store = store_on(&disk);
    let mut ledger = Ledger::create(Arc::clone(&store), &site(), site_key()).unwrap();
    ledger.append(&entries(0..3)).unwrap();
    disk.fill_at(disk.ops().len());
    assert!(matches!(ledger.append(&entries(3..5)), Err(LedgerError::Store(_))));
    assert!(matches!(ledger.checkpoint(), Err(LedgerError::Store(_))));
    disk.free_space();
    assert_eq!(ledger.append(&entries(3..5)).unwrap(), 3..5);
    assert_eq!(ledger.checkpoint().unwrap().size, 5);
    assert!(disk.ops().iter().any(|op| matches!(op, Op::Link(_))));
}
