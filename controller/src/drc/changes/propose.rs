//! What this site proposes by itself: a policy that the Pusat Data follows and this site does not, and an owner
//! key that speaks for no vault of its OPD here.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, ChangeProposed, ChangeRefused};
use pulih_ledger::ids::{ProposalId, SiteId};
use pulih_policies::{Policy, diff};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::note::Fingerprint;

use super::super::error::PullError;
use super::super::urgency::Waiting;
use super::super::{Drc, lock};
use super::{OWNER_KEY, POLICY, weakening};
use crate::catalog::Proposal;
use crate::pusat::draw;
use crate::site::SiteRole;

/// The other site chooses how often: at most one policy a day, and so many owner keys.
const DAY_SECONDS: i64 = 24 * 3600;
const KEYS_A_DAY: usize = 20;

fn strange(error: impl std::fmt::Display) -> PullError {
    PullError::Here(error.to_string())
}

fn drawn() -> Result<ProposalId, PullError> {
    draw("p")?.parse().map_err(strange)
}

impl Drc {
    /// A policy that the Pusat Data follows changes nothing here, and people can take it.
    pub(in super::super) fn propose_policy(
        &self,
        site: &SiteId,
        object: ObjectHash,
        its: &Policy,
    ) -> Result<(), PullError> {
        let in_force = self.in_force();
        if self.site.role != SiteRole::Drc {
            return Ok(());
        }
        if its.version <= in_force.policy.version || diff(&in_force.policy, its).is_empty() {
            return Ok(());
        }
        let from = site.to_string();
        let is_theirs = |known: &Proposal| known.change == POLICY && known.from.as_deref() == Some(&*from);
        let now = self.now();
        let mut record = lock(&self.record);
        let known: Vec<Proposal> = record.catalog.proposals()?.into_iter().filter(is_theirs).collect();
        let is_known = |known: &Proposal| known.object.as_deref() == Some(&*object.to_string());
        if known.iter().any(|known| is_known(known) || known.at > now - DAY_SECONDS) {
            return Ok(());
        }
        let mut bodies: Vec<Body> = Vec::new();
        for older in known.iter().filter(|known| known.is_open() && known.approver.is_none()) {
            let proposal = older.id.parse().map_err(strange)?;
            bodies.push(ChangeRefused { proposal, reason: "a newer one took its place".into() }.into());
        }
        let weak = weakening(&in_force.policy, its).unwrap_or_else(|| "it weakens nothing".into());
        let text = format!("{} version {} of {site}: {weak}", its.name, its.version);
        bodies.push(
            ChangeProposed {
                proposal: drawn()?,
                change: POLICY.into(),
                object: Some(object),
                hold: None,
                from: Some(site.clone()),
                vault: None,
                owner: None,
                text: text.clone(),
            }
            .into(),
        );
        let subject = self.site.name.clone();
        bodies.push(Alarm { alarm: "change-proposed".into(), subject, text }.into());
        Ok(record.write(now, &Actor::Site, bodies)?)
    }

    /// That an owner key may speak for a vault that is new here, though other vaults of the same OPD have another:
    /// a person of this site said so.
    pub(in super::super) fn must_be_approved_owner(
        &self,
        its: &Waiting,
        vault: VaultId,
        owner: Fingerprint,
    ) -> Result<(), PullError> {
        if self.site.role != SiteRole::Drc {
            return Ok(());
        }
        let others = lock(&self.catalog).pins()?.into_iter().filter(|pin| pin.opd == its.opd);
        let Some(other) = others.into_iter().find(|pin| pin.owner != owner.to_string()) else { return Ok(()) };
        let now = self.now();
        let mut record = lock(&self.record);
        let all = record.catalog.proposals()?.into_iter().filter(|known| known.change == OWNER_KEY);
        let all: Vec<Proposal> = all.collect();
        let is_this = |known: &&Proposal| {
            known.vault.as_deref() == Some(&*its.vault) && known.owner.as_deref() == Some(&*owner.to_string())
        };
        let text = format!(
            "vault {vault} of {} is new here, and the owner key {owner} is to speak for it; other vaults of OPD {} have {}",
            its.agent, its.opd, other.owner
        );
        match all.iter().find(is_this) {
            Some(known) if known.made.is_some() => return Ok(()),
            Some(known) if known.refused.is_some() => {
                return Err(PullError::Waits(format!("{text}; that was refused here ({})", known.id)));
            }
            Some(_) => {}
            None if all.iter().filter(|known| known.at > now - DAY_SECONDS).count() >= KEYS_A_DAY => {}
            None => {
                let proposed = ChangeProposed {
                    proposal: drawn()?,
                    change: OWNER_KEY.into(),
                    object: None,
                    hold: None,
                    from: Some(self.peer_id()?),
                    vault: Some(vault),
                    owner: Some(owner),
                    text: text.clone(),
                };
                let alarm = Alarm { alarm: "change-proposed".into(), subject: its.opd.clone(), text: text.clone() };
                record.write(now, &Actor::Site, vec![proposed.into(), alarm.into()])?;
            }
        }
        Err(PullError::Waits(format!("{text}; it waits for `pulih-controller proposal approve`")))
    }
}
