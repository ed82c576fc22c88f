//! The ledgers that facts are made from, each with whose it is, and how an entry of one is named.

use std::collections::BTreeSet;

use pulih_evidence::facts::{Facts, Key, Owner};
use pulih_evidence::register::{Recorded, Register};
use pulih_ledger::ids::SiteId;
use serde_json::{Map, Value};

use crate::evidence::read::{InTime, Said, Sources, said};
use crate::gateway::answer::Answer;
use crate::site::SiteRole;

/// Most entries that a fact names, the newest.
const ENTRIES: usize = 20;
const DAY: i64 = 24 * 3600;

pub struct Ledger {
    pub site: SiteId,
    pub said: Said,
}

/// All that is here.
pub struct Records<'s> {
    pub sources: &'s Sources<'s>,
    pub own: Ledger,
    pub peer: Option<Ledger>,
    pub policies: InTime,
    pub now: i64,
}

impl<'s> Records<'s> {
    /// As of a time: what was written later is not known.
    pub fn read(sources: &'s Sources<'s>, now: i64) -> Answer<Self> {
        let until = now.saturating_add(1);
        let own = Ledger { site: sources.site.clone(), said: said(sources.own, true, until)? };
        let peer = match sources.peer {
            Some(part) => Some(Ledger { site: part.log.layout().site.clone(), said: said(part, false, until)? }),
            None => None,
        };
        let policies = InTime::load(sources, own.said.facts.policies())?;
        Ok(Self { sources, own, peer, policies, now })
    }

    pub fn all(&self) -> impl Iterator<Item = &Ledger> {
        [Some(&self.own), self.peer.as_ref()].into_iter().flatten()
    }

    /// Of the site with that role, where its ledger is here.
    pub fn of(&self, role: SiteRole) -> Option<&Ledger> {
        if self.sources.role == role { Some(&self.own) } else { self.peer.as_ref() }
    }

    /// Where approvals, offices and first points stand: the Pusat Data's, or what there is.
    pub fn pusat(&self) -> &Ledger {
        self.of(SiteRole::Pusat).unwrap_or(&self.own)
    }

    pub fn drc(&self) -> Option<&Ledger> {
        self.of(SiteRole::Drc)
    }

    pub fn owner(&self, key: &Key) -> Option<&Owner> {
        self.all().find_map(|ledger| ledger.said.facts.owner(&key.vault))
    }

    /// Datasets that either ledger knows, each with whose it is.
    pub fn counted(&self) -> Vec<(&Key, &Owner)> {
        let keys: BTreeSet<&Key> = self.all().flat_map(|its| its.said.facts.keys()).collect();
        keys.into_iter().filter_map(|key| Some((key, self.owner(key)?))).collect()
    }

    /// Where the approvals of a DRC's points stand; a Pusat Data has its own.
    pub fn peer_facts(&self, of: &Ledger) -> Option<&Facts> {
        let pusat = self.of(SiteRole::Pusat).filter(|pusat| pusat.site != of.site);
        pusat.map(|ledger| &ledger.said.facts)
    }

    /// Those by which the site stands whose ledger is mirrored here: its own, and not this site's. `None`: there is none.
    pub fn peer_policies(&self) -> Option<Answer<InTime>> {
        let (part, peer) = self.sources.peer.zip(self.peer.as_ref())?;
        let (site, store) = (peer.site.clone(), self.sources.store);
        let theirs = Sources { site, role: SiteRole::Pusat, store, own: part, peer: None };
        Some(InTime::load(&theirs, peer.said.facts.policies()))
    }

    pub fn days_since(&self, at: i64) -> i64 {
        (self.now - at).div_euclid(DAY)
    }

    pub fn days_until(&self, at: i64) -> i64 {
        (at - self.now).div_euclid(DAY)
    }
}

impl Ledger {
    pub fn register(&self) -> &Register {
        &self.said.register
    }

    pub fn entry<T>(&self, its: &Recorded<T>) -> String {
        self.at(its.index)
    }

    pub fn at(&self, index: u64) -> String {
        format!("{}/{index}", self.site)
    }
}

/// An object of facts: what is not there is left out.
#[derive(Debug, Default)]
pub struct Object(Map<String, Value>);

impl Object {
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn with_some<T: Into<Value>>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The entries that it follows from, the newest of them.
    pub fn from_entries(self, mut entries: Vec<String>) -> Value {
        entries.dedup();
        let first = entries.len().saturating_sub(ENTRIES);
        self.with("entries", entries.split_off(first)).into()
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}
