//! What a site decides when someone comes in between, late, too often, or with what was good once.

pub(crate) mod bench;
mod facts;
mod keeping;
mod listen;
mod retain;
mod traffic;
pub(crate) mod years;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::SnapshotAccepted;
use pulih_protocol::error::Code;
use pulih_protocol::report::{Job, JobOutcome, Report};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::utc;

use super::accept::Came;
use super::lock;
use crate::catalog::Catalog;
use bench::{Bench, DAY, LAYOUT, VAULT, broken, code, key, manifest_name, now, wait};

const LIFE: i64 = 90 * DAY;

/// Of a snapshot that nobody saw.
fn accepted(vault: VaultId, sequence: u64) -> SnapshotAccepted {
    SnapshotAccepted {
        vault,
        dataset: "letters".parse().unwrap(),
        manifest: manifest_name(sequence, &sequence.to_string()),
        captured: crate::record::time(now()).unwrap(),
        keep_until: None,
        tiers: Vec::new(),
        stored_bytes: 1,
        partial: false,
        late: false,
    }
}

#[test]
fn a_certificate_is_renewed_in_its_last_month_and_three_times_a_day() {
    let bench = Bench::new();
    let first = bench.enroll(false);
    wait(LIFE - 30 * DAY);
    assert_eq!(code(bench.renew(first)), Code::Forbidden);
    wait(1);
    for _ in 0..3 {
        bench.renew(first).unwrap();
    }
    assert_eq!(code(bench.renew(first)), Code::Busy);
    wait(DAY);
    bench.renew(first).unwrap();
    // A revocation holds for what is asked with a certificate that was looked up before.
    bench.pusat.revoke("app-1", "dicuri").unwrap();
    assert_eq!(code(bench.renew(first)), Code::Unauthorized);
}

#[test]
fn an_old_certificate_renews_nothing_once_the_server_was_set_up_anew() {
    let bench = Bench::new();
    let old = bench.enroll(false);
    wait(LIFE - DAY);
    bench.enroll(true);
    // Its connection stood, and its request had been let in.
    assert_eq!(code(bench.renew(old)), Code::Unauthorized);
}

#[test]
fn an_old_key_renews_nothing_once_the_server_was_set_up_anew() {
    let mut bench = Bench::new();
    bench.enroll(false);
    let first = bench.init();
    wait(LIFE + DAY);
    bench.lapsed(&bench.key).unwrap();
    wait(DAY - 1);
    // The answer was lost.
    bench.lapsed(&bench.key).unwrap();
    wait(2);
    assert_eq!(code(bench.lapsed(&bench.key)), Code::Unauthorized, "it has one that is good");

    // Set up anew, and away before the owner signed the next description.
    bench.enroll(true);
    wait(LIFE + DAY);
    assert_eq!(code(bench.lapsed(&bench.key)), Code::Unauthorized);
    bench.restart(true).unwrap();
    assert_eq!(code(bench.lapsed(&bench.key)), Code::Unauthorized, "the catalog was made again");
    // A further description with the old key makes that no younger.
    let (second, note) = bench.description(Some(first), &bench.key);
    bench.pusat.describe(&bench.agent(), VAULT, second, note.as_bytes()).unwrap();
    assert_eq!(code(bench.lapsed(&bench.key)), Code::Unauthorized);
    // The new server's key does.
    let fresh = key();
    let (third, note) = bench.description(Some(second), &fresh);
    bench.pusat.describe(&bench.agent(), VAULT, third, note.as_bytes()).unwrap();
    assert_eq!(code(bench.lapsed(&bench.key)), Code::Unauthorized);
    bench.lapsed(&fresh).unwrap();
}

#[test]
fn a_pack_that_is_not_here_costs_no_search() {
    let bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    for dataset in ["letters", "archive"] {
        bench.approve(dataset);
    }
    let pack = bench.save(description, "letters", 1);
    let other = bench.save(description, "archive", 1);
    bench.grant("letters");
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = reads.clone();
    bench.store.on(move |what, _| {
        counted.fetch_add(usize::from(what == "read"), Ordering::Relaxed);
        Ok(())
    });
    let agent = bench.agent();
    for number in 0..100u8 {
        let none = bench.pusat.must_have_grant(&agent, VAULT, ObjectHash([number; 32]));
        assert_eq!(code(none), Code::NotFound);
    }
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    // One that is here and not covered is looked for, and not for ever.
    for _ in 0..16 {
        assert_eq!(code(bench.pusat.must_have_grant(&agent, VAULT, other)), Code::Forbidden);
    }
    assert_eq!(code(bench.pusat.must_have_grant(&agent, VAULT, other)), Code::Busy);
    wait(3600);
    bench.pusat.must_have_grant(&agent, VAULT, pack).unwrap();
    let so_far = reads.load(Ordering::Relaxed);
    bench.pusat.must_have_grant(&agent, VAULT, pack).unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), so_far, "its packs are remembered");
}

#[test]
fn snapshots_of_a_dataset_are_bounded_by_the_day() {
    let bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    let pack = bench.pack(b"isi");
    {
        // Written as they would have been taken.
        let mut record = lock(&bench.pusat.record);
        let bodies = (1..=1500).map(|sequence| accepted(VAULT, sequence).into());
        record.write(now(), &Actor::Site, bodies.collect()).unwrap();
    }
    let note = bench.manifest(description, "letters", 1501, &[pack]);
    assert_eq!(code(bench.put("letters", 1501, &note, Came::Now)), Code::Busy);
    wait(DAY);
    bench.put("letters", 1501, &note, Came::Now).unwrap();
}

#[test]
fn jobs_are_kept_of_known_datasets_only_and_bounded() {
    let bench = Bench::new();
    let until = now() + LIFE;
    bench.enroll(false);
    bench.init();
    bench.approve("letters");
    let job = |dataset: String, at: i64| Job {
        dataset,
        began: utc::rfc3339(at),
        ended: utc::rfc3339(at),
        outcome: JobOutcome::Failed,
        snapshot: None,
        read_bytes: 0,
        stored_bytes: 0,
        unread: 0,
        error: Some("rusak".into()),
    };
    let report = |jobs: Vec<Job>| {
        let at = utc::rfc3339(now());
        let report = Report { at, program: "test".into(), policy: None, datasets: vec![], jobs, alarms: vec![] };
        bench.pusat.report(&bench.agent(), until, &report).unwrap();
    };
    report((0..256).map(|number| job(format!("invented-{number}"), now())).collect());
    report(vec![job("letters".into(), now() + 10 * 365 * DAY)]);
    assert!(lock(&bench.pusat.catalog).last_errors().unwrap().is_empty());
    report((0..256).map(|number| job("letters".into(), now() + number)).collect());
    assert_eq!(lock(&bench.pusat.catalog).last_errors().unwrap().len(), 1);
    assert_eq!(lock(&bench.pusat.catalog).jobs_of("app-1").unwrap(), 100);
    // Many datasets with many jobs each.
    for dataset in 0..60 {
        let name = format!("set-{dataset}");
        bench.approve(&name);
        report((0..100).map(|number| job(name.clone(), now() + dataset * 100 + number)).collect());
    }
    assert_eq!(lock(&bench.pusat.catalog).jobs_of("app-1").unwrap(), 5000);
}

#[test]
fn what_a_failed_site_left_is_no_newer_for_it() {
    let mut bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    bench.save(description, "letters", 1);
    let pack = bench.pack(b"dua");
    let left = bench.manifest(description, "letters", 2, &[pack]);
    let object = LAYOUT.manifest(&"letters".parse().unwrap(), manifest_name(2, &left));
    bench.store.put(&object, left.as_bytes());
    // Found at the next start, three days on: as old as it says, and today's tiers are free.
    wait(3 * DAY);
    bench.restart(false).unwrap();
    let points = bench.points("letters");
    assert!(points[0].late && points[0].snapshot.starts_with("0000000002-"), "{points:?}");
    let status = bench.pusat.status().unwrap();
    assert_eq!(status.datasets[0].exposure_seconds, Some(3 * DAY));
    bench.save(description, "letters", 3);
    let tiers = bench.points("letters")[0].tiers.clone();
    assert!(tiers.contains("day"), "{tiers}");

    // One that is older than what was accepted does not become the newest.
    let skipped = bench.manifest(description, "letters", 4, &[pack]);
    bench.save(description, "letters", 5);
    let object = LAYOUT.manifest(&"letters".parse().unwrap(), manifest_name(4, &skipped));
    bench.store.put(&object, skipped.as_bytes());
    wait(DAY);
    bench.restart(false).unwrap();
    let points = bench.points("letters");
    assert_eq!(points.len(), 4, "{points:?}");
    assert!(points[0].snapshot.starts_with("0000000005-"), "{points:?}");
    bench.restart(true).unwrap();
    assert_eq!(bench.points("letters"), points);
}

#[test]
fn a_description_that_was_stored_and_not_written_down_is_completed() {
    let mut bench = Bench::new();
    bench.enroll(false);
    let first = bench.init();
    let leave = |bench: &Bench, before| {
        let (name, note) = bench.description(Some(before), &bench.key);
        bench.store.put(&LAYOUT.description(name), note.as_bytes());
        (name, note)
    };
    // The same bytes once more.
    let (second, note) = leave(&bench, first);
    assert_eq!(bench.vault().unwrap().described, 1);
    bench.pusat.describe(&bench.agent(), VAULT, second, note.as_bytes()).unwrap();
    assert_eq!(bench.vault().unwrap().described, 2);
    let again = bench.pusat.describe(&bench.agent(), VAULT, second, note.as_bytes());
    assert_eq!(code(again), Code::AlreadyExists);
    // At the site's start.
    let (third, _) = leave(&bench, second);
    bench.restart(false).unwrap();
    assert_eq!(bench.vault().unwrap().described, 3);
    // The one that comes after it.
    let (fourth, _) = leave(&bench, third);
    let (fifth, note) = bench.description(Some(fourth), &bench.key);
    bench.pusat.describe(&bench.agent(), VAULT, fifth, note.as_bytes()).unwrap();
    assert_eq!(bench.vault().unwrap().described, 5);
    let entries = bench.pusat.entries();
    bench.restart(true).unwrap();
    assert_eq!((bench.vault().unwrap().described, bench.pusat.entries()), (5, entries));
}

#[test]
fn a_description_that_comes_while_a_manifest_is_looked_at_counts() {
    let bench = Bench::new();
    bench.enroll(false);
    let first = bench.init();
    bench.approve("letters");
    let pack = bench.pack(b"isi");
    let note = bench.manifest(first, "letters", 1, &[pack]);
    // The owner takes the key away while the reach is read.
    let (second, next) = bench.description(Some(first), &key());
    let (pusat, agent) = (bench.weak(), bench.agent());
    let mut once = Some(next);
    bench.store.on(move |what, name| {
        if what == "read"
            && name.as_str().contains("/reach/")
            && let (Some(next), Some(pusat)) = (once.take(), pusat.upgrade())
        {
            pusat.describe(&agent, VAULT, second, next.as_bytes()).unwrap();
        }
        Ok(())
    });
    assert_eq!(code(bench.put("letters", 1, &note, Came::Now)), Code::Busy);
    assert_eq!(bench.vault().unwrap().described, 2);
    assert_eq!(code(bench.put("letters", 1, &note, Came::Now)), Code::Refused);
    assert!(bench.points("letters").is_empty());
}

#[test]
fn a_count_that_was_broken_off_begins_anew() {
    let mut bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    for sequence in 1..=3 {
        bench.save(description, "letters", sequence);
    }
    bench.restart(true).unwrap();
    let stored = bench.pusat.status().unwrap().stored[0].bytes;
    assert!(stored > 0);
    // Made anew; the store fails when some objects were counted.
    bench
        .store
        .on(|what, name| if what == "size" && name.as_str().contains("/packs/") { Err(broken(name)) } else { Ok(()) });
    bench.restart(true).err().unwrap();
    bench.store.off();
    let catalog = Catalog::open(&bench.folder.path().join("catalog.sqlite")).unwrap();
    let pack = LAYOUT.pack(ObjectHash::of(b"letters 1"));
    catalog.add_object(&VAULT.to_string(), pack.as_str(), 9).unwrap();
    drop(catalog);
    bench.restart(false).unwrap();
    assert_eq!(bench.pusat.status().unwrap().stored[0].bytes, stored);
}

#[test]
fn a_reach_that_would_fill_the_memory_is_refused() {
    let bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    let many: Vec<ObjectHash> = (0..500_000u32).map(|number| ObjectHash::of(&number.to_le_bytes())).collect();
    let note = bench.manifest(description, "letters", 1, &many);
    let refused = bench.put("letters", 1, &note, Came::Now).err().unwrap();
    assert_eq!(refused.code, Code::Refused);
    assert!(refused.message.contains("together"), "{}", refused.message);
}
