//! Orders onto a server beside what else may be: a copy of that server, a restore grant, and another order.

mod support;

use std::collections::BTreeSet;
use std::fs;

use pulih_protocol::error::Code;
use pulih_protocol::grant::Asking;
use pulih_protocol::path;
use pulih_protocol::recovery::{KeyAsked, Now};
use pulih_vault::store::ObjectName;
use serde_json::{Value, json};
use support::drc::{Drc, noise};
use support::keeper::Keeper;
use support::night::{fall, saved, uid};
use support::onto::{Curious, NewServer, drc_in_a_disaster, ended, follow, hello, needed, said_of, until};
use support::raw::Raw;
use support::{Server, succeeded};

fn steps(record: &Value) -> &[Value] {
    record["steps"].as_array().unwrap()
}

#[test]
fn a_clone_that_was_refused_gets_no_key_and_says_no_step() {
    let (drc, _keeper, _site) = drc_in_a_disaster(&[("app-1", "surat")]);
    let server = NewServer::new(&drc, "baru");
    let (first, lineage) = Curious::saying(&server, &hello(None, b"1", b"machine"));
    let (copy, other) = Curious::saying(&server, &hello(Some((&lineage, b"1")), b"2", b"another machine"));
    assert_ne!(lineage, other);
    let order = follow(&drc, &["app-1/surat", "--to", "baru"]);
    let turn = first.turn();
    let recovery = turn.recovery.as_str();
    let (snapshots, description) = needed(&drc, &turn.vault, "surat");
    let pack = &snapshots[0].packs[0];
    // A server that moved, until the first one comes again.
    assert_eq!((copy.key(recovery, pack), copy.read(pack)), (None, None));
    let (first, again) = Curious::saying(&server, &hello(Some((&lineage, b"1")), b"3", b"machine"));
    assert_eq!(again, lineage);
    assert!(drc.alarms().contains("clone"));
    for object in [pack, &description] {
        assert_eq!((copy.key(recovery, object), copy.read(object)), (Some(Code::Clone), Some(Code::Clone)));
    }
    assert_eq!(copy.0.recovery().unwrap_err().code(), Some(Code::Clone));
    let said = copy.0.recovery_step(&said_of(&turn, "kata salinan")).unwrap_err();
    assert_eq!(said.code(), Some(Code::Clone));
    // Nor does the certificate alone get anything.
    let raw = Raw::with(&server.credentials(), true);
    let asked = KeyAsked { recovery: recovery.into(), object: pack.to_string() };
    let key = raw.send("POST", path::RECOVERY_KEY, &serde_json::to_vec(&asked).unwrap());
    let step = raw.send("POST", path::RECOVERY_STEP, &serde_json::to_vec(&said_of(&turn, "kata lain")).unwrap());
    assert_eq!((key.code(), step.code()), ("hello-first".to_owned(), "hello-first".to_owned()));
    assert!(steps(&drc.json(&["recover", "show", recovery])).is_empty());

    assert_eq!(first.key(recovery, pack), None);
    first.0.recovery_step(&said_of(&turn, "kata yang pertama")).unwrap();
    let record: Value = serde_json::from_str(&succeeded(&ended(order))).unwrap();
    assert_eq!((steps(&record).len(), &steps(&record)[0]["text"]), (1, &json!("kata yang pertama")));
}

/// Adds the walidata of the OPD at the DRC.
fn walidata(drc: &Drc) {
    let key = drc.path("rina.key");
    let verifier = succeeded(&drc.controller(&["user", "key", key.to_str().unwrap()]));
    let added = ["user", "add", "rina", "--name", "Rina", "--role", "walidata", "--opd", "dinkes", "--key"];
    succeeded(&drc.acting(&[&added[..], &[verifier.trim()]].concat()));
}

#[test]
fn a_grant_beside_an_order_gives_no_key_and_the_order_no_more_than_its_turn() {
    let mut drc = Drc::new();
    let mut keeper = Keeper::new(&drc);
    let recipient = keeper.online("publik");
    let mut site = saved("publik", &recipient, &[("app-1", "surat")]);
    let saved = Server { site: &site, name: "app-1".into() };
    site.approve("app-1", "arsip");
    fs::remove_file(saved.path("tree/besar")).unwrap();
    saved.write("lain", &noise(98, 3 << 20));
    succeeded(&saved.backup("arsip"));
    let vault = saved.vault();
    fall(&drc, &mut site);
    keeper.start(&[&uid()]);
    drc.start();
    drc.declare();
    let packs = |dataset: &str| -> BTreeSet<ObjectName> {
        needed(&drc, &vault, dataset).0.remove(0).packs.into_iter().collect()
    };
    let (letters, archive) = (packs("surat"), packs("arsip"));
    let only =
        |these: &BTreeSet<ObjectName>, those: &BTreeSet<ObjectName>| these.difference(those).next().unwrap().clone();
    let (ordered, granted) = (only(&letters, &archive), only(&archive, &letters));
    walidata(&drc);
    let server = NewServer::new(&drc, "baru");
    let curious = Curious::of(&server);

    let asking =
        Asking { vault: vault.clone(), dataset: "arsip".into(), snapshot: None, reason: "server rusak".into() };
    let grant = curious.0.ask(&asking).unwrap().request;
    curious.gets_nothing("rec-1", &granted);
    succeeded(&drc.acting_as("rina", &["grant", "give", &grant]));
    // A grant alone: bytes, which the office's own identity opens, and no key.
    assert_eq!((curious.read(&granted), curious.key("rec-1", &granted)), (None, Some(Code::Forbidden)));
    curious.gets_nothing("rec-1", &ordered);

    let order = ["app-1/surat", "--to", "baru"];
    let following = follow(&drc, &order);
    let turn = curious.turn();
    let recovery = turn.recovery.as_str();
    assert_eq!((curious.read(&ordered), curious.key(recovery, &ordered)), (None, None));
    assert!(!drc.alarms().contains("recovery-stray"));
    assert_eq!((curious.read(&granted), curious.key(recovery, &granted)), (None, Some(Code::Forbidden)));
    assert!(drc.alarms().contains("recovery-stray"));
    curious.0.recovery_step(&said_of(&turn, "")).unwrap();
    succeeded(&ended(following));

    // The order is over and the grant is not.
    assert_eq!((curious.read(&granted), curious.key(recovery, &granted)), (None, Some(Code::Forbidden)));
    curious.gets_nothing(recovery, &ordered);
    // The grant is over and an order is not.
    succeeded(&drc.acting_as("rina", &["grant", "end", &grant, "--reason", "selesai"]));
    let following = follow(&drc, &order);
    let turn = curious.turn();
    assert_ne!(turn.recovery, recovery);
    curious.gets_nothing(&turn.recovery, &granted);
    assert_eq!((curious.read(&ordered), curious.key(&turn.recovery, &ordered)), (None, None));
    curious.0.recovery_step(&said_of(&turn, "")).unwrap();
    succeeded(&ended(following));
}

#[test]
fn an_order_for_one_of_two_datasets_takes_the_place_of_the_one_for_both() {
    let (drc, _keeper, _site) = drc_in_a_disaster(&[("app-1", "surat"), ("app-2", "surat")]);
    let curious = Curious::of(&NewServer::new(&drc, "baru"));
    let mut both = follow(&drc, &["app-1/surat", "app-2/surat", "--to", "baru"]);
    let old = curious.turn();
    both.kill().unwrap();
    both.wait().unwrap();
    let one = follow(&drc, &["app-2/surat", "--to", "baru"]);
    let turn = until("the turn of the other order", || match curious.0.recovery().unwrap() {
        Now::Restore(turn) if turn.recovery != old.recovery => Some(turn),
        _ => None,
    });
    assert_eq!((old.folder.as_str(), turn.folder.as_str()), ("app-1/surat", "app-2/surat"));
    let outcome = |id: &str| drc.json(&["recover", "show", id])["outcome"].clone();
    assert_eq!((outcome(&old.recovery), outcome(&turn.recovery)), (json!("aborted"), Value::Null));
    let pack = needed(&drc, &old.vault, "surat").0.remove(0).packs.remove(0);
    for recovery in [&old.recovery, &turn.recovery] {
        curious.gets_nothing(recovery, &pack);
    }
    let said = curious.0.recovery_step(&said_of(&old, "")).unwrap_err();
    assert_eq!(said.code(), Some(Code::Forbidden));
    curious.0.recovery_step(&said_of(&turn, "")).unwrap();
    let record: Value = serde_json::from_str(&succeeded(&ended(one))).unwrap();
    let points = record["points"].as_array().unwrap();
    assert_eq!((points.len(), steps(&record).len(), &record["outcome"]), (1, 1, &json!("done")));
    assert!(steps(&drc.json(&["recover", "show", &old.recovery])).is_empty());
}
