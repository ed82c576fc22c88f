//! A site on a real S3 server: what it accepted is held by the bucket itself, against everyone,
//! until the date that the ledger fixed.

#[path = "../../crates/stores/tests/support/deleter.rs"]
mod deleter;
mod support;
#[path = "../../crates/stores/tests/support/mod.rs"]
mod weed;

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use deleter::Deleter;
use pulih_stores::StoreUrl;
use pulih_stores::s3::Options;
use pulih_vault::store::ObjectName;
use support::{Site, failed, succeeded};
use weed::Weed;

fn env(weed: &Weed, who: &str) -> Vec<(String, String)> {
    weed.env(who).into_iter().collect()
}

/// Waits for what the site does by itself every few seconds.
fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !seen() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_bucket_holds_what_was_accepted_against_everyone() {
    let weed = Weed::start();
    let site = Site::on(Some("s3://pulih/kab"), env(&weed, "admin"));
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    for dataset in ["letters", "archive"] {
        site.approve("app-1", dataset);
        server.write("letter", format!("isi {dataset}").as_bytes());
        succeeded(&server.backup(dataset));
    }
    assert_eq!(site.points().len(), 2);
    let kept = site.points()[0]["keep_until"].as_str().map(|at| pulih_vault::utc::parse(at).unwrap()).unwrap();

    // Every object of the vault is locked as long as the snapshots that need it are kept.
    let admin = weed.env("admin");
    let of = |name: &str| admin.get(name).cloned();
    let url = StoreUrl::parse(OsStr::new("s3://pulih/kab"), &of).unwrap();
    let opened = url.open(&of, &Options::new(site.path("spool"))).unwrap();
    let (store, locks) = (opened.store.clone(), opened.locks.clone().unwrap());
    let vault: ObjectName = format!("vaults/{}", server.vault()).parse().unwrap();
    let names = || {
        let mut names = Vec::new();
        store.list(&vault, &mut |name| names.push(name)).unwrap();
        names
    };
    assert!(names().len() > 6, "{:?}", names());
    until("the locks", || names().iter().all(|name| locks.locked_until(name).unwrap().is_some_and(|at| at >= kept)));

    // Whoever asks, nothing is deleted.
    let looking = Deleter::new(&admin);
    for who in ["admin", "agent", "reader"] {
        let deleter = Deleter::new(&weed.env(who));
        for name in names() {
            let key = format!("kab/{name}");
            let version = looking.version(&key);
            deleter.delete(&key, &version);
            assert!(looking.is_there(&key, &version), "{who} deleted {name}");
        }
    }

    // Content is as it was: restored from the bucket by its owner, and under a grant over the gateway.
    let (identity, target) = (server.path("identity"), server.path("out"));
    let restore = |target: &str| {
        server.run(&[
            "restore",
            "--store",
            &site.url,
            "--identity",
            identity.to_str().unwrap(),
            "--dataset",
            "archive",
            "latest",
            "--target",
            target,
        ])
    };
    failed(&restore(target.to_str().unwrap()));
    let ask = ["--json", "ask", "--store", &site.url, "--dataset", "archive", "--reason", "terhapus"];
    let asked: serde_json::Value = serde_json::from_str(&succeeded(&server.run(&ask))).unwrap();
    succeeded(&site.acting("walidata-dinkes", &["grant", "give", asked["request"].as_str().unwrap()]));
    succeeded(&restore(target.to_str().unwrap()));
    let restored = target.join(server.path("tree").strip_prefix("/").unwrap()).join("letter");
    assert_eq!(std::fs::read(restored).unwrap(), b"isi archive");
}

#[test]
fn a_bucket_without_locks_is_no_sites_store() {
    let weed = Weed::start();
    weed.bucket("plain", false);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    let text = "name = \"Pusat Data Uji\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:0\"\nhosts = [\"localhost\"]\n";
    std::fs::write(&file, text).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pulih-controller"))
        .envs(env(&weed, "admin"))
        .env("PULIH_CONTROLLER_STATE", folder.path().join("site"))
        .args(["init", "--role", "pusat", "--site", file.to_str().unwrap(), "--store", "s3://plain/kab"])
        .output()
        .unwrap();
    let said = failed(&output);
    assert!(said.contains("a further copy and nothing else") && said.contains("lock"), "{said}");
    assert!(!folder.path().join("site/site.toml").exists());
}
