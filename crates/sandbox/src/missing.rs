//! Whether a recipe can be run on this host at all.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::{bwrap, stage};

pub const NO_BWRAP: &str = "bwrap is not here: apt-get install bubblewrap";
const SAID_CHARS: usize = 300;

/// Why no recipe can be run on this host: no `bwrap`, or none that this user may make a box with. `None`: one can.
/// Memory and processes are bounded by a group of the host where one can be made, else by limits of each process, which
/// hold because nothing in a box is root.
pub fn missing() -> Option<String> {
    let Some(path) = bwrap::find() else { return Some(NO_BWRAP.into()) };
    let mut command = Command::new(path);
    command.args(bwrap::CLOSED).args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "/bin/true"]);
    command.env_clear().current_dir("/").stdin(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(stage::USER).gid(stage::USER);
    }
    match command.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).replace(|c: char| c.is_control(), " ");
            let said: String = said.trim().chars().take(SAID_CHARS).collect();
            Some(format!("bwrap cannot make a box here; user namespaces must be allowed to this service: {said}"))
        }
        Err(error) => Some(format!("bwrap cannot be started: {error}")),
    }
}
