//! Commands about what is kept and what goes.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use pulih_ledger::entry::kinds::{DeletionApproved, DeletionAsked, HoldPlaced, HoldReleased, SuspicionEnded};
use serde_json::Value;

use super::ask::{acting, said, vault_of};
use super::show::{columns, field, list};
use super::{Failure, Signed};
use crate::control::Ask;
use crate::keeping::Order;
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
