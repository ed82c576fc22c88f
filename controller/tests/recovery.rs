//! The night of the disaster, with real processes: what an operator of the DRC does, and what of it
//! stands in the ledger.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::drc::Drc;
use support::keeper::Keeper;
use support::night::{fall, is_same, night, saved, uid};
use support::{Server, failed, succeeded};

const PLAN: &str = "type = \"pulih/plan/v1\"\nname = \"kabupaten\"\nversion = 1\ntitle = \"Rencana pemulihan\"\n\
    [person.dewi]\nname = \"Dewi, Diskominfo\"\nrole = \"koordinator\"\ncontact = \"0811\"\nuser = \"dewi\"\n\
    [service.surat]\ntitle = \"Surat menyurat\"\ntier = 1\nresponsible = \"dewi\"\n\
    datasets = [{ opd = \"dinkes\", agent = \"app-2\", dataset = \"surat\" }]\n\
    steps = [{ name = \"dns\", text = \"Arahkan DNS\", when = \"after\" }]\n\
    [service.rekam-medis]\ntitle = \"Rekam medis\"\ntier = 2\nresponsible = \"dewi\"\nafter = [\"surat\"]\ndatasets = [\n\
    { opd = \"dinkes\", agent = \"app-1\", dataset = \"basis-data\" },\n\
    { opd = \"dinkes\", agent = \"app-1\", dataset = \"berkas\" },\n]\n";

fn apply(drc: &Drc, text: &str) {
    let file = drc.path("plan.toml");
    fs::write(&file, text).unwrap();
    succeeded(&drc.acting(&["plan", "apply", file.to_str().unwrap()]));
}

#[test]
fn a_plan_of_two_tiers_comes_back_bit_for_bit_with_the_pusat_data_gone() {
    let mut drc = Drc::new();
    let recipient = Keeper::new(&drc).online("publik");
    let all = [("app-1", "basis-data"), ("app-1", "berkas"), ("app-2", "surat")];
    let site = night(&drc, "publik", &recipient, &all);
    succeeded(&drc.acting(&["disaster", "declare", "--reason", "ransomware"]));
    apply(&drc, PLAN);
    let mut keeper = Keeper::new(&drc);
    let target = drc.path("pulih");
    let order = ["recover", "--plan", "kabupaten", "--target", target.to_str().unwrap()];
    // All that is in the way is told at once, and nothing is written.
    let why = failed(&keeper.acting("dewi", &order));
    assert!(why.contains("keeper") && why.contains("nothing was written") && !target.exists(), "{why}");
    keeper.start(&[&uid()]);
    let looked = succeeded(&keeper.acting("dewi", &[&order[..], &["--dry-run"]].concat()));
    assert!(looked.contains("3 datasets") && looked.contains("not known") && !target.exists(), "{looked}");

    drc.start();
    let key = drc.path("dewi.key");
    let mut running = drc.command();
    running.env("PULIH_KEEPER", keeper.socket()).arg("--json").args(order);
    running.args(["--as", "dewi", "--sign-with", key.to_str().unwrap()]);
    let running = running.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It waits for what people do by hand, after the first service and before the second.
    let end = Instant::now() + Duration::from_secs(120);
    let surat = target.join("app-2/surat");
    while drc.json(&["recover", "list"])["recoveries"][0].is_null() || step_of(&drc, 0).is_null() {
        assert!(Instant::now() < end, "the first dataset did not come back");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!target.join("app-1").exists(), "the second tier waits for the first");
    assert!(failed(&drc.acting(&["recover", "tick", "dns", "--name", " "])).contains("reason"));
    succeeded(&drc.acting(&["recover", "tick", "dns", "--name", "Budi, Diskominfo"]));
    let output = running.wait_with_output().unwrap();
    let record: Value = serde_json::from_str(&succeeded(&output)).unwrap();
    is_same(&site, "app-2", &surat);
    is_same(&site, "app-1", &target.join("app-1/basis-data"));
    is_same(&site, "app-1", &target.join("app-1/berkas"));

    let steps = record["steps"].as_array().unwrap();
    let told: Vec<_> = steps.iter().map(|its| (&its["what"], &its["dataset"], &its["outcome"])).collect();
    let done = json!("done");
    let restore = json!("restore");
    let (none, manual) = (Value::Null, json!("manual dns"));
    let (surat, basis, berkas) = (json!("surat"), json!("basis-data"), json!("berkas"));
    let expected =
        [(&restore, &surat, &done), (&manual, &none, &done), (&restore, &basis, &done), (&restore, &berkas, &done)];
    assert_eq!(told, expected);
    assert_eq!(
        (&record["outcome"], &record["plan"], record["disaster"].is_null()),
        (&done, &json!("kabupaten"), false)
    );
    assert_eq!(steps[1]["text"], "Budi, Diskominfo");
    for step in steps.iter().filter(|step| step["what"] == "restore") {
        let phases = &step["phases"];
        let sum: u64 = ["approve", "fetch", "write", "verify"].iter().map(|name| phases[name].as_u64().unwrap()).sum();
        assert!(
            sum <= step["milliseconds"].as_u64().unwrap() + 3 && step["bytes"].as_u64().unwrap() > 3 << 20,
            "{step}"
        );
    }
    // The record is an object of the site, and the ledger says the same without the catalog.
    let id = record["recovery"].as_str().unwrap();
    let object = drc.path(&format!("store/site/drc-33.19/recoveries/{id}.json"));
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(object).unwrap()).unwrap(), record);
    drc.stop();
    succeeded(&drc.controller(&["rebuild"]));
    assert_eq!(drc.json(&["recover", "show", id]), record);
    // Those who answer for the regency read that all is back.
    let report = drc.json(&["disaster", "report"]);
    let states: Vec<&Value> = report["services"].as_array().unwrap().iter().map(|its| &its["state"]).collect();
    assert_eq!(states, ["back", "back"], "{report}");
    let page = succeeded(&drc.controller(&["disaster", "report"]));
    assert!(page.contains("Surat menyurat") && page.contains("PULIH") && page.contains("Dewi, Diskominfo"), "{page}");
}

/// A step of the newest recovery, if it has ended.
fn step_of(drc: &Drc, at: usize) -> Value {
    let all = drc.json(&["recover", "list"]);
    let id = all["recoveries"][0]["recovery"].as_str().unwrap_or_default().to_owned();
    drc.json(&["recover", "show", &id])["steps"][at].clone()
}

#[test]
fn a_recovery_that_was_broken_off_goes_on_where_it_was() {
    let drc = Drc::new();
    let recipient = Keeper::new(&drc).online("publik");
    let all = [("app-1", "basis-data"), ("app-2", "surat")];
    let site = night(&drc, "publik", &recipient, &all);
    let mut keeper = Keeper::new(&drc);
    keeper.start(&[&uid()]);
    let target = drc.path("pulih");
    let order = ["recover", "app-1/basis-data", "app-2/surat", "--target", target.to_str().unwrap()];
    // A folder stands where a file belongs: the second dataset cannot be brought back whole.
    let tree = site.path("app-2/tree");
    let in_the_way = target.join("app-2/surat").join(tree.strip_prefix("/").unwrap()).join("surat/penghalang");
    fs::create_dir_all(&in_the_way).unwrap();
    assert!(failed(&keeper.acting("dewi", &order)).contains("goes on with the rest"));
    is_same(&site, "app-1", &target.join("app-1/basis-data"));
    fs::remove_dir_all(in_the_way.parent().unwrap()).unwrap();
    // What differs in the target by then is mended, and what is done is not done again.
    succeeded(&keeper.acting("dewi", &order));
    is_same(&site, "app-2", &target.join("app-2/surat"));
    let all = drc.json(&["recover", "list"])["recoveries"].as_array().unwrap().clone();
    assert_eq!((all.len(), &all[0]["outcome"]), (1, &json!("done")));
    let record = drc.json(&["recover", "show", all[0]["recovery"].as_str().unwrap()]);
    let told: Vec<_> =
        record["steps"].as_array().unwrap().iter().map(|its| (&its["dataset"], &its["outcome"])).collect();
    let (basis, surat) = (json!("basis-data"), json!("surat"));
    assert_eq!(told, [(&basis, &json!("done")), (&surat, &json!("failed")), (&surat, &json!("done"))]);
    // The next one knows how fast it goes here.
    let next = drc.path("lagi");
    let looked =
        succeeded(&keeper.acting("dewi", &["recover", "surat", "--target", next.to_str().unwrap(), "--dry-run"]));
    assert!(looked.contains("at the rate that was measured here"), "{looked}");
}

#[test]
fn another_point_than_the_usual_one_takes_a_reason() {
    let drc = Drc::new();
    let recipient = Keeper::new(&drc).online("publik");
    let mut site = saved("publik", &recipient, &[("app-1", "surat")]);
    let server = Server { site: &site, name: "app-1".into() };
    server.write("surat", b"isi surat yang terenkripsi");
    succeeded(&server.backup("surat"));
    fall(&drc, &mut site);
    let mut keeper = Keeper::new(&drc);
    keeper.start(&[&uid()]);
    let snapshots =
        drc.path("store/vaults").join(Server { site: &site, name: "app-1".into() }.vault()).join("snapshots/surat");
    let first =
        fs::read_dir(snapshots).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).min().unwrap();
    let id = first.split('-').next_back().unwrap()[..12].to_owned();
    let target = drc.path("pulih");
    let order = ["recover", "surat", "--target", target.to_str().unwrap(), "--at", &id];
    assert_eq!(keeper.acting("dewi", &order).status.code(), Some(2), "no reason was typed");
    assert!(!target.exists());
    succeeded(&keeper.acting("dewi", &[&order[..], &["--reason", "yang baru terenkripsi"]].concat()));
    let tree = site.path("app-1/tree");
    let back: PathBuf = target.join("app-1/surat").join(tree.strip_prefix("/").unwrap()).join("surat");
    assert_eq!(fs::read_to_string(back).unwrap(), "isi surat di app-1");
    let all = drc.json(&["recover", "list"]);
    let record = drc.json(&["recover", "show", all["recoveries"][0]["recovery"].as_str().unwrap()]);
    assert_eq!(record["reason"], "yang baru terenkripsi");
}

#[test]
fn a_sealed_class_takes_two_people_and_one_alone_breaks_the_glass_for_all_to_see() {
    let drc = Drc::new();
    for user in ["siti", "budi"] {
        drc.person(user, &["operator"]);
    }
    let recipient = Keeper::new(&drc).sealed("strategis", &["budi", "siti"]);
    let site = night(&drc, "strategis", &recipient, &[("app-1", "rahasia")]);
    let mut keeper = Keeper::new(&drc);
    keeper.start(&[&uid()]);
    let target = drc.path("pulih");
    let order = ["recover", "rahasia", "--target", target.to_str().unwrap()];
    let why = failed(&keeper.acting("dewi", &order));
    assert!(why.contains("sealed") && why.contains("nobody gave") && why.contains("budi, siti"), "{why}");
    succeeded(&keeper.open("siti", "strategis", "siti"));
    // The same person once more, or with another's key, is one person.
    succeeded(&keeper.open("siti", "strategis", "siti"));
    assert!(failed(&keeper.open("budi", "strategis", "siti")).contains("not the key"));
    assert!(failed(&keeper.open("dewi", "strategis", "siti")).contains("no part"));
    let why = failed(&keeper.acting("dewi", &order));
    assert!(why.contains("siti gave a part") && why.contains("1 of budi is missing") && !target.exists(), "{why}");
    let opened = succeeded(&keeper.open("budi", "strategis", "budi"));
    assert!(opened.contains("is open until"), "{opened}");
    succeeded(&keeper.acting("dewi", &order));
    is_same(&site, "app-1", &target.join("app-1/rahasia"));
    assert!(!drc.alarms().contains("glass-broken"));

    // A session ends; then one person comes alone, with the envelope.
    succeeded(&keeper.run(&["keys", "close", "--class", "strategis"]));
    failed(&keeper.acting("dewi", &["recover", "rahasia", "--target", drc.path("lagi").to_str().unwrap()]));
    let envelope = drc.path("envelope.age");
    let glass = ["keys", "break-glass", "--class", "strategis", "--identity", envelope.to_str().unwrap()];
    assert!(failed(&keeper.acting("siti", &[&glass[..], &["--reason", " "]].concat())).contains("reason"));
    assert!(!drc.alarms().contains("glass-broken"));
    // The alarm is there even if nothing is opened then.
    let wrong = drc.path("siti.age");
    let attempt =
        ["keys", "break-glass", "--class", "strategis", "--identity", wrong.to_str().unwrap(), "--reason", "sendiri"];
    assert!(failed(&keeper.acting("siti", &attempt)).contains("not the key"));
    assert!(drc.alarms().contains("glass-broken"));
    succeeded(&keeper.acting("siti", &[&glass[..], &["--reason", "budi tidak dapat dihubungi"]].concat()));
    let next = drc.path("lagi");
    succeeded(&keeper.acting("dewi", &["recover", "rahasia", "--target", next.to_str().unwrap()]));
    is_same(&site, "app-1", &next.join("app-1/rahasia"));
}

#[test]
fn the_keeper_refuses_strangers_foreign_packs_and_a_keeper_that_went_away_ends_a_recovery() {
    let drc = Drc::new();
    let recipient = Keeper::new(&drc).online("publik");
    let site = night(&drc, "publik", &recipient, &[("app-1", "surat")]);
    drop(site);
    let mut keeper = Keeper::new(&drc);
    // It lets only others ask.
    let other = (uid().parse::<u32>().unwrap() + 54_321).to_string();
    keeper.start(&[&other]);
    assert!(failed(&keeper.run(&["keys", "list"])).contains("may not ask this keeper"));
    keeper.stop();
    // Another site's identity of the same class: the packs are not for it.
    fs::remove_file(drc.path("keys/publik.key")).unwrap();
    keeper.online("publik");
    keeper.start(&[&uid()]);
    let target = drc.path("pulih");
    let order = ["recover", "surat", "--target", target.to_str().unwrap()];
    let why = failed(&keeper.acting("dewi", &order));
    assert!(why.contains("not encrypted to this site's identity") && !target.exists(), "{why}");
    keeper.stop();
    let why = failed(&keeper.acting("dewi", &order));
    assert!(why.contains("cannot ask the keeper") && !target.exists(), "{why}");
}

#[test]
fn a_disaster_is_declared_by_who_runs_the_drc_and_once() {
    let drc = Drc::new();
    let going = || drc.json(&["disaster", "show"])["disaster"].clone();
    assert!(going().is_null());
    let declare = ["disaster", "declare", "--reason", "ransomware di Pusat Data"];
    // The console alone declares nothing, and neither does an auditor.
    assert!(failed(&drc.controller(&declare)).contains("signature"));
    drc.person("adi", &["auditor"]);
    assert!(failed(&drc.acting_as("adi", &declare)).contains("an operator or an admin"));
    assert!(failed(&drc.acting(&["disaster", "declare", "--reason", " "])).contains("reason"));
    assert!(going().is_null());

    drc.person("budi", &["operator"]);
    succeeded(&drc.acting_as("budi", &declare));
    let declared = going();
    assert_eq!(declared["reason"], json!("ransomware di Pusat Data"));
    assert!(failed(&drc.acting(&declare)).contains("already"));
    // The ledger says so, and not the catalog alone.
    succeeded(&drc.controller(&["rebuild"]));
    assert_eq!(going()["declared"], declared["declared"]);

    succeeded(&drc.acting(&["disaster", "end", "--reason", "Pusat Data pulih"]));
    assert!(going().is_null());
    assert!(failed(&drc.acting(&["disaster", "end", "--reason", "lagi"])).contains("no disaster"));
    // The next one is another.
    succeeded(&drc.acting(&declare));
    assert_ne!(going()["disaster"], declared["disaster"]);
}
