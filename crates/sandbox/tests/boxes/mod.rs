//! A recipe over a folder of the test's own, run by a process of its own; and what it left on this host.

// Each test program uses some of this.
#![allow(dead_code)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// No account has it, and it is not the one that the runner takes as root.
const NOBODY: u32 = 99_334;
pub const RUNNER: &str = env!("CARGO_BIN_EXE_pulih-sandbox-try");

/// Why the test cannot be made here, as a line; then it ends.
pub fn cannot(test: &str) -> bool {
    let said = Command::new(RUNNER).arg("missing").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    if !said.trim().is_empty() {
        println!("{test}: skipped: {}", said.trim());
    }
    !said.trim().is_empty()
}

/// A recipe's folder of data, and its name.
pub struct Place {
    pub folder: TempDir,
    pub name: String,
    pub limits: Limits,
    /// Run as a user who may make no group.
    pub is_alone: bool,
    /// Interrupted once a program has ended.
    pub is_interrupted: bool,
}

pub struct Limits {
    pub time: &'static str,
    pub memory: &'static str,
    pub disk: &'static str,
    pub processes: u32,
}

/// How it ended.
#[derive(Debug)]
pub struct Said {
    pub outcome: String,
    pub text: String,
    pub programs: Vec<Value>,
}

impl Place {
    pub fn new(test: &str) -> Self {
        let limits = Limits { time: "60s", memory: "256MiB", disk: "64MiB", processes: 50 };
        let name = format!("{test}-{}", std::process::id());
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        Self { folder, name, limits, is_alone: false, is_interrupted: false }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes the recipe, with what it does in `steps`.
    pub fn recipe(&self, steps: &str) -> PathBuf {
        let Limits { time, memory, disk, processes } = &self.limits;
        let text = format!(
            "type = \"pulih/recipe/v1\"\nname = \"coba\"\nversion = 1\n\
             datasets = [{{ opd = \"dinkes\", agent = \"app-1\", dataset = \"basis-data\" }}]\n\
             limits = {{ time = \"{time}\", memory = \"{memory}\", disk = \"{disk}\", processes = {processes} }}\n\
             programs = [\"/usr\", \"/bin\", \"/lib\", \"/lib64\"]\n{steps}"
        );
        let path = self.folder.path().join("recipe.toml");
        fs::write(&path, text).unwrap();
        path
    }

    pub fn start(&self, steps: &str) -> Child {
        let recipe = self.recipe(steps);
        let mut command = if self.is_alone { self.runner_of_nobody() } else { Command::new(RUNNER) };
        command.arg(recipe).arg(self.data()).arg(&self.name);
        command
            .args(self.is_interrupted.then_some("interrupt"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The runner where that user reaches it, and the data given to it.
    fn runner_of_nobody(&self) -> Command {
        let runner = self.folder.path().join("runner");
        if !runner.exists() {
            // By another process: a program that one forked here could hold open for writing is no program yet.
            let copied = Command::new("cp").args([RUNNER.as_ref(), runner.as_os_str()]).status().unwrap();
            assert!(copied.success());
        }
        let mut command = Command::new(runner);
        if rustix::process::geteuid().is_root() {
            fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(self.data(), Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        command
    }

    /// Runs it; nothing of it may be on this host afterwards.
    pub fn run(&self, steps: &str) -> Said {
        let output = self.start(steps).wait_with_output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let ended = lines.pop().expect("it says how it ended");
        assert_eq!(ended["leftovers"], 0, "{ended}");
        assert_eq!(self.left(), Vec::<String>::new(), "{ended}");
        let text = |field: &str| ended[field].as_str().unwrap().to_owned();
        Said { outcome: text("outcome"), text: text("text"), programs: lines }
    }

    /// Groups and processes of it on this host: those that carry its name.
    pub fn left(&self) -> Vec<String> {
        let name = format!("pulih-sandbox-{}", self.name);
        let mut left = Vec::new();
        groups(Path::new("/sys/fs/cgroup"), &name, &mut left);
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|its| its.parse::<u32>().ok()) else { continue };
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            // Programs of a test have its name in their arguments, and `bwrap` has the group's.
            if line.contains(&self.name) && pid != std::process::id() {
                left.push(format!("{pid} {line}"));
            }
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        left.extend(
            mounts.lines().filter(|line| line.contains(self.folder.path().to_str().unwrap())).map(str::to_owned),
        );
        left
    }
}

fn groups(folder: &Path, name: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|its| its.is_dir()) {
            if entry.file_name() == name {
                found.push(entry.path().display().to_string());
            }
            groups(&entry.path(), name, found);
        }
    }
}

impl Said {
    /// The one program of that phase and number.
    pub fn program(&self, phase: &str, number: u64) -> &Value {
        let its = |program: &&Value| program["phase"] == phase && program["number"] == number;
        self.programs.iter().find(its).unwrap_or_else(|| panic!("no {phase} {number} in {self:?}"))
    }

    pub fn output(&self, phase: &str, number: u64) -> &str {
        self.program(phase, number)["output"].as_str().unwrap()
    }

    #[track_caller]
    pub fn holds(&self, outcome: &str, text: &str) {
        assert_eq!(self.outcome, outcome, "{self:#?}");
        assert!(self.text.contains(text), "{self:#?}");
    }
}

/// Kills the runner once the recipe's first program has ended; what is left is gone after a sweep.
pub fn kill_and_sweep(place: &Place, steps: &str) {
    let mut runner = place.start(steps);
    let mut lines = BufReader::new(runner.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"phase\":\"up\""));
    assert!(!place.left().is_empty());
    runner.kill().unwrap();
    runner.wait().unwrap();
    let swept = Command::new(RUNNER).args(["sweep", &place.name]).output().unwrap();
    assert_eq!(String::from_utf8(swept.stdout).unwrap(), "0\n");
    assert_eq!(place.left(), Vec::<String>::new());
}

/// What keeps a file that has no name any more.
pub const HIDDEN: [&str; 2] = ["kept.append(f)", "m = mmap.mmap(f.fileno(), 1 << 20); f.close(); kept.append(m)"];

/// A question that writes 16 MiB, of which no walk finds anything.
pub fn hide(how: &str) -> String {
    let code = format!(
        "import os, mmap, time\nkept = []\nfor n in range(16):\n  f = open(\"/data/it\", \"wb+\")\n  \
         f.write(bytes(1 << 20)); f.flush(); os.fsync(f.fileno()); os.remove(\"/data/it\")\n  {how}\ntime.sleep(600)"
    );
    shell("ask", &format!("exec /usr/bin/python3 -c '{code}'"))
}

/// A step that a shell does.
pub fn shell(step: &str, script: &str) -> String {
    format!("[[{step}]]\nrun = [\"/bin/sh\", \"-c\", {}]\n", Value::from(script))
}
