//! What would weaken a DRC: proposed, approved by another person, refused; and what waits for a person to go on.

use clap::Subcommand;
use pulih_ledger::entry::kinds::{
    ChangeApproved, ChangeProposed, ChangeRefused, ExpiryResumed, LedgerResumed, PolicyApplied, ReplicationResumed,
};
use pulih_policies::Policy;
use pulih_terminal::Table;
use pulih_vault::id::ObjectHash;
use serde_json::Value;

use super::ask::{acting, answer, said};
use super::show::field;
use super::{Failure, Signed, person};
use crate::card::Card;
use crate::control::Ask;
use crate::drc::changes::{self, HOLD_RELEASE, POLICY, SITE_KEYS};
use crate::pusat::draw;
use crate::record::Behind;
use crate::site::{SiteDir, SiteRole};

#[derive(Debug, Subcommand)]
pub enum Proposal {
    /// List what was proposed, by whom, and what became of it
    List,
    /// Approve what another person or the Pusat Data proposed: it takes effect after thirty days
    Approve {
        /// Its id, as `proposal list` shows it
        proposal: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Refuse a proposal, also one that was approved and is not in effect yet
    Refuse {
        /// Its id, as `proposal list` shows it
        proposal: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Propose that a hold ends
    HoldRelease {
        /// The hold's id
        hold: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
}

#[derive(Debug, Subcommand)]
pub enum Resume {
    /// Pull from the Pusat Data again
    Replication {
        /// What was looked at, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Write on in a ledger of which others have more than there is: what is missing is given up
    Ledger {
        /// What was looked at, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Let expire again what its date lets expire
    Expiry {
        /// What was looked at, for the ledger
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signed: Signed,
    },
}

fn proposed(
    dir: &SiteDir,
    signed: &Signed,
    change: &str,
    its: (Option<&str>, Option<&str>),
    text: String,
) -> Result<Ask, Failure> {
    let (attachment, hold) = its;
    let proposal = ChangeProposed {
        proposal: draw("p")?.parse().map_err(said)?,
        change: change.into(),
        object: attachment.map(|text| ObjectHash::of(text.as_bytes())),
        hold: hold.map(str::parse).transpose().map_err(said)?,
        from: None,
        vault: None,
        owner: None,
        text,
    };
    let entry = person::entry(&dir.site()?, signed, proposal.into())?;
    Ok(Ask::Act { entry, attachment: attachment.map(str::to_owned) })
}

/// What a policy that a person applies asks of the site: at a DRC one that weakens is proposed.
pub fn policy(dir: &SiteDir, signed: &Signed, text: String, its: &Policy) -> Result<Ask, Failure> {
    if dir.site()?.role == SiteRole::Drc {
        let current = answer(dir, Ask::PolicyShow)?;
        let current = Policy::parse("policy in force", current["text"].as_str().unwrap_or_default().as_bytes());
        if let Some(words) = changes::weakening(&current.map_err(said)?, its) {
            let words = format!("{} version {}: {words}", its.name, its.version);
            return proposed(dir, signed, POLICY, (Some(&text), None), words);
        }
    }
    let object = ObjectHash::of(text.as_bytes());
    let applied = PolicyApplied { policy: its.name.to_string(), version: its.version.into(), object };
    let entry = person::entry(&dir.site()?, signed, applied.into())?;
    Ok(Ask::Act { entry, attachment: Some(text) })
}

/// The same of a card with other keys for a site that is paired with this DRC.
pub fn keys(dir: &SiteDir, signed: &Signed, text: &str, card: &Card) -> Result<Value, Failure> {
    let words = format!("{} ({}) has another CA: {}", card.name, card.site, card.ca_hash().map_err(said)?);
    answer(dir, proposed(dir, signed, SITE_KEYS, (Some(text), None), words)?)
}

/// What the command asks of the site.
pub fn asked(dir: &SiteDir, command: &Proposal) -> Result<Ask, Failure> {
    match command {
        Proposal::List => Ok(Ask::Changes(changes::Ask::List)),
        Proposal::Approve { proposal, signed } => {
            let all = answer(dir, Ask::Changes(changes::Ask::List))?;
            let known = all["proposals"].as_array().into_iter().flatten();
            let known = known.into_iter().find(|its| its["proposal"] == proposal.as_str());
            let none =
                || Failure::Said(format!("there is no proposal {proposal}; `proposal list` shows what there is"));
            let earliest = known.ok_or_else(none)?["earliest"].as_str().unwrap_or_default();
            let proposal = proposal.parse().map_err(said)?;
            let approved = ChangeApproved { proposal, not_before: earliest.parse().map_err(said)? };
            acting(dir, signed, approved.into())
        }
        Proposal::Refuse { proposal, reason, signed } => {
            let refused = ChangeRefused { proposal: proposal.parse().map_err(said)?, reason: reason.clone() };
            acting(dir, signed, refused.into())
        }
        Proposal::HoldRelease { hold, reason, signed } => {
            proposed(dir, signed, HOLD_RELEASE, (None, Some(hold)), reason.clone())
        }
    }
}

pub fn resumed(dir: &SiteDir, command: &Resume) -> Result<Ask, Failure> {
    match command {
        Resume::Replication { reason, signed } => {
            acting(dir, signed, ReplicationResumed { reason: reason.clone() }.into())
        }
        Resume::Ledger { reason, signed } => {
            let none = || Failure::Said("the ledger is not behind what others have; there is nothing to resume".into());
            let Behind { size, proof } = Behind::of(dir).map_err(said)?.ok_or_else(none)?;
            acting(dir, signed, LedgerResumed { size, proof, reason: reason.clone() }.into())
        }
        Resume::Expiry { reason, signed } => acting(dir, signed, ExpiryResumed { reason: reason.clone() }.into()),
    }
}

/// What was proposed in the place of what was asked for, for people.
pub fn made(entry: &Value) -> String {
    format!(
        "This weakens the DRC, and so it is proposed ({}) and not in effect: {}\nAnother admin approves it with \
         `pulih-controller proposal approve {}`, and it takes effect thirty days later.\n",
        field(entry, "proposal"),
        field(entry, "text"),
        field(entry, "proposal")
    )
}

/// What `--json` prints, for people.
pub fn text(command: &Proposal, answer: &Value) -> String {
    let entry = &answer["entry"];
    match command {
        Proposal::List => list(answer),
        Proposal::Approve { proposal, .. } => {
            format!("{proposal} is approved and takes effect on {}.\n", field(entry, "not_before"))
        }
        Proposal::Refuse { proposal, .. } => format!("{proposal} is refused, and never takes effect.\n"),
        Proposal::HoldRelease { .. } => made(entry),
    }
}

fn list(answer: &Value) -> String {
    let mut table = Table::left(["PROPOSAL", "CHANGE", "BY", "AT", "STATE", "FROM THEN ON", "WHAT"]);
    for its in answer["proposals"].as_array().into_iter().flatten() {
        let by = if its["proposer"].is_null() { field(its, "from") } else { field(its, "proposer") };
        table.row(vec![
            field(its, "proposal"),
            field(its, "change"),
            by,
            field(its, "at"),
            field(its, "state"),
            field(its, "not_before"),
            field(its, "text"),
        ]);
    }
    if table.is_empty() { "Nothing was proposed here.\n".to_owned() } else { table.to_string() }
}
