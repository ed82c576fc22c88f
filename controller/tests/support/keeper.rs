//! A keeper beside a DRC: a process of its own, with an identity for each class that a test needs.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use super::drc::Drc;
use super::succeeded;

pub struct Keeper {
    root: PathBuf,
    serving: Option<Child>,
}

impl Keeper {
    pub fn new(drc: &Drc) -> Self {
        std::fs::create_dir_all(drc.path("keys")).unwrap();
        Self { root: drc.folder.path().to_owned(), serving: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-controller"));
        command.env("PULIH_CONTROLLER_STATE", self.path("site"));
        command
    }

    pub fn socket(&self) -> PathBuf {
        self.path("keeper.sock")
    }

    /// A new online identity; returns its recipient.
    pub fn online(&self, class: &str) -> String {
        let file = self.path(&format!("keys/{class}.key"));
        let made = self.run(&["keys", "new", "--class", class, "--online", "--out", file.to_str().unwrap()]);
        succeeded(&made).trim().to_owned()
    }

    /// A person's own age key; returns its recipient.
    pub fn own(&self, name: &str) -> String {
        let file = self.path(&format!("{name}.age"));
        succeeded(&self.run(&["keys", "own", file.to_str().unwrap()])).trim().to_owned()
    }

    /// A new identity that takes two of these people, and a copy of it in an envelope.
    pub fn sealed(&self, class: &str, people: &[&str]) -> String {
        let named: Vec<String> = people.iter().map(|user| format!("{user}={}", self.own(user))).collect();
        let (named, glass) = (named.join(","), self.own("envelope"));
        let file = self.path(&format!("keys/{class}.key"));
        let file = file.to_str().unwrap();
        let new = ["keys", "new", "--class", class, "--sealed", "--people", &named, "--needed", "2"];
        succeeded(&self.run(&[&new[..], &["--glass", &glass, "--out", file]].concat())).trim().to_owned()
    }

    pub fn start(&mut self, users: &[&str]) {
        let mut command = self.command();
        let (folder, socket) = (self.path("keys"), self.socket());
        command.args(["keys", "serve", "--folder", folder.to_str().unwrap(), "--keeper", socket.to_str().unwrap()]);
        for user in users {
            command.args(["--allow-user", user]);
        }
        let mut serving = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("listens"), "{line}");
        self.serving = Some(serving);
    }

    pub fn stop(&mut self) {
        let mut serving = self.serving.take().unwrap();
        serving.kill().unwrap();
        serving.wait().unwrap();
    }

    /// A command of the DRC that asks this keeper.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().env("PULIH_KEEPER", self.socket()).args(arguments).output().unwrap()
    }

    /// The same, signed by a person.
    pub fn acting(&self, user: &str, arguments: &[&str]) -> Output {
        let key = self.path(&format!("{user}.key"));
        self.run(&[arguments, &["--as", user, "--sign-with", key.to_str().unwrap()]].concat())
    }

    /// A person gives a part, with the age key of that name.
    pub fn open(&self, user: &str, class: &str, with: &str) -> Output {
        let own = self.path(&format!("{with}.age"));
        self.acting(user, &["keys", "open", "--class", class, "--identity", own.to_str().unwrap()])
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            let _ = serving.kill();
            let _ = serving.wait();
        }
    }
}
