//! A site on loopback and servers that enroll with it: real processes in a folder that goes away.
#![allow(dead_code)] // Each test program uses a part of it.

pub mod drc;
pub mod hold;
pub mod keeper;
pub mod night;
pub mod onto;
pub mod raw;
pub mod rewrite;
pub mod tried;
pub mod witness;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The agent's program lies beside the controller's; building the workspace's tests builds both.
pub fn agent_program() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_pulih-controller")).with_file_name("pulih-agent");
    assert!(path.exists(), "{} is not built: run `cargo build --workspace --bins`", path.display());
    path
}

pub struct Site {
    pub folder: tempfile::TempDir,
    /// The keys of its bucket, if it has one.
    env: Vec<(String, String)>,
    serving: Option<Child>,
    pub url: String,
}

pub fn succeeded(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// What a command says that fails.
pub fn failed(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{}\n{err}", String::from_utf8_lossy(&output.stdout));
    err
}

impl Site {
    /// A new site that serves, on a folder.
    pub fn new() -> Self {
        Self::on(None, Vec::new())
    }

    /// A new site that serves; `store` is its folder if there is none.
    pub fn on(store: Option<&str>, env: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Free now; a site keeps its address when it is started again.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = format!(
            "name = \"Pusat Data Uji\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:{port}\"\nhosts = [\"localhost\"]\n"
        );
        std::fs::write(folder.path().join("site.toml"), file).unwrap();
        let mut site = Self { folder, env, serving: None, url: String::new() };
        let (file, own) = (site.path("site.toml"), site.path("store"));
        let store = store.unwrap_or(own.to_str().unwrap());
        let arguments = ["init", "--role", "pusat", "--site", file.to_str().unwrap(), "--store", store];
        succeeded(&site.controller(&arguments));
        site.start();
        site.person("siti", &["--role", "admin"], None);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-controller"));
        command.env("PULIH_CONTROLLER_STATE", self.path("site")).envs(self.env.iter().cloned());
        command
    }

    pub fn controller(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command().arg("--json").args(arguments).output().unwrap();
        serde_json::from_str(&succeeded(&output)).unwrap()
    }

    pub fn start(&mut self) {
        let mut serving = self.command().arg("serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("https://").next().unwrap();
        // Its certificate is for the name.
        self.url = format!("https://{}", address.replace("127.0.0.1", "localhost"));
        self.serving = Some(serving);
    }

    /// Ends the serving process as the power would.
    pub fn kill(&mut self) {
        let mut serving = self.serving.take().unwrap();
        serving.kill().unwrap();
        serving.wait().unwrap();
    }

    pub fn stop(&mut self) {
        let mut serving = self.serving.take().unwrap();
        succeeded(&Command::new("kill").arg(serving.id().to_string()).output().unwrap());
        assert!(serving.wait().unwrap().success());
    }

    /// What `status` says of each dataset that has a recovery point.
    pub fn points(&self) -> Vec<Value> {
        let status = self.json(&["status"]);
        let all = status["datasets"].as_array().unwrap();
        let mut points: Vec<Value> = all.iter().filter(|its| !its["accepted"].is_null()).cloned().collect();
        // How things stand does not change with the clock that goes on.
        points.iter_mut().for_each(|point| drop(point.as_object_mut().unwrap().remove("exposure_seconds")));
        points
    }

    pub fn alarms(&self) -> Vec<String> {
        let status = self.json(&["status"]);
        status["alarms"].as_array().unwrap().iter().map(|its| its["alarm"].as_str().unwrap().to_owned()).collect()
    }

    /// Adds a person with a new key, signed by `by`.
    pub fn person(&self, id: &str, roles: &[&str], by: Option<&str>) {
        let key = self.path(&format!("{id}.key"));
        let verifier = succeeded(&self.controller(&["user", "key", key.to_str().unwrap()]));
        let added = ["user", "add", id, "--name", id, "--key", verifier.trim()];
        let signed = by.map(|by| self.signed(by)).unwrap_or_default();
        let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
        succeeded(&self.controller(&[&added[..], roles, &signed].concat()));
    }

    /// The flags by which a person signs.
    pub fn signed(&self, id: &str) -> Vec<String> {
        let key = self.path(&format!("{id}.key")).to_str().unwrap().to_owned();
        vec!["--as".into(), id.into(), "--sign-with".into(), key]
    }

    /// A command that a person signs.
    pub fn acting(&self, id: &str, arguments: &[&str]) -> Output {
        let signed = self.signed(id);
        let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
        self.controller(&[arguments, &signed].concat())
    }

    /// The letter by which an OPD's owner approves a dataset is put on record.
    pub fn approve(&self, agent: &str, dataset: &str) {
        let letter = self.path("surat.pdf");
        std::fs::write(&letter, b"surat persetujuan").unwrap();
        let by = ["--by", "Kepala Dinas", "--letter", "440/17/2026", "--until", "1y"];
        let of = ["approve", "give", dataset, "--agent", agent, "--document", letter.to_str().unwrap()];
        succeeded(&self.acting("siti", &[&of[..], &by].concat()));
    }

    /// Adds an OPD with a new owner key, and its walidata.
    pub fn opd(&self, name: &str) {
        let file = self.path(&format!("{name}.owner"));
        let agent = Server { site: self, name: "owner".into() };
        succeeded(&agent.run(&["owner", "new", file.to_str().unwrap()]));
        let fingerprint = succeeded(&agent.run(&["owner", "show", file.to_str().unwrap()]));
        succeeded(&self.controller(&["opd", "add", name, "--title", name, "--owner", fingerprint.trim()]));
        self.person(&format!("walidata-{name}"), &["--role", "walidata", "--opd", name], Some("siti"));
    }

    pub fn token(&self, agent: &str, opd: &str) -> String {
        self.json(&["agent", "invite", agent, "--opd", opd])["token"].as_str().unwrap().to_owned()
    }

    /// A server that has enrolled and made its vault.
    pub fn server(&self, name: &str, opd: &str) -> Server<'_> {
        self.server_for(name, opd, &[])
    }

    /// The same, with further arguments of `init`: a class, a DRC's recipient.
    pub fn server_for(&self, name: &str, opd: &str, further: &[&str]) -> Server<'_> {
        let server = Server { site: self, name: name.into() };
        succeeded(&server.run(&["enroll", &self.url, "--token", &self.token(name, opd)]));
        let (owner, identity) = (self.path(&format!("{opd}.owner")), server.path("identity"));
        std::fs::create_dir_all(server.path("tree")).unwrap();
        let files = ["--owner", owner.to_str().unwrap(), "--identity-out", identity.to_str().unwrap()];
        succeeded(&server.run(&[&["init", "--store", &self.url], &files[..], further].concat()));
        server
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            let _ = serving.kill();
            let _ = serving.wait();
        }
    }
}

pub struct Server<'s> {
    pub site: &'s Site,
    pub name: String,
}

impl Server<'_> {
    pub fn path(&self, name: &str) -> PathBuf {
        self.site.path(&self.name).join(name)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(agent_program());
        command.env("PULIH_STATE", self.path("state")).args(arguments).output().unwrap()
    }

    /// The id of its one vault.
    pub fn vault(&self) -> String {
        let mut vaults = std::fs::read_dir(self.path("state/vaults")).unwrap();
        vaults.next().unwrap().unwrap().file_name().into_string().unwrap()
    }

    /// What is to be saved.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path("tree").join(name), bytes).unwrap();
    }

    /// Saves onto a disk that can be carried to the site.
    pub fn seed(&self, dataset: &str) -> PathBuf {
        let (disk, tree) = (self.path("disk"), self.path("tree"));
        succeeded(&self.run(&["seed", "--to", disk.to_str().unwrap()]));
        let (store, tree) = (disk.to_str().unwrap(), tree.to_str().unwrap());
        succeeded(&self.run(&["backup", "--quiet", "--store", store, "--dataset", dataset, tree]));
        disk
    }

    /// A file of the snapshot with this sequence, restored from the site's store by its owner.
    pub fn restored(&self, dataset: &str, sequence: u32, name: &str) -> Vec<u8> {
        let (store, identity) = (self.site.path("store"), self.path("identity"));
        let folder = store.join("vaults").join(self.vault()).join("snapshots").join(dataset);
        let mut names =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let snapshot = names.find(|its| its.starts_with(&format!("{sequence:010}-"))).unwrap();
        let target = self.path(&format!("restored-{sequence}"));
        let (id, vault) = (snapshot.split('-').next_back().unwrap(), self.vault());
        succeeded(&self.run(&[
            "restore",
            "--store",
            store.to_str().unwrap(),
            "--vault",
            &vault,
            "--identity",
            identity.to_str().unwrap(),
            id,
            "--target",
            target.to_str().unwrap(),
        ]));
        std::fs::read(target.join(self.path("tree").strip_prefix("/").unwrap()).join(name)).unwrap()
    }

    pub fn backup(&self, dataset: &str) -> Output {
        let tree = self.path("tree");
        self.run(&["backup", "--quiet", "--store", &self.site.url, "--dataset", dataset, tree.to_str().unwrap()])
    }
}
