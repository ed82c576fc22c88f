//! Commands about what is kept and what goes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use pulih_ledger::entry::kinds::{
    DeletionApproved, DeletionAsked, ExpiryResumed, HoldPlaced, HoldReleased, SnapshotsExpired, SuspicionEnded,
};
use pulih_terminal::{printable, size};
use serde_json::Value;

use super::ask::{acting, answer, said, vault_of};
use super::show::{columns, field, list, span};
use super::{Failure, Signed};
use crate::control::Ask;
use crate::keeping::{Expired, Order};
use crate::pusat::draw;
use crate::site::SiteDir;

/// Which dataset is meant.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// The server whose data it is
    #[arg(long)]
    agent: String,
    /// Which of its vaults, if it has several
    #[arg(long, value_name = "ID")]
    vault: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Retain {
    /// Do what the plan says: the person signs which snapshots expire
    #[arg(long)]
    pub execute: bool,
    #[command(flatten)]
    pub signed: Signed,
    #[command(subcommand)]
    pub command: Option<Resume>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Resume {
    /// Let snapshots expire again, after a person has looked why they do not
    Resume {
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Hold {
    /// Order that nothing of a dataset is deleted, whatever its dates say
    Place {
        #[command(flatten)]
        of: Of,
        /// All datasets of the vault, if it is not given
        #[arg(long)]
        dataset: Option<String>,
        /// Number of the letter or decree that asks for it
        #[arg(long)]
        letter: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Let its dates decide again
    Release {
        /// Its id, as `hold list` shows it
        hold: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// List holds
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum Suspicion {
    /// List suspicions, those that ended too
    List,
    /// Say that a person has looked, and what was found
    End {
        /// Its id, as `suspicion list` shows it
        suspicion: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Delete {
    /// Ask that snapshots are deleted before their dates; another person has to approve
    Ask {
        #[command(flatten)]
        of: Of,
        #[arg(long)]
        dataset: String,
        /// `<sequence>-<hash>`, as `retain` and `status --json` name it
        #[arg(required = true)]
        snapshots: Vec<String>,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Approve what another person asked for
    Approve {
        /// Its id, as `delete list` shows it
        deletion: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// List deletions that were asked for
    List,
}

/// Snapshots that one act lets expire.
const AT_ONCE: usize = 400;

pub(super) fn retain(dir: &SiteDir, args: &Retain) -> Result<Ask, Failure> {
    match &args.command {
        None => Ok(Ask::Keep { order: Order::Plan }),
        Some(Resume::Resume { reason, signed }) => acting(dir, signed, ExpiryResumed { reason: reason.clone() }.into()),
    }
}

/// Signs the plan as it stands, dataset by dataset, and has the site do what follows from it.
pub(super) fn execute(dir: &SiteDir, signed: &Signed, json: bool) -> Result<(), Failure> {
    let plan = answer(dir, Ask::Keep { order: Order::Plan })?["plan"].take();
    if let Some(why) = plan["stopped"].as_str() {
        return Err(Failure::Said(format!("nothing expires here now: {}", printable(why))));
    }
    let expires: Vec<Expired> = serde_json::from_value(plan["snapshots"].clone()).map_err(said)?;
    let mut groups: BTreeMap<(String, String, Option<String>), Vec<String>> = BTreeMap::new();
    for its in expires {
        groups.entry((its.vault, its.dataset, its.deletion)).or_default().push(its.snapshot);
    }
    let mut expired = 0;
    for ((vault, dataset, deletion), names) in groups {
        for manifests in names.chunks(AT_ONCE) {
            expired += manifests.len();
            let body = SnapshotsExpired {
                vault: vault.parse().map_err(said)?,
                dataset: dataset.parse().map_err(said)?,
                manifests: manifests.to_vec(),
                deletion: deletion.as_deref().map(str::parse).transpose().map_err(said)?,
            };
            answer(dir, acting(dir, signed, body.into())?)?;
        }
    }
    let mut done = answer(dir, Ask::Keep { order: Order::Run })?;
    done["done"]["expired"] = expired.into();
    if json {
        println!("{done}");
    } else {
        print!("{}", done_text(&done["done"]));
    }
    Ok(())
}

fn done_text(done: &Value) -> String {
    if !done["stopped"].is_null() {
        return format!("Nothing was deleted: {}.\n", field(done, "stopped"));
    }
    let mut out = format!(
        "{} snapshots have expired; {} packs are doomed, {} are to be avoided; {} objects ({}) are gone.\n",
        done["expired"],
        done["doomed"],
        done["avoided"],
        done["removed"],
        size(done["bytes"].as_u64().unwrap_or(0))
    );
    for why in list(done, "failed") {
        let _ = writeln!(out, "  tried again by the next run: {}", printable(why.as_str().unwrap_or_default()));
    }
    out
}

pub(super) fn retain_text(args: &Retain, answer: &Value) -> String {
    if args.command.is_some() {
        return "Snapshots expire again by their dates.\n".into();
    }
    let plan = &answer["plan"];
    let (snapshots, packs) = (list(plan, "snapshots"), plan["packs"].as_object());
    let packs: usize = packs.map_or(0, |vaults| vaults.values().map(|its| its.as_array().map_or(0, Vec::len)).sum());
    let mut out = String::new();
    if !plan["stopped"].is_null() {
        let _ = writeln!(out, "Nothing expires now: {}\n", field(plan, "stopped"));
    }
    let bytes = size(plan["bytes"].as_u64().unwrap_or(0));
    let _ = writeln!(
        out,
        "{} snapshots need no longer be kept; only they need {packs} packs, {bytes}. Nothing was changed.",
        snapshots.len()
    );
    for its in snapshots {
        let _ = writeln!(out, "  {} {} {}", field(its, "vault"), field(its, "dataset"), field(its, "snapshot"));
    }
    for its in list(plan, "kept_back") {
        let _ = writeln!(out, "  {} of {} stay: {}", its["snapshots"], field(its, "dataset"), field(its, "why"));
    }
    out
}

/// What `status` says of locks, and of what was stopped.
pub(super) fn standing_text(status: &Value) -> String {
    let mut out = String::new();
    let locks = &status["locks"];
    if let (Some(waiting @ 1..), Some(oldest)) = (locks["waiting"].as_u64(), locks["oldest_seconds"].as_u64()) {
        let _ = writeln!(out, "\n{waiting} snapshots are not locked yet, the oldest accepted {} ago", span(oldest));
    }
    if let Some(least) = locks["least_seconds"].as_u64() {
        let _ = writeln!(out, "\nThe store holds everything that is kept for at least {} from now", span(least));
    }
    if !status["ledger_behind"].is_null() {
        let _ = writeln!(out, "\nNOTHING IS WRITTEN DOWN: the ledger was set back: {}", field(status, "ledger_behind"));
    }
    if !status["expiry_stopped"].is_null() {
        let _ = writeln!(out, "\nNOTHING EXPIRES: {}", field(status, "expiry_stopped"));
    }
    out
}

pub(super) fn hold(dir: &SiteDir, command: &Hold) -> Result<Ask, Failure> {
    match command {
        Hold::Place { of, dataset, letter, reason, signed } => {
            let (_, vault) = vault_of(dir, &of.agent, of.vault.as_deref())?;
            let placed = HoldPlaced {
                hold: draw("h")?.parse().map_err(said)?,
                vault: vault.parse().map_err(said)?,
                dataset: dataset.as_deref().map(str::parse).transpose().map_err(said)?,
                letter: letter.clone(),
                reason: reason.clone(),
            };
            acting(dir, signed, placed.into())
        }
        Hold::Release { hold, reason, signed } => {
            let released = HoldReleased { hold: hold.parse().map_err(said)?, reason: reason.clone() };
            acting(dir, signed, released.into())
        }
        Hold::List => Ok(Ask::Keep { order: Order::Holds }),
    }
}

pub(super) fn suspicion(dir: &SiteDir, command: &Suspicion) -> Result<Ask, Failure> {
    match command {
        Suspicion::List => Ok(Ask::Keep { order: Order::Suspicions }),
        Suspicion::End { suspicion, reason, signed } => {
            let ended = SuspicionEnded { suspicion: suspicion.parse().map_err(said)?, reason: reason.clone() };
            acting(dir, signed, ended.into())
        }
    }
}

pub(super) fn delete(dir: &SiteDir, command: &Delete) -> Result<Ask, Failure> {
    match command {
        Delete::Ask { of, dataset, snapshots, reason, signed } => {
            let (_, vault) = vault_of(dir, &of.agent, of.vault.as_deref())?;
            let asked = DeletionAsked {
                deletion: draw("d")?.parse().map_err(said)?,
                vault: vault.parse().map_err(said)?,
                dataset: dataset.parse().map_err(said)?,
                manifests: snapshots.clone(),
                reason: reason.clone(),
            };
            acting(dir, signed, asked.into())
        }
        Delete::Approve { deletion, signed } => {
            acting(dir, signed, DeletionApproved { deletion: deletion.parse().map_err(said)? }.into())
        }
        Delete::List => Ok(Ask::Keep { order: Order::Deletions }),
    }
}

pub(super) fn hold_text(command: &Hold, answer: &Value) -> String {
    match command {
        Hold::Place { .. } => {
            format!("Hold {} is in force: nothing that it covers is deleted.\n", field(&answer["entry"], "hold"))
        }
        Hold::Release { hold, .. } => format!("Hold {hold} is released; the dates decide again.\n"),
        Hold::List => columns(
            answer,
            "holds",
            &["hold", "vault", "dataset", "letter", "reason", "placed", "released"],
            "Nothing is held.\n",
        ),
    }
}

pub(super) fn suspicion_text(command: &Suspicion, answer: &Value) -> String {
    match command {
        Suspicion::End { suspicion, .. } => {
            format!("Suspicion {suspicion} is ended; its dataset's snapshots take tiers and expire again.\n")
        }
        Suspicion::List => {
            let mut out = columns(
                answer,
                "suspicions",
                &["suspicion", "vault", "dataset", "measure", "since", "ended"],
                "No dataset was ever under suspicion.\n",
            );
            for its in list(answer, "suspicions").iter().filter(|its| its["ended"].is_null()) {
                let _ = writeln!(out, "\n{}: {}", field(its, "suspicion"), field(its, "text"));
            }
            out
        }
    }
}

pub(super) fn delete_text(command: &Delete, answer: &Value) -> String {
    match command {
        Delete::Ask { .. } => format!(
            "Deletion {} is asked for; another person approves it with `pulih-controller delete approve`.\n",
            field(&answer["entry"], "deletion")
        ),
        Delete::Approve { deletion, .. } => {
            format!("Deletion {deletion} is approved; the next `pulih-controller retain --execute` does it.\n")
        }
        Delete::List => columns(
            answer,
            "deletions",
            &["deletion", "vault", "dataset", "asked_by", "asked", "approved", "reason"],
            "Nobody asked for a deletion.\n",
        ),
    }
}
