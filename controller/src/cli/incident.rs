//! `incident`: a serious failure that others caused, and that those who own the data were told of.

use clap::{Args, Subcommand};
use pulih_ledger::entry::kinds::IncidentReported;
use serde_json::Value;

use super::ask::{acting, said};
use super::evidence::period::moment;
use super::show::{columns, field};
use super::{Failure, Signed};
use crate::attest::Ask as Attest;
use crate::control::Ask;
use crate::pusat::draw;
use crate::record::time;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Put on record what happened, and when the walidata were told
    #[command(after_long_help = REPORT)]
    Report(Report),
    /// List incidents
    List,
}

#[derive(Debug, Args)]
pub struct Report {
    /// When it began: a time (2026-11-20T01:10:00Z) or a date
    #[arg(long, value_name = "WHEN")]
    began: String,
    /// When the walidata were told
    #[arg(long, value_name = "WHEN")]
    reported: String,
    /// What happened, in a line
    #[arg(long)]
    text: String,
    /// Number of the letter that told them
    #[arg(long)]
    letter: Option<String>,
    /// The order by which what was there is kept, as `hold list` shows it
    #[arg(long, value_name = "ID")]
    hold: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

const REPORT: &str = "\
Example:

  pulih-controller incident report --began 2026-11-20T01:10:00Z --reported 2026-11-20T04:00:00Z \\
      --text \"serangan ransomware pada server aplikasi\" --letter 440/19/2026 --hold h-3f9c01aa77e2 \\
      --as siti --sign-with siti.key

An operator or an admin puts it on record.";

pub fn asked(dir: &SiteDir, command: &IncidentCommand) -> Result<Ask, Failure> {
    let IncidentCommand::Report(its) = command else { return Ok(Ask::Attest(Attest::Incidents)) };
    let reported = IncidentReported {
        incident: draw("in")?.parse().map_err(said)?,
        hold: its.hold.as_deref().map(str::parse).transpose().map_err(said)?,
        began: time(moment(dir, &its.began)?).map_err(said)?,
        reported: time(moment(dir, &its.reported)?).map_err(said)?,
        letter: its.letter.clone(),
        text: its.text.clone(),
    };
    acting(dir, &its.signed, reported.into())
}

pub fn text(command: &IncidentCommand, answer: &Value) -> String {
    match command {
        IncidentCommand::Report(_) => format!("Incident {} is on record.\n", field(&answer["entry"], "incident")),
        IncidentCommand::List => columns(
            answer,
            "incidents",
            &["incident", "began", "reported", "letter", "hold", "text"],
            "No incident is on record.\n",
        ),
    }
}
