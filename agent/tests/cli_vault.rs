//! Real processes: a vault is made, listed and looked over; bad usage and failures are told by
//! exit status.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder with a store and a state that no test shares.
struct Office {
    folder: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-agent"));
        command
            .env_clear()
            .env("PULIH_STATE", self.path("state"))
            .env("PULIH_STORE", self.path("store"))
            .current_dir(self.folder.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn init(&self) -> Value {
        self.json(&["init", "--identity-out", "opd.identity", "--json"])
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

const OTHER: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

#[test]
fn init_makes_files_keys_and_description() {
    let office = Office::new();
    let made = office.init();
    assert_eq!(made["class"], "non-publik");
    for file in ["opd.identity", "opd.identity.owner"] {
        assert_eq!(mode(&office.path(file)), 0o600, "{file}");
    }
    let identity = fs::read_to_string(office.path("opd.identity")).unwrap();
    let vault = made["vault"].as_str().unwrap();
    let owner = made["owner_fingerprint"].as_str().unwrap();
    assert!(identity.contains(&format!("# pulih vault: {vault}\n# pulih owner: {owner}\nAGE-SECRET-KEY-1")));
    let keys = office.path("state/vaults").join(vault).join("keys.json");
    assert_eq!(mode(&keys), 0o600);
    let description = made["description"].as_str().unwrap();
    assert!(office.path("store/vaults").join(vault).join("vault").join(description).exists());
    // What never leaves the owner's files is in neither store nor state.
    let secret = identity.lines().last().unwrap();
    assert!(!fs::read_to_string(keys).unwrap().contains(secret));
}

#[test]
fn init_says_what_to_do_with_the_two_files() {
    let office = Office::new();
    let output = office.run(&["init", "--identity-out", "opd.identity", "--recipient", OTHER, "--class", "strategis"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let text = out(&output);
    for word in ["SHA256:", "opd.identity.owner", "offline", OTHER, "strategis"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_second_vault_of_a_class_is_refused() {
    let office = Office::new();
    office.init();
    let again = office.run(&["init", "--identity-out", "second.identity"]);
    assert_eq!(status(&again), 1);
    assert!(err(&again).contains("already"), "{}", err(&again));
    assert!(!office.path("second.identity").exists());
    let other = office.json(&["init", "--identity-out", "second.identity", "--class", "publik", "--json"]);
    assert_eq!(other["class"], "publik");
    // Two vaults in one store: the identity file says which, or a person must.
    let which = office.run(&["snapshots"]);
    assert_eq!(status(&which), 2);
    assert!(err(&which).contains("--vault"), "{}", err(&which));
    let list = office.json(&["snapshots", "--json", "--identity", "second.identity"]);
    assert_eq!(list["vault"], other["vault"]);
}

#[test]
fn nothing_is_overwritten() {
    let office = Office::new();
    fs::write(office.path("opd.identity"), "mine").unwrap();
    let output = office.run(&["init", "--identity-out", "opd.identity"]);
    assert_eq!(status(&output), 1);
    assert_eq!(fs::read_to_string(office.path("opd.identity")).unwrap(), "mine");
    assert!(!office.path("opd.identity.owner").exists());
    assert!(!office.path("store").exists());
}

#[test]
fn a_store_that_takes_no_description_leaves_no_vault() {
    let office = Office::new();
    fs::create_dir(office.path("store")).unwrap();
    fs::write(office.path("store/vaults"), "in the way").unwrap();
    let output = office.run(&["init", "--identity-out", "opd.identity"]);
    assert_eq!(status(&output), 1);
    assert!(err(&output).contains("the vault was not made"), "{}", err(&output));
    for vault in fs::read_dir(office.path("state/vaults")).unwrap() {
        assert!(!vault.unwrap().path().join("keys.json").exists());
    }
    // As it says: what was in the way goes, the identity goes, the owner key stays.
    fs::remove_file(office.path("store/vaults")).unwrap();
    fs::remove_file(office.path("opd.identity")).unwrap();
    assert_eq!(office.init()["owner_made"], false);
}

#[test]
fn an_owner_key_that_is_there_is_used() {
    let office = Office::new();
    let first = office.init();
    let second =
        office.json(&["init", "--class", "publik", "--owner", "opd.identity.owner", "--recipient", OTHER, "--json"]);
    assert_eq!(second["owner_fingerprint"], first["owner_fingerprint"]);
    assert_eq!(second["owner_made"], false);
    assert_eq!(second["identity_file"], Value::Null);
}

#[test]
fn bad_usage_is_status_2() {
    let office = Office::new();
    for args in [
        &["init"][..],
        &["init", "--recipient", OTHER],
        &["init", "--recipient", "age1nonsense", "--owner", "o"],
        &["init", "--identity-out", "i", "--class", "secret"],
        &["snapshots", "--store", "s3://bucket/prefix"],
        &["snapshots", "--store", "https://pusat:8443/folder"],
        &["snapshots", "--store", ""],
        &["snapshots", "--vault", "1234"],
        &["backup"],
        &["backup", "--stdin", "name", "path"],
        &["restore", "latest", "--target", "t"],
        &["nonsense"],
        &["ask", "--dataset", "letters", "--reason", "lost"],
        &["init", "--adopt", "00000000000000000000000000000000"],
        &["init", "--answer", "a", "--request", "r"],
        &["init", "--recipient", OTHER, "--request", "r", "--owner", "o"],
    ] {
        let output = office.run(args);
        assert_eq!(status(&output), 2, "{args:?}: {}", err(&output));
        assert!(!err(&output).is_empty());
    }
    assert_eq!(fs::read_dir(office.folder.path()).unwrap().count(), 0);
    let output = office.command().env_remove("PULIH_STORE").arg("snapshots").output().unwrap();
    assert_eq!(status(&output), 2);
    assert!(err(&output).contains("PULIH_STORE"));
}

#[test]
fn how_a_dataset_is_cut_is_settled_by_its_first_backup() {
    let office = Office::new();
    office.init();
    fs::write(office.path("dump"), vec![7; 1 << 20]).unwrap();
    let first = office.json(&["backup", "--json", "--dataset", "db", "--chunks", "small", "dump"]);
    let again = office.json(&["backup", "--json", "--dataset", "db", "dump"]);
    assert_eq!(again["snapshot"]["changes"]["new_bytes"], 0, "{again}");
    assert_eq!(first["snapshot"]["dataset"], "db");
    let other = office.run(&["backup", "--dataset", "db", "--chunks", "large", "dump"]);
    assert_eq!(status(&other), 2);
    assert!(err(&other).contains("16.0 KiB"), "{}", err(&other));
}

#[test]
fn failures_are_status_1_and_say_what_to_do() {
    let office = Office::new();
    let output = office.run(&["snapshots"]);
    assert_eq!(status(&output), 1);
    assert!(err(&output).contains("there is no store at"), "{}", err(&output));
    fs::create_dir(office.path("store")).unwrap();
    let output = office.run(&["snapshots"]);
    assert_eq!(status(&output), 1);
    assert!(err(&output).contains("pulih-agent init"), "{}", err(&output));
}

#[test]
fn snapshots_says_whether_it_is_verified() {
    let office = Office::new();
    office.init();
    let list = office.json(&["snapshots", "--json"]);
    assert_eq!((&list["verified"], &list["snapshots"]), (&true.into(), &Value::Array(vec![])));
    // Another machine, without the agent's state.
    let elsewhere = |args: &[&str]| {
        let output = office.command().env("PULIH_STATE", office.path("none")).args(args).output().unwrap();
        assert_eq!(status(&output), 0, "{}", err(&output));
        out(&output)
    };
    assert!(elsewhere(&["snapshots"]).starts_with("not verified: no owner key to compare"));
    assert!(!elsewhere(&["snapshots", "--identity", "opd.identity"]).contains("not verified"));
}

#[test]
fn an_identity_of_another_owner_is_refused() {
    let office = Office::new();
    office.init();
    let path = office.path("opd.identity");
    let text = fs::read_to_string(&path).unwrap();
    let owner = text.lines().find(|line| line.contains("owner")).unwrap();
    let forged = format!("# pulih owner: SHA256:{}", "A".repeat(43));
    fs::write(&path, text.replace(owner, &forged)).unwrap();
    let output = office.run(&["snapshots", "--identity", "opd.identity"]);
    assert_eq!(status(&output), 1);
    assert!(err(&output).contains("two owner keys"), "{}", err(&output));
    let elsewhere = office
        .command()
        .env("PULIH_STATE", office.path("none"))
        .args(["snapshots", "--identity", "opd.identity"])
        .output()
        .unwrap();
    assert_eq!(status(&elsewhere), 1);
    assert!(err(&elsewhere).contains("which is not the owner's"), "{}", err(&elsewhere));
}

#[test]
fn doctor_finds_what_is_wrong() {
    let office = Office::new();
    assert_eq!(status(&office.run(&["doctor"])), 1);
    office.init();
    let well = office.json(&["doctor", "--json", "--identity", "opd.identity"]);
    assert_eq!(well["healthy"], true);
    fs::set_permissions(office.path("state"), fs::Permissions::from_mode(0o755)).unwrap();
    let output = office.run(&["doctor"]);
    assert_eq!(status(&output), 1);
    assert!(out(&output).contains("chmod 700"), "{}", out(&output));
}

#[test]
fn doctor_names_a_damaged_description() {
    let office = Office::new();
    let made = office.init();
    let vault = made["vault"].as_str().unwrap();
    let folder = office.path("store/vaults").join(vault).join("vault");
    let object = folder.join(made["description"].as_str().unwrap());
    fs::remove_file(&object).unwrap();
    fs::write(&object, "damaged").unwrap();
    let output = office.run(&["doctor"]);
    assert_eq!(status(&output), 1);
    assert!(out(&output).contains("is damaged"), "{}", out(&output));
}

#[test]
fn completions_and_manual_pages_are_made() {
    let office = Office::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = office.run(&["completions", shell]);
        assert!(out(&output).contains("snapshots"), "{shell}");
    }
    assert!(out(&office.run(&["man"])).contains("pulih"));
    fs::create_dir(office.path("pages")).unwrap();
    assert_eq!(status(&office.run(&["man", "pages"])), 0);
    assert!(office.path("pages/pulih-agent-restore.1").exists());
    assert_eq!(status(&office.run(&["man", "nowhere"])), 1);
}

#[test]
fn help_has_examples_and_statuses() {
    let office = Office::new();
    let help = out(&office.run(&["--help"]));
    assert!(help.contains("3  done, but some files could not be read"), "{help}");
    for command in
        ["init", "backup", "snapshots", "ls", "find", "diff", "dump", "restore", "check", "doctor", "rebuild"]
    {
        let output = office.run(&[command, "--help"]);
        assert_eq!(status(&output), 0);
        assert!(out(&output).contains("Examples:"), "{command}");
    }
}

#[test]
fn a_signal_ends_a_wait_with_status_1() {
    use std::io::{BufRead as _, BufReader};
    let office = Office::new();
    let state = pulih_agent::state::StateDir::at(office.path("state"));
    let _held = state.lock_init(&false.into(), &mut |_| ()).unwrap();
    let mut child = office
        .command()
        .args(["init", "--identity-out", "opd.identity"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains(&format!("(process {}); waiting", std::process::id())), "{said}");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(!office.path("opd.identity").exists());
}

/// Every field that is printed is on the contract's page.
#[test]
fn the_json_is_as_its_page_says() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/json.md")).unwrap();
    let office = Office::new();
    let printed = [
        ("init", office.init()),
        ("snapshots", office.json(&["snapshots", "--json"])),
        ("doctor", office.json(&["doctor", "--json"])),
    ];
    for (command, value) in printed {
        let (_, section) = page.split_once(&format!("\n## {command}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        assert!(section.contains(value["type"].as_str().unwrap()), "{command}");
        for field in value.as_object().unwrap().keys().filter(|field| *field != "type") {
            assert!(section.contains(&format!("`{field}`")), "{command}: {field}");
        }
    }
}
