//! Vaults that lost everything but packs, in parts or whole, and what `rebuild` makes of them.

mod check_office;

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use check_office::Office;
use pulih_vault::description::{Description, agent_key_name, parse_recipients};
use pulih_vault::frame::Search;
use pulih_vault::id::VaultId;
use pulih_vault::layout::Layout;
use pulih_vault::manifest::{Facts, Manifest};
use pulih_vault::note::SigningKey;
use pulih_vault::pack::FrameKind;
use pulih_vault::reader::chunk_id;
use pulih_vault::store::DirStore;
use pulih_vault::writer::pack_size::{MOST_BYTES, PackSize};
use pulih_vault::writer::{Frame, PackWriter, Target, WriterSettings};
use ring::rand::SystemRandom;
use serde_json::Value;

const REBUILD: [&str; 4] = ["rebuild", "--json", "--identity", "opd.identity"];

fn fates(report: &Value) -> Vec<&str> {
    report["snapshots"].as_array().unwrap().iter().map(|its| its["fate"].as_str().unwrap()).collect()
}

/// Rebuilds; then all is sound, the last snapshot restores, and there is nothing more to do.
fn rebuild_and_verify(office: &Office, args: &[&str]) -> Value {
    let report = office.json(&[&REBUILD, args].concat());
    assert_eq!(office.assert_sound()["snapshots"], 2);
    let last = &report["snapshots"].as_array().unwrap()[1];
    office.assert_restores(last["id"].as_str().unwrap());
    let again = office.json(&REBUILD);
    assert_eq!(fates(&again), ["whole", "whole"], "{again:#}");
    assert_eq!((&again["indexes_made"], &again["reaches_made"]), (&0.into(), &0.into()));
    report
}

#[test]
fn nothing_is_made_where_nothing_is_missing() {
    let office = Office::with_snapshots();
    let report = rebuild_and_verify(&office, &[]);
    assert_eq!(fates(&report), ["whole", "whole"]);
    assert_eq!(report["packs_read"], 2);
}

#[test]
fn reaches_come_back_as_they_were() {
    let office = Office::with_snapshots();
    let before = office.objects("reach");
    office.delete("reach");
    let report = rebuild_and_verify(&office, &[]);
    assert_eq!(fates(&report), ["reach", "reach"], "{report:#}");
    assert_eq!(office.objects("reach"), before);
}

#[test]
fn manifests_come_back_from_the_packs() {
    let office = Office::with_snapshots();
    office.delete("snapshots");
    let report = rebuild_and_verify(&office, &[]);
    assert_eq!(fates(&report), ["manifest", "manifest"], "{report:#}");
    assert_eq!(report["manifests_made"][0]["rebuilt"], true);
    assert_eq!(report["manifests_made"][1]["sequence"], 2);
    // Their reaches are there and are used as they are.
    assert_eq!(report["reaches_made"], 0);
}

#[test]
fn indexes_come_back_and_with_them_new_reaches() {
    let office = Office::with_snapshots();
    office.delete("index");
    let report = rebuild_and_verify(&office, &[]);
    assert_eq!(report["indexes_made"], 1);
    assert_eq!(fates(&report), ["manifest", "manifest"], "{report:#}");
}

#[test]
fn a_vault_of_packs_alone_comes_back() {
    let office = Office::with_snapshots();
    for kind in ["index", "reach", "snapshots"] {
        office.delete(kind);
    }
    let report = rebuild_and_verify(&office, &[]);
    assert_eq!(fates(&report), ["manifest", "manifest"], "{report:#}");
    // The agent goes on with it.
    office.write("data/later.txt", b"later");
    let next = office.backup();
    assert_eq!(next["snapshot"]["sequence"], 3);
    assert!(next["snapshot"]["changes"]["new_bytes"].as_u64().unwrap() < 1 << 20, "{next:#}");
}

/// With its indexes gone the agent stores everything again: then each chunk is in two packs, of
/// which each snapshot reaches one.
#[test]
fn chunks_in_two_packs_are_found_in_the_right_one() {
    let office = Office::with_snapshots();
    office.delete("index");
    assert!(office.backup()["snapshot"]["changes"]["new_bytes"].as_u64().unwrap() > 13 << 20);
    let report = office.json(&REBUILD);
    assert_eq!(fates(&report), ["manifest", "manifest", "whole"], "{report:#}");
    assert_eq!(office.assert_sound()["snapshots"], 3);
}

#[test]
fn without_the_agents_key_the_owner_signs() {
    let office = Office::with_snapshots();
    for kind in ["index", "reach", "snapshots"] {
        office.delete(kind);
    }
    fs::remove_dir_all(office.path("state")).unwrap();
    let packs = office.objects("packs");
    let refused = office.run(&REBUILD);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--owner"));
    for kind in ["index", "reach", "snapshots"] {
        assert!(office.objects(kind).is_empty(), "nothing was written");
    }
    let report = rebuild_and_verify(&office, &["--owner", "opd.identity.owner"]);
    assert_eq!(fates(&report), ["manifest", "manifest"], "{report:#}");
    assert_eq!(office.objects("packs"), packs);
    // Another owner's key is refused by name.
    let other = Office::new();
    fs::copy(other.path("opd.identity.owner"), office.path("other.owner")).unwrap();
    let refused = office.run(&[&REBUILD[..], &["--owner", "other.owner"]].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another owner's key"));
}

#[test]
fn a_damaged_object_stays_and_is_worked_around() {
    for kind in ["index", "reach", "snapshots"] {
        let office = Office::with_snapshots();
        let object = office.objects(kind).pop().unwrap();
        let path = office.path("store").join(&object);
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"damaged").unwrap();
        let report = office.json(&REBUILD);
        assert!(fates(&report).contains(&"manifest"), "{kind} {report:#}");
        assert_eq!(fs::read(&path).unwrap(), b"damaged");
        let again = office.json(&REBUILD);
        assert_eq!(fates(&again), ["whole", "whole"], "{kind} {again:#}");
        let last = report["snapshots"].as_array().unwrap().last().unwrap();
        office.assert_restores(last["id"].as_str().unwrap());
        // Nothing is lost but the object itself.
        let (status, checked) = office.check(&["--identity", "opd.identity", "--read-data"]);
        assert_eq!((status, &checked["problems_count"]), (1, &1.into()), "{checked:#}");
        assert_eq!(checked["problems"][0]["object"], object.as_str());
    }
}

#[test]
fn what_a_lost_pack_held_is_named_and_not_made() {
    let office = Office::with_snapshots();
    office.delete("snapshots");
    let size = |object: &String| fs::metadata(office.path("store").join(object)).unwrap().len();
    let smaller = office.objects("packs").into_iter().min_by_key(size).unwrap();
    fs::remove_file(office.path("store").join(smaller)).unwrap();
    let output = office.run(&REBUILD);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // Of the second snapshot not even the facts are left.
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(fates(&report), ["manifest"]);

    let office = Office::with_snapshots();
    office.delete("reach");
    let size = |object: &String| fs::metadata(office.path("store").join(object)).unwrap().len();
    let larger = office.objects("packs").into_iter().max_by_key(size).unwrap();
    fs::remove_file(office.path("store").join(larger)).unwrap();
    let output = office.run(&REBUILD);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(fates(&report), ["incomplete", "incomplete"], "{report:#}");
    assert!(report["snapshots"][1]["missing_count"].as_u64().unwrap() > 0);
}

#[test]
fn without_a_description_it_says_what_to_bring_back() {
    let office = Office::with_snapshots();
    office.delete("vault");
    let output = office.run(&REBUILD);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no description of the vault can be read"), "{text}");
}

/// Somebody who knows the public recipients writes a pack with facts of their own.
#[test]
fn forged_facts_are_not_believed() {
    let office = Office::with_snapshots();
    let vault: VaultId = office.vault().file_name().unwrap().to_str().unwrap().parse().unwrap();
    let note = fs::read(office.path("store").join(&office.objects("vault")[0])).unwrap();
    let description = Description::open(&note, |_| true).unwrap();
    let manifest = fs::read(office.path("store").join(&office.objects("snapshots")[1])).unwrap();
    let facts = Manifest::open(&manifest, &description).unwrap().facts;
    let random = SystemRandom::new();
    let stranger = SigningKey::generate(&agent_key_name(vault), &random).unwrap();
    let forged = Facts { sequence: 9, ..facts }.sign(&stranger);
    let recipients = || parse_recipients(&description.recipients).unwrap();
    let target = Target {
        store: Arc::new(DirStore::open(&office.path("store")).unwrap()),
        layout: Layout { vault },
        pack_recipients: recipients(),
        index_recipients: recipients(),
        random: Box::new(random),
        pack_size: Arc::new(PackSize::fixed(MOST_BYTES)),
        clock: Box::new(Instant::now),
    };
    let writer = PackWriter::start(target, WriterSettings::default());
    let chunk = (chunk_id(&[0; 32], forged.as_bytes()), forged.len() as u32);
    let facts = Frame {
        kind: FrameKind::Facts,
        number: 0,
        plain: forged.clone().into_bytes(),
        chunks: vec![chunk],
        search: Search::Short,
    };
    writer.finish(|| Some(facts)).unwrap();

    let report = office.json(&REBUILD);
    assert_eq!(fates(&report), ["whole", "whole"], "{report:#}");
    assert!(report["forged_facts"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(office.objects("snapshots").len(), 2);
    // Its index says other ids than the chunks have: that is seen.
    let (status, checked) = office.check(&["--identity", "opd.identity", "--read-data"]);
    assert_eq!((status, &checked["unneeded_packs"]), (1, &1.into()), "{checked:#}");
    assert_eq!(checked["problems"][0]["affects_count"], 0);
}
