//! Each step of a drill, as the worker says that it ended: bounded by what was announced.

use pulih_evidence::sample::drawn_of;
use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{DrillPhases, DrillStep};
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{MAX_TEXT_BYTES, one_line};
use pulih_vault::manifest::Counts;
use serde_json::{Value, json};

use super::super::recovery::order::Dataset;
use super::super::{Drc, lock};
use super::order::{Outcome, StepEnded, Subject};
use super::start::{applied, must_be_open};
use super::{RESTORE, VERIFY, needs, restores};
use crate::catalog::{Drill, Tried};
use crate::drc::recovery::parse_point;
use crate::drill::application;
use crate::gateway::answer::{Answer, Refusal};
use crate::recover::content;

/// What the step of a recipe is called in the ledger.
pub(super) fn application_what(recipe: &str) -> String {
    format!("application {recipe}")
}

/// The recipes that a drill was announced with, by name.
pub(super) fn recipes(drill: &Drill) -> impl Iterator<Item = String> {
    drill.recipes.iter().filter_map(|its| applied(its)).map(|its| its.recipe)
}

fn bad(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::BadRequest, error.to_string())
}

/// What a step tried, with what this site knows of it.
enum Of<'s> {
    Point(&'s str, Result<Counts, String>),
    /// With the points that it runs over.
    Recipe(&'s str, Vec<String>),
}

/// How many files of a point a step that passed has brought back.
fn expected(drill: &Drill, files: u64) -> u64 {
    let percent = drill.sample_percent.and_then(|percent| u8::try_from(percent).ok());
    percent.map_or(files, |percent| drawn_of(files, percent))
}

/// Of a point: which, and how it was tried. `counts`: what it has, as this site reads its manifest.
fn of_point(
    drill: &Drill,
    (point, counts): (&str, Result<Counts, String>),
    its: &StepEnded,
    steps: &[Tried],
    into: &mut DrillStep,
) -> Answer<()> {
    let is_new = !steps.iter().any(|step| step.point.as_deref() == Some(point));
    if !drill.points.iter().any(|its| its == point) || !is_new || its.outcome == Outcome::Skipped || its.check_ms > 0 {
        return Err(bad(format!("{point} is no point that drill {} has yet to try", drill.id)));
    }
    let passed = its.outcome == Outcome::Passed;
    let counts = match counts {
        Ok(counts) => counts,
        Err(why) if passed => return Err(bad(format!("it cannot have passed: {why}"))),
        Err(_) => Counts::default(),
    };
    let files = if restores(&drill.kind) { expected(drill, counts.files) } else { 0 };
    if passed && its.files != files {
        let text = format!("it passed with {} files of {point}, of which {files} were to be tried", its.files);
        return Err(bad(text));
    }
    // What is stored, of which a `verify` drill reads, has another size than the files.
    if its.files > counts.files || restores(&drill.kind) && its.bytes > counts.bytes {
        return Err(bad(format!("more of {point} was tried than there is")));
    }
    let (vault, dataset, manifest) = parse_point(point)?;
    into.what = if restores(&drill.kind) { RESTORE } else { VERIFY }.into();
    into.vault = Some(vault.parse().map_err(bad)?);
    into.dataset = Some(dataset.parse().map_err(bad)?);
    into.manifest = Some(manifest.parse().map_err(bad)?);
    (into.files, into.bytes) = (its.files, its.bytes);
    (into.total_files, into.total_bytes) = (counts.files, counts.bytes);
    into.phases = DrillPhases {
        fetch: its.fetch_ms,
        decrypt: its.decrypt_ms,
        write: its.write_ms,
        verify: its.verify_ms,
        ..DrillPhases::default()
    };
    Ok(())
}

/// Of a recipe: it brings no file back itself, and runs over what came back before it. `points`: what it runs over.
fn of_recipe(
    drill: &Drill,
    (recipe, points): (&str, &[String]),
    its: &StepEnded,
    steps: &[Tried],
    into: &mut DrillStep,
) -> Answer<()> {
    into.what = application_what(recipe);
    let is_new = !steps.iter().any(|step| step.what == into.what);
    if !recipes(drill).any(|its| its == recipe) || !is_new {
        return Err(bad(format!("{recipe} is no recipe that drill {} has yet to try", drill.id)));
    }
    for point in points {
        let before = steps.iter().find(|step| step.point.as_ref() == Some(point));
        let Some(before) = before else { return Err(bad(format!("{recipe} runs over {point}, which comes first"))) };
        if its.outcome == Outcome::Passed && before.outcome != Outcome::Passed.as_str() {
            return Err(bad(format!("{recipe} cannot have passed: {point} did not come back")));
        }
    }
    into.phases = DrillPhases { check: its.check_ms, ..DrillPhases::default() };
    Ok(())
}

/// Phases are whole milliseconds, so each of the six may be one too many.
fn fits(step: &DrillStep) -> bool {
    let its = &step.phases;
    let all = [its.approve, its.fetch, its.decrypt, its.write, its.verify, its.check];
    all.into_iter().fold(0, u64::saturating_add) <= step.milliseconds.saturating_add(all.len() as u64)
}

impl Drc {
    /// What a point of a drill has, as its manifest here says.
    fn counts_of(&self, point: &str) -> Result<Counts, String> {
        let item = Self::of_point(&lock(&self.catalog), point).map_err(|refusal| refusal.message)?;
        content(&*self.store, &item)
    }

    /// The points of a drill that one of its recipes runs over; all of them where it cannot be read, for nobody knows.
    fn points_of_recipe(&self, drill: &Drill, recipe: &str) -> Answer<Vec<String>> {
        let named = drill.recipes.iter().filter_map(|its| applied(its)).find(|its| its.recipe == recipe);
        let read = named.map(|its| Ok::<_, Refusal>(application::read(&*self.store, &self.id()?, &its))).transpose()?;
        let Some(Ok(read)) = read else { return Ok(drill.points.clone()) };
        let items = self.drill_items(&drill.points)?;
        Ok(items.iter().filter(|item| needs(&read, item)).map(Dataset::point).collect())
    }

    /// Writes a step down.
    pub(super) fn drill_step(&self, its: &StepEnded) -> Answer<Value> {
        let known = lock(&self.catalog).drill(&its.drill)?;
        // Read before nobody else can write.
        let subject = match (&its.subject, &known) {
            (Subject::Point { point }, _) => Of::Point(point, self.counts_of(point)),
            (Subject::Recipe { recipe }, Some(drill)) => Of::Recipe(recipe, self.points_of_recipe(drill, recipe)?),
            (Subject::Recipe { recipe }, None) => Of::Recipe(recipe, Vec::new()),
        };
        let mut record = lock(&self.record);
        let drill = must_be_open(&record.catalog, &its.drill)?;
        if drill.started.is_none() {
            return Err(bad(format!("drill {} has not begun", drill.id)));
        }
        let steps = record.catalog.drill_steps(&its.drill)?;
        let mut step = DrillStep {
            drill: its.drill.parse().map_err(bad)?,
            step: steps.len() as u64 + 1,
            what: String::new(),
            vault: None,
            dataset: None,
            manifest: None,
            outcome: its.outcome.as_str().into(),
            began: its.began.parse().map_err(bad)?,
            milliseconds: its.milliseconds,
            phases: DrillPhases::default(),
            files: 0,
            bytes: 0,
            total_files: 0,
            total_bytes: 0,
            text: one_line(&its.text, MAX_TEXT_BYTES),
        };
        match subject {
            Of::Point(point, counts) => of_point(&drill, (point, counts), its, &steps, &mut step)?,
            Of::Recipe(recipe, points) => of_recipe(&drill, (recipe, &points), its, &steps, &mut step)?,
        }
        if !fits(&step) {
            return Err(bad("the phases of a step take no longer than the step"));
        }
        record.write(self.now(), &Actor::Site, vec![step.into()])?;
        Ok(json!({"type": "pulih/drill-step-ended/v1"}))
    }
}
