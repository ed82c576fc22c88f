//! Another key of the Pusat Data's ledger, or of this site's: what each says of the other's goes over the line that
//! there is, which the DRC begins.

use pulih_ledger::entry::Body;
use pulih_ledger::mirror::Mirror;
use pulih_protocol::error::Code;
use pulih_vault::hand_over::{HandOver, MAX_STATEMENT_BYTES};
use pulih_vault::id::ObjectHash;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::{ObjectName, StoreError};
use serde_json::Value;

use super::error::PullError;
use super::there::There;
use super::{Drc, lock};
use crate::catalog::{KeyStep, PeerSite};
use crate::evidence::keys::{Ask, Offered};
use crate::gateway::answer::{Answer, Refusal};

impl Drc {
    /// Of the keys that are believed, those from the one on that signs what the mirror has last: what an older one
    /// signs now is nobody's word any more.
    pub(super) fn keys_from_now(&self, keys: &[VerifierKey]) -> Vec<VerifierKey> {
        let now = lock(&self.mirrored).mirror.as_ref().map(|mirror| mirror.log().key().clone());
        let at = now.and_then(|now| keys.iter().position(|key| *key == now)).unwrap_or(0);
        keys[at..].to_vec()
    }

    /// What the mirrored ledger says of keys.
    fn their_steps(&self) -> Answer<Vec<KeyStep>> {
        Ok(lock(&self.mirrored).catalog.key_steps()?)
    }

    pub(super) fn answer_keys(&self, ask: Ask) -> Answer<Value> {
        match ask {
            Ask::List => self.list_keys(&self.their_steps()?),
            Ask::Make => self.make_key(),
            Ask::Accept { note } => self.to_accept(&self.offered_here(note.as_deref())?),
        }
    }

    /// What the other site proposes: by a note that was carried here, or by its ledger's mirror.
    pub(super) fn offered_here(&self, note: Option<&str>) -> Answer<Offered> {
        if let Some(note) = note {
            return self.offered(note);
        }
        let none = || Refusal::new(Code::NotFound, "the Pusat Data proposes no other key, or it has not come here yet");
        let peer = self.pusat()?.filter(|peer| peer.ended.is_none()).ok_or_else(none)?;
        let steps = self.their_steps()?;
        let rotated = |key: &str| steps.iter().any(|its| its.what == "rotated" && its.key == key);
        let open = steps.iter().rev().find(|its| its.what == "proposed" && !rotated(&its.key)).ok_or_else(none)?;
        let mirrored = lock(&self.mirrored);
        let log = mirrored.mirror.as_ref().map(Mirror::log).ok_or_else(none)?;
        let entry = log.get(open.number).map_err(|error| Refusal::internal(&error))?;
        let entry = entry.read().map_err(|error| Refusal::internal(&error))?;
        let Some(Body::KeyProposed(its)) = entry.body() else { return Err(none()) };
        let keys = HandOver { old: log.key().clone(), new: its.key.clone() };
        if !keys.is_possessed(&its.possession) {
            return Err(Refusal::new(Code::Forbidden, "the new key did not sign its own proposal"));
        }
        let peer = peer.site.parse().map_err(|error| Refusal::internal(&error))?;
        Ok(Offered { peer, keys, proposal: Some(open.number) })
    }

    /// Fetches what the Pusat Data said of this site's next key, and hands in what was said here of its own.
    pub(super) fn exchange_statements(&self, peer: &PeerSite, there: &dyn There) -> Result<(), PullError> {
        let own = self.id()?;
        let theirs = self.their_steps()?;
        let about = |steps: &[KeyStep], site: &str| -> Vec<KeyStep> {
            let accepted = |its: &&KeyStep| its.what == "accepted" && its.peer.as_deref() == Some(site);
            steps.iter().filter(accepted).cloned().collect()
        };
        let next = lock(&self.record).next_key()?.map(|key| key.to_string());
        for its in about(&theirs, own.as_str()).iter().filter(|its| Some(&its.key) == next.as_ref()) {
            let name = named(&peer.site, its)?;
            if self.store.size(&name).is_err() {
                let note = there.read(&name, MAX_STATEMENT_BYTES).map_err(|error| PullError::there(&name, error))?;
                // The key waits without it; nothing else does.
                if let Err(why) = self.take_statement(&peer.site, &note) {
                    eprintln!(
                        "warning: {name}, what {} says of this site's next key, is not taken: {}",
                        peer.name, why.message
                    );
                }
            }
        }
        let steps = lock(&self.catalog).key_steps()?;
        let is_used = |key: &str| theirs.iter().any(|its| its.what == "rotated" && its.key == key);
        for its in about(&steps, &peer.site).iter().filter(|its| !is_used(&its.key)) {
            let (here, kept) = (named(own.as_str(), its)?, named(&peer.site, its)?);
            // Once it is kept there it is not said again.
            if matches!(there.size(&kept), Err(StoreError::NotFound { .. })) {
                let note = self.store.read(&here, MAX_STATEMENT_BYTES).map_err(PullError::here)?;
                let note = String::from_utf8(note).map_err(|error| PullError::Here(error.to_string()))?;
                let (status, answer) = there.hand_in(&note)?;
                if status != 200 {
                    let site = &peer.name;
                    eprintln!("warning: {site} does not take what was said of its next key: status {status}: {answer}");
                }
            }
        }
        Ok(())
    }
}

fn named(site: &str, its: &KeyStep) -> Result<ObjectName, PullError> {
    let hash = its.statement.as_deref().and_then(|hash| hash.parse::<ObjectHash>().ok());
    let hash = hash.ok_or_else(|| PullError::Here("a statement in the catalog has no hash".into()))?;
    format!("site/{site}/keys/{hash}")
        .parse()
        .map_err(|error: pulih_vault::id::BadId| PullError::Here(error.to_string()))
}
