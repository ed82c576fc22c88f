//! Recovery plans: checked, shown, put in force.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use pulih_ledger::entry::kinds::PlanApplied;
use pulih_policies::Plan;
use pulih_vault::id::ObjectHash;
use serde_json::Value;

use super::policy::read_as;
use super::show::{columns, field};
use super::{Failure, Signed, person};
use crate::control::Ask;
use crate::drc::recovery::Ask as Recovery;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Check a plan file, and show the order that it gives; nothing is changed
    Check { file: PathBuf },
    /// Print the plan in force
    Show { name: String },
    /// Put a plan in force
    Apply {
        file: PathBuf,
        #[command(flatten)]
        signed: Signed,
    },
    /// List the plans in force
    List,
}

pub fn check(file: &Path) -> Result<(), Failure> {
    let (_, plan) = read_as(file, Plan::parse)?;
    println!("{} version {} is a recovery plan: {}\n", plan.name, plan.version, plan.title);
    for (name, service) in plan.order() {
        println!(
            "  tier {}  {name}: {} ({} datasets, {} steps by hand)",
            service.tier,
            service.title,
            service.datasets.len(),
            service.steps.len()
        );
    }
    Ok(())
}

pub fn asked(dir: &SiteDir, command: &PlanCommand) -> Result<Ask, Failure> {
    match command {
        PlanCommand::Check { .. } => Err(Failure::Said("this asks nothing of a site".into())),
        PlanCommand::Show { name } => Ok(Ask::Recovery(Recovery::Plan { name: name.clone() })),
        PlanCommand::List => Ok(Ask::Recovery(Recovery::Plans)),
        PlanCommand::Apply { file, signed } => {
            let (text, plan) = read_as(file, Plan::parse)?;
            let object = ObjectHash::of(text.as_bytes());
            let applied = PlanApplied { plan: plan.name.to_string(), version: plan.version.into(), object };
            let entry = person::entry(&dir.site()?, signed, applied.into())?;
            Ok(Ask::Act { entry, attachment: Some(text) })
        }
    }
}

pub fn text(command: &PlanCommand, answer: &Value) -> String {
    match command {
        PlanCommand::Check { .. } => String::new(),
        PlanCommand::Show { .. } => answer["text"].as_str().unwrap_or_default().to_owned(),
        PlanCommand::List => {
            let none = "No plan was applied; `pulih-controller plan apply` puts one in force.\n";
            columns(answer, "plans", &["plan", "version", "since", "hash"], none)
        }
        PlanCommand::Apply { .. } => {
            format!("Plan {} version {} is in force.\n", field(&answer["entry"], "plan"), answer["entry"]["version"])
        }
    }
}
