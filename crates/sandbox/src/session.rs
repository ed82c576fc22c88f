//! A box that runs, seen from outside: started, asked, ended. While it is waited for, its limits are watched.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

use crate::group::Group;
use crate::guest::OVER_MEMORY;
use crate::stage::Stage;
use crate::watch::{Cut, Watch};
use crate::wire::{self, Answer, Begin, End, Request};

const LOOK: Duration = Duration::from_millis(100);
/// How long a box may take to end once nobody asks it any more.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Of what is said of a box that cannot be made.
const SAID_BYTES: usize = 500;

pub struct Session {
    child: Child,
    /// `None`: nobody asks any more.
    to: Option<OwnedFd>,
    from: OwnedFd,
    said: OwnedFd,
    /// The first process of the box: it is gone only after all others in it.
    first: Option<OwnedFd>,
}

/// A program that ended, with what it printed and what it complained of.
pub struct Spoke {
    pub end: End,
    pub printed: Vec<u8>,
    pub complained: Vec<u8>,
}

impl Session {
    /// Starts what becomes the box, in its group.
    pub fn start(inside: &[&str], group: Option<&Group>) -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.args(inside).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // Before it is told what to become: all that comes of it is in the group.
        let joined = group.map_or(Ok(()), |group| group.add(Pid::from_child(&child)));
        let pipes = joined.and_then(|()| pipes(&mut child));
        match pipes {
            Ok([to, from, said]) => Ok(Self { child, to: Some(to), from, said, first: None }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Makes the box, and asks its supervisor for the first time.
    pub fn begin(&mut self, stage: Stage, begin: Begin, watch: &Watch) -> Result<(), Cut> {
        self.send(&Request::Stage(stage), watch)?;
        match self.call(&Request::Begin(begin), watch)? {
            Answer::Begun => {}
            _ => return Err(strange()),
        }
        let first = children_of(Pid::from_child(&self.child)).into_iter().next();
        first.into_iter().for_each(|pid| watch.disk.is_of(pid));
        self.first = first.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        if self.first.is_some() { Ok(()) } else { Err(Cut::Gone("the box has no first process".into())) }
    }

    pub fn call(&mut self, request: &Request, watch: &Watch) -> Result<Answer, Cut> {
        self.send(request, watch)?;
        self.take(watch, |line| wire::take_answer(line))
    }

    /// What comes after an answer that a program ended.
    pub fn spoke(&mut self, end: End, watch: &Watch) -> Result<Spoke, Cut> {
        let printed = self.take(watch, |line| wire::take_output(line))?;
        let complained = self.take(watch, |line| wire::take_output(line))?;
        let fits = end.printed_bytes >= printed.len() as u64 && end.complained_bytes >= complained.len() as u64;
        if fits { Ok(Spoke { end, printed, complained }) } else { Err(strange()) }
    }

    fn send(&mut self, request: &Request, watch: &Watch) -> Result<(), Cut> {
        let Some(to) = &self.to else { return Err(strange()) };
        let mut line = Line { of: to.as_fd(), watch, cut: None };
        let sent = wire::send_json(&mut line, request);
        let cut = line.cut;
        sent.map_err(|error| cut.unwrap_or_else(|| self.gone(&error, watch)))
    }

    fn take<T>(&mut self, watch: &Watch, read: impl Fn(&mut Line) -> io::Result<T>) -> Result<T, Cut> {
        let mut line = Line { of: self.from.as_fd(), watch, cut: None };
        let taken = read(&mut line);
        let cut = line.cut;
        taken.map_err(|error| cut.unwrap_or_else(|| self.gone(&error, watch)))
    }

    /// Why nothing comes any more.
    fn gone(&mut self, error: &io::Error, watch: &Watch) -> Cut {
        if error.kind() == io::ErrorKind::InvalidData {
            return strange();
        }
        self.to = None;
        let status = self.wait(END_WITHIN);
        if status == Some(OVER_MEMORY.into()) || watch.group.is_some_and(Group::is_over) {
            return Cut::Memory;
        }
        let mut said = [0; SAID_BYTES];
        let count = rustix::io::read(&self.said, &mut said).unwrap_or(0);
        let said = String::from_utf8_lossy(&said[..count]).replace(|c: char| c.is_control(), " ");
        let began = if self.first.is_some() { "the box ended by itself" } else { "no box can be made here" };
        Cut::Gone(if said.trim().is_empty() { began.into() } else { format!("{began}: {}", said.trim()) })
    }

    /// The status of the box, if it ends in that time.
    fn wait(&mut self, most: Duration) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        if let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            wait_for(handle.as_fd(), PollFlags::IN, most);
        }
        self.child.try_wait().ok().flatten().map(|status| status.code().unwrap_or(-1))
    }

    /// Ends the box, at once or when it has seen that nobody asks; returns how much of it is still there.
    pub fn end(mut self, at_once: bool) -> u64 {
        self.to = None;
        let is_gone = !at_once && self.wait(END_WITHIN).is_some();
        if !is_gone {
            let _ = self.child.kill();
        }
        let is_gone = is_gone || self.wait(END_WITHIN).is_some();
        let first = self.first.take();
        let is_empty = first.is_none_or(|first| wait_for(first.as_fd(), PollFlags::IN, END_WITHIN));
        u64::from(!is_gone) + u64::from(!is_empty)
    }
}

fn strange() -> Cut {
    Cut::Gone("the box said something that it was not asked".into())
}

fn pipes(child: &mut Child) -> io::Result<[OwnedFd; 3]> {
    let (to, from, said) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(to), Some(from), Some(said)) = (to, from, said) else { return Err(io::Error::other("no pipe")) };
    let pipes = [OwnedFd::from(to), OwnedFd::from(from), OwnedFd::from(said)];
    pipes.iter().try_for_each(|pipe| rustix::io::ioctl_fionbio(pipe, true))?;
    Ok(pipes)
}

/// `/proc/PID/stat`: `pid (name) state parent …`, where the name may be anything.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(Pid::from_raw);
    let is_child = |pid: &Pid| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split(' ').nth(2)) == Some(parent.as_str())
    };
    pids.filter(is_child).collect()
}

/// Whether it came in that time.
fn wait_for(it: BorrowedFd, what: PollFlags, most: Duration) -> bool {
    let timeout = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: most.subsec_nanos().into() };
    loop {
        match rustix::event::poll(&mut [PollFd::from_borrowed_fd(it, what)], Some(&timeout)) {
            Err(Errno::INTR) => {}
            come => return come.is_ok_and(|count| count > 0),
        }
    }
}

/// A pipe to or from the box, waited for no longer than the box may last.
struct Line<'l, 'w> {
    of: BorrowedFd<'l>,
    watch: &'l Watch<'w>,
    cut: Option<Cut>,
}

impl Line<'_, '_> {
    fn look(&mut self) -> io::Result<()> {
        self.watch.look().map_err(|cut| {
            self.cut = Some(cut);
            io::Error::other("cut")
        })
    }

    fn go_on(&mut self, errno: Errno, what: PollFlags) -> io::Result<()> {
        match errno {
            Errno::INTR => Ok(()),
            Errno::AGAIN => {
                wait_for(self.of, what, LOOK);
                Ok(())
            }
            other => Err(other.into()),
        }
    }
}

impl Read for Line<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.look()?;
            match rustix::io::read(self.of, &mut *buffer) {
                Ok(count) => return Ok(count),
                Err(errno) => self.go_on(errno, PollFlags::IN)?,
            }
        }
    }
}

impl Write for Line<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.look()?;
            match rustix::io::write(self.of, bytes) {
                Ok(count) => return Ok(count),
                Err(errno) => self.go_on(errno, PollFlags::OUT)?,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
