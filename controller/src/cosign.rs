//! Co-signatures at a site: it co-signs what another's ledger says, keeps what others said of its own, and holds that
//! against what its own ledger says. `docs/contracts/evidence.md`.

use std::sync::Arc;

use pulih_ledger::chain::KeyChain;
use pulih_ledger::cosign::{Cosignature, Cosigned, CosignerKey};
use pulih_ledger::entry::kinds::{Alarm, LedgerDiverged};
use pulih_ledger::entry::{Body, Entry};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::memory::{AddError, StoreMemory, open_for};
use pulih_ledger::others;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_ledger::{Actor, Log};
use pulih_protocol::error::Code;
use pulih_vault::id::{BadId, ObjectHash};
use pulih_vault::store::{ObjectName, Store, StoreError};
use pulih_vault::utc;

use crate::base::{Base, lock};
use crate::catalog::{PeerSite, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{Role, must};
use crate::pusat::is_printable;
use crate::record::{Behind, Record, time};

const DAY: i64 = 24 * 3600;
/// A checkpoint without the other site's co-signature for longer than this is worth an alarm, in seconds.
const MISSING_AFTER: i64 = DAY;
/// A process that was just started has not had the time to get one, in seconds.
const FIRST: i64 = 3600;
const MOST_REASON: usize = 1000;
/// Proofs of divergence that are kept within a day: a site that has gone wrong must not fill this one.
const MOST_PROOFS: usize = 20;

/// How what others kept of this ledger stands to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is what is here.
    Same,
    /// The same size with another root: this ledger was rewritten, or its key is not its own.
    Forked,
    /// More than there is here.
    Behind,
}

impl Base {
    /// The id of a paired site, and the keys by which its ledger is believed.
    pub fn ledger_of(&self, peer: &PeerSite) -> Answer<(SiteId, KeyChain)> {
        let site = peer.site.parse().map_err(|error| Refusal::internal(&error))?;
        let keys = KeyChain::any_of(self.keys_of(peer)?).map_err(|error| Refusal::internal(&error))?;
        Ok((site, keys))
    }

    /// The keys that signed this site's ledger, one after the other.
    pub fn own_keys(&self) -> KeyChain {
        let record = lock(&self.record);
        // One that is damaged before that is still believed by the keys that it was opened by.
        record.keys().unwrap_or_else(|_| record.log().keys().clone())
    }

    /// This site's ledger as it is now.
    pub fn own_log(&self) -> Log {
        lock(&self.record).log().clone()
    }

    /// The keys with which paired sites co-sign this one's ledger.
    pub fn cosigning_sites(&self) -> Answer<Vec<CosignerKey>> {
        let mut keys = Vec::new();
        for peer in self.peers()? {
            keys.extend(self.ledger_of(&peer)?.1.keys().cloned().map(CosignerKey::of));
        }
        Ok(keys)
    }

    /// The first co-signature by one of `keys` over entry `index` of this site's ledger, with its size.
    pub fn first_cosigned_over(&self, index: u64, keys: &[CosignerKey]) -> Answer<Option<(u64, Cosignature)>> {
        let layout = Layout { site: self.id()? };
        let found = others::first_over(&*self.store, &layout, &self.own_keys(), index, keys);
        found.map_err(|error| Refusal::internal(&error))
    }

    /// What this site remembers of having co-signed another's ledger. `store`: where that one's mirror is.
    pub fn said_of<'k>(&self, other: &SiteId, log: &'k KeyChain, store: Arc<dyn Store>) -> Answer<StoreMemory<'k>> {
        Ok(StoreMemory { store, own: self.id()?, other: other.clone(), log })
    }

    /// Co-signs a checkpoint of another's ledger, if it goes on from all that was co-signed before.
    pub fn cosign(&self, request: &AddCheckpoint, memory: &mut StoreMemory) -> Result<Cosigned, AddError> {
        let time = u64::try_from(self.now()).unwrap_or(0);
        let log = memory.log;
        lock(&self.record).cosign(request, log, time, memory)
    }

    /// Holds a checkpoint that this site's key signed against its ledger. What contradicts it is kept as proof, and
    /// people are told.
    pub fn hold_against_own(&self, note: &Cosigned) -> Answer<Found> {
        let log = self.own_log();
        let its = note.checkpoint();
        if its.size > log.size() {
            self.fall_behind(note)?;
            return Ok(Found::Behind);
        }
        let root = log.root_at(its.size).map_err(|error| Refusal::internal(&error))?;
        if root == its.root {
            return Ok(Found::Same);
        }
        self.tell_of_fork(note, root)?;
        Ok(Found::Forked)
    }

    /// More was signed by this site than it has: nothing is appended any more, unless a person gave that up already.
    fn fall_behind(&self, note: &Cosigned) -> Answer<()> {
        let note = note.bare(&self.own_keys()).to_note();
        let proof = self.keep_proof(note.as_bytes())?;
        let mut record = lock(&self.record);
        if record.behind().is_some() || record.catalog.has_alarm("ledger-behind", proof.as_str())? {
            return Ok(());
        }
        record.fall_behind(&self.dir, &note).map_err(|error| Refusal::internal(&error))?;
        eprintln!("alarm: ledger-behind: {}", record.behind().unwrap_or_default());
        Ok(())
    }

    /// Why nothing is appended, if so, without waiting for whoever writes now.
    pub fn ledger_behind(&self) -> Answer<Option<String>> {
        let behind = Behind::of(&self.dir).map_err(|error| Refusal::internal(&error))?;
        Ok(behind.map(|its| its.text(self.own_log().size())))
    }

    /// A person has looked at what is missing, and says that the ledger goes on from what there is.
    pub fn resume_ledger(&self, record: &mut Record, person: Option<&User>, entry: Entry) -> Answer<()> {
        let bad = |why: &str| Refusal::new(Code::BadRequest, why);
        let (Some(person), Body::LedgerResumed(its)) = (person, &entry.body) else {
            return Err(bad("a person says so"));
        };
        must(person, person.is(Role::Admin), "an admin")?;
        if !is_printable(&its.reason, MOST_REASON) {
            return Err(bad("the reason is empty, too long, or has control characters"));
        }
        let behind =
            record.given_up(&self.dir)?.ok_or_else(|| bad("the ledger is not behind; there is nothing to resume"))?;
        if (its.size, its.proof) != (behind.size, behind.proof) {
            return Err(bad("others have another checkpoint than the one that was given up; look again"));
        }
        let subject = format!("site/{}/proofs/{}", self.id()?, behind.proof);
        let text = format!("this ledger was rolled back from at least {} entries to {}", behind.size, record.size());
        let alarm = Alarm { alarm: "ledger-behind".into(), subject, text };
        let at = time(self.now()).map_err(|error| Refusal::internal(&error))?;
        let alarm = Entry::new(entry.site.clone(), at, Actor::Site, alarm.into());
        Ok(record.resume(&self.dir, &[entry, alarm])?)
    }

    fn tell_of_fork(&self, note: &Cosigned, root: Hash) -> Answer<()> {
        let bare = note.bare(&self.own_keys()).to_note();
        let mut record = lock(&self.record);
        if self.is_told_enough(&record.catalog)? {
            return Ok(());
        }
        let proof = self.keep_proof(bare.as_bytes())?;
        if record.catalog.has_alarm("ledger-forked", proof.as_str())? {
            return Ok(());
        }
        let its = note.checkpoint();
        let text = format!(
            "another site has a checkpoint of this ledger that this site's key signed, of {} entries with the root {}, and \
             here their root is {root}: history was rewritten, or somebody else has the key. The proof is {proof}",
            its.size, its.root
        );
        eprintln!("alarm: {text}");
        let alarm = Alarm { alarm: "ledger-forked".into(), subject: proof.to_string(), text };
        Ok(record.write(self.now(), &Actor::Site, vec![alarm.into()])?)
    }

    /// Keeps what somebody signed as an object of this site, and names it.
    pub fn keep_proof(&self, proof: &[u8]) -> Result<ObjectName, StoreError> {
        let bad = |error: &dyn std::fmt::Display| StoreError::Io {
            action: "name a proof".into(),
            source: std::io::Error::other(error.to_string()),
        };
        let id = self.site.id().map_err(|error| bad(&error))?;
        let name = format!("site/{id}/proofs/{}", ObjectHash::of(proof));
        let name: ObjectName = name.parse().map_err(|error: BadId| bad(&error))?;
        match self.store.create(&name, proof) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(name),
            Err(error) => Err(error),
        }
    }

    fn is_told_enough(&self, catalog: &crate::catalog::Catalog) -> Answer<bool> {
        let today = catalog.alarms(self.now() - DAY)?;
        let of_proofs =
            |its: &&crate::catalog::Alarm| ["ledger-forked", "ledger-diverged"].contains(&its.alarm.as_str());
        Ok(today.iter().filter(of_proofs).count() >= MOST_PROOFS)
    }

    /// Another's ledger does not go on from what was known of it (`at`: its size and root): what was signed is kept,
    /// and people are told, once for each reason.
    pub fn write_divergence(&self, from: &SiteId, at: (u64, Hash), proof: &[u8], reason: &str) -> Answer<()> {
        let (size, root) = at;
        let mut record = lock(&self.record);
        if record.catalog.last_divergence(from.as_str())? == Some((size, reason.to_owned()))
            || self.is_told_enough(&record.catalog)?
        {
            return Ok(());
        }
        let name = self.keep_proof(proof)?;
        let text =
            format!("the ledger of {from} does not go on from what is known of it here: {reason}. The proof is {name}");
        eprintln!("alarm: {text}");
        let proof = ObjectHash::of(proof);
        let diverged = LedgerDiverged { from: from.clone(), size, root, proof, reason: reason.to_owned() };
        let alarm = Alarm { alarm: "ledger-diverged".into(), subject: from.to_string(), text };
        Ok(record.write(self.now(), &Actor::Site, vec![diverged.into(), Body::Alarm(alarm)])?)
    }

    /// What a holder of one of `keys` said of this ledger, held against it and kept. `None`: it contradicts the
    /// ledger, and people were told.
    pub fn take_cosignature(&self, note: &[u8], keys: &[CosignerKey]) -> Answer<Option<(Cosigned, Cosignature)>> {
        let own = self.own_keys();
        let note = open_for(note, &own).map_err(|error| Refusal::new(Code::BadRequest, error.to_string()))?;
        let Some(its) = keys.iter().find_map(|key| note.by(key)) else {
            let (code, text) = if keys.iter().any(|key| note.names(key)) {
                (Code::Refused, "the co-signature does not verify")
            } else {
                (Code::BadRequest, "there is no co-signature by a key that counts here")
            };
            return Err(Refusal::new(code, text));
        };
        if self.hold_against_own(&note)? != Found::Same {
            return Ok(None);
        }
        let layout = Layout { site: self.id()? };
        others::keep(&*self.store, &layout, &own, &note, &its).map_err(|error| match error {
            pulih_ledger::LedgerError::Store(error) => error.into(),
            error => Refusal::internal(&error),
        })?;
        Ok(Some((note, its)))
    }

    /// Raises an alarm, once a day for each that it is about.
    pub fn alarm_daily(&self, alarm: &str, subject: &str, text: String) -> Answer<()> {
        let now = self.now();
        let mut record = lock(&self.record);
        let known = record.catalog.alarms(now - DAY)?;
        if known.iter().any(|its| its.alarm == alarm && its.subject == subject) {
            return Ok(());
        }
        eprintln!("alarm: {text}");
        let alarm = Alarm { alarm: alarm.to_owned(), subject: subject.to_owned(), text };
        Ok(record.write(now, &Actor::Site, vec![alarm.into()])?)
    }

    /// Looks whether what this site signed is co-signed by a peer that is heard.
    pub fn mind_cosigned(&self, peer: &PeerSite, is_heard: bool) -> Answer<()> {
        let now = self.now();
        if !is_heard || now - self.opened < FIRST {
            return Ok(());
        }
        let (log, layout) = (self.own_log(), Layout { site: self.id()? });
        let keys: Vec<_> = self.ledger_of(peer)?.1.keys().cloned().map(CosignerKey::of).collect();
        let newest = others::newest_by(&*self.store, &layout, &self.own_keys(), &keys);
        let covered = newest.map_err(|error| Refusal::internal(&error))?.map_or(0, |(size, _)| size);
        if covered >= log.checkpoint().size {
            return Ok(());
        }
        // The first entry that it has not said anything about.
        let first = log.get(covered).map_err(|error| Refusal::internal(&error))?;
        let first = first.read().ok().and_then(|entry| utc::parse(entry.at.as_str())).unwrap_or(now);
        if now - first.max(peer.since) < MISSING_AFTER {
            return Ok(());
        }
        let text = format!(
            "{} has co-signed nothing of this ledger from entry {covered} on for more than a day, and it is heard: what is \
             written since is pinned by nobody else",
            peer.name
        );
        self.alarm_daily("cosign-missing", &peer.site, text)
    }
}

impl From<AddError> for Refusal {
    fn from(error: AddError) -> Self {
        let code = match &error {
            AddError::Origin { .. } => Code::NotFound,
            AddError::Key => Code::Forbidden,
            AddError::Format(_) => Code::BadRequest,
            AddError::Conflict { .. } | AddError::Fork { .. } => Code::AlreadyExists,
            AddError::Proof { .. } => Code::Refused,
            AddError::Memory(error) => return Self::internal(error),
        };
        Self::new(code, error.to_string())
    }
}
