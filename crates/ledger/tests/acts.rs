//! Acts of people: signed by the person whom the ledger names, over all of the entry, with a key
//! that the ledger gave before; anything else is not believed.

mod support;

use pulih_ledger::entry::kinds::{ApprovalEnded, UserAdded};
use pulih_ledger::entry::{ActError, Body, EntryError};
use pulih_ledger::roster::Roster;
use pulih_ledger::{Actor, Entry, ReadEntry, canonical, sign_act, verify_act};
use pulih_vault::note::{SigningKey, VerifierKey};
use support::{MemStore, create, open_log, other_key, person_key, site};

fn by(user: &str, key: &VerifierKey) -> Actor {
    Actor::Person { user: user.parse().unwrap(), key: key.fingerprint() }
}

fn entry(actor: Actor, body: Body) -> Entry {
    Entry::new(site(), "2026-11-22T01:23:45Z".parse().unwrap(), actor, body)
}

fn ended() -> Body {
    ApprovalEnded { approval: "a1".parse().unwrap(), reason: "dicabut\n\n\u{2014} x AAAA".into() }.into()
}

fn added(user: &str, key: &VerifierKey) -> Body {
    let user = user.parse().unwrap();
    let name = "Siti Rahayu, S.Kom".into();
    UserAdded { user, name, roles: vec![], opd: None, key: key.clone(), decree: None, until: None }.into()
}

fn signed(user: &str, key: &SigningKey, body: Body) -> Entry {
    sign_act(entry(by(user, &key.verifier()), body), key).unwrap()
}

fn read(entry: &Entry) -> ReadEntry {
    ReadEntry::parse(&entry.encode(&site()).unwrap()).unwrap()
}

#[test]
fn an_act_is_believed_with_the_key_that_signed_it() {
    let key = person_key();
    let act = read(&signed("siti", &key, ended()));
    assert_eq!(verify_act(&act, &key.verifier()), Ok(()));
    let other = verify_act(&act, &other_key("siti").verifier());
    assert!(matches!(other, Err(ActError::OtherKey { .. })), "{other:?}");
}

#[test]
fn a_signature_holds_for_every_field() {
    let key = person_key();
    let act = read(&signed("siti", &key, ended()));
    let with = |name: &str, value: serde_json::Value| {
        let mut raw = act.raw.clone();
        raw.insert(name.into(), value);
        ReadEntry::parse(&canonical::encode(&raw).unwrap()).unwrap()
    };
    let person = |user: &str| serde_json::json!({"type": "person", "user": user, "key": key.verifier().fingerprint().to_string()});
    for (name, value) in [
        ("approval", "a2".into()),
        ("reason", "".into()),
        ("at", "2026-11-22T01:23:46Z".into()),
        ("site", "drc".into()),
        ("type", "pulih/ledger/approval-given/v1".into()),
        ("actor", person("budi")),
        // A field that this program does not know is signed as well.
        ("extra", 1.into()),
    ] {
        let forged = verify_act(&with(name, value), &key.verifier());
        assert!(matches!(forged, Err(ActError::BadSignature { .. })), "{name}: {forged:?}");
    }
    let line = act.raw["act"].as_str().unwrap();
    for bad in
        ["", "x", &format!("{line}\n"), &format!("\n{line}"), &format!("{line}\n\n{line}"), &line[..line.len() - 4]]
    {
        let forged = verify_act(&with("act", bad.into()), &key.verifier());
        assert!(matches!(forged, Err(ActError::BadSignature { .. })), "{bad:?}: {forged:?}");
    }
    // What another key signed, with the right key named.
    let note = other_key("siti").sign("{}\n");
    let forged = verify_act(&with("act", note[4..].trim().into()), &key.verifier());
    assert!(matches!(forged, Err(ActError::BadSignature { .. })), "{forged:?}");
    let unsigned = verify_act(&with("act", serde_json::Value::Null), &key.verifier());
    assert!(matches!(unsigned, Err(ActError::Unsigned { .. })), "{unsigned:?}");
}

#[test]
fn an_act_without_a_signature_is_not_written() {
    let key = person_key();
    let unsigned = entry(by("siti", &key.verifier()), ended());
    assert_eq!(unsigned.encode(&site()), Err(EntryError::Unsigned));
    let act = signed("siti", &key, ended()).act;
    assert!(act.is_some());
    let by_site = Entry { act, ..entry(Actor::Site, ended()) };
    assert_eq!(by_site.encode(&site()), Err(EntryError::NoPerson));
    assert_eq!(sign_act(entry(Actor::Site, ended()), &key).map(drop), Err(EntryError::NoPerson));
    assert!(sign_act(unsigned, &other_key("siti")).is_err());
    let elsewhere = "drc".parse().unwrap();
    let other_site = entry(Actor::Site, ended()).encode(&elsewhere);
    assert!(matches!(other_site, Err(EntryError::OtherSite { .. })), "{other_site:?}");
}

#[test]
fn the_ledger_alone_says_whose_act_it_is() {
    let (siti, budi) = (person_key(), other_key("budi"));
    let shared = MemStore::default().shared();
    let mut ledger = create(&shared);
    let acts = [
        signed("siti", &siti, ended()),
        entry(Actor::Site, added("siti", &siti.verifier())),
        signed("siti", &siti, ended()),
        // One who adds himself, and acts.
        signed("budi", &budi, added("budi", &budi.verifier())),
        signed("budi", &budi, ended()),
        // One who takes another's name with his own key.
        signed("siti", &budi, ended()),
        signed("siti", &siti, added("budi", &budi.verifier())),
        signed("budi", &budi, ended()),
    ];
    ledger.append(&acts).unwrap();
    let log = open_log(&shared).unwrap();
    let mut roster = Roster::default();
    let believed: Vec<_> = log.entries(0).map(|entry| roster.follow(&entry.unwrap().read().unwrap()).is_ok()).collect();
    assert_eq!(believed, [false, true, true, false, false, false, true, true]);
    assert_eq!(roster.keys(&"budi".parse().unwrap()), [budi.verifier()]);
}
