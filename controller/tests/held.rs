//! What a class asks of keys, copies and the last restore: nothing is refused by it, and which datasets do not have it
//! is said.

mod support;

use std::fs;

use serde_json::Value;
use support::drc::Drc;
use support::night::uid;
use support::tried::Tried;
use support::{Site, succeeded};

const DEFAULT: &str = include_str!("../../policies/default.toml");

fn policy(version: u32, text: &str) -> String {
    format!("{}\n{text}\n", DEFAULT.replace("\nversion = 1\n", &format!("\nversion = {version}\n")))
}

/// What `doctor` says of a check.
fn said(report: &Value, check: &str) -> Vec<(String, String)> {
    let of = |its: &&Value| its["check"] == check;
    let word = |its: &Value, name: &str| its[name].as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap();
    all.iter().filter(of).map(|its| (word(its, "verdict"), word(its, "text"))).collect()
}

fn of_drc(drc: &Drc, check: &str) -> (String, String) {
    let output = drc.controller(&["--json", "doctor"]);
    said(&serde_json::from_slice(&output.stdout).unwrap(), check).remove(0)
}

#[test]
fn a_site_alone_says_what_lacks_keys_and_copies_and_takes_backups_all_the_same() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "surat");
    server.write("a", b"isi");
    succeeded(&server.backup("surat"));
    let fact = || site.json(&["comply", "--facts"])["datasets"][0].clone();
    let doctor = || site.json(&["doctor"]);
    // Where nothing is said, one key is enough, and both sites are meant.
    let its = fact();
    assert_eq!((&its["recovery_keys"], &its["keys_enough"]), (&1.into(), &true.into()));
    assert_eq!((&its["copies"], &its["copies_enough"]), (&1.into(), &false.into()));
    assert!(its["drilled_days"].is_null() && its["drilled_enough"].is_null(), "{its}");
    for check in ["recovery", "copies", "restores"] {
        assert_eq!(said(&doctor(), check), []);
    }
    let file = site.path("policy.toml");
    let asks = "[class.non-publik.recovery]\nleast = 2\n[class.non-publik.copies]\nleast = 3\nfurther = '35d'";
    fs::write(&file, policy(2, asks)).unwrap();
    succeeded(&site.acting("siti", &["policy", "apply", file.to_str().unwrap()]));
    succeeded(&server.backup("surat"));
    let disk = site.path("disk");
    fs::create_dir(&disk).unwrap();
    succeeded(&site.controller(&["replicate", "--to", disk.to_str().unwrap()]));
    let its = fact();
    assert_eq!((&its["keys_enough"], &its["copies"], &its["copies_enough"]), (&false.into(), &2.into(), &false.into()));
    for (check, words) in [("recovery", "fewer recovery keys"), ("copies", "fewer places")] {
        let (verdict, text) = said(&doctor(), check).remove(0);
        assert!(verdict == "warning" && text.contains(words) && text.contains("app-1/surat"), "{text}");
    }
    assert_eq!(doctor()["healthy"], true);
    // Another class's rules are not this one's.
    fs::write(&file, policy(3, &asks.replace("non-publik", "publik"))).unwrap();
    succeeded(&site.acting("siti", &["policy", "apply", file.to_str().unwrap()]));
    assert_eq!(fact()["keys_enough"], true);
    assert_eq!(said(&doctor(), "recovery"), []);
}

#[test]
fn a_drc_says_which_datasets_have_no_further_copy_and_which_never_came_back() {
    let mut its = Tried::new(&[("app-1", "surat")]);
    let file = its.drc.path("policy.toml");
    let asks = "[class.publik.drills]\nlongest = '90d'\n[class.publik.recovery]\nleast = 2\n\
                [class.publik.copies]\nleast = 3\nfurther = '35d'";
    fs::write(&file, policy(2, asks)).unwrap();
    succeeded(&its.drc.acting(&["policy", "apply", file.to_str().unwrap()]));
    let fact = |drc: &Drc| drc.json(&["comply", "--facts"])["datasets"][0].clone();
    let before = fact(&its.drc);
    assert_eq!((&before["recovery_keys"], &before["keys_enough"]), (&2.into(), &true.into()));
    assert_eq!((&before["copies"], &before["copies_enough"]), (&2.into(), &false.into()));
    assert!(before["drilled_days"].is_null() && before["drilled_enough"] == false, "{before}");
    assert_eq!(of_drc(&its.drc, "recovery").0, "ok");
    assert!(of_drc(&its.drc, "copies").1.contains("app-1/surat"));
    assert!(of_drc(&its.drc, "restores").1.contains("did not come back in a drill"));

    let disk = its.drc.path("disk");
    fs::create_dir(&disk).unwrap();
    succeeded(&its.drc.controller(&["replicate", "--to", disk.to_str().unwrap()]));
    its.keeper.start(&[&uid()]);
    succeeded(&its.keeper.acting("dewi", &["drill", "run", "--kind", "restore", "surat"]));
    let after = fact(&its.drc);
    assert_eq!((&after["copies"], &after["copies_enough"]), (&3.into(), &true.into()));
    assert_eq!((&after["drilled_days"], &after["drilled_enough"]), (&0.into(), &true.into()));
    for kind in ["copy-made", "drill-announced"] {
        let entry = its.drc.json(&["evidence", "list", "--kind", kind])["entries"][0]["index"].clone();
        let named = Value::from(format!("drc-33.19/{entry}"));
        assert!(after["entries"].as_array().unwrap().contains(&named), "{kind}: {after}");
    }
    for check in ["copies", "restores"] {
        assert_eq!(of_drc(&its.drc, check).0, "ok", "{check}");
    }
    // One that was altered is not believed: the ledger names another.
    let receipts = its.drc.path("store/site/drc-33.19/receipts");
    let receipt = fs::read_dir(&receipts).unwrap().next().unwrap().unwrap().path();
    support::drc::overwrite(&receipt, |bytes| bytes[40] ^= 1);
    let output = its.drc.controller(&["comply", "--facts"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("not the one that the ledger names"), "{told}");
}
