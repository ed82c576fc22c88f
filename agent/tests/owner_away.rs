//! Real processes: a vault is made, and taken over by a reinstalled server, with an owner key that
//! never comes to it; and answers that were tampered with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A server and, apart from it, the place where the owner key is. Both are folders here.
struct Office {
    folder: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(office.path("owner")).unwrap();
        assert!(office.run(&["owner", "new", "owner/key"]).status.success());
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pulih-agent"))
            .env_clear()
            .env("PULIH_STATE", self.path("state"))
            .env("PULIH_STORE", self.path("store"))
            .current_dir(self.folder.path())
            .args(args)
            .output()
            .unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, args: &[&str], word: &str) {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?}");
        assert!(err(&output).contains(word), "{args:?}: {}", err(&output));
    }

    /// A recovery identity, as stock age makes one.
    fn identity(&self) -> String {
        use age::secrecy::ExposeSecret as _;
        let identity = age::x25519::Identity::generate();
        fs::write(self.path("owner/identity"), format!("{}\n", identity.to_string().expose_secret())).unwrap();
        identity.to_public().to_string()
    }

    /// Makes a vault, the owner's key away; says its id.
    fn vault(&self) -> String {
        let recipient = self.identity();
        let asked = self.json(&["init", "--recipient", &recipient, "--class", "strategis", "--request", "request"]);
        let signed = self.json(&["owner", "sign", "request", "--owner", "owner/key", "--out", "answer", "--yes"]);
        assert_eq!(signed["agent_fingerprint"], asked["agent_fingerprint"]);
        let made = self.json(&["init", "--answer", "answer"]);
        assert_eq!((&made["vault"], &made["class"]), (&asked["vault"], &Value::from("strategis")));
        assert_eq!(made["owner_fingerprint"], signed["owner_fingerprint"]);
        fs::remove_file(self.path("request")).unwrap();
        fs::remove_file(self.path("answer")).unwrap();
        made["vault"].as_str().unwrap().to_owned()
    }

    fn lose_state(&self) {
        fs::remove_dir_all(self.path("state")).unwrap();
    }

    fn backup(&self) -> Value {
        let root = self.path("files");
        self.json(&["backup", root.to_str().unwrap()])["snapshot"].take()
    }

    fn assert_restores(&self, snapshot: &Value, files: &[(&str, &[u8])]) {
        let target = tempfile::tempdir().unwrap();
        let into = target.path().to_str().unwrap();
        let id = snapshot["id"].as_str().unwrap();
        self.json(&["restore", "--identity", "owner/identity", id, "--target", into]);
        let below = target.path().join(self.path("files").strip_prefix("/").unwrap());
        for (name, bytes) in files {
            assert!(fs::read(below.join(name)).unwrap() == *bytes, "{name} of snapshot {id}");
        }
        assert_eq!(fs::read_dir(below).unwrap().count(), files.len());
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Bytes that do not compress.
fn noise(seed: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new_derive_key("noise of a test").update(&[seed]).finalize_xof().fill(&mut out);
    out
}

/// Changes a text file.
fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_vault_is_made_with_the_owner_key_away() {
    let office = Office::new();
    let vault = office.vault();
    let (one, two) = (noise(1, 300_000), b"two".to_vec());
    fs::create_dir(office.path("files")).unwrap();
    fs::write(office.path("files/one"), &one).unwrap();
    fs::write(office.path("files/two"), &two).unwrap();
    let snapshot = office.backup();
    office.assert_restores(&snapshot, &[("one", &one), ("two", &two)]);
    // Nothing waits any more, and what the owner has was never here.
    let state = office.path("state/vaults").join(&vault);
    assert!(!state.join("pending.json").exists());
    let keys = fs::read_to_string(state.join("keys.json")).unwrap();
    let owner = fs::read_to_string(office.path("owner/key")).unwrap();
    assert!(!keys.contains(owner.trim()));
    office.refused(&["init", "--recipient", &office.identity(), "--class", "strategis", "--request", "r"], "already");
}

#[test]
fn a_reinstalled_server_takes_its_vault_over() {
    let office = Office::new();
    let vault = office.vault();
    let files = [noise(1, 3_000_000), noise(2, 700_000), b"small".to_vec()];
    fs::create_dir(office.path("files")).unwrap();
    for (name, bytes) in ["a", "b", "c"].iter().zip(&files) {
        fs::write(office.path("files").join(name), bytes).unwrap();
    }
    let before = office.backup();
    assert!(before["changes"]["new_bytes"].as_u64().unwrap() > 3_000_000);
    fs::rename(office.path("state"), office.path("old-state")).unwrap();

    let asked = office.json(&["init", "--adopt", &vault, "--request", "request"]);
    assert_eq!(asked["vault"].as_str(), Some(vault.as_str()));
    // Without a recovery identity there are no secrets to hand on.
    office.refused(&["owner", "sign", "request", "--owner", "owner/key", "--out", "answer", "--yes"], "--identity");
    let sign = ["owner", "sign", "request", "--owner", "owner/key", "--identity", "owner/identity", "--out", "answer"];
    let signed = office.json(&[&sign[..], &["--yes"]].concat());
    assert_eq!(signed["agent_fingerprint"], asked["agent_fingerprint"]);
    assert!(signed["description"].as_str().unwrap().starts_with("2-"));
    // The secrets travel boxed: not even the answer shows them.
    assert!(!fs::read_to_string(office.path("answer")).unwrap().contains("AGE-SECRET-KEY-1"));
    let made = office.json(&["init", "--answer", "answer"]);
    assert_eq!((&made["description"], &made["class"]), (&signed["description"], &Value::from("strategis")));

    fs::write(office.path("files/d"), b"new").unwrap();
    let after = office.backup();
    // All files are read, since nothing tells that they did not change; the store has all but one.
    assert_eq!((&after["sequence"], &after["previous"].is_string()), (&Value::from(2), &true));
    assert!(after["changes"]["read_bytes"].as_u64().unwrap() > 3_000_000);
    assert!(after["changes"]["new_bytes"].as_u64().unwrap() < 20_000, "{}", after["changes"]);
    assert_ne!(after["description"], before["description"]);
    let all: [(&str, &[u8]); 4] = [("a", &files[0]), ("b", &files[1]), ("c", &files[2]), ("d", b"new")];
    office.assert_restores(&before, &all[..3]);
    office.assert_restores(&after, &all);
    // The old server, should it come back, writes no more; it may still read.
    let old = office.path("old-state");
    let old = ["--state", old.to_str().unwrap()];
    office.refused(&[&old[..], &["backup", "files"]].concat(), "handed to another server");
    assert!(office.run(&[&old[..], &["snapshots"]].concat()).status.success());
    let checked = office.run(&["check", "--identity", "owner/identity", "--read-data"]);
    assert!(checked.status.success(), "{}", err(&checked));
}

#[test]
fn what_is_asked_for_is_shown_before_it_is_signed() {
    let office = Office::new();
    let recipient = office.identity();
    let asked = office.json(&["init", "--recipient", &recipient, "--class", "strategis", "--request", "request"]);
    let sign = ["owner", "sign", "request", "--owner", "owner/key", "--out", "answer"];
    // Nobody to ask: nothing is signed.
    let output = office.run(&sign);
    assert_eq!(output.status.code(), Some(2));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in
        [asked["vault"].as_str().unwrap(), asked["agent_fingerprint"].as_str().unwrap(), &recipient, "strategis"]
    {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert!(!office.path("answer").exists());
    // An identity that does not read the vault says so, rather than at a restore.
    office.identity();
    let with = [&sign[..], &["--identity", "owner/identity", "--yes"]].concat();
    office.refused(&with, "none of the identities");
    assert!(!office.path("answer").exists());
}

#[test]
fn a_request_that_was_changed_on_the_way_makes_no_vault() {
    let office = Office::new();
    let recipient = office.identity();
    let asked = office.json(&["init", "--recipient", &recipient, "--request", "request"]);
    // Someone adds a reader of theirs.
    let other = age::x25519::Identity::generate().to_public().to_string();
    replace(&office.path("request"), &format!("\"{recipient}\""), &format!("\"{recipient}\", \"{other}\""));
    let signed = office.json(&["owner", "sign", "request", "--owner", "owner/key", "--out", "answer", "--yes"]);
    assert_eq!(signed["recipients"].as_array().unwrap().len(), 2, "the owner is shown what is signed");
    office.refused(&["init", "--answer", "answer"], "another request");
    assert!(!office.path("store/vaults").exists(), "nothing is in the store");
    let state = office.path("state/vaults").join(asked["vault"].as_str().unwrap());
    assert!(!state.join("keys.json").exists());
}

#[test]
fn answers_of_others_and_of_other_requests_are_refused() {
    let office = Office::new();
    let recipient = office.identity();
    let fingerprint = office.json(&["owner", "show", "owner/key"])["fingerprint"].as_str().unwrap().to_owned();
    assert!(office.run(&["owner", "new", "owner/other"]).status.success());
    office.json(&["init", "--recipient", &recipient, "--request", "request", "--owner-fingerprint", &fingerprint]);
    let sign = |key: &str, out: &str| {
        office.json(&["owner", "sign", "request", "--owner", key, "--out", out, "--yes"]);
    };
    sign("owner/other", "forged");
    office.refused(&["init", "--answer", "forged"], "is on record");
    sign("owner/key", "answer");
    let good = fs::read(office.path("answer")).unwrap();
    replace(&office.path("answer"), "non-publik", "publik");
    office.refused(&["init", "--answer", "answer"], "signature");
    fs::write(office.path("answer"), &good[..good.len() / 2]).unwrap();
    office.refused(&["init", "--answer", "answer"], "not a valid");
    fs::write(office.path("answer"), &good).unwrap();
    // Another server's state asked for nothing.
    let elsewhere = office.path("elsewhere");
    office.refused(&["--state", elsewhere.to_str().unwrap(), "init", "--answer", "answer"], "nothing was asked");
    office.json(&["init", "--answer", "answer"]);
    office.refused(&["init", "--answer", "answer"], "answered already");
}

#[test]
fn an_answer_that_was_cut_off_halfway_is_given_again() {
    let office = Office::new();
    let recipient = office.identity();
    let asked = office.json(&["init", "--recipient", &recipient, "--request", "request"]);
    office.json(&["owner", "sign", "request", "--owner", "owner/key", "--out", "answer", "--yes"]);
    // The power went after the description was stored, and before the keys were.
    let state = office.path("state/vaults").join(asked["vault"].as_str().unwrap());
    let pending = fs::read(state.join("pending.json")).unwrap();
    office.json(&["init", "--answer", "answer"]);
    fs::remove_file(state.join("keys.json")).unwrap();
    fs::write(state.join("pending.json"), &pending).unwrap();
    office.json(&["init", "--answer", "answer"]);
    // And after the keys were.
    fs::write(state.join("pending.json"), &pending).unwrap();
    office.json(&["init", "--answer", "answer"]);
    assert!(state.join("keys.json").exists() && !state.join("pending.json").exists());
}

#[test]
fn a_vault_is_adopted_from_its_newest_description_only() {
    let office = Office::new();
    let vault = office.vault();
    let adopt = |number: u32| {
        office.lose_state();
        let (request, answer) = (format!("request-{number}"), format!("answer-{number}"));
        office.json(&["init", "--adopt", &vault, "--request", &request]);
        let key = ["--owner", "owner/key", "--identity", "owner/identity", "--yes"];
        office.json(&[&["owner", "sign", &request, "--out", &answer], &key[..]].concat());
        answer
    };
    let first = adopt(1);
    let pending = fs::read(office.path("state/vaults").join(&vault).join("pending.json")).unwrap();
    let second = adopt(2);
    office.json(&["init", "--answer", &second]);
    // The answer that was not used follows a description that was followed already.
    office.lose_state();
    let state = office.path("state/vaults").join(&vault);
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("pending.json"), pending).unwrap();
    office.refused(&["init", "--answer", &first], "by now");
    assert_eq!(fs::read_dir(office.path("store/vaults").join(&vault).join("vault")).unwrap().count(), 2);
    // Whose key it is not may not hand it on.
    assert!(office.run(&["owner", "new", "owner/other"]).status.success());
    let key = ["--owner", "owner/other", "--identity", "owner/identity", "--yes"];
    office.refused(&[&["owner", "sign", "request-1", "--out", "x"], &key[..]].concat(), "not the owner's");
}
