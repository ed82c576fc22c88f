//! What would weaken this DRC: proposed, approved by another person than the one who proposed it, and in
//! force after a wait of thirty days. What strengthens it needs none of this. `docs/contracts/replication.md`.

mod effect;
mod propose;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{ChangeApproved, ChangeProposed, ChangeRefused};
use pulih_policies::{Change, Policy, diff};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::recovery::disaster::must_say_why;
use super::{Drc, lock};
use crate::card::Card;
use crate::catalog::{Catalog, Proposal, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{self, Role};
use crate::policy;

/// Between an approval and its effect, in seconds: time for someone to notice who was not asked.
const WAIT: i64 = 30 * 24 * 3600;
/// What the time between a person's signature and its arrival may take of it.
const SLACK: i64 = 3600;
/// Bytes of a proposal's words.
const MAX_TEXT: usize = 2000;

pub const POLICY: &str = "policy";
pub const HOLD_RELEASE: &str = "hold-release";
pub const SITE_KEYS: &str = "site-keys";
pub const OWNER_KEY: &str = "owner-key";

/// What a command of this area asks of a DRC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "changes", rename_all = "kebab-case")]
pub enum Ask {
    List,
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

/// The weakening changes, in words.
pub fn weakening(current: &Policy, next: &Policy) -> Option<String> {
    let weak: Vec<Change> = diff(current, next).into_iter().filter(|change| change.weakens.is_some()).collect();
    if weak.is_empty() {
        return None;
    }
    let shown = |value: &Option<pulih_policies::Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
    let words = weak.iter().map(|its| {
        let (old, new) = (shown(&its.old), shown(&its.new));
        format!("{}: {old} -> {new} ({})", its.field, its.weakens.unwrap_or_default())
    });
    let mut text = words.collect::<Vec<_>>().join("; ");
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT - 40).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text = format!("{text} … ({} changes)", weak.len());
    }
    Some(text)
}

/// `from` on: when a proposal that is approved at `now` takes effect at the earliest.
fn earliest(its: &Proposal, now: i64) -> i64 {
    // Nothing is here yet that a vault's first key could weaken.
    if its.change == OWNER_KEY { now } else { now + WAIT }
}

impl Proposal {
    fn state(&self) -> &'static str {
        match (self.made, self.refused, self.approver.is_some()) {
            (Some(_), ..) => "made",
            (_, Some(_), _) => "refused",
            (_, _, true) => "approved",
            _ => "proposed",
        }
    }
}

impl Drc {
    pub(super) fn answer_changes(&self, ask: &Ask) -> Answer<Value> {
        let Ask::List = ask;
        let now = self.now();
        let all = lock(&self.catalog).proposals()?.into_iter().map(|its| {
            json!({
                "proposal": its.id, "change": its.change, "state": its.state(), "text": its.text, "from": its.from,
                "object": its.object, "hold": its.hold, "vault": its.vault, "owner": its.owner,
                "proposer": its.proposer, "at": utc::rfc3339(its.at), "approver": its.approver,
                "not_before": its.not_before.map(utc::rfc3339), "earliest": utc::rfc3339(earliest(&its, now)),
            })
        });
        Ok(json!({"type": "pulih/proposals/v1", "proposals": all.collect::<Vec<_>>()}))
    }

    /// Where the text of a card lies that was proposed.
    fn card_object(&self, hash: ObjectHash) -> Answer<ObjectName> {
        format!("site/{}/proposed/{hash}", self.id()?).parse().map_err(|error| Refusal::internal(&error))
    }

    /// That a policy which a person applies weakens nothing.
    pub(super) fn must_not_weaken(&self, text: Option<&str>) -> Answer<()> {
        let next = policy::next(&self.in_force(), text.ok_or_else(|| bad("the policy's text is missing"))?)?;
        match weakening(&self.in_force().policy, &next) {
            Some(words) => Err(Refusal::new(
                Code::Forbidden,
                format!("at a DRC a policy that weakens is proposed, and not applied: {words}"),
            )),
            None => Ok(()),
        }
    }

    /// Whether a person may do this to a proposal; what belongs to it is in the store then.
    pub(super) fn check_change(
        &self,
        catalog: &Catalog,
        person: &User,
        body: &Body,
        attachment: Option<&str>,
    ) -> Answer<()> {
        people::must(person, person.is(Role::Admin), "an admin")?;
        match body {
            Body::ChangeProposed(its) => self.check_proposed(catalog, its, attachment),
            Body::ChangeApproved(its) => self.check_approved(catalog, person, its),
            Body::ChangeRefused(ChangeRefused { proposal, reason }) => {
                must_say_why(reason)?;
                open_one(catalog, proposal.as_str()).map(|_| ())
            }
            _ => Err(bad("this is no change of a proposal")),
        }
    }

    fn check_proposed(&self, catalog: &Catalog, its: &ChangeProposed, attachment: Option<&str>) -> Answer<()> {
        if catalog.proposal(its.proposal.as_str())?.is_some() {
            return Err(Refusal::new(Code::AlreadyExists, format!("there is a proposal {} already", its.proposal)));
        }
        let is_said = !its.text.trim().is_empty() && its.text.len() <= MAX_TEXT + 64;
        if !is_said || its.text.contains(char::is_control) {
            return Err(bad("a proposal says in one line what it weakens"));
        }
        if its.from.is_some() || its.vault.is_some() || its.owner.is_some() {
            return Err(bad("a person proposes in that person's own name, and no owner key of a vault"));
        }
        let text = || attachment.ok_or_else(|| bad("the text that belongs to it is missing"));
        match its.change.as_str() {
            POLICY => {
                let next = policy::next(&self.in_force(), text()?)?;
                if its.object != Some(ObjectHash::of(text()?.as_bytes())) {
                    return Err(bad("what was signed is another policy than the one that came with it"));
                }
                weakening(&self.in_force().policy, &next).ok_or_else(|| bad("it weakens nothing: apply it"))?;
                policy::put(&*self.store, &self.site, text()?).map(|_| ())
            }
            SITE_KEYS => {
                let card = Card::parse(text()?).map_err(|error| bad(error.to_string()))?;
                if its.object != Some(ObjectHash::of(text()?.as_bytes())) {
                    return Err(bad("what was signed is another card than the one that came with it"));
                }
                self.check_keys(catalog, &card)?;
                match self.store.create(&self.card_object(ObjectHash::of(text()?.as_bytes()))?, text()?.as_bytes()) {
                    Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
            HOLD_RELEASE => {
                let hold = its.hold.as_ref().map(|hold| catalog.hold(hold.as_str())).transpose()?.flatten();
                let none = || Refusal::new(Code::NotFound, "there is no such hold in force");
                hold.filter(|hold| hold.released.is_none()).map(|_| ()).ok_or_else(none)
            }
            other => Err(bad(format!("{other:?} is nothing that a person proposes"))),
        }
    }

    fn check_approved(&self, catalog: &Catalog, person: &User, its: &ChangeApproved) -> Answer<()> {
        let known = open_one(catalog, its.proposal.as_str())?;
        if known.approver.is_some() {
            return Err(Refusal::new(Code::AlreadyExists, format!("{} is approved already", known.id)));
        }
        if known.proposer.as_deref() == Some(person.id.as_str()) {
            let text = format!("{} proposed it; another admin has to approve it", person.id);
            return Err(Refusal::new(Code::Forbidden, text));
        }
        let from = utc::parse(its.not_before.as_str()).ok_or_else(|| bad("a time is not one"))?;
        let earliest = earliest(&known, self.now());
        if from < earliest - SLACK {
            return Err(bad(format!("it takes effect on {} at the earliest", utc::rfc3339(earliest))));
        }
        Ok(())
    }
}

/// A proposal about which nothing final was said.
fn open_one(catalog: &Catalog, id: &str) -> Answer<Proposal> {
    let known = catalog.proposal(id)?.filter(Proposal::is_open);
    known.ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no open proposal {id}")))
}
