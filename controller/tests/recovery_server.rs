//! A recovery onto a new server, with real processes: the server enrols at the DRC, and gets what the order
//! needs while it is open, and nothing else.

mod support;

use std::fs;
use std::process::{Command, Stdio};

use pulih_protocol::error::Code;
use pulih_protocol::recovery::{Now, StepEnded};
use pulih_stores::gateway::refusal;
use pulih_vault::store::Store as _;
use serde_json::{Value, json};
use support::drc::{Drc, noise};
use support::keeper::Keeper;
use support::night::{fall, is_same, saved, uid};
use support::onto::{Curious, NewServer, drc_in_a_disaster, ended, follow, needed, said_of, until};
use support::{Server, agent_program, failed, succeeded};

#[test]
fn datasets_come_back_on_a_new_server_that_enrolled_at_the_drc() {
    let (mut drc, _keeper, site) = drc_in_a_disaster(&[("app-1", "basis-data"), ("app-2", "surat")]);
    let server = NewServer::new(&drc, "baru");
    let order = follow(&drc, &["app-1/basis-data", "app-2/surat", "--to", "baru"]);
    let told = succeeded(&server.recover().output().unwrap());
    let record: Value = serde_json::from_str(&succeeded(&ended(order))).unwrap();
    is_same(&site, "app-1", &server.target().join("app-1/basis-data"));
    is_same(&site, "app-2", &server.target().join("app-2/surat"));

    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["outcome"], &told["recovery"]), (&json!("done"), &record["recovery"]));
    assert_eq!(
        (&record["outcome"], &record["server"], &record["target"]),
        (&json!("done"), &json!("baru"), &json!("baru"))
    );
    let steps = record["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    for (step, said) in steps.iter().zip(told["datasets"].as_array().unwrap()) {
        // It is the server's word, and stands as such.
        assert_eq!(
            (&step["what"], &step["outcome"], &step["server"]),
            (&json!("restore"), &json!("done"), &json!("baru"))
        );
        let facts = |of: &Value| ["dataset", "snapshot", "files", "bytes", "milliseconds"].map(|name| of[name].clone());
        assert_eq!(facts(step), facts(said));
        assert!(step["bytes"].as_u64().unwrap() > 3 << 20, "{step}");
    }
    // The ledger says the same without the catalog; and how fast it goes here was not measured.
    drc.stop();
    succeeded(&drc.controller(&["rebuild"]));
    let id = record["recovery"].as_str().unwrap();
    assert_eq!(drc.json(&["recover", "show", id]), record);
    assert!(drc.json(&["disaster", "report"])["bytes_per_second"].is_null());
}

#[test]
fn a_server_gets_what_its_turn_needs_and_nothing_else() {
    let mut drc = Drc::new();
    let mut keeper = Keeper::new(&drc);
    let recipient = keeper.online("publik");
    let mut site = saved("publik", &recipient, &[("app-1", "surat"), ("app-2", "surat")]);
    // Nothing of the first snapshot's content is in the second one.
    let saved = Server { site: &site, name: "app-1".into() };
    saved.write("surat", b"isi surat yang baru");
    saved.write("besar", &noise(99, 2 << 20));
    succeeded(&saved.backup("surat"));
    fall(&drc, &mut site);
    keeper.start(&[&uid()]);
    drc.start();
    drc.declare();
    let (vault, other) = ["app-1", "app-2"].map(|name| Server { site: &site, name: name.into() }.vault()).into();
    let (snapshots, description) = needed(&drc, &vault, "surat");
    let [old, new] = &snapshots[..] else { panic!("two snapshots") };
    let gone: Vec<_> = old.packs.iter().filter(|pack| !new.packs.contains(pack)).collect();
    assert!(!gone.is_empty());
    let (others, others_description) = needed(&drc, &other, "surat");
    let servers = ["baru", "lain"].map(|name| NewServer::new(&drc, name));
    let [server, stranger] = [&servers[0], &servers[1]].map(Curious::of);

    // Without an order.
    assert_eq!(server.0.recovery().unwrap(), Now::None);
    for object in new.packs.iter().chain([&description, &new.manifest]) {
        server.gets_nothing("rec-1", object);
    }

    let order = follow(&drc, &["app-1/surat", "--to", "baru"]);
    let turn = server.turn();
    let recovery = turn.recovery.as_str();
    assert_eq!((turn.folder.as_str(), turn.vault.as_str(), turn.number), ("app-1/surat", vault.as_str(), 1));
    assert!(new.manifest.as_str().ends_with(&turn.snapshot) && turn.left_bytes == turn.bytes);
    for object in new.packs.iter().chain(&new.indexes).chain(&new.reach).chain([&description, &new.manifest]) {
        assert_eq!(server.read(object), None, "{object}");
        stranger.gets_nothing(recovery, object);
    }
    for object in new.packs.iter().chain([&description]) {
        assert_eq!(server.key(recovery, object), None, "{object}");
    }
    assert!(!drc.alarms().contains("recovery-stray"));
    // An older point of the same dataset, and what belongs to another server.
    for object in [gone[0], &others[0].packs[0], &others_description, &old.manifest] {
        server.gets_nothing(recovery, object);
    }
    // What is no pack is read, and has no key to be given.
    assert_eq!(server.key(recovery, &new.indexes[0]), Some(Code::Forbidden));
    assert_eq!(server.key("rec-000000000000", &new.packs[0]), Some(Code::Forbidden));
    let packs = format!("vaults/{vault}/packs").parse().unwrap();
    assert_eq!(refusal(&server.0.list(&packs, &mut |_| {}).unwrap_err()), Some(Code::Forbidden));
    assert!(drc.alarms().contains("recovery-stray"));

    // Its word is on the ledger once, however often it says it.
    let step = said_of(&turn, "kata server");
    assert_eq!(stranger.0.recovery_step(&step).unwrap_err().code(), Some(Code::Forbidden));
    server.0.recovery_step(&step).unwrap();
    server.0.recovery_step(&step).unwrap();
    let record: Value = serde_json::from_str(&succeeded(&ended(order))).unwrap();
    let steps = record["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["server"], &steps[0]["text"]), (1, &json!("baru"), &json!("kata server")));
    let phases = json!({"approve": 0, "fetch": 1, "write": 2, "verify": 3});
    assert_eq!((&steps[0]["phases"], &steps[0]["milliseconds"]), (&phases, &json!(7)));

    // Over is over.
    let over = Now::Ended { recovery: recovery.into(), outcome: "done".into() };
    assert_eq!(server.0.recovery().unwrap(), over);
    server.gets_nothing(recovery, &new.packs[0]);
    server.gets_nothing(recovery, &description);
    assert_eq!(server.0.recovery_step(&StepEnded { files: 9, ..step }).unwrap_err().code(), Some(Code::Forbidden));
}

#[test]
fn what_was_killed_in_the_middle_goes_on() {
    let (mut drc, _keeper, site) = drc_in_a_disaster(&[("app-1", "basis-data"), ("app-2", "surat")]);
    let server = NewServer::new(&drc, "baru");
    let order = ["app-1/basis-data", "app-2/surat", "--to", "baru"];
    let mut following = follow(&drc, &order);
    let mut recovering = server.recover().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The first dataset came, or is just coming; the second did not.
    until("the first dataset", || server.target().join("app-1/basis-data").exists().then_some(()));
    recovering.kill().unwrap();
    assert!(!recovering.wait().unwrap().success());
    following.kill().unwrap();
    following.wait().unwrap();
    drc.stop();
    drc.start();
    let following = follow(&drc, &order);
    succeeded(&server.recover().output().unwrap());
    succeeded(&ended(following));
    is_same(&site, "app-1", &server.target().join("app-1/basis-data"));
    is_same(&site, "app-2", &server.target().join("app-2/surat"));
    // It was one recovery all the time.
    let all = drc.json(&["recover", "list"])["recoveries"].as_array().unwrap().clone();
    assert_eq!((all.len(), &all[0]["outcome"], &all[0]["server"]), (1, &json!("done"), &json!("baru")));
}

#[test]
fn a_step_that_failed_on_the_server_is_tried_again_by_the_same_command() {
    let (mut drc, _keeper, site) = drc_in_a_disaster(&[("app-1", "surat")]);
    let server = NewServer::new(&drc, "baru");
    let order = ["surat", "--to", "baru"];
    // A folder stands where a file belongs.
    let tree = site.path("app-1/tree");
    let place = server.target().join("app-1/surat");
    let in_the_way = place.join(tree.strip_prefix("/").unwrap()).join("surat/penghalang");
    fs::create_dir_all(&in_the_way).unwrap();
    let recovering = server.recover().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let why = failed(&ended(follow(&drc, &order)));
    assert!(why.contains("could not be restored") && why.contains("goes on with the rest"), "{why}");
    fs::remove_dir_all(in_the_way.parent().unwrap()).unwrap();
    // The server waits for its next turn, also while the DRC is away.
    drc.stop();
    drc.start();
    let record: Value = serde_json::from_str(&succeeded(&ended(follow(&drc, &order)))).unwrap();
    succeeded(&ended(recovering));
    is_same(&site, "app-1", &place);
    let outcomes: Vec<_> = record["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "done"]);
}

#[test]
fn an_order_that_no_server_can_follow_is_not_begun() {
    let (mut drc, mut keeper, _site) = drc_in_a_disaster(&[("app-1", "surat")]);
    let order = ["recover", "surat", "--to", "baru"];
    assert!(failed(&drc.acting(&order)).contains("server baru is not enrolled at this DRC"));
    // What a Pusat Data says of a server is enough to save here, and not to be given keys.
    let taken_over = failed(&drc.acting(&["recover", "surat", "--to", "app-1"]));
    assert!(taken_over.contains("invite app-1 --opd OPD --again"), "{taken_over}");
    let server = NewServer::new(&drc, "baru");
    assert_eq!(drc.acting(&[&order[..], &["--target", "/srv/pulih"]].concat()).status.code(), Some(2));
    assert_eq!(drc.acting(&["recover", "surat", "--to", "../baru"]).status.code(), Some(1));
    // All that is in the way is told at once.
    drc.end();
    assert!(failed(&drc.acting(&order)).contains("no disaster is declared"));
    assert!(failed(&server.recover().output().unwrap()).contains("no disaster is declared"));
    drc.declare();
    keeper.stop();
    assert!(failed(&drc.acting(&order)).contains("the process that serves this site must ask the keeper"));
    drc.stop();
    assert!(failed(&drc.acting(&order)).contains("start `pulih-controller serve`"));
    assert_eq!(drc.json(&["recover", "list"])["recoveries"], json!([]));
    // A server that is not enrolled says what to do.
    let state = drc.path("lain");
    let mut command = Command::new(agent_program());
    command.env("PULIH_STATE", &state).args(["recover", "--target", "/srv/pulih"]);
    assert!(failed(&command.output().unwrap()).contains("pulih-agent enroll"));
}

#[test]
fn a_server_that_was_told_the_owner_takes_no_other_ones_word() {
    let (drc, _keeper, site) = drc_in_a_disaster(&[("app-1", "surat")]);
    let server = NewServer::new(&drc, "baru");
    let order = ["app-1/surat", "--to", "baru"];
    let another = format!("SHA256:{}", "A".repeat(43));
    let mut recovering = server.recover().args(["--owner", &another]).stderr(Stdio::null()).spawn().unwrap();
    let told = failed(&ended(follow(&drc, &order)));
    recovering.kill().unwrap();
    recovering.wait().unwrap();
    assert!(!server.target().exists());
    let (_, owner) = told.split_once("that its owner is ").unwrap();
    let (owner, why) = owner.split_once(',').unwrap();
    assert!(why.contains("--owner names another"), "{told}");
    // The order is open still, and goes on with a server that knows better.
    let order = follow(&drc, &order);
    succeeded(&server.recover().args(["--owner", &another, "--owner", owner]).output().unwrap());
    succeeded(&ended(order));
    is_same(&site, "app-1", &server.target().join("app-1/surat"));
}
