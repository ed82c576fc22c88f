//! A recovery onto a new server, with real processes: the server enrols at the DRC, and gets what the order
//! needs while it is open, and nothing else.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use support::drc::Drc;
use support::keeper::Keeper;
use support::night::{is_same, night, uid};
use support::{Site, agent_program, succeeded};

/// A server that has nothing but a certificate of the DRC.
struct NewServer {
    folder: PathBuf,
}

impl NewServer {
    fn new(drc: &Drc, name: &str) -> Self {
        let its = Self { folder: drc.path(name) };
        let token = drc.json(&["agent", "invite", name, "--opd", "dinkes"])["token"].as_str().unwrap().to_owned();
        succeeded(&its.command().args(["enroll", &drc.url, "--token", &token]).output().unwrap());
        its
    }

    fn target(&self) -> PathBuf {
        self.folder.join("pulih")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(agent_program());
        command.env("PULIH_STATE", self.folder.join("state"));
        command
    }

    fn recover(&self) -> Command {
        let mut command = self.command();
        command.args(["--json", "recover", "--target"]).arg(self.target());
        command
    }
}

/// The operator's command, which follows the order until it has ended.
fn follow(drc: &Drc, order: &[&str]) -> Child {
    let key = drc.path("dewi.key");
    let mut command = drc.command();
    command.args(["--json", "recover"]).args(order).args(["--as", "dewi", "--sign-with"]).arg(key);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

/// A DRC that serves in a disaster, with a keeper; the Pusat Data is gone.
fn drc_in_a_disaster(datasets: &[(&str, &str)]) -> (Drc, Keeper, Site) {
    let mut drc = Drc::new();
    let mut keeper = Keeper::new(&drc);
    let recipient = keeper.online("publik");
    let site = night(&drc, "publik", &recipient, datasets);
    keeper.start(&[&uid()]);
    drc.start();
    drc.declare();
    (drc, keeper, site)
}

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
