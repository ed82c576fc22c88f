//! Another key for each of two paired sites, with real processes: the mirror, servers, copies of evidence and people
//! with the old fingerprint on paper go on; without the other site's word nobody goes over.

mod support;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::drc::{Drc, back_up, saved, server};
use support::{Site, failed, succeeded};

fn fingerprint(list: &Value) -> String {
    let keys = list["keys"].as_array().unwrap();
    keys.last().unwrap()["fingerprint"].as_str().unwrap().to_owned()
}

/// Both verifiers, given these fingerprints.
fn verified(bundle: &Path, given: &[String]) -> Vec<Output> {
    let flags: Vec<&str> = given.iter().flat_map(|its| ["--site", its]).collect();
    let bundle = bundle.to_str().unwrap();
    let own = Command::new(env!("CARGO_BIN_EXE_pulih-controller"))
        .args(["--json", "evidence", "verify", bundle])
        .args(&flags)
        .output();
    let script = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/verify-evidence.py"))
        .args([bundle, "--json"])
        .args(&flags)
        .output();
    vec![own.unwrap(), script.unwrap()]
}

/// The Pusat Data goes over: proposed there, accepted at the DRC by its mirror.
fn rotate_pusat(site: &Site, drc: &Drc) {
    let file = site.path("usulan.json");
    succeeded(
        &site.acting("siti", &["evidence", "key", "propose", "--reason", "uji", "--out", file.to_str().unwrap()]),
    );
    let refused = failed(&site.acting("siti", &["evidence", "key", "rotate"]));
    assert!(refused.contains("has not said"), "{refused}");
    let next = site.json(&["evidence", "key", "list"])["next"]["fingerprint"].as_str().unwrap().to_owned();
    assert!(drc.replicate().0);
    let wrong = fingerprint(&site.json(&["evidence", "key", "list"]));
    let refused = failed(&drc.acting(&["evidence", "key", "accept", "--fingerprint", &wrong]));
    assert!(refused.contains("nothing was accepted"), "{refused}");
    succeeded(&drc.acting(&["evidence", "key", "accept", "--fingerprint", &next]));
    assert!(drc.replicate().0);
    succeeded(&site.acting("siti", &["evidence", "key", "rotate"]));
    assert_eq!(fingerprint(&site.json(&["evidence", "key", "list"])), next);
}

/// The DRC goes over: its proposal is carried.
fn rotate_drc(site: &Site, drc: &Drc) {
    let file = drc.path("usulan.json");
    let file = file.to_str().unwrap();
    succeeded(&drc.acting(&["evidence", "key", "propose", "--reason", "uji", "--out", file]));
    failed(&drc.acting(&["evidence", "key", "rotate"]));
    let next = drc.json(&["evidence", "key", "list"])["next"]["fingerprint"].as_str().unwrap().to_owned();
    // A note that somebody made alone.
    let text = std::fs::read_to_string(file).unwrap();
    let forged = drc.path("palsu.json");
    std::fs::write(
        &forged,
        text.replacen("pulih/site-key/v1\\npulih-ledger/drc", "pulih/site-key/v1\\npulih-ledger/drx", 1),
    )
    .unwrap();
    failed(&site.acting("siti", &["evidence", "key", "accept", forged.to_str().unwrap(), "--fingerprint", &next]));
    succeeded(&site.acting("siti", &["evidence", "key", "accept", file, "--fingerprint", &next]));
    assert!(drc.replicate().0);
    succeeded(&drc.acting(&["evidence", "key", "rotate"]));
    assert_eq!(fingerprint(&drc.json(&["evidence", "key", "list"])), next);
}

#[test]
fn both_sites_go_over_to_other_keys_and_everything_goes_on() {
    let mut site = saved(&["letters"]);
    let mut drc = Drc::paired(&site);
    back_up(&site, b"satu");
    assert!(drc.replicate().0);
    let old =
        [site.json(&["evidence", "key", "list"]), drc.json(&["evidence", "key", "list"])].map(|its| fingerprint(&its));
    // A server knows the DRC by its first key.
    drc.start();
    succeeded(&server(&site).run(&["status"]));
    drc.stop();

    rotate_pusat(&site, &drc);
    rotate_drc(&site, &drc);
    let new =
        [site.json(&["evidence", "key", "list"]), drc.json(&["evidence", "key", "list"])].map(|its| fingerprint(&its));
    assert!(old[0] != new[0] && old[1] != new[1]);
    assert!(!site.path("site/ledger.key.next").exists() && !drc.path("site/ledger.key.next").exists());

    // Also after processes that ended as by a power cut.
    site.kill();
    site.start();
    back_up(&site, b"dua");
    assert!(drc.replicate().0);
    assert_eq!(drc.whole_snapshots(), 2);
    let alarms = drc.alarms();
    assert!(alarms.is_empty(), "{alarms:?}");
    for output in [site.controller(&["scrub", "--all"]), drc.controller(&["scrub", "--all"])] {
        succeeded(&output);
    }
    succeeded(&drc.controller(&["rebuild"]));

    // By the fingerprint on paper, by the new one, and by no other.
    for (name, at_drc) in [("pusat", false), ("drc", true)] {
        let out = drc.path(name);
        let export = ["evidence", "export", "--out", out.to_str().unwrap()];
        succeeded(&if at_drc { drc.controller(&export) } else { site.controller(&export) });
        for prints in [&old, &new] {
            let given: Vec<String> = [format!("pusat-33.19={}", prints[0]), format!("drc-33.19={}", prints[1])]
                .into_iter()
                .take(1 + usize::from(at_drc))
                .collect();
            for output in verified(&out, &given) {
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        for output in verified(&out, &[format!("pusat-33.19={}", old[1])]) {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.code() == Some(1) && said.contains("unknown-key"), "{said}");
        }
    }
}
