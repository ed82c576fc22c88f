//! Drills of applications with real processes: a recipe runs over restored data in a box of its own, and what it answers
//! stands in the ledger and in the export, for both verifiers.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::drc::overwrite;
use support::night::uid;
use support::tried::{Tried, ended, verified};
use support::{failed, succeeded};

/// Why this test cannot be run, said once.
fn cannot(test: &str) -> bool {
    let why = pulih_sandbox::missing();
    if let Some(why) = &why {
        println!("skipped: {test}: {why}");
    }
    why.is_some()
}

/// A DRC with the letters of one server, and keys for them.
fn office() -> Tried {
    let mut its = Tried::new(&[("app-1", "surat")]);
    its.keeper.start(&[&uid()]);
    its
}

/// A program of a recipe: what a shell does, with the restored letters in `$D`.
fn shell(its: &Tried, part: &str, script: &str) -> String {
    let data = format!("/data/app-1/surat{}", its.tree("app-1").display());
    format!("[[{part}]]\nrun = [\"/bin/sh\", \"-c\", '''D={data}; {script}''']\n")
}

/// Puts a recipe in force.
fn apply(its: &Tried, name: &str, version: u32, steps: &str) {
    let text = format!(
        "type = \"pulih/recipe/v1\"\nname = \"{name}\"\nversion = {version}\n\
         datasets = [{{ opd = \"dinkes\", agent = \"app-1\", dataset = \"surat\" }}]\n\
         limits = {{ time = \"5m\", memory = \"256MiB\", disk = \"64MiB\", processes = 64 }}\n\
         programs = [\"/usr\", \"/bin\", \"/lib\", \"/lib64\"]\n{steps}"
    );
    let file = its.drc.path("recipe.toml");
    fs::write(&file, text).unwrap();
    succeeded(&its.drc.acting(&["recipe", "apply", file.to_str().unwrap()]));
}

/// A service that comes up on the letters, is asked for one, and goes down.
fn service(its: &Tried, answer: &str) -> String {
    let serve = "trap 'exit 0' TERM; echo $$ > /tmp/pid; cp $D/surat /tmp/answer; while :; do sleep 0.1; done";
    [
        &shell(its, "up", serve),
        "background = true\nready = { run = [\"/usr/bin/test\", \"-s\", \"/tmp/answer\"], within = \"60s\" }\n",
        &shell(its, "ask", "cat /tmp/answer"),
        &format!("equals = \"{answer}\"\n"),
        // The letters are a copy, and may be written to.
        &shell(its, "ask", "echo baru > $D/surat && wc -l < $D/surat"),
        "at_least = 1\nat_most = 1\n",
        &shell(its, "down", "kill $(cat /tmp/pid)"),
    ]
    .concat()
}

fn run(its: &Tried, further: &[&str]) -> std::process::Output {
    its.keeper
        .acting("dewi", &[&["--json", "drill", "run", "--kind", "application", "--recipe", "surat"], further].concat())
}

fn shown(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// What and how of each step.
fn steps(shown: &Value) -> Vec<(String, String)> {
    let text = |step: &Value, name: &str| step[name].as_str().unwrap().to_owned();
    shown["steps"].as_array().unwrap().iter().map(|step| (text(step, "what"), text(step, "outcome"))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(what, outcome)| ((*what).to_owned(), (*outcome).to_owned())).collect()
}

/// What `doctor` says of recipes.
fn doctor(its: &Tried) -> Vec<Value> {
    let output = its.keeper.run(&["--json", "doctor"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["findings"].as_array().unwrap().iter().filter(|its| its["check"] == "recipes").cloned().collect()
}

fn state(its: &Tried) -> Value {
    its.drc.json(&["evidence", "states"])["recipes"][0]["state"].clone()
}

#[test]
fn an_application_comes_up_on_restored_data_and_what_it_answers_is_evidence() {
    if cannot("an_application_comes_up_on_restored_data_and_what_it_answers_is_evidence") {
        return;
    }
    let its = office();
    assert!(doctor(&its).is_empty());
    apply(&its, "surat", 1, &service(&its, "isi surat di app-1"));
    assert_eq!((doctor(&its)[0]["verdict"].as_str(), doctor(&its).len()), (Some("ok"), 1));
    assert_eq!(state(&its), "never-tested");
    assert!(
        failed(&its.keeper.acting("dewi", &["drill", "run", "--kind", "restore", "--recipe", "surat"]))
            .contains("recipe")
    );
    let passed = shown(&run(&its, &[]));
    assert_eq!(passed["outcome"], "passed", "{passed}");
    assert_eq!(steps(&passed), pairs(&[("restore", "passed"), ("application surat", "passed")]));
    let step = &passed["steps"][1];
    assert!(step["phases"]["check"].as_u64() > Some(0) && step["point"].is_null(), "{step}");
    assert!(its.is_wiped() && passed["leftovers"] == 0);
    let log = its.log(&passed);
    assert!(log.contains("\"printed\":\"isi surat di app-1\"") && log.contains("\"phase\":\"down\""), "{log}");
    assert_eq!(state(&its), "verified");
    let rto = its.drc.json(&["evidence", "rto"]);
    let (figures, restored) = (&rto["datasets"][0], &passed["steps"][0]);
    let both = restored["milliseconds"].as_u64().unwrap() + step["milliseconds"].as_u64().unwrap();
    assert_eq!(
        (&figures["measured_ms"], &figures["phases"]["check"]),
        (&both.into(), &step["phases"]["check"]),
        "{rto}"
    );

    // Another version was not drilled; and this one asks for what the data does not have.
    apply(&its, "surat", 2, &service(&its, "isi lain"));
    assert_eq!(state(&its), "needs-verification");
    let output = run(&its, &[]);
    let wrong = shown(&output);
    assert_eq!((output.status.code(), &wrong["outcome"]), (Some(1), &"failed".into()), "{wrong}");
    assert_eq!(steps(&wrong), pairs(&[("restore", "passed"), ("application surat", "failed")]));
    assert!(!wrong["steps"][1]["text"].as_str().unwrap().contains("isi surat"), "{wrong}");
    assert_eq!((state(&its), its.is_wiped()), ("failed".into(), true));
    // What failed beside it says nothing of the data.
    assert_eq!(its.drc.json(&["evidence", "states"])["datasets"][0]["state"], "verified");

    // A program that is not on this host.
    apply(&its, "surat", 3, "[[ask]]\nrun = [\"/usr/bin/tidak-ada\"]\n");
    let found = &doctor(&its)[0];
    assert!(found["verdict"] == "wrong" && found["text"].as_str().unwrap().contains("/usr/bin/tidak-ada"), "{found}");
    let absent = shown(&run(&its, &[]));
    assert_eq!(absent["outcome"], "failed", "{absent}");
    assert_eq!(steps(&absent), pairs(&[("restore", "passed"), ("application surat", "skipped")]));
    assert!(its.is_wiped());

    // Data that does not come back is not run on.
    its.damage();
    let damaged = shown(&run(&its, &[]));
    assert_eq!(steps(&damaged), pairs(&[("restore", "failed"), ("application surat", "skipped")]));
    let before = its.drills();
    succeeded(&its.drc.controller(&["rebuild"]));
    assert_eq!(its.drills(), before);
    let report = verified(&its.drc);
    let kinds: Vec<&Value> = report["drills"].as_array().unwrap().iter().map(|drill| &drill["kind"]).collect();
    assert_eq!(kinds, ["application"; 4]);
}

#[test]
fn a_schedule_takes_the_recipes_of_its_class_in_turn_and_an_auditor_attests_one() {
    if cannot("a_schedule_takes_the_recipes_of_its_class_in_turn_and_an_auditor_attests_one") {
        return;
    }
    let mut its = office();
    its.drc.person("aud-1", &["auditor"]);
    apply(&its, "surat", 1, &service(&its, "isi surat di app-1"));
    let named = ["--auditor", "aud-1", "--institution", "Inspektorat", "--mandate", "700/12"];
    // One whose text nobody can read any more is not run, and says so once all data was tried.
    let announced = shown(&run(&its, &named));
    let text = fs::read_dir(its.drc.path("store/site/drc-33.19/recipes")).unwrap().next().unwrap().unwrap().path();
    overwrite(&text, |bytes| bytes[0] ^= 1);
    let unread = its.keeper.acting("aud-1", &["--json", "drill", "open", announced["drill"].as_str().unwrap()]);
    overwrite(&text, |bytes| bytes[0] ^= 1);
    assert_eq!(steps(&shown(&unread)), pairs(&[("restore", "passed"), ("application surat", "failed")]));
    let announced = shown(&run(&its, &named));
    let id = announced["drill"].as_str().unwrap();
    let opened = shown(&its.keeper.acting("aud-1", &["--json", "drill", "open", id]));
    assert_eq!(opened["outcome"], "passed", "{opened}");
    succeeded(&its.keeper.acting("aud-1", &["drill", "attest", id, "--opinion", "met"]));
    assert_eq!(its.drc.json(&["evidence", "states"])["qualifying"]["drill"], id);

    // One that shares its data with another waits for its turn.
    apply(&its, "arsip", 1, &shell(&its, "ask", "test -s $D/besar"));
    its.follow("application = \"* * * * *\"");
    its.drc.start();
    let took = |its: &Tried, number: u64| {
        let is_it = |drill: &Value| drill["occurrence"] == number && drill["outcome"] == "passed";
        its.until("passed", is_it)["recipes"].as_array().unwrap().clone()
    };
    let names = |recipes: &[Value]| {
        recipes.iter().map(|its| its.as_str().unwrap().split('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Never tested ones come first.
    assert_eq!(names(&took(&its, 1)), ["arsip"]);
    assert_eq!(names(&took(&its, 2)), ["surat"]);
    let listed = its.until("of the schedule", |drill| drill["schedule"] == "publik/application");
    assert_eq!(listed["kind"], "application");
    its.drc.stop();
    verified(&its.drc);
}

/// Whether a program with this in its arguments is there.
fn runs(mark: &str) -> bool {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|its| fs::read(its.path().join("cmdline")).ok());
    lines.into_iter().any(|line| line.split(|byte| *byte == 0).any(|word| word == mark.as_bytes()))
}

#[test]
fn a_worker_that_is_killed_while_an_application_runs_leaves_neither_programs_nor_data() {
    if cannot("a_worker_that_is_killed_while_an_application_runs_leaves_neither_programs_nor_data") {
        return;
    }
    let mut its = office();
    let mark = format!("{}.25", 80_000 + std::process::id() % 10_000);
    apply(&its, "surat", 1, &format!("[[ask]]\nrun = [\"/bin/sleep\", \"{mark}\"]\n"));
    its.drc.start();
    let key = its.drc.path("dewi.key");
    let mut command = its.drc.command();
    command
        .args(["drill", "run", "--kind", "application", "--recipe", "surat", "--as", "dewi", "--sign-with"])
        .arg(key);
    let mut ordered = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = |is_so: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(120);
        while !is_so() {
            assert!(Instant::now() < end, "it never came to that");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until(&|| runs(&mark));
    let state = its.drc.path("site").to_str().unwrap().to_owned();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&state) && line.contains("drill work") {
            succeeded(&Command::new("kill").args(["-KILL", entry.file_name().to_str().unwrap()]).output().unwrap());
        }
    }
    let aborted = its.until("aborted", ended("aborted"));
    assert_eq!(aborted["leftovers"], 0);
    assert_eq!(ordered.wait().unwrap().code(), Some(1));
    until(&|| !runs(&mark));
    assert!(its.is_wiped());
}
