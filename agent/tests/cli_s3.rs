//! Real processes and a real S3 server: an agent that stands alone saves into a bucket with a role
//! that cannot delete, and brings it back.

#[path = "../../crates/stores/tests/support/mod.rs"]
mod weed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use weed::{Env, Weed};

struct Office {
    folder: tempfile::TempDir,
    env: Env,
    store: String,
}

impl Office {
    fn new(weed: &Weed, who: &str, store: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: weed.env(who), store: store.to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run_with(&self, state: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pulih-agent"))
            .env_clear()
            .envs(&self.env)
            .env("PULIH_STATE", self.path(state))
            .env("PULIH_STORE", &self.store)
            .current_dir(self.folder.path())
            .args(args)
            .output()
            .unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run_with("state", args);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Letters, some of them too large for memory, so that all ways into the bucket are used.
fn letters(folder: &Path) {
    fs::create_dir_all(folder.join("surat")).unwrap();
    fs::write(folder.join("surat/satu"), b"surat pertama").unwrap();
    let mut random = 7_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 56) as u8
    })
    .take(5 << 20)
    .collect();
    fs::write(folder.join("surat/arsip"), noise).unwrap();
}

#[test]
fn a_role_that_only_appends_saves_and_restores() {
    let weed = Weed::start();
    let office = Office::new(&weed, "agent", "s3://pulih/dinas/a");
    let made = office.json(&["init", "--identity-out", "opd.identity", "--json"]);
    let probe = &made["store_probe"];
    assert_eq!(probe["create-only"]["held"], "yes", "{probe}");
    assert_eq!(probe["cannot-delete"]["held"], "yes", "{probe}");
    let store = made["store"].as_str().unwrap();
    assert!(store.starts_with("s3://pulih/dinas/a?endpoint=http://127.0.0.1:"), "{store}");
    let secret = &office.env["AWS_SECRET_ACCESS_KEY"];

    let source = office.path("source");
    letters(&source);
    let source_text = source.to_str().unwrap().to_owned();
    office.json(&["backup", &source_text, "--json"]);
    fs::write(source.join("surat/dua"), b"surat kedua").unwrap();
    let second = office.json(&["backup", &source_text, "--json"]);
    assert_eq!(second["snapshot"]["counts"]["files"], 3, "{second}");
    let check = office.run_with("state", &["check", "--read-data"]);
    assert!(check.status.success(), "{}", err(&check));

    // Another machine: no state, the identity alone.
    let restored =
        office.run_with("elsewhere", &["restore", "--identity", "opd.identity", "latest", "--target", "back"]);
    assert!(restored.status.success(), "{}", err(&restored));
    let back = office.path("back").join(source.strip_prefix("/").unwrap());
    for file in ["surat/satu", "surat/dua", "surat/arsip"] {
        assert!(
            fs::read(back.join(file)).unwrap() == fs::read(source.join(file)).unwrap(),
            "{file} came back otherwise"
        );
    }
    for file in ["state", "elsewhere"].map(|folder| office.path(folder)) {
        let found = Command::new("grep").args(["-r", secret]).arg(file).output().unwrap();
        assert!(found.stdout.is_empty(), "the secret key is kept: {}", String::from_utf8_lossy(&found.stdout));
    }
}

#[test]
fn what_is_wrong_with_a_bucket_is_said_before_a_vault_is_made() {
    let weed = Weed::start();
    let fails = |office: &Office, status: i32, words: &str| {
        let output = office.run_with("state", &["init", "--identity-out", "opd.identity"]);
        assert_eq!(output.status.code(), Some(status), "{}", err(&output));
        assert!(err(&output).contains(words), "{}", err(&output));
        assert!(!office.path("opd.identity").exists(), "an identity was made for no vault");
    };
    fails(&Office::new(&weed, "agent", "s3://nothing-here"), 1, "make the bucket first");
    fails(&Office::new(&weed, "reader", "s3://pulih"), 1, "docs/stores.md");
    fails(&Office::new(&weed, "agent", "s3://pulih?endpoint=http://10.0.0.1"), 2, "not encrypted");
    let mut keyless = Office::new(&weed, "agent", "s3://pulih");
    keyless.env.remove("AWS_SECRET_ACCESS_KEY");
    fails(&keyless, 1, "AWS_SECRET_ACCESS_KEY is not set");

    // Versioning and locks are told to be missing, and do not stop a vault of one's own.
    weed.bucket("plain", false);
    let office = Office::new(&weed, "admin", "s3://plain");
    let output = office.run_with("state", &["init", "--identity-out", "opd.identity"]);
    assert!(
        output.status.success() && err(&output).contains("warning: the store, as it was tried: versioning"),
        "{}",
        err(&output)
    );
}
