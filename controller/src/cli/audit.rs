//! `audit`: that somebody looked at the site, by what right, and what they want mended.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pulih_ledger::entry::kinds::AuditHeld;
use serde_json::Value;

use super::ask::{acting, said};
use super::evidence::period::moment;
use super::findings::findings;
use super::show::{field, list, table};
use super::{Failure, Signed, person};
use crate::attest::{Ask as Attest, BODIES, SUBJECTS};
use crate::control::Ask;
use crate::pusat::draw;
use crate::record::time;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Put an audit on record
    #[command(after_long_help = RECORD)]
    Record(Box<Record>),
    /// List audits
    List,
}

#[derive(Debug, Args)]
pub struct Record {
    /// What was looked at
    #[arg(long, value_parser = SUBJECTS)]
    subject: String,
    /// The institution
    #[arg(long)]
    by: String,
    /// Of what kind it is
    #[arg(long, value_parser = BODIES)]
    body: String,
    /// Number of its report
    #[arg(long)]
    letter: String,
    /// The report itself: its hash goes on record
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    /// When it was held: a date (2026-11-20) or a time
    #[arg(long, value_name = "WHEN")]
    held: String,
    /// A TOML file with what is to be mended [default: nothing]
    #[arg(long, value_name = "FILE")]
    findings: Option<PathBuf>,
    /// Under what an accredited institution may audit
    #[arg(long)]
    accreditation: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

const RECORD: &str = "\
Example:

  pulih-controller audit record --subject security --by \"Inspektorat Kabupaten\" --body government \\
      --letter 700/31/2026 --document laporan.pdf --held 2026-11-20 --findings temuan.toml \\
      --as siti --sign-with siti.key

The file with findings, at most 50 of them:

  [[finding]]
  text = \"Daftar akun tidak ditinjau dalam setahun\"
  owner = \"Diskominfo\"
  until = \"2027-06-01\"

An admin, an operator or an auditor puts it on record.";

pub fn asked(dir: &SiteDir, command: &AuditCommand) -> Result<Ask, Failure> {
    let AuditCommand::Record(its) = command else { return Ok(Ask::Attest(Attest::Audits)) };
    let held = AuditHeld {
        audit: draw("au")?.parse().map_err(said)?,
        subject: its.subject.clone(),
        by: its.by.clone(),
        body: its.body.clone(),
        letter: its.letter.clone(),
        document_sha256: person::document(&its.document)?,
        held: time(moment(dir, &its.held)?).map_err(said)?,
        findings: its.findings.as_deref().map(findings).transpose()?.unwrap_or_default(),
        accreditation: its.accreditation.clone(),
    };
    acting(dir, &its.signed, held.into())
}

pub fn text(command: &AuditCommand, answer: &Value) -> String {
    match command {
        AuditCommand::Record(_) => {
            let entry = &answer["entry"];
            let count = list(entry, "findings").len();
            format!("Audit {} of {} is on record, findings: {count}.\n", field(entry, "audit"), field(entry, "held"))
        }
        AuditCommand::List => table(
            &["AUDIT", "SUBJECT", "BY", "BODY", "LETTER", "HELD", "FINDINGS"],
            list(answer, "audits").iter().map(|its| {
                let mut row: Vec<String> =
                    ["audit", "subject", "by", "body", "letter", "held"].iter().map(|name| field(its, name)).collect();
                row.push(list(its, "findings").len().to_string());
                row
            }),
            "No audit is on record; `pulih-controller audit record` puts one there.\n",
        ),
    }
}
