//! After a crash: what a run left.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::bwrap::MARK;
use crate::group::{self, Group};
use crate::session::children_of;

const GONE_WITHIN: Duration = Duration::from_secs(10);

/// After a crash: ends what a run of that name left, returns how much is still there. A box ends with who runs it, so
/// that there is hardly more than its group. When this returns 0, nothing of it writes any more.
pub fn sweep(name: &str) -> u64 {
    let mark = group::named(name);
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let boxes: Vec<Pid> = pids.filter(|pid| is_box(*pid, &mark)).collect();
    let killed: Vec<OwnedFd> = boxes.into_iter().flat_map(|pid| killed(pid, &mark)).collect();
    let until = Instant::now() + GONE_WITHIN;
    let left = killed.iter().filter(|its| !is_gone(its, until)).count() as u64;
    left + Group::left(name).end()
}

/// `bwrap` of that mark, or the first process in its box, which has the mark around it: what these run has neither, and
/// goes with them.
fn is_box(pid: Pid, mark: &str) -> bool {
    let read = |file: &str| fs::read(format!("/proc/{}/{file}", pid.as_raw_nonzero())).unwrap_or_default();
    let (line, around) = (read("cmdline"), read("environ"));
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let named = format!("{MARK}={mark}");
    words.windows(3).any(|its| its == [b"--setenv", MARK.as_bytes(), mark.as_bytes()])
        || around.split(|byte| *byte == 0).any(|its| its == named.as_bytes())
}

/// Kills it and what it runs; both are to be waited for. `bwrap` may be gone before the box is, and the box's first
/// process is gone only after all others in it.
fn killed(pid: Pid, mark: &str) -> Vec<OwnedFd> {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return Vec::new() };
    // The number may be another's by now.
    if !is_box(pid, mark) {
        return Vec::new();
    }
    // Stopped, it waits for no child: their numbers stay theirs.
    let _ = pidfd_send_signal(&handle, Signal::STOP);
    let children = children_of(pid).into_iter();
    let mut all: Vec<OwnedFd> = children.filter_map(|child| pidfd_open(child, PidfdFlags::empty()).ok()).collect();
    all.push(handle);
    for its in &all {
        let _ = pidfd_send_signal(its, Signal::KILL);
    }
    all
}

fn is_gone(handle: &OwnedFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match rustix::event::poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&timeout)) {
            Err(Errno::INTR) => {}
            come => return come.is_ok_and(|count| count > 0),
        }
    }
}
