//! Each step of a drill, as the worker says that it ended: bounded by what was announced.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{DrillPhases, DrillStep};
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{MAX_TEXT_BYTES, one_line};
use serde_json::{Value, json};

use super::super::{Drc, lock};
use super::order::{Outcome, StepEnded, Subject};
use super::start::{applied, must_be_open};
use super::{RESTORE, VERIFY, restores};
use crate::catalog::{Drill, Tried};
use crate::drc::recovery::parse_point;
use crate::gateway::answer::{Answer, Refusal};

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

/// Of a point: which, and how it was tried.
fn of_point(drill: &Drill, point: &str, its: &StepEnded, steps: &[Tried], into: &mut DrillStep) -> Answer<()> {
    let is_new = !steps.iter().any(|step| step.point.as_deref() == Some(point));
    if !drill.points.iter().any(|its| its == point) || !is_new || its.outcome == Outcome::Skipped || its.check_ms > 0 {
        return Err(bad(format!("{point} is no point that drill {} has yet to try", drill.id)));
    }
    let (vault, dataset, manifest) = parse_point(point)?;
    into.what = if restores(&drill.kind) { RESTORE } else { VERIFY }.into();
    into.vault = Some(vault.parse().map_err(bad)?);
    into.dataset = Some(dataset.parse().map_err(bad)?);
    into.manifest = Some(manifest.parse().map_err(bad)?);
    (into.files, into.bytes) = (its.files, its.bytes);
    (into.total_files, into.total_bytes) = (its.total_files, its.total_bytes);
    into.phases = DrillPhases {
        fetch: its.fetch_ms,
        decrypt: its.decrypt_ms,
        write: its.write_ms,
        verify: its.verify_ms,
        ..DrillPhases::default()
    };
    Ok(())
}

/// Of a recipe: it brings no file back itself.
fn of_recipe(drill: &Drill, recipe: &str, its: &StepEnded, steps: &[Tried], into: &mut DrillStep) -> Answer<()> {
    into.what = application_what(recipe);
    let is_new = !steps.iter().any(|step| step.what == into.what);
    if !recipes(drill).any(|its| its == recipe) || !is_new {
        return Err(bad(format!("{recipe} is no recipe that drill {} has yet to try", drill.id)));
    }
    into.phases = DrillPhases { check: its.check_ms, ..DrillPhases::default() };
    Ok(())
}

impl Drc {
    /// Writes a step down.
    pub(super) fn drill_step(&self, its: &StepEnded) -> Answer<Value> {
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
        match &its.subject {
            Subject::Point { point } => of_point(&drill, point, its, &steps, &mut step)?,
            Subject::Recipe { recipe } => of_recipe(&drill, recipe, its, &steps, &mut step)?,
        }
        record.write(self.now(), &Actor::Site, vec![step.into()])?;
        Ok(json!({"type": "pulih/drill-step-ended/v1"}))
    }
}
