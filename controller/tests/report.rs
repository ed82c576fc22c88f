//! Reports, with real processes: the continuity test report at a DRC, twice the same, and the five others, whose figures
//! are those of `status`, `comply` and the ledger.

mod support;

use std::fs;

use serde_json::Value;
use support::drc::{Drc, saved};
use support::{failed, succeeded};

#[test]
fn the_report_of_the_same_checkpoints_is_the_same_to_the_byte() {
    let mut site = saved(&["surat"]);
    let mut drc = Drc::paired(&site);
    drc.replicate();
    drc.start();
    succeeded(&drc.acting(&["regulation", "apply", "kudus-48-2019"]));
    let folder = site.path("laporan");
    fs::create_dir(&folder).unwrap();
    let made = |name: &str, more: &[&str]| {
        let out = folder.join(name);
        let days =
            ["report", "continuity", "--from", "2025-01-01", "--to", "2090-01-01", "--out", out.to_str().unwrap()];
        drc.json(&[&days[..], more].concat())
    };
    let first = made("satu.pdf", &[]);
    assert_eq!(first["type"], "pulih/report-made/v1");
    // More is written down in the meantime, and the same is made from the same.
    succeeded(&drc.acting(&["regulation", "apply", "batang-50-2019"]));
    let sizes = format!("{},{}", first["size"], first["peer_size"]);
    let again = made("dua.pdf", &["--checkpoint", &sizes]);
    assert_eq!(first["pdf_sha256"], again["pdf_sha256"]);
    for kind in ["pdf", "json", "csv"] {
        let read = |name: &str| fs::read(folder.join(format!("{name}.{kind}"))).unwrap();
        assert!(read("satu") == read("dua") && !read("satu").is_empty(), "{kind}");
    }
    let data: Value = serde_json::from_slice(&fs::read(folder.join("satu.json")).unwrap()).unwrap();
    assert_eq!(data["regulations"].as_array().unwrap().len(), 1);
    assert_eq!((&data["checkpoints"][0]["size"], &data["judgement"]), (&first["size"], &Value::Null));
    let english = made("english.pdf", &["--english"]);
    assert_ne!(english["pdf_sha256"], first["pdf_sha256"]);
    assert_eq!(english["size"].as_u64().unwrap(), first["size"].as_u64().unwrap() + 1);
    assert_eq!(first["issued"], false);
    let issued = folder.join("terbit.pdf");
    let days =
        ["report", "continuity", "--from", "2025-01-01", "--to", "2090-01-01", "--out", issued.to_str().unwrap()];
    assert!(succeeded(&drc.acting(&days)).contains("It is issued"));
    let listed = drc.json(&["evidence", "list", "--kind", "report-issued"]);
    let entry = &listed["entries"][0]["entry"];
    let of = |path: &std::path::Path| pulih_ledger::ids::Sha256::of(&fs::read(path).unwrap()).to_string();
    assert_eq!(entry["pdf_sha256"], of(&issued));
    assert_eq!(entry["data_sha256"], of(&issued.with_extension("json")));
    let facts = drc.json(&["comply", "--facts"]);
    assert_eq!(facts["reports"]["continuity_days"], 0);
    // Nothing is overwritten, and what no checkpoint has is no report.
    let out = folder.join("satu.pdf");
    let days = ["report", "continuity", "--from", "2025-01-01", "--to", "2090-01-01", "--out", out.to_str().unwrap()];
    assert!(failed(&drc.controller(&days)).contains("nothing is overwritten"));
    assert!(failed(&drc.controller(&[&days[..], &["--checkpoint", "1"]].concat())).contains("checkpoint"));
    assert!(failed(&site.controller(&days)).contains("done at the DRC"));
    drc.stop();
    site.stop();
}
