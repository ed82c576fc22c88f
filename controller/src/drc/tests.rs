//! What a DRC decides when clocks, a line, its own disk or a Pusat Data in strange hands are against it.

mod applications;
mod audits;
mod bench;
mod changes;
mod checkpoints;
mod cosign;
mod drills;
mod fleets;
mod handover;
mod history;
mod keys;
mod quarter;
mod region;
mod regulations;
mod servers;
mod years;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{ObjectDamaged, OpdAdded, SnapshotAccepted};
use pulih_ledger::head::Head;
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::ManifestName;
use pulih_vault::reach::{PackUse, Reach};
use pulih_vault::store::{Keeps as _, Store as _};

use super::error::PullError;
use super::lock;
use super::urgency::Waiting;
use crate::catalog::Point;
use crate::pusat::Came;
use crate::pusat::tests::bench::{DAY, LAYOUT, VAULT, broken, manifest_name, now, wait};
use bench::{PUSAT, Two, drc_now, set_apart};

fn damaged(two: &Two) -> Vec<ObjectDamaged> {
    let its = |body| if let Body::ObjectDamaged(its) = body { Some(its) } else { None };
    two.ledger().into_iter().filter_map(its).collect()
}

/// A snapshot of the letters that the Pusat Data's ledger has, and nobody else.
fn phantom(sequence: u64) -> SnapshotAccepted {
    SnapshotAccepted {
        vault: VAULT,
        dataset: "letters".parse().unwrap(),
        manifest: ManifestName { sequence, hash: ObjectHash::of(&sequence.to_le_bytes()) },
        captured: crate::record::time(now()).unwrap(),
        keep_until: None,
        tiers: vec!["hour".into(), "day".into(), "week".into(), "month".into(), "year".into()],
        stored_bytes: 1,
        partial: false,
        late: false,
    }
}

fn kept(points: &[Point]) -> Vec<(String, Option<i64>)> {
    points.iter().map(|its| (its.tiers.clone(), its.keep_until)).collect()
}

#[test]
fn what_the_catalog_has_and_the_store_has_not_is_fetched_again_before_a_snapshot_is_complete() {
    let two = Two::new();
    two.pusat.pack(b"shared");
    two.save(1);
    two.round().unwrap();
    // Another snapshot needs the same pack, which a hand or an older image of the disk took away.
    let pack = LAYOUT.pack(ObjectHash::of(b"letters 1"));
    two.store.remove(&pack).unwrap();
    wait(60);
    let note = two.pusat.manifest(two.first, "letters", 2, &[ObjectHash::of(b"letters 1")]);
    two.pusat.put("letters", 2, &note, Came::Now).unwrap();
    two.round().unwrap();
    assert_eq!(two.points().len(), 2);
    assert!(two.store.size(&pack).is_ok());
    assert_eq!(damaged(&two)[0].object, pack.as_str());
    assert_eq!((two.alarms("object-damaged"), two.alarms("pull-refused")), (1, 0));
}

#[test]
fn many_packs_are_looked_for_in_one_listing() {
    let two = Two::new();
    let packs: Vec<ObjectHash> = (0..100u32).map(|n| two.pusat.pack(&n.to_le_bytes())).collect();
    let note = two.pusat.manifest(two.first, "letters", 1, &packs);
    two.pusat.put("letters", 1, &note, Came::Now).unwrap();
    // One of them is here already: nothing is fetched twice.
    two.store.put(&LAYOUT.pack(packs[7]), &7u32.to_le_bytes());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(0));
    let count = seen.clone();
    two.store.on(move |what, name| {
        *count.lock().unwrap() += u32::from(what == "size" && name.as_str().contains("/packs/"));
        Ok(())
    });
    two.round().unwrap();
    two.store.off();
    assert_eq!((two.points().len(), *seen.lock().unwrap()), (1, 0));
    assert!(packs.iter().all(|pack| two.store.size(&LAYOUT.pack(*pack)).is_ok()));
    assert_eq!(lock(&two.drc.work).totals.objects, 99 + 2, "the reach and the manifest beside them");
}

#[test]
fn damage_in_the_own_store_is_this_sites_and_is_put_right() {
    let two = Two::new();
    two.save(1);
    let folder = LAYOUT.folder("reach");
    let mut reaches = BTreeSet::new();
    two.pusat.store.list(&folder, &mut |name| reaches.extend([name])).unwrap();
    let reach = reaches.first().unwrap();
    two.store.put(reach, b"other bytes");
    two.round().unwrap();
    assert_eq!(two.points().len(), 1);
    let good = two.pusat.store.read(reach, 1 << 20).unwrap();
    assert_eq!(two.store.read(reach, 1 << 20).unwrap(), good);
    assert_eq!(damaged(&two)[0].object, reach.as_str());
    assert!(two.ledger().iter().any(|body| matches!(body, Body::ObjectHealed(its) if its.source == PUSAT)));
    assert_eq!((two.alarms("object-damaged"), two.alarms("pull-refused")), (1, 0));
}

#[test]
fn after_sixty_days_in_one_the_tiers_are_as_they_would_have_been() {
    // One DRC pulls each day; the other hears nothing for sixty days.
    let tiers = |gap: bool| {
        let mut two = Two::new();
        for sequence in 1..=60 {
            two.save(sequence);
            if !gap {
                two.round().unwrap();
            }
            wait(DAY);
        }
        two.round().unwrap();
        assert_eq!((two.points().len(), two.waiting()), (60, 0));
        let before = kept(&two.points());
        two.restart(true);
        assert_eq!(kept(&two.points()), before, "the catalog was made again");
        before
    };
    let begin = now();
    let in_time = tiers(false);
    wait(begin - now());
    let late = tiers(true);
    assert_eq!(late, in_time);
    let with = |tier: &str| in_time.iter().filter(|(tiers, _)| tiers.contains(tier)).count();
    assert_eq!((with("day"), with("year")), (60, 2), "it is November when it begins");
    assert_eq!(with("month"), 3);
}

#[test]
fn snapshots_that_never_come_take_no_tier_from_those_that_do() {
    let two = Two::new();
    two.pusat.write(phantom(1));
    wait(10);
    two.save(2);
    two.round().unwrap();
    let point = &two.points()[0];
    // Nothing of it goes while the one before it may still come.
    assert!(point.keep_until >= Some(drc_now() + 29 * DAY), "{point:?}");
    wait(22 * DAY);
    two.round().unwrap();
    let point = &two.points()[0];
    assert_eq!(point.tiers, "day week month year");
    assert!(point.keep_until > Some(drc_now() + 4 * 365 * DAY), "{point:?}");
}

#[test]
fn a_pusat_data_that_keeps_nothing_shortens_nothing_here() {
    let two = Two::new();
    // It took the snapshots in and says that each is one of many in one hour, accepted long ago.
    for sequence in 1..=3 {
        let pack = two.pusat.pack(&[sequence as u8]);
        let note = two.pusat.manifest(two.first, "letters", sequence, &[pack]);
        let name = manifest_name(sequence, &note);
        let dataset = "letters".parse().unwrap();
        two.pusat.store.put(&LAYOUT.manifest(&dataset, name), note.as_bytes());
        let its = SnapshotAccepted { manifest: name, tiers: Vec::new(), ..phantom(sequence) };
        lock(&two.pusat.pusat.record).write(1_600_000_000, &Actor::Site, vec![its.into()]).unwrap();
        wait(DAY);
    }
    two.round().unwrap();
    let points = two.points();
    // Each is the first of its day, by what its agent signed.
    assert_eq!(points.len(), 3);
    assert!(points.iter().all(|its| its.keep_until > Some(now() + 30 * DAY)), "{points:?}");
}

#[test]
fn an_old_head_is_no_news_and_no_proof() {
    let two = Two::new();
    two.save(1);
    two.round().unwrap();
    let (old, heard) = (two.pusat.pusat.head().unwrap(), two.heard());
    assert_eq!(heard, Some(drc_now()));
    wait(3600);
    two.save(2);
    two.round().unwrap();
    assert_eq!(two.heard(), Some(drc_now()));
    let heard = two.heard();
    // Kept, and sent again: signed, and of fewer entries than the mirror has.
    *two.line.head.lock().unwrap() = Some(old);
    wait(60);
    let said = two.round().unwrap_err().to_string();
    assert!(said.contains("older"), "{said}");
    assert_eq!((two.heard(), two.alarms("peer-clock"), two.alarms("ledger-diverged")), (heard, 1, 0));
}

#[test]
fn a_clock_ten_years_ahead_is_an_alarm_and_stops_nothing() {
    for apart in [10 * 366 * DAY, -10 * 366 * DAY] {
        let two = Two::new();
        set_apart(apart);
        two.save(1);
        two.round().unwrap();
        assert_eq!((two.points().len(), two.alarms("peer-clock"), two.heard()), (1, 1, None));
        assert!(two.points()[0].accepted <= now().min(drc_now()));
        // Set right, it is heard, and what it signed before does not outrun it.
        set_apart(0);
        wait(60);
        two.save(2);
        two.round().unwrap();
        assert_eq!((two.points().len(), two.heard()), (2, Some(drc_now())));
    }
    // Two hours are no matter.
    let two = Two::new();
    set_apart(7200);
    two.save(1);
    two.round().unwrap();
    assert_eq!((two.points().len(), two.alarms("peer-clock"), two.heard()), (1, 0, Some(drc_now())));
}

#[test]
fn it_is_heard_once_its_ledger_was_followed_and_not_before() {
    let two = Two::new();
    two.save(1);
    two.pusat
        .store
        .on(|what, name| if what == "read" && name.as_str().contains("/batch/") { Err(broken(name)) } else { Ok(()) });
    two.round().unwrap_err();
    assert_eq!(two.heard(), None);
    two.pusat.store.off();
    two.round().unwrap();
    assert_eq!(two.heard(), Some(drc_now()));
}

#[test]
fn a_ledger_without_end_keeps_nothing_from_coming() {
    let two = Two::new();
    two.save(1);
    let opd = |n: u32| OpdAdded { opd: format!("opd-{n}").parse().unwrap(), name: "x".into(), owner: None };
    (0..20).for_each(|n| two.pusat.write(opd(n)));
    let entries = |two: &Two| lock(&two.drc.mirrored).mirror.as_ref().map_or(0, |mirror| mirror.log().size());
    let all = two.pusat.pusat.entries();
    let mut looks = 0;
    while entries(&two) < all {
        let before = entries(&two);
        two.drc.follow_ledger(&two.peer(), &*two.line, 4).unwrap();
        two.drc.plan().unwrap();
        two.drc.lane(false, false);
        assert!(entries(&two) > before);
        looks += 1;
    }
    assert!(looks > 4, "{looks}");
    assert_eq!(two.points().len(), 1);
}

#[test]
fn a_divergence_is_known_after_a_restart() {
    let mut two = Two::new();
    two.save(1);
    two.round().unwrap();
    wait(60);
    let root = pulih_ledger::hash::Hash::of_leaf(b"another past");
    two.answer(&Head { root, ..two.head() });
    assert!(two.round().unwrap_err().to_string().contains("forked"));
    assert_eq!(two.alarms("ledger-diverged"), 1);
    let diverged = |two: &Two| lock(&two.drc.mirrored).diverged.clone();
    assert!(diverged(&two).is_some_and(|why| why.contains("forked")));
    two.restart(false);
    assert!(diverged(&two).is_some_and(|why| why.contains("forked")));
    // It is the same again: over, and no second alarm.
    *two.line.head.lock().unwrap() = None;
    two.round().unwrap();
    assert_eq!((diverged(&two), two.alarms("ledger-diverged")), (None, 1));
}

#[test]
fn refusals_fill_no_ledger() {
    let two = Two::new();
    for sequence in 1..=130 {
        two.pusat.write(phantom(sequence));
    }
    two.round().unwrap();
    assert_eq!((two.waiting(), two.alarms("pull-refused")), (130, 100));
    two.round().unwrap();
    assert_eq!(two.alarms("pull-refused"), 100);
    wait(3601);
    two.round().unwrap();
    assert_eq!(two.alarms("pull-refused"), 130);
}

#[test]
fn a_snapshot_that_the_ledger_makes_whole_or_partial_is_not_taken() {
    let two = Two::new();
    let pack = two.pusat.pack(b"x");
    let note = two.pusat.manifest(two.first, "letters", 1, &[pack]);
    let name = manifest_name(1, &note);
    two.pusat.store.put(&LAYOUT.manifest(&"letters".parse().unwrap(), name), note.as_bytes());
    two.pusat.write(SnapshotAccepted { manifest: name, partial: true, ..phantom(1) });
    two.round().unwrap();
    assert_eq!((two.points().len(), two.alarms("pull-refused")), (0, 1));
    let status = serde_json::to_value(two.drc.status().unwrap()).unwrap();
    let why = status["datasets"][0]["error"].as_str().unwrap();
    assert!(why.contains("whether it is whole"), "{why}");
}

#[test]
fn what_is_known_is_pulled_though_the_ledger_cannot_be_followed() {
    let two = Two::new();
    two.save(1);
    two.drc.look().unwrap();
    let head = two.pusat.pusat.head().unwrap();
    *two.line.head.lock().unwrap() = Some(head.replace("pulih/ledger/head", "pulih/ledger/heat"));
    let round = serde_json::to_value(two.drc.replicate().unwrap()).unwrap();
    assert_eq!((&round["snapshots"], &round["waiting"]), (&1.into(), &0.into()));
    assert!(round["error"].as_str().is_some_and(|why| why.contains("head")), "{round}");
}

#[test]
fn entries_that_say_nothing_are_counted_and_shown() {
    let two = Two::new();
    two.save(1);
    two.add_raw(br#"{"actor":{"type":"site"},"at":"2026-11-22T01:23:45Z","site":"pusat-33.19","type":"pulih/ledger/opd-added/v1"}"#);
    two.round().unwrap();
    assert_eq!((two.points().len(), two.alarms("ledger-unread")), (1, 1));
    let status = serde_json::to_value(two.drc.status().unwrap()).unwrap();
    assert_eq!(status["peer"]["unread_entries"], 1);
}

#[test]
fn a_full_quota_makes_its_own_opd_wait_and_no_other() {
    let two = Two::new();
    two.save(1);
    two.round().unwrap();
    two.follow(|text| text.replace("quota = \"1TiB\"", "quota = \"1GiB\""));
    // As the reach of its agent says, it needs more than there is.
    let packs: Vec<ObjectHash> = (0..8u8).map(|n| two.pusat.pack(&[n])).collect();
    let note = two.pusat.manifest_of(two.first, "letters", 2, &packs, 200 << 20);
    two.pusat.put("letters", 2, &note, Came::Now).unwrap();
    two.round().unwrap();
    assert_eq!((two.points().len(), two.waiting(), two.alarms("quota-full")), (1, 1, 1));
    assert_eq!(two.alarms("pull-refused"), 0);
    two.round().unwrap();
    assert_eq!(two.alarms("quota-full"), 1, "said once");
    // The same of another OPD has room, and what is on its way counts.
    let other = Waiting { opd: "disdik".into(), ..lock(&two.drc.work).queue[0].clone() };
    let used = PackUse { stored_bytes: 1 << 29, live_bytes: 1, all_bytes: 1 };
    let reach = Reach { packs: [(packs[0], used)].into(), indexes: BTreeSet::new() };
    let room = || two.drc.room(&other, &reach, &packs[..1]);
    let first = room().unwrap();
    let _second = room().unwrap();
    assert!(matches!(room(), Err(PullError::Waits(_))));
    drop(first);
    assert!(room().is_ok());
    // More room is given, and it comes.
    two.follow(str::to_owned);
    two.round().unwrap();
    assert_eq!((two.points().len(), two.waiting()), (2, 0));
}

#[test]
fn what_this_site_itself_fails_at_is_its_own_alarm() {
    let two = Two::new();
    two.save(1);
    two.store
        .on(|what, name| if what == "size" && name.as_str().contains("/packs/") { Err(broken(name)) } else { Ok(()) });
    two.round().unwrap();
    two.store.off();
    assert_eq!((two.alarms("drc-failed"), two.alarms("pull-refused"), two.waiting()), (1, 0, 1));
}

#[test]
fn an_ended_pairing_ends_what_is_on_its_way() {
    let two = Two::new();
    two.save(1);
    two.drc.look().unwrap();
    two.drc.set_parted(true);
    two.drc.lane(false, false);
    assert_eq!(two.points().len(), 0);
    assert!(matches!(two.drc.go_on(), Err(PullError::Line(why)) if why.contains("ended")));
}

#[test]
fn a_line_that_is_down_loses_nothing() {
    let two = Two::new();
    two.save(1);
    two.round().unwrap();
    two.line.is_down.store(true, Ordering::Relaxed);
    two.save(2);
    two.round().unwrap_err();
    two.line.is_down.store(false, Ordering::Relaxed);
    two.round().unwrap();
    assert_eq!(two.points().len(), 2);
}
