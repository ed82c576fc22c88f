//! What a recipe goes through: up, asked, down; and that nothing stays.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use pulih_policies::{DATA, Recipe};

use crate::group::{self, Group};
use crate::own::Own;
use crate::running::Running;
use crate::session::Session;
use crate::tree::{self, Taken, Walked};
use crate::watch::{Cut, Disk, Over, Room, Watch};
use crate::wire::{Alone, Begin};
use crate::{Ended, Outcome, Run, bwrap, missing, mounted, stage, sweep};

/// Beside the recipe's programs there are `bwrap`, the supervisor, and what becomes a program.
const OWN_PROCESSES: u64 = 3;
/// Reasons that are named, the others are counted.
const MAX_REASONS: usize = 4;

pub fn run(its: &Run) -> Ended {
    let begun = Instant::now();
    let (outcome, text, leftovers) = match Prepared::new(its) {
        Ok(prepared) => prepared.run(its),
        Err(NotRun(outcome, text, left)) => (outcome, text, left),
    };
    Ended { outcome, text, check: begun.elapsed(), leftovers }
}

/// It did not come to a box.
struct NotRun(Outcome, String, u64);

struct Prepared {
    bwrap: PathBuf,
    own: Own,
    data: PathBuf,
    before: Taken,
    mounts: u64,
}

impl Prepared {
    fn new(its: &Run) -> Result<Self, NotRun> {
        let skipped = |text: String| NotRun(Outcome::Skipped, text, 0);
        let failed = |text: String| NotRun(Outcome::Failed, text, 0);
        let bwrap = bwrap::find().ok_or_else(|| skipped(missing::NO_BWRAP.into()))?;
        let own = Own::find().map_err(|error| skipped(error.to_string()))?;
        let left = sweep(its.name);
        if left > 0 {
            let text = "something is left of an earlier run, and does not end";
            return Err(NotRun(Outcome::Failed, text.into(), left));
        }
        let unread = |error| failed(format!("the restored data cannot be read: {error}"));
        let data = its.data.canonicalize().map_err(unread)?;
        let owner = rustix::process::geteuid().is_root().then_some(stage::USER);
        let before =
            tree::walk(&data, owner, &|| !its.interrupted.load(Ordering::Relaxed)).map_err(|walked| match walked {
                Walked::TooDeep => failed(Over::Deep.text().into()),
                Walked::Io(error) => unread(error),
            })?;
        if Room::of(&data).is_none_or(|room| room.is_short()) {
            return Err(failed(Over::FileSystem.text().into()));
        }
        let mounts = mounted::mounts_at(&data);
        Ok(Self { bwrap, own, data, before, mounts })
    }

    fn run(self, its: &Run) -> (Outcome, String, u64) {
        let limits = its.recipe.limits;
        let (memory_bytes, processes) = (limits.memory.bytes(), u64::from(limits.processes));
        let group = Group::make(its.name, memory_bytes, processes + OWN_PROCESSES).ok();
        let disk = Disk::new(&self.data, limits.disk.bytes(), self.before);
        let until = Instant::now() + Duration::from_secs(limits.time.seconds());
        let watch = Watch { until, interrupted: its.interrupted, group: group.as_ref(), disk: &disk };
        let begin = Begin {
            env: env(its.recipe),
            // A file that was restored may be larger than what may be written, and is written in.
            file_bytes: self.before.largest_bytes.saturating_add(limits.disk.bytes()),
            alone: group.is_none().then_some(Alone { memory_bytes, processes }),
        };
        let stage = bwrap::stage(self.bwrap, &group::named(its.name), its.recipe, &self.data, &self.own, its.inside);
        let (mut course, left) = match Session::start(its.inside, group.as_ref()) {
            Ok(session) => watched(its, session, stage, begin, &watch),
            Err(error) => (Course::cut(Cut::Gone(format!("no box can be started: {error}"))), 0),
        };
        let mounts = mounted::mounts_at(&self.data).saturating_sub(self.mounts);
        let left = left + group.as_ref().map_or(0, Group::end) + mounts;
        if course.cut.is_none() {
            disk.measure_once_more();
            course.cut = disk.over().map(Cut::Disk);
        }
        let (outcome, text) = course.judge(left);
        // Where a site keeps what it restores is nobody's business.
        (outcome, text.replace(&*self.data.to_string_lossy(), DATA), left)
    }
}

/// The recipe's course, with a look at the disk all the while.
fn watched(its: &Run, session: Session, stage: stage::Stage, begin: Begin, watch: &Watch) -> (Course, u64) {
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch.disk.watch());
        let mut running = Running { its, session, watch, course: Course::default(), background: BTreeMap::new() };
        let went = running.go(stage, begin);
        let Running { session, mut course, .. } = running;
        course.cut = went.err();
        let left = session.end(course.cut.is_some());
        watch.disk.done(watcher.thread());
        (course, left)
    })
}

fn env(recipe: &Recipe) -> Vec<(String, String)> {
    let base = [("HOME", "/tmp"), ("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")];
    let mut env: BTreeMap<String, String> = base.into_iter().map(|(name, its)| (name.into(), its.into())).collect();
    env.extend(recipe.env.clone());
    env.into_iter().collect()
}

#[derive(Default)]
pub struct Course {
    pub has_begun: bool,
    pub wrong: Vec<String>,
    /// Programs of the host that are not there.
    pub absent: Vec<String>,
    pub cut: Option<Cut>,
}

impl Course {
    fn cut(cut: Cut) -> Self {
        Self { cut: Some(cut), ..Self::default() }
    }

    fn judge(mut self, left: u64) -> (Outcome, String) {
        let is_no_box = !self.has_begun && matches!(self.cut, Some(Cut::Gone(_)));
        self.wrong.extend(self.cut.as_ref().map(Cut::text));
        if left > 0 {
            self.wrong.push("something of it is still there after it was ended".into());
        }
        let text = if self.wrong.is_empty() { reasons(&self.absent) } else { reasons(&self.wrong) };
        let is_skipped = self.wrong.is_empty() && !self.absent.is_empty() || is_no_box && left == 0;
        match (is_skipped, self.wrong.is_empty()) {
            (true, _) => (Outcome::Skipped, text),
            (_, true) => (Outcome::Passed, text),
            _ => (Outcome::Failed, text),
        }
    }
}

fn reasons(all: &[String]) -> String {
    let named = all.iter().take(MAX_REASONS).cloned().collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(MAX_REASONS) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}
