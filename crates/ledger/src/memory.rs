//! Co-signing: the one way to a co-signature, for a site and for a witness. What was co-signed is remembered before
//! it is said, and nothing is co-signed that does not go on from it.

use std::sync::Arc;

use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, Unverified};
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::chain::KeyChain;
use crate::checkpoint::{Checkpoint, Distrust, MAX_CHECKPOINT_BYTES};
use crate::cosign::Cosigned;
use crate::hash::Hash;
use crate::ids::SiteId;
use crate::layout::Layout;
use crate::proof::{BadProof, check_consistency};
use crate::tlog_proof::AddCheckpoint;

/// What a cosigner remembers of one log.
pub trait Memory {
    /// The largest checkpoint that was co-signed, with that co-signature.
    fn newest(&self) -> Result<Option<Cosigned>, MemoryError>;

    /// Keeps one, durable when this returns, and gives what is kept at its size: another one, if somebody was first.
    fn keep(&mut self, note: &Cosigned) -> Result<Cosigned, MemoryError>;
}

/// What was co-signed cannot be read, or not be kept: then nothing is co-signed.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{at}, which was co-signed, is not what it should be: {why}; bring it back from a copy")]
    Distrust { at: String, why: Distrust },
    #[error("{action} {path}: {source}")]
    File { action: &'static str, path: String, source: std::io::Error },
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Why a checkpoint is not co-signed. What C2SP tlog-witness answers stands beside each.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// 404
    #[error("no log of the origin {found:?} is co-signed here")]
    Origin { found: String },
    /// 403
    #[error("the checkpoint is not signed by the log's key")]
    Key,
    /// 400
    #[error(transparent)]
    Format(#[from] Malformed),
    /// 409: `size` is the one to begin from.
    #[error("the checkpoint of {size} entries is the one that was co-signed last; prove that the log goes on from it")]
    Conflict { size: u64 },
    /// 409: signed by the log's key, and another past than the one that was co-signed.
    #[error("of the same {size} entries another root hash was co-signed: the log was forked")]
    Fork { size: u64 },
    /// 422: signed by the log's key, and not shown to go on from the `size` entries that were co-signed.
    #[error("it is not proven that the log goes on from the {size} entries that were co-signed: {why}")]
    Proof { size: u64, why: BadProof },
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Co-signs the checkpoint that is asked for, or gives the co-signature that there is of it. `log`: whose it must be;
/// `time`: seconds since 1970. What comes back has the log's own signatures and the cosigner's, and is kept.
pub fn add_checkpoint(
    request: &AddCheckpoint,
    log: &KeyChain,
    key: &SigningKey,
    time: u64,
    memory: &mut dyn Memory,
) -> Result<Cosigned, AddError> {
    let note = open_for(request.checkpoint.as_bytes(), log)?;
    let (size, root) = (note.checkpoint().size, note.checkpoint().root);
    if request.old > size {
        return Err(Malformed::new("request to co-sign", "it goes on from more entries than its checkpoint has").into());
    }
    let last = memory.newest()?;
    let (old, old_root) = last.as_ref().map_or((0, Hash::of_empty_tree()), |last| {
        let its = last.checkpoint();
        (its.size, its.root)
    });
    if request.old != old {
        return Err(AddError::Conflict { size: old });
    }
    if size == old && root != old_root {
        return Err(AddError::Fork { size });
    }
    check_consistency((old, old_root), (size, root), &request.proof)
        .map_err(|why| AddError::Proof { size: old, why })?;
    if let Some(last) = last.filter(|last| last.checkpoint().size == size) {
        // One co-signature a size: nobody can ask until a time suits.
        return Ok(last);
    }
    let mut signed = note.bare(log);
    signed.add(&signed.cosign(key, time)?)?;
    let kept = memory.keep(&signed)?;
    if kept.checkpoint().root == root { Ok(kept) } else { Err(AddError::Fork { size }) }
}

/// A checkpoint that the log's key signed; what is wrong with one that it did not is told apart.
pub fn open_for(note: &[u8], log: &KeyChain) -> Result<Cosigned, AddError> {
    let claimed = Unverified::parse(note).and_then(|note| Checkpoint::parse(note.claimed_text()))?;
    if claimed.origin != log.origin() {
        return Err(AddError::Origin { found: claimed.origin });
    }
    Cosigned::open(note, log).map_err(|why| match why {
        Distrust::Malformed(why) => why.into(),
        Distrust::Signature { .. } => AddError::Key,
        Distrust::Origin { found, .. } => AddError::Origin { found },
    })
}

/// What a site said of another's ledger, in its own store: `site/<id>/cosigned/<other>/<size>`, each created once.
pub struct StoreMemory<'k> {
    pub store: Arc<dyn Store>,
    pub own: SiteId,
    /// Whose ledger it is, and the keys that sign it.
    pub other: SiteId,
    pub log: &'k KeyChain,
}

impl StoreMemory<'_> {
    fn layout(&self) -> Layout {
        Layout { site: self.own.clone() }
    }

    fn read(&self, name: &ObjectName) -> Result<Cosigned, MemoryError> {
        let note = self.store.read(name, MAX_CHECKPOINT_BYTES)?;
        Cosigned::open(&note, self.log).map_err(|why| MemoryError::Distrust { at: name.to_string(), why })
    }
}

impl Memory for StoreMemory<'_> {
    fn newest(&self) -> Result<Option<Cosigned>, MemoryError> {
        let (layout, mut newest) = (self.layout(), None);
        self.store.list(&layout.all_cosigned(&self.other), &mut |name| {
            newest = newest.max(layout.cosigned_size(&self.other, &name));
        })?;
        newest.map(|size| self.read(&layout.cosigned(&self.other, size))).transpose()
    }

    fn keep(&mut self, note: &Cosigned) -> Result<Cosigned, MemoryError> {
        let name = self.layout().cosigned(&self.other, note.checkpoint().size);
        match self.store.create(&name, note.to_note().as_bytes()) {
            Ok(()) => Ok(note.clone()),
            Err(StoreError::AlreadyExists { .. }) => self.read(&name),
            Err(error) => Err(error.into()),
        }
    }
}
