//! A drill of applications: recipes in force, the points that they need, and which of them a schedule takes.

use pulih_ledger::entry::kinds::DrillAnnounced;
use pulih_policies::{Class, Part, Recipe};
use pulih_protocol::error::Code;

use super::super::recovery::order::Dataset;
use super::super::{Drc, lock};
use super::APPLICATION;
use super::choose::{Candidate, choose};
use super::what::What;
use crate::catalog::{AppliedRecipe, Catalog};
use crate::gateway::answer::{Answer, Refusal};

/// Whether two share no dataset.
fn are_apart(one: &What, other: &What) -> bool {
    one.items.iter().all(|item| other.items.iter().all(|theirs| theirs.label() != item.label()))
}

impl Drc {
    /// Of one recipe, by its name.
    pub(super) fn drill_of_recipe(&self, name: &str) -> Answer<What> {
        let none = || {
            Refusal::new(Code::NotFound, format!("no recipe {name} was applied; `recipe list` shows those that were"))
        };
        let catalog = lock(&self.catalog);
        let applied = catalog.recipe(name, None)?.ok_or_else(none)?;
        let (recipe, _) = self.recipe_of(&applied)?;
        Self::planned_recipe(&catalog, &applied, &recipe)
    }

    fn planned_recipe(catalog: &Catalog, applied: &AppliedRecipe, recipe: &Recipe) -> Answer<What> {
        let mut what = What {
            recipes: vec![format!("{}/{}/{}", applied.name, applied.version, applied.object)],
            disk_bytes: recipe.limits.disk.bytes(),
            ..What::default()
        };
        for part in &recipe.datasets {
            match Self::point_of_part(catalog, part)? {
                Ok(item) => what.items.push(item),
                Err(problem) => what.problems.push(problem),
            }
        }
        Ok(what)
    }

    /// The point that would be restored for a recipe.
    fn point_of_part(catalog: &Catalog, part: &Part) -> Answer<Result<Dataset, String>> {
        let (label, dataset) = (format!("{}/{}", part.agent, part.dataset), part.dataset.as_str());
        let mut found = Vec::new();
        let is_its = |opd: &str, agent: &str| opd == part.opd.as_str() && agent == part.agent.as_str();
        for pin in catalog.pins()?.into_iter().filter(|pin| is_its(&pin.opd, &pin.agent)) {
            let point = catalog.newest_before_suspicion(&pin.vault, dataset)?;
            found.extend(point.map(|point| format!("{}/{dataset}/{}", pin.vault, point.snapshot)));
        }
        Ok(match &found[..] {
            [point] => Ok(Self::of_point(catalog, point)?),
            [] => Err(format!("{label}: no complete point of it that is not suspected is here")),
            _ => Err(format!("{label}: several vaults have a dataset of that name, and a recipe cannot say which")),
        })
    }

    /// Those that a class's schedule takes: all of whose datasets are here, and of that class or a less strict one; so
    /// many that their datasets are no more than a drill of the class takes, one at least, and none with a dataset of
    /// another, whose programs write on it.
    pub(super) fn chosen_recipes(&self, catalog: &Catalog, class: &str, most: usize, occurrence: u64) -> Answer<What> {
        let mut all = Vec::new();
        for applied in catalog.recipes()? {
            let recipe = match self.recipe_of(&applied) {
                Ok((recipe, _)) => recipe,
                // The others are tried all the same.
                Err(refusal) => {
                    eprintln!("warning: {}", refusal.message);
                    continue;
                }
            };
            let its = Self::planned_recipe(catalog, &applied, &recipe)?;
            if its.problems.is_empty() && its.items.iter().all(|item| is_no_stricter(&item.class, class)) {
                let tried = catalog.recipe_tried(&applied.name)?;
                all.push(Candidate { dataset: applied.name, tried, its });
            }
        }
        let mut what = What::default();
        for its in choose(all, usize::MAX, occurrence) {
            let fits = what.items.len() + its.items.len() <= most && are_apart(&its, &what);
            if what.recipes.is_empty() || fits {
                what.items.extend(its.items);
                what.recipes.extend(its.recipes);
                what.disk_bytes = what.disk_bytes.saturating_add(its.disk_bytes);
            }
        }
        Ok(what)
    }

    /// That a person's announcement is of one recipe in force, with the points that it needs; and that no other one
    /// names a recipe.
    pub(in crate::drc) fn check_drill_of_recipe(&self, its: &DrillAnnounced) -> Answer<()> {
        let bad = |why: &str| Err(Refusal::new(Code::BadRequest, why));
        let named = its.recipes.as_deref().filter(|_| its.kind == APPLICATION);
        let Some(recipes @ [recipe]) = named else {
            let names_one = its.kind == APPLICATION || its.recipes.is_some();
            return if names_one {
                bad("a drill of an application, and no other one, names its recipe")
            } else {
                Ok(())
            };
        };
        let planned = self.drill_of_recipe(recipe.split('/').next().unwrap_or_default())?;
        if let Some(problem) = planned.problems.into_iter().next() {
            return Err(Refusal::new(Code::BadRequest, problem));
        }
        let points: Vec<String> = planned.items.iter().map(Dataset::point).collect();
        if planned.recipes != recipes || its.points != points {
            return bad("the recipe, or what is here of its datasets, changed just now; order it again");
        }
        Ok(())
    }
}

/// Whether a class is another one or less strict. What is no class is stricter than all.
fn is_no_stricter(class: &str, than: &str) -> bool {
    let place = |class: &str| Class::ALL.iter().position(|its| its.as_str() == class);
    place(class).is_some_and(|its| Some(its) >= place(than))
}
