//! Another key of a site: what is signed before a key hands over to the next, and how a reader follows it by the log
//! itself. A new key counts from the entry `key-rotated` on, which the old one signed, alone in its batch; the
//! checkpoint right after it has signature lines of both, so that who knows either finds the other.

use std::sync::Arc;

use pulih_vault::error::Malformed;
pub use pulih_vault::hand_over::{HandOver, MAX_STATEMENT_BYTES};
use pulih_vault::note::{SigningKey, Unverified, VerifierKey};
use pulih_vault::store::Store;

use crate::chain::KeyChain;
use crate::checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES};
use crate::entry::{Body, Kind, ReadEntry};
use crate::error::{LedgerError, Result};
use crate::layout::Layout;
use crate::log::Log;

/// The checkpoint at which `old` hands over to `new`.
pub(crate) fn sign_both(checkpoint: &Checkpoint, old: &SigningKey, new: &SigningKey) -> String {
    let by_new = checkpoint.sign(new);
    checkpoint.sign(old) + &by_new[checkpoint.to_text().len() + 1..]
}

/// The key to which a batch hands over, if it is one of just that and the key one that can follow.
pub(crate) fn handed_over_in(keys: &KeyChain, batch: &[Vec<u8>]) -> Option<VerifierKey> {
    match batch {
        [entry] => named_in(entry).filter(|key| keys.can_go_on_with(key)),
        _ => None,
    }
}

/// The key that an entry `key-rotated` names.
fn named_in(entry: &[u8]) -> Option<VerifierKey> {
    // Canonical JSON has it in this one way; all else is not worth reading.
    let named = format!("\"type\":\"{}\"", Kind::KeyRotated.to_type());
    if !entry.windows(named.len()).any(|bytes| bytes == named.as_bytes()) {
        return None;
    }
    match ReadEntry::parse(entry).ok()?.body()? {
        Body::KeyRotated(its) => Some(its.key.clone()),
        _ => None,
    }
}

/// Goes on with the chain as far as the log's checkpoints, of these sizes, lead: each next key by a checkpoint that
/// the one before signed. What nobody handed over to is left to whoever opens the log, who will not believe it.
pub(crate) fn follow(store: &Arc<dyn Store>, layout: &Layout, mut keys: KeyChain, sizes: &[u64]) -> Result<KeyChain> {
    while let Some((size, next)) = next_after(store, layout, &keys, sizes)? {
        if keys.push(size, next).is_err() {
            break;
        }
    }
    Ok(keys)
}

/// Where the newest key of the chain hands over, and to which.
fn next_after(
    store: &Arc<dyn Store>,
    layout: &Layout,
    keys: &KeyChain,
    sizes: &[u64],
) -> Result<Option<(u64, VerifierKey)>> {
    let sizes = &sizes[sizes.partition_point(|size| *size < keys.newest_from())..];
    let Some(size) = last_signed(store.as_ref(), layout, keys.newest(), sizes)? else { return Ok(None) };
    let note = store.read(&layout.checkpoint(size), MAX_CHECKPOINT_BYTES)?;
    let by_the_site = |note: &Unverified<'_>| note.lines().filter(|(name, _)| *name == keys.origin()).count();
    if size == keys.newest_from() || Unverified::parse(&note).map_or(0, |note| by_the_site(&note)) < 2 {
        return Ok(None);
    }
    let log = Log::at_checkpoint(Arc::clone(store), layout.clone(), keys.clone(), size)?;
    let next = named_in(&log.get(size - 1)?.bytes).filter(|key| keys.can_go_on_with(key));
    Ok(next.filter(|key| is_by(&note, key)).map(|key| (size, key)))
}

/// The largest of `sizes` whose checkpoint the key signed.
fn last_signed(store: &dyn Store, layout: &Layout, key: &VerifierKey, sizes: &[u64]) -> Result<Option<u64>> {
    let signed =
        |size: u64| -> Result<bool> { Ok(is_by(&store.read(&layout.checkpoint(size), MAX_CHECKPOINT_BYTES)?, key)) };
    let (Some(first), Some(newest)) = (sizes.first(), sizes.last()) else { return Ok(None) };
    if signed(*newest)? {
        return Ok(Some(*newest));
    }
    if !signed(*first)? {
        // Where the key began is not known: it is one that another had handed over to.
        for size in sizes.iter().rev() {
            if signed(*size)? {
                return Ok(Some(*size));
            }
        }
        return Ok(None);
    }
    // From where a key began, it signed all up to where it ended.
    let (mut yes, mut no) = (0, sizes.len() - 1);
    while no - yes > 1 {
        let middle = usize::midpoint(yes, no);
        *(if signed(sizes[middle])? { &mut yes } else { &mut no }) = middle;
    }
    Ok(Some(sizes[yes]))
}

fn is_by(note: &[u8], key: &VerifierKey) -> bool {
    Unverified::parse(note).is_ok_and(|note| note.verify(&[key]).is_some())
}

impl Log {
    /// The chain from the log's first key on. A log is believed by any of its keys; those before it are told by the
    /// entries that it signed for.
    pub fn keys_from_first(&self) -> Result<KeyChain> {
        let object = self.layout.bundle(0, 1);
        let bad = |why: &str| LedgerError::Damaged { object: object.clone(), source: Malformed::new("ledger", why) };
        if self.size() == 0 {
            return Ok(self.keys.clone());
        }
        let first = self.get(0)?.read().map_err(LedgerError::damaged(&object))?;
        let Some(Body::SiteCreated(created)) = first.body() else {
            // A log that begins otherwise has one key.
            return Ok(self.keys.clone());
        };
        if self.keys.keys().next() == Some(&created.key) {
            return Ok(self.keys.clone());
        }
        let (mut keys, sizes) = (KeyChain::first(created.key.clone()), self.checkpoint_sizes()?);
        while keys.newest() != self.keys.newest() {
            let Some((size, next)) = next_after(&self.store, &self.layout, &keys, &sizes)? else {
                return Err(bad("its first key does not lead to the one that signs it now"));
            };
            self.checkpoint_by(&keys, size)?;
            keys.push(size, next).map_err(LedgerError::damaged(&object))?;
        }
        Ok(keys)
    }
}
