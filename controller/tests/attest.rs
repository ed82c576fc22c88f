//! What people put on record beside backups, with real processes: audits, classes of datasets, incidents, decrees of
//! appointment; and what a site says of itself.

mod support;

use std::fs;

use pulih_vault::id::ObjectHash;
use serde_json::Value;
use support::drc::Drc;
use support::{Site, failed, succeeded};

/// The entries of a kind.
fn entries(site: &Site, kind: &str) -> Vec<Value> {
    let listed = site.json(&["evidence", "list", "--kind", kind]);
    listed["entries"].as_array().unwrap().iter().map(|its| its["entry"].clone()).collect()
}

const PACK: &str = include_str!("../../policies/packs/kuantan-singingi-33-2020.toml");

/// The admin puts the pack in force.
fn apply(site: &Site) {
    let told = succeeded(&site.acting("siti", &["regulation", "apply", "kuantan-singingi-33-2020"]));
    assert!(told.contains("version 1 is in force"), "{told}");
}

#[test]
fn a_statement_is_of_what_a_clause_of_the_pack_in_force_asks_for() {
    let mut site = Site::new();
    site.person("rini", &["--role", "auditor"], Some("siti"));
    let report = site.path("laporan.pdf");
    fs::write(&report, b"laporan").unwrap();
    let give = |by: &str, clause: &str, item: &str, until: &str| {
        let of = ["attest", "give", clause, "--regulation", "kuantan-singingi-33-2020", "--item", item];
        let said = ["--opinion", "met", "--by", "Rini Wulandari", "--letter", "700/12", "--until", until];
        site.acting(by, &[&of[..], &said, &["--document", report.to_str().unwrap()]].concat())
    };
    assert!(failed(&give("rini", "55-4", "kewenangan-auditor", "1y")).contains("no such version of a regulation"));
    apply(&site);
    let told = failed(&give("rini", "55-9", "kewenangan-auditor", "1y"));
    assert!(told.contains("no clause 55-9") && told.contains("55-4"), "{told}");
    let told = failed(&give("rini", "55-4", "kriteria", "1y"));
    assert!(told.contains("asks for no kriteria") && told.contains("kewenangan-auditor"), "{told}");
    assert!(failed(&give("rini", "55-4", "kewenangan-auditor", "6y")).contains("5 years"));
    let told = succeeded(&give("rini", "55-4", "kewenangan-auditor", "1y"));
    assert!(told.contains("kewenangan-auditor of clause 55-4 is met"), "{told}");
    succeeded(&give("siti", "55-4", "kewenangan-auditor", "2y"));

    let listed = |site: &Site| site.json(&["attest", "list"])["attestations"].clone();
    let all = listed(&site);
    assert_eq!((&all[0]["user"], &all[0]["ended"], &all[1]["user"]), (&"rini".into(), &Value::Null, &"siti".into()));
    let first = all[0]["attestation"].as_str().unwrap();
    assert!(failed(&site.controller(&["attest", "end", first, "--reason", "x"])).contains("signature"));
    succeeded(&site.acting("siti", &["attest", "end", first, "--reason", "surat dicabut"]));
    assert!(failed(&site.acting("siti", &["attest", "end", first, "--reason", "x"])).contains("no attestation"));
    let before = listed(&site);
    assert!(before[0]["ended"].is_string() && before[1]["ended"].is_null(), "{before}");
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    assert_eq!(listed(&site), before);
    // What was signed is in the bundle, and whoever verifies it finds the pack there.
    let out = site.path("bundle");
    succeeded(&site.controller(&["evidence", "export", "--out", out.to_str().unwrap()]));
    let pack = out.join(format!("pusat-33.19/objects/regulations/{}", ObjectHash::of(PACK.as_bytes())));
    assert_eq!(fs::read_to_string(pack).unwrap(), PACK);
    let fingerprint = site.json(&["evidence", "key", "list"])["keys"][0]["fingerprint"].as_str().unwrap().to_owned();
    let trusted = format!("pusat-33.19={fingerprint}");
    succeeded(&site.controller(&["evidence", "verify", out.to_str().unwrap(), "--site", &trusted]));
}

#[test]
fn an_audit_is_on_record_with_its_findings_and_the_day_begins_where_the_site_is() {
    let site = Site::new();
    let (report, found) = (site.path("laporan.pdf"), site.path("temuan.toml"));
    fs::write(&report, b"laporan audit").unwrap();
    fs::write(&found, "[[finding]]\ntext = \"akun tidak ditinjau\"\nowner = \"Diskominfo\"\nuntil = \"2030-06-01\"\n")
        .unwrap();
    let audit = |more: &[&str]| {
        let of = ["audit", "record", "--by", "Inspektorat", "--letter", "700/31", "--body", "government"];
        let of = [&of[..], &["--subject", "security", "--document", report.to_str().unwrap()], more].concat();
        site.acting("siti", &of)
    };
    assert!(failed(&audit(&["--held", "2999-01-01"])).contains("in the future"));
    assert!(failed(&audit(&["--held", "kemarin"])).contains("no day"));
    let told = succeeded(&audit(&["--held", "2026-01-31", "--findings", found.to_str().unwrap()]));
    assert!(told.contains("findings: 1"), "{told}");
    let shown = &site.json(&["audit", "list"])["audits"][0];
    // Midnight in Jakarta.
    assert_eq!((&shown["held"], &shown["user"]), (&"2026-01-30T17:00:00Z".into(), &"siti".into()));
    assert_eq!(shown["findings"][0]["owner"], "Diskominfo");
    assert_eq!(shown["document_sha256"], pulih_ledger::ids::Sha256::of(b"laporan audit").to_string());
    assert!(succeeded(&site.controller(&["audit", "list"])).contains("Inspektorat"));
}

#[test]
fn what_a_dataset_holds_is_said_by_its_own_walidata_and_known_from_the_ledger_alone() {
    let mut site = Site::new();
    site.opd("dinkes");
    site.opd("disdik");
    let server = site.server("app-1", "dinkes");
    server.write("a", b"x");
    let classify = |by: &str, more: &[&str]| {
        let of = ["dataset", "classify", "rekam-medis", "--agent", "app-1", "--by", "Kepala BPS", "--letter", "800/4"];
        site.acting(by, &[&of[..], more].concat())
    };
    let rahasia = ["--confidentiality", "rahasia"];
    assert!(failed(&classify("walidata-dinkes", &rahasia)).contains("no dataset"));
    site.approve("app-1", "rekam-medis");
    assert!(failed(&classify("walidata-disdik", &rahasia)).contains("the walidata of the OPD"));
    assert!(
        failed(&site.controller(&[
            "dataset",
            "classify",
            "rekam-medis",
            "--agent",
            "app-1",
            "--by",
            "x",
            "--letter",
            "1",
            "--purpose",
            "publik"
        ]))
        .contains("signature")
    );
    succeeded(&classify("walidata-dinkes", &["--confidentiality", "terbatas", "--content", "information"]));
    succeeded(&classify("siti", &rahasia));
    let listed = |site: &Site| site.json(&["dataset", "list"])["datasets"].clone();
    let before = listed(&site);
    let its = &before[0];
    assert_eq!(
        (&its["agent"], &its["dataset"], &its["purpose"]),
        (&"app-1".into(), &"rekam-medis".into(), &Value::Null)
    );
    assert_eq!(
        (&its["confidentiality"]["value"], &its["confidentiality"]["user"]),
        (&"rahasia".into(), &"siti".into())
    );
    assert_eq!((&its["content"]["value"], &its["content"]["by"]), (&"information".into(), &"Kepala BPS".into()));
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    assert_eq!(listed(&site), before);
}

#[test]
fn a_decree_of_appointment_stands_beside_the_person_and_an_incident_beside_its_report() {
    let site = Site::new();
    let key = site.path("budi.key");
    let verifier = succeeded(&site.controller(&["user", "key", key.to_str().unwrap()]));
    let budi = |more: &[&str]| {
        let of = ["user", "add", "budi", "--name", "Budi", "--role", "operator", "--key", verifier.trim()];
        site.acting("siti", &[&of[..], more].concat())
    };
    assert!(failed(&budi(&["--decree", "821/4", "--until", "2020-12-31"])).contains("ended already"));
    succeeded(&budi(&["--decree", "821/4", "--until", "2090-12-31"]));
    let users = site.json(&["user", "list"]);
    let by = |id: &str| users["users"].as_array().unwrap().iter().find(|its| its["user"] == id).unwrap();
    assert_eq!((&by("budi")["decree"], &by("budi")["until"]), (&"821/4".into(), &"2090-12-31T23:59:59Z".into()));
    assert_eq!((&by("siti")["decree"], &by("siti")["until"]), (&Value::Null, &Value::Null));
    let added = entries(&site, "user-added");
    assert!(added[0].get("decree").is_none() && added[1]["decree"] == "821/4", "{added:?}");

    let report = |reported: &str| {
        let of = ["incident", "report", "--began", "2026-01-20T01:10:00Z", "--text", "ransomware"];
        site.acting("budi", &[&of[..], &["--reported", reported, "--letter", "440/19"]].concat())
    };
    assert!(failed(&report("2026-01-20T01:09:59Z")).contains("before it began"));
    succeeded(&report("2026-01-20T04:00:00Z"));
    let shown = &site.json(&["incident", "list"])["incidents"][0];
    assert_eq!((&shown["letter"], &shown["hold"], &shown["user"]), (&"440/19".into(), &Value::Null, &"budi".into()));
}

#[test]
fn a_site_that_is_served_says_what_its_file_says_once() {
    let mut site = Site::new();
    let described = |site: &Site| entries(site, "site-described");
    assert_eq!(described(&site).len(), 1);
    site.stop();
    site.start();
    assert_eq!(described(&site).len(), 1);
    site.stop();
    let file = site.path("site/site.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[location]\nregency = \"33.19\"\nlatitude = -6.8048\nlongitude = 110.8405\n"))
        .unwrap();
    site.start();
    let said = described(&site);
    assert_eq!(said.len(), 2);
    assert_eq!((&said[1]["latitude"], &said[1]["longitude"]), (&"-6.8048".into(), &"110.8405".into()));
    assert_eq!((&said[1]["regency"], &said[1]["actor"]["type"]), (&"33.19".into(), &"site".into()));
    assert!(said[0].get("regency").is_none() && said[0].get("operator").is_none(), "{said:?}");

    let mut drc = Drc::new();
    drc.start();
    drc.stop();
    let listed = drc.json(&["evidence", "list", "--kind", "site-described"]);
    let its = &listed["entries"][0]["entry"];
    assert_eq!((&its["operator"], &its["provider"]), (&"Diskominfo".into(), &"PT Awan".into()));
}
