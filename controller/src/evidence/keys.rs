//! Another key of a site's ledger: made and proposed here, accepted by the other site, and then in use. The old one
//! stays in use until the third act, so that nothing waits. `docs/contracts/evidence.md`, *Another key of a site*.

use pulih_ledger::entry::kinds::{KeyAccepted, KeyProposed, KeyRotated};
use pulih_ledger::entry::{Body, Entry, ReadEntry};
use pulih_ledger::ids::SiteId;
use pulih_protocol::error::Code;
use pulih_vault::hand_over::{HandOver, MAX_STATEMENT_BYTES};
use pulih_vault::id::ObjectHash;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::{ObjectName, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::{Base, lock};
use crate::cards;
use crate::catalog::{Catalog, KeyStep, PeerSite, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{self, Role};
use crate::record::Record;

/// What the commands ask of a site.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    List,
    /// The next key, made if there is none.
    Make,
    /// What is to be signed to accept another site's: by the note that came from there, or by the mirror.
    Accept {
        note: Option<String>,
    },
}

fn bad(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::BadRequest, why.to_string())
}

fn refused(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Refused, why)
}

fn key(text: &str) -> Answer<VerifierKey> {
    text.parse().map_err(|error| Refusal::internal(&error))
}

/// Whether what a person signed accepts another site's key. What that site offers is looked up before anything is held.
pub fn accepts(entry: &str) -> bool {
    ReadEntry::parse(entry.as_bytes()).is_ok_and(|its| matches!(its.body(), Some(Body::KeyAccepted(_))))
}

/// Whether an entry is one of the three acts.
pub fn is_one(body: &Body) -> bool {
    matches!(body, Body::KeyProposed(_) | Body::KeyAccepted(_) | Body::KeyRotated(_))
}

/// Of another site's key: which takes over from which, and what this site has of the proposal.
pub struct Offered {
    pub peer: SiteId,
    pub keys: HandOver,
    /// Index of the proposal there, if that ledger is here.
    pub proposal: Option<u64>,
}

fn object(site: &str, hash: ObjectHash) -> Answer<ObjectName> {
    format!("site/{site}/keys/{hash}").parse().map_err(|error| Refusal::internal(&error))
}

impl Base {
    /// All keys by which another site's ledger is believed, one after the other: those of the card by which it was
    /// paired, and those that people here accepted since.
    pub fn keys_of(&self, peer: &PeerSite) -> Answer<Vec<VerifierKey>> {
        let (first, later) = lock(&self.catalog).keys_after(&peer.site, &peer.key)?;
        let hash = peer.card.parse().map_err(|error| Refusal::internal(&error))?;
        let card = cards::load(&*self.store, &self.id()?, &hash)?;
        let by_card = card.map(|card| card.keys()).transpose().map_err(|error| Refusal::internal(&error))?;
        let mut all: Vec<VerifierKey> = by_card.iter().flat_map(|keys| keys.keys().cloned()).collect();
        for text in [first].into_iter().chain(later) {
            let key = key(&text)?;
            if !all.contains(&key) {
                all.push(key);
            }
        }
        Ok(all)
    }

    /// Whether a key is one that the ledger of a known site was handed over to, or the one that it was paired by.
    pub fn is_of_ledger(&self, catalog: &Catalog, known: &PeerSite, key: &str) -> Answer<bool> {
        let (first, later) = catalog.keys_after(&known.site, &known.key)?;
        Ok(first == key || later.iter().any(|its| its == key))
    }

    /// What `evidence key list` shows. `theirs`: what the other site's ledger says, where it is here.
    pub fn list_keys(&self, theirs: &[KeyStep]) -> Answer<Value> {
        let record = lock(&self.record);
        let (steps, peers) = (record.catalog.key_steps()?, record.catalog.peers()?);
        let chain = record.keys()?;
        let next = record.next_key()?;
        let (now, shown) = (
            record.key().clone(),
            |key: &VerifierKey| json!({"key": key.to_string(), "fingerprint": key.fingerprint().to_string()}),
        );
        drop(record);
        let proposal = |key: &VerifierKey| {
            let text = key.to_string();
            steps.iter().rev().find(|its| its.what == "proposed" && its.key == text).map(|its| its.number)
        };
        let mut others = Vec::new();
        for peer in peers.iter().filter(|peer| peer.ended.is_none()) {
            let keys = self.keys_of(peer)?;
            let rotated = |key: &str| theirs.iter().any(|its| its.what == "rotated" && its.key == key);
            let open = theirs.iter().rev().find(|its| its.what == "proposed" && !rotated(&its.key));
            let open = open.map(|its| -> Answer<Value> {
                let mut value = shown(&key(&its.key)?);
                value["proposal"] = its.number.into();
                value["accepted"] = keys.iter().any(|key| key.to_string() == its.key).into();
                Ok(value)
            });
            let keys: Vec<_> = keys.iter().map(shown).collect();
            others.push(json!({"site": peer.site, "keys": keys, "proposed": open.transpose()?}));
        }
        let next = next.map(|next| -> Answer<Value> {
            let mut value = shown(&next);
            value["proposal"] = proposal(&next).into();
            let with = self.statement_for(&HandOver { old: now.clone(), new: next })?;
            value["statement"] = with.map(|(peer, hash)| json!({"peer": peer, "statement": hash.to_string()})).into();
            Ok(value)
        });
        Ok(json!({
            "type": "pulih/site-keys/v1", "site": self.id()?.to_string(), "keys": chain.keys().map(shown).collect::<Vec<_>>(),
            "next": next.transpose()?, "peers": others,
        }))
    }

    /// The next key with its line, and the note that is carried to the other site.
    pub fn make_key(&self) -> Answer<Value> {
        let record = lock(&self.record);
        let (its, possession) = record.propose_key()?;
        // By the old key as well, so that nobody else's proposal passes for one.
        let note = format!("{}{possession}\n", record.state(&its));
        let key = its.new.to_string();
        let known = record.catalog.key_steps()?.into_iter().rev().find(|its| its.what == "proposed" && its.key == key);
        Ok(json!({
            "type": "pulih/site-key/v1", "site": self.id()?.to_string(), "key": key, "possession": possession,
            "fingerprint": its.new.fingerprint().to_string(), "note": note, "proposal": known.map(|its| its.number),
        }))
    }

    /// What another site's note offers, if that site is paired and its own key signed it too.
    pub fn offered(&self, note: &str) -> Answer<Offered> {
        let its = HandOver::claimed(note.as_bytes()).map_err(bad)?;
        let site = its.old.name().rsplit('/').next().unwrap_or_default();
        let peer = self.paired(site)?;
        let keys = self.keys_of(&peer)?;
        let is_theirs = keys.contains(&its.old) && its.is_signed(note.as_bytes(), &[&its.old]);
        if !is_theirs || !its.is_signed(note.as_bytes(), &[&its.new]) {
            let text = format!("this was not signed by the ledger key of {site} and by the new one: it is no proposal");
            return Err(Refusal::new(Code::Forbidden, text));
        }
        Ok(Offered { peer: peer.site.parse().map_err(bad)?, keys: its, proposal: None })
    }

    fn paired(&self, site: &str) -> Answer<PeerSite> {
        let known = lock(&self.catalog).peer(site)?.filter(|peer| peer.ended.is_none());
        known.ok_or_else(|| Refusal::new(Code::NotFound, format!("{site} is not paired with this site")))
    }

    /// What a person is to sign who accepts a key.
    pub fn to_accept(&self, its: &Offered) -> Answer<Value> {
        let statement = lock(&self.record).state(&its.keys);
        Ok(json!({
            "type": "pulih/site-key-offered/v1", "peer": its.peer.to_string(), "key": its.keys.new.to_string(),
            "fingerprint": its.keys.new.fingerprint().to_string(), "proposal": its.proposal,
            "statement": ObjectHash::of(statement.as_bytes()).to_string(),
        }))
    }

    /// Does what an admin signed about a key. `offered`: what the other site says, where it is about that one's.
    pub fn act_on_key(
        &self,
        record: &mut Record,
        entry: &Entry,
        person: Option<&User>,
        offered: Option<&Offered>,
    ) -> Answer<()> {
        let person = person.ok_or_else(|| bad("this is an admin's act"))?;
        people::must(person, person.is(Role::Admin), "an admin")?;
        match &entry.body {
            Body::KeyProposed(its) => {
                check_proposed(record, its)?;
                Ok(record.append(std::slice::from_ref(entry))?)
            }
            Body::KeyAccepted(its) => {
                let offered = offered.ok_or_else(|| bad("what the other site proposes is missing"))?;
                self.keep_accepted(record, its, offered)?;
                Ok(record.append(std::slice::from_ref(entry))?)
            }
            Body::KeyRotated(its) => {
                self.check_rotated(record, its)?;
                Ok(record.rotate(entry)?)
            }
            _ => Err(bad("this is no act about a key")),
        }
    }

    /// Keeps what this site says of another's key, before it is written that it said so.
    fn keep_accepted(&self, record: &Record, its: &KeyAccepted, offered: &Offered) -> Answer<()> {
        let is_it = offered.peer == its.peer && offered.keys.new == its.key;
        if !is_it || offered.proposal.is_some_and(|index| index != its.proposal) {
            return Err(bad("what was signed is not what the other site proposed"));
        }
        let text = its.key.to_string();
        let is_known = |its: KeyStep| its.what == "accepted" && its.key == text;
        if record.catalog.key_steps()?.into_iter().any(is_known) {
            return Err(Refusal::new(Code::AlreadyExists, format!("this key of {} was accepted before", its.peer)));
        }
        let statement = record.state(&offered.keys);
        if ObjectHash::of(statement.as_bytes()) != its.statement {
            return Err(bad("the statement that was signed is not the one that this site makes"));
        }
        self.keep_statement(its.peer.as_str(), statement.as_bytes())
    }

    /// A statement is an object of the site that made it, and of the one whose key it is about.
    fn keep_statement(&self, other: &str, statement: &[u8]) -> Answer<()> {
        let hash = ObjectHash::of(statement);
        for site in [self.id()?.as_str(), other] {
            match self.store.create(&object(site, hash)?, statement) {
                Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes what a paired site says of a key that was proposed here.
    pub fn take_statement(&self, site: &str, note: &[u8]) -> Answer<()> {
        let its = HandOver::claimed(note).map_err(bad)?;
        let (peer, text) = (self.paired(site)?, its.new.to_string());
        let record = lock(&self.record);
        let proposed = record.catalog.key_steps()?.into_iter().any(|step| step.what == "proposed" && step.key == text);
        if its.old != *record.key() || !proposed {
            return Err(Refusal::new(Code::NotFound, "this is about no key that was proposed here"));
        }
        drop(record);
        let keys = self.keys_of(&peer)?;
        if !its.is_signed(note, &keys.iter().collect::<Vec<_>>()) {
            return Err(Refusal::new(Code::Forbidden, format!("it is not signed by the ledger key of {site}")));
        }
        self.keep_statement(site, note)
    }

    /// What a paired site said of just these two keys, if it is here.
    fn statement_for(&self, its: &HandOver) -> Answer<Option<(String, ObjectHash)>> {
        for peer in self.peers()?.into_iter().filter(|peer| peer.ended.is_none()) {
            let keys = self.keys_of(&peer)?;
            let folder = format!("site/{}/keys", peer.site).parse().map_err(|error| Refusal::internal(&error))?;
            let mut names = Vec::new();
            self.store.list(&folder, &mut |name: ObjectName| names.push(name))?;
            for name in names {
                let note = self.store.read(&name, MAX_STATEMENT_BYTES)?;
                if its.is_signed(&note, &keys.iter().collect::<Vec<_>>()) {
                    return Ok(Some((peer.site, ObjectHash::of(&note))));
                }
            }
        }
        Ok(None)
    }

    /// That the ledger may be handed over: to the key that was proposed, with what the other site says of it.
    fn check_rotated(&self, record: &Record, its: &KeyRotated) -> Answer<()> {
        let text = its.key.to_string();
        let mut steps = record.catalog.key_steps()?.into_iter();
        let proposed = steps.any(|step| step.what == "proposed" && step.number == its.proposal && step.key == text);
        if !proposed || record.next_key()?.as_ref() != Some(&its.key) {
            return Err(refused("this key was not proposed here, or its secret is not here; `evidence key propose`"));
        }
        let is_paired = record.catalog.peers()?.iter().any(|peer| peer.ended.is_none());
        let handed = HandOver { old: record.key().clone(), new: its.key.clone() };
        let said = self.statement_for(&handed)?;
        let named = its.peer.as_ref().zip(its.statement).map(|(peer, hash)| (peer.to_string(), hash));
        if (is_paired && said.is_none()) || said != named {
            let text = "the other site has not said that this key may take over: an admin there compares its \
                        fingerprint and accepts it (`evidence key accept`)";
            return Err(refused(text));
        }
        // Who believes the old key, and does not read the ledger, goes on by this.
        let note = record.state(&handed);
        match self.store.create(&object(self.id()?.as_str(), ObjectHash::of(note.as_bytes()))?, note.as_bytes()) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// By which notes the keys that signed this ledger handed over, one after the other.
    pub fn handed_over(&self) -> Answer<Vec<String>> {
        if !lock(&self.catalog).key_steps()?.iter().any(|its| its.what == "rotated") {
            return Ok(Vec::new());
        }
        let keys = lock(&self.record).keys()?;
        let keys: Vec<_> = keys.keys().cloned().collect();
        let folder = format!("site/{}/keys", self.id()?).parse().map_err(|error| Refusal::internal(&error))?;
        let (mut names, mut notes) = (Vec::new(), Vec::new());
        self.store.list(&folder, &mut |name: ObjectName| names.push(name))?;
        for name in names {
            notes.push(self.store.read(&name, MAX_STATEMENT_BYTES)?);
        }
        let between = |pair: &[VerifierKey]| {
            let its = HandOver { old: pair[0].clone(), new: pair[1].clone() };
            let note = notes.iter().find(|note| its.is_signed(note, &[&its.old]))?;
            String::from_utf8(note.clone()).ok()
        };
        Ok(keys.windows(2).filter_map(between).collect())
    }
}

/// That the key which is proposed is the one that was made here.
fn check_proposed(record: &Record, its: &KeyProposed) -> Answer<()> {
    if record.next_key()?.as_ref() != Some(&its.key) {
        return Err(bad("this is not the key that was made here"));
    }
    let handed = HandOver { old: record.key().clone(), new: its.key.clone() };
    if !handed.is_possessed(&its.possession) || its.reason.trim().is_empty() {
        return Err(bad("its own line does not hold, or nobody said why another key is needed"));
    }
    let text = its.key.to_string();
    if record.catalog.key_steps()?.into_iter().any(|step| step.what == "proposed" && step.key == text) {
        return Err(Refusal::new(Code::AlreadyExists, "this key was proposed before; the other site accepts it"));
    }
    Ok(())
}
