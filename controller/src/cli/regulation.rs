//! Regulation packs: checked, listed, put in force.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use pulih_comply::packs::Packed;
use pulih_ledger::entry::kinds::RegulationApplied;
use pulih_policies::{ClauseKind, Regulation};
use pulih_vault::id::ObjectHash;
use serde_json::Value;

use super::comply::read_pack;
use super::show::{columns, field};
use super::{Failure, Signed, person};
use crate::attest::Ask as Attest;
use crate::control::Ask;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum RegulationCommand {
    /// Check a pack: its words against the regulation's text, its expressions against the facts; nothing is changed
    Check {
        file: PathBuf,
        /// The regulation's text [default: the file of the same name with .txt]
        #[arg(long, value_name = "FILE")]
        text: Option<PathBuf>,
    },
    /// Print a pack: the version in force, or another
    Show {
        name: String,
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// The one that comes with Pulih, in force or not
        #[arg(long, conflicts_with = "version")]
        packed: bool,
    },
    /// Put a pack in force: one that comes with Pulih, by its name, or a file
    Apply {
        #[arg(value_name = "NAME|FILE")]
        pack: PathBuf,
        /// The regulation's text [default: the file of the same name with .txt]
        #[arg(long, value_name = "FILE")]
        text: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
    /// List the packs in force, and those that come with Pulih
    List,
}

/// What asks no site.
pub fn run(command: &RegulationCommand) -> Result<(), Failure> {
    match command {
        RegulationCommand::Check { file, text } => {
            let (_, regulation) = read_pack(file, text.as_deref())?;
            println!("{} version {} is a regulation pack.\n", regulation.name, regulation.version);
            for kind in ClauseKind::ALL {
                let count = regulation.clauses.iter().filter(|its| its.kind == kind).count();
                println!("  {count} {}", kind.as_str());
            }
            Ok(())
        }
        RegulationCommand::Show { name, .. } => {
            let its = Packed::named(name).ok_or_else(|| {
                Failure::Said(format!("no pack {name} comes with Pulih; `regulation list` shows those that do"))
            })?;
            print!("{}", its.pack);
            Ok(())
        }
        _ => Err(Failure::Said("this asks a site".into())),
    }
}

/// A pack by the name of one that comes with Pulih, else a file.
fn chosen(pack: &Path, text: Option<&Path>) -> Result<(String, Regulation), Failure> {
    let packed = pack.to_str().and_then(Packed::named).filter(|_| text.is_none());
    match packed {
        Some(its) => Ok((its.pack.to_owned(), its.read().map_err(|refused| Failure::Said(refused.to_string()))?)),
        None => read_pack(pack, text),
    }
}

pub fn asked(dir: &SiteDir, command: &RegulationCommand) -> Result<Ask, Failure> {
    let (pack, text, signed) = match command {
        RegulationCommand::List => return Ok(Ask::Attest(Attest::Regulations)),
        RegulationCommand::Show { name, version, packed: false } => {
            return Ok(Ask::Attest(Attest::Regulation { name: name.clone(), version: *version }));
        }
        RegulationCommand::Apply { pack, text, signed } => (pack, text, signed),
        _ => return Err(Failure::Said("this asks nothing of a site".into())),
    };
    let (text, regulation) = chosen(pack, text.as_deref())?;
    let applied = RegulationApplied {
        regulation: regulation.name.to_string(),
        version: regulation.version.into(),
        object: ObjectHash::of(text.as_bytes()),
        text_sha256: regulation.text_sha256.parse().map_err(|error| Failure::Said(format!("text_sha256: {error}")))?,
    };
    let entry = person::entry(&dir.site()?, signed, applied.into())?;
    Ok(Ask::Act { entry, attachment: Some(text) })
}

pub fn text(command: &RegulationCommand, answer: &Value) -> String {
    match command {
        RegulationCommand::List => {
            let none = "No regulation is in force; `pulih-controller regulation apply` puts one in force.\n";
            let in_force = columns(answer, "regulations", &["regulation", "version", "since", "hash"], none);
            let packed = columns(answer, "packed", &["regulation", "version", "regency", "clauses", "title"], "");
            format!("{in_force}\nThese come with Pulih:\n\n{packed}")
        }
        RegulationCommand::Show { .. } => answer["text"].as_str().unwrap_or_default().to_owned(),
        _ => format!(
            "Regulation {} version {} is in force. `pulih-controller comply` shows what each clause comes to.\n",
            field(&answer["entry"], "regulation"),
            answer["entry"]["version"]
        ),
    }
}
