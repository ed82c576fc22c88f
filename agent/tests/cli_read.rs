//! Real processes: what was saved is listed, found, compared and printed; what cannot be read
//! is told.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const BIG: usize = 12 << 20;

/// A folder with files, a store and a state that no test shares.
struct Office {
    folder: tempfile::TempDir,
}

impl Office {
    /// With a vault.
    fn new() -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        let made = office.run(&["init", "--identity-out", "opd.identity"]);
        assert_eq!(status(&made), 0, "{}", err(&made));
        office
    }

    /// With a few small files, too.
    fn with_files() -> Self {
        let office = Self::new();
        let files = office.path("files");
        fs::create_dir_all(files.join("letters")).unwrap();
        fs::write(files.join("letters/one.txt"), "one").unwrap();
        fs::write(files.join("letters/two.pdf"), "two").unwrap();
        fs::write(files.join("letters.txt"), "list").unwrap();
        fs::write(files.join(OsStr::from_bytes(b"odd\xff\n\x1b\\")), "odd").unwrap();
        symlink("letters/one.txt", files.join("link")).unwrap();
        fs::set_permissions(files.join("letters/two.pdf"), fs::Permissions::from_mode(0o640)).unwrap();
        office
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
            .env("PULIH_IDENTITY", "opd.identity")
            .current_dir(self.folder.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    /// What a command prints that must succeed.
    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(status(&output), 0, "{args:?}: {}", err(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn lines(&self, args: &[&str]) -> Vec<Value> {
        let text = self.done(args);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Saves the folder and says the snapshot's id.
    fn backup(&self) -> String {
        let saved = self.lines(&["backup", "--json", self.path("files").to_str().unwrap()]);
        saved[0]["snapshot"]["id"].as_str().unwrap().to_owned()
    }

    /// A path of the snapshot: where the folder was, and a name in it.
    fn saved(&self, name: &str) -> String {
        let path = self.path("files").join(name);
        path.to_str().unwrap().trim_start_matches('/').trim_end_matches('/').to_owned()
    }

    /// The largest object of the store.
    fn largest_pack(&self) -> PathBuf {
        let mut packs = Vec::new();
        files_below(&self.path("store"), &mut packs);
        packs.retain(|path| path.components().any(|part| part.as_os_str() == "packs"));
        packs.into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
    }
}

fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, into) } else { into.push(path) }
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Bytes that do not compress, in which no chunk comes twice.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn ls_lists_what_is_at_a_path() {
    let office = Office::with_files();
    let id = office.backup();
    let in_folder = |name: &str| office.saved(name);
    let letters: Vec<String> = ["letters", "letters/one.txt", "letters/two.pdf"].map(in_folder).to_vec();
    for path in [in_folder("letters"), format!("/{}/", in_folder("letters"))] {
        let listed = office.done(&["ls", &format!("latest:{path}")]);
        assert_eq!(listed.lines().collect::<Vec<_>>(), letters);
    }
    let all = office.done(&["ls", &id[..8]]);
    assert!(all.lines().any(|line| line == in_folder("odd\\xff\\u{a}\\u{1b}\\\\")), "{all}");
    assert!(all.contains(&in_folder("letters.txt")), "{all}");
    let long = office.done(&["ls", "-l", &format!("latest:{}", in_folder(""))]);
    assert!(long.lines().any(|line| line.ends_with("link -> letters/one.txt") && line.starts_with('l')), "{long}");
    let pdf = long.lines().find(|line| line.ends_with("two.pdf")).unwrap();
    assert!(pdf.starts_with("-rw-r----- ") && pdf.contains(" 3 20"), "{pdf}");
}

#[test]
fn what_is_not_there_is_said() {
    let office = Office::with_files();
    office.backup();
    for args in [&["ls", "latest:srv/none"][..], &["dump", "latest:srv/none"], &["find", "latest:srv/none", "*"]] {
        let output = office.run(args);
        assert_eq!(status(&output), 1, "{args:?}");
        let told = err(&output);
        assert!(told.contains("srv/none is not in snapshot") && told.contains("pulih-agent find"), "{told}");
    }
    let none = office.run(&["ls", "abcdef12"]);
    assert_eq!(status(&none), 1);
    assert!(err(&none).contains("no snapshot is named"), "{}", err(&none));
}

#[test]
fn find_looks_at_names_or_paths() {
    let office = Office::with_files();
    office.backup();
    let found = |patterns: &[&str]| office.done(&[&["find", "latest"], patterns].concat());
    assert_eq!(found(&["*.pdf"]), format!("{}\n", office.saved("letters/two.pdf")));
    assert_eq!(found(&["*.PDF"]), "");
    assert_eq!(found(&["odd*"]).lines().count(), 1);
    assert_eq!(found(&["**/files/*.txt"]), format!("{}\n", office.saved("letters.txt")));
    assert_eq!(found(&["one.txt", "link"]).lines().count(), 2);
    assert_eq!(
        found(&[&format!("/{}/*.txt", office.saved("letters"))]),
        format!("{}\n", office.saved("letters/one.txt"))
    );
    let below = office.done(&["find", &format!("latest:{}", office.saved("letters")), "*.txt"]);
    assert_eq!(below.lines().count(), 1);
    assert_eq!(status(&office.run(&["find", "latest", "["])), 2);
}

#[test]
fn diff_tells_what_became_of_each_path() {
    let office = Office::with_files();
    let first = office.backup();
    let files = office.path("files");
    fs::write(files.join("letters/one.txt"), "other").unwrap();
    fs::remove_file(files.join("letters.txt")).unwrap();
    fs::create_dir(files.join("letters.txt")).unwrap();
    fs::write(files.join("new"), "new").unwrap();
    fs::remove_file(files.join("link")).unwrap();
    fs::set_permissions(files.join("letters/two.pdf"), fs::Permissions::from_mode(0o600)).unwrap();
    let second = office.backup();
    let text = office.done(&["diff", &first, &second]);
    let starts = |mark: char, name: &str, rest: &str| {
        let line = format!("{mark} {}{rest}", office.saved(name));
        assert!(text.lines().any(|its| its.starts_with(&line)), "{line}: {text}");
    };
    starts('M', "letters/one.txt", "  (content");
    starts('M', "letters.txt", "  (type");
    starts('M', "letters/two.pdf", "  (mode)");
    starts('+', "new", "");
    starts('-', "link", "");
    assert!(!text.contains("odd"), "{text}");
    assert!(
        text.lines().last().unwrap().starts_with("1 added, 1 removed, 1 with other content, 1 of another type"),
        "{text}"
    );
    let same = office.done(&["diff", "--quiet", &second, "latest"]);
    assert_eq!(same, "");
}

#[test]
fn the_json_is_as_its_page_says() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/json.md")).unwrap();
    let office = Office::with_files();
    let first = office.backup();
    fs::write(office.path("files/letters/one.txt"), "changed").unwrap();
    office.backup();
    let section = |title: &str| page.split(&format!("\n## {title}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let told = |line: &Value, section: &str| {
        assert!(line.to_string().starts_with("{\"") && section.contains(line["type"].as_str().unwrap()), "{line}");
        for field in line.as_object().unwrap().keys().filter(|field| *field != "type") {
            assert!(section.contains(&format!("`{field}`")), "{field}");
        }
    };
    let diff = office.lines(&["diff", "--json", &first, "latest"]);
    for line in &diff {
        told(line, section("diff"));
    }
    let changed = diff.iter().find(|line| line["path"] == office.saved("letters/one.txt")).unwrap();
    assert_eq!(
        (changed["change"].as_str(), changed["size_from"].as_u64(), changed["size_to"].as_u64()),
        (Some("content"), Some(3), Some(7))
    );
    assert_eq!(diff.last().unwrap()["content"], 1);
    for args in [&["ls", "--json", "latest"][..], &["find", "--json", "latest", "*"]] {
        let text = office.done(args);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["type"], &lines[0]["verified"]), (&"pulih/snapshot/v1".into(), &true.into()));
        assert!(text.lines().skip(1).all(|line| line.starts_with("{\"type\":\"pulih/entry/v1\"")), "{text}");
        let file = lines.iter().find(|line| line["path"] == office.saved("letters/two.pdf")).unwrap();
        assert_eq!((&file["kind"], &file["size"], &file["mode"]), (&"file".into(), &3.into(), &"0640".into()));
        assert!(file.get("chunks").is_none());
    }
}

#[test]
fn dump_prints_what_was_saved() {
    let office = Office::with_files();
    let mut big = noise(BIG);
    // The same chunks once more, from frames that were printed before.
    big.extend_from_within(..3 << 20);
    fs::write(office.path("files/big"), &big).unwrap();
    let holes = fs::File::create(office.path("files/holes")).unwrap();
    holes.set_len(5 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&holes, b"here", (2 << 20) + 17).unwrap();
    fs::write(office.path("files/empty"), "").unwrap();
    office.backup();
    let dump = |name: &str| {
        let output = office.run(&["dump", &format!("latest:{}", office.saved(name))]);
        assert_eq!(status(&output), 0, "{name}: {}", err(&output));
        output.stdout
    };
    assert!(dump("big") == big);
    assert!(dump("holes") == fs::read(office.path("files/holes")).unwrap());
    assert_eq!(dump("empty"), b"");
    let mut odd = OsStr::new("latest:").to_owned();
    odd.push(office.path("files"));
    odd.push(OsStr::from_bytes(b"/odd\xff\n\x1b\\"));
    assert_eq!(office.command().arg("dump").arg(odd).output().unwrap().stdout, b"odd");
    for (name, words) in [("letters", "is a folder"), ("link", "is a symbolic link to letters/one.txt")] {
        let output = office.run(&["dump", &format!("latest:{}", office.saved(name))]);
        assert_eq!(status(&output), 1);
        assert!(err(&output).contains(words), "{}", err(&output));
    }
    // Nothing is left where indexes would have been spilled.
    let vault = fs::read_dir(office.path("state/vaults")).unwrap().next().unwrap().unwrap().path();
    let left = fs::read_dir(vault.join("cache")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.map(|name| name.to_string_lossy().into_owned()).any(|name| name.starts_with("reading")));
}

#[test]
fn a_tampered_pack_is_not_printed() {
    let office = Office::new();
    let big = noise(BIG);
    fs::create_dir(office.path("files")).unwrap();
    fs::write(office.path("files/big"), &big).unwrap();
    office.backup();
    let pack = office.largest_pack();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    let path = office.saved("big");
    let output = office.run(&["dump", &format!("latest:{path}")]);
    assert_eq!(status(&output), 1);
    let told = err(&output);
    for words in [path.as_str(), "chunk", "NOT the whole file", pack.file_name().unwrap().to_str().unwrap()] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(output.stdout.len() < big.len() && big.starts_with(&output.stdout));
}

#[test]
fn another_identity_reads_nothing() {
    let office = Office::with_files();
    office.backup();
    let other = age::x25519::Identity::generate();
    let text = age::secrecy::ExposeSecret::expose_secret(&other.to_string()).to_owned();
    fs::write(office.path("other.identity"), text).unwrap();
    fs::set_permissions(office.path("other.identity"), fs::Permissions::from_mode(0o600)).unwrap();
    for args in [&["ls", "latest"][..], &["diff", "latest", "latest"], &["dump", "latest:a"]] {
        let output = office.run(&[args, &["--identity", "other.identity"]].concat());
        assert_eq!(status(&output), 1);
        assert!(output.stdout.is_empty());
        assert!(err(&output).contains("none of the identities given opens"), "{}", err(&output));
    }
    // Without an owner key to compare, what is read is read with a warning.
    let identity = fs::read_to_string(office.path("opd.identity")).unwrap();
    let key = identity.lines().last().unwrap();
    fs::write(office.path("opd.identity"), key).unwrap();
    let elsewhere = office.command().env("PULIH_STATE", office.path("none")).args(["ls", "latest"]).output().unwrap();
    assert_eq!(status(&elsewhere), 0, "{}", err(&elsewhere));
    assert!(err(&elsewhere).contains("there is no owner key to compare"), "{}", err(&elsewhere));
}

/// An identity that can be read once only, as `<(age -d …)` makes it.
#[test]
fn an_identity_may_come_through_a_pipe() {
    let office = Office::with_files();
    office.backup();
    let identity = fs::File::open(office.path("opd.identity")).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::copy(&mut &identity, &mut writer).unwrap();
    drop(writer);
    let output =
        office.command().args(["diff", "latest", "latest", "--identity", "/dev/stdin"]).stdin(reader).output().unwrap();
    assert_eq!(status(&output), 0, "{}", err(&output));
}

#[test]
fn another_agents_vault_is_read_with_its_identity() {
    let office = Office::with_files();
    office.backup();
    let first = office.lines(&["snapshots", "--json"])[0]["vault"].as_str().unwrap().to_owned();
    // Another agent, with a vault of its own in the same store.
    office.done(&["--state", "other", "init", "--identity-out", "other.identity"]);
    let (letter, into) = (office.saved("letters/one.txt"), office.path("back"));
    let into = into.to_str().unwrap();
    for named in [&["--vault", first.as_str()][..], &[]] {
        let other = [&["--state", "other"][..], named].concat();
        let done = |args: &[&str]| office.done(&[&other[..], args].concat());
        let listed: Value =
            serde_json::from_str(&done(&["snapshots", "--identity", "opd.identity", "--json"])).unwrap();
        assert_eq!((&listed["verified"], listed["vault"].as_str()), (&Value::Bool(true), Some(first.as_str())));
        assert!(done(&["ls", "latest"]).contains("two.pdf"));
        assert!(done(&["find", "latest", "one.txt"]).contains("one.txt"));
        assert_eq!(done(&["dump", &format!("latest:{letter}")]), "one");
        done(&["restore", &format!("latest:{letter}"), "--target", into]);
        assert_eq!(fs::read_to_string(Path::new(into).join(&letter)).unwrap(), "one");
    }
}

#[test]
fn where_the_newest_snapshot_is_damaged_the_command_for_the_one_before_is_given() {
    let office = Office::with_files();
    let first = office.backup();
    fs::write(office.path("files/letters/one.txt"), "newer").unwrap();
    let second = office.backup();
    let vault = office.lines(&["snapshots", "--json"])[0]["vault"].as_str().unwrap().to_owned();
    let manifest = office.path("store/vaults").join(vault).join(format!("snapshots/default/0000000002-{second}"));
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, "forged").unwrap();
    let letter = format!("latest:{}", office.saved("letters"));
    let output = office.run(&["restore", &letter, "--target", "a place for it"]);
    assert_eq!(status(&output), 1);
    let said = err(&output);
    for part in [&format!("number 2 of default ({second})")[..], "is damaged", "number 1, captured 2", &first] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!office.path("a place for it").exists());
    // The command can be pasted.
    let command = said.lines().find_map(|line| line.trim().strip_prefix("pulih-agent ")).unwrap();
    let program = env!("CARGO_BIN_EXE_pulih-agent");
    let script = format!("{program} {command}");
    let mut shell = Command::new("bash");
    let state = office.command();
    let environment = state.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let pasted = shell.envs(environment).current_dir(office.folder.path()).args(["-c", &script]).output().unwrap();
    assert_eq!(status(&pasted), 0, "{script}: {}", err(&pasted));
    let back = office.path("a place for it").join(office.saved("letters/one.txt"));
    assert_eq!(fs::read_to_string(back).unwrap(), "one");
}
