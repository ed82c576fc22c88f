//! What goes, when, and in which order; and that whatever ends a run, the next one goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pulih_ledger::entry::kinds::{
    DeletionApproved, DeletionAsked, DisasterDeclared, DisasterEnded, ExpiryResumed, HoldPlaced, HoldReleased,
    SuspicionEnded,
};
use pulih_protocol::error::Code;
use pulih_vault::description::DescriptionName;
use pulih_vault::id::ObjectHash;
use pulih_vault::reach::PackUse;
use pulih_vault::store::{ObjectName, Store as _};

use super::super::accept::Came;
use super::super::lock;
use super::bench::{Bench, DAY, LAYOUT, VAULT, broken, code, now, wait};
use crate::keeping::{By, GRACE_SECONDS};

/// A site whose first snapshot took every tier, the next one none, and the newest four are always kept.
fn saved() -> (Bench, DescriptionName, Vec<ObjectHash>) {
    let bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    let packs = (1..=6).map(|sequence| bench.save(description, "letters", sequence)).collect();
    (bench, description, packs)
}

fn sequences(bench: &Bench) -> Vec<u64> {
    bench.points("letters").iter().map(|point| point.snapshot[..10].parse().unwrap()).collect()
}

fn objects(bench: &Bench) -> Vec<String> {
    let mut names = Vec::new();
    let folder: ObjectName = format!("vaults/{VAULT}").parse().unwrap();
    bench.store.list(&folder, &mut |name| names.push(name.to_string())).unwrap();
    names.sort();
    names
}

fn stored(bench: &Bench) -> u64 {
    objects(bench).iter().map(|name| bench.store.size(&name.parse().unwrap()).unwrap()).sum()
}

fn manifests(bench: &Bench) -> usize {
    objects(bench).iter().filter(|name| name.contains("/snapshots/")).count()
}

/// What is not kept goes, to the end.
fn all_gone(bench: &Bench) {
    bench.pusat.retain(By::Dates).unwrap();
    wait(GRACE_SECONDS);
    let done = bench.pusat.retain(By::Dates).unwrap();
    assert!(done.failed.is_empty() && done.left == 0, "{done:?}");
}

#[test]
fn what_expired_is_doomed_and_deleted_after_the_grace() {
    let (mut bench, description, packs) = saved();
    let plan = bench.pusat.retention_plan().unwrap();
    assert_eq!(plan.packs[&VAULT.to_string()], [packs[1].to_string()]);
    let before = objects(&bench);
    let done = bench.pusat.retain(By::Dates).unwrap();
    assert_eq!((done.expired, done.doomed, done.removed), (1, 1, 1), "{done:?}");
    assert_eq!(sequences(&bench), [6, 5, 4, 3, 1]);
    assert_eq!((manifests(&bench), objects(&bench).len()), (5, before.len() - 1), "its manifest is gone");
    let pack = LAYOUT.pack(packs[1]);
    // Nothing new may need the pack, and the snapshot is never taken again.
    let note = bench.manifest(description, "letters", 7, &[packs[1]]);
    assert_eq!(code(bench.put("letters", 7, &note, Came::Now)), Code::Doomed);
    let gone = bench.manifest(description, "letters", 2, &[packs[1]]);
    assert_eq!(code(bench.put("letters", 2, &gone, Came::Now)), Code::AlreadyExists);

    wait(GRACE_SECONDS - 1);
    let done = bench.pusat.retain(By::Dates).unwrap();
    assert_eq!((done.expired, done.removed), (0, 0), "{done:?}");
    assert!(bench.store.size(&pack).is_ok());
    wait(1);
    let done = bench.pusat.retain(By::Dates).unwrap();
    // The pack and the reach.
    assert_eq!((done.removed, done.left), (2, 0), "{done:?}");
    assert!(bench.store.size(&pack).is_err());
    assert!(packs.iter().filter(|its| **its != packs[1]).all(|its| bench.store.size(&LAYOUT.pack(*its)).is_ok()));
    assert_eq!(bench.pusat.stored_by_opd().unwrap()[0].bytes, stored(&bench), "the quota follows");

    let (points, left, entries) = (bench.points("letters"), objects(&bench), bench.pusat.entries());
    bench.restart(true).unwrap();
    assert_eq!(bench.points("letters"), points, "the same from the ledger alone");
    let done = bench.pusat.retain(By::Dates).unwrap();
    assert!(done.failed.is_empty(), "{done:?}");
    assert_eq!((objects(&bench), bench.pusat.entries()), (left, entries), "nothing is done twice");
}

#[test]
fn whatever_ends_a_run_the_next_one_goes_on() {
    let expected = {
        let (bench, ..) = saved();
        all_gone(&bench);
        sequences(&bench)
    };
    // The store fails from the n-th time on that something is removed or read, in the first run and in the one
    // that deletes; the process ends, with its catalog or without.
    for round in 0..2 {
        for fails_at in 0..12 {
            let (mut bench, _, packs) = saved();
            if round == 1 {
                bench.pusat.retain(By::Dates).unwrap();
                wait(GRACE_SECONDS);
            }
            let count = Arc::new(AtomicUsize::new(0));
            bench.store.on(move |what, name| {
                let counts = matches!(what, "remove" | "read");
                let at = if counts { count.fetch_add(1, Ordering::Relaxed) } else { 0 };
                if counts && at >= fails_at { Err(broken(name)) } else { Ok(()) }
            });
            let _ = bench.pusat.retain(By::Dates);
            bench.store.off();
            bench.restart(fails_at % 2 == 1).unwrap();
            // What is visible is whole, at every moment.
            assert!(bench.pusat.retention_plan().is_ok());
            let needed = sequences(&bench).into_iter().map(|sequence| packs[sequence as usize - 1]);
            assert!(needed.into_iter().all(|pack| bench.store.size(&LAYOUT.pack(pack)).is_ok()), "{round} {fails_at}");
            all_gone(&bench);
            assert_eq!(sequences(&bench), expected, "{round} {fails_at}");
            assert_eq!(manifests(&bench), expected.len(), "{round} {fails_at}");
            assert!(bench.store.size(&LAYOUT.pack(packs[1])).is_err(), "{round} {fails_at}");
            assert_eq!(bench.pusat.stored_by_opd().unwrap()[0].bytes, stored(&bench), "{round} {fails_at}");
        }
    }
}

#[test]
fn an_object_that_is_still_held_is_tried_again_and_needed_by_nothing_new() {
    let (bench, description, packs) = saved();
    bench.pusat.retain(By::Dates).unwrap();
    wait(GRACE_SECONDS);
    bench.store.on(|what, name| if what == "remove" { Err(broken(name)) } else { Ok(()) });
    let done = bench.pusat.retain(By::Dates).unwrap();
    assert_eq!((done.removed, done.left), (0, 2), "{done:?}");
    let entries = bench.pusat.entries();
    let note = bench.manifest(description, "letters", 7, &[packs[1]]);
    assert_eq!(code(bench.put("letters", 7, &note, Came::Now)), Code::Doomed);
    bench.store.off();
    let done = bench.pusat.retain(By::Dates).unwrap();
    assert_eq!((done.removed, done.left), (2, 0), "{done:?}");
    assert_eq!(bench.pusat.entries(), entries, "it was written down once");
    // Gone for good, it may come again.
    bench.pack(b"letters 2");
    let note = bench.manifest(description, "letters", 7, &[packs[1]]);
    bench.put("letters", 7, &note, Came::Now).unwrap();
}

#[test]
fn a_pack_that_two_datasets_need_stays_until_neither_does() {
    let (bench, description, packs) = saved();
    bench.approve("archive");
    let note = bench.manifest(description, "archive", 1, &[packs[1]]);
    bench.put("archive", 1, &note, Came::Now).unwrap();
    all_gone(&bench);
    assert_eq!(sequences(&bench), [6, 5, 4, 3, 1]);
    assert!(bench.store.size(&LAYOUT.pack(packs[1])).is_ok());
    assert!(bench.pusat.doomed(VAULT).unwrap().is_empty());
}

#[test]
fn nothing_expires_that_is_held_suspected_or_in_a_disaster() {
    let (bench, ..) = saved();
    let expired = |bench: &Bench| bench.pusat.retain(By::Dates).unwrap().expired;
    let hold = HoldPlaced {
        hold: "h-1".parse().unwrap(),
        vault: VAULT,
        dataset: None,
        letter: "180/4".into(),
        reason: "perkara".into(),
    };
    bench.write(hold);
    assert_eq!(expired(&bench), 0);
    assert!(bench.pusat.retention_plan().unwrap().kept_back[0].why.contains("180/4"));
    bench.write(super::keeping::suspicion("s-1", now()));
    bench.write(HoldReleased { hold: "h-1".parse().unwrap(), reason: "selesai".into() });
    assert_eq!(expired(&bench), 0);
    bench.write(DisasterDeclared { disaster: "b-1".parse().unwrap(), reason: "gempa".into() });
    bench.write(SuspicionEnded { suspicion: "s-1".parse().unwrap(), reason: "diperiksa".into() });
    assert!(bench.pusat.retain(By::Dates).unwrap().stopped.is_some());
    bench.write(DisasterEnded { disaster: "b-1".parse().unwrap(), reason: "selesai".into() });
    assert_eq!(expired(&bench), 1);
}

#[test]
fn a_clock_ten_years_ahead_deletes_nothing() {
    let (mut bench, ..) = saved();
    bench.pusat.retain(By::Dates).unwrap();
    let before = objects(&bench);
    wait(3650 * DAY);
    bench.restart(false).unwrap();
    for _ in 0..2 {
        let done = bench.pusat.retain(By::Dates).unwrap();
        assert!(done.stopped.as_ref().is_some_and(|why| why.contains("3650 days")), "{done:?}");
    }
    let alarms = bench.pusat.status().unwrap().alarms;
    assert_eq!(alarms.iter().filter(|its| its.alarm == "expiry-stopped").count(), 1, "{alarms:?}");
    bench.pusat.tend().unwrap();
    assert_eq!(objects(&bench), before);
    // It was set right; a person has looked.
    wait(-3650 * DAY);
    assert!(bench.pusat.retain(By::Dates).unwrap().stopped.is_some());
    bench.write_as("siti", ExpiryResumed { reason: "jam dibetulkan".into() });
    bench.approve("archive");
    bench.write_as("siti", ExpiryResumed { reason: "jam dibetulkan".into() });
    assert_eq!(bench.pusat.retain(By::Dates).unwrap().stopped, None);
}

#[test]
fn a_deletion_that_two_people_signed_goes_before_its_date() {
    let (bench, _, packs) = saved();
    let first = bench.points("letters").last().unwrap().snapshot.clone();
    let asked = DeletionAsked {
        deletion: "d-1".parse().unwrap(),
        vault: VAULT,
        dataset: "letters".parse().unwrap(),
        manifests: vec![first],
        reason: "salah simpan".into(),
    };
    bench.write_as("budi", asked);
    let deletions = |bench: &Bench| {
        let plan = bench.pusat.retention_plan().unwrap();
        plan.snapshots.iter().filter(|its| its.deletion.is_some()).count()
    };
    assert_eq!(deletions(&bench), 0, "one person asked, and nobody approved");
    bench.write_as("siti", DeletionApproved { deletion: "d-1".parse().unwrap() });
    assert_eq!(deletions(&bench), 1);
    all_gone(&bench);
    assert_eq!(sequences(&bench), [6, 5, 4, 3]);
    assert!(bench.store.size(&LAYOUT.pack(packs[0])).is_err());
}

const MIB: u64 = 1 << 20;

/// A snapshot that uses `live` of 32 MiB of each pack.
fn save_using(bench: &Bench, description: DescriptionName, sequence: u64, packs: &[(&str, u64)]) {
    let used = |live: u64| PackUse { stored_bytes: 16 * MIB, live_bytes: live * MIB, all_bytes: 32 * MIB };
    let packs: Vec<_> = packs.iter().map(|(name, live)| (bench.pack(name.as_bytes()), used(*live))).collect();
    let note = bench.manifest_using(description, "letters", sequence, &packs);
    bench.put("letters", sequence, &note, Came::Now).unwrap();
}

#[test]
fn what_ransomware_leaves_is_suspected_when_it_comes_and_takes_no_tier() {
    let bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    for sequence in 1..=4 {
        save_using(&bench, description, sequence, &[("a", 30), ("b", 32 - sequence)]);
        wait(DAY);
    }
    let newest = |bench: &Bench| bench.points("letters")[0].clone();
    assert!(newest(&bench).tiers.contains("day"));
    save_using(&bench, description, 5, &[("x", 32), ("y", 32)]);
    let status = bench.pusat.status().unwrap();
    assert!(status.datasets[0].suspicion.is_some());
    assert!(status.alarms.iter().any(|its| its.alarm == "suspicion" && its.text.contains('%')), "{:?}", status.alarms);
    assert_eq!((newest(&bench).tiers.as_str(), newest(&bench).keep_until), ("", None));
    let before = lock(&bench.pusat.catalog).newest_before_suspicion(&VAULT.to_string(), "letters").unwrap().unwrap();
    assert!(before.snapshot.starts_with("0000000004"), "{before:?}");
    for sequence in 6..=12 {
        wait(DAY);
        save_using(&bench, description, sequence, &[("x", 32), ("y", 32)]);
        assert_eq!(newest(&bench).tiers, "");
    }
    assert_eq!(bench.pusat.retain(By::Dates).unwrap().expired, 0);
    let raised = lock(&bench.pusat.catalog).suspicions().unwrap();
    assert_eq!((raised.len(), raised[0].measure.as_str()), (1, "dropped"));
    bench.write_as("siti", SuspicionEnded { suspicion: raised[0].id.parse().unwrap(), reason: "pindah".into() });
    wait(DAY);
    save_using(&bench, description, 13, &[("x", 32), ("y", 32)]);
    assert!(newest(&bench).tiers.contains("day"));
}

#[test]
fn silence_is_raised_once_and_not_of_the_sites_own_absence() {
    let (mut bench, ..) = saved();
    wait(4 * DAY);
    bench.restart(false).unwrap();
    bench.pusat.tend().unwrap();
    let raised = |bench: &Bench| lock(&bench.pusat.catalog).suspicions().unwrap();
    assert!(raised(&bench).is_empty(), "the site was away");
    wait(3 * DAY + 1);
    bench.pusat.tend().unwrap();
    assert_eq!(raised(&bench)[0].measure, crate::keeping::SILENCE);
    let id = raised(&bench)[0].id.parse().unwrap();
    bench.write_as("siti", SuspicionEnded { suspicion: id, reason: "kantor libur".into() });
    wait(4 * DAY);
    bench.pusat.tend().unwrap();
    assert_eq!(raised(&bench).len(), 1, "a person has looked, and nothing came since");
}

#[test]
fn a_mostly_dead_pack_is_avoided_and_goes_once_nothing_kept_needs_it() {
    let bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    for sequence in 1..=2 {
        save_using(&bench, description, sequence, &[("a", 30), ("b", 30)]);
    }
    save_using(&bench, description, 3, &[("a", 30), ("b", 7)]);
    let pack = ObjectHash::of(b"b");
    assert_eq!(bench.pusat.retain(By::Dates).unwrap().avoided, 1);
    assert_eq!(bench.pusat.avoided(VAULT).unwrap(), [pack.to_string()]);
    assert_eq!(bench.pusat.retain(By::Dates).unwrap().avoided, 0, "once");
    // The next backup wrote what was alive of it afresh.
    for sequence in 4..=8 {
        save_using(&bench, description, sequence, &[("a", 30), ("c", 9)]);
    }
    assert!(lock(&bench.pusat.catalog).suspicions().unwrap().is_empty(), "what the site had moved is no loss");
    let first = bench.points("letters").last().unwrap().snapshot.clone();
    bench.write_as(
        "budi",
        DeletionAsked {
            deletion: "d-1".parse().unwrap(),
            vault: VAULT,
            dataset: "letters".parse().unwrap(),
            manifests: vec![first],
            reason: "uji".into(),
        },
    );
    bench.write_as("siti", DeletionApproved { deletion: "d-1".parse().unwrap() });
    all_gone(&bench);
    assert!(bench.store.size(&LAYOUT.pack(pack)).is_err());
    assert!(bench.pusat.avoided(VAULT).unwrap().is_empty());
}

#[test]
fn the_sites_own_run_comes_once_a_day() {
    let (bench, ..) = saved();
    bench.pusat.tend().unwrap();
    assert_eq!(sequences(&bench).len(), 6, "a day after the site began");
    wait(DAY - 1);
    bench.pusat.tend().unwrap();
    assert_eq!(sequences(&bench).len(), 6);
    wait(1);
    bench.pusat.tend().unwrap();
    assert_eq!(sequences(&bench).len(), 5);
}
