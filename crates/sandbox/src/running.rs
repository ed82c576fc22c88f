//! A box, asked step by step what the recipe says.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use pulih_policies::{Answered, DATA, Program as Named, Up};

use crate::course::Course;
use crate::session::{Session, Spoke};
use crate::stage::Stage;
use crate::watch::{Cut, Watch};
use crate::wire::{Answer, Begin, KEPT_BYTES, Request, Start};
use crate::{Phase, Program, Run};

/// How long after `down` what came up may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// Between two tries of `ready`.
const PAUSE: Duration = Duration::from_millis(200);
/// Of the output that is kept of a program, for what it complained of.
const COMPLAINED_BYTES: usize = 16 << 10;

pub struct Running<'r> {
    pub its: &'r Run<'r>,
    pub session: Session,
    pub watch: &'r Watch<'r>,
    pub course: Course,
    /// By their number in `up`: what the supervisor calls them, and since when they go.
    pub background: BTreeMap<usize, (usize, Instant)>,
}

impl Running<'_> {
    pub fn go(&mut self, stage: Stage, begin: Begin) -> Result<(), Cut> {
        self.session.begin(stage, begin, self.watch)?;
        self.course.has_begun = true;
        if self.absent()? {
            return Ok(());
        }
        let recipe = self.its.recipe;
        let mut is_up = true;
        for (at, up) in recipe.up.iter().enumerate() {
            is_up = is_up && self.bring_up(at + 1, up)?;
        }
        for (at, question) in recipe.ask.iter().enumerate().filter(|_| is_up) {
            self.program(Phase::Ask, at + 1, &question.run, &|spoke| {
                let is_all = spoke.end.printed_bytes == spoke.printed.len() as u64;
                let Spoke { end, printed, .. } = spoke;
                question.expect.check(&Answered { status: end.status, printed, is_all, sha256: &end.sha256 })
            })?;
        }
        for number in self.background.keys().copied().collect::<Vec<_>>() {
            self.goes_on(number)?;
        }
        for (at, run) in recipe.down.iter().enumerate() {
            self.program(Phase::Down, at + 1, run, &status_is_0)?;
        }
        self.empty()
    }

    /// Before anything comes up. What is in the data may come of what comes up.
    fn absent(&mut self) -> Result<bool, Cut> {
        let all = self.its.recipe.all_programs().filter(|program| !is_data(program));
        let mut paths: Vec<String> = all.map(|program| program.path().to_owned()).collect();
        paths.sort_unstable();
        paths.dedup();
        match self.session.call(&Request::Look(paths.clone()), self.watch)? {
            Answer::Absent(which) => {
                let named = which.into_iter().filter_map(|at| paths.get(at)).map(|path| format!("{path} is not there"));
                self.course.absent.extend(named);
                Ok(!self.course.absent.is_empty())
            }
            _ => Err(strange()),
        }
    }

    /// Whether it is up.
    fn bring_up(&mut self, number: usize, up: &Up) -> Result<bool, Cut> {
        if up.background {
            let begun = Instant::now();
            let start = Start { argv: up.run.argv().to_vec(), background: true, milliseconds: 0 };
            match self.session.call(&Request::Run(start), self.watch)? {
                Answer::Goes(its) => drop(self.background.insert(number, (its, begun))),
                other => return self.not_started(Phase::Up, number, &up.run, &other).map(|()| false),
            }
        } else if !self.program(Phase::Up, number, &up.run, &status_is_0)? {
            return Ok(false);
        }
        let Some(ready) = &up.ready else { return Ok(true) };
        let until = Instant::now() + Duration::from_secs(ready.within.seconds());
        loop {
            let begun = Instant::now();
            let spoke = match self.ask_to_run(&ready.run, until)? {
                Ok(spoke) => spoke,
                Err(other) => return self.not_started(Phase::Ready, number, &ready.run, &other).map(|()| false),
            };
            let is_ready = spoke.end.status == Some(0) && !spoke.end.overdue;
            let is_over = Instant::now() + PAUSE >= until;
            let goes_on = is_ready || is_over || self.goes_on(number)?;
            if is_ready || is_over || !goes_on {
                let wrong = (!is_ready).then_some("it was not ready in its time");
                self.told(Phase::Ready, number, Some(&spoke), wrong, begun);
                return Ok(is_ready);
            }
            self.pause(PAUSE)?;
        }
    }

    /// Whether what runs in the background still does, where there is one of that number.
    fn goes_on(&mut self, number: usize) -> Result<bool, Cut> {
        let Some(ended) = self.background_end(number)? else { return Ok(true) };
        let (spoke, begun) = ended;
        let status = spoke.end.status.map_or_else(|| "by a signal".into(), |its| format!("with status {its}"));
        let wrong = format!("it ended {status} before it was taken down");
        self.told(Phase::Up, number, Some(&spoke), Some(&wrong), begun);
        Ok(false)
    }

    fn background_end(&mut self, number: usize) -> Result<Option<(Spoke, Instant)>, Cut> {
        let Some((its, begun)) = self.background.get(&number).copied() else { return Ok(None) };
        match self.session.call(&Request::Ended(its), self.watch)? {
            Answer::Goes(_) => Ok(None),
            Answer::Ended(end) => {
                self.background.remove(&number);
                Ok(Some((self.session.spoke(end, self.watch)?, begun)))
            }
            _ => Err(strange()),
        }
    }

    /// Runs one that is waited for, and tells; whether it was as it should be.
    fn program(
        &mut self,
        phase: Phase,
        number: usize,
        run: &Named,
        check: &dyn Fn(&Spoke) -> Result<(), String>,
    ) -> Result<bool, Cut> {
        let begun = Instant::now();
        // The box's own time comes first.
        let spoke = match self.ask_to_run(run, self.watch.until + PAUSE)? {
            Ok(spoke) => spoke,
            Err(other) => return self.not_started(phase, number, run, &other).map(|()| false),
        };
        Ok(self.told(phase, number, Some(&spoke), check(&spoke).err().as_deref(), begun))
    }

    fn ask_to_run(&mut self, run: &Named, until: Instant) -> Result<Result<Spoke, Answer>, Cut> {
        let milliseconds = until.saturating_duration_since(Instant::now()).as_millis() as u64;
        let start = Start { argv: run.argv().to_vec(), background: false, milliseconds };
        match self.session.call(&Request::Run(start), self.watch)? {
            Answer::Ended(end) => self.session.spoke(end, self.watch).map(Ok),
            other => Ok(Err(other)),
        }
    }

    fn not_started(&mut self, phase: Phase, number: usize, run: &Named, answer: &Answer) -> Result<(), Cut> {
        let why = match answer {
            Answer::NoProgram if is_data(run) => "the restored data does not have this program".into(),
            Answer::NoProgram => "this program, or what it is to be run by, is not there".into(),
            Answer::NotStarted(error) => format!("it cannot be started: {}", io::Error::from_raw_os_error(*error)),
            _ => return Err(strange()),
        };
        if matches!(answer, Answer::NoProgram) && !is_data(run) {
            let text = format!("{} {number}: {why}", phase.as_str());
            self.course.absent.push(text);
            let (status, output, left_out, took) = (None, &[][..], 0, Duration::ZERO);
            let told = Program { phase, number, is_right: false, text: &why, status, output, left_out, took };
            self.its.told.program(&told);
        } else {
            self.told(phase, number, None, Some(&why), Instant::now());
        }
        Ok(())
    }

    fn told(
        &mut self,
        phase: Phase,
        number: usize,
        spoke: Option<&Spoke>,
        wrong: Option<&str>,
        begun: Instant,
    ) -> bool {
        let (output, left_out) = spoke.map_or((Vec::new(), 0), kept);
        let (is_right, text) = (wrong.is_none(), wrong.unwrap_or_default());
        let (status, took) = (spoke.and_then(|its| its.end.status), begun.elapsed());
        self.its.told.program(&Program { phase, number, is_right, text, status, output: &output, left_out, took });
        if !is_right {
            self.course.wrong.push(format!("{} {number}: {text}", phase.as_str()));
        }
        is_right
    }

    /// Afterwards nothing may be left. Where the recipe takes nothing down, all is told to end.
    fn empty(&mut self) -> Result<(), Cut> {
        let (milliseconds, terminate) = (GONE_WITHIN.as_millis() as u64, self.its.recipe.down.is_empty());
        let request = Request::Empty { milliseconds, terminate };
        let Answer::Left(left) = self.session.call(&request, self.watch)? else { return Err(strange()) };
        for number in self.background.keys().copied().collect::<Vec<_>>() {
            if let Some((spoke, begun)) = self.background_end(number)? {
                self.told(Phase::Up, number, Some(&spoke), None, begun);
            }
        }
        if left > 0 {
            self.course
                .wrong
                .push(format!("{left} processes of it were still there 30 seconds after it was taken down"));
        }
        Ok(())
    }

    fn pause(&self, most: Duration) -> Result<(), Cut> {
        thread::sleep(most);
        self.watch.look()
    }
}

fn is_data(run: &Named) -> bool {
    run.path().starts_with(DATA)
}

fn status_is_0(spoke: &Spoke) -> Result<(), String> {
    match spoke.end.status {
        Some(0) => Ok(()),
        Some(status) => Err(format!("it ended with status {status}")),
        None => Err("it ended by a signal".into()),
    }
}

/// The beginning of both, and how much more there was.
fn kept(spoke: &Spoke) -> (Vec<u8>, u64) {
    let complained = &spoke.complained[..spoke.complained.len().min(COMPLAINED_BYTES)];
    let printed = &spoke.printed[..spoke.printed.len().min(KEPT_BYTES - complained.len())];
    let output = [printed, complained].concat();
    let all = spoke.end.printed_bytes.saturating_add(spoke.end.complained_bytes);
    let left_out = all.saturating_sub(output.len() as u64);
    (output, left_out)
}

fn strange() -> Cut {
    Cut::Gone("the box said something that it was not asked".into())
}
