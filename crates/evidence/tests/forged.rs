//! Bundles that a site has signed to look better than it is: both verifiers name each.

mod support;

use std::fs;

use pulih_evidence::report::Code;
use pulih_evidence::verify::Trust;
use pulih_evidence::write::Period;
use pulih_ledger::Checkpoint;
use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::entry::kinds::{CopyVerified, LedgerResumed, RegulationApplied, TrafficMeasured, WitnessAdded};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::WitnessId;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::SigningKey;
use serde_json::{Value, json};
use support::script::{agree_by, report_by_both};
use support::sites::{Sites, both};
use support::{AT, Forged, announced, beginning, ended, key, key_named, missed, raw, step, trust};

fn with(entries: &[Vec<u8>]) -> Forged {
    Forged::of(&[beginning(), entries.to_vec()].concat(), &key(), &[])
}

/// Of entries after the beginning, what both say.
#[track_caller]
fn both_say(what: &str, entries: &[Vec<u8>], codes: &[Code]) {
    assert_eq!(agree_by(what, with(entries).write().path(), &trust()), codes, "{what}");
}

fn changed(mut fields: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        fields[*name] = value.clone();
    }
    fields
}

/// A drill with these steps, numbered here.
fn drill(announcement: Value, steps: Vec<Value>, outcome: &str) -> Vec<Vec<u8>> {
    let mut all = vec![raw("drill-announced", AT, announcement), raw("drill-started", AT, json!({"drill": "d-1"}))];
    let count = steps.len() as u64;
    for (number, its) in (1..).zip(steps) {
        all.push(raw("drill-step", AT, changed(its, &[("step", json!(number))])));
    }
    all.push(raw("drill-ended", AT, changed(ended("d-1", outcome, count), &[("milliseconds", json!(100))])));
    all
}

/// A step that names no point.
fn of_no_point(what: &str, outcome: &str) -> Value {
    let mut fields = changed(step("d-1", outcome), &[("what", json!(what))]);
    for name in ["vault", "dataset", "manifest"] {
        fields.as_object_mut().unwrap().remove(name);
    }
    fields
}

#[test]
fn a_drill_that_tried_nothing_did_not_pass() {
    let (announced, tried) = (announced("d-1", 1), || step("d-1", "passed"));
    let of_kind = |what: &str| changed(tried(), &[("what", json!(what))]);
    let recipe = format!("simrs/1/{}", ObjectHash::of(b"recipe"));
    let of_recipe = changed(
        announced.clone(),
        &[("kind", json!("application")), ("schedule", json!("non-publik/application")), ("recipes", json!([recipe]))],
    );
    let by_hand = || of_no_point("manual dns", "skipped");
    for (what, announcement, steps, outcome) in [
        ("by hand", announced.clone(), vec![tried(), by_hand()], "passed"),
        ("of a recipe", of_recipe.clone(), vec![tried(), of_no_point("application simrs", "passed")], "passed"),
        ("its recipe failed", of_recipe.clone(), vec![tried(), of_no_point("application simrs", "failed")], "failed"),
        (
            "held against its name",
            changed(announced.clone(), &[("kind", json!("verify")), ("schedule", json!("non-publik/verify"))]),
            vec![of_kind("verify")],
            "passed",
        ),
        ("broken off", announced.clone(), vec![tried()], "aborted"),
    ] {
        both_say(what, &drill(announcement, steps, outcome), &[]);
    }
    let other = changed(announced.clone(), &[("kind", json!("verify"))]);
    both_say("of another schedule", &drill(other, vec![of_kind("verify")], "passed"), &[Code::Drill]);
    let with_point = changed(by_hand(), &[("manifest", tried()["manifest"].clone())]);
    for (what, announcement, steps, outcome) in [
        (
            "the point in a step by hand",
            announced.clone(),
            vec![changed(step("d-1", "skipped"), &[("what", json!("manual x"))])],
            "passed",
        ),
        ("a step by hand with a manifest", announced.clone(), vec![tried(), with_point], "passed"),
        ("by hand, and passed", announced.clone(), vec![tried(), of_no_point("manual dns", "passed")], "passed"),
        ("only held against its name", announced.clone(), vec![of_kind("verify")], "passed"),
        ("no points", changed(announced.clone(), &[("points", json!([]))]), vec![], "passed"),
        ("failed, and skipped in the end", announced.clone(), vec![step("d-1", "failed")], "skipped"),
        ("begun, and skipped in the end", announced.clone(), vec![], "skipped"),
        (
            "a recipe that was not announced",
            announced.clone(),
            vec![tried(), of_no_point("application simrs", "passed")],
            "passed",
        ),
        ("something else", announced.clone(), vec![tried(), of_no_point("prayer", "passed")], "passed"),
        ("without its point", announced, vec![tried(), of_no_point("restore", "passed")], "passed"),
        ("without its recipe", of_recipe, vec![tried()], "passed"),
    ] {
        both_say(what, &drill(announcement, steps, outcome), &[Code::Drill]);
    }
}

#[test]
fn of_a_log_without_its_tiles_the_first_that_lacks_is_told_and_no_more_is_read() {
    let mut forged = with(&[]);
    let huge = Checkpoint { origin: key().verifier().name().to_owned(), size: 1_000_000_000, root: Hash([7; 32]) };
    forged.put("checkpoint", huge.sign(&key()).as_bytes());
    let report = report_by_both("huge", forged.write().path(), &trust());
    let told: Vec<_> = report.problems.iter().map(|its| (its.code, its.place.as_str())).collect();
    assert_eq!(told, [(Code::Missing, "drc-33.19/tile/3/000.p/59")]);
    assert_eq!(report.entries, 0);
}

#[test]
fn a_log_begins_once_and_a_plan_has_no_class() {
    let created = json!({"role": "pusat", "name": "x", "key": key().verifier().to_string()});
    both_say("twice begun", &[raw("site-created", AT, created)], &[Code::KeyChain]);
    let mut of_plan = changed(missed(1, None), &[("schedule", json!("plan/kabupaten")), ("kind", json!("plan"))]);
    of_plan.as_object_mut().unwrap().remove("class");
    both_say("a plan's", &[raw("drill-missed", AT, of_plan)], &[]);
}

#[test]
fn what_people_do_no_site_does_by_itself() {
    let of = key_named("lain", 30).verifier().to_string();
    let user = json!({"user": "lain", "name": "Lain", "roles": ["admin"], "key": of});
    let object = ObjectHash::of(b"a policy").to_string();
    for (kind, fields) in [
        ("user-added", user),
        ("plan-applied", json!({"plan": "p", "version": 1, "object": object})),
        ("recipe-applied", json!({"recipe": "p", "version": 1, "object": object})),
        ("expiry-resumed", json!({"reason": "x"})),
        (
            "regulation-applied",
            json!({"regulation": "p", "version": 1, "object": object, "text_sha256": "0".repeat(64)}),
        ),
        ("attestation-given", attestation()),
        ("attestation-ended", json!({"attestation": "a1", "reason": "x"})),
        (
            "audit-held",
            json!({"audit": "a1", "subject": "security", "by": "x", "body": "government", "letter": "1",
                "document_sha256": "0".repeat(64), "held": AT, "findings": []}),
        ),
        ("dataset-classified", json!({"vault": "07".repeat(16), "dataset": "rekam-medis", "by": "x", "letter": "1"})),
        (
            "report-issued",
            json!({"report": "monthly", "from": AT, "to": AT, "size": 1, "root": Hash([7; 32]).to_string(),
                "data_sha256": "0".repeat(64), "pdf_sha256": "0".repeat(64), "language": "id"}),
        ),
        ("incident-reported", json!({"incident": "i1", "began": AT, "reported": AT, "text": "x"})),
        ("opd-described", json!({"opd": "dinkes", "own_centre": true, "by": "x", "letter": "1"})),
        ("witness-removed", json!({"witness": "x", "reason": "x"})),
    ] {
        let codes = agree_by(kind, with(&[raw(kind, AT, fields)]).write().path(), &trust());
        assert!(codes.contains(&Code::Act), "{kind}: {codes:?}");
    }
    let described = json!({"name": "DRC", "latitude": "-7.8", "certificates": []});
    both_say("what the site says of itself", &[raw("site-described", AT, described)], &[]);
}

#[test]
fn what_a_site_measures_no_person_says() {
    let at = || AT.parse().unwrap();
    let measured = TrafficMeasured {
        opd: "dinkes".parse().unwrap(),
        from: at(),
        until: at(),
        received: 7,
        sent: 1,
        days: vec![7],
        busiest: Some(at()),
        busiest_bytes: 7,
        measured_seconds: 3600,
    };
    both_say("measured", &[support::encoded(&support::entry(AT, measured.clone()))], &[]);
    both_say("said", &[support::by_siti(AT, measured)], &[Code::Act]);
    let verified =
        CopyVerified { medium: "x".into(), receipt: ObjectHash([1; 32]), snapshots: 1, objects: 2, bytes: 3 };
    both_say("read", &[support::encoded(&support::entry(AT, verified.clone()))], &[]);
    both_say("not read", &[support::by_siti(AT, verified)], &[Code::Act]);
}

fn attestation() -> Value {
    json!({"attestation": "a1", "regulation": "p", "clause": "12", "item": "x", "opinion": "met", "by": "x",
        "letter": "1", "document_sha256": "0".repeat(64), "until": AT})
}

#[test]
fn a_pack_that_was_applied_is_in_the_bundle() {
    let (pack, text) = (b"a pack", pulih_ledger::ids::Sha256::of(b"a text"));
    let object = ObjectHash::of(pack);
    let applied = RegulationApplied { regulation: "kudus-48-2019".into(), version: 1, object, text_sha256: text };
    let mut forged = with(&[support::by_siti(AT, applied)]);
    assert_eq!(agree_by("no pack", forged.write().path(), &trust()), [Code::Missing]);
    forged.put(&format!("objects/regulations/{object}"), pack);
    assert_eq!(agree_by("a pack", forged.write().path(), &trust()), []);
    forged.put(&format!("objects/regulations/{object}"), b"another");
    assert_eq!(agree_by("another pack", forged.write().path(), &trust()), [Code::Object]);
}

fn added(witness: &str, of: &SigningKey) -> Vec<u8> {
    let body = WitnessAdded {
        witness: witness.parse::<WitnessId>().unwrap(),
        name: witness.into(),
        institution: "Inspektorat".into(),
        key: CosignerKey::of(of.verifier()),
    };
    support::by_siti(AT, body)
}

/// A log with two witnesses of one name, which one of them has co-signed.
fn of_namesakes(by: &SigningKey) -> (Forged, Trust) {
    let (theirs, other) = (key_named("inspektorat", 20), key_named("inspektorat", 21));
    let mut forged = with(&[added("inspektorat", &theirs), added("lain", &other)]);
    let bare = String::from_utf8(forged.files["drc-33.19/checkpoint"].clone()).unwrap();
    let origins = pulih_ledger::chain::KeyChain::first(key().verifier());
    let note = Cosigned::open(bare.as_bytes(), &origins).unwrap();
    let its = note.cosign(by, 1_796_500_000).unwrap();
    let size = note.checkpoint().size;
    for name in ["checkpoint".to_owned(), format!("checkpoints/{size:020}")] {
        forged.put(&name, format!("{bare}{}\n", its.line()).as_bytes());
    }
    for (name, key) in [("inspektorat", &theirs), ("lain", &other)] {
        let line = format!("{}\n", CosignerKey::of(key.verifier()));
        forged.files.insert(format!("witness/{name}"), line.into_bytes());
    }
    let witnesses = [("inspektorat".parse().unwrap(), theirs.verifier().fingerprint())].into();
    (forged, Trust { witnesses, ..trust() })
}

#[test]
fn a_witness_of_the_same_name_is_not_the_one_that_was_given() {
    for (seed, codes) in [(20, vec![]), (21, vec![Code::Cosignature])] {
        let (forged, trust) = of_namesakes(&key_named("inspektorat", seed));
        assert_eq!(agree_by("namesakes", forged.write().path(), &trust), codes, "{seed}");
    }
}

#[test]
fn what_a_sample_rests_on_that_nobody_was_given_is_told() {
    let out = tempfile::tempdir().unwrap();
    let bundle = out.path().join("bundle");
    Sites::new(3, 3).export(&bundle, Period::default());
    let told = |trust: &Trust| {
        let report = report_by_both("a sample", &bundle, trust);
        assert_eq!(report.problems, []);
        let about = |words: &str| report.remarks.iter().filter(|its| its.contains(words)).count();
        (
            about("its sample is only as good as pulih-ledger/pusat-33.19+"),
            about("of 1 points that it tried a sample of"),
        )
    };
    assert_eq!((told(&both()), told(&trust())), ((0, 0), (1, 0)));
    fs::remove_dir_all(bundle.join("manifests")).unwrap();
    assert_eq!(told(&both()), (0, 1));
}

#[test]
fn a_past_that_was_given_up_is_told() {
    let resumed = LedgerResumed { size: 7000, proof: ObjectHash::of(b"a checkpoint"), reason: "restored".into() };
    let report = report_by_both("resumed", with(&[support::by_siti(AT, resumed)]).write().path(), &trust());
    assert_eq!(report.problems, []);
    assert!(report.remarks.iter().any(|its| its.contains("entry 4: a person gave up a past of 7000 entries")));
}

#[test]
fn only_text_with_each_name_once_is_a_line_of_a_drills_log() {
    let not_ok = |rest: &[u8]| [b"{\"step\":1,\"ok\":false".as_slice(), rest, b"}\n"].concat();
    for (what, log, codes) in [
        ("a line", not_ok(b",\"ms\":1"), vec![Code::Drill]),
        ("no text", not_ok(b",\"ms\":\"\xff\""), vec![]),
        ("no number", not_ok(b",\"ms\":NaN"), vec![]),
        ("another alphabet", not_ok(b"").iter().flat_map(|byte| [*byte, 0]).collect(), vec![]),
        ("twice", not_ok(b",\"ok\":false"), vec![]),
        ("a list", b"[1,false,0]\n".to_vec(), vec![]),
    ] {
        let hash = ObjectHash::of(&log);
        let mut entries = drill(announced("d-1", 1), vec![step("d-1", "passed")], "passed");
        let end = changed(ended("d-1", "passed", 1), &[("milliseconds", json!(100)), ("log", json!(hash.to_string()))]);
        *entries.last_mut().unwrap() = raw("drill-ended", AT, end);
        let mut forged = with(&entries);
        forged.put(&format!("objects/drills/{hash}"), &log);
        assert_eq!(agree_by(what, forged.write().path(), &trust()), codes, "{what}");
    }
}

#[test]
fn what_is_of_another_kind_than_it_should_be_is_told_and_the_rest_is_judged() {
    let announce = |changes: &[(&str, Value)]| raw("drill-announced", AT, changed(announced("d-1", 1), changes));
    let auditor = json!({"user": "aud-1", "name": "Rini", "institution": "Inspektorat", "mandate": "1",
        "key": key_named("p", 8).verifier().to_string(), "operator": 5});
    let opened = json!({"drill": "d-1", "announcement": "0".repeat(64)});
    let by_text = String::from_utf8(raw("drill-opened", AT, opened)).unwrap().replace("{\"type\":\"site\"}", "\"x\"");
    for (what, entries) in [
        ("an actor that is a text", vec![by_text.into_bytes()]),
        ("recipes", vec![announce(&[("recipes", json!([1]))])]),
        ("points", vec![announce(&[("points", json!([[]]))])]),
        ("a house", vec![announce(&[("auditor", auditor)])]),
        ("a size", vec![raw("drill-started", AT, json!({"drill": "d-1", "size": "1"}))]),
        ("what", vec![raw("drill-step", AT, changed(step("d-1", "passed"), &[("what", json!([]))]))]),
        ("an outcome", vec![raw("drill-ended", AT, changed(ended("d-1", "passed", 0), &[("outcome", json!([]))]))]),
        ("a peer", vec![raw("key-accepted", AT, json!({"peer": [], "key": "x", "proposal": 1, "statement": "x"}))]),
        ("a number below 0", vec![raw("drill-missed", AT, changed(missed(1, None), &[("count", json!(-1))]))]),
        ("no sample", vec![announce(&[("sample_percent", Value::Null)])]),
        ("no auditor", vec![announce(&[("auditor", Value::Null)])]),
        (
            "no text of an attestation",
            vec![raw("attestation-given", AT, changed(attestation(), &[("text", Value::Null)]))],
        ),
        ("no end of one", vec![raw("attestation-given", AT, changed(attestation(), &[("until", json!("2027"))]))]),
    ] {
        both_say(what, &entries, &[Code::Entry]);
    }
    // A time of which nothing is two years before.
    let of_plan = [("kind", json!("plan")), ("plan", json!("p")), ("schedule", json!("plan/p"))];
    let mut of_plan = changed(announced("d-1", 1), &of_plan);
    of_plan.as_object_mut().unwrap().remove("class");
    let auditor = json!({"user": "aud-1", "name": "Rini", "institution": "Inspektorat", "mandate": "1",
        "key": key_named("p", 8).verifier().to_string()});
    let old = raw("drill-announced", "0001-01-01T00:00:00Z", changed(of_plan, &[("auditor", auditor)]));
    let ended = raw("drill-ended", AT, ended("d-1", "missed", 0));
    let report = report_by_both("long ago", with(&[old, ended]).write().path(), &trust());
    assert!(report.is_good() && !report.drills[0].qualifying, "{report:?}");
}
