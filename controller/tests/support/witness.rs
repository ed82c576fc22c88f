//! A witness on a machine of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::{failed, succeeded};

/// A folder of its own.
pub struct Machine(tempfile::TempDir);

impl Machine {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-controller"));
        command
            .args(["--json", "--state", self.0.path().to_str().unwrap(), "witness"])
            .args(arguments)
            .output()
            .unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&succeeded(&self.run(arguments))).unwrap()
    }

    /// What it says of the one site on a stick that it does not sign.
    pub fn refused(&self, stick: &Path) -> Value {
        let output = self.run(&["sign", stick.to_str().unwrap()]);
        failed(&output);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["sites"][0].take()
    }

    /// What it co-signed last.
    pub fn state(&self) -> Vec<u8> {
        fs::read(self.0.path().join("logs/pulih-ledger_pusat-33.19.note")).unwrap()
    }
}

/// Files of the site on a stick, by how they end.
pub fn files(stick: &Path, end: &str) -> Vec<PathBuf> {
    let folder = stick.join("pulih-witness/pusat-33.19");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|its| its == end));
    found.sort();
    found
}
