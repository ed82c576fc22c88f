//! Whether a drill's end is what its beginning and its steps bear.

use pulih_ledger::entry::kinds::{DrillAnnounced, DrillEnded, DrillPhases, DrillStep};
use pulih_vault::utc;

use super::{Drill, GRACE_SECONDS};

/// Phases are whole milliseconds, so each may be one too many.
const PHASES: u64 = 6;
/// Percents that a sample can be of.
pub(super) const SAMPLES: std::ops::RangeInclusive<u64> = 1..=99;

impl Drill {
    /// `last`: the time of the log's last entry.
    pub(super) fn judge(&mut self, announced: &DrillAnnounced, last: i64) {
        let mut wrong = Vec::new();
        self.judge_start(announced, &mut wrong);
        for step in &self.steps {
            judge_step(step, announced, &mut wrong);
        }
        if announced.sample_percent.is_some_and(|percent| !SAMPLES.contains(&percent)) {
            wrong.push("its sample is no share from 1 to 99 percent".into());
        }
        let until = utc::parse(announced.until.as_str()).unwrap_or(0);
        if let Some(ended) = &self.ended {
            self.judge_end(ended, announced, &mut wrong);
        } else if until.saturating_add(GRACE_SECONDS) <= last {
            wrong.push(format!("it was to start until {}, and nothing says how it ended", announced.until));
        }
        self.wrong.append(&mut wrong);
    }

    fn judge_start(&self, announced: &DrillAnnounced, wrong: &mut Vec<String>) {
        let Some(started) = &self.started else { return };
        let all = [started.size.is_some(), started.cosigner.is_some(), started.cosignature.is_some()];
        if announced.sample_percent.is_some() && all != [true; 3] {
            wrong.push("a sample was drawn, and its start names no co-signature".into());
        }
        if announced.auditor.is_some() && !self.opened {
            wrong.push("it started before the auditor opened it".into());
        }
    }

    fn judge_end(&self, ended: &DrillEnded, announced: &DrillAnnounced, wrong: &mut Vec<String>) {
        if ended.steps != self.steps.len() as u64 {
            wrong.push(format!("its end counts {} steps, and there are {}", ended.steps, self.steps.len()));
        }
        if self.started.is_none() && ended.milliseconds > 0 {
            wrong.push("it took time without having started".into());
        }
        let is_good = self.is_good(ended, announced);
        let bears = match ended.outcome.as_str() {
            "passed" => is_good,
            "failed" => self.started.is_some() && !is_good,
            "missed" | "skipped" => self.started.is_none() && self.steps.is_empty(),
            "aborted" => true,
            _ => false,
        };
        if !bears {
            wrong.push(format!("it ended as {:?}, which its start and steps do not bear", ended.outcome));
        }
        let passed = |step: &&DrillStep| step.outcome == "passed";
        for step in self.steps.iter().filter(passed) {
            if self.not_ok.as_ref().is_some_and(|not_ok| not_ok.contains(&step.step)) {
                wrong.push(format!("step {} passed, and the log says that something in it was not right", step.step));
            }
        }
    }

    /// Whether it tries a share of its points' files.
    pub(super) fn is_of_sample(&self) -> bool {
        let percent = self.announced.as_ref().and_then(|announced| announced.sample_percent);
        percent.is_some_and(|percent| SAMPLES.contains(&percent))
    }

    /// Started, each point tried as its kind asks, each recipe tried, all passed, and nothing left over.
    fn is_good(&self, ended: &DrillEnded, announced: &DrillAnnounced) -> bool {
        let passed = |step: &DrillStep, what: &str| step.what == what && step.outcome == "passed";
        let of_points = what_of(&announced.kind);
        let of_point = |point: &String| {
            self.steps.iter().any(|step| passed(step, of_points) && point_of(step).as_ref() == Some(point))
        };
        let of_recipe = |recipe: &String| {
            let what = format!("application {}", name_of(recipe));
            self.steps.iter().any(|step| passed(step, &what))
        };
        self.started.is_some()
            && ended.leftovers == 0
            && !announced.points.is_empty()
            && self.steps.iter().all(|step| step.outcome == "passed" || is_by_hand(step))
            && announced.points.iter().all(of_point)
            && announced.recipes.iter().flatten().all(of_recipe)
    }
}

/// What people do by hand is not done in a drill: such a step bears nothing.
fn is_by_hand(step: &DrillStep) -> bool {
    step.outcome == "skipped" && step.what.starts_with("manual ")
}

/// What a step of a point is in a drill of a kind: data is brought back, or only held against its name.
fn what_of(kind: &str) -> &'static str {
    if kind == "verify" { "verify" } else { "restore" }
}

fn name_of(recipe: &str) -> &str {
    recipe.split('/').next().unwrap_or_default()
}

/// A point was brought back.
pub(super) fn is_restored(step: &DrillStep) -> bool {
    step.what == "restore" && step.outcome == "passed"
}

/// What a step tried, as points are announced.
pub(super) fn point_of(step: &DrillStep) -> Option<String> {
    Some(format!("{}/{}/{}", step.vault.as_ref()?, step.dataset.as_ref()?, step.manifest.as_ref()?))
}

/// All six, whatever they say.
fn sum(its: &DrillPhases) -> u64 {
    let all = [its.approve, its.fetch, its.decrypt, its.write, its.verify, its.check];
    all.into_iter().fold(0, u64::saturating_add)
}

/// Whether a step is of something that its drill has: a point, one of its recipes, or what people do by hand.
fn is_of_drill(step: &DrillStep, announced: &DrillAnnounced) -> bool {
    let names_any = step.vault.is_some() || step.dataset.is_some() || step.manifest.is_some();
    if step.what == what_of(&announced.kind) {
        return point_of(step).is_some();
    }
    let is_recipe = |recipe: &str| announced.recipes.iter().flatten().any(|its| name_of(its) == recipe);
    let is_its = step.what.strip_prefix("application ").is_some_and(is_recipe) || is_by_hand(step);
    is_its && !names_any
}

fn judge_step(step: &DrillStep, announced: &DrillAnnounced, wrong: &mut Vec<String>) {
    if !is_of_drill(step, announced) {
        let (number, what, outcome) = (step.step, &step.what, &step.outcome);
        wrong.push(format!("step {number}, {what:?} and {outcome}, is nothing that a drill of its kind tries"));
    }
    if let Some(point) = point_of(step)
        && !announced.points.contains(&point)
    {
        wrong.push(format!("step {} tried {point}, which was not announced", step.step));
    }
    if sum(&step.phases) > step.milliseconds.saturating_add(PHASES) {
        wrong.push(format!("the phases of step {} took longer than the step", step.step));
    }
    if !["passed", "failed", "skipped"].contains(&step.outcome.as_str()) {
        wrong.push(format!("step {} has the outcome {:?}", step.step, step.outcome));
    }
}
