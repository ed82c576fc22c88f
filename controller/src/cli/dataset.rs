//! `dataset`: what kind of data a dataset holds, by whoever may say so.

use clap::{Args, Subcommand};
use pulih_ledger::entry::kinds::DatasetClassified;
use serde_json::Value;

use super::ask::{acting, said, vault_of};
use super::show::{field, list, table};
use super::{Failure, Signed};
use crate::attest::{Ask as Attest, CATEGORIES, CONFIDENTIALITIES, CONTENTS, PURPOSES};
use crate::control::Ask;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Put on record what kind of data a dataset holds
    #[command(after_long_help = CLASSIFY)]
    Classify(Box<Classify>),
    /// List what was said of datasets: of each the newest word
    List,
}

#[derive(Debug, Args)]
pub struct Classify {
    /// The dataset's name
    dataset: String,
    /// The server whose dataset it is
    #[arg(long)]
    agent: String,
    /// Which of its vaults, if it has several
    #[arg(long, value_name = "ID")]
    vault: Option<String>,
    /// What it is for
    #[arg(long, value_parser = PURPOSES, required_unless_present_any = ["confidentiality", "category", "content"])]
    purpose: Option<String>,
    /// How confidential it is
    #[arg(long, value_parser = CONFIDENTIALITIES)]
    confidentiality: Option<String>,
    /// Its national category
    #[arg(long, value_parser = CATEGORIES)]
    category: Option<String>,
    /// What it holds
    #[arg(long, value_parser = CONTENTS)]
    content: Option<String>,
    /// Who says so: name and office
    #[arg(long)]
    by: String,
    /// Number of the letter or decree
    #[arg(long)]
    letter: String,
    #[command(flatten)]
    signed: Signed,
}

const CLASSIFY: &str = "\
Example, by the walidata of the office that owns the data:

  pulih-controller dataset classify rekam-medis --agent dinkes-1 --purpose strategis --confidentiality rahasia \\
      --content information --by \"Kepala BPS Kabupaten\" --letter 800/4/2026 --as ani --sign-with ani.key

The walidata says so for the office, and for the statistics office where that decides; or an admin who has the
letter. What is not named stays as it was said before.";

pub fn asked(dir: &SiteDir, command: &DatasetCommand) -> Result<Ask, Failure> {
    let DatasetCommand::Classify(its) = command else { return Ok(Ask::Attest(Attest::Classes)) };
    let (_, vault) = vault_of(dir, &its.agent, its.vault.as_deref())?;
    let classified = DatasetClassified {
        vault: vault.parse().map_err(said)?,
        dataset: its.dataset.parse().map_err(said)?,
        purpose: its.purpose.clone(),
        confidentiality: its.confidentiality.clone(),
        category: its.category.clone(),
        content: its.content.clone(),
        by: its.by.clone(),
        letter: its.letter.clone(),
    };
    acting(dir, &its.signed, classified.into())
}

pub fn text(command: &DatasetCommand, answer: &Value) -> String {
    match command {
        DatasetCommand::Classify(its) => {
            format!("What {} of {} holds is on record.\n", its.dataset, its.agent)
        }
        DatasetCommand::List => table(
            &["OPD", "AGENT", "DATASET", "PURPOSE", "CONFIDENTIALITY", "CATEGORY", "CONTENT"],
            list(answer, "datasets").iter().map(|its| {
                let mut row: Vec<String> = ["opd", "agent", "dataset"].iter().map(|name| field(its, name)).collect();
                let axes = ["purpose", "confidentiality", "category", "content"];
                row.extend(axes.iter().map(|axis| field(&its[*axis], "value")));
                row
            }),
            "Nothing was said of any dataset; `pulih-controller dataset classify` puts it on record.\n",
        ),
    }
}
