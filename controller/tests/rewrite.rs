//! History that is rewritten at one site by whoever has all of it, its key too, with real processes: the other site tells
//! of it and keeps the proof, a witness on a third machine refuses it, and both verifiers find it in what is exported.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulih_ledger::Log;
use pulih_ledger::signed::size_and_root;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::{DirStore, Store};
use serde_json::{Value, json};
use support::drc::{Drc, back_up, saved, server};
use support::raw::Raw;
use support::rewrite::rewrite;
use support::witness::Machine;
use support::{Site, succeeded};

const PUSAT: &str = "pusat-33.19";
const DRC: &str = "drc-33.19";

/// Code and place of each problem.
type Problems = BTreeSet<(String, String)>;

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < end, "not within two minutes: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn ledger_key(place: &Path) -> VerifierKey {
    let text = fs::read_to_string(place.join("site/ledger.key")).unwrap();
    SigningKey::from_secret_text(text.trim()).unwrap().verifier()
}

/// Whoever has the site takes away what others said of its ledger too, and makes its catalog anew.
fn rewritten(place: &Path, site: &str, from: u64, rebuild: impl FnOnce() -> Output) {
    rewrite(place, site, from);
    fs::remove_dir_all(place.join("store/site").join(site).join("ledger/cosignature")).unwrap();
    succeeded(&rebuild());
}

/// What two programs find in a bundle, each given both sites' fingerprints: the same.
#[track_caller]
fn problems(bundle: &Path, given: &[String]) -> Problems {
    let flags: Vec<&str> = given.iter().flat_map(|its| its.split(' ')).collect();
    let bundle = bundle.to_str().unwrap();
    let own = Command::new(env!("CARGO_BIN_EXE_pulih-controller"))
        .args(["--json", "evidence", "verify", bundle])
        .args(&flags)
        .output()
        .unwrap();
    let script = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/verify-evidence.py"))
        .args([bundle, "--json"])
        .args(&flags)
        .output()
        .unwrap();
    let [ours, its] = [own, script].map(|output| {
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let text = |problem: &Value, name: &str| problem[name].as_str().unwrap().to_owned();
        let all = report["problems"].as_array().unwrap().iter();
        let found: Problems = all.map(|problem| (text(problem, "code"), text(problem, "where"))).collect();
        assert_eq!(output.status.code(), Some(i32::from(!found.is_empty())));
        found
    });
    assert_eq!(ours, its, "the script says something else");
    ours
}

fn has(found: &Problems, codes: &[&str], place: &str) -> bool {
    found.iter().any(|(code, its)| codes.contains(&code.as_str()) && its == place)
}

/// Both bundles in one, as an auditor lays them side by side: of each site what it exported itself.
fn together(of_drc: &Path, of_pusat: &Path) -> PathBuf {
    let both = of_drc.with_extension("both");
    let copy = |from: &Path, to: &Path| {
        succeeded(&Command::new("cp").arg("-a").arg(from).arg(to).output().unwrap());
    };
    copy(of_drc, &both);
    fs::remove_dir_all(both.join(PUSAT)).unwrap();
    copy(&of_pusat.join(PUSAT), &both);
    both
}

struct Two {
    site: Site,
    drc: Drc,
}

impl Two {
    fn new() -> Self {
        let site = saved(&["letters"]);
        let drc = Drc::paired(&site);
        Self { site, drc }
    }

    /// The flags by which a verifier is told both keys.
    fn given(&self) -> Vec<String> {
        [(PUSAT, self.site.path("")), (DRC, self.drc.path(""))]
            .map(|(name, place)| format!("--site {name}={}", ledger_key(&place).fingerprint()))
            .into()
    }

    fn export(&self, of_drc: bool, name: &str) -> PathBuf {
        let out = self.drc.path(name);
        let words = ["evidence", "export", "--out", out.to_str().unwrap()];
        succeeded(&if of_drc { self.drc.controller(&words) } else { self.site.controller(&words) });
        out
    }

    /// Of each proof that a site kept of the other's ledger the object, held against its name and its signature.
    fn proofs(&self, at_drc: bool) -> Vec<(String, u64)> {
        let list = ["evidence", "list", "--kind", "ledger-diverged"];
        let (at_pusat, at_other) = (self.site.path(""), self.drc.path(""));
        let (listed, own, place, other, there) = if at_drc {
            (self.drc.json(&list), DRC, at_other, PUSAT, at_pusat)
        } else {
            (self.site.json(&list), PUSAT, at_pusat, DRC, at_other)
        };
        let key = ledger_key(&there);
        let all = listed["entries"].as_array().unwrap().iter();
        let proof = |entry: &Value| {
            assert_eq!(entry["entry"]["from"], other);
            let hash = entry["entry"]["proof"].as_str().unwrap();
            let bytes = fs::read(place.join("store/site").join(own).join("proofs").join(hash)).unwrap();
            assert_eq!(ObjectHash::of(&bytes).to_string(), hash);
            let (size, _) = size_and_root(&bytes, std::slice::from_ref(&key)).expect("the proof is signed");
            (format!("{own}/objects/proofs/{hash}"), size)
        };
        all.map(proof).collect()
    }
}

#[test]
fn a_rewritten_pusat_data_is_told_of_by_its_drc_and_by_a_witness_and_found_by_both_verifiers() {
    let mut its = Two::new();
    let (machine, stick) = (Machine::new(), tempfile::tempdir().unwrap());
    let (stick, on) = (stick.path(), stick.path().to_str().unwrap());
    let made = machine.json(&["init", "--name", "inspektorat-33.19"]);
    let add = ["evidence", "witness", "add", "inspektorat", "--name", "Ketua Tim", "--institution", "Inspektorat"];
    succeeded(&its.site.acting("siti", &[&add[..], &["--key", made["key"].as_str().unwrap()]].concat()));
    machine.json(&["trust", "--site", PUSAT, "--key", &ledger_key(&its.site.path("")).to_string()]);
    back_up(&its.site, b"isi surat");
    its.site.json(&["evidence", "witness", "ask", "--out", on]);
    let signed = machine.json(&["sign", on])["sites"][0]["size"].as_u64().unwrap();
    its.site.json(&["evidence", "witness", "take", on]);
    assert!(its.drc.replicate().0);
    its.drc.start();
    let given = its.given();
    let witness = format!("--witness inspektorat={}", made["fingerprint"].as_str().unwrap());
    let by_witness = [&given[..1], &[witness]].concat();
    assert_eq!(problems(&its.export(true, "good"), &given), Problems::new());
    assert_eq!(problems(&its.export(false, "good-pusat"), &by_witness), Problems::new());

    its.site.stop();
    rewritten(&its.site.path(""), PUSAT, signed - 1, || its.site.controller(&["rebuild"]));
    its.site.start();
    // The DRC keeps what was signed, and tells people; it goes on serving what it has.
    until("the DRC tells of it", || its.drc.alarms().contains("ledger-diverged"));
    // It hands in what it said before, and so the site's own program says it too.
    until("the site hears of it", || its.site.alarms().contains(&"ledger-forked".to_owned()));
    let proofs = its.proofs(true);
    assert!(!proofs.is_empty());

    // The witness, which nobody reaches from there.
    let state = machine.state();
    its.site.json(&["evidence", "witness", "ask", "--out", on, "--old", &signed.to_string()]);
    assert_eq!(machine.refused(stick)["outcome"], "refused");
    let refused: Vec<_> = fs::read_dir(machine.folder().join("refused")).unwrap().map(Result::unwrap).collect();
    assert_eq!((refused.len(), machine.state() == state), (1, true));
    let request = AddCheckpoint::parse(&fs::read(refused[0].path()).unwrap()).unwrap();
    let key = ledger_key(&its.site.path(""));
    let (size, _) = size_and_root(request.checkpoint.as_bytes(), &[key]).expect("the site signed what it asked for");
    assert!(size >= signed);

    // The DRC's bundle has the proof. The site's own lacks the witness, whose word is gone from there; beside the
    // DRC's it contradicts what was co-signed.
    let (of_drc, of_pusat) = (its.export(true, "after"), its.export(false, "after-pusat"));
    let found = problems(&of_drc, &given);
    assert!(proofs.iter().any(|(place, _)| has(&found, &["fork", "rolled-back"], place)), "{proofs:?} {found:?}");
    let found = problems(&of_pusat, &by_witness);
    assert!(has(&found, &["cosignature"], PUSAT), "{found:?}");
    let found = problems(&together(&of_drc, &of_pusat), &given);
    let cosigned = format!("{DRC}/cosigned/{PUSAT}/");
    assert!(found.iter().any(|(code, place)| code == "fork" && place.starts_with(&cosigned)), "{found:?}");
}

#[test]
fn a_rewritten_drc_is_told_of_by_its_pusat_data_and_found_by_both_verifiers() {
    let mut its = Two::new();
    back_up(&its.site, b"isi surat");
    // What the DRC wrote down of the first round is co-signed in the second.
    assert!(its.drc.replicate().0 && its.drc.replicate().0);
    let given = its.given();
    assert_eq!(problems(&its.export(true, "good"), &given), Problems::new());
    assert!(its.drc.replicate().0);
    let folder = its.site.path("store/site").join(PUSAT).join("cosigned").join(DRC);
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let newest = fs::read_dir(&folder).unwrap().map(name).max().unwrap();
    let said: u64 = newest.parse().unwrap();

    rewritten(&its.drc.path(""), DRC, said - 1, || its.drc.controller(&["rebuild"]));
    // Its own program, once it pulls again, hears what it had signed.
    succeeded(&its.drc.acting(&["resume", "replication", "--reason", "cakram diganti"]));
    its.drc.start();
    until("the DRC hears of it", || its.drc.alarms().contains("ledger-forked"));
    its.drc.stop();
    its.export(true, "signed");
    assert!(!its.site.alarms().contains(&"ledger-diverged".to_owned()));

    // One that does not care goes on from what was co-signed, and shows what it has: as much as before, and more.
    let key = ledger_key(&its.drc.path(""));
    let store: Arc<dyn Store> = Arc::new(DirStore::open(&its.drc.path("store")).unwrap());
    let log = Log::open(store.clone(), &DRC.parse().unwrap(), key).unwrap();
    let reader: Value = serde_json::from_slice(&fs::read(its.drc.path("site/reader.json")).unwrap()).unwrap();
    let known: Value = serde_json::from_slice(&fs::read(server(&its.site).path("state/site.json")).unwrap()).unwrap();
    let credentials = json!({"url": its.site.url, "ca": known["ca"], "certificate": reader["certificate"],
        "key": reader["key"]});
    let line = Raw::with(&credentials, true);
    for (size, status) in [(said, 409), (log.checkpoint().size, 422)] {
        let note = store.read(&log.layout().checkpoint(size), 1 << 16).unwrap();
        let proof = log.prove_consistency(said, size).unwrap();
        let request = AddCheckpoint { old: said, proof, checkpoint: String::from_utf8(note).unwrap() };
        let answer = line.send("POST", "/v1/replica/add-checkpoint", request.to_text().as_bytes());
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    }
    assert!(its.site.alarms().contains(&"ledger-diverged".to_owned()));
    let proofs = its.proofs(false);
    assert_eq!(proofs.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [said, log.checkpoint().size]);

    // The Pusat Data's bundle alone has two pasts of one size; beside the DRC's own, everything contradicts it.
    let (of_drc, of_pusat) = (its.export(true, "after"), its.export(false, "after-pusat"));
    let cosigned = format!("{PUSAT}/cosigned/{DRC}/{newest}");
    let found = problems(&of_pusat, &given[..1]);
    assert!(has(&found, &["fork"], &cosigned) && has(&found, &["fork"], &proofs[0].0), "{found:?}");
    let found = problems(&together(&of_drc, &of_pusat), &given);
    assert!(has(&found, &["fork"], &cosigned), "{found:?}");
}
