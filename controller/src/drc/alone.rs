//! A DRC whose state was lost and made again from its store: it knows all that it has, and waits for a person
//! before it pulls or deletes anything, for it cannot know why it lost what it knew.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{ExpiryStopped, ReplicationStopped};

use super::{Drc, lock};
use crate::gateway::answer::Answer;
use crate::site::SiteRole;

impl Drc {
    /// Writes down that this site waits, if its catalog was made anew and it is not a new site. In this order: a
    /// crash between the two writes it once more.
    pub(super) fn wait_if_made_anew(&self) -> Answer<()> {
        let mut record = lock(&self.record);
        if self.site.role != SiteRole::Drc || record.catalog.is_known()? {
            return Ok(());
        }
        let is_new = record.catalog.peers()?.is_empty() && record.catalog.pins()?.is_empty();
        if !is_new {
            let reason = |what: &str| {
                format!(
                    "what this site knew was lost, and was made again from its store; nothing {what} until a person has looked"
                )
            };
            // Each is resumed by itself, and so each is held against what the ledger says of it.
            let mut bodies = Vec::<Body>::new();
            if record.catalog.stopped()?.is_none_or(|stopped| !stopped.said) {
                bodies.push(ExpiryStopped { reason: reason("expires") }.into());
            }
            if record.catalog.pulling_stopped()?.is_none() {
                bodies.push(ReplicationStopped { reason: reason("is pulled") }.into());
            }
            if !bodies.is_empty() {
                record.write(self.now(), &Actor::Site, bodies)?;
            }
        }
        Ok(record.catalog.set_known(self.now())?)
    }
}
