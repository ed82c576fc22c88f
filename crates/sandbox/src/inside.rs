//! What this program is when it was started for a box: first the stage before it, then, in it, the supervisor.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::guest::Supervisor;
use crate::stage;
use crate::wire::{self, Request};

/// What the supervisor does inside; never returns to other work. A program calls it as soon as it sees the arguments
/// that it gave as [`crate::Run::inside`], before it starts a thread or opens anything.
pub fn inside() -> ExitCode {
    match serve() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the box cannot be made: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<ExitCode> {
    // What runs beside the supervisor as the same user could otherwise trace it, or answer in its place by way of
    // `/proc/1/fd`. A signal from in there does not reach the first process of the box.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    close_inherited()?;
    let mut from = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    match wire::take_request(&mut from)? {
        Request::Stage(stage) => Err(stage::enter(&stage)),
        Request::Begin(begin) => Ok(Supervisor::new(from, to, begin)?.serve()),
        _ => Err(io::Error::other("it was asked before it was begun")),
    }
}

/// A folder that somebody left open would be a way out of the box.
fn close_inherited() -> io::Result<()> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    let open: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        // The one that listed them is closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}
