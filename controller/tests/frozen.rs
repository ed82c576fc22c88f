//! Sites that earlier versions made are served for ever: their catalog, ledger and policy are read,
//! say what they said, and the catalog comes out the same when it is made again. Evidence that they
//! exported is found good for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where `then` has something that `now` has not: the way there.
fn missing(then: &Value, now: &Value, way: &str) -> Option<String> {
    match (then, now) {
        // A later version may say more.
        (Value::Object(then), Value::Object(now)) => then
            .iter()
            .find_map(|(name, its)| missing(its, now.get(name).unwrap_or(&Value::Null), &format!("{way}.{name}"))),
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let pairs = then.iter().zip(now).enumerate();
            pairs.into_iter().find_map(|(at, (then, now))| missing(then, now, &format!("{way}[{at}]")))
        }
        _ => (then != now).then(|| format!("{way}: {then} became {now}")),
    }
}

/// What a version left of a site: its folder, its store, and what it said.
struct Frozen {
    site: PathBuf,
    store: PathBuf,
    answers: PathBuf,
}

struct Site(tempfile::TempDir);

impl Site {
    /// A copy that can be worked on.
    fn copy(frozen: &Frozen) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (from, to) in [(&frozen.site, "site"), (&frozen.store, "store")] {
            let copied = Command::new("cp").arg("-r").arg(from).arg(folder.path().join(to)).status().unwrap();
            assert!(copied.success());
        }
        // A checkout forgets that keys were not for others.
        assert!(Command::new("chmod").args(["-R", "go-rwx"]).arg(folder.path()).status().unwrap().success());
        fs::write(folder.path().join("site/store"), folder.path().join("store").to_str().unwrap()).unwrap();
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-controller"));
        let output =
            command.env("PULIH_CONTROLLER_STATE", self.0.path().join("site")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn tells(&self, answers: &Value) {
        for (question, then) in answers.as_object().unwrap() {
            let words: Vec<&str> = std::iter::once("--json").chain(question.split(' ')).collect();
            let now: Value = serde_json::from_str(&self.run(&words)).unwrap();
            assert_eq!(missing(then, &now, question), None);
        }
    }
}

fn versions() -> impl Iterator<Item = PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/frozen");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}

/// Every site of every version; a DRC stands beside its Pusat Data from 0.3.0 on.
fn frozen() -> Vec<Frozen> {
    let all = versions().flat_map(|version| {
        [("site", "store", "answers.json"), ("drc", "drc-store", "drc-answers.json")].map(|(site, store, answers)| {
            Frozen { site: version.join(site), store: version.join(store), answers: version.join(answers) }
        })
    });
    all.filter(|its| its.site.is_dir()).collect()
}

#[test]
fn every_frozen_site_says_what_it_said() {
    let all = frozen();
    assert!(!all.is_empty(), "no frozen site was found");
    for its in all {
        let mut answers: Value = serde_json::from_str(&fs::read_to_string(&its.answers).unwrap()).unwrap();
        let site = Site::copy(&its);
        site.tells(&answers);
        site.run(&["rebuild"]);
        if its.site.ends_with("drc") {
            // A DRC that was made again from its store waits for a person, and says so.
            let status: Value = serde_json::from_str(&site.run(&["--json", "status"])).unwrap();
            for name in ["expiry_stopped", "stopped"] {
                assert!(status[name].is_string(), "{status}");
                answers["status"].as_object_mut().unwrap().remove(name);
            }
        }
        site.tells(&answers);
    }
}

#[test]
fn every_frozen_bundle_is_found_good_by_both_verifiers() {
    let bundles: Vec<PathBuf> =
        versions().map(|version| version.join("evidence.tar")).filter(|its| its.is_file()).collect();
    assert!(!bundles.is_empty(), "no frozen bundle was found");
    for bundle in bundles {
        let then: Value = serde_json::from_str(&fs::read_to_string(bundle.with_extension("json")).unwrap()).unwrap();
        let mut own = Command::new(env!("CARGO_BIN_EXE_pulih-controller"));
        own.args(["--json", "evidence", "verify"]);
        let mut script = Command::new("python3");
        script.args([concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/verify-evidence.py"), "--json"]);
        for mut verifier in [own, script] {
            let given = ["--site", then["site"].as_str().unwrap(), "--witness", then["witness"].as_str().unwrap()];
            let output = verifier.arg(&bundle).args(given).output().unwrap();
            assert!(output.status.success(), "{verifier:?}: {}", String::from_utf8_lossy(&output.stdout));
            let now: Value = serde_json::from_slice(&output.stdout).unwrap();
            for field in ["entries", "sites", "drills"] {
                assert_eq!(missing(&then["report"][field], &now[field], field), None);
            }
        }
    }
}

#[test]
fn every_frozen_report_is_the_one_that_was_issued() {
    let all: Vec<PathBuf> = versions().filter(|version| version.join("report.pdf").is_file()).collect();
    assert!(!all.is_empty(), "no frozen report was found");
    for version in all {
        let [site, store, answers] = ["drc", "drc-store", "drc-answers.json"].map(|its| version.join(its));
        let drc = Site::copy(&Frozen { site, store, answers });
        let listed: Value =
            serde_json::from_str(&drc.run(&["--json", "evidence", "list", "--kind", "report-issued"])).unwrap();
        let entry = &listed["entries"][0]["entry"];
        let of = |name: &str| pulih_ledger::ids::Sha256::of(&fs::read(version.join(name)).unwrap()).to_string();
        assert_eq!(
            (entry["pdf_sha256"].as_str(), entry["data_sha256"].as_str()),
            (Some(of("report.pdf").as_str()), Some(of("report.json").as_str()),)
        );
    }
}
