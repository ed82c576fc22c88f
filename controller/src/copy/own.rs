//! What is the site's own, onto the copy: its ledger, policies, plans and what else it names by hash; at
//! a DRC also its mirror of the Pusat Data's. Last the ledger's checkpoints, which need the rest of it.

use std::collections::BTreeSet;

use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::receipt::CopiedLedger;
use pulih_ledger::verify::verify;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::{ObjectName, StoreError};

use super::object::Copied;
use super::{Copying, at_medium};
use crate::gateway::answer::{Answer, Refusal};
use crate::scrub::look::MAX_OBJECT_BYTES;
use crate::scrub::names::hash_in;

impl Copying<'_> {
    /// Copies it, and says how far the copied ledger of this site goes: it is verified there.
    pub fn own(&self) -> Answer<CopiedLedger> {
        // So that everything up to here is under a checkpoint, also there.
        self.base.checkpoint()?;
        let (own, mut result) = (self.base.id()?, None);
        for (site, key) in self.base.ledgers()? {
            self.site(&site)?;
            let copied = self.verified(&site, &key)?;
            if site == own {
                result = Some(copied);
            }
        }
        result.ok_or_else(|| Refusal::internal(&"the site has no ledger"))
    }

    fn site(&self, site: &SiteId) -> Answer<()> {
        let folder: ObjectName = format!("site/{site}").parse().map_err(|error| Refusal::internal(&error))?;
        let mut there = BTreeSet::new();
        let listed = self.to.list(&folder, &mut |name| {
            there.insert(name);
        });
        listed.map_err(at_medium)?;
        let layout = Layout { site: site.clone() };
        let checkpoints = format!("{}/", layout.checkpoints());
        let (mut last, mut first) = (Vec::new(), Vec::new());
        self.base.store.list(&folder, &mut |name| {
            if !there.contains(&name) {
                let is_last = name.as_str().starts_with(&checkpoints);
                if is_last { last.push(name) } else { first.push(name) }
            }
        })?;
        first.sort_unstable();
        last.sort_unstable();
        for name in first.iter().chain(&last) {
            match hash_in(name) {
                Some(hash) => {
                    if let Copied::Damaged(why) = self.object(name, hash)? {
                        self.base.note_damage(&[(name.clone(), why)])?;
                    }
                }
                None => self.part(name)?,
            }
        }
        Ok(())
    }

    /// A part of a ledger: it has no hash in its name, and is held against the whole once all is there.
    fn part(&self, name: &ObjectName) -> Answer<()> {
        if self.base.scrubbing.is_ending() {
            return Err(crate::scrub::ending());
        }
        let bytes = self.base.store.read(name, MAX_OBJECT_BYTES)?;
        match self.to.create(name, &bytes) {
            Ok(()) => self.copied.add(bytes.len() as u64),
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(at_medium(error)),
        }
        Ok(())
    }

    fn verified(&self, site: &SiteId, key: &VerifierKey) -> Answer<CopiedLedger> {
        let go_on = || !self.base.scrubbing.is_ending();
        match verify(&self.to, site, key.clone(), &go_on) {
            Ok(Some(its)) => Ok(CopiedLedger { size: its.size, root: its.root }),
            Ok(None) => Err(crate::scrub::ending()),
            Err(error) => {
                let text = format!("the ledger of {site} on the copy is not whole: {error}");
                Err(Refusal::new(pulih_protocol::error::Code::Refused, text))
            }
        }
    }
}
