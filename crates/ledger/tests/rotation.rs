//! A log that changes its key is one log: who knows any of its keys reads all of it, and a key that was not handed over
//! to signs nothing of it, whatever crashes in between.

mod support;

use std::sync::Arc;

use pulih_ledger::entry::kinds::{KeyRotated, SiteCreated};
use pulih_ledger::mirror::Mirror;
use pulih_ledger::rotation::HandOver;
use pulih_ledger::verify::verify;
use pulih_ledger::{Actor, Entry, Ledger, LedgerError, Log};
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::sim_disk::{Moment, PowerCut, SimDisk};
use pulih_vault::store::{DirStore, Store};
use support::{MemStore, bytes_of, entries, other_key, read_all, seeded_key, site, site_key};

const NAME: &str = "pulih-ledger/pusat";

fn second() -> SigningKey {
    seeded_key(NAME, 21)
}

fn third() -> SigningKey {
    seeded_key(NAME, 22)
}

fn by_the_site(body: impl Into<pulih_ledger::entry::Body>) -> Entry {
    Entry::new(site(), "2026-11-22T01:23:45Z".parse().unwrap(), Actor::Site, body.into())
}

fn created() -> Entry {
    by_the_site(SiteCreated { role: "pusat".into(), name: "Pusat Data".into(), key: site_key().verifier(), uji: false })
}

fn rotated(key: &SigningKey) -> Entry {
    by_the_site(KeyRotated { key: key.verifier(), proposal: 1, peer: None, statement: None })
}

fn open_with(store: &Arc<dyn Store>, key: VerifierKey) -> pulih_ledger::Result<Log> {
    Log::open(Arc::clone(store), &site(), key)
}

/// A ledger of three keys, with checkpoints of each, and how its entries are.
fn three_keys(store: &Arc<dyn Store>) -> Vec<Vec<u8>> {
    let mut ledger = Ledger::create(Arc::clone(store), &site(), site_key()).unwrap();
    ledger.append(&[created()]).unwrap();
    for (at, next) in [(0, second()), (10, third())] {
        ledger.append(&entries(at..at + 3)).unwrap();
        ledger.checkpoint().unwrap();
        ledger.append(&entries(at + 3..at + 4)).unwrap();
        ledger.rotate(&rotated(&next), next).unwrap();
        ledger.append(&entries(at + 4..at + 6)).unwrap();
        ledger.checkpoint().unwrap();
    }
    ledger.append(&entries(20..21)).unwrap();
    read_all(ledger.log()).unwrap()
}

#[test]
fn who_knows_any_key_of_a_log_reads_all_of_it() {
    let store = MemStore::default().shared();
    let all = three_keys(&store);
    assert_eq!(all.len(), 16);
    for key in [site_key(), second(), third()] {
        let log = open_with(&store, key.verifier()).unwrap();
        assert_eq!((read_all(&log).unwrap(), log.key()), (all.clone(), &third().verifier()));
        let keys = log.keys_from_first().unwrap();
        assert!(keys.keys().eq([&site_key().verifier(), &second().verifier(), &third().verifier()]));
        let found = verify(&store, &site(), key.verifier(), &|| true).unwrap().unwrap();
        assert_eq!((found.size, found.root), (16, log.root()));
    }
    assert!(matches!(open_with(&store, other_key(NAME).verifier()), Err(LedgerError::BadSignature { .. })));
    // Who writes on has the newest key.
    for old in [site_key(), second()] {
        let opened = Ledger::open(Arc::clone(&store), &site(), old).map(drop);
        assert!(matches!(opened, Err(LedgerError::OtherKey { .. })), "{opened:?}");
    }
    let mut ledger = Ledger::open(Arc::clone(&store), &site(), third()).unwrap();
    ledger.append(&entries(30..31)).unwrap();
    assert_eq!(open_with(&store, site_key().verifier()).unwrap().size(), 17);
}

#[test]
fn the_checkpoint_between_two_keys_has_lines_of_both_and_the_others_of_one() {
    let store = MemStore::default().shared();
    three_keys(&store);
    let log = open_with(&store, site_key().verifier()).unwrap();
    let signers = |size: u64| -> Vec<bool> {
        let note = store.read(&log.layout().checkpoint(size), 1 << 16).unwrap();
        let note = pulih_vault::note::Unverified::parse(&note).unwrap();
        [site_key(), second(), third()].map(|key| note.verify(&[&key.verifier()]).is_some()).to_vec()
    };
    assert_eq!(log.checkpoint_sizes().unwrap(), [0, 4, 6, 8, 11, 13, 15]);
    for (size, expected) in [
        (0, [true, false, false]),
        (4, [true, false, false]),
        (6, [true, true, false]),
        (8, [false, true, false]),
        (11, [false, true, false]),
        (13, [false, true, true]),
        (15, [false, false, true]),
    ] {
        assert_eq!(signers(size), expected, "{size}");
        log.checkpoint_at(size).unwrap();
    }
}

#[test]
fn a_key_that_was_not_handed_over_to_is_not_followed() {
    let mem = MemStore::default();
    let store = mem.shared();
    let mut ledger = Ledger::create(Arc::clone(&store), &site(), site_key()).unwrap();
    ledger.append(&[created()]).unwrap();
    ledger.append(&entries(0..3)).unwrap();
    ledger.checkpoint().unwrap();
    // It can be written by `rotate` alone, for a key of this log that had not its time before.
    assert!(ledger.append(&[rotated(&second())]).is_err());
    assert!(ledger.rotate(&rotated(&second()), third()).is_err());
    assert!(ledger.rotate(&rotated(&site_key()), site_key()).is_err());
    let elsewhere = seeded_key("pulih-ledger/drc", 21);
    assert!(ledger.rotate(&rotated(&elsewhere), elsewhere).is_err());
    assert_eq!(ledger.log().size(), 4);
    ledger.rotate(&rotated(&second()), second()).unwrap();
    let both = ledger.log().layout().checkpoint(5);
    let note = mem.with(|objects| String::from_utf8(objects[&both].clone()).unwrap());
    let (text, lines) = note.split_once("\n\n").unwrap();
    let lines: Vec<_> = lines.lines().collect();
    // Signed by one of them alone, or by a third: what the old key leads to ends there.
    for (cut, from_old, from_new) in [
        (format!("{text}\n\n{}\n", lines[0]), true, false),
        (format!("{text}\n\n{}\n", lines[1]), false, true),
        (third().sign(&format!("{text}\n")), false, false),
    ] {
        let copy = mem.copy();
        copy.with(|objects| objects.insert(both.clone(), cut.into_bytes()));
        let can = |key: SigningKey| open_with(&copy.shared(), key.verifier()).is_ok();
        assert_eq!((can(site_key()), can(second())), (from_old, from_new), "{lines:?}");
        assert!(verify(&copy.shared(), &site(), site_key().verifier(), &|| true).is_err());
    }
}

fn mirror_to(from: &Arc<dyn Store>, mirror: &mut Mirror, size: u64) -> pulih_ledger::Result<()> {
    while mirror.log().size() < size {
        if let Some(size) = mirror.owed_checkpoint() {
            let name = mirror.log().layout().checkpoint(size);
            mirror.take_checkpoint(size, &from.read(&name, 1 << 16).unwrap())?;
        }
        mirror.take(&from.read(&mirror.next(), 1 << 23).unwrap())?;
    }
    Ok(())
}

#[test]
fn a_mirror_goes_over_to_keys_that_its_site_accepted_and_to_no_other() {
    let (from, to) = (MemStore::default().shared(), MemStore::default().shared());
    let all = three_keys(&from);
    let log = open_with(&from, site_key().verifier()).unwrap();
    let first = from.read(&log.layout().checkpoint(0), 1 << 16).unwrap();
    let mut mirror = Mirror::begin(Arc::clone(&to), &site(), site_key().verifier(), &first).unwrap();
    mirror.accept(third().verifier());
    let refused = mirror_to(&from, &mut mirror, 16);
    assert!(matches!(refused, Err(LedgerError::NotAccepted { .. })), "{refused:?}");
    assert_eq!(mirror.log().size(), 5, "nothing of it was taken");
    mirror.accept(second().verifier());
    // Not before the checkpoint that both signed.
    mirror.take(&from.read(&mirror.next(), 1 << 23).unwrap()).unwrap();
    assert_eq!(mirror.owed_checkpoint(), Some(6));
    let early = mirror.take(&from.read(&mirror.next(), 1 << 23).unwrap());
    assert!(matches!(early, Err(LedgerError::HandOver { .. })));
    drop(mirror);
    // What was taken is remembered by the mirror itself.
    let mut mirror = Mirror::open(Arc::clone(&to), &site(), site_key().verifier()).unwrap();
    assert_eq!(mirror.owed_checkpoint(), Some(6));
    mirror.accept(third().verifier());
    mirror_to(&from, &mut mirror, 16).unwrap();
    assert_eq!(read_all(mirror.log()).unwrap(), all);
    for key in [site_key(), second(), third()] {
        assert_eq!(read_all(&open_with(&to, key.verifier()).unwrap()).unwrap(), all);
    }
}

#[test]
fn a_statement_is_of_just_these_two_keys() {
    let (drc, stranger) = (seeded_key("pulih-ledger/drc", 5), seeded_key("pulih-ledger/drc", 6));
    let its = HandOver { old: site_key().verifier(), new: second().verifier() };
    let line = its.possession(&second());
    assert!(its.is_possessed(&line) && !its.is_possessed(&its.possession(&third())));
    assert!(!its.is_possessed(&format!("{line}\n{line}")) && !its.is_possessed(""));
    let note = its.statement(&drc);
    assert_eq!(HandOver::claimed(note.as_bytes()), Ok(its.clone()));
    assert!(its.is_signed(note.as_bytes(), &[&stranger.verifier(), &drc.verifier()]));
    assert!(!its.is_signed(note.as_bytes(), &[&stranger.verifier()]));
    let other = HandOver { old: site_key().verifier(), new: third().verifier() };
    assert!(!other.is_signed(note.as_bytes(), &[&drc.verifier()]) && !other.is_possessed(&line));
    for bad in [note.replace("site-key/v1", "site-key/v2"), note.replacen(NAME, "pulih-ledger/x", 1), String::new()] {
        assert!(HandOver::claimed(bad.as_bytes()).is_err(), "{bad}");
    }
}

// ---- Crashes ------------------------------------------------------------------------------------

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Midway, Moment::After];

#[derive(Debug, Default)]
struct Told {
    created: bool,
    rotated: bool,
    /// What is there for sure, in order; and what may be there after it.
    sure: Vec<Vec<u8>>,
    in_doubt: Vec<Vec<u8>>,
}

fn store_on(disk: &SimDisk) -> Arc<dyn Store> {
    Arc::new(DirStore::on(disk.clone()))
}

fn run(disk: &SimDisk) -> Told {
    let mut told = Told::default();
    let Ok(mut ledger) = Ledger::create(store_on(disk), &site(), site_key()) else { return told };
    told.created = true;
    let portions = [vec![created()], entries(0..30), vec![rotated(&second())], entries(30..32)];
    for (at, portion) in portions.into_iter().enumerate() {
        let bytes = bytes_of(&portion);
        let is_rotation = at == 2;
        let done = if is_rotation { ledger.rotate(&portion[0], second()) } else { ledger.append(&portion).map(drop) };
        told.rotated |= is_rotation && done.is_ok();
        (if done.is_ok() { &mut told.sure } else { &mut told.in_doubt }).extend(bytes);
        if done.is_err() || (at != 1 && ledger.checkpoint().is_err()) {
            break;
        }
    }
    told
}

/// What a controller does that finds the old key, and the next one beside it; or the next one alone.
fn check(disk: &SimDisk, told: &Told, context: &str) {
    let store = store_on(disk);
    let opened = if told.rotated {
        Ledger::open(Arc::clone(&store), &site(), second())
    } else {
        Ledger::open_with_next(Arc::clone(&store), &site(), site_key(), Some(second()))
    };
    let mut ledger = match opened {
        Err(LedgerError::NoLedger { .. }) if !told.created => return,
        opened => opened.unwrap_or_else(|error| panic!("{error}: {context}")),
    };
    let found = read_all(ledger.log()).unwrap_or_else(|error| panic!("{error}: {context}"));
    let with_doubt = [&told.sure[..], &told.in_doubt].concat();
    assert!(found == told.sure || found == with_doubt, "{} entries: {context}", found.len());
    let is_rotated = found.len() > 31;
    assert_eq!(*ledger.log().key() == second().verifier(), is_rotated, "{context}");
    ledger.append(&entries(900..902)).unwrap_or_else(|error| panic!("it does not go on: {error}: {context}"));
    ledger.checkpoint().unwrap();
    // From either key on it is the same log, whole.
    for key in [site_key(), second()].into_iter().take(1 + usize::from(is_rotated)) {
        let log = open_with(&store, key.verifier()).unwrap_or_else(|error| panic!("{error}: {context}"));
        assert_eq!(log.size(), found.len() as u64 + 2, "{context}");
        // Before the first entry no log says which key was its first.
        let whole = verify(&store, &site(), key.verifier(), &|| true);
        whole.unwrap_or_else(|error| panic!("{error}: {context}"));
    }
}

#[test]
fn a_power_cut_at_every_change_leaves_one_key_that_signs() {
    let undisturbed = SimDisk::new();
    let told = run(&undisturbed);
    assert!(told.rotated && told.sure.len() == 34 && told.in_doubt.is_empty());
    for at in 0..undisturbed.ops().len() {
        for moment in MOMENTS {
            let disk = SimDisk::new();
            disk.cut_power_at(at, moment);
            let told = run(&disk);
            for cut in PowerCut::all(1) {
                check(&disk.after_power_cut(cut), &told, &format!("{moment:?} change {at}, {cut:?}"));
            }
            check(&disk.snapshot(), &told, &format!("killed {moment:?} change {at}"));
        }
    }
}

#[test]
fn a_medium_that_fails_once_ends_no_rotation() {
    for at in 0..60 {
        let disk = SimDisk::new();
        let Ok(mut ledger) = Ledger::create(store_on(&disk), &site(), site_key()) else { unreachable!() };
        ledger.append(&[created()]).unwrap();
        disk.break_at(disk.ops().len() + at);
        let done = ledger.rotate(&rotated(&second()), second());
        // Whoever goes on finds out what came of it.
        ledger.append(&entries(0..1)).or_else(|_| ledger.append(&entries(0..1))).unwrap();
        ledger.checkpoint().or_else(|_| ledger.checkpoint()).unwrap();
        let is_rotated = *ledger.log().key() == second().verifier();
        assert!(is_rotated || done.is_err(), "change {at}");
        let log = open_with(&store_on(&disk), site_key().verifier()).unwrap();
        assert_eq!((log.size(), log.key()), (2 + u64::from(is_rotated), ledger.log().key()), "change {at}");
    }
}
