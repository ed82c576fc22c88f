//! Bundles: a good one verifies, each kind of damage has its code, and no changed byte goes unseen.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;
use pulih_evidence::report::Code;
use pulih_evidence::source::Folder;
use pulih_evidence::verify::{Trust, verify};
use pulih_evidence::write::{Period, WriteError};
use pulih_ledger::hash::Hash;
use pulih_ledger::proof::consistency;
use pulih_ledger::tlog_proof::TlogProof;
use pulih_ledger::{Checkpoint, canonical};
use serde_json::{Map, Value, json};
use support::{
    AT, Forged, LATER, alarm, announced, beginning, codes, ended, export, good, good_drills, key, key_named, ledger,
    missed, put, raw, remarks, report, report_by, site, step,
};

fn all_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn what_a_ledger_has_is_exported_and_verifies() {
    for count in [2, 3, 255, 256, 257, 700] {
        let (store, ledger) = ledger(count);
        let exported = export(&*store, &ledger);
        assert_eq!(exported.written.absent, [], "{count}");
        let report = report(&exported.path());
        assert_eq!(report.problems, [], "{count}");
        assert_eq!((remarks(&report).len(), report.entries), (0, count as u64));
        let [its] = &report.sites[..] else { panic!("{report:?}") };
        assert_eq!((its.size, its.root.clone()), (count as u64, ledger.log().root().to_string()));
        assert!(its.given && !its.uji && its.origin == "pulih-ledger/drc-33.19");
        // The same again is the same, byte for byte.
        let again = export(&*store, &ledger);
        assert_eq!(all_files(&again.path()), all_files(&exported.path()));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["type"], "pulih/evidence-verified/v1");
        assert_eq!(json["problems"], json!([]));
    }
}

#[test]
fn an_export_that_was_cut_off_is_begun_anew_and_nothing_is_overwritten() {
    let (store, ledger) = ledger(3);
    let exported = export(&*store, &ledger);
    let at = AT.parse().unwrap();
    let export = pulih_evidence::write::Export {
        store: &*store,
        logs: &[ledger.log()],
        by: "uji",
        at: &at,
        period: Period::default(),
        all_checkpoints: true,
    };
    let again = pulih_evidence::write::to_folder(&exported.path(), &export);
    assert!(matches!(again, Err(WriteError::Exists { .. })), "{again:?}");
    let other = exported.folder.path().join("other");
    put(&exported.folder.path().join("other.part"), "drc-33.19/left", b"over");
    pulih_evidence::write::to_folder(&other, &export).unwrap();
    assert_eq!(all_files(&other), all_files(&exported.path()));
    assert!(!exported.folder.path().join("other.part").exists());
}

#[test]
fn a_log_with_people_and_drills_verifies() {
    let report = Forged::of(&good(), &key(), &[0, 4, 256, 300, 512]).report();
    assert_eq!(report.problems, []);
    assert_eq!(remarks(&report).len(), 0, "{:?}", report.remarks);
    let drills: Vec<_> = report.drills.iter().map(|its| (its.drill.as_str(), its.outcome.as_str())).collect();
    assert_eq!(drills, [("d-1", "passed"), ("d-2", "missed")]);
}

/// The codes for the good bundle with one thing changed in its folder.
fn after(change: impl FnOnce(&Path)) -> Vec<Code> {
    let folder = Forged::of(&good(), &key(), &[256, 300]).write();
    change(folder.path());
    codes(&report(folder.path()))
}

fn edit(folder: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join("drc-33.19").join(name);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn each_damage_has_its_code() {
    let remove =
        |name: &'static str| move |folder: &Path| fs::remove_file(folder.join("drc-33.19").join(name)).unwrap();
    // Entries: changed, exchanged, taken away with their bundle.
    let altered = |bytes: &mut Vec<u8>| {
        let at = bytes.windows(5).position(|its| its == b"alarm").unwrap();
        bytes[at] = b'A';
    };
    assert_eq!(after(|folder| edit(folder, "tile/entries/001", altered)), [Code::RootMismatch]);
    let exchanged = |bytes: &mut Vec<u8>| {
        let len = 2 + usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
        let other = usize::from(u16::from_be_bytes([bytes[len], bytes[len + 1]]));
        bytes[..len + 2 + other].rotate_left(len);
    };
    assert_eq!(after(|folder| edit(folder, "tile/entries/001", exchanged)), [Code::RootMismatch]);
    assert_eq!(after(remove("tile/entries/001")), [Code::Gap]);
    assert_eq!(after(|folder| edit(folder, "tile/entries/001", |bytes| bytes.truncate(500))), [Code::Damaged]);
    // Tiles: cut, gone, changed on each level.
    assert_eq!(after(|folder| edit(folder, "tile/0/001", |bytes| bytes.truncate(100))), [Code::Damaged]);
    assert_eq!(after(remove("tile/0/001")), [Code::Missing]);
    assert_eq!(after(|folder| edit(folder, "tile/0/001", |bytes| bytes[5] ^= 1)), [Code::RootMismatch]);
    assert_eq!(after(|folder| edit(folder, "tile/0/002.p/100", |bytes| bytes[5] ^= 1)), [Code::RootMismatch]);
    assert_eq!(after(|folder| edit(folder, "tile/1/000.p/2", |bytes| bytes[5] ^= 1)), [Code::RootMismatch]);
    assert_eq!(after(remove("tile/1/000.p/2")), [Code::Missing]);
    // What must be there, and objects that an entry names.
    assert_eq!(after(remove("keys")), [Code::Missing]);
    assert_eq!(after(remove("checkpoint")), [Code::Missing]);
    let policy = format!("objects/policies/{}", pulih_vault::id::ObjectHash::of(support::POLICY));
    assert_eq!(after(|folder| edit(folder, &policy, |bytes| bytes[0] ^= 1)), [Code::Object]);
    assert_eq!(after(|folder| fs::remove_file(folder.join("drc-33.19").join(&policy)).unwrap()), [Code::Missing]);
    // The medium.
    let linked = |folder: &Path| {
        let path = folder.join("drc-33.19/keys");
        fs::rename(&path, folder.join("drc-33.19/keys.2")).unwrap();
        symlink("keys.2", path).unwrap();
    };
    assert_eq!(after(linked), [Code::Limit, Code::Missing]);
    assert_eq!(after(|folder| symlink("/", folder.join("root")).unwrap()), [Code::Limit]);
    assert_eq!(after(|folder| edit(folder, "keys", |bytes| bytes.resize(70_000, b'x'))), [Code::Limit, Code::Missing]);
    assert_eq!(after(|folder| put(folder, "drc-33.19/..x", b"")), [Code::Limit]);
    assert_eq!(after(|folder| put(folder, "drc-33.19/a b", b"")), [Code::Limit]);
    assert_eq!(after(|folder| put(folder, &"x".repeat(201), b"")), [Code::Limit]);
    // No part of a bundle: told of, and not a problem.
    assert_eq!(after(|folder| put(folder, "drc-33.19/readme.txt", b"x")), []);
}

#[test]
fn only_the_log_of_the_given_key_is_believed() {
    let (ours, other) = (key(), key_named("pulih-ledger/drc-33.19", 9));
    let good = good();
    // Signed anew, as a whole, by another key under the same name.
    let report = Forged::of(&good, &other, &[256]).report();
    assert_eq!(codes(&report), [Code::UnknownKey, Code::KeyChain]);
    // Only the checkpoint.
    let note = |key: &pulih_vault::note::SigningKey, origin: &str| {
        let mut forged = Forged::of(&good, &ours, &[]);
        let note = String::from_utf8(forged.files["drc-33.19/checkpoint"].clone()).unwrap();
        let its = Checkpoint::parse(&note[..=note.find("\n\n").unwrap()]).unwrap();
        forged.put("checkpoint", Checkpoint { origin: origin.into(), ..its }.sign(key).as_bytes());
        codes(&forged.report())
    };
    assert_eq!(note(&other, "pulih-ledger/drc-33.19"), [Code::UnknownKey]);
    assert_eq!(note(&ours, "pulih-ledger/pusat"), [Code::WrongOrigin]);
    assert_eq!(note(&key_named("pulih-ledger/pusat", 3), "pulih-ledger/pusat"), [Code::UnknownKey]);
    let mut forged = Forged::of(&good, &ours, &[]);
    let changed = String::from_utf8(forged.files["drc-33.19/checkpoint"].clone()).unwrap().replace("612\n", "611\n");
    forged.put("checkpoint", changed.as_bytes());
    assert_eq!(codes(&forged.report()), [Code::BadSignature]);
    forged.put("keys", format!("{}\n", key_named("pulih-ledger/pusat", 3).verifier()).as_bytes());
    assert_eq!(codes(&forged.report()), [Code::WrongOrigin]);
    // Without a fingerprint of the site nothing is supported, and that is said; one of a site that is not there is missed.
    let folder = Forged::of(&good, &ours, &[]).write();
    let told = report_by(folder.path(), &Trust::default());
    assert!(told.is_good() && !told.sites[0].given && remarks(&told).len() == 1);
    let sites = [("pusat".parse().unwrap(), ours.verifier().fingerprint())].into();
    let elsewhere = Trust { sites, ..Trust::default() };
    assert_eq!(codes(&report_by(folder.path(), &elsewhere)), [Code::Missing]);
}

#[test]
fn two_pasts_that_the_key_signed_are_told() {
    let good = good();
    let mut other = good.clone();
    other[100] = alarm(9_999);
    let elsewhere = Forged::of(&other, &key(), &[300]);
    let mut forged = Forged::of(&good, &key(), &[300]);
    forged.put("checkpoints/00000000000000000300", &elsewhere.files["drc-33.19/checkpoints/00000000000000000300"]);
    assert_eq!(codes(&forged.report()), [Code::Fork]);
    other.push(alarm(10_000));
    let longer = Forged::of(&other, &key(), &[]);
    let mut forged = Forged::of(&good, &key(), &[300]);
    forged.put("checkpoints/00000000000000000613", &longer.files["drc-33.19/checkpoints/00000000000000000613"]);
    assert_eq!(codes(&forged.report()), [Code::RolledBack]);
    forged.files.remove("drc-33.19/checkpoints/00000000000000000613");
    forged.put("checkpoints/00000000000000000299", &longer.files["drc-33.19/checkpoints/00000000000000000613"]);
    assert_eq!(codes(&forged.report()), [Code::Damaged]);
}

/// The codes for a log that the site's key signed, with these entries after the first four.
fn with(entries: &[Vec<u8>]) -> Vec<Code> {
    codes(&Forged::of(&[beginning(), entries.to_vec()].concat(), &key(), &[]).report())
}

#[test]
fn what_the_site_signed_must_be_entries_and_acts_of_the_people_who_are_named() {
    let one = alarm(0);
    let text = String::from_utf8(one.clone()).unwrap();
    assert_eq!(with(std::slice::from_ref(&one)), []);
    for bad in [
        text.replace("{\"actor\"", "{ \"actor\""),
        text.replace("drc-33.19", "pusat"),
        text.replace("2026-12-05T", "2026-12-05 "),
        text.replace("\"actor\"", "\"actos\""),
        text.replace("\"subject\"", "\"subjects\""),
        String::new(),
    ] {
        assert_eq!(with(&[bad.clone().into_bytes()]), [Code::Entry], "{bad}");
    }
    // Of a kind that nobody knows yet.
    assert_eq!(with(&[raw("of-the-future", AT, json!({"x": 1}))]), []);

    let act = &beginning()[3];
    let change = |field: &str, value: Value| {
        let mut fields: Map<String, Value> = serde_json::from_slice(act).unwrap();
        if value.is_null() {
            fields.remove(field);
        } else {
            fields.insert(field.into(), value);
        }
        canonical::encode(&fields).unwrap()
    };
    assert_eq!(with(std::slice::from_ref(act)), []);
    assert_eq!(with(&[change("reason", "lain".into())]), [Code::Act]);
    assert_eq!(with(&[change("act", Value::Null)]), [Code::Act]);
    assert_eq!(with(&[change("actor", json!({"type": "site"}))]), [Code::Act]);
    let mut unknown: Value = serde_json::from_slice(act).unwrap();
    unknown["actor"]["user"] = "budi".into();
    assert_eq!(with(&[canonical::encode(unknown.as_object().unwrap()).unwrap()]), [Code::Act]);

    // A log that begins with something else, or with another key.
    let begin = |entries: &[Vec<u8>]| codes(&Forged::of(entries, &key(), &[]).report());
    assert_eq!(begin(&[alarm(0)]), [Code::KeyChain]);
    let created = String::from_utf8(beginning()[0].clone()).unwrap();
    let others = created.replace(&key().verifier().to_string(), &key_named("x", 9).verifier().to_string());
    assert_eq!(begin(&[others.into_bytes()]), [Code::KeyChain]);
}

#[test]
fn no_drill_can_be_left_out_or_end_as_it_did_not() {
    let started = |drill: &str| raw("drill-started", AT, json!({"drill": drill}));
    let announce = |drill: &str, number| raw("drill-announced", AT, announced(drill, number));
    let its_step = |outcome| raw("drill-step", AT, step("d-1", outcome));
    let end = |outcome, steps| raw("drill-ended", AT, ended("d-1", outcome, steps));
    let whole = |outcome, of_step| vec![announce("d-1", 1), started("d-1"), its_step(of_step), end(outcome, 1)];
    let objects_named = |codes: Vec<Code>| codes;
    assert_eq!(objects_named(with(&good_drills())), []);
    assert_eq!(with(&whole("passed", "passed")), []);
    assert_eq!(with(&whole("failed", "failed")), []);
    assert_eq!(with(&whole("aborted", "passed")), []);
    for (why, entries) in [
        ("passed with a failed step", whole("passed", "failed")),
        ("failed with all passed", whole("failed", "passed")),
        ("missed and started", whole("missed", "passed")),
        ("an outcome that is none", whole("fine", "passed")),
        ("passed without a step", vec![announce("d-1", 1), started("d-1"), end("passed", 0)]),
        ("one step too many counted", vec![announce("d-1", 1), started("d-1"), its_step("passed"), end("passed", 2)]),
        ("not announced", vec![started("d-1")]),
        ("announced twice", vec![announce("d-1", 1), announce("d-1", 2)]),
        ("ended twice", [whole("passed", "passed"), vec![end("passed", 1)]].concat()),
        ("started after its step", vec![announce("d-1", 1), its_step("passed"), started("d-1"), end("passed", 1)]),
        ("a step after its end", vec![announce("d-1", 1), started("d-1"), end("failed", 1), its_step("failed")]),
        (
            "no second occurrence",
            vec![raw("drill-missed", AT, missed(1, None)), raw("drill-missed", AT, missed(3, None))],
        ),
        (
            "an occurrence again",
            vec![raw("drill-missed", AT, missed(1, None)), raw("drill-missed", AT, missed(1, None))],
        ),
        ("a first one that is not", vec![raw("drill-missed", AT, missed(2, None))]),
        ("more missed than there were", vec![raw("drill-missed", AT, missed(2, Some(3)))]),
        ("never ended", vec![announce("d-1", 1), raw("of-the-future", LATER, json!({}))]),
    ] {
        assert_eq!(with(&entries), [Code::Drill], "{why}");
    }
    // It may still end.
    assert_eq!(with(&[announce("d-1", 1), raw("of-the-future", AT, json!({}))]), []);
    let mut short = step("d-1", "passed");
    short.as_object_mut().unwrap().remove("phases");
    assert_eq!(with(&[announce("d-1", 1), started("d-1"), raw("drill-step", AT, short)]), [Code::Entry]);
    let mut long = step("d-1", "passed");
    long["phases"]["fetch"] = 100.into();
    let entries = [announce("d-1", 1), started("d-1"), raw("drill-step", AT, long), end("passed", 1)];
    assert_eq!(with(&entries), [Code::Drill]);
    let mut sampled = announced("d-1", 1);
    sampled["sample_percent"] = 5.into();
    let sampled = raw("drill-announced", AT, sampled);
    assert_eq!(with(&[sampled, started("d-1"), its_step("passed"), end("passed", 1)]), [Code::Drill]);
}

#[test]
fn a_log_that_says_otherwise_than_its_step_is_told() {
    let not_ok = b"{\"ms\":1,\"step\":1,\"file\":0,\"bytes\":5,\"ok\":false}\n";
    let hash = pulih_vault::id::ObjectHash::of(not_ok).to_string();
    for (outcome, expected) in [("passed", vec![Code::Drill]), ("failed", vec![])] {
        let mut end = ended("d-1", outcome, 1);
        end["log"] = hash.clone().into();
        let drill = [
            raw("drill-announced", AT, announced("d-1", 1)),
            raw("drill-started", AT, json!({"drill": "d-1"})),
            raw("drill-step", AT, step("d-1", outcome)),
            raw("drill-ended", AT, end),
        ];
        let mut forged = Forged::of(&[beginning(), drill.to_vec()].concat(), &key(), &[]);
        forged.put(&format!("objects/drills/{hash}"), not_ok);
        assert_eq!(codes(&forged.report()), expected, "{outcome}");
    }
}

#[test]
fn a_period_is_verified_with_proofs_of_what_was_before() {
    let all = good();
    let mut forged = Forged::of(&all, &key(), &[]);
    forged.files.remove("drc-33.19/tile/entries/000");
    // Whose log it is and who the people are, is not there.
    assert_eq!(codes(&forged.report()), [Code::Missing]);
    let leaves: Vec<_> = all.iter().map(|entry| Hash::of_leaf(entry)).collect();
    let mut node = |its: pulih_ledger::proof::Subtree| {
        let first = (its.index << its.bits) as usize;
        Ok::<_, std::convert::Infallible>(pulih_ledger::edge::subtree_root(&leaves[first..first + (1 << its.bits)]))
    };
    let checkpoint = String::from_utf8(forged.files["drc-33.19/checkpoint"].clone()).unwrap();
    for index in 0..4u64 {
        let Ok(proof) = pulih_ledger::proof::inclusion(index, all.len() as u64, &mut node);
        let text = TlogProof { index, proof, checkpoint: checkpoint.clone() }.to_text();
        forged.put(&format!("entries/{index:020}"), text.as_bytes());
        forged.put(&format!("entries/{index:020}.json"), &all[index as usize]);
    }
    let told = forged.report();
    assert_eq!((told.problems.len(), told.sites[0].from), (0, 256), "{:?}", told.problems);
    let good = forged.files.clone();
    forged.put("entries/00000000000000000003.json", &all[2]);
    assert_eq!(codes(&forged.report()), [Code::RootMismatch]);
    forged.files = good.clone();
    forged.files.remove("drc-33.19/entries/00000000000000000002");
    assert_eq!(codes(&forged.report()), [Code::Missing]);
    forged.files = good;
    let Ok(other) = consistency(3, all.len() as u64, &mut node);
    let text = TlogProof { index: 3, proof: other, checkpoint }.to_text();
    forged.put("entries/00000000000000000003", text.as_bytes());
    assert_eq!(codes(&forged.report()), [Code::RootMismatch]);
}

#[test]
fn who_asks_to_stop_is_heard() {
    let folder = Forged::of(&good(), &key(), &[]).write();
    let stopped = verify(&Folder::open(folder.path()).unwrap(), &support::trust(), &|| false).unwrap();
    assert!(stopped.is_none());
    assert!(Folder::open(&folder.path().join("nowhere")).is_err());
    let _ = site();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_byte_goes_unseen(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bits in 1u8..
    ) {
        let forged = Forged::of(&good(), &key(), &[0, 4, 256, 300]);
        let names: Vec<_> = forged.files.keys().cloned().collect();
        let name = &names[which.index(names.len())];
        let folder = forged.write();
        let mut bytes = forged.files[name].clone();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        put(folder.path(), name, &bytes);
        prop_assert!(!report(folder.path()).is_good(), "byte {} of {}", at, name);
        bytes.remove(at);
        put(folder.path(), name, &bytes);
        prop_assert!(!report(folder.path()).is_good(), "without byte {} of {}", at, name);
    }

    #[test]
    fn logs_of_any_size_verify(count in 1usize..1100, checkpoint in any::<prop::sample::Index>()) {
        let mut entries = vec![beginning()[0].clone()];
        entries.extend((1..count).map(alarm));
        let report = Forged::of(&entries, &key(), &[checkpoint.index(count)]).report();
        prop_assert_eq!(report.problems, []);
        prop_assert_eq!(report.entries, count as u64);
    }
}
