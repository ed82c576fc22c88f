//! After a crash: what a run left.

use std::fs;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::bwrap::MARK;
use crate::group::{self, Group};

const GONE_WITHIN: Timespec = Timespec { tv_sec: Duration::from_secs(10).as_secs() as i64, tv_nsec: 0 };

/// After a crash: ends what a run of that name left, returns how much is still there. A box ends with who runs it, so
/// that there is hardly more than its group.
pub fn sweep(name: &str) -> u64 {
    let mark = group::named(name);
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let boxes: Vec<Pid> = pids.filter(|pid| is_box(*pid, &mark)).collect();
    let left = boxes.into_iter().filter(|pid| !is_ended(*pid, &mark)).count() as u64;
    left + Group::left(name).end()
}

/// `bwrap` of that mark: what it runs has another command line, and goes with it.
fn is_box(pid: Pid, mark: &str) -> bool {
    let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    words.windows(3).any(|its| its == [b"--setenv", MARK.as_bytes(), mark.as_bytes()])
}

fn is_ended(pid: Pid, mark: &str) -> bool {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    // The number may be another's by now.
    if !is_box(pid, mark) {
        return true;
    }
    let _ = pidfd_send_signal(&handle, Signal::KILL);
    let mut polled = [PollFd::new(&handle, PollFlags::IN)];
    rustix::event::poll(&mut polled, Some(&GONE_WITHIN)).is_ok_and(|count| count > 0)
}
