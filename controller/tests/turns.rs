//! Servers whose state was taken back in time, copied, or set up anew.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Server, Site, failed, succeeded};

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    succeeded(&Command::new("cp").arg("-a").arg(from).arg(to).output().unwrap());
}

fn saved(site: &Site) -> Server<'_> {
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    server.write("letter", b"satu");
    succeeded(&server.backup("letters"));
    server
}

#[test]
fn a_server_put_back_from_an_image_goes_on_and_is_named() {
    let site = Site::new();
    let server = saved(&site);
    let image = server.path("image");
    copy(&server.path("state"), &image);
    server.write("letter", b"dua");
    succeeded(&server.backup("letters"));
    assert!(site.alarms().is_empty(), "{:?}", site.alarms());
    // The image is put back: its state knows nothing of the second snapshot.
    copy(&image, &server.path("state"));
    server.write("letter", b"tiga");
    let output = server.backup("letters");
    succeeded(&output);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("put back from an image"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(site.alarms(), ["rejoined"]);
    let snapshots = server.run(&["--json", "snapshots", "--store", &site.url]);
    let listed: serde_json::Value = serde_json::from_str(&succeeded(&snapshots)).unwrap();
    let listed = listed["snapshots"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    let rejoined: Vec<bool> = listed.iter().map(|its| !its["rejoined"].is_null()).collect();
    assert_eq!(rejoined.iter().filter(|its| **its).count(), 1, "{listed:?}");
    // From now on it is in turn.
    server.write("letter", b"empat");
    succeeded(&server.backup("letters"));
    assert_eq!(site.alarms(), ["rejoined"]);
    // Each of them restores.
    for (number, bytes) in [(1, "satu"), (2, "dua"), (3, "tiga"), (4, "empat")] {
        assert_eq!(server.restored("letters", number, "letter"), bytes.as_bytes(), "{number}");
    }
}

#[test]
fn a_clone_is_refused_and_named_and_the_first_goes_on() {
    let mut site = Site::new();
    let server = saved(&site);
    let clone = Server { site: &site, name: "copy".into() };
    copy(&server.path("state"), &clone.path("state"));
    std::fs::create_dir_all(clone.path("tree")).unwrap();
    clone.write("letter", b"salinan");
    server.write("letter", b"dua");
    succeeded(&server.backup("letters"));
    // The copy comes with a turn that is past, and goes on until the first one comes again.
    succeeded(&clone.backup("letters"));
    assert_eq!(site.alarms(), ["rejoined"]);
    server.write("letter", b"tiga");
    succeeded(&server.backup("letters"));
    assert_eq!(site.alarms(), ["clone", "rejoined"]);
    clone.write("letter", b"salinan lagi");
    let said = failed(&clone.backup("letters"));
    assert!(said.contains("another machine"), "{said}");
    assert_eq!(site.json(&["agent", "list"])["agents"][0]["state"], "clone refused");
    // Also when the site comes back without its catalog.
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    site.start();
    let server = Server { site: &site, name: "app-1".into() };
    let clone = Server { site: &site, name: "copy".into() };
    server.write("letter", b"empat");
    succeeded(&server.backup("letters"));
    assert!(failed(&clone.backup("letters")).contains("another machine"));
}

#[test]
fn a_server_that_was_set_up_anew_adopts_its_vault() {
    let site = Site::new();
    let server = saved(&site);
    let vault = server.vault();
    std::fs::remove_dir_all(server.path("state")).unwrap();
    // Who has the old name without an invitation does not get in.
    let said = failed(&site.controller(&["agent", "invite", "app-1", "--opd", "dinkes"]));
    assert!(said.contains("--again"), "{said}");
    let token = site.json(&["agent", "invite", "app-1", "--opd", "dinkes", "--again"]);
    succeeded(&server.run(&["enroll", &site.url, "--token", token["token"].as_str().unwrap()]));
    let path = |name: &str| server.path(name).to_str().unwrap().to_owned();
    let (request, answer, identity) = (path("request.json"), path("answer.json"), path("identity"));
    succeeded(&server.run(&["init", "--store", &site.url, "--adopt", &vault, "--request", &request]));
    let owner = site.path("dinkes.owner").to_str().unwrap().to_owned();
    let sign = ["owner", "sign", &request, "--owner", &owner, "--identity", &identity, "--out", &answer, "--yes"];
    succeeded(&Server { site: &site, name: "walidata".into() }.run(&sign));
    succeeded(&server.run(&["init", "--store", &site.url, "--answer", &answer]));
    server.write("letter", b"dua");
    succeeded(&server.backup("letters"));
    assert_eq!(site.points().len(), 1);
    assert_eq!(site.points()[0]["vault"], vault.as_str());
    assert_eq!(server.restored("letters", 1, "letter"), b"satu");
    assert_eq!(server.restored("letters", 2, "letter"), b"dua");
}

#[test]
fn a_certificate_is_renewed_by_the_signing_key_only_in_its_time() {
    let site = Site::new();
    let server = saved(&site);
    let raw = support::raw::Raw::of(&server, false);
    for note in ["", "{}", "{\"type\":\"pulih/lapsed-renewal/v1\"}\n\n\u{2014} x AAAA\n"] {
        let answer = raw.send("POST", "/v1/renew-lapsed", note.as_bytes());
        assert_eq!(answer.code(), "bad-request", "{note}");
    }
    let manifest = std::fs::read_dir(site.path("store/vaults").join(server.vault()).join("snapshots/letters"));
    let manifest = std::fs::read(manifest.unwrap().next().unwrap().unwrap().path()).unwrap();
    // A manifest, which the same key signed, is no renewal.
    assert_eq!(raw.send("POST", "/v1/renew-lapsed", &manifest).code(), "bad-request");
}
