//! Reach: the packs and indexes that a snapshot needs, for anyone to read, as a full list or
//! as a change of another reach.

pub mod chain;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Malformed;
use crate::id::{ObjectHash, VaultId};
use crate::pack::MAX_PACK_BYTES;
use crate::wire::{Reader, put_varint};

pub const MAX_REACH_BYTES: u64 = 128 << 20;
/// Longest chain of changes below a reach.
pub const MAX_CHAIN: u8 = 8;
/// Most bytes of a reach that is written as a change, with all that lie below it: whoever reads one
/// has them all in memory.
pub const MAX_CHANGED_BYTES: u64 = 16 << 20;
const MAGIC: &[u8; 8] = b"PLHREAC\x01";
const MAX_ITEMS: u64 = 4 << 20;
const WHAT: &str = "reach";

/// How much of a pack a snapshot uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackUse {
    pub stored_bytes: u64,
    /// Lengths of chunks, once for every reference to them.
    pub live_bytes: u64,
    /// Lengths of all chunks.
    pub all_bytes: u64,
}

/// A whole reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    pub packs: BTreeMap<ObjectHash, PackUse>,
    pub indexes: BTreeSet<ObjectHash>,
}

/// One reach object: a whole reach (`base` is `None`) or a change of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachObject {
    /// The reach this is a change of, and how many lie below this one in the chain.
    pub base: Option<(u8, ObjectHash)>,
    pub packs_gone: BTreeSet<ObjectHash>,
    pub packs: BTreeMap<ObjectHash, PackUse>,
    pub indexes_gone: BTreeSet<ObjectHash>,
    pub indexes: BTreeSet<ObjectHash>,
}

impl Reach {
    pub fn to_object(&self) -> ReachObject {
        ReachObject {
            base: None,
            packs_gone: BTreeSet::new(),
            packs: self.packs.clone(),
            indexes_gone: BTreeSet::new(),
            indexes: self.indexes.clone(),
        }
    }

    /// This reach as a change of `base`, which is stored as `name` with `below` others below it.
    pub fn to_change(&self, base: &Reach, name: ObjectHash, below: u8) -> ReachObject {
        let gone = |hash: &&ObjectHash| !self.packs.contains_key(*hash);
        ReachObject {
            base: Some((below + 1, name)),
            packs_gone: base.packs.keys().filter(gone).copied().collect(),
            packs: self
                .packs
                .iter()
                .filter(|(hash, used)| base.packs.get(hash) != Some(used))
                .map(|(hash, used)| (*hash, *used))
                .collect(),
            indexes_gone: base.indexes.difference(&self.indexes).copied().collect(),
            indexes: self.indexes.difference(&base.indexes).copied().collect(),
        }
    }

    /// Takes a change over, which must be one of this reach.
    pub fn apply(&mut self, change: ReachObject) -> Result<(), Malformed> {
        let stray = || Malformed::new(WHAT, "it takes away what its base does not have");
        for hash in &change.packs_gone {
            self.packs.remove(hash).ok_or_else(stray)?;
        }
        for hash in &change.indexes_gone {
            if !self.indexes.remove(hash) {
                return Err(stray());
            }
        }
        // A whole one is not copied entry by entry: there can be many.
        if self.packs.is_empty() {
            self.packs = change.packs;
        } else {
            self.packs.extend(change.packs);
        }
        self.indexes.extend(change.indexes);
        Ok(())
    }
}

impl ReachObject {
    pub fn encode(&self, vault: VaultId) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&vault.0);
        match self.base {
            None => out.push(0),
            Some((below, name)) => {
                out.push(below);
                out.extend_from_slice(&name.0);
            }
        }
        put_hashes(&mut out, &self.packs_gone);
        put_varint(&mut out, self.packs.len() as u64);
        for (hash, used) in &self.packs {
            out.extend_from_slice(&hash.0);
            put_varint(&mut out, used.stored_bytes);
            put_varint(&mut out, used.live_bytes);
            put_varint(&mut out, used.all_bytes);
        }
        put_hashes(&mut out, &self.indexes_gone);
        put_hashes(&mut out, &self.indexes);
        out
    }

    pub fn parse(bytes: &[u8], vault: VaultId) -> Result<Self, Malformed> {
        let mut reader = Reader::new(WHAT, bytes);
        reader.magic(MAGIC)?;
        if reader.array()? != vault.0 {
            return Err(reader.bad("it belongs to another vault"));
        }
        let base = match reader.u8()? {
            0 => None,
            below if below <= MAX_CHAIN => Some((below, ObjectHash(reader.array()?))),
            _ => return Err(reader.bad("its chain is longer than 8")),
        };
        let object = Self {
            base,
            packs_gone: take_hashes(&mut reader)?,
            packs: take_packs(&mut reader)?,
            indexes_gone: take_hashes(&mut reader)?,
            indexes: take_hashes(&mut reader)?,
        };
        reader.end()?;
        if base.is_none() && !(object.packs_gone.is_empty() && object.indexes_gone.is_empty()) {
            return Err(reader.bad("it takes away from no base"));
        }
        Ok(object)
    }
}

fn put_hashes(out: &mut Vec<u8>, hashes: &BTreeSet<ObjectHash>) {
    put_varint(out, hashes.len() as u64);
    hashes.iter().for_each(|hash| out.extend_from_slice(&hash.0));
}

/// Hashes ascend strictly, so that there is one way to write a reach.
fn ascending(reader: &Reader, last: &mut Option<ObjectHash>, hash: ObjectHash) -> Result<(), Malformed> {
    if last.is_some_and(|last| last >= hash) {
        return Err(reader.bad("its hashes are not in order"));
    }
    *last = Some(hash);
    Ok(())
}

/// As many items as `count` says, which was held against the bytes. Collected in their order they lie in full
/// nodes of a map: put in one after the other they take twice the memory.
fn take<T>(count: usize, mut one: impl FnMut() -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.push(one()?);
    }
    Ok(out)
}

fn take_hashes(reader: &mut Reader) -> Result<BTreeSet<ObjectHash>, Malformed> {
    let count = reader.count(MAX_ITEMS, 32, "a number of hashes")?;
    let mut last = None;
    let hashes = take(count, || {
        let hash = ObjectHash(reader.array()?);
        ascending(reader, &mut last, hash)?;
        Ok(hash)
    })?;
    Ok(hashes.into_iter().collect())
}

fn take_packs(reader: &mut Reader) -> Result<BTreeMap<ObjectHash, PackUse>, Malformed> {
    let count = reader.count(MAX_ITEMS, 35, "the number of packs")?;
    let mut last = None;
    let packs = take(count, || {
        let hash = ObjectHash(reader.array()?);
        ascending(reader, &mut last, hash)?;
        let used = PackUse {
            stored_bytes: reader.varint_up_to(MAX_PACK_BYTES, "a pack's size")?,
            live_bytes: reader.varint()?,
            all_bytes: reader.varint()?,
        };
        Ok((hash, used))
    })?;
    Ok(packs.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reaches() -> impl Strategy<Value = Reach> {
        let used = (1u64..1 << 25, any::<u64>(), any::<u64>());
        let packs = proptest::collection::btree_map(0u8..20, used, 0..10);
        (packs, proptest::collection::btree_set(0u8..20, 0..10)).prop_map(|(packs, indexes)| Reach {
            packs: packs
                .into_iter()
                .map(|(name, (stored_bytes, live_bytes, all_bytes))| {
                    (ObjectHash([name; 32]), PackUse { stored_bytes, live_bytes, all_bytes })
                })
                .collect(),
            indexes: indexes.into_iter().map(|name| ObjectHash([name; 32])).collect(),
        })
    }

    proptest! {
        #[test]
        fn whole_or_as_a_change_a_reach_comes_back(old in reaches(), new in reaches()) {
            let vault = VaultId([1; 16]);
            let whole = ReachObject::parse(&new.to_object().encode(vault), vault).unwrap();
            let mut again = Reach::default();
            again.apply(whole).unwrap();
            prop_assert_eq!(&again, &new);

            let change = new.to_change(&old, ObjectHash([9; 32]), 0).encode(vault);
            let mut again = old;
            again.apply(ReachObject::parse(&change, vault).unwrap()).unwrap();
            prop_assert_eq!(again, new);
        }
    }
}
