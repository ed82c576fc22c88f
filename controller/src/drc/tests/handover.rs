//! Another key of a site's ledger: nobody goes over to one that the other site has not accepted, and with one that it
//! has everything goes on.

use pulih_ledger::entry::kinds::{KeyAccepted, KeyProposed, KeyRotated, SitePaired, UserAdded};
use pulih_ledger::entry::{Body, Entry, sign_act};
use pulih_ledger::ids::Sha256;
use pulih_ledger::{Actor, Ledger, Log};
use pulih_protocol::error::Code;
use pulih_vault::hand_over::HandOver;
use pulih_vault::note::{SigningKey, Unverified, VerifierKey};
use ring::rand::SystemRandom;
use serde_json::Value;

use super::super::lock;
use super::bench::{PUSAT, Two, drc_now};
use super::changes::{Person, act, person};
use crate::evidence::keys::Ask;
use crate::gateway::answer::Answer;
use crate::pusat::tests::bench::{code, now, wait};
use crate::record::time;
use crate::site::SiteDir;

const DRC: &str = "drc-33.19";

/// Two sites that are paired with each other, each with an admin.
fn paired() -> (Two, Person, Person) {
    let two = Two::new();
    two.pusat.write(SitePaired {
        peer: DRC.parse().unwrap(),
        role: "drc".into(),
        name: "DRC".into(),
        key: lock(&two.drc.record).key().clone(),
        ca_sha256: Sha256([1; 32]),
        card_sha256: Sha256([2; 32]),
    });
    let admin = person(&two, "dewi");
    let key = SigningKey::generate("pulih-person", &SystemRandom::new()).unwrap();
    two.pusat.write(UserAdded {
        user: "ani".parse().unwrap(),
        name: "Ani".into(),
        roles: vec!["admin".into()],
        opd: None,
        key: key.verifier(),
        decree: None,
        until: None,
    });
    (two, Person("ani", key), admin)
}

/// What a person does at the Pusat Data.
fn act_there(two: &Two, by: &Person, body: impl Into<Body>, attachment: Option<&str>) -> Answer<()> {
    let site: pulih_ledger::ids::SiteId = PUSAT.parse().unwrap();
    let actor = Actor::Person { user: by.0.parse().unwrap(), key: by.1.verifier().fingerprint() };
    let entry = Entry::new(site.clone(), time(now()).unwrap(), actor, body.into());
    let entry = sign_act(entry, &by.1).unwrap().encode(&site).unwrap();
    two.pusat.pusat.act(std::str::from_utf8(&entry).unwrap(), attachment)
}

fn proposed(made: &Value) -> KeyProposed {
    let text = |name: &str| made[name].as_str().unwrap();
    KeyProposed { key: text("key").parse().unwrap(), possession: text("possession").into(), reason: "baru".into() }
}

fn accepted(offered: &Value, proposal: u64) -> KeyAccepted {
    let text = |name: &str| offered[name].as_str().unwrap();
    KeyAccepted {
        peer: text("peer").parse().unwrap(),
        key: text("key").parse().unwrap(),
        proposal,
        statement: text("statement").parse().unwrap(),
    }
}

/// As `evidence key rotate` has it from the list.
fn rotated(list: &Value) -> KeyRotated {
    let next = &list["next"];
    let by = &next["statement"];
    KeyRotated {
        key: next["key"].as_str().unwrap().parse().unwrap(),
        proposal: next["proposal"].as_u64().unwrap(),
        peer: by["peer"].as_str().map(|peer| peer.parse().unwrap()),
        statement: by["statement"].as_str().map(|hash| hash.parse().unwrap()),
    }
}

fn key_of(two: &Two, is_drc: bool) -> VerifierKey {
    let record = if is_drc { &two.drc.record } else { &two.pusat.pusat.record };
    lock(record).key().clone()
}

/// The Pusat Data's log as the DRC has it, from a key on.
fn mirrored(two: &Two, from: &VerifierKey) -> Log {
    Log::open(two.store.clone(), &PUSAT.parse().unwrap(), from.clone()).unwrap()
}

#[test]
fn the_pusat_datas_ledger_goes_over_to_a_key_that_the_drc_accepted_and_to_no_other() {
    let (mut two, ani, dewi) = paired();
    let pusat = |two: &Two| two.pusat.pusat.clone();
    two.save(1);
    two.round().unwrap();
    let old = key_of(&two, false);

    let made = pusat(&two).make_key().unwrap();
    assert_eq!(
        code(act_there(&two, &ani, KeyProposed { reason: " ".into(), ..proposed(&made) }, None)),
        Code::BadRequest
    );
    act_there(&two, &ani, proposed(&made), None).unwrap();
    assert_eq!(code(act_there(&two, &ani, proposed(&made), None)), Code::AlreadyExists);
    let new: VerifierKey = made["key"].as_str().unwrap().parse().unwrap();
    // Nothing changes yet, and nobody goes over alone.
    assert_eq!(key_of(&two, false), old);
    let alone = rotated(&pusat(&two).list_keys(&[]).unwrap());
    assert_eq!((&alone.key, &alone.peer), (&new, &None));
    assert_eq!(code(act_there(&two, &ani, alone.clone(), None)), Code::Refused);

    // The DRC sees the proposal in the mirror. A statement by somebody else is none.
    two.round().unwrap();
    let offered = two.drc.answer_keys(Ask::Accept { note: None }).unwrap();
    assert_eq!(offered["key"], made["key"]);
    let index = offered["proposal"].as_u64().unwrap();
    let stranger = SigningKey::generate(&format!("pulih-ledger/{DRC}"), &SystemRandom::new()).unwrap();
    let both = HandOver { old: old.clone(), new: new.clone() };
    let forged = both.statement(&stranger);
    assert_eq!(code(pusat(&two).take_statement(DRC, forged.as_bytes())), Code::Forbidden);
    let forged = KeyRotated {
        peer: Some(DRC.parse().unwrap()),
        statement: Some(pulih_vault::id::ObjectHash::of(forged.as_bytes())),
        ..alone
    };
    assert_eq!(code(act_there(&two, &ani, forged, None)), Code::Refused);
    // What is signed is what was offered.
    assert_eq!(code(act(&two, &dewi, accepted(&offered, index + 1), None)), Code::BadRequest);
    act(&two, &dewi, accepted(&offered, index), None).unwrap();
    assert_eq!(code(act(&two, &dewi, accepted(&offered, index), None)), Code::AlreadyExists);

    // It is handed in with the next look, also by another process.
    two.restart(false);
    two.round().unwrap();
    let list = pusat(&two).list_keys(&[]).unwrap();
    assert_eq!(list["next"]["statement"]["peer"], DRC);
    act_there(&two, &ani, rotated(&list), None).unwrap();
    assert_eq!(key_of(&two, false), new);
    let dir = SiteDir::at(two.pusat.folder.path().to_owned());
    assert!(!dir.path("ledger.key.next").exists());
    assert_eq!(SigningKey::from_secret_text(dir.read("ledger.key").unwrap().trim()).unwrap().verifier(), new);

    // Everything goes on: here, in the mirror, after either process ends, and without a catalog.
    // (A DRC that lost its catalog waits for a person before it pulls again.)
    for (sequence, forget) in [(2, false), (3, true)] {
        two.save(sequence);
        wait(10);
        two.round().unwrap();
        assert_eq!(two.points().len() as u64, sequence);
        assert_eq!(mirrored(&two, &old).root(), mirrored(&two, &new).root());
        two.restart(forget);
    }
    two.round().unwrap();
    two.pusat.restart(true).unwrap();
    assert_eq!(key_of(&two, false), new);
    assert_eq!(two.alarms("pull-refused") + two.alarms("ledger-diverged"), 0);
    for (store, site) in [(two.pusat.store.clone(), PUSAT), (two.store.clone(), PUSAT), (two.store.clone(), DRC)] {
        let first = if site == DRC { key_of(&two, true) } else { old.clone() };
        let store: std::sync::Arc<dyn pulih_vault::store::Store> = store;
        let whole = pulih_ledger::verify::verify(&store, &site.parse().unwrap(), first, &|| true).unwrap();
        assert!(whole.is_some(), "{site}");
    }
    assert_eq!(two.drc.ledgers().unwrap().len(), 2);
}

#[test]
fn whoever_stole_the_pusat_datas_key_brings_no_key_of_their_own_into_the_mirror() {
    let (two, ..) = paired();
    two.save(1);
    two.round().unwrap();
    let before = mirrored(&two, &key_of(&two, false)).size();
    // With the old secret, and without the DRC's people.
    let thief = SigningKey::generate(&format!("pulih-ledger/{PUSAT}"), &SystemRandom::new()).unwrap();
    let site = PUSAT.parse().unwrap();
    let mut ledger = Ledger::open(two.pusat.store.clone(), &site, two.stolen()).unwrap();
    let body = KeyRotated { key: thief.verifier(), proposal: 1, peer: None, statement: None };
    let entry = Entry::new(site.clone(), time(now()).unwrap(), Actor::Site, body.into());
    let next = SigningKey::from_secret_text(&thief.to_secret_text()).unwrap();
    ledger.rotate(&entry, next).unwrap();
    *two.line.head.lock().unwrap() = Some(ledger.head(time(now()).unwrap()));
    // The head is signed by nobody who is known here; and with the old key's, the batch is not taken.
    assert!(two.round().is_err());
    let head = pulih_ledger::head::Head { size: ledger.log().size(), root: ledger.log().root(), ..two.head() };
    two.answer(&head);
    let refused = two.round().unwrap_err().to_string();
    assert!(refused.contains(&thief.verifier().fingerprint().to_string()), "{refused}");
    let mirror = mirrored(&two, &two.stolen().verifier());
    assert!(mirror.size() >= before && mirror.key() != &thief.verifier());
}

#[test]
fn the_drcs_ledger_goes_over_to_a_key_that_the_pusat_data_accepted_and_servers_follow() {
    let (mut two, ani, dewi) = paired();
    two.save(1);
    two.round().unwrap();
    let old = key_of(&two, true);
    let made = two.drc.make_key().unwrap();
    act(&two, &dewi, proposed(&made), None).unwrap();
    // It is carried: the Pusat Data does not have this ledger.
    let made = two.drc.make_key().unwrap();
    let (note, index) = (made["note"].as_str().unwrap(), made["proposal"].as_u64().unwrap());
    let pusat = two.pusat.pusat.clone();
    let forged = note.replace(&made["fingerprint"].as_str().unwrap()[..1], "x");
    assert!(pusat.offered(&forged).is_err());
    let by_new_alone = format!("{}\n\n{}\n", note.split("\n\n").next().unwrap(), made["possession"].as_str().unwrap());
    assert_eq!(code(pusat.offered(&by_new_alone)), Code::Forbidden);
    let offered = pusat.to_accept(&pusat.offered(note).unwrap()).unwrap();
    assert_eq!(offered["fingerprint"], made["fingerprint"]);
    assert_eq!(code(act_there(&two, &ani, accepted(&offered, index), None)), Code::BadRequest);
    act_there(&two, &ani, accepted(&offered, index), Some(note)).unwrap();
    assert_eq!(code(act(&two, &dewi, rotated(&two.drc.answer_keys(Ask::List).unwrap()), None)), Code::Refused);
    // The DRC fetches what was said.
    two.round().unwrap();
    act(&two, &dewi, rotated(&two.drc.answer_keys(Ask::List).unwrap()), None).unwrap();
    let new = key_of(&two, true);
    assert_eq!(new.to_string(), made["key"].as_str().unwrap());
    two.restart(false);
    assert_eq!(key_of(&two, true), new);
    two.save(2);
    two.round().unwrap();
    assert_eq!(two.points().len(), 2);
    // A server that knows the old key is led to the new one by the old one's own word.
    let handed = two.drc.handed_over().unwrap();
    let claimed = HandOver::claimed(handed[0].as_bytes()).unwrap();
    assert_eq!((handed.len(), &claimed.old, &claimed.new), (1, &old, &new));
    assert!(Unverified::parse(handed[0].as_bytes()).unwrap().verify(&[&old]).is_some());
    let log = Log::open(two.store.clone(), &DRC.parse().unwrap(), old.clone()).unwrap();
    assert!(log.keys().keys().eq([&old, &new]));
    // The Pusat Data believes either, until it has seen the new one at work.
    let peer = lock(&two.pusat.pusat.catalog).peer(DRC).unwrap().unwrap();
    assert_eq!(two.pusat.pusat.keys_of(&peer).unwrap(), [old, new]);
    assert!(drc_now() >= now());
}
