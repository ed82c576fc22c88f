//! What people do: signed with their own keys, checked against their roles, written down before
//! it has any effect.

use pulih_ledger::entry::kinds::{
    ApprovalEnded, ApprovalGiven, PacksDoomed, PolicyApplied, RestoreGrantEnded, RestoreGrantGiven, UserAdded,
};
use pulih_ledger::entry::{Body, Entry, ReadEntry};
use pulih_ledger::{Actor, time::Time};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;

use super::{Pusat, lock, policy};
use crate::catalog::{Catalog, User};
use crate::gateway::answer::{Answer, Refusal};

/// How far the clock of a person's machine may be off, and how long a signed act may be on its way.
const ACT_SECONDS: i64 = 24 * 3600;
/// The longest that content may be fetched under one grant.
const GRANT_SECONDS: i64 = 30 * 24 * 3600;

/// What a person may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Adds people, applies policy.
    Admin,
    /// Runs the site from day to day.
    Operator,
    /// Speaks for an OPD, and for none but that.
    Walidata,
    /// Reads.
    Auditor,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Walidata, Self::Auditor];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Walidata => "walidata",
            Self::Auditor => "auditor",
        }
    }
}

impl User {
    fn is(&self, role: Role) -> bool {
        self.roles.iter().any(|its| its == role.as_str())
    }

    fn speaks_for(&self, opd: &str) -> bool {
        self.is(Role::Walidata) && self.opd.as_deref() == Some(opd)
    }
}

fn forbidden(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Forbidden, why)
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

fn seconds(time: &Time) -> Answer<i64> {
    utc::parse(time.as_str()).ok_or_else(|| bad("a time is not one"))
}

impl Pusat {
    /// Does what a person signed. `attachment` is the policy's text, where one is applied.
    pub fn act(&self, entry: &str, attachment: Option<&str>) -> Answer<()> {
        let entry = ReadEntry::parse(entry.as_bytes()).map_err(|error| bad(error.to_string()))?;
        let now = (self.clock)();
        if (seconds(&entry.at)? - now).abs() > ACT_SECONDS {
            return Err(bad("the act was signed more than a day ago, or by a clock that is off; sign it again"));
        }
        let mut record = lock(&self.record);
        let body = entry.body().ok_or_else(|| bad("the act is of a kind that this version does not know"))?;
        let entry = match &entry.actor {
            Actor::Site if may_be_first(&record.catalog, body)? => {
                Entry::new(entry.site.clone(), entry.at.clone(), Actor::Site, body.clone())
            }
            Actor::Person { user, .. } => {
                let signed = record.verify(&entry).map_err(|error| forbidden(error.to_string()))?;
                let none = || forbidden(format!("{user} is not known here"));
                let person = record.catalog.user(user.as_str())?.ok_or_else(none)?;
                self.check(&record.catalog, &person, body, seconds(&signed.at)?, now)?;
                signed
            }
            _ => return Err(forbidden("this needs a person's signature: give --as USER and --sign-with FILE")),
        };
        let is_policy = matches!(body, Body::PolicyApplied(_));
        if let Body::PolicyApplied(its) = body {
            self.take_policy(its, attachment)?;
        }
        record.append(&[entry])?;
        if is_policy {
            self.reload_policy(&record.catalog)?;
        }
        Ok(())
    }

    /// Whether a person may do this, and whether it makes sense.
    fn check(&self, catalog: &Catalog, person: &User, body: &Body, signed: i64, now: i64) -> Answer<()> {
        let must = |may: bool, who: &str| {
            let text = || forbidden(format!("{} may not do this; {who} may", person.id));
            if may { Ok(()) } else { Err(text()) }
        };
        match body {
            Body::UserAdded(its) => {
                must(person.is(Role::Admin), "an admin")?;
                // An older word about a person, said again, must not undo the newer one.
                if catalog.user(its.user.as_str())?.is_some_and(|known| known.at >= signed) {
                    return Err(bad(format!("something newer was signed about {}; sign this again", its.user)));
                }
                check_user(catalog, its)
            }
            Body::PolicyApplied(_) => must(person.is(Role::Admin), "an admin"),
            Body::ApprovalGiven(its) => {
                let opd = its.opd.as_str();
                let may = person.speaks_for(opd) || person.is(Role::Operator) || person.is(Role::Admin);
                must(may, "the OPD's walidata, or an operator who has the letter")?;
                self.check_approval(catalog, its, now)
            }
            Body::ApprovalEnded(ApprovalEnded { approval, .. }) => {
                let known = catalog.approvals()?.into_iter().find(|its| its.id == approval.as_str());
                let known = known.filter(|its| its.ended.is_none());
                let known = known.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such approval in force"))?;
                let may = person.speaks_for(&known.opd) || person.is(Role::Operator) || person.is(Role::Admin);
                must(may, "the OPD's walidata, or an operator")
            }
            Body::RestoreGrantGiven(its) => {
                let vault = catalog.vault(&its.vault.to_string())?;
                let vault = vault.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such vault"))?;
                must(person.speaks_for(&vault.opd), "the walidata of the OPD that owns the data")?;
                check_grant(catalog, its, &vault.opd, now)
            }
            Body::RestoreGrantEnded(RestoreGrantEnded { grant, .. }) => {
                let known = catalog.grant(grant.as_str())?.filter(|its| its.ended.is_none());
                let known = known.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such grant or request"))?;
                let opd = catalog.vault(&known.vault)?.map(|vault| vault.opd).unwrap_or_default();
                must(person.speaks_for(&opd) || person.is(Role::Admin), "the OPD's walidata")
            }
            Body::PacksDoomed(PacksDoomed { vault, packs }) => {
                must(person.is(Role::Operator) || person.is(Role::Admin), "an operator")?;
                self.check_doomed(&vault.to_string(), packs)
            }
            _ => Err(forbidden("this is written by the site itself, not by a person")),
        }
    }

    fn take_policy(&self, its: &PolicyApplied, text: Option<&str>) -> Answer<()> {
        let text = text.ok_or_else(|| bad("the policy's text is missing"))?;
        let policy = self.next_policy(text)?;
        let named = its.object == ObjectHash::of(text.as_bytes());
        if !named || its.policy != policy.name.to_string() || its.version != u64::from(policy.version) {
            return Err(bad("what was signed is another policy than the one that came with it"));
        }
        policy::put(&*self.store, &self.site, text).map(|_| ())
    }

    fn check_approval(&self, catalog: &Catalog, its: &ApprovalGiven, now: i64) -> Answer<()> {
        let vault = catalog.vault(&its.vault.to_string())?.filter(|vault| vault.opd == its.opd.as_str());
        vault.ok_or_else(|| Refusal::new(Code::NotFound, format!("OPD {} has no vault {}", its.opd, its.vault)))?;
        if catalog.approvals()?.iter().any(|known| known.id == its.approval.as_str()) {
            return Err(Refusal::new(Code::AlreadyExists, format!("there is an approval {} already", its.approval)));
        }
        let longest = now + self.in_force().policy.approvals_max_age.seconds() as i64;
        match its.until.as_ref().map(seconds).transpose()? {
            Some(until) if until <= now => Err(bad("the approval ends before it begins")),
            Some(until) if until > longest => {
                Err(bad(format!("the policy lets an approval be in force until {} at most", utc::rfc3339(longest))))
            }
            Some(_) => Ok(()),
            None => Err(bad("say until when the approval is in force: the policy bounds its age")),
        }
    }
}

/// The first person is added by whoever has the site's console; everyone after by an admin.
fn may_be_first(catalog: &Catalog, body: &Body) -> Answer<bool> {
    let Body::UserAdded(its) = body else { return Ok(false) };
    if !catalog.users()?.is_empty() {
        return Ok(false);
    }
    if !its.roles.iter().any(|role| role == Role::Admin.as_str()) {
        return Err(bad("the first person has to be an admin, who then adds the others"));
    }
    check_user(catalog, its)?;
    Ok(true)
}

fn check_user(catalog: &Catalog, its: &UserAdded) -> Answer<()> {
    let known = |role: &String| Role::ALL.iter().any(|known| known.as_str() == role);
    if its.roles.is_empty() || !its.roles.iter().all(known) {
        return Err(bad("a role is `admin`, `operator`, `walidata` or `auditor`, and a person has at least one"));
    }
    let speaks = its.roles.iter().any(|role| role == Role::Walidata.as_str());
    match &its.opd {
        Some(opd) if catalog.opd(opd.as_str())?.is_none() => {
            Err(Refusal::new(Code::NotFound, format!("there is no OPD {opd}; `pulih-controller opd add` adds it")))
        }
        None if speaks => Err(bad("a walidata speaks for an OPD: name it with --opd")),
        _ => Ok(()),
    }
}

fn check_grant(catalog: &Catalog, its: &RestoreGrantGiven, opd: &str, now: i64) -> Answer<()> {
    let agent = catalog.agent(its.to.as_str())?.filter(|agent| agent.revoked.is_none());
    let agent = agent.ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no agent {}", its.to)))?;
    if agent.opd != opd {
        return Err(forbidden(format!("agent {} is of OPD {}, not of {opd}, which owns the data", its.to, agent.opd)));
    }
    if let Some(known) = catalog.grant(its.grant.as_str())? {
        if known.until.is_some() || known.ended.is_some() {
            return Err(Refusal::new(Code::AlreadyExists, "this request was answered already"));
        }
        let (vault, dataset) = (its.vault.to_string(), its.dataset.as_ref().map(ToString::to_string));
        let manifest = its.manifest.map(|name| name.to_string());
        let within = known.manifest.is_none() || known.manifest == manifest;
        if known.vault != vault || known.agent != its.to.as_str() || known.dataset != dataset || !within {
            return Err(forbidden("what was signed is not what was asked for"));
        }
    }
    let until = seconds(&its.until)?;
    if until <= now || until > now + GRANT_SECONDS {
        return Err(bad("a grant ends in the future, and within 30 days"));
    }
    Ok(())
}
