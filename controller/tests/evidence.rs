//! `pulih-controller evidence`: what a site shows of itself, with real processes.

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Site, failed, succeeded};

/// Of each dataset its name, its worst, and how many points came.
fn rows(report: &Value) -> Vec<(&str, Option<u64>, u64)> {
    let row = |its| {
        let its: &Value = its;
        (its["dataset"].as_str().unwrap(), its["worst_seconds"].as_u64(), its["points"].as_u64().unwrap())
    };
    report["datasets"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn what_was_approved_counts_whether_it_was_saved_or_not() {
    let mut site = Site::new();
    site.opd("dinkes");
    {
        let server = site.server("app-1", "dinkes");
        site.approve("app-1", "letters");
        site.approve("app-1", "archive");
        server.write("letter", b"isi surat");
        succeeded(&server.backup("letters"));
        succeeded(&server.backup("letters"));
    }
    // The second in which a point came has to be over before it counts.
    let end = Instant::now() + Duration::from_secs(60);
    while rows(&site.json(&["evidence", "rpo"])).iter().map(|(_, _, points)| points).sum::<u64>() < 2 {
        assert!(Instant::now() < end, "no second passes");
    }
    // What is exported says the same as of its newest entry, which comes after that second.
    site.opd("disdik");
    let out = site.path("bukti");
    let exported = site.json(&["evidence", "export", "--out", out.to_str().unwrap()]);
    let trusted = format!("pusat-33.19={}", exported["fingerprint"].as_str().unwrap());
    let verify = ["evidence", "verify", out.to_str().unwrap(), "--site", &trusted];
    let found = site.json(&[&verify[..], &["--figures"]].concat());
    let figures = &found["figures"]["sites"]["pusat-33.19"];
    let names: Vec<_> = rows(&figures["rpo"]).iter().map(|(name, _, points)| (name.to_string(), *points)).collect();
    assert_eq!(names, [("archive".to_owned(), 0), ("letters".to_owned(), 2)]);
    assert_eq!(figures["rpo"]["fleet"]["inside_percent"], "100.00");
    assert!(figures["rto"].is_null() && site.json(&verify)["figures"].is_null());
    let text = succeeded(&site.controller(&[&verify[..], &["--figures"]].concat()));
    assert!(text.contains("app-1/archive") && text.contains("100.00 %"), "{text}");
    for is_served in [true, false] {
        if !is_served {
            site.stop();
        }
        let report = site.json(&["evidence", "rpo"]);
        assert_eq!((&report["type"], &report["site"]), (&"pulih/rpo/v1".into(), &"pusat-33.19".into()), "{report}");
        let rows = rows(&report);
        assert_eq!(
            rows.iter().map(|(name, _, points)| (*name, *points)).collect::<Vec<_>>(),
            [("archive", 0), ("letters", 2)]
        );
        // Nothing of it is older than this test.
        assert!(rows.iter().all(|(_, worst, _)| worst.is_some_and(|worst| worst < 600)), "{report}");
        assert_eq!(report["fleet"]["inside_percent"], "100.00");
        let only = site.json(&["evidence", "rpo", "--dataset", "app-1/letters"]);
        assert_eq!(only["datasets"].as_array().unwrap().len(), 1);
        let text = succeeded(&site.controller(&["evidence", "rpo"]));
        assert!(text.contains("app-1/archive") && text.contains("100.00 %") && !text.contains("BREACH "), "{text}");
    }
    // Before there was anything.
    let before = site.json(&["evidence", "rpo", "--from", "2020-01-01", "--to", "2020-02-01"]);
    assert_eq!(before["datasets"], Value::Array(Vec::new()));
    assert!(before["fleet"]["worst_seconds"].is_null());
    for bad in [["--from", "kemarin"], ["--from", "2020-1-1"], ["--to", "2020-01-32"]] {
        let told = failed(&site.controller(&["evidence", "rpo", bad[0], bad[1]]));
        assert!(told.contains(bad[1]), "{told}");
    }
    let told = failed(&site.controller(&["evidence", "rpo", "--from", "2020-02-01", "--to", "2020-01-01"]));
    assert!(told.contains("--from comes before --to"), "{told}");
}
