//! `run`: the daemon. One thread decides and saves, dataset after dataset; beside it one talks to
//! the site, so that reports and policies go on through a backup of hours, and one tells systemd
//! that both are alive. What the next run needs is on disk before it begins: the process may be
//! killed at any moment.

mod attempt;
mod beat;
mod certificate;
mod lag;
pub mod shared;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pulih_policies::Pattern;
use pulih_protocol::report::{DatasetReport, Job, JobOutcome};
use pulih_vault::layout::DatasetName;
use pulih_vault::utc;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::args::Run as Args;
use super::failure::{Failure, Outcome};
use super::output::size;
use super::{Context, tell};
use crate::backup;
use crate::config::{Config, DEFAULT_PLACE};
use crate::daemon::due::{Decision, Run, Standing, Whose, decide, next_run};
use crate::daemon::follow::{Followed, holding};
use crate::daemon::notify::{Notify, watchdog_interval};
use crate::state::{DatasetMemory, LastRun, Memory, StateError};
use attempt::Attempt;
use lag::Heard;
use shared::Shared;

/// The longest sleep: a clock that was set, or a machine that slept, is noticed after it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let path = config_place(args.config.as_ref());
    let config = Config::read(&path)?;
    let state = context.state()?;
    let site = state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
    let Some(_lock) = state.lock_run()? else {
        return Err(Failure::said(format!(
            "another `pulih-agent run` works with the state in {}",
            state.path().display()
        )));
    };
    // Only a warning: with fewer files open the walk is slower, and it still comes to the end.
    if let Err(error) = crate::source::limit::raise_file_limit() {
        context.warn(&format!("cannot raise the limit of open files: {error}"));
    }
    let signals = Signals::catch()?;
    let notify = Notify::new(std::env::var_os("NOTIFY_SOCKET").as_deref())
        .map_err(|error| Failure::said(format!("cannot use the socket that NOTIFY_SOCKET names: {error}")))?;
    let shared = Arc::new(Shared::new(state.clone(), context.clock, notify, signals.waker()?, path.clone())?);
    let memory = or_anew(state.memory())?;
    let started = (context.clock)();
    let mut daemon = Daemon {
        agent: site.agent,
        opd: site.opd,
        path,
        config,
        accepted: None,
        planned_by: None,
        memory,
        started,
        shared,
        signals,
        context,
    };
    daemon.go_on()?;
    Ok(Outcome::Done)
}

pub const NOT_ENROLLED: &str =
    "this server is not enrolled with a Pusat Data; `pulih-agent enroll https://HOST:PORT --token …` does that";

pub fn config_place(asked: Option<&PathBuf>) -> PathBuf {
    asked.cloned().unwrap_or_else(|| DEFAULT_PLACE.into())
}

/// A damaged file of the daemon's own costs what it remembered, and never the next backup.
pub fn or_anew<T: Default>(read: Result<T, StateError>) -> Result<T, StateError> {
    match read {
        Err(error @ StateError::DamagedCache { .. }) => {
            tell("warning", &format!("{error} (going on without it)"));
            Ok(T::default())
        }
        read => read,
    }
}

/// What signals do to the daemon: end it (the flag of all commands), or have it look again.
struct Signals {
    look_again: Arc<AtomicBool>,
    /// A byte in it ends a sleep.
    sleeper: UnixStream,
    waker: UnixStream,
}

impl Signals {
    fn catch() -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::said(format!("cannot catch signals: {error}"));
        let (sleeper, waker) = UnixStream::pair().map_err(cannot)?;
        waker.set_nonblocking(true).map_err(cannot)?;
        let look_again = Arc::new(AtomicBool::new(false));
        flag::register(SIGHUP, look_again.clone()).map_err(cannot)?;
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let waker = waker.try_clone().map_err(cannot)?;
            low_level::pipe::register(signal, waker).map_err(cannot)?;
        }
        Ok(Self { look_again, sleeper, waker })
    }

    fn waker(&self) -> Result<UnixStream, Failure> {
        self.waker.try_clone().map_err(|error| Failure::said(format!("cannot make a pipe: {error}")))
    }

    /// Sleeps for so long, or until something happens.
    fn sleep(&mut self, time: Duration) {
        // A time of zero would mean without end.
        let time = time.clamp(Duration::from_millis(10), LONGEST_SLEEP);
        if self.sleeper.set_read_timeout(Some(time)).is_err() {
            std::thread::sleep(Duration::from_secs(1));
            return;
        }
        let _ = self.sleeper.read(&mut [0; 64]);
    }
}

struct Daemon<'a> {
    /// The names that the site knows this agent and its OPD by.
    agent: String,
    opd: String,
    path: PathBuf,
    config: Config,
    /// The policy whose excludes were accepted on this server.
    accepted: Option<Followed>,
    /// The policy by which runs were planned last.
    planned_by: Option<Arc<Followed>>,
    memory: Memory,
    started: i64,
    shared: Arc<Shared>,
    signals: Signals,
    context: &'a Context,
}

impl Daemon<'_> {
    fn go_on(&mut self) -> Result<(), Failure> {
        let site = beat::start(self.shared.clone())?;
        let variable = |name: &str| std::env::var(name).ok();
        let usec = variable("WATCHDOG_USEC");
        if let Some(every) = watchdog_interval(usec.as_deref(), variable("WATCHDOG_PID").as_deref(), std::process::id())
        {
            shared::watch(self.shared.clone(), every)?;
        }
        self.shared.notify.ready();
        let datasets = self.config.datasets.len();
        self.context.inform(&format!("{} with {datasets} datasets of {}", crate::PROGRAM, self.path.display()));
        let mut told = String::new();
        while !self.context.stop.load(Ordering::Relaxed) {
            self.shared.alive_for(LONGEST_SLEEP * 5);
            if self.signals.look_again.swap(false, Ordering::Relaxed) {
                self.look_again();
                site.now();
            }
            let now = (self.context.clock)();
            let (followed, runs) = self.runs(now);
            site.must_live()?;
            if self.shared.is_urgent() {
                site.now();
            }
            match decide(now, &runs) {
                Decision::Begin(dataset, run) => {
                    self.save(&dataset, run);
                    site.now();
                }
                Decision::Wait(until) => {
                    let words = self.words(followed.as_deref(), &runs);
                    if words != told {
                        self.context.inform(&words);
                        self.shared.notify.status(&words);
                        told = words;
                    }
                    let seconds = until.map_or(i64::MAX, |until| until.saturating_sub(now));
                    self.signals.sleep(Duration::from_secs(seconds.max(0) as u64));
                }
            }
        }
        self.shared.notify.stopping();
        Ok(())
    }

    /// After SIGHUP: what people change by hand is read again. What is wrong changes nothing.
    fn look_again(&mut self) {
        match Config::read(&self.path) {
            Ok(config) => self.config = config,
            Err(error) => self.context.warn(&format!("{error}\nwhat was read before stays in force")),
        }
        self.read_accepted();
    }

    fn read_accepted(&mut self) {
        match self.shared.state.accepted_policy() {
            Ok(accepted) => self.accepted = accepted,
            Err(error) => {
                self.context.warn(&format!("{error}; no exclude of a policy is followed until then"));
                self.accepted = None;
            }
        }
    }

    /// The next run of each dataset, by the policy that is followed now; and tells who reports.
    fn runs(&mut self, now: i64) -> (Option<Arc<Followed>>, BTreeMap<DatasetName, Run>) {
        let followed = self.shared.policy();
        if followed != self.planned_by {
            self.read_accepted();
            self.planned_by.clone_from(&followed);
        }
        let mut runs = BTreeMap::new();
        let mut reports = Vec::new();
        let mut met = false;
        let heard = Heard::read(&self.shared.state, &self.agent);
        for (name, dataset) in &self.config.datasets {
            let memory = self.memory.entry(name.clone()).or_insert_with(|| {
                met = true;
                DatasetMemory { standing: Standing::new(now), running_since: None, last: None }
            });
            let run = followed.as_ref().and_then(|followed| {
                let accepted = self.accepted.as_ref().map(|its| &its.policy);
                let holding = holding(&followed.policy, accepted, dataset.class, &self.opd, name.as_str())?;
                warn_of_wider(&self.shared, followed, name, &holding.wider);
                if let Some(heard) = &heard {
                    let target = holding.rules.targets.rpo_drc.seconds() as i64;
                    heard.warn_of_lag(&self.shared, name, &memory.standing, target, now);
                }
                let whose = Whose { agent: &self.agent, dataset: name.as_str() };
                let since = self.started.max(followed.taken);
                next_run(&holding.rules.timetable(followed.policy.zone), whose, &memory.standing, now, since)
            });
            reports.push(DatasetReport {
                dataset: name.to_string(),
                class: dataset.class.to_string(),
                running: false,
                next: run.map(|run| utc::rfc3339(run.begins.max(now))),
                overdue_since: run.and_then(|run| run.overdue_since(&memory.standing, now)).map(utc::rfc3339),
            });
            runs.extend(run.map(|run| (name.clone(), run)));
        }
        self.shared.set_datasets(reports);
        if met {
            self.save_memory();
        }
        (followed, runs)
    }

    fn words(&self, followed: Option<&Followed>, runs: &BTreeMap<DatasetName, Run>) -> String {
        let Some(followed) = followed else { return "waiting for the first policy from the site".to_owned() };
        let Some((dataset, run)) = runs.iter().min_by_key(|(_, run)| run.begins) else {
            return format!("{} names no dataset; nothing is saved", self.path.display());
        };
        let zone = followed.policy.zone;
        format!("next: {dataset} at {} (policy {})", zone.print_with_weekday(run.begins), followed.title())
    }

    /// One run of one dataset, from writing down that it begins to reporting how it ended.
    fn save(&mut self, name: &DatasetName, run: Run) {
        let began = (self.context.clock)();
        self.remember(name, |memory| {
            memory.standing.begin(run.due, began);
            memory.running_since = Some(began);
        });
        self.shared.running(name.as_str());
        self.shared.notify.status(&format!("saving {name}"));
        self.context.inform(&format!("saving {name}"));
        self.read_accepted();
        let result = self.attempt(name);
        let ended = (self.context.clock)();
        self.shared.running("");
        if result.is_err() && self.context.stop.load(Ordering::Relaxed) {
            self.context.inform(&format!("stopped while saving {name}; the next run goes on with what was stored"));
            self.remember(name, |memory| {
                memory.standing.stop(run.due, ended);
                memory.running_since = None;
            });
            return;
        }
        let job = self.judge(name, began, ended, &result);
        self.remember(name, |memory| {
            let snapshot = job.snapshot.clone().or_else(|| memory.last.take().and_then(|last| last.snapshot));
            memory.running_since = None;
            memory.last = Some(LastRun { ended, error: job.error.clone(), snapshot });
            match job.outcome {
                JobOutcome::Failed => memory.standing.fail(run.due, ended),
                JobOutcome::Done | JobOutcome::Unread => memory.standing.succeed(began),
            }
        });
        self.shared.report(job);
    }

    fn attempt(&self, name: &DatasetName) -> Result<backup::Outcome, Failure> {
        let dataset = self.config.datasets.get(name).ok_or_else(|| Failure::said("the dataset is gone"))?;
        let followed = self.shared.policy().ok_or_else(|| Failure::said("there is no policy"))?;
        let accepted = self.accepted.as_ref().map(|its| &its.policy);
        let holding =
            holding(&followed.policy, accepted, dataset.class, &self.opd, name.as_str()).ok_or_else(|| {
                Failure::said(format!("policy {} says nothing of class {}", followed.title(), dataset.class))
            })?;
        let (spool, rewrite, excludes) = (self.config.spool, self.config.rewrite, &holding.rules.excludes);
        Attempt { shared: &self.shared, context: self.context, name, dataset, spool, rewrite, excludes }.run()
    }

    fn judge(&self, name: &DatasetName, began: i64, ended: i64, result: &Result<backup::Outcome, Failure>) -> Job {
        let mut job = Job {
            dataset: name.to_string(),
            began: utc::rfc3339(began),
            ended: utc::rfc3339(ended),
            outcome: JobOutcome::Failed,
            snapshot: None,
            read_bytes: 0,
            stored_bytes: 0,
            unread: 0,
            error: None,
        };
        match result {
            Ok(outcome) => {
                let (facts, changes) = (&outcome.manifest.facts, &outcome.manifest.changes);
                job.unread = facts.counts.unread;
                job.outcome = if job.unread > 0 { JobOutcome::Unread } else { JobOutcome::Done };
                job.snapshot = Some(outcome.name.to_string());
                (job.read_bytes, job.stored_bytes) = (changes.read_bytes, changes.stored_bytes);
                let (read, stored) = (size(job.read_bytes), size(job.stored_bytes));
                let unread = if job.unread > 0 { format!(", {} could not be read", job.unread) } else { String::new() };
                self.context.inform(&format!("saved {name}: read {read}, stored {stored}{unread}"));
            }
            Err(failure) => {
                let words = failure.words();
                self.context.warn(&format!("{name} was not saved: {words}"));
                job.error = Some(words);
            }
        }
        job
    }

    fn remember(&mut self, name: &DatasetName, change: impl FnOnce(&mut DatasetMemory)) {
        if let Some(memory) = self.memory.get_mut(name) {
            change(memory);
            self.save_memory();
        }
    }

    /// A disk that is full must not end the daemon: it goes on with what it has in memory.
    fn save_memory(&self) {
        if let Err(error) = self.shared.state.save_memory(&self.memory) {
            self.context.warn(&error.to_string());
        }
    }
}

/// The policy would leave out more than was accepted here. It is not followed in that.
fn warn_of_wider(shared: &Shared, followed: &Followed, name: &DatasetName, wider: &[Pattern]) {
    if wider.is_empty() {
        return;
    }
    let patterns: Vec<String> = wider.iter().map(|pattern| format!("{:?}", pattern.as_str())).collect();
    let text = format!(
        "policy {} would leave more out of dataset {name} than was accepted on this server: {}; it is saved all the \
         same. `pulih-agent accept-policy` on this server shows and accepts it",
        followed.title(),
        patterns.join(", ")
    );
    shared.alarm("exclude-widened", &format!("{} {name}", followed.hash()), &text);
}
