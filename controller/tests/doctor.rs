//! `pulih-controller doctor`: what it finds wrong, and that it changes nothing.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use support::{Site, failed, succeeded};

/// What it says of `check`, with the verdicts.
fn said(report: &Value, check: &str) -> Vec<(String, String)> {
    let words = |its: &Value, name: &str| its[name].as_str().unwrap().to_owned();
    let of = |its: &&Value| its["check"] == check;
    let all = report["findings"].as_array().unwrap();
    all.iter().filter(of).map(|its| (words(its, "verdict"), words(its, "text"))).collect()
}

fn looked(site: &Site) -> Value {
    let output = site.controller(&["--json", "doctor"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_site_in_order_is_said_to_be_so_served_or_not() {
    let mut site = Site::new();
    site.opd("dinkes");
    {
        let server = site.server("app-1", "dinkes");
        site.approve("app-1", "letters");
        server.write("letter", b"isi surat");
        succeeded(&server.backup("letters"));
    }
    let shown = succeeded(&site.controller(&["doctor"]));
    assert!(shown.ends_with("Nothing is wrong; mind the warnings.\n"), "{shown}");
    let report = looked(&site);
    assert_eq!(report["healthy"], true);
    for check in ["service", "keys", "ledger", "clock", "catalog", "policy", "datasets"] {
        assert_eq!(said(&report, check)[0].0, "ok", "{check}: {report}");
    }
    // A folder has no locks, and that is said.
    assert!(said(&report, "store").iter().any(|(verdict, _)| verdict == "warning"), "{report}");
    site.stop();
    let report = looked(&site);
    assert_eq!(said(&report, "service")[0].0, "warning");
    assert_eq!(report["healthy"], true, "{report}");
}

#[test]
fn an_approved_dataset_without_a_point_is_past_its_target() {
    let site = Site::new();
    site.opd("dinkes");
    let _server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    let report = looked(&site);
    let (verdict, text) = said(&report, "datasets").remove(0);
    assert!(verdict == "warning" && text.contains("letters"), "{text}");
}

#[test]
fn keys_that_others_may_read_are_wrong() {
    let site = Site::new();
    fs::set_permissions(site.path("site/ledger.key"), Permissions::from_mode(0o644)).unwrap();
    failed(&site.controller(&["doctor"]));
    let (verdict, text) = said(&looked(&site), "keys").remove(0);
    assert!(verdict == "wrong" && text.contains("ledger.key") && text.contains("chmod 600"), "{text}");
}

#[test]
fn a_ledger_that_was_changed_is_wrong() {
    let mut site = Site::new();
    site.stop();
    let folder = site.path("store/site/pusat-33.19/ledger/checkpoint");
    let newest = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    // Within the root hash.
    let at = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 3;
    bytes[at] ^= 1;
    fs::set_permissions(&newest, Permissions::from_mode(0o600)).unwrap();
    fs::write(&newest, bytes).unwrap();
    failed(&site.controller(&["doctor"]));
    let (verdict, text) = said(&looked(&site), "ledger").remove(0);
    assert!(verdict == "wrong" && text.contains("checkpoint"), "{text}");
}
