//! An office with a vault of two snapshots, for those who damage it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub struct Office {
    folder: tempfile::TempDir,
}

/// Bytes that do not compress, the same for the same seed.
pub fn noise(seed: &str, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut out);
    out
}

impl Office {
    pub fn new() -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        office.json(&["init", "--identity-out", "opd.identity", "--json"]);
        office
    }

    /// With two snapshots, each of which wrote a pack.
    pub fn with_snapshots() -> Self {
        let office = Self::new();
        for number in 0..150 {
            office.write(&format!("data/letters/{}/{number}.txt", number % 7), format!("letter {number}").as_bytes());
        }
        office.write("data/big.bin", &noise("big", 3 << 20));
        // Long enough for lists of chunks.
        office.write("data/long.bin", &noise("long", 9 << 20));
        office.backup();
        office.write("data/letters/0/0.txt", b"letter 0, second version");
        office.write("data/new.bin", &noise("new", 1 << 20));
        office.backup();
        office
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pulih-agent"))
            .env_clear()
            .env("PULIH_STATE", self.path("state"))
            .env("PULIH_STORE", self.path("store"))
            .current_dir(self.folder.path())
            .args(args)
            .output()
            .unwrap()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn backup(&self) -> Value {
        self.json(&["backup", "--json", "--quiet", "data"])
    }

    /// What a check says, and its exit status.
    pub fn check(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(&[&["check", "--json"], args].concat());
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), report)
    }

    /// Everything that a check can look at is sound.
    pub fn assert_sound(&self) -> Value {
        let (status, report) = self.check(&["--identity", "opd.identity", "--read-data"]);
        assert_eq!((status, &report["sound"]), (0, &Value::Bool(true)), "{report:#}");
        report
    }

    pub fn vault(&self) -> PathBuf {
        let vaults: Vec<_> = fs::read_dir(self.path("store/vaults")).unwrap().collect();
        assert_eq!(vaults.len(), 1);
        vaults.into_iter().next().unwrap().unwrap().path()
    }

    /// Names of the objects of a kind, as reports have them.
    pub fn objects(&self, kind: &str) -> Vec<String> {
        let store = self.path("store");
        let mut found = Vec::new();
        let mut folders = vec![self.vault().join(kind)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&store).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    pub fn delete(&self, kind: &str) {
        let objects = self.objects(kind);
        assert!(!objects.is_empty());
        for object in objects {
            fs::remove_file(self.path("store").join(object)).unwrap();
        }
    }

    /// Restores a snapshot and holds it against what is on disk now.
    pub fn assert_restores(&self, id: &str) {
        let target = self.path(&format!("back-{id}"));
        let args = ["restore", "--identity", "opd.identity", "--quiet", id, "--target", target.to_str().unwrap()];
        let output = self.run(&args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let back = find(&target, "big.bin").parent().unwrap().to_owned();
        assert_same(&self.path("data"), &back);
    }
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == name {
                return path;
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    panic!("{name} did not come back");
}

fn assert_same(left: &Path, right: &Path) {
    for entry in fs::read_dir(left).unwrap() {
        let entry = entry.unwrap();
        let other = right.join(entry.file_name());
        if entry.path().is_dir() {
            assert_same(&entry.path(), &other);
        } else {
            assert!(fs::read(entry.path()).unwrap() == fs::read(&other).unwrap(), "{}", other.display());
        }
    }
}
