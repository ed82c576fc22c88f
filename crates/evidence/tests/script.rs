//! `scripts/verify-evidence.py`, which shares nothing with this crate, says the same of the same bundles.

mod support;

use std::fs;
use std::path::Path;

use pulih_evidence::report::Code;
use pulih_evidence::verify::Trust;
use pulih_evidence::write::Period;
use pulih_vault::id::ObjectHash;
use serde_json::{Value, json};
use support::script::agree_by;
use support::sites::{BEGIN, Sites, both, witness, witness_key};
use support::{
    AT, Forged, LATER, announced, beginning, ended, good, key, key_named, missed, put, raw, report, step, trust,
};

fn agree(what: &str, bundle: &Path) {
    agree_by(what, bundle, &trust());
}

#[test]
fn both_say_the_same_of_a_good_bundle_and_of_damaged_ones() {
    let forged = Forged::of(&good(), &key(), &[256]);
    let folder = forged.write();
    agree("good", folder.path());
    assert!(report(folder.path()).is_good());
    // Each file once, in one of three ways: the script takes its time.
    for (number, (name, bytes)) in forged.files.iter().enumerate() {
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        match number % 3 {
            0 => changed[middle] ^= 1,
            1 => changed.truncate(middle),
            _ => fs::remove_file(folder.path().join(name)).unwrap(),
        }
        if number % 3 < 2 {
            put(folder.path(), name, &changed);
        }
        agree(&format!("{name} harmed"), folder.path());
        put(folder.path(), name, bytes);
    }
    put(folder.path(), "drc-33.19/..x", b"");
    put(folder.path(), "drc-33.19/readme.txt", b"");
    std::os::unix::fs::symlink("/", folder.path().join("root")).unwrap();
    agree("with what is no part of it", folder.path());
}

#[test]
fn both_say_the_same_of_what_a_site_signed_that_it_should_not_have() {
    let other = key_named("pulih-ledger/drc-33.19", 9);
    agree("another key", Forged::of(&good(), &other, &[256]).write().path());
    let entry = |kind: &str, fields: Value| raw(kind, AT, fields);
    let announce = |number| entry("drill-announced", announced("d-1", number));
    let started = || entry("drill-started", json!({"drill": "d-1"}));
    let of = |entries: Vec<Vec<u8>>| Forged::of(&[beginning(), entries].concat(), &key(), &[]);
    let act = String::from_utf8(beginning()[3].clone()).unwrap();
    for (what, entries) in [
        (
            "passed with a failed step",
            vec![
                announce(1),
                started(),
                entry("drill-step", step("d-1", "failed")),
                entry("drill-ended", ended("d-1", "passed", 1)),
            ],
        ),
        ("missed and started", vec![announce(1), started(), entry("drill-ended", ended("d-1", "missed", 0))]),
        ("never ended", vec![announce(1), raw("of-the-future", LATER, json!({}))]),
        ("a gap", vec![announce(1), entry("drill-missed", missed(3, None))]),
        ("not announced", vec![started()]),
        ("changed act", vec![act.replace("selesai", "lain").into_bytes()]),
        ("not canonical", vec![b"{ }".to_vec()]),
        ("nothing", vec![Vec::new()]),
        ("no field", vec![entry("drill-ended", json!({"drill": "d-1"}))]),
        (
            "an object that is not there",
            vec![entry("plan-applied", json!({"plan": "p", "version": 1, "object": ObjectHash::of(b"?").to_string()}))],
        ),
    ] {
        agree(what, of(entries).write().path());
    }
}

#[test]
fn both_say_the_same_of_what_two_sites_exported() {
    let sites = Sites::new(260, 3);
    sites.of_drc(&[&witness_key()]);
    let out = tempfile::tempdir().unwrap();
    let (folder, archive) = (out.path().join("bukti"), out.path().join("bukti.tar"));
    sites.export(&folder, Period::default());
    sites.export(&archive, Period::default());
    assert_eq!(agree_by("folder", &folder, &both()), []);
    assert_eq!(agree_by("archive", &archive, &both()), []);
    let late = out.path().join("late.tar");
    sites.export(&late, Period { from: Some(BEGIN + 262 * 3600), to: None });
    assert_eq!(agree_by("a period", &late, &both()), []);
    let given = Trust { witnesses: [(witness(), witness_key().verifier().fingerprint())].into(), ..both() };
    assert_eq!(agree_by("no witness", &folder, &given), [Code::Missing, Code::Cosignature]);
    let sampled = out.path().join("sampled");
    Sites::with_files(3, 3, 10).export(&sampled, Period::default());
    assert_eq!(agree_by("a sample", &sampled, &both()), [Code::Drill]);
    // Bytes all over the archive, and where it can be cut.
    let good = fs::read(&archive).unwrap();
    for part in 0..12 {
        let mut bytes = good.clone();
        match part {
            0 => bytes.truncate(good.len() - 1024),
            1 => bytes.truncate(good.len() / 2),
            2 => bytes[156] = b'2',
            part => bytes[good.len() / 12 * part + part * 7] ^= 4,
        }
        fs::write(&archive, bytes).unwrap();
        agree_by(&format!("change {part}"), &archive, &both());
    }
    // What others saw.
    let of_pusat = folder.join("drc-33.19/cosigned/pusat-33.19/00000000000000000005");
    let kept = fs::read(&of_pusat).unwrap();
    let end = kept[..kept.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&of_pusat, &kept[..end]).unwrap();
    assert_eq!(agree_by("not co-signed", &folder, &both()), [Code::Cosignature]);
    fs::write(&of_pusat, &kept).unwrap();
    for gone in ["drc-33.19/keys", "pusat-33.19/checkpoint", "pusat-33.19/keys"] {
        let bytes = fs::read(folder.join(gone)).unwrap();
        fs::remove_file(folder.join(gone)).unwrap();
        agree_by(gone, &folder, &both());
        fs::write(folder.join(gone), bytes).unwrap();
    }
}
