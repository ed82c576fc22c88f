//! A whole ledger, read from its first entry: every batch against its key and against all before it, every
//! checkpoint against what the batches came to, every bundle and tile against the newest root.

use std::sync::Arc;

use pulih_vault::store::Store;

use crate::chain::KeyChain;
use crate::checkpoint::Checkpoint;
use crate::edge::Edge;
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::ids::SiteId;
use crate::layout::Layout;
use crate::log::{Log, read_checkpoint};

/// What a ledger came to that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub size: u64,
    pub root: Hash,
}

/// Reads all of a ledger, in the memory of a few batches. `go_on` is asked now and then; `None`: it said no.
/// The first thing that is wrong is the error.
pub fn verify(
    store: &Arc<dyn Store>,
    site: &SiteId,
    keys: impl Into<KeyChain>,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<Verified>> {
    let log = Log::open(store.clone(), site, keys)?;
    let keys = log.keys_from_first()?;
    let mut sizes = log.checkpoint_sizes()?.into_iter().peekable();
    let mut replayed = from_nothing(store.clone(), site, &keys)?;
    loop {
        while let Some(size) = sizes.next_if(|size| *size <= replayed.size()) {
            let checkpoint = read_checkpoint(store.as_ref(), &log.layout, &replayed.keys, size)?;
            // One that ends within a batch is of no state that the log ever had.
            if size != replayed.size() || checkpoint.root != replayed.root() {
                return Err(LedgerError::RootMismatch { object: log.layout.checkpoint(size), size });
            }
        }
        if !go_on() {
            return Ok(None);
        }
        if replayed.size() >= log.size() || replayed.next_batch()?.is_none() {
            break;
        }
        // What was read is not read again, so nothing of it has to be remembered.
        replayed.tail.clear();
    }
    if replayed.size() < log.size() {
        return Err(LedgerError::RolledBack { size: log.size(), missing: log.layout.batch(replayed.size()) });
    }
    // Keys that checkpoints alone lead to are none of the entries'.
    if replayed.keys != keys {
        return Err(LedgerError::OtherKey { key: replayed.key().fingerprint().to_string() });
    }
    for (at, entry) in log.entries(0).enumerate() {
        entry?;
        if at % 1000 == 0 && !go_on() {
            return Ok(None);
        }
    }
    Ok(Some(Verified { size: replayed.size(), root: replayed.root() }))
}

/// The ledger before its first entry, as its first key signs it: the others come with what is read.
fn from_nothing(store: Arc<dyn Store>, site: &SiteId, keys: &KeyChain) -> Result<Log> {
    let edge = Edge::load(0, |_, _| -> Result<Vec<Hash>> { Ok(Vec::new()) })?;
    let signed = Checkpoint { origin: keys.origin().to_owned(), size: 0, root: Hash::of_empty_tree() };
    let layout = Layout { site: site.clone() };
    let keys = KeyChain::first(keys.for_batch(0).clone());
    Ok(Log { store, layout, keys, signed, signed_edge: edge.clone(), tail: Vec::new(), edge })
}
