//! What a recipe goes through: up, asked, down; and that nothing stays.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use pulih_policies::Recipe;

use crate::group::{self, Group};
use crate::own::Own;
use crate::running::Running;
use crate::session::Session;
use crate::tree::{self, Walked};
use crate::watch::{Cut, Disk, Over, Room, Watch};
use crate::wire::{Alone, Begin};
use crate::{Ended, Outcome, Run, bwrap, missing, mounted, stage, sweep};

/// Beside the recipe's programs there are `bwrap`, the supervisor, and what becomes a program.
const OWN_PROCESSES: u64 = 3;
/// Reasons that are named, the others are counted.
const MAX_REASONS: usize = 4;

pub fn run(its: &Run) -> Ended {
    let begun = Instant::now();
    let ended = |outcome, text, leftovers| Ended { outcome, text, check: begun.elapsed(), leftovers };
    let Some(bwrap) = bwrap::find() else { return ended(Outcome::Skipped, missing::NO_BWRAP.into(), 0) };
    let left = sweep(its.name);
    if left > 0 {
        return ended(Outcome::Failed, "something is left of an earlier run, and does not end".into(), left);
    }
    let own = match Own::find() {
        Ok(own) => own,
        Err(error) => return ended(Outcome::Skipped, error.to_string(), 0),
    };
    let owner = rustix::process::geteuid().is_root().then_some(stage::USER);
    let before = match tree::walk(its.data, owner, &|| true) {
        Ok(before) => before,
        Err(Walked::TooDeep) => return ended(Outcome::Failed, Over::Deep.text().into(), 0),
        Err(Walked::Io(error)) => {
            return ended(Outcome::Failed, format!("the restored data cannot be read: {error}"), 0);
        }
    };
    if Room::of(its.data).is_none_or(|room| room.is_short()) {
        return ended(Outcome::Failed, Over::FileSystem.text().into(), 0);
    }
    let limits = its.recipe.limits;
    let (memory_bytes, processes) = (limits.memory.bytes(), u64::from(limits.processes));
    let group = Group::make(its.name, memory_bytes, processes + OWN_PROCESSES).ok();
    let disk = Disk::new(its.data, limits.disk.bytes(), before);
    let until = Instant::now() + Duration::from_secs(limits.time.seconds());
    let watch = Watch { until, interrupted: its.interrupted, group: group.as_ref(), disk: &disk };
    let begin = Begin {
        env: env(its.recipe),
        // A file that was restored may be larger than what may be written, and is written in.
        file_bytes: before.largest_bytes.saturating_add(limits.disk.bytes()),
        alone: group.is_none().then_some(Alone { memory_bytes, processes }),
    };
    let stage = bwrap::stage(bwrap, &group::named(its.name), its.recipe, its.data, &own, its.inside);
    let (mut course, left) = match Session::start(its.inside, group.as_ref()) {
        Ok(session) => watched(its, session, stage, begin, &watch),
        Err(error) => (Course::cut(Cut::Gone(format!("no box can be started: {error}"))), 0),
    };
    let left = left + group.as_ref().map_or(0, Group::end) + mounted::mounts_at(its.data);
    if course.cut.is_none() {
        disk.measure_once_more();
        course.cut = disk.over().map(Cut::Disk);
    }
    let (outcome, text) = course.judge(left);
    ended(outcome, text, left)
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
