//! What people do at the DRC: its own people, with keys that its own ledger knows.

use pulih_ledger::entry::Body;
use pulih_protocol::error::Code;
use pulih_vault::utc;

use super::recovery::disaster;
use super::{Drc, lock};
use crate::gateway::answer::{Answer, Refusal};
use crate::keeping;
use crate::people::{self, Act, Role};
use crate::policy;

impl Drc {
    /// Does what a person signed. `attachment` is the policy's text or the other site's card.
    pub fn act(&self, entry: &str, attachment: Option<&str>) -> Answer<()> {
        let now = (self.clock)();
        let mut record = lock(&self.record);
        let Act { entry, person } = people::believe(&record, entry, now)?;
        let body = &entry.body;
        if let Some(person) = &person {
            let must = |may: bool, who: &str| people::must(person, may, who);
            match body {
                Body::UserAdded(its) => {
                    let signed = utc::parse(entry.at.as_str()).unwrap_or(now);
                    people::check_added(&record.catalog, person, its, signed)?;
                }
                Body::PolicyApplied(_) | Body::SitePaired(_) => must(person.is(Role::Admin), "an admin")?,
                Body::SiteUnpaired(its) => {
                    must(person.is(Role::Admin), "an admin")?;
                    people::check_unpaired(&record.catalog, its)?;
                }
                Body::DisasterDeclared(its) => {
                    disaster::must_run_it(person)?;
                    disaster::check_declared(&record.catalog, its)?;
                }
                Body::DisasterEnded(its) => {
                    disaster::must_run_it(person)?;
                    disaster::check_ended(&record.catalog, its)?;
                }
                _ if keeping::check(&record.catalog, self.site.role, person, body)? => {}
                _ => return Err(Refusal::new(Code::Forbidden, "this is not done by a person at a DRC")),
            }
        }
        match body {
            Body::PolicyApplied(its) => {
                policy::take(&*self.store, &self.site, &self.in_force(), its, attachment)?;
            }
            Body::SitePaired(its) => self.check_pairing(&record.catalog, its, attachment)?,
            _ => {}
        }
        let is_policy = matches!(body, Body::PolicyApplied(_));
        record.append(&[entry])?;
        if is_policy {
            self.reload_policy(&record.catalog)?;
        }
        *lock(&self.there) = None;
        Ok(())
    }
}
