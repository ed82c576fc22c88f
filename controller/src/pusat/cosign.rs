//! What a paired DRC brings and asks for: what it said of this ledger, and that this site says the same of its own.

use std::sync::atomic::Ordering;

use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::hash::Hash;
use pulih_ledger::memory::{AddError, Memory as _};
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_protocol::error::Code;
use pulih_vault::hand_over::HandOver;

use super::{Pusat, lock};
use crate::catalog::PeerSite;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

/// A DRC that has asked for the head within so many seconds is heard.
const HEARD: i64 = 3600;

/// What C2SP tlog-witness answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Added {
    /// Signature lines, each with its newline.
    Signed(String),
    /// The size that was co-signed last.
    Conflict(u64),
}

impl Pusat {
    /// The peer, at a Pusat Data: no other site is asked.
    fn asking(&self, reader: &str) -> Answer<PeerSite> {
        if self.site.role != SiteRole::Pusat {
            return Err(Refusal::new(Code::NotFound, "a DRC asks for this, and is not asked"));
        }
        let peer = lock(&self.catalog).peer(reader)?.filter(|peer| peer.ended.is_none());
        peer.ok_or_else(|| Refusal::new(Code::NotFound, format!("{reader} is not paired with this site")))
    }

    /// Co-signs a checkpoint of the DRC's own ledger, if it goes on from all that was co-signed before.
    pub fn add_checkpoint(&self, reader: &str, body: &[u8]) -> Answer<Added> {
        let peer = self.asking(reader)?;
        let request = AddCheckpoint::parse(body).map_err(|error| Refusal::new(Code::BadRequest, error.to_string()))?;
        let (site, log) = self.ledger_of(&peer)?;
        let _alone = lock(&self.cosigning);
        let mut memory = self.said_of(&site, &log, self.store.clone())?;
        let error = match self.cosign(&request, &mut memory) {
            Ok(note) => {
                let bare = note.bare(&log);
                let lines: Vec<_> = note.lines_beside(&bare).collect();
                return Ok(Added::Signed(lines.join("\n") + "\n"));
            }
            Err(error) => error,
        };
        let (size, why) = match &error {
            AddError::Conflict { size } => return Ok(Added::Conflict(*size)),
            AddError::Fork { size } | AddError::Proof { size, .. } => (*size, error.to_string()),
            _ => return Err(error.into()),
        };
        // What was co-signed before is kept already; beside it, what does not go on from it.
        let root = memory.newest().ok().flatten().map_or_else(Hash::of_empty_tree, |its| its.checkpoint().root);
        self.write_divergence(&site, (size, root), request.checkpoint.as_bytes(), &why)?;
        if matches!(error, AddError::Fork { .. }) { Ok(Added::Conflict(size)) } else { Err(error.into()) }
    }

    /// Takes what the DRC said of this site's ledger.
    pub fn take_handed_in(&self, reader: &str, note: &[u8]) -> Answer<()> {
        let peer = self.asking(reader)?;
        if HandOver::claimed(note).is_ok() {
            return self.take_statement(reader, note);
        }
        let keys: Vec<_> = self.ledger_of(&peer)?.1.keys().cloned().map(CosignerKey::of).collect();
        let taken = self.take_cosignature(note, &keys);
        if matches!(&taken, Err(refusal) if refusal.code == Code::Refused) {
            let text = format!("{} handed in a co-signature of this ledger that does not verify", peer.name);
            self.alarm_daily("cosign-bad", &peer.site, text)?;
        }
        let contradicts =
            || Refusal::new(Code::Refused, "this ledger is another than what was co-signed; people were told");
        taken?.map(drop).ok_or_else(contradicts)
    }

    /// The DRC has asked for the head.
    pub fn hears_reader(&self) {
        self.reader_heard.store(self.now(), Ordering::Relaxed);
    }

    /// Looks whether the DRC says that it has seen what this site signs.
    pub fn mind_drc(&self) -> Answer<()> {
        if self.site.role != SiteRole::Pusat {
            return Ok(());
        }
        let Some(peer) = Self::paired_drc(&lock(&self.catalog))? else { return Ok(()) };
        let is_heard = self.now() - self.reader_heard.load(Ordering::Relaxed) < HEARD;
        self.mind_cosigned(&peer, is_heard)
    }
}
