//! Application recipes: checked, shown, put in force.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use pulih_ledger::entry::kinds::RecipeApplied;
use pulih_policies::Recipe;
use pulih_vault::id::ObjectHash;
use serde_json::Value;

use super::policy::read_as;
use super::show::{columns, field};
use super::{Failure, Signed, person};
use crate::control::Ask;
use crate::drc::drills::Ask as Drills;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum RecipeCommand {
    /// Check a recipe file, and show what it would do; nothing is changed
    Check { file: PathBuf },
    /// Print a recipe: the version in force, or another
    Show {
        name: String,
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Put a recipe in force
    Apply {
        file: PathBuf,
        #[command(flatten)]
        signed: Signed,
    },
    /// List the recipes in force
    List,
}

pub fn check(file: &Path) -> Result<(), Failure> {
    let (_, recipe) = read_as(file, Recipe::parse)?;
    println!("{} version {} is an application recipe.\n", recipe.name, recipe.version);
    for its in &recipe.datasets {
        println!("  restores {}/{} of {}", its.agent, its.dataset, its.opd);
    }
    let limits = &recipe.limits;
    println!("  {} programs bring it up, {} ask, {} end it", recipe.up.len(), recipe.ask.len(), recipe.down.len());
    println!(
        "  within {}; memory {}, disk {}, processes {}",
        limits.time, limits.memory, limits.disk, limits.processes
    );
    Ok(())
}

pub fn asked(dir: &SiteDir, command: &RecipeCommand) -> Result<Ask, Failure> {
    match command {
        RecipeCommand::Check { .. } => Err(Failure::Said("this asks nothing of a site".into())),
        RecipeCommand::Show { name, version } => {
            Ok(Ask::Drill(Drills::Recipe { name: name.clone(), version: *version }))
        }
        RecipeCommand::List => Ok(Ask::Drill(Drills::Recipes)),
        RecipeCommand::Apply { file, signed } => {
            let (text, recipe) = read_as(file, Recipe::parse)?;
            let object = ObjectHash::of(text.as_bytes());
            let applied = RecipeApplied { recipe: recipe.name.to_string(), version: recipe.version.into(), object };
            let entry = person::entry(&dir.site()?, signed, applied.into())?;
            Ok(Ask::Act { entry, attachment: Some(text) })
        }
    }
}

pub fn text(command: &RecipeCommand, answer: &Value) -> String {
    match command {
        RecipeCommand::Check { .. } => String::new(),
        RecipeCommand::Show { .. } => answer["text"].as_str().unwrap_or_default().to_owned(),
        RecipeCommand::List => {
            let none = "No recipe was applied; `pulih-controller recipe apply` puts one in force.\n";
            columns(answer, "recipes", &["recipe", "version", "since", "hash"], none)
        }
        RecipeCommand::Apply { .. } => {
            format!(
                "Recipe {} version {} is in force.\n",
                field(&answer["entry"], "recipe"),
                answer["entry"]["version"]
            )
        }
    }
}
