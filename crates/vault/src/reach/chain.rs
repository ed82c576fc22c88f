//! Reaches in a store: each whole, or a chain of changes down to a whole one.

use super::{MAX_CHAIN, MAX_REACH_BYTES, Reach, ReachObject};
use crate::error::{Malformed, Result, VaultError};
use crate::id::ObjectHash;
use crate::layout::Layout;
use crate::reader::read_named;
use crate::store::Store;
use crate::writer::create_named;

/// Reads the reach of a snapshot: its object and the chain below it, oldest last.
pub fn load(store: &dyn Store, layout: Layout, hash: ObjectHash) -> Result<Reach> {
    load_chain(store, layout, hash).map(|(reach, _)| reach)
}

/// Writes a reach and says its name: whole, or where that is longer than `whole_bytes` as a
/// change of `base`, if it can be read and the change is much shorter. Whoever reads a change
/// reads all that lie below it.
pub fn store(
    store: &dyn Store,
    layout: Layout,
    reach: &Reach,
    base: Option<ObjectHash>,
    whole_bytes: usize,
) -> Result<ObjectHash> {
    let mut bytes = reach.to_object().encode(layout.vault);
    if bytes.len() > whole_bytes
        && let Some(base) = base
        && let Ok((its, chain)) = load_chain(store, layout, base)
        && chain.len() <= usize::from(MAX_CHAIN)
    {
        let below = chain.len() as u8 - 1;
        let change = reach.to_change(&its, base, below).encode(layout.vault);
        if change.len() < bytes.len() / 2 {
            bytes = change;
        }
    }
    let hash = ObjectHash::of(&bytes);
    create_named(store, &layout.reach(hash), hash, &bytes)?;
    Ok(hash)
}

/// A reach, and the names of all objects that make it up: its own first, those below it after that.
pub fn load_chain(store: &dyn Store, layout: Layout, hash: ObjectHash) -> Result<(Reach, Vec<ObjectHash>)> {
    let mut chain: Vec<ReachObject> = Vec::new();
    let mut names = Vec::new();
    let mut next = hash;
    loop {
        names.push(next);
        let name = layout.reach(next);
        let bytes = read_named(store, &name, next, MAX_REACH_BYTES)?;
        let object = ReachObject::parse(&bytes, layout.vault)
            .map_err(|source| VaultError::Object { name: name.clone(), source })?;
        let below = object.base.map_or(0, |(below, _)| below);
        let expected = chain.last().and_then(|above| above.base).map(|(below, _)| below - 1);
        if expected.is_some_and(|expected| expected != below) || chain.len() > usize::from(MAX_CHAIN) {
            let source = Malformed::new("reach", "its chain does not have the length it says");
            return Err(VaultError::Object { name, source });
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
    Ok((reach, names))
}
