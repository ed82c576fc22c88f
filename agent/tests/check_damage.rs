//! Checks of a sound vault, and of one in which any object is flipped, cut, emptied or gone.

mod check_office;

use std::fs;
use std::path::Path;

use check_office::Office;
use serde_json::Value;

const KEY: [&str; 2] = ["--identity", "opd.identity"];
const DEEP: [&str; 3] = ["--identity", "opd.identity", "--read-data"];

#[test]
fn a_sound_vault_is_sound_at_every_depth() {
    let office = Office::with_snapshots();
    for args in [&[][..], &["--read-data"], &["--read-data=40"], &KEY, &DEEP] {
        let (status, report) = office.check(args);
        assert_eq!((status, &report["sound"]), (0, &Value::Bool(true)), "{args:?} {report:#}");
        assert_eq!(report["verified"], true);
        assert_eq!((&report["snapshots"], &report["packs"]), (&2.into(), &2.into()));
    }
    let (_, report) = office.check(&DEEP);
    assert_eq!(report["packs_read"], 2);
    assert!(report["chunks_read"].as_u64().unwrap() > 300, "{report:#}");
    let (_, part) = office.check(&["--read-data=40"]);
    assert_eq!(part["packs_read"], 1);
    assert!(part["sample_seed"].is_string());
    // For people: no damage, and what was looked at.
    let text = office.run(&["check", "--quiet"]);
    assert_eq!((text.status.code(), text.stdout.len()), (Some(0), 0));
}

#[test]
fn an_empty_vault_and_one_snapshot_of_nothing_are_sound() {
    let office = Office::new();
    office.assert_sound();
    fs::create_dir(office.path("data")).unwrap();
    office.backup();
    office.assert_sound();
}

#[test]
fn what_is_none_of_a_vaults_is_a_note() {
    let office = Office::with_snapshots();
    fs::write(office.vault().join("index/readme.txt"), "hello").unwrap();
    let report = office.assert_sound();
    assert_eq!(report["strays_count"], 1);
    assert!(report["strays"][0].as_str().unwrap().ends_with("/index/readme.txt"));
}

type Damage = fn(&Path, &[u8]);

const DAMAGES: [(&str, Damage); 4] = [
    ("flipped", |path, bytes| {
        let mut bytes = bytes.to_vec();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }),
    ("cut", |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).unwrap()),
    ("emptied", |path, _| fs::write(path, b"").unwrap()),
    ("deleted", |path, _| fs::remove_file(path).unwrap()),
];

/// Damages every object of a kind in every way, checks, and puts it back.
fn for_each_damage(kind: &str, args: &[&str], see: &mut dyn FnMut(&str, &str, &Value)) {
    let office = Office::with_snapshots();
    for object in office.objects(kind) {
        let path = office.path("store").join(&object);
        let bytes = fs::read(&path).unwrap();
        for (how, damage) in DAMAGES {
            // Objects are read-only files: what damages them does not ask.
            let aside = path.with_extension("aside");
            fs::rename(&path, &aside).unwrap();
            fs::write(&path, b"").unwrap();
            damage(&path, &bytes);
            let (status, report) = office.check(args);
            assert!(status == 1 || status == 0, "{how} {object} {report:#}");
            assert_eq!(status == 0, report["sound"] == true);
            see(how, &object, &report);
            fs::rename(&aside, &path).unwrap();
        }
    }
    office.assert_sound();
}

/// The problem with an object, which must be on record.
fn problem<'r>(report: &'r Value, object: &str) -> &'r Value {
    let problems = report["problems"].as_array().unwrap();
    problems.iter().find(|its| its["object"] == object).unwrap_or_else(|| panic!("{object} is not in {report:#}"))
}

fn assert_names_snapshots(how: &str, object: &str, report: &Value) {
    let problem = problem(report, object);
    assert!(problem["affects_count"].as_u64().unwrap() > 0, "{how} {object} {report:#}");
}

#[test]
fn a_damaged_manifest_is_named_without_a_key() {
    for_each_damage("snapshots", &[], &mut |how, object, report| {
        // The last one is remembered by the agent. One before it may have been removed by
        // retention: the next one names it, and that it is gone is told.
        if how == "deleted" && object.contains("/0000000001-") {
            assert_eq!(report["gone"][0]["sequence"], 1, "{report:#}");
        } else {
            assert_names_snapshots(how, object, report);
        }
    });
}

#[test]
fn a_damaged_reach_is_named_without_a_key() {
    for_each_damage("reach", &[], &mut |how, object, report| assert_names_snapshots(how, object, report));
}

#[test]
fn a_damaged_index_is_named_without_a_key() {
    for_each_damage("index", &[], &mut |how, object, report| assert_names_snapshots(how, object, report));
}

#[test]
fn a_damaged_pack_is_named_without_a_key() {
    for_each_damage("packs", &["--read-data"], &mut |how, object, report| assert_names_snapshots(how, object, report));
}

#[test]
fn a_damaged_description_is_named_with_the_snapshots_under_it() {
    for args in [&["--read-data"][..], &DEEP] {
        for_each_damage("vault", args, &mut |how, object, report| {
            assert_eq!(problem(report, object)["affects_count"], 2, "{how} {report:#}");
            assert_eq!(report["verified"], false);
        });
    }
}

fn lost_paths(problem: &Value) -> Vec<&str> {
    problem["lost"].as_array().unwrap().iter().map(|lost| lost["path"].as_str().unwrap()).collect()
}

#[test]
fn with_a_key_the_files_are_named() {
    for kind in ["reach", "index", "packs"] {
        for_each_damage(kind, &DEEP, &mut |how, object, report| {
            assert_names_snapshots(how, object, report);
            let problem = problem(report, object);
            assert!(problem["lost_count"].as_u64().unwrap() > 0, "{how} {object} {report:#}");
        });
    }
}

#[test]
fn a_pack_that_is_gone_is_noticed_without_reading_packs() {
    let office = Office::with_snapshots();
    office.delete("packs");
    for args in [&[][..], &KEY] {
        let (status, report) = office.check(args);
        assert_eq!((status, &report["problems_count"]), (1, &2.into()), "{report:#}");
    }
}

#[test]
fn a_flipped_byte_costs_only_the_files_around_it() {
    let office = Office::with_snapshots();
    // The larger pack begins with content: its middle is in one of the two large files.
    let packs = office.objects("packs");
    let size = |object: &&String| fs::metadata(office.path("store").join(object)).unwrap().len();
    let pack = packs.iter().max_by_key(size).unwrap();
    let path = office.path("store").join(pack);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let (status, report) = office.check(&DEEP);
    assert_eq!((status, &report["problems_count"]), (1, &1.into()), "{report:#}");
    let problem = problem(&report, pack);
    assert_eq!(problem["affects_count"], 2);
    let paths = lost_paths(problem);
    assert!(paths.iter().any(|path| path.ends_with("long.bin")), "{report:#}");
    assert!(!paths.iter().any(|path| path.ends_with("new.bin")), "{report:#}");
    // Both snapshots lose it, and people read its name.
    let text = office.run(&["check", "--identity", "opd.identity", "--read-data"]);
    assert_eq!(text.status.code(), Some(1));
    let text = String::from_utf8(text.stdout).unwrap();
    assert_eq!(text.matches("long.bin").count(), 2, "{text}");
}
