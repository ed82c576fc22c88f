//! What people do about it: holds, the end of a suspicion, a deletion that takes two of them, going
//! on after expiry was stopped. Checked here; nothing has an effect before it is on the ledger.

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{DeletionApproved, DeletionAsked, HoldPlaced, HoldReleased, SuspicionEnded};
use pulih_protocol::error::Code;

use crate::catalog::{Catalog, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{Role, must};
use crate::pusat::is_printable;
use crate::site::SiteRole;

/// Snapshots that one entry of the ledger may name.
pub const EXPIRED_AT_ONCE: usize = 400;
const MOST_TEXT: usize = 1000;
const MOST_LETTER: usize = 200;

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

fn none(what: &str, id: &impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::NotFound, format!("there is no {what} {id} in force here"))
}

fn must_say(reason: &str) -> Answer<()> {
    if is_printable(reason, MOST_TEXT) {
        return Ok(());
    }
    Err(bad(format!("the reason is empty, longer than {MOST_TEXT} bytes, or has control characters")))
}

/// Whether a person may do this at a site of `role`, and whether it makes sense; `false`: it is of another kind.
pub fn check(catalog: &Catalog, role: SiteRole, person: &User, body: &Body) -> Answer<bool> {
    let admin = || must(person, person.is(Role::Admin), "an admin");
    let operator = || must(person, person.is(Role::Operator) || person.is(Role::Admin), "an operator");
    match body {
        Body::HoldPlaced(its) => admin().and_then(|()| check_hold(catalog, its)),
        Body::HoldReleased(its) => admin().and_then(|()| check_release(catalog, role, its)),
        Body::SuspicionEnded(its) => operator().and_then(|()| check_ended(catalog, its)),
        Body::DeletionAsked(its) => operator().and_then(|()| check_asked(catalog, its)),
        Body::DeletionApproved(its) => operator().and_then(|()| check_approved(catalog, person, its)),
        Body::ExpiryResumed(its) => admin().and_then(|()| {
            must_say(&its.reason)?;
            let stopped = catalog.stopped()?;
            stopped.map(|_| ()).ok_or_else(|| bad("expiry is not stopped here; there is nothing to resume"))
        }),
        _ => return Ok(false),
    }
    .map(|()| true)
}

fn check_hold(catalog: &Catalog, its: &HoldPlaced) -> Answer<()> {
    must_say(&its.reason)?;
    if !is_printable(&its.letter, MOST_LETTER) {
        return Err(bad("the letter's number is empty, too long, or has control characters"));
    }
    if catalog.vault(&its.vault.to_string())?.is_none() {
        return Err(Refusal::new(Code::NotFound, format!("there is no vault {} here", its.vault)));
    }
    match catalog.hold(its.hold.as_str())? {
        Some(_) => Err(Refusal::new(Code::AlreadyExists, format!("there is a hold {} already", its.hold))),
        None => Ok(()),
    }
}

fn check_release(catalog: &Catalog, role: SiteRole, its: &HoldReleased) -> Answer<()> {
    must_say(&its.reason)?;
    let known = catalog.hold(its.hold.as_str())?.filter(|hold| hold.released.is_none());
    known.ok_or_else(|| none("hold", &its.hold))?;
    if role == SiteRole::Drc {
        let text = "a DRC releases a hold only as a change that was proposed and approved, 30 days after that: \
                    propose the release instead (docs/contracts/retention.md)";
        return Err(Refusal::new(Code::Forbidden, text));
    }
    Ok(())
}

fn check_ended(catalog: &Catalog, its: &SuspicionEnded) -> Answer<()> {
    must_say(&its.reason)?;
    let known = catalog.suspicion(its.suspicion.as_str())?.filter(|its| its.ended.is_none());
    known.map(|_| ()).ok_or_else(|| none("suspicion", &its.suspicion))
}

fn check_asked(catalog: &Catalog, its: &DeletionAsked) -> Answer<()> {
    must_say(&its.reason)?;
    if its.manifests.is_empty() || its.manifests.len() > EXPIRED_AT_ONCE {
        return Err(bad(format!("from 1 to {EXPIRED_AT_ONCE} snapshots are deleted at once")));
    }
    if catalog.deletions()?.iter().any(|known| known.id == its.deletion.as_str()) {
        return Err(Refusal::new(Code::AlreadyExists, format!("there is a deletion {} already", its.deletion)));
    }
    let (vault, dataset) = (its.vault.to_string(), its.dataset.to_string());
    for name in &its.manifests {
        if !catalog.has_point(&vault, &dataset, name)? || catalog.has_expired(&vault, &dataset, name)? {
            let text = format!("dataset {dataset} of vault {vault} has no snapshot {name} here");
            return Err(Refusal::new(Code::NotFound, text));
        }
    }
    may_be_deleted(catalog, &vault, &dataset)
}

fn check_approved(catalog: &Catalog, person: &User, its: &DeletionApproved) -> Answer<()> {
    let known = catalog.deletions()?.into_iter().find(|known| known.id == its.deletion.as_str());
    let known = known.filter(|known| known.approved.is_none()).ok_or_else(|| none("deletion", &its.deletion))?;
    if known.asked_by == person.id {
        let text = format!("{} asked for this deletion; another person has to approve it", person.id);
        return Err(Refusal::new(Code::Forbidden, text));
    }
    may_be_deleted(catalog, &known.vault, &known.dataset)
}

/// That neither a hold nor a suspicion is on a dataset. They are looked at once more when it is deleted.
fn may_be_deleted(catalog: &Catalog, vault: &str, dataset: &str) -> Answer<()> {
    if let Some(hold) = catalog.holds_on(vault)?.iter().find(|hold| hold.covers(vault, dataset)) {
        let text =
            format!("hold {} (letter {}) is on dataset {dataset}; nothing of it is deleted", hold.id, hold.letter);
        return Err(Refusal::new(Code::Refused, text));
    }
    if let Some(its) = catalog.suspected(vault, dataset)? {
        let text = format!("dataset {dataset} is under suspicion {}; a person has to end that first", its.id);
        return Err(Refusal::new(Code::Refused, text));
    }
    Ok(())
}
