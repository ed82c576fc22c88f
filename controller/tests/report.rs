//! Reports, with real processes: the continuity test report at a DRC, twice the same, and the five others, whose figures
//! are those of `status`, `comply` and the ledger.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::drc::{Drc, back_up, saved};
use support::{Site, failed, succeeded};

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
    let beyond = format!("{},{}", first["size"], 1_000_000);
    assert!(failed(&drc.controller(&[&days[..], &["--checkpoint", &beyond]].concat())).contains("entries here, not"));
    assert!(failed(&site.controller(&days)).contains("done at the DRC"));
    drc.stop();
    site.stop();
}

/// `report KIND …` of these days or this month, and its data.
fn data(made: &Value) -> Value {
    let path = Path::new(made["path"].as_str().unwrap()).with_extension("json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// This month and year, as the site's zone has them.
fn today(site: &Site) -> String {
    let at = site.json(&["comply", "--regulation", "kudus-48-2019"])["at"].as_str().unwrap().to_owned();
    let seconds = pulih_vault::utc::parse(&at).unwrap() + 7 * 3600;
    pulih_vault::utc::rfc3339(seconds)[..10].to_owned()
}

#[test]
fn the_five_other_reports_have_the_figures_of_the_ledgers() {
    let mut site = saved(&["letters"]);
    back_up(&site, b"isi surat");
    site.opd("dinsos");
    let mut drc = Drc::paired(&site);
    drc.replicate();
    drc.start();
    succeeded(&drc.acting(&["regulation", "apply", "batang-50-2019"]));
    let folder = site.path("laporan");
    fs::create_dir(&folder).unwrap();
    let today = today(&site);
    let (month, year) = (&today[..7], &today[..4]);
    let made = |kind: &str, period: &[&str]| {
        let out = folder.join(format!("{kind}.pdf"));
        let all = [&["report", kind][..], period, &["--out", out.to_str().unwrap()]].concat();
        drc.json(&all)
    };
    let long = ["--from", "2025-01-01", "--to", "2090-01-01"];

    let its = data(&made("coverage", &long));
    let facts = drc.json(&["comply", "--facts"]);
    assert_eq!((&its["opds_total"], &its["covered"]), (&facts["coverage"]["opds"], &facts["coverage"]["covered"]));
    assert_eq!((&its["opds_total"], &its["covered"]), (&2.into(), &1.into()));
    let office = |name: &str| {
        let all = its["opds"].as_array().unwrap();
        all.iter().find(|its| its["opd"] == name).unwrap_or_else(|| panic!("{name}: {its}")).clone()
    };
    assert_eq!((&office("dinsos")["covered"], &office("dinsos")["servers"]), (&false.into(), &0.into()));
    assert!(office("dinsos")["why"][0]["id"].as_str().unwrap().contains("Belum ada server"));
    assert_eq!((&office("dinkes")["at_drc"], &office("dinkes")["why"]), (&1.into(), &Value::Array(Vec::new())));
    // The clause that asks for the report is named, and the period is not over.
    assert!(its["head"]["basis"].as_array().unwrap().iter().any(|its| its["at"].as_str().unwrap().contains("28")));
    assert!(its["head"]["remarks"][0]["en"].as_str().unwrap().contains("not over"));

    let monthly = made("monthly", &["--month", month]);
    assert_eq!(monthly["pages"], 1);
    let its = data(&monthly);
    assert_eq!((&its["tonight"]["datasets"], &its["tonight"]["recoverable"]), (&1.into(), &1.into()));
    assert_eq!((&its["opds"], &its["covered"], &its["covered_before"]), (&2.into(), &1.into(), &Value::Null));
    assert!(its["risks"].to_string().contains("Belum ada uji pemulihan"), "{its}");

    let its = data(&made("evaluation", &["--year", year]));
    let months = its["months"].as_array().unwrap();
    let last = months.last().unwrap();
    assert_eq!(months.len(), today[5..7].parse::<usize>().unwrap());
    assert_eq!((&last["points"], &last["covered"], &last["received_bytes"]), (&1.into(), &1.into(), &Value::Null));
    let counts = &drc.json(&["comply"])["regulations"][0]["counts"];
    let shown = &its["verdicts"][0]["counts"];
    for code in ["met", "not-met", "to-attest", "not-applicable", "untested"] {
        assert_eq!(counts[code], shown[code], "{code}");
    }
    let open = ["not-met", "to-attest", "untested"].iter().map(|code| counts[code].as_u64().unwrap()).sum::<u64>();
    assert_eq!(its["unmet"].as_array().unwrap().len() as u64, open);

    let its = data(&made("budget", &long));
    let sheets = its["offices"].as_array().unwrap();
    let gaps = |name: &str| sheets.iter().find(|its| its["opd"] == name).unwrap()["gaps"].as_array().unwrap().clone();
    let of_coverage = |gaps: &[Value]| gaps.iter().any(|its| its["at"].as_str().unwrap().contains("Pasal 28 ayat (1)"));
    assert!(of_coverage(&gaps("dinsos")), "{:?}", gaps("dinsos"));
    assert!(!of_coverage(&gaps("dinkes")), "{:?}", gaps("dinkes"));
    assert!(!its["common"].as_array().unwrap().is_empty());

    // Issued, it is what the clause that asks for it was waiting for; the rest of that is a person's word.
    let verdict = || drc.json(&["comply", "--clause", "28-2"])["regulations"][0]["clauses"][0]["verdict"].clone();
    assert_eq!(verdict(), "untested");
    let out = folder.join("terbit.pdf");
    let issue = [&["report", "coverage"][..], &long, &["--out", out.to_str().unwrap()]].concat();
    assert!(succeeded(&drc.acting(&issue)).contains("It is issued"));
    assert_eq!(verdict(), "to-attest");

    // What there is not is said, and nothing is left behind.
    let no = |at: &dyn Fn(&[&str]) -> std::process::Output, kind: &str, period: &[&str]| {
        let out = folder.join("tidak.pdf");
        let told = failed(&at(&[&["report", kind][..], period, &["--out", out.to_str().unwrap()]].concat()));
        assert!(!out.exists() && !out.with_extension("json").exists());
        told
    };
    let (here, there) = (|all: &[&str]| drc.controller(all), |all: &[&str]| site.controller(all));
    assert!(no(&here, "bandwidth", &["--month", month]).contains("nothing of that month was measured yet"));
    assert!(no(&here, "monthly", &["--month", "2089-01"]).contains("begins after the newest entry"));
    assert!(no(&here, "monthly", &["--month", "Oktober"]).contains("is no month: write it as"));
    assert!(no(&here, "evaluation", &["--year", "26"]).contains("is no year: write it as"));
    assert!(no(&there, "coverage", &long).contains("ask for this report at the DRC"));
    drc.stop();
    site.stop();
}

#[test]
fn a_pusat_data_without_a_drc_says_that_nothing_comes_back() {
    let mut site = saved(&["letters"]);
    back_up(&site, b"isi surat");
    let out = site.path("bupati.pdf");
    let month = today(&site)[..7].to_owned();
    let of = ["--month", &month, "--regulation", "kudus-48-2019", "--out", out.to_str().unwrap()];
    let its = data(&site.json(&[&["report", "monthly"][..], &of].concat()));
    assert_eq!((&its["tonight"]["datasets"], &its["tonight"]["recoverable"]), (&1.into(), &0.into()));
    assert!(its["risks"][0]["id"].as_str().unwrap().contains("Belum ada DRC"));
    assert!(its["asks"][0]["id"].as_str().unwrap().contains("anggaran DRC"));
    site.stop();
}
