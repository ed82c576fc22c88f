//! What a change of policy would keep, cost and break, with a real site: seen before anything is applied.

mod support;

use std::fs;

use serde_json::Value;
use support::drc::{Drc, noise};
use support::{Site, failed, succeeded};

const DEFAULT: &str = include_str!("../../policies/default.toml");
/// After everything that the test does.
const AT: [&str; 2] = ["--at", "2090-01-01"];

fn next(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(DEFAULT.replacen("\nversion = 1\n", "\nversion = 2\n", 1), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

struct Simulated {
    file: std::path::PathBuf,
}

impl Simulated {
    fn of(site: &Site, text: &str) -> Self {
        let file = site.path("next.toml");
        fs::write(&file, text).unwrap();
        Self { file }
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["policy", "simulate", self.file.to_str().unwrap()], more].concat()
    }

    fn json(&self, site: &Site, more: &[&str]) -> Value {
        site.json(&self.arguments(more))
    }
}

fn class(found: &Value, name: &str) -> Value {
    found["classes"].as_array().unwrap().iter().find(|its| its["class"] == name).unwrap().clone()
}

fn breaks<'f>(found: &'f Value, kind: &str) -> Vec<&'f Value> {
    found["breaks"].as_array().unwrap().iter().filter(|its| its["kind"] == kind).collect()
}

#[test]
fn a_new_site_sees_each_class_by_itself_and_nothing_is_applied() {
    let site = Site::new();
    let weaker = next(&[("0 */2 * * *", "0 */4 * * *"), ("daily = \"14d\"", "daily = \"2d\"")]);
    let asked = Simulated::of(&site, &weaker);
    let found = asked.json(&site, &AT);
    assert_eq!((&found["type"], &found["days"]), (&"pulih/policy-simulation/v1".into(), &366.into()));
    assert_eq!((&found["at"], &found["weakens"]), (&"2089-12-31T17:00:00Z".into(), &2.into()));
    let strategis = class(&found, "strategis");
    assert_eq!((&strategis["now"]["runs"], &strategis["then"]["runs"]), (&(366 * 12).into(), &(366 * 6).into()));
    assert_eq!(strategis["now"]["longest_wait_seconds"], 2 * 3600 + 15 * 60);
    assert!(strategis["then"]["stored_bytes"].is_null());
    let publik = class(&found, "publik");
    let of_day = |side: &str| publik[side]["by_tier"]["day"].as_u64().unwrap();
    assert!(of_day("then") < of_day("now"), "{publik}");
    // From new year to the second of January: two first points of a year, and eleven of the months between.
    let tiers = &publik["now"]["by_tier"];
    assert_eq!((&tiers["year"], &tiers["month"], &tiers["week"]), (&2.into(), &11.into(), &0.into()));
    // Four hours between two runs are what the target allows, and the jitter comes on top.
    let rpo = breaks(&found, "rpo");
    assert!(rpo.len() == 1 && rpo[0]["class"] == "strategis" && rpo[0]["already"] == false, "{rpo:?}");
    let text = succeeded(&site.controller(&asked.arguments(&AT)));
    assert!(text.contains("no dataset yet") && text.contains("Nothing is applied") && text.contains("NOW"), "{text}");
    let csv = succeeded(&site.controller(&asked.arguments(&["--csv", "--days", "31"])));
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert_eq!(site.json(&["policy", "show"])["version"], 1);
    // What is no policy is refused as it is everywhere.
    fs::write(&asked.file, weaker.replace("rto = \"8h\"", "rto = \"8 jam\"")).unwrap();
    assert!(failed(&site.controller(&asked.arguments(&[]))).contains("has no unit that is known here"));
    assert!(failed(&Drc::new().controller(&asked.arguments(&[]))).contains("simulated there"));
}

#[test]
fn weaker_rules_keep_fewer_points_a_small_quota_is_passed_and_clauses_turn() {
    let mut site = Site::new();
    succeeded(&site.acting("siti", &["regulation", "apply", "kuantan-singingi-33-2020"]));
    site.opd("dinkes");
    {
        let server = site.server("app-1", "dinkes");
        site.approve("app-1", "surat");
        for seed in 1..=3 {
            server.write(&format!("surat-{seed}"), &noise(seed, 300_000));
            succeeded(&server.backup("surat"));
        }
    }
    let day = site.json(&["status"])["at"].as_str().unwrap().to_owned();
    assert_eq!(site.controller(&["policy", "simulate", "x", "--days", "0"]).status.code(), Some(2));
    let soon = ["--at", "2090-01-01"];
    let weaker = next(&[
        ("quota = \"1TiB\"", "quota = \"1MiB\""),
        ("daily = \"35d\"\nweekly = \"13w\"\nmonthly = \"13mo\"", "daily = \"7d\"\nmonthly = \"2mo\""),
        ("share_percent = 50\n", ""),
        ("max_age = \"2y\"", "max_age = \"30d\""),
    ]);
    let asked = Simulated::of(&site, &weaker);
    // By the clock of the test, from now on.
    let found = asked.json(&site, &[]);
    assert!(found["at"].as_str().unwrap() >= day.as_str());
    let its = &found["datasets"][0];
    assert_eq!((&its["opd"], &its["agent"], &its["dataset"]), (&"dinkes".into(), &"app-1".into(), &"surat".into()));
    assert!(its["full_bytes"].as_u64().unwrap() > 900_000 && its["daily_bytes"].as_u64().unwrap() > 600_000, "{its}");
    let points = |side: &str| its[side]["points"].as_u64().unwrap();
    assert!(points("then") < points("now") && points("then") > 3, "{its}");
    // The first one took the year: nothing makes that shorter.
    assert_eq!((&its["now"]["old_points"], &its["then"]["old_points"]), (&1.into(), &1.into()));
    let quota = breaks(&found, "quota")[0];
    assert!(quota["opd"] == "dinkes" && quota["already"] == false && quota["from"].is_string(), "{quota}");
    assert_eq!(found["offices"][0]["now"]["passed"], Value::Null);
    let approval = breaks(&found, "approval")[0];
    assert_eq!(approval["datasets"], serde_json::json!(["app-1/surat"]));
    let clause = breaks(&found, "clause");
    assert!(clause.iter().any(|its| its["clause"] == "47-1-b"), "{:?}", found["clauses"]);
    let text = succeeded(&site.controller(&asked.arguments(&[])));
    assert!(text.contains("quota: dinkes") && text.contains("= raise `opd.dinkes.limits.quota`"), "{text}");
    assert!(text.contains("1 dataset") && text.contains("measured over less than a day"), "{text}");
    // Its approval is over by then: nothing comes of it any more.
    let later = asked.json(&site, &soon);
    assert_eq!((&later["datasets"][0]["saved"], &later["datasets"][0]["now"]["runs"]), (&false.into(), &0.into()));

    // More often, and for longer: more points, and more that arrives.
    let stronger = next(&[("\"15 12 * * *\", \"0 21 * * *\"", "\"@hourly\""), ("daily = \"35d\"", "daily = \"90d\"")]);
    let asked = Simulated::of(&site, &stronger);
    let found = asked.json(&site, &[]);
    let its = &found["datasets"][0];
    let more = |name: &str| its["then"][name].as_u64().unwrap() > its["now"][name].as_u64().unwrap();
    assert!(more("runs") && more("points") && more("received_bytes"), "{its}");
    assert!(breaks(&found, "quota").is_empty() && breaks(&found, "clause").is_empty(), "{}", found["breaks"]);

    // The same from the same moment on is the same to the byte, served or not.
    let at = found["at"].as_str().unwrap().to_owned();
    let again = |site: &Site| {
        let output = site.controller(&[&["--json"], &asked.arguments(&["--at", &at])[..]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let served = again(&site);
    assert!(served == again(&site));
    site.stop();
    assert!(served == again(&site));
    assert!(failed(&site.controller(&asked.arguments(&["--at", "2026-01-01"]))).contains("newest recovery point"));
}

#[test]
fn a_line_that_is_too_narrow_and_targets_that_jitter_breaks_are_told() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "surat");
    for seed in 1..=2 {
        server.write(&format!("surat-{seed}"), &noise(seed, 600_000));
        succeeded(&server.backup("surat"));
    }
    let narrow = next(&[
        ("100Mbit/s", "1kbit/s"),
        ("500Mbit/s", "1kbit/s"),
        ("\"15 12 * * *\", \"0 21 * * *\"", "\"@hourly\""),
        ("jitter = \"30m\"", "jitter = \"12h\""),
        ("rpo_pusat = \"24h\"", "rpo_pusat = \"2h\""),
    ]) + "[class.non-publik.drills]\nrestore = \"@monthly\"\ndatasets = 1\nlongest = \"20d\"\n";
    let asked = Simulated::of(&site, &narrow);
    let found = asked.json(&site, &["--days", "31"]);
    let line = breaks(&found, "line");
    assert_eq!((line.len(), &line[0]["opd"], &line[1]["opd"]), (2, &Value::Null, &"dinkes".into()), "{found}");
    assert!(line[0]["text"].as_str().unwrap().contains("never catches up"), "{line:?}");
    let rpo = breaks(&found, "rpo");
    assert!(rpo[0]["datasets"][0] == "app-1/surat" && rpo[0]["already"] == false, "{rpo:?}");
    let drills = breaks(&found, "drills");
    assert!(drills[0]["class"] == "non-publik" && drills[0]["text"].as_str().unwrap().contains("31d"), "{drills:?}");
    assert!(class(&found, "non-publik")["then"]["drills"]["restore"].as_u64().unwrap() >= 1);
    let csv = succeeded(&site.controller(&asked.arguments(&["--csv"])));
    assert!(csv.lines().nth(1).unwrap().starts_with("dinkes,app-1,surat,non-publik,"), "{csv}");
}
