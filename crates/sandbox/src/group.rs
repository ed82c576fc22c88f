//! The host's group for a box: bounds memory and processes, and knows all that is in it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::mounted::{Hierarchy, hierarchies};

const PREFIX: &str = "pulih-sandbox-";
/// Where this program goes, for its own group to have groups.
const OWN_LEAF: &str = "pulih-main";
/// How long what was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);
const CONTROLLERS: [&str; 2] = ["memory", "pids"];

/// One folder (v2), or one each for memory and processes (v1).
#[derive(Debug)]
pub struct Group {
    folders: Vec<PathBuf>,
}

/// The name of a group, or none of another's.
pub fn named(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    format!("{PREFIX}{}", name.chars().take(120).map(plain).collect::<String>())
}

impl Group {
    /// `Err`: this host lets us have none.
    pub fn make(name: &str, memory_bytes: u64, processes: u64) -> io::Result<Self> {
        let hierarchies = hierarchies()?;
        let of =
            |controller| hierarchies.iter().find(|its| its.is_v1 && its.controllers.iter().any(|c| c == controller));
        let parents = match (of(CONTROLLERS[0]), of(CONTROLLERS[1])) {
            (Some(memory), Some(pids)) => vec![memory.own.clone(), pids.own.clone()],
            _ => vec![unified(&hierarchies)?],
        };
        let mut group = Self { folders: Vec::new() };
        let made = parents.iter().try_for_each(|parent| {
            let folder = parent.join(named(name));
            fs::create_dir(&folder)?;
            group.folders.push(folder);
            Ok(())
        });
        match made.and_then(|()| group.limit(memory_bytes, processes)) {
            Ok(()) => Ok(group),
            Err(error) => {
                group.end();
                Err(error)
            }
        }
    }

    /// Those of that name, wherever they are: the process that made one may have been in another group.
    pub fn left(name: &str) -> Self {
        let mut folders = Vec::new();
        for its in hierarchies().unwrap_or_default() {
            find(&its.mounted, &named(name), 16, &mut folders);
        }
        folders.dedup();
        Self { folders }
    }

    fn limit(&self, memory_bytes: u64, processes: u64) -> io::Result<()> {
        let memory = memory_bytes.to_string();
        self.write("pids.max", &processes.to_string())?;
        if self.has("memory.max") {
            self.write("memory.max", &memory)?;
            self.write("memory.oom.group", "1")?;
            return if self.has("memory.swap.max") { self.write("memory.swap.max", "0") } else { Ok(()) };
        }
        self.write("memory.limit_in_bytes", &memory)?;
        // With it what is swapped out counts too.
        if self.has("memory.memsw.limit_in_bytes") {
            self.write("memory.memsw.limit_in_bytes", &memory)
        } else {
            Ok(())
        }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join(name)).find(|path| path.exists())
    }

    fn has(&self, name: &str) -> bool {
        self.file(name).is_some()
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.file(name).ok_or_else(|| io::Error::new(ErrorKind::NotFound, format!("no {name}")))?;
        fs::write(path, text)
    }

    pub fn add(&self, pid: Pid) -> io::Result<()> {
        let text = pid.as_raw_nonzero().to_string();
        self.folders.iter().try_for_each(|folder| fs::write(folder.join("cgroup.procs"), &text))
    }

    /// Whether something was killed for the memory that it wanted.
    pub fn is_over(&self) -> bool {
        let counted = |name| self.file(name).and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        ["memory.events", "memory.oom_control"].into_iter().any(|name| {
            counted(name).lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|count| count != "0"))
        })
    }

    fn processes(&self) -> Vec<Pid> {
        let read = |folder: &PathBuf| fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        let pids = self.folders.iter().map(read).collect::<String>();
        let pids: BTreeSet<i32> = pids.lines().filter_map(|its| its.parse().ok()).collect();
        pids.into_iter().filter_map(Pid::from_raw).collect()
    }

    /// Kills all in it and takes it away; returns how many processes and groups are still there.
    pub fn end(&self) -> u64 {
        let until = Instant::now() + GONE_WITHIN;
        loop {
            let processes = self.processes();
            for pid in &processes {
                let _ = rustix::process::kill_process(*pid, Signal::KILL);
            }
            // Fails as long as something is in it.
            self.folders.iter().for_each(|folder| drop(fs::remove_dir(folder)));
            let groups = self.folders.iter().filter(|folder| folder.exists()).count();
            if groups == 0 || Instant::now() > until {
                return if groups == 0 { 0 } else { (groups + self.processes().len()) as u64 };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn find(folder: &Path, name: &str, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|its| its.is_dir())) {
        if entry.file_name() == name {
            found.push(entry.path());
        } else if depth > 0 {
            find(&entry.path(), name, depth - 1, found);
        }
    }
}

/// The group of the unified hierarchy below which one can be made, with both controllers on.
fn unified(hierarchies: &[Hierarchy]) -> io::Result<PathBuf> {
    let none = || io::Error::other("no group that bounds memory and processes can be made on this host");
    let its = hierarchies.iter().find(|its| !its.is_v1).ok_or_else(none)?;
    let is_root = rustix::process::geteuid().is_root();
    // This program may have moved itself aside before.
    let own = if its.own.ends_with(OWN_LEAF) { its.own.parent().unwrap_or(&its.own) } else { &its.own };
    let of_own = is_delegated(own).then(|| own.to_owned());
    // The hierarchy's root alone may have processes beside groups.
    let parents = of_own.into_iter().chain(is_root.then(|| its.mounted.clone()));
    parents.into_iter().find(|parent| switch_on(parent).is_ok()).ok_or_else(none)
}

/// Given to us by the service manager (`Delegate=`).
fn is_delegated(own: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    user != 0 && fs::metadata(own.join("cgroup.procs")).is_ok_and(|its| its.uid() == user)
}

fn switch_on(parent: &Path) -> io::Result<()> {
    let switch = || fs::write(parent.join("cgroup.subtree_control"), "+memory +pids");
    match switch() {
        // A group has processes or groups; ours are moved aside, and nobody else's.
        Err(error) if error.kind() == ErrorKind::ResourceBusy && is_delegated(parent) => {
            let leaf = parent.join(OWN_LEAF);
            fs::create_dir(&leaf).or_else(|error| if leaf.is_dir() { Ok(()) } else { Err(error) })?;
            for pid in fs::read_to_string(parent.join("cgroup.procs"))?.lines() {
                fs::write(leaf.join("cgroup.procs"), pid)?;
            }
            switch()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the files that a kernel would make.
    fn group(files: &[(&str, &str)]) -> (tempfile::TempDir, Group) {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        let folders = vec![folder.path().to_owned()];
        (folder, Group { folders })
    }

    #[test]
    fn both_versions_are_told_the_same_limits() {
        let (v2, group) = self::group(&[
            ("memory.max", "max"),
            ("memory.swap.max", "max"),
            ("memory.oom.group", "0"),
            ("memory.events", "low 0\noom_kill 0\n"),
            ("pids.max", "max"),
        ]);
        group.limit(1 << 20, 7).unwrap();
        let read = |name| fs::read_to_string(v2.path().join(name)).unwrap();
        assert_eq!(
            ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max"].map(read),
            ["1048576", "0", "1", "7"]
        );
        assert!(!group.is_over());
        fs::write(v2.path().join("memory.events"), "low 0\noom_kill 2\n").unwrap();
        assert!(group.is_over());
        let (v1, group) = self::group(&[
            ("memory.limit_in_bytes", ""),
            ("memory.memsw.limit_in_bytes", ""),
            ("memory.oom_control", "under_oom 1\noom_kill 0\n"),
            ("pids.max", "max"),
        ]);
        group.limit(1 << 20, 7).unwrap();
        let read = |name| fs::read_to_string(v1.path().join(name)).unwrap();
        let files = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "pids.max"];
        assert_eq!(files.map(read), ["1048576", "1048576", "7"]);
        assert!(!group.is_over());
    }

    #[test]
    fn a_host_that_cannot_bound_one_of_them_gives_no_group() {
        let (_folder, group) = self::group(&[("memory.max", "max"), ("memory.oom.group", "0")]);
        assert!(group.limit(1 << 20, 7).is_err());
    }

    #[test]
    fn a_name_is_no_path() {
        assert_eq!(named("d-3f9c.1"), "pulih-sandbox-d-3f9c.1");
        assert_eq!(named("../x y"), "pulih-sandbox-.._x_y");
    }
}
