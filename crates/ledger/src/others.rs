//! What others said of a ledger, as it is kept beside its checkpoints: read together with them, never believed
//! without its signature.

use std::collections::BTreeSet;

use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::chain::KeyChain;
use crate::checkpoint::MAX_CHECKPOINT_BYTES;
use crate::cosign::{Cosignature, Cosigned, CosignerKey};
use crate::error::{LedgerError, Result};
use crate::layout::Layout;

/// The checkpoint of a size with every co-signature of it that is here, whoever gave it. Of those nothing is believed
/// before [`Cosigned::by`].
pub fn cosigned_at(store: &dyn Store, layout: &Layout, log: &KeyChain, size: u64) -> Result<Cosigned> {
    let mut note = read(store, layout, log, &layout.checkpoint(size), size)?;
    let mut names = BTreeSet::new();
    store.list(&layout.cosignatures_at(size), &mut |name| _ = names.insert(name))?;
    for name in names.iter().filter(|name| layout.cosignature_of(name).is_some()) {
        // One that cannot be read keeps nobody from the rest.
        match read(store, layout, log, name, size) {
            Ok(other) => _ = note.merge(&other),
            Err(LedgerError::Store(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    Ok(note)
}

fn read(store: &dyn Store, layout: &Layout, log: &KeyChain, name: &ObjectName, size: u64) -> Result<Cosigned> {
    let note = store.read(name, MAX_CHECKPOINT_BYTES)?;
    let its = Cosigned::open(&note, log).map_err(LedgerError::distrust(name.clone()))?;
    if its.checkpoint().size == size {
        return Ok(its);
    }
    Err(LedgerError::RootMismatch { object: layout.checkpoint(size), size })
}

/// Sizes at which the holders of these keys said something, ascending.
pub fn sizes_by(store: &dyn Store, layout: &Layout, keys: &[CosignerKey]) -> Result<BTreeSet<u64>> {
    let ids: Vec<[u8; 4]> = keys.iter().map(CosignerKey::id).collect();
    let mut sizes = BTreeSet::new();
    store.list(&layout.cosignatures(), &mut |name| {
        sizes.extend(layout.cosignature_of(&name).filter(|(_, id)| ids.contains(id)).map(|(size, _)| size));
    })?;
    Ok(sizes)
}

/// The newest co-signature by one of these keys, with its size.
pub fn newest_by(
    store: &dyn Store,
    layout: &Layout,
    log: &KeyChain,
    keys: &[CosignerKey],
) -> Result<Option<(u64, Cosignature)>> {
    let all = sizes_by(store, layout, keys)?;
    all.into_iter().rev().find_map(|size| believed(store, layout, log, keys, size).transpose()).transpose()
}

/// The newest co-signature by one of these keys of what the first `size` entries have, and until a time in seconds since
/// 1970: as it was known then.
pub fn newest_until(
    store: &dyn Store,
    layout: &Layout,
    log: &KeyChain,
    keys: &[CosignerKey],
    (size, until): (u64, u64),
) -> Result<Option<Cosignature>> {
    let mut all = sizes_by(store, layout, keys)?;
    drop(all.split_off(&size.saturating_add(1)));
    for size in all.into_iter().rev() {
        let note = match cosigned_at(store, layout, log, size) {
            Ok(note) => note,
            Err(LedgerError::Store(StoreError::NotFound { .. })) => continue,
            Err(error) => return Err(error),
        };
        let by_then = keys.iter().filter_map(|key| note.by(key)).filter(|its| its.time() <= until);
        if let Some(newest) = by_then.max_by_key(Cosignature::time) {
            return Ok(Some(newest));
        }
    }
    Ok(None)
}

/// The co-signature by one of these keys of the smallest size that covers entry `index`, with that size: who announced
/// something there could not choose it.
pub fn first_over(
    store: &dyn Store,
    layout: &Layout,
    log: &KeyChain,
    index: u64,
    keys: &[CosignerKey],
) -> Result<Option<(u64, Cosignature)>> {
    let mut all = sizes_by(store, layout, keys)?;
    let over = all.split_off(&index.saturating_add(1));
    over.into_iter().find_map(|size| believed(store, layout, log, keys, size).transpose()).transpose()
}

/// Of a size, the earliest of those that verify.
fn believed(
    store: &dyn Store,
    layout: &Layout,
    log: &KeyChain,
    keys: &[CosignerKey],
    size: u64,
) -> Result<Option<(u64, Cosignature)>> {
    let note = match cosigned_at(store, layout, log, size) {
        Ok(note) => note,
        // Of a checkpoint that is not here nobody says anything.
        Err(LedgerError::Store(StoreError::NotFound { .. })) => return Ok(None),
        Err(error) => return Err(error),
    };
    let its = keys.iter().filter_map(|key| note.by(key)).min_by_key(Cosignature::time);
    Ok(its.map(|its| (size, its)))
}

/// Keeps what the holder of `key` said of this ledger; what was kept before at that size stays. The note is one that
/// was opened, and found to be of this ledger as it is.
pub fn keep(store: &dyn Store, layout: &Layout, log: &KeyChain, note: &Cosigned, its: &Cosignature) -> Result<()> {
    let mut kept = note.bare(log);
    let name = layout.cosignature(note.checkpoint().size, its.key().id());
    kept.add(its).map_err(LedgerError::damaged(&name))?;
    match store.create(&name, kept.to_note().as_bytes()) {
        Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
