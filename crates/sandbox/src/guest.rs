//! The first process in the box: starts what it is asked to start, reads what that prints, reaps what is orphaned, and
//! says how it ended. It ends when nobody asks any more, and everything in the box with it.

mod output;
mod program;
mod room;

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, Signal, WaitOptions, setrlimit};

use crate::wire::{self, Alone, Answer, Begin, Request, Start};
use output::Output;
use program::{Program, Started};

/// How long it may take to be seen that an orphan ended.
const LOOK: Duration = Duration::from_millis(100);
/// Its own status, where what is in the box took more memory than it may.
pub const OVER_MEMORY: u8 = 97;

pub struct Supervisor {
    from: File,
    to: File,
    env: Vec<(String, String)>,
    alone: Option<Alone>,
    looked: Instant,
    /// In the foreground: one at most.
    current: Option<Program>,
    background: Vec<Program>,
    /// Of programs that ended, while something that they started has it open.
    adrift: Vec<Output>,
}

/// Nobody asks any more, or too much memory is taken.
struct Gone(ExitCode);

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self(ExitCode::SUCCESS)
    }
}

impl Supervisor {
    pub fn new(from: File, to: File, begin: Begin) -> io::Result<Self> {
        limit(&begin)?;
        let Begin { env, alone, .. } = begin;
        let (background, adrift) = (Vec::new(), Vec::new());
        Ok(Self { from, to, env, alone, looked: Instant::now(), current: None, background, adrift })
    }

    pub fn serve(mut self) -> ExitCode {
        match self.answer_all() {
            Ok(never) => never,
            Err(Gone(code)) => code,
        }
    }

    fn answer_all(&mut self) -> Result<ExitCode, Gone> {
        wire::send_json(&mut self.to, &Answer::Begun)?;
        loop {
            while !self.look(true, LOOK)? {}
            let answer = match wire::take_request(&mut self.from)? {
                Request::Look(paths) => Answer::Absent(room::absent(&paths)),
                Request::Run(start) => self.run(&start)?,
                Request::Ended(number) => self.ended(number)?,
                Request::Empty { milliseconds, terminate } => self.empty(milliseconds, terminate)?,
                Request::Begin(_) | Request::Stage(_) => return Err(Gone(ExitCode::FAILURE)),
            };
            let outputs = match &answer {
                Answer::Ended(_) => self.current.take().map(Program::into_outputs),
                _ => None,
            };
            wire::send_json(&mut self.to, &answer)?;
            for output in outputs.into_iter().flatten() {
                wire::send(&mut self.to, output.kept())?;
                self.adrift.extend(output.adrift());
            }
        }
    }

    fn run(&mut self, start: &Start) -> Result<Answer, Gone> {
        let program = match Program::start(start, &self.env) {
            Started::Goes(program) => program,
            Started::NoProgram => return Ok(Answer::NoProgram),
            Started::Not(error) => return Ok(Answer::NotStarted(error)),
        };
        if start.background {
            self.background.push(program);
            return Ok(Answer::Goes(self.background.len() - 1));
        }
        let until = Instant::now() + Duration::from_millis(start.milliseconds);
        self.current = Some(program);
        loop {
            let Some(current) = &mut self.current else { return Err(Gone(ExitCode::FAILURE)) };
            if let Some(end) = current.end() {
                return Ok(Answer::Ended(end));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                current.kill();
            }
            self.look(false, if left.is_zero() { LOOK } else { left.min(LOOK) })?;
        }
    }

    /// How a background program ended; what it printed goes out once.
    fn ended(&mut self, number: usize) -> Result<Answer, Gone> {
        self.look(false, Duration::ZERO)?;
        let Some(program) = self.background.get_mut(number) else { return Ok(Answer::NoProgram) };
        let Some(end) = program.end() else { return Ok(Answer::Goes(number)) };
        self.current = Some(program.give());
        Ok(Answer::Ended(end))
    }

    fn empty(&mut self, milliseconds: u64, terminate: bool) -> Result<Answer, Gone> {
        let until = Instant::now() + Duration::from_millis(milliseconds);
        if terminate {
            room::others()?.into_iter().for_each(|pid| {
                let _ = rustix::process::kill_process(pid, Signal::TERM);
            });
        }
        loop {
            self.look(false, Duration::ZERO)?;
            let left = room::others()?.len() as u64;
            let time = until.saturating_duration_since(Instant::now());
            if left == 0 || time.is_zero() {
                return Ok(Answer::Left(left));
            }
            self.look(false, time.min(LOOK))?;
        }
    }

    /// Waits for something to happen and takes note of it; `Ok(true)`: there is a request.
    fn look(&mut self, requests: bool, most: Duration) -> Result<bool, Gone> {
        let asked = if requests { PollFlags::IN } else { PollFlags::empty() };
        let from = self.from.as_fd();
        let mut polled = vec![PollFd::from_borrowed_fd(from, asked)];
        let programs = self.background.iter().chain(&self.current);
        polled.extend(programs.flat_map(Program::waits_for).chain(self.adrift.iter().filter_map(Output::waits_for)));
        let timeout = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: most.subsec_nanos().into() };
        match rustix::event::poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(io::Error::from(errno).into()),
        }
        let line = polled[0].revents();
        drop(polled);
        if !line.contains(PollFlags::IN) && line.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Err(Gone(ExitCode::SUCCESS));
        }
        self.reap()?;
        for program in self.background.iter_mut().chain(&mut self.current) {
            program.read();
        }
        self.adrift.iter_mut().for_each(Output::read);
        self.adrift.retain(|output| output.waits_for().is_some());
        self.weigh()?;
        Ok(line.contains(PollFlags::IN))
    }

    /// Also what is nobody's child any more, as the first process of a box has to.
    fn reap(&mut self) -> io::Result<()> {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    let mut programs = self.background.iter_mut().chain(&mut self.current);
                    if let Some(program) = programs.find(|its| its.is(pid)) {
                        program.ended(status.exit_status());
                    }
                }
                Ok(None) | Err(Errno::CHILD) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Where no group of the host does it. What processes share counts for each of them.
    fn weigh(&mut self) -> Result<(), Gone> {
        let Some(alone) = self.alone else { return Ok(()) };
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        if room::resident_bytes()? > alone.memory_bytes { Err(Gone(ExitCode::from(OVER_MEMORY))) } else { Ok(()) }
    }
}

/// What programs inherit and cannot raise.
fn limit(begin: &Begin) -> io::Result<()> {
    let both = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Fsize, both(begin.file_bytes))?;
    // With 0 a host that pipes dumps to a program would still start that with the memory of what crashed; 1 is the
    // kernel's word for "not even that" (`fs/coredump.c`).
    setrlimit(Resource::Core, both(1))?;
    if let Some(alone) = begin.alone {
        // What is mapped here already is not theirs.
        setrlimit(Resource::As, both(alone.memory_bytes.saturating_add(room::own_bytes()?)))?;
        setrlimit(Resource::Nproc, both(alone.processes + 1))?;
    }
    Ok(())
}
