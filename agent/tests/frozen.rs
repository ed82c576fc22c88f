//! Vaults that earlier versions wrote are read for ever: each restores as it was saved.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulih_vault::tree::name::escape;

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/frozen")
}

fn describe(path: &Path, below: &Path, out: &mut Vec<String>) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let (kind, size, extra) = if metadata.is_dir() {
        ("dir", 0, "-".to_owned())
    } else if metadata.is_symlink() {
        ("link", 0, fs::read_link(path).unwrap().display().to_string())
    } else if metadata.is_file() {
        ("file", metadata.len(), blake3::hash(&fs::read(path).unwrap()).to_hex().to_string())
    } else {
        ("fifo", 0, "-".to_owned())
    };
    let mut line = format!("{kind} {:04o} ", metadata.mode() & 0o7777);
    let name = escape(below.as_os_str().as_bytes());
    write!(line, "{}.{:09} {size} {extra} {name}", metadata.mtime(), metadata.mtime_nsec()).unwrap();
    out.push(line);
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name();
            describe(&path.join(&name), &below.join(&name), out);
        }
    }
}

fn ids(version: &Path, state: &Path) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_pulih-agent"))
        .args(["snapshots", "--json", "--store"])
        .arg(version.join("store"))
        .arg("--state")
        .arg(state)
        .arg("--identity")
        .arg(version.join("identity"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list["verified"], true);
    let snapshots = list["snapshots"].as_array().unwrap();
    snapshots.iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_frozen_vault_restores_as_it_was_saved() {
    let mut versions = 0;
    for entry in fs::read_dir(frozen()).unwrap() {
        let version = entry.unwrap().path();
        if !version.is_dir() {
            continue;
        }
        versions += 1;
        let scratch = tempfile::tempdir().unwrap();
        let ids = ids(&version, &scratch.path().join("state"));
        assert_eq!(ids.len(), 2);
        for (id, saved) in ids.iter().zip(["first.txt", "second.txt"]) {
            let target = scratch.path().join(id);
            let output = Command::new(env!("CARGO_BIN_EXE_pulih-agent"))
                .args(["restore", "--quiet", id, "--store"])
                .arg(version.join("store"))
                .arg("--state")
                .arg(scratch.path().join("state"))
                .arg("--identity")
                .arg(version.join("identity"))
                .arg("--target")
                .arg(&target)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let mut restored = Vec::new();
            describe(&target.join("data"), Path::new("data"), &mut restored);
            restored.sort();
            let expected = fs::read_to_string(version.join(saved)).unwrap();
            assert_eq!(restored, expected.lines().collect::<Vec<_>>(), "{}", version.display());
            assert_eq!(fs::metadata(target.join("data/kecil")).unwrap().nlink(), 2);
        }
    }
    assert!(versions > 0, "no frozen vault was found");
}

/// A checkout forgets that keys were not for others.
fn keep_to_oneself(folder: &Path) {
    assert!(Command::new("chmod").args(["-R", "go-rwx"]).arg(folder).status().unwrap().success());
}

#[test]
fn the_agent_of_a_frozen_version_goes_on_with_its_vault() {
    let with_agent = |path: &PathBuf| path.join("agent").is_dir();
    let versions: Vec<PathBuf> =
        fs::read_dir(frozen()).unwrap().map(|entry| entry.unwrap().path()).filter(with_agent).collect();
    assert!(!versions.is_empty(), "no frozen agent was found");
    for version in versions {
        let scratch = tempfile::tempdir().unwrap();
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(version.join("agent")).arg(version.join("store")).arg(scratch.path());
        assert!(copy.status().unwrap().success());
        keep_to_oneself(scratch.path());
        let (state, store) = (scratch.path().join("agent"), scratch.path().join("store"));
        let run = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-agent"));
            let output = command
                .args(arguments)
                .arg("--store")
                .arg(&store)
                .arg("--state")
                .arg(&state)
                .current_dir(scratch.path())
                .output()
                .unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
        };
        fs::create_dir(scratch.path().join("data")).unwrap();
        fs::write(scratch.path().join("data/baru"), "baru").unwrap();
        let report = run(&["backup", "--json", "--quiet", "--dataset", "surat", "data"]);
        assert_eq!(report["snapshot"]["sequence"], 3, "{report}");
        let identity = version.join("identity");
        let list = run(&["snapshots", "--json", "--identity", identity.to_str().unwrap()]);
        assert_eq!(list["snapshots"].as_array().unwrap().len(), 3, "{list}");
    }
}
