//! `attest`: what people state of a regulation's clauses, with a document behind it and until when.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pulih_comply::packs::read;
use pulih_evidence::qualifying::OPINIONS;
use pulih_ledger::entry::kinds::{AttestationEnded, AttestationGiven};
use serde_json::Value;

use super::ask::{acting, answer, said};
use super::show::{columns, field};
use super::{Failure, Signed, person};
use crate::attest::Ask as Attest;
use crate::control::Ask;
use crate::pusat::draw;
use crate::record::time;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum AttestCommand {
    /// State that an item of a clause is met, or is not
    #[command(after_long_help = GIVE)]
    Give(Give),
    /// End an attestation before its time
    #[command(after_long_help = END)]
    End {
        /// Its id, as `attest list` shows it
        attestation: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// List attestations, those that ended too
    List,
}

#[derive(Debug, Args)]
pub struct Give {
    /// The clause's id, as the pack has it
    clause: String,
    /// The regulation's pack, which is in force here
    #[arg(long, value_name = "NAME")]
    regulation: String,
    /// What is stated: an item that the clause asks for
    #[arg(long)]
    item: String,
    #[arg(long, value_parser = OPINIONS)]
    opinion: String,
    /// Who states it: name and office
    #[arg(long)]
    by: String,
    /// Number of the document
    #[arg(long)]
    letter: String,
    /// The document itself: its hash goes on record
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    /// A date (2027-12-31) or how long (1y), five years at most
    #[arg(long, value_name = "WHEN")]
    until: String,
    /// A line about it, for people
    #[arg(long)]
    text: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

const GIVE: &str = "\
Example, by the auditor:

  pulih-controller attest give 55-4 --regulation kuantan-singingi-33-2020 --item kewenangan-auditor \\
      --opinion met --by \"Rini Wulandari, Inspektorat\" --letter 700/12/2026 --document laporan.pdf \\
      --until 2028-06-30 --as rini --sign-with rini.key

An admin, an operator who has the letter, or an auditor gives it. The document stays with whoever signed it.";

const END: &str = "\
Example:

  pulih-controller attest end at-3f9c01aa77e2 --reason \"surat dicabut\" --as siti --sign-with siti.key";

pub fn asked(dir: &SiteDir, command: &AttestCommand) -> Result<Ask, Failure> {
    match command {
        AttestCommand::List => Ok(Ask::Attest(Attest::Attestations)),
        AttestCommand::End { attestation, reason, signed } => {
            let ended = AttestationEnded { attestation: attestation.parse().map_err(said)?, reason: reason.clone() };
            acting(dir, signed, ended.into())
        }
        AttestCommand::Give(give) => {
            must_be_asked(dir, give)?;
            let given = AttestationGiven {
                attestation: draw("at")?.parse().map_err(said)?,
                regulation: give.regulation.clone(),
                clause: give.clause.clone(),
                item: give.item.clone(),
                opinion: give.opinion.clone(),
                by: give.by.clone(),
                letter: give.letter.clone(),
                document_sha256: person::document(&give.document)?,
                until: time(person::until(&give.until)?).map_err(said)?,
                text: give.text.clone(),
            };
            acting(dir, &give.signed, given.into())
        }
    }
}

/// That the pack in force asks for this item of this clause: nobody signs what nothing reads.
fn must_be_asked(dir: &SiteDir, give: &Give) -> Result<(), Failure> {
    let name = &give.regulation;
    let shown = answer(dir, Ask::Attest(Attest::Regulation { name: name.clone(), version: None }))?;
    let text = shown["text"].as_str().unwrap_or_default();
    let pack = read(name, text.as_bytes(), None).map_err(said)?;
    let listed = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let Some(clause) = pack.clause(&give.clause) else {
        let ids = listed(pack.clauses.iter().map(|its| its.id.as_str()).collect());
        return Err(Failure::Said(format!(
            "{name} version {} has no clause {}; it has {ids}",
            pack.version, give.clause
        )));
    };
    if clause.attest.iter().any(|its| its.item.as_str() == give.item) {
        return Ok(());
    }
    let items = listed(clause.attest.iter().map(|its| its.item.as_str()).collect());
    Err(Failure::Said(format!("clause {} of {name} asks for no {}; it asks for {items}", give.clause, give.item)))
}

pub fn text(command: &AttestCommand, answer: &Value) -> String {
    match command {
        AttestCommand::Give(give) => format!(
            "{} of clause {} is {} until {} (attestation {}).\n",
            give.item,
            give.clause,
            give.opinion,
            field(&answer["entry"], "until"),
            field(&answer["entry"], "attestation")
        ),
        AttestCommand::End { attestation, .. } => format!("Attestation {attestation} has ended.\n"),
        AttestCommand::List => columns(
            answer,
            "attestations",
            &["attestation", "regulation", "clause", "item", "opinion", "by", "letter", "until", "ended"],
            "Nobody has stated anything yet; `pulih-controller attest give` puts it on record.\n",
        ),
    }
}
