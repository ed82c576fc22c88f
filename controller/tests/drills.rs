//! Drills with real processes: by a schedule and by hand, that pass, that find a damaged object, and that are broken off
//! by a kill; what the ledger says of each, and that nothing stays of what was restored.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pulih_vault::note::VerifierKey;
use serde_json::Value;
use support::drc::Drc;
use support::hold::Hold;
use support::night::uid;
use support::tried::{Tried, ended, verified};
use support::{failed, succeeded};

/// Processes of a DRC's drills.
fn workers(drc: &Drc) -> Vec<String> {
    let state = drc.path("site").to_str().unwrap().to_owned();
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|its| its.file_name().into_string().ok());
    let is_worker = |pid: &String| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(&state) && line.contains("drill work")
    };
    all.filter(|pid| pid.parse::<u32>().is_ok() && is_worker(pid)).collect()
}

fn kill(pid: &str) {
    succeeded(&Command::new("kill").args(["-KILL", pid]).output().unwrap());
}

#[test]
fn scheduled_drills_pass_until_a_byte_is_flipped_and_both_stand_in_the_ledger() {
    let mut its = Tried::new(&[("app-1", "surat"), ("app-2", "berkas")]);
    its.keeper.start(&[&uid()]);
    its.schedule();
    its.drc.start();
    let passed = its.until("passed", ended("passed"));
    assert_eq!((&passed["schedule"], &passed["occurrence"]), (&"publik/restore".into(), &1.into()));
    let steps = passed["steps"].as_array().unwrap();
    assert_eq!((steps.len(), passed["leftovers"].as_u64()), (2, Some(0)));
    for step in steps {
        let phases = step["phases"].as_object().unwrap();
        let sum: u64 = phases.values().map(|its| its.as_u64().unwrap()).sum();
        assert!(phases.len() == 6 && sum <= step["milliseconds"].as_u64().unwrap() + 6, "{step}");
        assert_eq!((&step["outcome"], &step["files"]), (&"passed".into(), &step["total_files"]));
    }
    let log = its.log(&passed);
    assert!(log.contains("\"file\":0") && !log.contains("surat") && !log.contains("\"ok\":false"), "{log}");
    its.damage();
    let failed = its.until("failed", ended("failed"));
    assert!(failed["occurrence"].as_u64().unwrap() > 1);
    its.drc.stop();
    assert!(its.is_wiped());
    // The ledger alone says the same.
    let before = its.drills();
    succeeded(&its.drc.controller(&["rebuild"]));
    assert_eq!(its.drills(), before);

    // And so does whoever has the export and a fingerprint on paper.
    let out = its.drc.path("bukti");
    let exported = its.drc.json(&["evidence", "export", "--out", out.to_str().unwrap()]);
    assert_eq!(exported["absent"], Value::Array(Vec::new()));
    let site = format!("{}={}", exported["site"].as_str().unwrap(), exported["fingerprint"].as_str().unwrap());
    let verify = || its.drc.controller(&["--json", "evidence", "verify", out.to_str().unwrap(), "--site", &site]);
    let report: Value = serde_json::from_str(&succeeded(&verify())).unwrap();
    let outcomes = |drills: &[Value]| {
        let of = |its: &Value| ["drill", "outcome"].map(|name| its[name].as_str().unwrap().to_owned());
        drills.iter().map(of).collect::<BTreeSet<_>>()
    };
    assert_eq!(outcomes(report["drills"].as_array().unwrap()), outcomes(&before));
    let checked = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/verify-evidence.py"))
        .args([out.to_str().unwrap(), "--site", &site])
        .output()
        .unwrap();
    succeeded(&checked);
    // What a drill said is not taken out again.
    let log = fs::read_dir(out.join(exported["site"].as_str().unwrap()).join("objects/drills")).unwrap().next();
    fs::remove_file(log.unwrap().unwrap().path()).unwrap();
    let report: Value = serde_json::from_slice(&verify().stdout).unwrap();
    assert_eq!(report["problems"][0]["code"], "missing", "{report}");
}

#[test]
fn a_person_orders_drills_where_nobody_serves() {
    let mut its = Tried::new(&[("app-1", "surat")]);
    let verify = ["drill", "run", "--kind", "verify", "surat"];
    assert!(failed(&its.drc.controller(&verify)).contains("signature"));
    let state = |its: &Tried| its.drc.json(&["evidence", "states"])["datasets"][0].clone();
    assert_eq!((&state(&its)["state"], &state(&its)["dataset"]), (&"never-tested".into(), &"surat".into()));
    assert!(its.drc.json(&["evidence", "rto"])["datasets"][0]["measured_ms"].is_null());
    // It takes no keys: the keeper is not there yet.
    succeeded(&its.drc.acting(&verify));
    // Held against their names, the bytes are right; that they come back was not shown.
    assert!(state(&its)["state"] == "never-tested" && state(&its)["bytes_checked"].is_string());
    let restore = ["--json", "drill", "run", "--kind", "restore", "--class", "publik"];
    let looked = succeeded(&its.drc.acting(&[&restore[..], &["--dry-run"]].concat()));
    assert_eq!(serde_json::from_str::<Value>(&looked).unwrap()["type"], "pulih/drill-plan/v1");
    assert_eq!(its.drills().len(), 1);
    its.keeper.start(&[&uid()]);
    let shown: Value = serde_json::from_str(&succeeded(&its.keeper.acting("dewi", &restore))).unwrap();
    assert_eq!((&shown["outcome"], &shown["by"]), (&"passed".into(), &"dewi".into()));
    assert!(its.is_wiped());
    assert_eq!((&state(&its)["state"], &state(&its)["drill"]), (&"verified".into(), &shown["drill"]));
    let rto = its.drc.json(&["evidence", "rto", "--dataset", "app-1/surat"]);
    let (figures, step) = (&rto["datasets"][0], &shown["steps"][0]);
    assert_eq!((&figures["measured_ms"], &figures["phases"]), (&step["milliseconds"], &step["phases"]));
    assert_eq!((&figures["inside"], &figures["forecast"]), (&true.into(), &false.into()), "{rto}");
    let text = succeeded(&its.drc.controller(&["evidence", "rto"]));
    assert!(text.contains("app-1/surat") && text.contains(" yes "), "{text}");
    its.damage();
    let text = String::from_utf8(its.keeper.acting("dewi", &verify).stdout).unwrap();
    assert!(text.contains("failed") && text.contains("damaged"), "{text}");
    assert_eq!(its.keeper.acting("dewi", &restore).status.code(), Some(1));
    assert_eq!(state(&its)["state"], "failed");
    let text = succeeded(&its.drc.controller(&["evidence", "states"]));
    assert!(text.contains("FAILED") && text.contains("drill show d-") && text.contains("No qualifying test"), "{text}");
    let listed = its.drc.json(&["evidence", "list", "--kind", "drill-ended", "--kind", "drill-started"]);
    assert_eq!(listed["entries"].as_array().unwrap().len(), 8);
    let text = succeeded(&its.drc.controller(&["evidence", "list", "--dataset", "app-1/surat"]));
    assert!(text.contains("drill-announced") && text.contains("snapshot-replicated"), "{text}");
    assert_eq!(its.drc.controller(&["evidence", "list", "--kind", "drill"]).status.code(), Some(2));
    assert!(its.is_wiped());
    // Without an identity of the class it is not tried.
    its.keeper.stop();
    fs::remove_file(its.drc.path("keys/publik.key")).unwrap();
    its.keeper.online("strategis");
    its.keeper.start(&[&uid()]);
    assert_eq!(its.keeper.acting("dewi", &restore).status.code(), Some(3));
    let outcomes: Vec<String> =
        its.drills().iter().map(|its| its["outcome"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(outcomes, ["skipped", "failed", "failed", "passed", "passed"]);
}

#[test]
fn a_worker_or_the_serving_process_that_is_killed_leaves_an_aborted_drill_and_no_data() {
    let mut its = Tried::new(&[("app-1", "surat")]);
    its.keeper.start(&[&uid()]);
    let hold = Hold::new(&its.drc.path("hold.sock"), its.keeper.socket());
    its.drc.start_with(&[("PULIH_KEEPER", &its.drc.path("hold.sock"))]);
    let order = |its: &Tried| {
        let key = its.drc.path("dewi.key");
        let mut command = its.drc.command();
        command.args(["drill", "run", "--kind", "restore", "surat", "--as", "dewi", "--sign-with"]).arg(key);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut first = order(&its);
    hold.asked();
    assert!(!its.is_wiped());
    workers(&its.drc).iter().for_each(|pid| kill(pid));
    let aborted = its.until("aborted", ended("aborted"));
    assert_eq!(aborted["leftovers"], 0);
    assert_eq!(first.wait().unwrap().code(), Some(1));
    assert!(its.is_wiped() && its.log(&aborted).starts_with("{\"drill\":"));

    let mut second = order(&its);
    hold.asked();
    // Else it would take the site itself as soon as nobody serves it.
    second.kill().unwrap();
    second.wait().unwrap();
    its.drc.kill();
    let end = Instant::now() + Duration::from_secs(60);
    while !workers(&its.drc).is_empty() {
        assert!(Instant::now() < end, "the worker outlives whoever began it");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!its.is_wiped());
    its.drc.start();
    let going = |its: &Value| its["ended"].is_null();
    while its.drills().iter().any(going) {
        assert!(Instant::now() < end, "{:?}", its.drills());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(its.is_wiped());
    let outcomes: Vec<Value> = its.drills().iter().map(|its| its["outcome"].clone()).collect();
    assert_eq!(outcomes, ["aborted", "aborted"]);
    hold.let_go();
}

#[test]
fn two_drills_take_turns_and_a_person_ends_one() {
    let mut its = Tried::new(&[("app-1", "surat"), ("app-2", "berkas")]);
    its.keeper.start(&[&uid()]);
    let hold = Hold::new(&its.drc.path("hold.sock"), its.keeper.socket());
    its.drc.start_with(&[("PULIH_KEEPER", &its.drc.path("hold.sock"))]);
    let order = |dataset: &str| {
        let key = its.drc.path("dewi.key");
        let mut command = its.drc.command();
        command.args(["drill", "run", "--kind", "restore", dataset, "--as", "dewi", "--sign-with"]).arg(key);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut first = order("surat");
    hold.asked();
    let mut second = order("berkas");
    let waits = its.until("announced", |its| its["state"] == "announced");
    let mut third = order("app-1/surat");
    let id = waits["drill"].as_str().unwrap().to_owned();
    let ends = its.until("announced too", |its| its["state"] == "announced" && its["drill"] != id.as_str());
    let ends = ends["drill"].as_str().unwrap();
    assert!(failed(&its.drc.controller(&["drill", "cancel", ends, "--reason", " "])).contains("reason"));
    succeeded(&its.drc.controller(&["drill", "cancel", ends, "--reason", "salah pilih"]));
    assert_eq!(third.wait().unwrap().code(), Some(1));
    hold.let_go();
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    let all = its.drills();
    let (late, early) = (&all[1], &all[2]);
    assert_eq!((&early["outcome"], &late["outcome"]), (&"passed".into(), &"passed".into()));
    assert!(late["started"].as_str() >= early["ended"].as_str(), "{all:?}");
    assert_eq!((&all[0]["outcome"], &all[0]["text"]), (&"aborted".into(), &"salah pilih".into()));
    assert!(its.is_wiped());
}

#[test]
fn an_independent_auditor_opens_and_attests_a_drill_of_a_plan() {
    let mut its = Tried::new(&[("app-1", "surat"), ("app-2", "berkas")]);
    its.keeper.start(&[&uid()]);
    its.drc.person("aud-1", &["auditor"]);
    let file = its.drc.path("plan.toml");
    let dataset =
        |agent: &str, name: &str| format!("{{ opd = \"dinkes\", agent = \"{agent}\", dataset = \"{name}\" }}");
    let text = format!(
        "type = \"pulih/plan/v1\"\nname = \"kabupaten\"\nversion = 1\ntitle = \"Rencana\"\n\
         [person.siti]\nname = \"Siti\"\nrole = \"koordinator\"\ncontact = \"0811\"\n\
         [service.berkas]\ntitle = \"Berkas\"\ntier = 1\nrto = \"4h\"\nresponsible = \"siti\"\ndatasets = [{}]\n\
         [service.surat]\ntitle = \"Surat\"\ntier = 2\nresponsible = \"siti\"\ndatasets = [{}]\n\
         steps = [{{ name = \"dns\", text = \"Arahkan DNS\", when = \"after\" }}]\n",
        dataset("app-2", "berkas"),
        dataset("app-1", "surat"),
    );
    fs::write(&file, text).unwrap();
    succeeded(&its.drc.acting(&["plan", "apply", file.to_str().unwrap()]));
    let states = |its: &Tried| its.drc.json(&["evidence", "states"]);
    assert_eq!(states(&its)["plans"][0]["state"], "never-tested");
    let run = ["drill", "run", "--kind", "plan", "--plan", "kabupaten", "--mandate", "700/12", "--auditor"];
    let refused = |user: &str, institution: &str| {
        failed(&its.keeper.acting("dewi", &[&run[..], &[user, "--institution", institution]].concat()))
    };
    assert!(refused("dewi", "Inspektorat").contains("the role admin"));
    assert!(refused("aud-1", "diskominfo").contains("runs the site"));
    assert!(its.drills().is_empty());
    let ordered = [&["--json"], &run[..], &["aud-1", "--institution", "Inspektorat"]].concat();
    let announced: Value = serde_json::from_str(&succeeded(&its.keeper.acting("dewi", &ordered))).unwrap();
    let id = announced["drill"].as_str().unwrap().to_owned();
    assert_eq!((&announced["state"], &announced["auditor"]["user"]), (&"announced".into(), &"aud-1".into()));
    // Nobody but the auditor opens it, and nothing is attested before its end.
    assert!(failed(&its.keeper.acting("dewi", &["drill", "open", &id])).contains("an auditor"));
    let attest = ["drill", "attest", &id, "--opinion", "met-with-findings", "--findings"];
    let findings = its.drc.path("temuan.toml");
    fs::write(&findings, "[[finding]]\ntext = \"DNS terlambat\"\nowner = \"Diskominfo\"\nuntil = \"2999-06-01\"\n")
        .unwrap();
    let attest = [&attest[..], &[findings.to_str().unwrap()]].concat();
    assert!(failed(&its.keeper.acting("aud-1", &attest)).contains("not ended"));
    let opened: Value =
        serde_json::from_str(&succeeded(&its.keeper.acting("aud-1", &["--json", "drill", "open", &id]))).unwrap();
    assert_eq!((&opened["outcome"], &opened["plan"]), (&"passed".into(), &"kabupaten".into()), "{opened}");
    let steps: Vec<(&str, &str)> = opened["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["what"].as_str().unwrap(), step["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(steps, [("restore", "passed"), ("restore", "passed"), ("manual dns", "skipped")]);
    assert!(opened["points"][0].as_str().unwrap().contains("/berkas/"), "{opened}");
    assert!(its.is_wiped() && states(&its)["qualifying"].is_null());
    succeeded(&its.keeper.acting("aud-1", &attest));
    let found = states(&its);
    assert_eq!((&found["qualifying"]["drill"], &found["plans"][0]["state"]), (&id.as_str().into(), &"verified".into()));
    assert!((725..=731).contains(&found["qualifying"]["days_left"].as_i64().unwrap()), "{found}");
    assert_eq!(found["tests"][0]["findings"][0]["owner"], "Diskominfo");
    let text = succeeded(&its.drc.controller(&["evidence", "states"]));
    assert!(text.contains("days left") && text.contains("Inspektorat"), "{text}");
    let rto = its.drc.json(&["evidence", "rto"]);
    let (plan, service) = (&rto["plans"][0], &rto["plans"][0]["services"][0]);
    assert_eq!((&plan["milliseconds"], &plan["by"]), (&opened["milliseconds"], &id.as_str().into()), "{rto}");
    assert_eq!(
        (&service["service"], &service["milliseconds"]),
        (&"berkas".into(), &opened["steps"][0]["milliseconds"])
    );
    assert_eq!((&service["inside"], &plan["forecast"]), (&true.into(), &false.into()));
    // The ledger alone says the same.
    succeeded(&its.drc.controller(&["rebuild"]));
    assert_eq!(its.drc.json(&["drill", "show", &id])["auditor"]["opinion"], "met-with-findings");
    assert!(failed(&its.keeper.acting("aud-1", &attest)).contains("already"));

    // Whoever has the export judges it too.
    let out = its.drc.path("bukti");
    let exported = its.drc.json(&["evidence", "export", "--out", out.to_str().unwrap()]);
    let site = format!("{}={}", exported["site"].as_str().unwrap(), exported["fingerprint"].as_str().unwrap());
    let key: VerifierKey = fs::read_to_string(out.join("pusat-33.19/keys")).unwrap().trim().parse().unwrap();
    let peer = format!("pusat-33.19={}", key.fingerprint());
    let verify = ["evidence", "verify", out.to_str().unwrap(), "--site", &site];
    let report = its.drc.json(&[&verify[..], &["--site", &peer, "--figures"]].concat());
    assert_eq!((&report["drills"][0]["outcome"], &report["problems"]), (&"passed".into(), &Value::Array(vec![])));
    assert_eq!(report["drills"][0]["qualifying"], true, "{report}");
    // The same figures follow from it as from the site's own ledger.
    let figures = &report["figures"]["sites"]["drc-33.19"];
    assert_eq!((&figures["rto"]["plans"], &figures["rto"]["datasets"]), (&rto["plans"], &rto["datasets"]));
    let own = states(&its);
    assert_eq!((&figures["states"]["datasets"], &figures["states"]["plans"]), (&own["datasets"], &own["plans"]));
    assert_eq!(figures["states"]["qualifying"]["drill"], id.as_str());
    // As of the newest entry, while time goes on here.
    let newest = its.drc.json(&["evidence", "list"]);
    assert_eq!(figures["rpo"]["at"], newest["entries"].as_array().unwrap().last().unwrap()["entry"]["at"]);
    let text = succeeded(&its.drc.controller(&[&verify[..], &["--site", &peer, "--figures"]].concat()));
    assert!(text.contains("RPO at drc-33.19") && text.contains("RTO at drc-33.19"), "{text}");
    // Whose fingerprint nobody gave supports nothing.
    let alone = its.drc.json(&[&verify[..], &["--figures"]].concat());
    assert!(alone["figures"]["without"][0].as_str().unwrap().contains("without the log of its Pusat Data"));
    let checked = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/verify-evidence.py"))
        .args([out.to_str().unwrap(), "--site", &site])
        .output()
        .unwrap();
    succeeded(&checked);
}

#[test]
fn a_sample_is_drawn_from_what_the_pusat_data_says_and_its_drawn_files_alone_come_back() {
    let mut its = Tried::beside(&[("app-1", "surat")]);
    its.keeper.start(&[&uid()]);
    its.follow("restore = \"* * * * *\"\nsample_percent = 34");
    its.drc.start();
    let passed = its.until("passed", ended("passed"));
    assert_eq!(passed["sample_percent"], 34);
    // Of three files two are drawn.
    let step = &passed["steps"][0];
    assert_eq!((&step["files"], &step["total_files"]), (&2.into(), &3.into()), "{step}");
    let log = its.log(&passed);
    assert_eq!(log.matches("\"file\":").count(), 2, "{log}");
    let started = its.drc.json(&["evidence", "list", "--kind", "drill-started"]);
    let entry = &started["entries"].as_array().unwrap().last().unwrap()["entry"];
    assert!(entry["cosigner"].as_str().unwrap().starts_with("pulih-ledger/pusat-33.19+"), "{started}");
    let rto = its.drc.json(&["evidence", "rto"]);
    assert!(rto["datasets"][0]["forecast"] == true && rto["datasets"][0]["measured_ms"].is_null(), "{rto}");
    // A person orders one too, whoever serves.
    let run = ["--json", "drill", "run", "--kind", "restore", "surat", "--sample", "1"];
    let shown: Value = serde_json::from_str(&succeeded(&its.keeper.acting("dewi", &run))).unwrap();
    assert_eq!((&shown["outcome"], &shown["steps"][0]["files"]), (&"passed".into(), &1.into()));
    assert_eq!(
        its.keeper.acting("dewi", &["drill", "run", "--kind", "verify", "surat", "--sample", "1"]).status.code(),
        Some(1)
    );
    its.drc.stop();
    assert!(its.is_wiped());
    let report = verified(&its.drc);
    assert!(report["drills"].as_array().unwrap().iter().any(|drill| drill["drill"] == shown["drill"]), "{report}");
}
