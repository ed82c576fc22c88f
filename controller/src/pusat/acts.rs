//! What people do: signed with their own keys, checked against their roles, written down before
//! it has any effect.

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{ApprovalEnded, ApprovalGiven, RestoreGrantEnded, RestoreGrantGiven};
use pulih_ledger::time::Time;
use pulih_protocol::error::Code;
use pulih_vault::utc;

use super::{Pusat, lock};
use crate::attest;
use crate::cards;
use crate::catalog::{Catalog, User};
use crate::evidence::{keys, witnesses};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{self, Act, Role};
use crate::policy;

/// The longest that content may be fetched under one grant.
const GRANT_SECONDS: i64 = 30 * 24 * 3600;

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
    /// Does what a person signed. `attachment` is the policy's text, where one is applied, or another site's card.
    pub fn act(&self, entry: &str, attachment: Option<&str>) -> Answer<()> {
        let now = (self.clock)();
        // What the DRC proposes is carried here: its ledger is not.
        let note = attachment.filter(|_| keys::accepts(entry));
        let offered = note.map(|note| self.offered(note)).transpose()?;
        let mut record = lock(&self.record);
        let Act { entry, person } = people::believe(&record, entry, now)?;
        if matches!(entry.body, Body::LedgerResumed(_)) {
            return self.resume_ledger(&mut record, person.as_ref(), entry);
        }
        let body = &entry.body;
        if keys::is_one(body) {
            return self.act_on_key(&mut record, &entry, person.as_ref(), offered.as_ref());
        }
        if let Some(person) = &person {
            self.check(&record.catalog, person, body, seconds(&entry.at)?, now)?;
        }
        let is_policy = matches!(body, Body::PolicyApplied(_));
        match body {
            Body::PolicyApplied(its) => {
                policy::take(&*self.store, &self.site, &self.in_force(), its, attachment)?;
            }
            Body::SitePaired(its) => {
                self.check_pairing(&record.catalog, its, attachment)?;
                cards::put(&*self.store, &self.id()?, attachment.unwrap_or_default())?;
            }
            Body::RegulationApplied(its) => {
                attest::pack::take(&*self.store, &self.id()?, &record.catalog, its, attachment)?;
            }
            Body::ReportIssued(its) => attest::check_issued(record.log(), its)?,
            _ => {}
        }
        record.append(&[entry])?;
        if is_policy {
            self.reload_policy(&record.catalog)?;
        }
        Ok(())
    }

    /// Whether a person may do this, and whether it makes sense.
    pub fn check(&self, catalog: &Catalog, person: &User, body: &Body, signed: i64, now: i64) -> Answer<()> {
        let must = |may: bool, who: &str| people::must(person, may, who);
        match body {
            Body::UserAdded(its) => people::check_added(catalog, person, its, signed),
            Body::PolicyApplied(_) | Body::SitePaired(_) => must(person.is(Role::Admin), "an admin"),
            Body::SiteUnpaired(its) => {
                must(person.is(Role::Admin), "an admin")?;
                people::check_unpaired(catalog, its)
            }
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
            _ if self.check_keeping(catalog, person, body)? || witnesses::check(catalog, person, body)? => Ok(()),
            _ if attest::check(catalog, person, body, now)? => Ok(()),
            _ => Err(forbidden("this is written by the site itself, not by a person")),
        }
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
