//! What a drill would try: points in their order, and what else its announcement names.

use pulih_ledger::entry::kinds::DrillAnnounced;
use pulih_vault::id::ObjectHash;

use super::super::Drc;
use super::super::recovery::order::Dataset;
use super::due::{Line, Of};
use super::{APPLICATION, RESTORE, restores};
use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};
use crate::pusat::draw;
use crate::record::time;
use crate::recover::content;

/// What a file takes beside its content: an entry of its folder, and the end of its last block.
const FILE_BYTES: u64 = 8192;

#[derive(Default)]
pub(super) struct What {
    pub items: Vec<Dataset>,
    /// A recovery plan, and its version.
    pub plan: Option<(String, u64)>,
    /// `<name>/<version>/<BLAKE3>`
    pub recipes: Vec<String>,
    pub sample_percent: Option<u64>,
    /// What recipes' programs may write beside what is restored.
    pub disk_bytes: u64,
    /// What is in its way.
    pub problems: Vec<String>,
}

fn told(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(&error)
}

impl Drc {
    /// Of a class, as its schedule chooses; with a problem where there is nothing to choose.
    pub(super) fn what_of_class(&self, catalog: &Catalog, class: &str, kind: &str, occurrence: u64) -> Answer<What> {
        let drills = self.in_force().rules(class, "", "")?.drills;
        if kind == APPLICATION {
            let mut what = self.chosen_recipes(catalog, class, drills.datasets(), occurrence)?;
            if what.recipes.is_empty() {
                what.problems.push(format!(
                    "no recipe is in force all of whose datasets are here, and of class {class} or a less strict one"
                ));
            }
            return Ok(what);
        }
        let items = Self::chosen(catalog, class, kind, drills.datasets(), occurrence)?;
        let none = || format!("no dataset of class {class} has a complete point here that is not suspected");
        let problems = if items.is_empty() { vec![none()] } else { Vec::new() };
        let sample_percent = drills.sample_percent().map(u64::from).filter(|_| kind == RESTORE);
        Ok(What { items, sample_percent, problems, ..What::default() })
    }

    /// Of a line of the policy.
    pub(super) fn what_of_line(&self, catalog: &Catalog, line: &Line, occurrence: u64) -> Answer<What> {
        match &line.of {
            Of::Class(class) => self.what_of_class(catalog, class, &line.kind, occurrence),
            Of::Plan(plan) => self.drill_of_plan(plan),
        }
    }

    /// The most that it takes on disk.
    fn scratch_bytes(&self, kind: &str, what: &What) -> u64 {
        if !restores(kind) {
            return 0;
        }
        // What cannot be read is a matter for the drill to find.
        let of = |its: &Dataset| {
            content(&*self.store, its).map_or(its.stored_bytes, |counts| {
                counts.bytes.saturating_add((counts.files + counts.dirs + counts.others).saturating_mul(FILE_BYTES))
            })
        };
        what.items.iter().map(of).fold(what.disk_bytes, u64::saturating_add)
    }

    pub(super) fn announcement(&self, kind: &str, what: &What) -> Answer<DrillAnnounced> {
        let policy: ObjectHash = self.in_force().hash.parse().map_err(told)?;
        Ok(DrillAnnounced {
            drill: draw("d")?.parse().map_err(told)?,
            kind: kind.to_owned(),
            class: None,
            schedule: None,
            occurrence: None,
            due: None,
            points: what.items.iter().map(Dataset::point).collect(),
            plan: what.plan.as_ref().map(|(plan, _)| plan.clone()),
            plan_version: what.plan.as_ref().map(|(_, version)| *version),
            recipes: (!what.recipes.is_empty()).then(|| what.recipes.clone()),
            sample_percent: what.sample_percent,
            scratch_bytes: self.scratch_bytes(kind, what),
            policy,
            until: time(self.now()).map_err(told)?,
            auditor: None,
        })
    }
}
