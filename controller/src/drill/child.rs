//! The worker as a process: begun with a pipe that ends when its parent does, watched, and killed where that must be.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::site::SiteDir;

/// Between looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Begins the worker of a drill. `of_server`: it asks whoever serves the site, and nobody else.
pub fn spawn(dir: &SiteDir, keeper: &Path, drill: &str, of_server: bool) -> io::Result<Child> {
    // Also after the program's file was replaced by a newer one.
    let mut command = Command::new("/proc/self/exe");
    command.arg("--state").arg(dir.root()).args(["drill", "work", "--drill", drill]).arg("--keeper").arg(keeper);
    if of_server {
        command.arg("--of-server");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

/// Waits until it has ended; or kills it, where `why` says why, which is returned.
pub fn follow(mut child: Child, mut why: impl FnMut() -> Option<String>) -> Option<String> {
    // Its end of the pipe stays open until then.
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(error) => eprintln!("warning: the worker of a drill cannot be watched: {error}"),
        }
        if let Some(why) = why() {
            let _ = child.kill();
            let _ = child.wait();
            return Some(why);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
