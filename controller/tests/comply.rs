//! What clauses come to, with real processes: one of each kind at a Pusat Data, and a sixth regency's pack that needed no
//! program.

mod support;

use std::fs;

use serde_json::Value;
use support::{Site, failed, succeeded};

const NAME: &str = "kuantan-singingi-33-2020";

fn clause(found: &Value, id: &str) -> Value {
    let clauses = found["regulations"][0]["clauses"].as_array().unwrap();
    clauses.iter().find(|its| its["clause"] == id).unwrap_or_else(|| panic!("{id}")).clone()
}

/// The verdict of a clause of the pack in force.
fn verdict(site: &Site, id: &str) -> String {
    clause(&site.json(&["comply"]), id)["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn one_clause_is_measured_one_is_stated_and_one_is_both() {
    let site = Site::new();
    assert!(failed(&site.controller(&["comply"])).contains("no regulation is in force"));
    assert!(failed(&site.controller(&["comply", "--regulation", "kota-1-2026"])).contains("none comes with Pulih"));
    // Before it is in force it can be looked at.
    let before = site.json(&["comply", "--regulation", NAME]);
    assert!(before["regulations"][0]["in_force"].is_null() && before["regulations"][0]["version"] == 1);
    succeeded(&site.acting("siti", &["regulation", "apply", NAME]));
    assert!(failed(&site.acting("siti", &["regulation", "apply", NAME])).contains("raise `version`"));

    // Measured: 56(2), an owner's approval of each dataset.
    assert_eq!(verdict(&site, "56-2"), "not-applicable");
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    server.write("a", b"x");
    site.approve("app-1", "surat");
    assert_eq!(verdict(&site, "56-2"), "met");
    let opened = site.json(&["comply", "--clause", "56-2"]);
    let its = clause(&opened, "56-2");
    let fact =
        its["facts"].as_array().unwrap().iter().find(|its| its["fact"] == "datasets[app-1/surat].approved").unwrap();
    let entry = fact["entries"][0].as_str().unwrap().strip_prefix("pusat-33.19/").unwrap().parse::<usize>().unwrap();
    let listed = site.json(&["evidence", "list", "--kind", "approval-given"]);
    assert_eq!(listed["entries"][0]["index"], entry);

    // Stated: 54(1)c, a certificate of fitness; no figure makes it.
    assert_eq!(verdict(&site, "54-1-c"), "to-attest");
    let letter = site.path("sertifikat.pdf");
    fs::write(&letter, b"sertifikat").unwrap();
    let attest = |clause: &str, item: &str, opinion: &str| {
        let of = ["attest", "give", clause, "--regulation", NAME, "--item", item, "--opinion", opinion];
        let by =
            ["--by", "Siti, Diskominfo", "--letter", "800/1", "--until", "60d", "--document", letter.to_str().unwrap()];
        succeeded(&site.acting("siti", &[&of[..], &by].concat()));
    };
    attest("54-1-c", "sertifikat-kelayakan", "met");
    let its = clause(&site.json(&["comply"]), "54-1-c");
    assert_eq!((&its["verdict"], &its["attestations"][0]["letter"]), (&"met".into(), &"800/1".into()));
    // The second in which it was signed may be over.
    assert!([59, 60].map(Value::from).contains(&its["warnings"][0]["days_left"]), "{its}");
    attest("54-1-c", "sertifikat-kelayakan", "not-met");
    assert_eq!(verdict(&site, "54-1-c"), "not-met");

    // Both: 47(1)b, each office's share of the line, and somebody's word on how it was set; 29(5), where a figure
    // speaks against it that no statement turns.
    assert_eq!(verdict(&site, "47-1-b"), "to-attest");
    attest("47-1-b", "pembagian", "met");
    assert_eq!(verdict(&site, "47-1-b"), "met");
    assert_eq!(verdict(&site, "29-5"), "not-met");
    attest("29-5", "kriteria", "met");
    assert_eq!(verdict(&site, "29-5"), "not-met");

    let shown = succeeded(&site.controller(&["comply"]));
    assert!(shown.contains("TIDAK TERPENUHI") && shown.contains("pernyataan manual"), "{shown}");
    let csv = succeeded(&site.controller(&["comply", "--csv"]));
    assert!(csv.starts_with("regulation,clause,where,kind,verdict,why,entries\r\n"));
    assert_eq!(csv.lines().count(), 21);
    let opened = succeeded(&site.controller(&["comply", "--clause", "47-1-b"]));
    assert!(opened.contains("The text says") && opened.contains("Read as (no law)") && opened.contains("pembagian"));
    assert!(failed(&site.controller(&["comply", "--clause", "99"])).contains("no clause 99"));
    let approval = site.json(&["approve", "list"])["approvals"][0]["approval"].as_str().unwrap().to_owned();
    succeeded(&site.acting("siti", &["approve", "end", &approval, "--reason", "dicabut"]));
    assert_eq!(verdict(&site, "56-2"), "not-applicable", "it does not count any more, and no other is there");
}

#[test]
fn a_sixth_regencys_pack_needs_no_program() {
    let site = Site::new();
    let text = "Pasal 1\n(1) Setiap Perangkat Daerah wajib mencadangkan datanya.\n";
    let (pack, its_text) = (site.path("kota-1-2026.toml"), site.path("kota-1-2026.txt"));
    fs::write(&its_text, text).unwrap();
    let sha256 = pulih_ledger::ids::Sha256::of(text.as_bytes()).to_string();
    let written = format!(
        "type = \"pulih/regulation/v1\"\nname = \"kota-1-2026\"\nversion = 1\nregency = \"33.19\"\n\
         title = \"Peraturan Wali Kota\"\ntitle_en = \"A mayor's regulation\"\ntext_sha256 = \"{sha256}\"\n\
         [[clause]]\nid = \"1-1\"\nat = \"Pasal 1 ayat (1)\"\nkind = \"automatic\"\n\
         words = \"Setiap Perangkat Daerah wajib mencadangkan datanya\"\nwords_en = \"Every office backs up\"\n\
         reading = \"Semua tercakup.\"\nreading_en = \"All are covered.\"\n\
         pass = \"coverage.opds > 0 && coverage.percent == 100\"\nremedy = \"Cadangkan.\"\nremedy_en = \"Back up.\"\n"
    );
    fs::write(&pack, &written).unwrap();
    let path = pack.to_str().unwrap();
    assert!(succeeded(&site.controller(&["regulation", "check", path])).contains("1 automatic"));
    assert_eq!(clause(&site.json(&["comply", "--pack", path]), "1-1")["verdict"], "not-met");
    let shown = succeeded(&site.acting("siti", &["regulation", "apply", path]));
    assert!(shown.contains("kota-1-2026 version 1 is in force"), "{shown}");
    assert_eq!(verdict(&site, "1-1"), "not-met");

    // What is wrong is told with its place and what to do, and what is in force stays in force.
    let wrong = |from: &str, to: &str| {
        fs::write(&pack, written.replace("version = 1", "version = 2").replacen(from, to, 1)).unwrap();
        let told = failed(&site.acting("siti", &["regulation", "apply", path]));
        assert_eq!(site.json(&["comply"])["regulations"][0]["version"], 1);
        told
    };
    let told = wrong("coverage.percent", "coverage.percents");
    assert!(told.contains("kota-1-2026.toml:16:8: clause.pass") && told.contains("did you mean `percent`?"), "{told}");
    assert!(wrong("== 100", "== 'semua'").contains("takes a number"));
    assert!(wrong("coverage.opds > 0", "coverage.opds >").contains("does not compile"));
    assert!(wrong("wajib mencadangkan", "boleh mencadangkan").contains("do not stand in the regulation's text"));
    assert!(wrong("kind = \"automatic\"", "kind = \"auto\"").contains("none of the kinds of clauses"));
    assert!(wrong("remedy = ", "remedi = ").contains("there is no field `remedi` here"));
    fs::write(&its_text, "another text").unwrap();
    assert!(wrong("Cadangkan", "Cadangkan").contains("the text at hand is another one"));
    fs::remove_file(&its_text).unwrap();
    assert!(wrong("Cadangkan", "Cadangkan").contains("name it with --text"));
}
