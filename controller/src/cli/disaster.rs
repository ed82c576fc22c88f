//! The disaster: declared, ended.

use std::fmt::Write as _;

use clap::Subcommand;
use pulih_ledger::entry::kinds::{DisasterDeclared, DisasterEnded};
use pulih_policies::Zone;
use pulih_terminal::printable;
use pulih_vault::utc;
use serde_json::Value;

use super::ask::{acting, answer, said};
use super::show::{field, list};
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
    /// One page for those who answer for the regency, in Indonesian
    Report,
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
        Disaster::Report => Ok(Ask::Recovery(Recovery::Report)),
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
        Disaster::Report => page(answer),
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

/// The page, as the head of the regency reads it at night.
fn page(report: &Value) -> String {
    let zone = report["zone"].as_str().and_then(|zone| zone.parse::<Zone>().ok()).unwrap_or(Zone::Jakarta);
    let at = |value: &Value, name: &str| {
        value[name].as_str().and_then(utc::parse).map_or_else(|| "-".to_owned(), |seconds| zone.print(seconds))
    };
    let disaster = &report["disaster"];
    let mut out = format!("LAPORAN BENCANA · {}\nPer {}\n\n", field(report, "site"), at(report, "at"));
    if disaster.is_null() {
        out += "Tidak ada bencana yang dinyatakan.\n";
    } else {
        let hours = disaster["seconds"].as_u64().unwrap_or(0);
        let _ = writeln!(
            out,
            "Dinyatakan {}, {} jam {} menit yang lalu.\nSebab: {}",
            at(disaster, "declared"),
            hours / 3600,
            hours % 3600 / 60,
            field(disaster, "reason")
        );
    }
    let services = list(report, "services");
    let back = services.iter().filter(|its| its["state"] == "back").count();
    let _ = writeln!(out, "\n{back} dari {} layanan sudah PULIH.\n", services.len());
    for its in services {
        let state = match its["state"].as_str().unwrap_or_default() {
            "back" => format!("PULIH sejak {}", at(its, "back_since")),
            "running" => "sedang dipulihkan".into(),
            "failed" => "GAGAL, sedang ditangani; perkiraan belum dapat dipegang".into(),
            "no-point" => "TIDAK ADA CADANGAN di DRC".into(),
            _ => "menunggu giliran".into(),
        };
        let _ = writeln!(out, "{}\n  keadaan      {state}", field(its, "service"));
        if its["state"] != "no-point" {
            let _ = writeln!(out, "  data hilang  yang masuk sesudah {}", at(its, "lost_since"));
        }
        if its["state"] != "back" {
            let expected =
                if its["expected"].is_null() { "belum dapat diperkirakan".into() } else { at(its, "expected") };
            let _ = writeln!(out, "  perkiraan    {expected}");
        }
        if let Some(who) = its["responsible"].as_str().filter(|who| !who.is_empty()) {
            let _ = writeln!(out, "  penanggung   {} ({})", printable(who), field(its, "contact"));
        }
        out.push('\n');
    }
    if report["bytes_per_second"].is_null() {
        out += "Belum ada pemulihan yang selesai, jadi lamanya belum dapat diperkirakan.\n";
    } else {
        out += "Perkiraan dihitung dari kecepatan pemulihan yang sudah selesai di DRC ini; langkah manual tidak terhitung.\n";
    }
    out
}
