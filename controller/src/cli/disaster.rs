//! The disaster: declared, ended.

use clap::Subcommand;
use pulih_ledger::entry::kinds::{DisasterDeclared, DisasterEnded};
use pulih_vault::utc;
use serde_json::Value;

use super::ask::{acting, answer, said};
use super::show::field;
use super::{Failure, Signed};
use crate::control::Ask;
use crate::drc::recovery::Ask as Recovery;
use crate::pusat::draw;
use crate::site::SiteDir;

#[derive(Debug, Subcommand)]
pub enum Disaster {
    /// Start the clock: from here on nothing expires at this DRC, and agents may back up to it
    Declare {
        /// What happened, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// End it: retention goes on
    End {
        /// Why it is over, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Show whether a disaster is going on, and since when
    Show,
}

/// What the command asks of the site.
pub fn asked(dir: &SiteDir, command: &Disaster) -> Result<Ask, Failure> {
    match command {
        Disaster::Declare { reason, signed } => {
            let disaster = draw("d")?.parse().map_err(said)?;
            acting(dir, signed, DisasterDeclared { disaster, reason: reason.clone() }.into())
        }
        Disaster::End { reason, signed } => {
            let now = answer(dir, Ask::Recovery(Recovery::Disaster))?;
            let going = now["disaster"]["disaster"].as_str();
            let none = || Failure::Said("no disaster is declared at this site, so none can be ended".into());
            let disaster = going.ok_or_else(none)?.parse().map_err(said)?;
            acting(dir, signed, DisasterEnded { disaster, reason: reason.clone() }.into())
        }
        Disaster::Show => Ok(Ask::Recovery(Recovery::Disaster)),
    }
}

/// What `--json` prints, for people.
pub fn text(command: &Disaster, answer: &Value) -> String {
    let entry = &answer["entry"];
    match command {
        Disaster::Declare { .. } => format!(
            "Disaster {} is declared; its clock runs since {}. Nothing expires at this site until it ends.\n",
            field(entry, "disaster"),
            field(entry, "at")
        ),
        Disaster::End { .. } => format!("Disaster {} has ended; retention goes on.\n", field(entry, "disaster")),
        Disaster::Show if answer["disaster"].is_null() => "No disaster is declared at this site.\n".into(),
        Disaster::Show => {
            let its = &answer["disaster"];
            let since = utc::parse(its["declared"].as_str().unwrap_or_default()).unwrap_or_default();
            let clock = its["seconds"].as_u64().unwrap_or(0);
            format!(
                "Disaster {}, declared {} ({} ago): {}\n",
                field(its, "disaster"),
                utc::rfc3339(since),
                super::show::span(clock),
                field(its, "reason")
            )
        }
    }
}
