//! What the two sites say of each other's ledgers, and what becomes of one whose history was rewritten.

use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::entry::kinds::{LedgerResumed, OpdAdded};
use pulih_ledger::entry::{Body, Entry};
use pulih_ledger::hash::Hash;
use pulih_ledger::layout::Layout;
use pulih_ledger::memory::Memory as _;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_ledger::{Actor, Checkpoint, Ledger, View, others};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::SigningKey;
use pulih_vault::store::{Keeps as _, ObjectName, Store as _};
use ring::rand::SystemRandom;

use super::bench::{DRC, PUSAT, Two};
use super::changes::{act, person};
use super::lock;
use crate::base::Base;
use crate::gateway::answer::Refusal;
use crate::pusat::tests::bench::{now, wait};
use crate::record::{Behind, RecordError};
use crate::site::SiteDir;

fn layout(site: &str) -> Layout {
    Layout { site: site.parse().unwrap() }
}

fn named(prefix: &str, n: u32) -> OpdAdded {
    OpdAdded { opd: format!("{prefix}-{n}").parse().unwrap(), name: "x".into(), owner: None }
}

/// An entry on each ledger, and a checkpoint of each.
fn go_on(two: &Two, prefix: &str) {
    two.pusat.write(named(prefix, 1));
    lock(&two.pusat.pusat.record).checkpoint().unwrap();
    two.write(named(prefix, 1));
    lock(&two.drc.record).checkpoint().unwrap();
}

fn key_of(base: &Base) -> CosignerKey {
    CosignerKey::of(lock(&base.record).key().clone())
}

/// Sizes of a site's ledger at which the other's word is kept there.
fn said(of: &Base, by: &Base) -> Vec<u64> {
    let layout = Layout { site: of.id().unwrap() };
    others::sizes_by(&*of.store, &layout, &[key_of(by)]).unwrap().into_iter().collect()
}

fn size(base: &Base) -> u64 {
    base.own_log().checkpoint().size
}

fn alarms(base: &Base, which: &str) -> usize {
    lock(&base.catalog).alarms(0).unwrap().iter().filter(|its| its.alarm == which).count()
}

#[test]
fn each_site_keeps_what_the_other_said_of_every_checkpoint_that_it_saw() {
    let two = Two::new();
    let (mut of_pusat, mut of_drc) = (Vec::new(), Vec::new());
    for prefix in ["a", "b", "c"] {
        go_on(&two, prefix);
        two.round().unwrap();
        of_pusat.push(size(two.pusat.pusat.base()));
        of_drc.push(size(&two.drc));
    }
    assert_eq!(said(two.pusat.pusat.base(), &two.drc), of_pusat);
    assert_eq!(said(&two.drc, two.pusat.pusat.base()), of_drc);
    // Said, and kept by who said it, before it was known to the other.
    for (at, site, other, sizes) in [(&two.store, DRC, PUSAT, &of_pusat), (&two.pusat.store, PUSAT, DRC, &of_drc)] {
        for size in sizes {
            at.size(&layout(site).cosigned(&other.parse().unwrap(), *size)).unwrap();
        }
    }
    // An announcement's first co-signature by the other site is found by its entry.
    let over = |index| two.drc.first_cosigned_over(index, &two.drc.cosigning_sites().unwrap()).unwrap();
    let (at, its) = over(of_drc[0]).unwrap();
    assert_eq!((at, its.key().name()), (of_drc[1], format!("pulih-ledger/{PUSAT}").as_str()));
    assert!(over(of_drc[2]).is_none());
    // Without news nobody is asked.
    let asked = two.line.asked.lock().unwrap().len();
    two.round().unwrap();
    assert_eq!(two.line.asked.lock().unwrap().len(), asked);
    for alarm in ["ledger-diverged", "ledger-forked", "cosign-bad", "cosign-missing"] {
        assert_eq!((two.alarms(alarm), alarms(two.pusat.pusat.base(), alarm)), (0, 0), "{alarm}");
    }
}

#[test]
fn an_answer_that_was_lost_and_a_process_that_begins_anew_change_nothing() {
    let mut two = Two::new();
    go_on(&two, "a");
    // The Pusat Data has co-signed; its answer never came.
    *two.line.lie.lock().unwrap() = Some((503, String::new()));
    two.round().unwrap();
    assert!(said(&two.drc, two.pusat.pusat.base()).is_empty());
    *two.line.lie.lock().unwrap() = None;
    let log = two.drc.own_log();
    let size = log.checkpoint().size;
    let note = two.store.read(&log.layout().checkpoint(size), 1 << 16).unwrap();
    let request = format!("old 0\n\n{}", String::from_utf8(note).unwrap());
    two.pusat.pusat.add_checkpoint(DRC, request.as_bytes()).unwrap();
    let kept = two.pusat.store.read(&layout(PUSAT).cosigned(&DRC.parse().unwrap(), size), 1 << 16).unwrap();
    wait(60);
    two.restart(false);
    two.round().unwrap();
    // What came in the end is what was said at first.
    let note = others::cosigned_at(&*two.store, &layout(DRC), &two.drc.own_keys(), size).unwrap();
    let first = Cosigned::open(&kept, &two.drc.own_keys()).unwrap();
    let key = key_of(two.pusat.pusat.base());
    assert_eq!(note.by(&key).unwrap(), first.by(&key).unwrap());
    assert_eq!(two.alarms("cosign-bad"), 0);
}

#[test]
fn a_word_that_was_lost_on_its_way_is_still_the_first_over_what_it_covers() {
    let two = Two::new();
    go_on(&two, "a");
    two.round().unwrap();
    let before = size(&two.drc);
    // The Pusat Data has co-signed; its answer never came, and the ledger went on.
    go_on(&two, "b");
    let log = two.drc.own_log();
    let lost = log.checkpoint().size;
    let note = two.store.read(&log.layout().checkpoint(lost), 1 << 16).unwrap();
    let proof = log.prove_consistency(before, lost).unwrap();
    let request = AddCheckpoint { old: before, proof, checkpoint: String::from_utf8(note).unwrap() };
    two.pusat.pusat.add_checkpoint(DRC, request.to_text().as_bytes()).unwrap();
    go_on(&two, "c");
    two.round().unwrap();
    assert_eq!(said(&two.drc, two.pusat.pusat.base()), [before, lost, size(&two.drc)]);
    let (at, _) = two.drc.first_cosigned_over(before, &two.drc.cosigning_sites().unwrap()).unwrap().unwrap();
    assert_eq!((at, two.alarms("cosign-bad")), (lost, 0));
}

#[test]
fn a_liar_gets_an_alarm_once_a_day_and_stops_nothing() {
    let two = Two::new();
    go_on(&two, "a");
    two.round().unwrap();
    for (n, lie) in [
        (200, "\u{2014} pulih-ledger/pusat-33.19 AAAA\n"),
        (200, "x"),
        (409, "281474976710655\n"),
        (409, "many\n"),
        (409, "3\n"),
    ]
    .into_iter()
    .enumerate()
    {
        *two.line.lie.lock().unwrap() = Some((lie.0, lie.1.into()));
        go_on(&two, &format!("b{n}"));
        two.round().unwrap();
        assert_eq!(two.alarms("cosign-bad"), 1, "{lie:?}");
    }
    // Nothing of it is believed: the ledger goes on, and is co-signed when the truth is told again.
    assert!(lock(&two.drc.record).behind().is_none());
    *two.line.lie.lock().unwrap() = None;
    go_on(&two, "c");
    two.round().unwrap();
    assert_eq!(said(&two.drc, two.pusat.pusat.base()).last(), Some(&size(&two.drc)));
    wait(25 * 3600);
    *two.line.lie.lock().unwrap() = Some((200, "x".into()));
    go_on(&two, "d");
    two.round().unwrap();
    assert_eq!(two.alarms("cosign-bad"), 2);
}

/// What a person who has the site's key makes of its ledger: the first entries as they were, others after them, and a
/// checkpoint at their end.
fn rewrite(two: &Two, keep: u64, others: u64) {
    let log = two.drc.own_log();
    let at = crate::record::time(now()).unwrap();
    let other = |n: u64| named("other", u32::try_from(n).unwrap()).into();
    let mut entries: Vec<Entry> = Vec::new();
    for recorded in log.entries(0).take(keep as usize) {
        let its = recorded.unwrap().read().unwrap();
        let View::Known(body) = its.view else { panic!("of another version") };
        entries.push(Entry::new(its.site, its.at, its.actor, *body));
    }
    entries.extend((0..others).map(|n| Entry::new(DRC.parse().unwrap(), at.clone(), Actor::Site, other(n))));
    let folder: ObjectName = format!("site/{DRC}/ledger").parse().unwrap();
    let mut names = Vec::new();
    two.store.list(&folder, &mut |name| names.push(name)).unwrap();
    let of_log = |name: &&ObjectName| !name.as_str().contains("/cosignature/");
    names.iter().filter(of_log).for_each(|name| two.store.remove(name).unwrap());
    let mut ledger = Ledger::create(two.store.clone(), &DRC.parse().unwrap(), two.own_key()).unwrap();
    ledger.append(&entries).unwrap();
    ledger.checkpoint().unwrap();
}

#[test]
fn a_rewritten_ledger_of_the_drc_is_refused_at_the_pusat_data_and_told_of_at_both() {
    let mut two = Two::new();
    go_on(&two, "a");
    two.round().unwrap();
    let before = size(&two.drc);
    // As many entries, and the last two are others.
    rewrite(&two, before - 2, 2);
    two.restart(false);
    let pusat = two.pusat.pusat.clone();
    for _ in 0..3 {
        two.round().unwrap();
    }
    assert_eq!((two.alarms("ledger-forked"), two.alarms("cosign-bad")), (1, 0));
    // The site's own word for it goes onto its ledger, and is co-signed no more than anything after it.
    lock(&two.drc.record).checkpoint().unwrap();
    two.round().unwrap();
    assert_eq!(said(pusat.base(), &two.drc).len(), 1);
    let keys = two.drc.own_keys();
    let last = pusat.said_of(&DRC.parse().unwrap(), &keys, two.pusat.store.clone()).unwrap();
    assert_eq!(last.newest().unwrap().unwrap().checkpoint().size, before);
    // One that does not ask what was co-signed, and shows what it has: the Pusat Data keeps that as proof, once.
    let log = two.drc.own_log();
    let size = log.checkpoint().size;
    let note = two.store.read(&log.layout().checkpoint(size), 1 << 16).unwrap();
    let proof = log.prove_consistency(before, size).unwrap();
    let request = AddCheckpoint { old: before, proof, checkpoint: String::from_utf8(note.clone()).unwrap() };
    for _ in 0..3 {
        let refused = pusat.add_checkpoint(DRC, request.to_text().as_bytes());
        assert_eq!(refused.unwrap_err().code, Code::Refused);
    }
    assert_eq!(alarms(&pusat, "ledger-diverged"), 1);
    let proof: ObjectName = format!("site/{PUSAT}/proofs/{}", ObjectHash::of(&note)).parse().unwrap();
    assert_eq!(two.pusat.store.read(&proof, 1 << 16).unwrap(), note);
}

#[test]
fn a_drc_that_was_rolled_back_writes_nothing_until_its_newest_copy_is_back_or_a_person_gives_it_up() {
    let mut two = Two::new();
    let admin = person(&two, "ani");
    go_on(&two, "a");
    two.round().unwrap();
    let older = two.copy_drc();
    go_on(&two, "b");
    two.round().unwrap();
    let newest = size(&two.drc);
    let newer = two.copy_drc();
    two.bring_drc(&older);
    // With the first look it hears what it had signed, and has no more.
    two.round().unwrap();
    let behind = lock(&two.drc.record).behind().unwrap().to_owned();
    assert!(behind.contains(&format!("a checkpoint of {newest}")), "{behind}");
    let body: Body = named("d", 1).into();
    let write = |two: &Two| lock(&two.drc.record).write(now(), &Actor::Site, vec![body.clone()]);
    assert!(matches!(write(&two), Err(RecordError::Behind(_))));
    assert!(matches!(lock(&two.drc.record).checkpoint(), Err(RecordError::Behind(_))));
    // Not by starting it again either.
    two.restart(false);
    assert!(matches!(write(&two), Err(RecordError::Behind(_))));
    let entries = two.drc.entries();
    drop(two.round());
    assert_eq!(two.drc.entries(), entries);
    let rolled_back = two.copy_drc();
    assert_eq!(two.drc.ledger_behind().unwrap().unwrap(), behind);

    // Its newest copy comes back.
    two.bring_drc(&newer);
    let its = SiteDir::at(rolled_back.path().to_owned()).read("ledger-behind").unwrap();
    two.drc.dir.write("ledger-behind", &its).unwrap();
    two.restart(false);
    assert!(lock(&two.drc.record).behind().is_none() && !two.drc.dir.path("ledger-behind").exists());
    write(&two).unwrap();
    two.round().unwrap();
    assert_eq!(two.alarms("ledger-behind"), 0);

    // Or there is none, and an admin says so.
    two.bring_drc(&rolled_back);
    let Behind { size, proof } = Behind::of(&two.drc.dir).unwrap().unwrap();
    let resume = |size, reason: &str| {
        let body = LedgerResumed { size, proof, reason: reason.into() };
        act(&two, &admin, body, None)
    };
    assert_eq!(resume(size, "").unwrap_err().code, Code::BadRequest);
    assert_eq!(resume(size + 1, "the disk burnt").unwrap_err().code, Code::BadRequest);
    resume(size, "the disk burnt").unwrap();
    write(&two).unwrap();
    lock(&two.drc.record).checkpoint().unwrap();
    // What was given up does not stop it again.
    two.round().unwrap();
    two.restart(false);
    two.round().unwrap();
    assert!(lock(&two.drc.record).behind().is_none());
    assert_eq!(two.alarms("ledger-behind"), 1);
}

#[test]
fn a_pusat_data_that_hears_of_more_than_it_has_takes_in_nothing_more() {
    let two = Two::new();
    go_on(&two, "a");
    two.round().unwrap();
    let pusat = two.pusat.pusat.clone();
    let (log, drc) = (pusat.own_log(), two.own_key());
    let hand_in = |checkpoint: &Checkpoint, by: &SigningKey| {
        let mut note = Cosigned::open(checkpoint.sign(&two.stolen()).as_bytes(), &pusat.own_keys()).unwrap();
        note.add(&note.cosign(by, 1_790_000_000).unwrap()).unwrap();
        pusat.take_handed_in(DRC, note.to_note().as_bytes()).map_err(|refusal| refusal.code)
    };
    let now_here = log.checkpoint().clone();
    let more = Checkpoint { size: log.size() + 5, ..now_here.clone() };
    // Of nobody whose word counts, or not of this ledger.
    assert_eq!(hand_in(&more, &SigningKey::generate("x", &SystemRandom::new()).unwrap()), Err(Code::BadRequest));
    let note = two.drc.own_log().checkpoint().sign(&drc);
    assert_eq!(pusat.take_handed_in(DRC, note.as_bytes()).unwrap_err().code, Code::BadRequest);
    assert_eq!(hand_in(&now_here, &drc), Ok(()));
    let other = Checkpoint { root: Hash::of_leaf(b"another past"), ..now_here.clone() };
    assert_eq!((hand_in(&other, &drc), hand_in(&other, &drc)), (Err(Code::Refused), Err(Code::Refused)));
    assert_eq!(alarms(&pusat, "ledger-forked"), 1);
    // One that says another key signed it.
    let mut line = Cosigned::open(now_here.sign(&two.stolen()).as_bytes(), &pusat.own_keys()).unwrap();
    line.add(&line.cosign(&drc, 7).unwrap()).unwrap();
    let moved = line.to_note().replace(&now_here.to_text(), &other.to_text());
    let log_line = other.sign(&two.stolen()).lines().last().unwrap().to_owned();
    let moved = format!("{}\n{log_line}\n{}\n", other.to_text(), moved.lines().last().unwrap());
    assert_eq!(pusat.take_handed_in(DRC, moved.as_bytes()).unwrap_err().code, Code::Refused);
    assert_eq!(alarms(&pusat, "cosign-bad"), 1);

    assert!(lock(&pusat.record).behind().is_none());
    assert_eq!(hand_in(&more, &drc), Err(Code::Refused));
    assert!(lock(&pusat.record).behind().is_some());
    let refused =
        Refusal::from(lock(&pusat.record).write(now(), &Actor::Site, vec![named("z", 1).into()]).unwrap_err());
    assert_eq!(refused.code, Code::Busy);
}

#[test]
fn who_is_heard_and_co_signs_nothing_for_a_day_is_worth_an_alarm() {
    let two = Two::new();
    go_on(&two, "a");
    two.round().unwrap();
    *two.line.lie.lock().unwrap() = Some((404, String::new()));
    let tick = || {
        two.round().unwrap();
        two.pusat.pusat.hears_reader();
        two.drc.mind_pusat().unwrap();
        two.pusat.pusat.mind_drc().unwrap();
    };
    let missing = || (two.alarms("cosign-missing"), alarms(two.pusat.pusat.base(), "cosign-missing"));
    go_on(&two, "b");
    wait(23 * 3600);
    tick();
    assert_eq!(missing(), (0, 0));
    wait(2 * 3600);
    tick();
    tick();
    // Each of its own ledger.
    assert_eq!(missing(), (1, 1));
    *two.line.lie.lock().unwrap() = None;
    go_on(&two, "c");
    two.round().unwrap();
    wait(25 * 3600);
    tick();
    assert_eq!(missing(), (1, 1));
}
