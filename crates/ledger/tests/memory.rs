//! Co-signing: what goes on is co-signed once, what does not never, and no crash makes a cosigner say two things.

mod support;

use std::sync::Arc;

use proptest::prelude::*;
use pulih_ledger::chain::KeyChain;
use pulih_ledger::checkpoint::Checkpoint;
use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::hash::Hash;
use pulih_ledger::layout::Layout;
use pulih_ledger::memory::{AddError, Memory, StoreMemory, add_checkpoint};
use pulih_ledger::proof::Proof;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_ledger::{Ledger, others};
use pulih_vault::note::SigningKey;
use pulih_vault::store::sim_disk::{Moment, PowerCut, SimDisk};
use pulih_vault::store::{DirStore, Store};
use support::{MemStore, create, entries, other_key, site, site_key};

const TIME: u64 = 1_790_000_000;

fn drc() -> SigningKey {
    other_key("pulih-ledger/drc")
}

fn chain() -> KeyChain {
    KeyChain::first(site_key().verifier())
}

fn memory<'k>(store: &Arc<dyn Store>, log: &'k KeyChain) -> StoreMemory<'k> {
    StoreMemory { store: store.clone(), own: "drc".parse().unwrap(), other: site(), log }
}

/// A ledger with a checkpoint at each of these sizes.
fn ledger(sizes: &[u64]) -> (MemStore, Ledger) {
    let store = MemStore::default();
    let mut ledger = create(&store.shared());
    for size in sizes {
        ledger.append(&entries(ledger.log().size()..*size)).unwrap();
        ledger.checkpoint().unwrap();
    }
    (store, ledger)
}

/// That the ledger goes on from `old`.
fn ask(store: &MemStore, ledger: &Ledger, old: u64, size: u64) -> AddCheckpoint {
    let name = ledger.log().layout().checkpoint(size);
    let checkpoint = String::from_utf8(store.shared().read(&name, 1 << 16).unwrap()).unwrap();
    AddCheckpoint { old, proof: ledger.log().prove_consistency(old, size).unwrap(), checkpoint }
}

fn said(note: &Cosigned) -> String {
    note.by(&CosignerKey::of(drc().verifier())).unwrap().line().to_owned()
}

#[test]
fn what_goes_on_is_cosigned_once_a_size_whenever_it_is_asked() {
    let (its, log) = ledger(&[3, 300, 301]);
    let here: Arc<dyn Store> = MemStore::default().shared();
    let keys = chain();
    let asked =
        |old, size, time| add_checkpoint(&ask(&its, &log, old, size), &keys, &drc(), time, &mut memory(&here, &keys));
    let first = asked(0, 3, TIME).unwrap();
    assert_eq!(first.by(&CosignerKey::of(drc().verifier())).unwrap().time(), TIME);
    // The answer was lost: the same again says from where, and from there the same is said.
    assert!(matches!(asked(0, 3, TIME + 9), Err(AddError::Conflict { size: 3 })));
    assert_eq!(said(&asked(3, 3, TIME + 9).unwrap()), said(&first));
    let second = asked(3, 300, TIME + 10).unwrap();
    assert!(matches!(asked(0, 301, TIME), Err(AddError::Conflict { size: 300 })));
    assert!(matches!(asked(3, 3, TIME), Err(AddError::Conflict { size: 300 })));
    asked(300, 301, TIME + 11).unwrap();
    // Kept under its size before it was said; no stranger's line with it.
    let kept = here.read(&"site/drc/cosigned/pusat/00000000000000000300".parse().unwrap(), 1 << 16).unwrap();
    assert_eq!(String::from_utf8(kept).unwrap(), second.to_note());
}

#[test]
fn what_does_not_go_on_is_refused_by_its_kind_and_changes_nothing() {
    let (its, log) = ledger(&[5, 9]);
    let here: Arc<dyn Store> = MemStore::default().shared();
    let keys = chain();
    let add = |request: &AddCheckpoint| add_checkpoint(request, &keys, &drc(), TIME, &mut memory(&here, &keys));
    add(&ask(&its, &log, 0, 5)).unwrap();
    let before = memory(&here, &keys).newest().unwrap();
    let good = ask(&its, &log, 5, 9);
    let signed =
        |size, root, key: &SigningKey| Checkpoint { origin: key.verifier().name().into(), size, root }.sign(key);
    let with = |checkpoint: String| AddCheckpoint { checkpoint, ..good.clone() };
    let root = log.log().root();
    assert!(matches!(add(&with(signed(9, root, &drc()))), Err(AddError::Origin { .. })));
    assert!(matches!(add(&with(signed(9, root, &other_key("pulih-ledger/pusat")))), Err(AddError::Key)));
    assert!(matches!(add(&with(signed(4, root, &site_key()))), Err(AddError::Format(_))));
    assert!(matches!(add(&with("x\n".into())), Err(AddError::Format(_))));
    assert!(matches!(add(&with(signed(5, Hash::of_leaf(b"x"), &site_key()))), Err(AddError::Fork { size: 5 })));
    assert!(matches!(add(&with(signed(9, Hash::of_leaf(b"x"), &site_key()))), Err(AddError::Proof { size: 5, .. })));
    assert!(matches!(add(&AddCheckpoint { proof: Proof::default(), ..good.clone() }), Err(AddError::Proof { .. })));
    // Nothing before: then nothing is proven either.
    let other: Arc<dyn Store> = MemStore::default().shared();
    let first = AddCheckpoint { old: 0, ..good.clone() };
    let refused = add_checkpoint(&first, &keys, &drc(), TIME, &mut memory(&other, &keys));
    assert!(matches!(refused, Err(AddError::Proof { size: 0, .. })));
    assert_eq!(memory(&here, &keys).newest().unwrap(), before);
    add(&good).unwrap();
    // A memory that cannot be believed says nothing.
    let damaged = MemStore::default();
    damaged.shared().create(&"site/drc/cosigned/pusat/00000000000000000009".parse().unwrap(), b"x").unwrap();
    let refused = add_checkpoint(&good, &keys, &drc(), TIME, &mut memory(&damaged.shared(), &keys));
    assert!(matches!(refused, Err(AddError::Memory(_))));
}

/// Another process is faster, between a look and what is kept.
struct Slow<'k>(StoreMemory<'k>);
impl Memory for Slow<'_> {
    fn newest(&self) -> Result<Option<Cosigned>, pulih_ledger::memory::MemoryError> {
        Ok(None)
    }
    fn keep(&mut self, note: &Cosigned) -> Result<Cosigned, pulih_ledger::memory::MemoryError> {
        self.0.keep(note)
    }
}

#[test]
fn of_two_that_cosign_at_once_the_first_one_counts() {
    let (its, log) = ledger(&[5]);
    let here: Arc<dyn Store> = MemStore::default().shared();
    let keys = chain();
    let request = ask(&its, &log, 0, 5);
    let first = add_checkpoint(&request, &keys, &drc(), TIME, &mut memory(&here, &keys)).unwrap();
    let second = add_checkpoint(&request, &keys, &drc(), TIME + 1, &mut Slow(memory(&here, &keys))).unwrap();
    assert_eq!(said(&second), said(&first));
    let forked = Checkpoint { root: Hash::of_leaf(b"x"), ..first.checkpoint().clone() }.sign(&site_key());
    let forked = AddCheckpoint { checkpoint: forked, ..request };
    let refused = add_checkpoint(&forked, &keys, &drc(), TIME, &mut Slow(memory(&here, &keys)));
    assert!(matches!(refused, Err(AddError::Fork { size: 5 })));
}

#[test]
fn what_was_said_before_a_power_cut_is_what_is_said_after_it() {
    let (its, log) = ledger(&[5, 9]);
    let keys = chain();
    let on = |disk: &SimDisk| -> Arc<dyn Store> { Arc::new(DirStore::on(disk.clone())) };
    let add = |disk: &SimDisk, old, size, time| {
        add_checkpoint(&ask(&its, &log, old, size), &keys, &drc(), time, &mut memory(&on(disk), &keys))
    };
    let begun = SimDisk::new();
    add(&begun, 0, 5, TIME).unwrap();
    let undisturbed = begun.snapshot();
    add(&undisturbed, 5, 9, TIME + 1).unwrap();
    let changes = undisturbed.ops().len();
    assert!(changes > 2, "too little happened: {changes} changes");
    for at in 0..changes {
        for moment in [Moment::Before, Moment::Midway, Moment::After] {
            let disk = begun.snapshot();
            disk.cut_power_at(at, moment);
            let told = add(&disk, 5, 9, TIME + 1).ok().map(|note| said(&note));
            for cut in PowerCut::all(3) {
                let after = disk.after_power_cut(cut);
                let newest = memory(&on(&after), &keys).newest().unwrap().unwrap();
                let again = match newest.checkpoint().size {
                    5 => add(&after, 5, 9, TIME + 99),
                    _ => add(&after, 9, 9, TIME + 99),
                };
                let again = said(&again.unwrap());
                assert!(told.as_ref().is_none_or(|told| *told == again), "change {at}, {moment:?}, {cut:?}");
                assert_eq!(said(&add(&after, 9, 9, TIME + 199).unwrap()), again);
            }
        }
    }
}

#[test]
fn what_others_said_is_read_with_the_checkpoint_and_the_first_over_an_entry_is_found() {
    let (its, _) = ledger(&[3, 5, 9]);
    let (store, keys) = (its.shared(), chain());
    let layout = Layout { site: site() };
    let witness = other_key("inspektorat");
    let say = |size, key: &SigningKey, time| {
        let note = others::cosigned_at(&*store, &layout, &keys, size).unwrap();
        let said = note.cosign(key, time).unwrap();
        others::keep(&*store, &layout, &keys, &note, &said).unwrap();
    };
    for size in [5, 9] {
        say(size, &drc(), TIME + size);
    }
    say(3, &witness, TIME);
    say(9, &witness, TIME);
    // Said again at another time: what was kept stays.
    say(9, &drc(), TIME + 500);
    let (by_drc, by_witness) = (CosignerKey::of(drc().verifier()), CosignerKey::of(witness.verifier()));
    let note = others::cosigned_at(&*store, &layout, &keys, 9).unwrap();
    assert_eq!(note.by(&by_drc).unwrap().time(), TIME + 9);
    assert!(note.by(&by_witness).is_some());
    let over = |index, keys_of: &[&CosignerKey]| {
        let these: Vec<_> = keys_of.iter().map(|its| (*its).clone()).collect();
        others::first_over(&*store, &layout, &keys, index, &these).unwrap().map(|(size, its)| (size, its.time()))
    };
    assert_eq!(over(2, &[&by_witness, &by_drc]), Some((3, TIME)));
    assert_eq!(over(2, &[&by_drc]), Some((5, TIME + 5)));
    assert_eq!(over(4, &[&by_drc]), Some((5, TIME + 5)));
    // Entry 5 is the first that a tree of 5 has not.
    assert_eq!(over(5, &[&by_drc]), Some((9, TIME + 9)));
    assert_eq!(over(9, &[&by_drc]), None);
    assert_eq!(over(u64::MAX, &[&by_drc]), None);
    let newest = others::newest_by(&*store, &layout, &keys, std::slice::from_ref(&by_witness)).unwrap();
    assert_eq!(newest.map(|(size, _)| size), Some(9));
    let until = |size, time| {
        let these = [by_drc.clone(), by_witness.clone()];
        others::newest_until(&*store, &layout, &keys, &these, (size, time)).unwrap().map(|its| its.time())
    };
    assert_eq!(
        (until(9, TIME + 99), until(8, TIME + 99), until(4, TIME + 99)),
        (Some(TIME + 9), Some(TIME + 5), Some(TIME))
    );
    // As it was known before the DRC said it: the witness had.
    assert_eq!(
        (until(9, TIME + 8), until(8, TIME + 4), until(2, TIME + 99), until(9, TIME - 1)),
        (Some(TIME), Some(TIME), None, None)
    );
    assert_eq!(others::sizes_by(&*store, &layout, &[by_drc]).unwrap().into_iter().collect::<Vec<_>>(), [5, 9]);
    // What is put there and does not verify is passed over.
    its.with(|objects| {
        let name = layout.cosignature(3, by_witness.id());
        let moved = objects[&layout.cosignature(9, by_witness.id())].clone();
        objects.insert(name, moved);
    });
    assert_eq!(over(2, &[&by_witness]), Some((9, TIME)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is asked in whatever order: one signature a size, sizes rise, and each goes on from the one before.
    #[test]
    fn whatever_is_asked_one_line_of_history_is_cosigned(asks in prop::collection::vec((0..4usize, 0..4usize, any::<bool>()), 1..20)) {
        const SIZES: [u64; 4] = [0, 3, 8, 20];
        let (its, log) = ledger(&SIZES[1..]);
        let (forked, other) = {
            let store = MemStore::default();
            let mut ledger = create(&store.shared());
            for size in &SIZES[1..] {
                let from = ledger.log().size();
                ledger.append(&entries(from + 100..size + 100)).unwrap();
                ledger.checkpoint().unwrap();
            }
            (store, ledger)
        };
        let here: Arc<dyn Store> = MemStore::default().shared();
        let keys = chain();
        let mut lines: Vec<(u64, Hash, String)> = Vec::new();
        for (time, (old, size, is_fork)) in (TIME..).zip(asks) {
            if old > size {
                continue;
            }
            let (store, ledger) = if is_fork { (&forked, &other) } else { (&its, &log) };
            let request = ask(store, ledger, SIZES[old], SIZES[size]);
            let done = add_checkpoint(&request, &keys, &drc(), time, &mut memory(&here, &keys));
            if let Ok(note) = done {
                let its = (note.checkpoint().size, note.checkpoint().root, said(&note));
                match lines.last() {
                    Some(last) if last.0 == its.0 => prop_assert_eq!(last, &its),
                    Some(last) => {
                        prop_assert!(last.0 < its.0);
                        prop_assert!(ledger.log().root_at(last.0).unwrap() == last.1);
                        lines.push(its);
                    }
                    None => lines.push(its),
                }
            }
        }
    }
}
