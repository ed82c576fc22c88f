//! What a person would announce.

use pulih_ledger::entry::kinds::DrillAnnounced;
use pulih_protocol::error::Code;

use super::super::recovery::order::Wanted as Recovered;
use super::super::{Drc, lock};
use super::announce::{MOST_WAIT, datasets};
use super::order::{Planned, Wanted};
use super::what::What;
use super::{APPLICATION, KINDS, PLAN, RESTORE, restores};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

/// That it is of one kind of what there is.
fn check(wanted: &Wanted) -> Answer<()> {
    if !KINDS.contains(&wanted.kind.as_str()) {
        return Err(bad(format!("a drill is one of {}", KINDS.join(", "))));
    }
    if (wanted.kind == PLAN) != wanted.plan.is_some() {
        return Err(bad("a drill of a plan, and no other one, names its plan: --kind plan --plan NAME"));
    }
    if (wanted.kind == APPLICATION) != wanted.recipe.is_some() {
        return Err(bad(
            "a drill of an application, and no other one, names its recipe: --kind application --recipe NAME",
        ));
    }
    if wanted.sample_percent.is_some() && wanted.kind != RESTORE {
        return Err(bad("a sample is of a `restore` drill"));
    }
    Ok(())
}

impl Drc {
    pub(super) fn plan_drill(&self, wanted: &Wanted) -> Answer<Planned> {
        check(wanted)?;
        let (in_force, now) = (self.in_force(), self.now());
        let mut window = pulih_policies::Drills::default().window();
        let mut what = if let Some(class) = &wanted.class {
            let rules = in_force.rules(class, "", "").map_err(|_| bad(format!("{class:?} is no class")))?;
            window = rules.drills.window();
            // A person says how much of it.
            let what = self.what_of_class(&lock(&self.catalog), class, &wanted.kind, 0)?;
            What { sample_percent: None, ..what }
        } else if let Some(name) = &wanted.plan {
            self.drill_of_plan(name)?
        } else if let Some(name) = &wanted.recipe {
            self.drill_of_recipe(name)?
        } else {
            let named = Recovered { datasets: wanted.datasets.clone(), ..Recovered::default() };
            let prepared = self.prepare(&named)?;
            let items = datasets(prepared.items).collect();
            What { items, problems: prepared.problems, ..What::default() }
        };
        what.sample_percent = wanted.sample_percent;
        let mut problems = std::mem::take(&mut what.problems);
        if restores(&wanted.kind) && self.site.drill_scratch.is_none() {
            problems
                .push("there is no `drill_scratch` in site.toml: a drill that restores needs a place for it".into());
        }
        let auditor = wanted.auditor.as_ref().map(|named| self.auditor(named)).transpose()?;
        if let Some(auditor) = &auditor {
            let kind = &wanted.kind;
            problems.extend(self.operates(&lock(&self.record), kind, auditor, now)?);
        }
        // People from elsewhere have to come.
        let waits = if auditor.is_some() { MOST_WAIT } else { window.seconds() as i64 };
        let announced = DrillAnnounced {
            class: wanted.class.clone(),
            auditor,
            until: time(now + waits).map_err(|error| Refusal::internal(&error))?,
            ..self.announcement(&wanted.kind, &what)?
        };
        let rate = lock(&self.catalog).recovery_rate()?;
        let content = announced.scratch_bytes.saturating_sub(what.disk_bytes);
        let forecast_seconds = rate.filter(|_| restores(&wanted.kind)).map(|rate| content / rate.max(1));
        Ok(Planned { announced, items: what.items, problems, forecast_seconds })
    }
}
