//! What the two sites say of each other's ledgers: the DRC co-signs what its mirror took, hands that in, and has the
//! Pusat Data co-sign its own ledger. `docs/contracts/evidence.md`.

use pulih_ledger::chain::KeyChain;
use pulih_ledger::checkpoint::MAX_CHECKPOINT_BYTES;
use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::edge::MAX_TREE_SIZE;
use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::memory::{AddError, Memory as _, MemoryError};
use pulih_ledger::others;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_protocol::error::Code;
use pulih_vault::store::StoreError;

use super::error::PullError;
use super::there::There;
use super::{Drc, lock};
use crate::catalog::PeerSite;
use crate::cosign::Found;
use crate::evidence::view::Shown;
use crate::gateway::answer::Answer;
use crate::record::Record;
use crate::site::SiteRole;

/// A site that has answered within so many seconds is heard.
const HEARD: i64 = 3600;
/// How often it is asked anew within one look: it says from where, and once more if it went on meanwhile.
const TRIES: usize = 3;

/// How far it came; lost without harm.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Size of the newest checkpoint there that was co-signed here.
    said: Option<u64>,
    /// That of the one that was handed in.
    pub handed: Option<u64>,
    /// Size of the checkpoint here about which there is nothing more to ask.
    asked: Option<u64>,
    /// What was told last.
    trouble: Option<String>,
}

fn here(error: impl std::fmt::Display) -> PullError {
    PullError::Here(error.to_string())
}

fn remembered(error: MemoryError) -> PullError {
    match error {
        MemoryError::Store(error) => PullError::here(error),
        error => here(error),
    }
}

impl Drc {
    /// Everything that the sites have to say of each other now. Does nothing, and asks nobody, without news.
    pub(super) fn exchange(&self, peer: &PeerSite, there: &dyn There) -> Result<(), PullError> {
        if self.site.role != SiteRole::Drc {
            return Ok(());
        }
        let _alone = lock(&self.following);
        self.cosign_mirrored(peer)?;
        self.hand_in(peer, there)?;
        self.have_own_cosigned(peer, there)?;
        lock(&self.exchange).trouble = None;
        Ok(())
    }

    /// The keys of the ledger there: what the mirror followed, from the one that was paired with.
    fn keys_there(&self, peer: &PeerSite) -> Answer<(SiteId, KeyChain)> {
        let (site, keys) = self.ledger_of(peer)?;
        let followed = lock(&self.mirrored).mirror.as_ref().map(|mirror| mirror.log().keys().clone());
        Ok((site, followed.unwrap_or(keys)))
    }

    /// The ledgers that are here: this site's, and the one that it mirrors.
    pub fn shown(&self) -> Answer<Vec<Shown>> {
        let mut all = vec![Shown { store: self.store.clone(), log: self.own_log(), said: None }];
        let mirrored = lock(&self.mirrored).mirror.as_ref().map(|mirror| mirror.log().clone());
        if let (Some(log), Some(peer)) = (mirrored, self.pusat()?) {
            let ((site, keys), (store, _)) = (self.keys_there(&peer)?, self.place_of(&peer)?);
            // What cannot be read says nothing, and the ledger is shown without it.
            let said = self.said_of(&site, &keys, store.clone())?.newest().ok().flatten();
            all.push(Shown { store, log, said });
        }
        Ok(all)
    }

    /// Once, and not at each look.
    pub(super) fn tell_of_exchange(&self, error: &PullError) {
        let text = error.to_string();
        let mut exchange = lock(&self.exchange);
        if exchange.trouble.as_ref() != Some(&text) {
            eprintln!("warning: the sites do not co-sign each other's ledgers now: {text}");
            exchange.trouble = Some(text);
        }
    }

    /// Co-signs the newest checkpoint that the mirror took.
    fn cosign_mirrored(&self, peer: &PeerSite) -> Result<(), PullError> {
        let Some(log) = lock(&self.mirrored).mirror.as_ref().map(|mirror| mirror.log().clone()) else { return Ok(()) };
        let size = log.checkpoint().size;
        if size == 0 || lock(&self.exchange).said.is_some_and(|said| said >= size) {
            return Ok(());
        }
        let ((site, keys), (store, _)) = (self.keys_there(peer)?, self.place_of(peer)?);
        let mut memory = self.said_of(&site, &keys, store.clone())?;
        let last = memory.newest().map_err(remembered)?.map_or(0, |note| note.checkpoint().size);
        if last < size {
            let proof = log.prove_consistency(last, size).map_err(here)?;
            let note = store.read(&log.layout().checkpoint(size), MAX_CHECKPOINT_BYTES).map_err(PullError::here)?;
            let checkpoint = String::from_utf8(note).map_err(here)?;
            let request = AddCheckpoint { old: last, proof, checkpoint };
            match self.cosign(&request, &mut memory) {
                Ok(_) => {}
                Err(error @ (AddError::Fork { .. } | AddError::Proof { .. })) => {
                    return Err(self.diverge(&site, request.checkpoint.as_bytes(), &error.to_string()));
                }
                Err(AddError::Memory(error)) => return Err(remembered(error)),
                Err(error) => return Err(here(error)),
            }
        }
        lock(&self.exchange).said = Some(size.max(last));
        Ok(())
    }

    /// Hands in what was co-signed last, also when this process has just started: whoever lost it, or is another
    /// than it was, hears of it.
    fn hand_in(&self, peer: &PeerSite, there: &dyn There) -> Result<(), PullError> {
        let (said, handed) = {
            let exchange = lock(&self.exchange);
            (exchange.said, exchange.handed)
        };
        if said.is_none() || said == handed {
            return Ok(());
        }
        let ((site, keys), (store, _)) = (self.keys_there(peer)?, self.place_of(peer)?);
        let Some(note) = self.said_of(&site, &keys, store)?.newest().map_err(remembered)? else { return Ok(()) };
        let (status, answer) = there.hand_in(&note.to_note())?;
        if status >= 500 {
            return Err(PullError::Line(format!("{site} does not take what was co-signed now: status {status}")));
        }
        lock(&self.exchange).handed = said;
        if status != 200 {
            let why = format!("status {status}: {}", answer.trim());
            return Err(PullError::refused(format!("{site} does not take what was co-signed of its ledger"), why));
        }
        Ok(())
    }

    /// Has the newest checkpoint of this site's own ledger co-signed there.
    fn have_own_cosigned(&self, peer: &PeerSite, there: &dyn There) -> Result<(), PullError> {
        let log = self.own_log();
        let size = log.checkpoint().size;
        if size == 0 || lock(&self.exchange).asked == Some(size) {
            return Ok(());
        }
        let (site, keys) = self.keys_there(peer)?;
        let keys: Vec<_> = keys.keys().cloned().map(CosignerKey::of).collect();
        let newest = others::newest_by(&*self.store, log.layout(), &self.own_keys(), &keys).map_err(here)?;
        let mut old = newest.map_or(0, |(size, _)| size);
        // A process that has just started asks in any case: it may be that of a host that went back to an older state.
        let note = self.store.read(&log.layout().checkpoint(size), MAX_CHECKPOINT_BYTES).map_err(PullError::here)?;
        let checkpoint = String::from_utf8(note).map_err(here)?;
        for _ in 0..TRIES {
            let proof = log.prove_consistency(old, size).map_err(here)?;
            let request = AddCheckpoint { old, proof, checkpoint: checkpoint.clone() };
            let (status, answer) = there.add_checkpoint(&request.to_text())?;
            match status {
                200 => {
                    self.take_own(peer, &keys, &format!("{checkpoint}{answer}"))?;
                    break;
                }
                409 => {
                    let Some(theirs) = self.look_at(peer, there, &keys, answer.trim().parse().ok())? else { break };
                    if theirs > size {
                        break;
                    }
                    old = theirs;
                }
                422 => {
                    self.look_at(peer, there, &keys, Some(old))?;
                    break;
                }
                500.. => return Err(PullError::Line(format!("{site} co-signs nothing now: status {status}"))),
                _ => {
                    lock(&self.exchange).asked = Some(size);
                    let why = format!("status {status}: {}", answer.trim());
                    return Err(PullError::refused(format!("{site} does not co-sign the ledger here"), why));
                }
            }
        }
        lock(&self.exchange).asked = Some(size);
        Ok(())
    }

    /// What came as a co-signature of this site's own ledger.
    fn take_own(&self, peer: &PeerSite, keys: &[CosignerKey], note: &str) -> Result<(), PullError> {
        match self.take_cosignature(note.as_bytes(), keys) {
            Ok(_) => Ok(()),
            Err(refusal) if [Code::Refused, Code::BadRequest].contains(&refusal.code) => {
                self.cosigned_badly(peer, &refusal.message)
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn cosigned_badly(&self, peer: &PeerSite, why: &str) -> Result<(), PullError> {
        let text = format!("what {} answers as its co-signature of the ledger here is none: {why}", peer.name);
        Ok(self.alarm_daily("cosign-bad", &peer.site, text)?)
    }

    /// It says that it has co-signed so many entries of this site's ledger. Whatever follows from that is in the
    /// checkpoint that it kept, which this site signed: without it nothing is believed. An answer that was lost is in it
    /// too, and counts as if it had come. `None`: no use to go on.
    fn look_at(
        &self,
        peer: &PeerSite,
        there: &dyn There,
        keys: &[CosignerKey],
        size: Option<u64>,
    ) -> Result<Option<u64>, PullError> {
        let Some(size) = size.filter(|size| *size <= MAX_TREE_SIZE) else {
            self.cosigned_badly(peer, "it names no size")?;
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(0));
        }
        let name = Layout { site: self.ledger_of(peer)?.0 }.cosigned(&self.id()?, size);
        let note = match there.read(&name, MAX_CHECKPOINT_BYTES) {
            Ok(note) => note,
            Err(error @ (StoreError::NotFound { .. } | StoreError::TooLarge { .. })) => {
                self.cosigned_badly(
                    peer,
                    &format!("it says that it co-signed {size} entries, and shows nothing: {error}"),
                )?;
                return Ok(None);
            }
            Err(error) => return Err(PullError::there(&name, error)),
        };
        match Cosigned::open(&note, &self.own_keys()) {
            Ok(its) if its.checkpoint().size == size => {
                let is_same = self.hold_against_own(&its)? == Found::Same;
                if is_same && keys.iter().any(|key| its.by(key).is_some()) {
                    self.take_cosignature(&note, keys)?;
                }
                Ok(is_same.then_some(size))
            }
            _ => {
                self.cosigned_badly(peer, &format!("it co-signed {size} entries that this site has not signed"))?;
                Ok(None)
            }
        }
    }

    /// A drill was announced: what co-signs it comes before anybody can know what is drawn.
    pub(super) fn have_cosigned_soon(&self, record: &mut Record) {
        // Without it the next checkpoint of the hour does.
        if let Err(error) = record.checkpoint() {
            eprintln!("warning: no checkpoint was signed: {error}");
        }
        lock(&self.work).hurry = true;
        self.changed.notify_all();
    }

    /// Looks whether the Pusat Data says that it has seen what this site signs.
    pub fn mind_pusat(&self) -> Answer<()> {
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return Ok(()) };
        self.mind_cosigned(&peer, self.hears(&peer)?)
    }

    fn hears(&self, peer: &PeerSite) -> Answer<bool> {
        let heard = lock(&self.catalog).heard(&peer.site)?;
        Ok(heard.is_some_and(|at| self.now() - at < HEARD))
    }

    /// Whether there is a Pusat Data that was heard within the last hour.
    pub(super) fn hears_pusat(&self) -> Answer<bool> {
        let peer = self.pusat()?.filter(|peer| peer.ended.is_none());
        peer.map_or(Ok(false), |peer| self.hears(&peer))
    }
}
