//! What the daemon's threads share: the policy, what a report says, what waits to be reported.
//! Whoever changes something that must outlive the process writes it down under the same lock.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pulih_protocol::report::{AgentView, DatasetReport, Job, Report};
use pulih_stores::gateway::SiteClient;
use pulih_vault::utc;

use super::super::failure::Failure;
use super::super::tell;
use super::or_anew;
use crate::PROGRAM;
use crate::daemon::follow::Followed;
use crate::daemon::notify::Notify;
use crate::daemon::outbox::{Outbox, Portion};
use crate::state::{SeenView, StateDir};
use pulih_progress::{Monitor, Progress};

pub struct Shared {
    pub state: StateDir,
    pub clock: fn() -> i64,
    /// Where agent.toml is.
    pub config: PathBuf,
    pub notify: Notify,
    outbox: Mutex<Outbox>,
    now: Mutex<Now>,
    /// Held while the file of what the site said is written.
    view: Mutex<()>,
    waker: UnixStream,
    /// There is an alarm that the site should hear of now.
    urgent: AtomicBool,
    born: Instant,
    /// Seconds after `born` until which the deciding thread counts as alive.
    alive_until: AtomicU64,
}

#[derive(Default)]
struct Now {
    policy: Option<Arc<Followed>>,
    datasets: Vec<DatasetReport>,
}

/// Another thread's panic changes nothing of what is kept here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(
        state: StateDir,
        clock: fn() -> i64,
        notify: Notify,
        waker: UnixStream,
        config: PathBuf,
    ) -> Result<Self, Failure> {
        let outbox = Mutex::new(or_anew(state.outbox())?);
        let policy = or_anew(state.policy())?.map(Arc::new);
        let now = Mutex::new(Now { policy, datasets: Vec::new() });
        let (view, born, alive_until) = (Mutex::new(()), Instant::now(), AtomicU64::new(0));
        Ok(Self {
            state,
            clock,
            config,
            notify,
            outbox,
            now,
            view,
            waker,
            urgent: AtomicBool::new(false),
            born,
            alive_until,
        })
    }

    pub fn policy(&self) -> Option<Arc<Followed>> {
        lock(&self.now).policy.clone()
    }

    /// Follows another policy from now on, once it is written down.
    pub fn follow(&self, policy: Followed) -> Result<(), Failure> {
        let mut now = lock(&self.now);
        self.state.save_policy(&policy)?;
        now.policy = Some(Arc::new(policy));
        drop(now);
        let _ = (&self.waker).write(&[0]);
        Ok(())
    }

    pub fn set_datasets(&self, datasets: Vec<DatasetReport>) {
        lock(&self.now).datasets = datasets;
    }

    pub fn running(&self, dataset: &str) {
        for report in &mut lock(&self.now).datasets {
            report.running = report.dataset == dataset;
        }
    }

    /// A run that ended.
    pub fn report(&self, job: Job) {
        self.change_outbox(|outbox| outbox.add(job));
    }

    /// An alarm, once for each `about`.
    pub fn alarm(&self, alarm: &str, about: &str, text: &str) {
        if lock(&self.outbox).was_raised(alarm, about) {
            return;
        }
        tell("warning", text);
        self.change_outbox(|outbox| outbox.raise(alarm, about, text));
        self.urgent.store(true, Ordering::Relaxed);
    }

    pub fn is_urgent(&self) -> bool {
        self.urgent.swap(false, Ordering::Relaxed)
    }

    fn change_outbox(&self, change: impl FnOnce(&mut Outbox)) {
        let mut outbox = lock(&self.outbox);
        change(&mut outbox);
        // Told all the same, unless the process ends before.
        if let Err(error) = self.state.save_outbox(&outbox) {
            tell("warning", &error.to_string());
        }
    }

    pub fn waiting(&self) -> usize {
        lock(&self.outbox).waiting()
    }

    /// The next report, and what of it is to be forgotten when the site has taken it.
    pub fn next_report(&self) -> (Report, Portion) {
        let portion = lock(&self.outbox).portion();
        let now = lock(&self.now);
        let report = Report {
            at: utc::rfc3339((self.clock)()),
            program: PROGRAM.to_owned(),
            policy: now.policy.as_ref().map(|policy| policy.hash()),
            datasets: now.datasets.clone(),
            jobs: portion.jobs.clone(),
            alarms: portion.alarms.clone(),
        };
        (report, portion)
    }

    pub fn taken(&self, portion: &Portion) {
        if !portion.jobs.is_empty() || !portion.alarms.is_empty() {
            self.change_outbox(|outbox| outbox.taken(portion));
        }
    }

    /// Asks the site what it knows of this agent, and keeps it for when it cannot be reached.
    pub fn view(&self, client: &SiteClient) -> Result<AgentView, Failure> {
        let view = client.view()?;
        let _held = lock(&self.view);
        self.state.save_seen_view(&SeenView { seen: (self.clock)(), view: view.clone() })?;
        Ok(view)
    }

    pub fn alive_for(&self, time: Duration) {
        self.alive_until.store((self.born.elapsed() + time).as_secs(), Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        self.born.elapsed().as_secs() <= self.alive_until.load(Ordering::Relaxed)
    }
}

/// Tells systemd that the daemon is alive, as long as it is.
pub fn watch(shared: Arc<Shared>, every: Duration) -> Result<(), Failure> {
    let watch = move || loop {
        if shared.is_alive() {
            shared.notify.alive();
        }
        std::thread::sleep(every);
    };
    start_thread("watchdog", watch).map(|_| ())
}

pub fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let started = std::thread::Builder::new().name(name.into()).spawn(work);
    started.map_err(|error| Failure::said(format!("cannot start a thread: {error}")))
}

/// A run that tells of no progress for so long hangs: a pack of 128 MiB takes two and a half hours
/// at 128 kbit/s.
const STILL: Duration = Duration::from_secs(6 * 3600);
/// Problems of one run that are logged; the rest is counted.
const MOST_LOGGED: u64 = 100;

/// Logs problems of a run; and progress is a sign of life.
pub struct Log<'a> {
    shared: &'a Shared,
    logged: AtomicU64,
}

impl<'a> Log<'a> {
    pub fn new(shared: &'a Shared) -> Self {
        shared.alive_for(STILL);
        Self { shared, logged: AtomicU64::new(0) }
    }

    fn log(&self, kind: &str, path: &[u8], what: &str) {
        let path = pulih_vault::tree::name::escape(path);
        match self.logged.fetch_add(1, Ordering::Relaxed) {
            0..MOST_LOGGED => tell(kind, &format!("{path}: {what}")),
            MOST_LOGGED => tell("note", "there are more; the snapshot's manifest counts what could not be read"),
            _ => {}
        }
    }
}

impl Monitor for Log<'_> {
    fn found(&self, _: u64, _: u64) {
        self.shared.alive_for(STILL);
    }
    fn advance(&self, _: Progress) {
        self.shared.alive_for(STILL);
    }
    fn problem(&self, path: &[u8], what: &str) {
        self.log("warning", path, what);
    }
    fn note(&self, path: &[u8], what: &str) {
        self.log("note", path, what);
    }
}
