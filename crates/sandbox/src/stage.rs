//! The last step before the box: this program, in a process of its own, that becomes `bwrap`. What needs files to be
//! open or a view of the host of its own is done here, so that nothing of it stays behind in the runner.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::CloneFlags;
use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use serde::{Deserialize, Serialize};

/// What everything in a box runs as on this host where the runner is root: of a range in which no account and no
/// container has a number. Above 65535 systemd gives none to accounts and services (*Users, Groups, UIDs and GIDs*), and
/// below 100000 (`SUB_UID_MIN`) `useradd` gives none to users' containers (`/etc/subuid`).
pub const USER: u32 = 99_333;
/// Covered in this process's own view of the host: there everywhere, and never one of a recipe's `programs`.
const COVERED: &str = "/tmp";

#[derive(Debug, Serialize, Deserialize)]
pub struct Stage {
    pub bwrap: PathBuf,
    /// Before the files.
    pub before: Vec<String>,
    pub carried: Vec<Carried>,
    /// Made for the box: path and content.
    pub made: Vec<(String, String)>,
    /// After the files, the program among them.
    pub after: Vec<String>,
    /// Whether this is root, which nothing in the box may be.
    pub is_root: bool,
}

/// A file or folder of the host that may be where only root comes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Carried {
    pub from: PathBuf,
    pub to: String,
    pub is_writable: bool,
}

/// Does not return, but for an error.
pub fn enter(stage: &Stage) -> io::Error {
    match ready(stage) {
        Ok((mut command, made)) => {
            let error = command.exec();
            drop(made);
            error
        }
        Err(error) => error,
    }
}

fn ready(stage: &Stage) -> io::Result<(Command, Vec<File>)> {
    let mut command = Command::new(&stage.bwrap);
    command.args(&stage.before).env_clear();
    let sources = if stage.is_root {
        command.uid(USER).gid(USER);
        carry(&stage.carried)?
    } else {
        stage.carried.iter().map(|its| its.from.clone()).collect()
    };
    for (its, from) in stage.carried.iter().zip(sources) {
        command.arg(if its.is_writable { "--bind" } else { "--ro-bind" }).arg(from).arg(&its.to);
    }
    let mut files = Vec::new();
    for (path, content) in &stage.made {
        // Not closed by becoming another program: that reads it.
        let mut file = File::from(memfd_create("pulih", MemfdFlags::empty())?);
        file.write_all(content.as_bytes())?;
        file.rewind()?;
        command.args(["--perms", "0644", "--ro-bind-data", &file.as_raw_fd().to_string(), path]);
        files.push(file);
    }
    command.args(&stage.after);
    Ok((command, files))
}

/// Puts them where another user reaches them, in a view of the host that ends with this process.
fn carry(carried: &[Carried]) -> io::Result<Vec<PathBuf>> {
    nix::sched::unshare(CloneFlags::CLONE_NEWNS)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    // Opened in the new view: what belongs to another cannot be bound. And before it is covered.
    let open = |its: &Carried| {
        let file = rustix::fs::open(&its.from, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok((fs::metadata(&its.from)?.is_dir(), file))
    };
    let open: Vec<(bool, OwnedFd)> = carried.iter().map(open).collect::<io::Result<_>>()?;
    mount("tmpfs", COVERED, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(c"mode=0755,size=1m"))?;
    let put = |(at, (is_folder, file)): (usize, &(bool, OwnedFd))| {
        let to = Path::new(COVERED).join(at.to_string());
        if *is_folder {
            fs::create_dir(&to)?;
        } else {
            File::create(&to)?;
        }
        mount_bind(format!("/proc/self/fd/{}", file.as_raw_fd()), &to)?;
        Ok(to)
    };
    open.iter().enumerate().map(put).collect()
}
