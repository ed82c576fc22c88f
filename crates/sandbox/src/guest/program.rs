//! One program that was started in the box.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::output::Output;
use crate::wire::{End, Start};

pub struct Program {
    pid: Pid,
    /// Wakes when it ends.
    wake: Option<OwnedFd>,
    /// Standard output, standard error; empty once they were given away.
    outputs: Vec<Output>,
    ended: Option<Ended>,
    overdue: bool,
}

#[derive(Clone, Copy)]
struct Ended {
    /// `None`: by a signal.
    status: Option<i32>,
}

pub enum Started {
    Goes(Program),
    NoProgram,
    Not(i32),
}

impl Program {
    pub fn start(start: &Start, env: &[(String, String)]) -> Started {
        let [path, arguments @ ..] = start.argv.as_slice() else { return Started::NoProgram };
        let mut command = Command::new(path);
        command.args(arguments).env_clear().envs(env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let begun = command.spawn().and_then(|mut child| {
            let pid = Pid::from_child(&child);
            let pipes = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
            let outputs = pipes.into_iter().flatten().map(Output::new).collect::<Result<_, _>>()?;
            // Its end is also seen by the look each tenth of a second.
            let wake = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok();
            Ok(Self { pid, wake, outputs, ended: None, overdue: false })
        });
        match begun {
            Ok(program) => Started::Goes(program),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Started::NoProgram,
            Err(error) => Started::Not(error.raw_os_error().unwrap_or_default()),
        }
    }

    pub fn is(&self, pid: Pid) -> bool {
        self.ended.is_none() && self.pid == pid
    }

    pub fn ended(&mut self, status: Option<i32>) {
        self.ended = Some(Ended { status });
        self.wake = None;
    }

    pub fn waits_for(&self) -> impl Iterator<Item = PollFd<'_>> {
        let wake = self.wake.as_ref().map(|wake| PollFd::from_borrowed_fd(wake.as_fd(), PollFlags::IN));
        wake.into_iter().chain(self.outputs.iter().filter_map(Output::waits_for))
    }

    pub fn read(&mut self) {
        self.outputs.iter_mut().for_each(Output::read);
    }

    /// With all that it started and that did not leave its group.
    pub fn kill(&mut self) {
        self.overdue = true;
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
    }

    /// How it ended, if it did; what it printed before that was read.
    pub fn end(&mut self) -> Option<End> {
        let status = self.ended?.status;
        // All that it wrote is there by now; what it left running may write for ever, and is not waited for.
        self.read();
        let [printed, complained] = self.outputs.as_slice() else { return None };
        let (printed_bytes, complained_bytes) = (printed.bytes(), complained.bytes());
        Some(End { status, overdue: self.overdue, printed_bytes, sha256: printed.sha256(), complained_bytes })
    }

    /// It, with what it printed; what stays says that it is gone.
    pub fn give(&mut self) -> Self {
        let outputs = std::mem::take(&mut self.outputs);
        Self { pid: self.pid, wake: None, outputs, ended: self.ended, overdue: self.overdue }
    }

    pub fn into_outputs(self) -> Vec<Output> {
        self.outputs
    }
}
