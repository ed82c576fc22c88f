//! What people do at the DRC: its own people, with keys that its own ledger knows.

use pulih_ledger::Actor;
use pulih_ledger::entry::{Body, Entry};
use pulih_protocol::error::Code;
use pulih_vault::utc;

use super::recovery::{disaster, keys, steps};
use super::{Drc, drills, lock};
use crate::attest;
use crate::card;
use crate::cards;
use crate::catalog::{Catalog, User};
use crate::evidence::{keys as site_keys, witnesses};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{self, Act, Role};
use crate::policy;
use crate::record::time;

impl Drc {
    /// Does what a person signed. `attachment` is the policy's text or the other site's card.
    pub fn act(&self, entry: &str, attachment: Option<&str>) -> Answer<()> {
        let now = (self.clock)();
        let offered = site_keys::accepts(entry).then(|| self.offered_here(attachment)).transpose()?;
        let mut record = lock(&self.record);
        let Act { entry, person } = people::believe(&record, entry, now)?;
        if matches!(entry.body, Body::LedgerResumed(_)) {
            return self.resume_ledger(&mut record, person.as_ref(), entry);
        }
        let body = &entry.body;
        if site_keys::is_one(body) {
            return self.act_on_key(&mut record, &entry, person.as_ref(), offered.as_ref());
        }
        // What is written in the same moment.
        let also = match &person {
            Some(person) => self.check(&record.catalog, person, &entry, attachment, now)?,
            None => Vec::new(),
        };
        match body {
            Body::PolicyApplied(its) => {
                policy::take(&*self.store, &self.site, &self.in_force(), its, attachment)?;
            }
            Body::SitePaired(its) => {
                // Who comes with a certificate is read; who asks for one reads.
                if attachment.is_some_and(card::is_read_with) {
                    self.check_pairing(&record.catalog, its, attachment)?;
                } else {
                    must_be_declared(&record.catalog)?;
                    self.intake.check_pairing(&record.catalog, its, attachment)?;
                }
                cards::put(&*self.store, &self.id()?, attachment.unwrap_or_default())?;
            }
            Body::PlanApplied(its) => self.take_plan(&record.catalog, its, attachment)?,
            Body::RecipeApplied(its) => self.take_recipe(&record.catalog, its, attachment)?,
            Body::RegulationApplied(its) => {
                attest::pack::take(&*self.store, &self.id()?, &record.catalog, its, attachment)?;
            }
            Body::ReportIssued(its) => attest::check_issued(record.log(), its)?,
            Body::DrillAnnounced(its) => {
                self.check_drill_of_plan(its)?;
                self.check_drill_of_recipe(its)?;
                self.check_auditor(&record, its, now)?;
            }
            Body::DrillOpened(its) => Self::check_opened(&record, &entry, its, now)?,
            Body::DrillAttested(its) => Self::check_attested(&record, &entry, its, now)?,
            _ => {}
        }
        let is_policy = matches!(body, Body::PolicyApplied(_));
        let is_drill = matches!(body, Body::DrillAnnounced(_) | Body::DrillOpened(_));
        let is_declared = matches!(body, Body::DisasterDeclared(_));
        let at = time(now).map_err(|error| Refusal::internal(&error))?;
        let site = entry.site.clone();
        let by_site = |body| Entry::new(site.clone(), at.clone(), Actor::Site, body);
        let mut entries: Vec<Entry> = also.into_iter().map(by_site).collect();
        let is_pairing = matches!(body, Body::SitePaired(_) | Body::SiteUnpaired(_));
        entries.insert(0, entry);
        if is_policy {
            self.announce_before_change(&mut record);
        }
        record.append(&entries)?;
        if is_drill {
            self.have_cosigned_soon(&mut record);
        }
        if is_policy {
            self.reload_policy(&record.catalog)?;
            self.reorder();
        }
        if is_pairing {
            self.set_parted(self.pusat()?.is_none_or(|peer| peer.ended.is_some()));
            *lock(&self.there) = None;
        }
        drop(record);
        if is_declared {
            self.take_in();
        }
        if is_drill {
            self.drilling.wake();
        }
        Ok(())
    }

    /// Whether a person may do this, and whether it makes sense; returns what is written with it.
    fn check(
        &self,
        catalog: &Catalog,
        person: &User,
        entry: &Entry,
        attachment: Option<&str>,
        now: i64,
    ) -> Answer<Vec<Body>> {
        let (body, mut also) = (&entry.body, Vec::new());
        let must = |may: bool, who: &str| people::must(person, may, who);
        match body {
            Body::UserAdded(its) => {
                let signed = utc::parse(entry.at.as_str()).unwrap_or(now);
                people::check_added(catalog, person, its, signed)?;
            }
            Body::PolicyApplied(_) => {
                must(person.is(Role::Admin), "an admin")?;
                self.must_not_weaken(attachment)?;
            }
            Body::PlanApplied(_) | Body::RecipeApplied(_) | Body::SitePaired(_) => {
                must(person.is(Role::Admin), "an admin")?;
            }
            Body::PusatMoved(its) => {
                must(person.is(Role::Admin), "an admin")?;
                self.check_moved(catalog, its, attachment)?;
            }
            Body::ChangeProposed(_) | Body::ChangeApproved(_) | Body::ChangeRefused(_) => {
                self.check_change(catalog, person, body, attachment)?;
            }
            Body::ReplicationResumed(its) => {
                must(person.is(Role::Admin), "an admin")?;
                disaster::must_say_why(&its.reason)?;
                let none = || Refusal::new(Code::NotFound, "pulling is not stopped here; there is nothing to resume");
                catalog.pulling_stopped()?.ok_or_else(none)?;
            }
            Body::SiteUnpaired(its) => {
                must(person.is(Role::Admin), "an admin")?;
                people::check_unpaired(catalog, its)?;
            }
            Body::DisasterDeclared(its) => {
                disaster::must_run_it(person)?;
                disaster::check_declared(catalog, its)?;
            }
            Body::DisasterEnded(its) => {
                disaster::must_run_it(person)?;
                disaster::check_ended(catalog, its)?;
            }
            // What people do at a Pusat Data they do here as long as there is none.
            Body::ApprovalGiven(_)
            | Body::ApprovalEnded(_)
            | Body::RestoreGrantGiven(_)
            | Body::RestoreGrantEnded(_) => {
                must_be_declared(catalog)?;
                let signed = utc::parse(entry.at.as_str()).unwrap_or(now);
                self.intake.check(catalog, person, body, signed, now)?;
            }
            Body::RecoveryBegun(its) => {
                disaster::must_run_it(person)?;
                steps::check_begun(catalog, its, now)?;
                also.extend(self.replaced_by(catalog, its)?.into_iter().map(Body::from));
            }
            Body::RecoveryStep(its) => {
                disaster::must_run_it(person)?;
                steps::check_ticked(catalog, its)?;
            }
            Body::DrillAnnounced(its) => {
                disaster::must_run_it(person)?;
                drills::check_announced(catalog, its, &self.in_force(), now)?;
            }
            Body::DrillOpened(_) | Body::DrillAttested(_) => must(person.is(Role::Auditor), "an auditor")?,
            Body::KeysOpened(its) => keys::check_opened(person, its, now)?,
            Body::GlassBroken(its) => {
                disaster::must_run_it(person)?;
                keys::check_glass(catalog, its)?;
                also.push(keys::glass_alarm(person, its));
            }
            _ if self.check_keeping(catalog, person, body)? => {}
            _ if witnesses::check(catalog, person, body)? => {}
            _ if attest::check(catalog, person, body, now)? => {}
            _ => return Err(Refusal::new(Code::Forbidden, "this is not done by a person at a DRC")),
        }
        Ok(also)
    }

    /// The act stands, whatever becomes of this; while the site is served it is tried again.
    fn take_in(&self) {
        if let Err(refusal) = self.adopt_if_due() {
            eprintln!("warning: agents are not taken in yet: {}", refusal.message);
        }
    }
}

fn must_be_declared(catalog: &Catalog) -> Answer<()> {
    match catalog.disaster()? {
        Some(_) => Ok(()),
        None => {
            Err(Refusal::new(Code::NoDisaster, "this is done at the Pusat Data as long as no disaster is declared"))
        }
    }
}
