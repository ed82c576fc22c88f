//! Application recipes in force: objects of the site, named by its ledger. They say what is executed here, so they come
//! from an admin of this site and from nowhere else.

use pulih_ledger::entry::kinds::RecipeApplied;
use pulih_policies::{MAX_BYTES, Recipe};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::{Drc, lock};
use crate::catalog::{AppliedRecipe, Catalog};
use crate::gateway::answer::{Answer, Refusal};

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

fn row(its: &AppliedRecipe) -> Value {
    json!({"recipe": its.name, "version": its.version, "hash": its.object, "since": utc::rfc3339(its.applied)})
}

impl Drc {
    fn recipe_object(&self, hash: ObjectHash) -> Answer<ObjectName> {
        let object = format!("site/{}/recipes/{hash}", self.id()?);
        object.parse().map_err(|error| Refusal::internal(&error))
    }

    /// Puts the recipe that a person applies into the store, if it is the one that was signed.
    pub(in crate::drc) fn take_recipe(&self, catalog: &Catalog, its: &RecipeApplied, text: Option<&str>) -> Answer<()> {
        let text = text.ok_or_else(|| bad("the recipe's text is missing"))?;
        let recipe = Recipe::parse("recipe", text.as_bytes()).map_err(|error| bad(error.to_string()))?;
        let hash = ObjectHash::of(text.as_bytes());
        if its.object != hash || its.recipe != recipe.name.as_str() || its.version != u64::from(recipe.version) {
            return Err(bad("what was signed is another recipe than the one that came with it"));
        }
        if let Some(known) = catalog.recipe(&its.recipe, None)?.filter(|known| known.version >= its.version) {
            let text = format!(
                "the recipe has version {}, and {} is in force; raise `version` and apply it again",
                its.version, known.version
            );
            return Err(bad(text));
        }
        match self.store.create(&self.recipe_object(hash)?, text.as_bytes()) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A recipe that was applied, with its text.
    pub(in crate::drc) fn recipe_of(&self, its: &AppliedRecipe) -> Answer<(Recipe, String)> {
        let hash: ObjectHash = its.object.parse().map_err(|error| Refusal::internal(&error))?;
        let bytes = self.store.read(&self.recipe_object(hash)?, MAX_BYTES as u64)?;
        if ObjectHash::of(&bytes) != hash {
            let text = format!("the recipe {hash} in the store is damaged; apply it again with a higher version");
            return Err(Refusal::new(Code::Refused, text));
        }
        let recipe = Recipe::parse(&its.name, &bytes).map_err(|error| Refusal::internal(&error))?;
        let text = String::from_utf8(bytes).map_err(|error| Refusal::internal(&error))?;
        Ok((recipe, text))
    }

    pub(super) fn shown_recipe(&self, name: &str, version: Option<u64>) -> Answer<Value> {
        let none = || {
            let text = format!("no such version of a recipe {name} was applied; `recipe list` shows those in force");
            Refusal::new(Code::NotFound, text)
        };
        let its = lock(&self.catalog).recipe(name, version)?.ok_or_else(none)?;
        let mut shown = row(&its);
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("type".into(), "pulih/recipe-applied/v1".into());
            fields.insert("text".into(), self.recipe_of(&its)?.1.into());
        }
        Ok(shown)
    }

    pub(super) fn listed_recipes(&self) -> Answer<Value> {
        let recipes: Vec<Value> = lock(&self.catalog).recipes()?.iter().map(row).collect();
        Ok(json!({"type": "pulih/recipes/v1", "recipes": recipes}))
    }
}
