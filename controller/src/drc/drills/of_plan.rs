//! A drill of a recovery plan: all its datasets in its order, and what of it people do by hand.

use pulih_ledger::entry::kinds::{DrillAnnounced, DrillPhases, DrillStep};
use pulih_policies::Plan;
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{MAX_TEXT_BYTES, one_line};

use super::super::recovery::order::{Dataset, Wanted as Recovered};
use super::super::{Drc, lock};
use super::PLAN;
use super::announce::datasets;
use super::what::What;
use crate::catalog::{Catalog, Drill};
use crate::drc::recovery::manual_what;
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;

impl Drc {
    /// What a drill of a plan in force would try.
    pub(super) fn drill_of_plan(&self, name: &str) -> Answer<What> {
        let applied = lock(&self.catalog).plan(name)?;
        let none =
            || Refusal::new(Code::NotFound, format!("no plan {name} was applied; `plan list` shows those that were"));
        let version = applied.ok_or_else(none)?.version;
        let wanted = Recovered { plan: Some(name.to_owned()), ..Recovered::default() };
        let prepared = self.prepare(&wanted)?;
        let mut problems = prepared.problems;
        let items: Vec<Dataset> = datasets(prepared.items).collect();
        if items.is_empty() && problems.is_empty() {
            problems.push(format!("the plan {name} brings back no dataset: there is nothing to try"));
        }
        Ok(What { items, problems, plan: Some((name.to_owned(), version)), ..What::default() })
    }

    /// That a person's announcement has all of the plan in force, and that no other one names a plan.
    pub(in crate::drc) fn check_drill_of_plan(&self, its: &DrillAnnounced) -> Answer<()> {
        let bad = |why: &str| Err(Refusal::new(Code::BadRequest, why));
        let Some(name) = its.plan.as_ref().filter(|_| its.kind == PLAN) else {
            let names_one = its.kind == PLAN || its.plan.is_some() || its.plan_version.is_some();
            return if names_one { bad("a drill of a plan, and no other one, names its plan") } else { Ok(()) };
        };
        let planned = self.drill_of_plan(name)?;
        if let Some(problem) = planned.problems.into_iter().next() {
            return Err(Refusal::new(Code::BadRequest, problem));
        }
        let points: Vec<String> = planned.items.iter().map(Dataset::point).collect();
        let version = planned.plan.map(|(_, version)| version);
        if its.plan_version != version || its.points != points {
            return bad("the plan, or what is here of it, changed just now; order it again");
        }
        Ok(())
    }

    /// What people do by hand, which nobody does in a drill: a step each, after those that were tried.
    pub(super) fn by_hand(&self, catalog: &Catalog, drill: &Drill, steps: u64) -> Answer<Vec<DrillStep>> {
        let plan = match self.announced_plan(catalog, drill) {
            Ok(Some(plan)) => plan,
            Ok(None) => return Ok(Vec::new()),
            // A drill ends all the same.
            Err(refusal) => {
                eprintln!("warning: what people do by hand in drill {} is not known: {}", drill.id, refusal.message);
                return Ok(Vec::new());
            }
        };
        let told = |error: &dyn std::fmt::Display| Refusal::internal(error);
        let began = time(self.now()).map_err(|error| told(&error))?;
        let order = plan.order();
        let tasks = order.iter().flat_map(|(_, service)| &service.steps);
        let step = |(task, step): (&pulih_policies::Task, u64)| {
            Ok(DrillStep {
                drill: drill.id.parse().map_err(|error| told(&error))?,
                step,
                what: manual_what(task.name.as_str()),
                vault: None,
                dataset: None,
                manifest: None,
                outcome: "skipped".into(),
                began: began.clone(),
                milliseconds: 0,
                phases: DrillPhases::default(),
                files: 0,
                bytes: 0,
                total_files: 0,
                total_bytes: 0,
                text: one_line(&format!("by hand, not in a drill: {}", task.text), MAX_TEXT_BYTES),
            })
        };
        tasks.zip(steps + 1..).map(step).collect()
    }

    /// The plan that a drill was announced with, whatever is in force now.
    fn announced_plan(&self, catalog: &Catalog, drill: &Drill) -> Answer<Option<Plan>> {
        let Some((name, version)) = drill.plan.as_ref().zip(drill.plan_version) else { return Ok(None) };
        let Some(object) = catalog.plan_version(name, version)? else { return Ok(None) };
        Ok(Some(self.plan_of(name, &object)?.0))
    }
}
