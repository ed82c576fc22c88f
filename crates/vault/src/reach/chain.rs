//! Reaches in a store: each whole, or a chain of changes down to a whole one.

use super::{MAX_CHAIN, MAX_CHANGED_BYTES, MAX_REACH_BYTES, Reach, ReachObject};
use crate::error::{Malformed, Result, VaultError};
use crate::id::ObjectHash;
use crate::layout::Layout;
use crate::reader::read_named;
use crate::store::{ObjectName, Store, StoreError};
use crate::writer::create_named;

/// Reads the reach of a snapshot: its object and the chain below it, oldest last.
pub fn load(store: &dyn Store, layout: Layout, hash: ObjectHash) -> Result<Reach> {
    load_chain(store, layout, hash, u64::MAX).map(|loaded| loaded.reach)
}

/// A reach, and what it was made up from.
#[derive(Debug)]
pub struct Loaded {
    pub reach: Reach,
    /// Its own object first, those below it after that.
    pub chain: Vec<ObjectHash>,
    /// All of them together.
    pub bytes: u64,
}

/// Writes a reach and says its name: whole, or where that is longer than `whole_bytes` as a
/// change of `base`, if it can be read and the change is much shorter. Whoever reads a change
/// reads all that lie below it, so that there is a limit to what they are together.
pub fn store(
    store: &dyn Store,
    layout: Layout,
    reach: &Reach,
    base: Option<ObjectHash>,
    whole_bytes: usize,
) -> Result<ObjectHash> {
    store_within(store, layout, reach, base, whole_bytes, MAX_CHANGED_BYTES)
}

fn store_within(
    store: &dyn Store,
    layout: Layout,
    reach: &Reach,
    base: Option<ObjectHash>,
    whole_bytes: usize,
    limit: u64,
) -> Result<ObjectHash> {
    let mut bytes = reach.to_object().encode(layout.vault);
    if bytes.len() > whole_bytes
        && let Some(base) = base
        && let Ok(its) = load_chain(store, layout, base, limit)
        && its.chain.len() <= usize::from(MAX_CHAIN)
    {
        let below = its.chain.len() as u8 - 1;
        let change = reach.to_change(&its.reach, base, below).encode(layout.vault);
        if change.len() < bytes.len() / 2 && its.bytes + change.len() as u64 <= limit {
            bytes = change;
        }
    }
    let hash = ObjectHash::of(&bytes);
    create_named(store, &layout.reach(hash), hash, &bytes)?;
    Ok(hash)
}

/// Reads a reach whose objects have at most `limit` bytes together.
pub fn load_chain(store: &dyn Store, layout: Layout, hash: ObjectHash, limit: u64) -> Result<Loaded> {
    load_chain_with(layout, hash, limit, |name, its, left| match read_named(store, name, its, left) {
        Err(VaultError::Store(StoreError::TooLarge { .. })) if left < MAX_REACH_BYTES => {
            let why = format!("it and those below it have more than {limit} bytes together");
            Err(VaultError::Object { name: layout.reach(hash), source: Malformed::new("reach", why) })
        }
        done => done,
    })
}

/// The same with objects from wherever `read` has them: it is given a name, the hash that the bytes
/// must have, and how many there may be at most.
pub fn load_chain_with<E: From<VaultError>>(
    layout: Layout,
    hash: ObjectHash,
    limit: u64,
    mut read: impl FnMut(&ObjectName, ObjectHash, u64) -> std::result::Result<Vec<u8>, E>,
) -> std::result::Result<Loaded, E> {
    let mut chain: Vec<ReachObject> = Vec::new();
    let mut names = Vec::new();
    let mut next = hash;
    let mut came = 0;
    loop {
        names.push(next);
        let name = layout.reach(next);
        let bytes = read(&name, next, limit.saturating_sub(came).min(MAX_REACH_BYTES))?;
        came += bytes.len() as u64;
        let object = ReachObject::parse(&bytes, layout.vault)
            .map_err(|source| VaultError::Object { name: name.clone(), source })?;
        let below = object.base.map_or(0, |(below, _)| below);
        let expected = chain.last().and_then(|above| above.base).map(|(below, _)| below - 1);
        if expected.is_some_and(|expected| expected != below) || chain.len() > usize::from(MAX_CHAIN) {
            let source = Malformed::new("reach", "its chain does not have the length it says");
            return Err(VaultError::Object { name, source }.into());
        }
        let base = object.base;
        chain.push(object);
        match base {
            Some((_, base)) => next = base,
            None => break,
        }
    }
    let mut reach = Reach::default();
    while let Some(object) = chain.pop() {
        reach.apply(object).map_err(|source| VaultError::Object { name: layout.reach(hash), source })?;
    }
    Ok(Loaded { reach, chain: names, bytes: came })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VaultId;
    use crate::reach::PackUse;
    use crate::store::DirStore;

    const LAYOUT: Layout = Layout { vault: VaultId([1; 16]) };

    fn reach(packs: std::ops::Range<u32>) -> Reach {
        let used = PackUse { stored_bytes: 1 << 20, live_bytes: 1 << 20, all_bytes: 1 << 20 };
        let packs = packs.map(|number| (ObjectHash::of(&number.to_le_bytes()), used)).collect();
        Reach { packs, indexes: [ObjectHash([2; 32])].into() }
    }

    #[test]
    fn a_chain_is_bounded_in_bytes_when_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let store_dir = DirStore::create(folder.path()).unwrap();
        let base = store(&store_dir, LAYOUT, &reach(0..1000), None, 0).unwrap();
        let top = store(&store_dir, LAYOUT, &reach(10..1010), Some(base), 0).unwrap();
        let loaded = load_chain(&store_dir, LAYOUT, top, u64::MAX).unwrap();
        assert_eq!((loaded.reach, loaded.chain), (reach(10..1010), vec![top, base]));
        assert!(load_chain(&store_dir, LAYOUT, top, loaded.bytes).is_ok());
        let error = load_chain(&store_dir, LAYOUT, top, loaded.bytes - 1).unwrap_err().to_string();
        assert!(error.contains("together"), "{error}");
    }

    #[test]
    fn a_chain_that_became_long_in_bytes_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store_dir = DirStore::create(folder.path()).unwrap();
        // 41 bytes for each pack, 73 for each that another took the place of.
        let (mut last, mut longest) = (None, 0);
        for round in 0..9 {
            let reach = reach(round * 100..round * 100 + 1000);
            let hash = store_within(&store_dir, LAYOUT, &reach, last, 0, 60_000).unwrap();
            let loaded = load_chain(&store_dir, LAYOUT, hash, 60_000).unwrap();
            assert_eq!(loaded.reach, reach);
            longest = longest.max(loaded.chain.len());
            last = Some(hash);
        }
        assert_eq!(longest, 3);
    }
}
