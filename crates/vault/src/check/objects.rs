//! Objects from outside: their bytes against the hash in their name, piece by piece, and what
//! stands in the clear at the beginning of an index.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Checking, Watch, in_parallel, is_ours};
use crate::description::MAX_NOTE_BYTES;
use crate::error::{Malformed, Result, VaultError};
use crate::id::ObjectHash;
use crate::index::{IndexHeader, MAX_INDEX_BYTES};
use crate::reach::{MAX_REACH_BYTES, ReachObject};
use crate::reader::read_named;
use crate::store::{ObjectName, Store, StoreError};

/// Bytes that are read at a time.
const PIECE: u64 = 1 << 20;
/// Above what the clear part of an index can have: 4,096 packs and as many superseded indexes.
const HEADER_BYTES: u64 = 512 << 10;

/// Packs, and their sizes, that an index says it covers.
pub type Headers = BTreeMap<ObjectHash, Vec<(ObjectHash, u64)>>;

/// Holds an object of at most `limit` bytes against its hash, in the memory of one piece.
pub fn hash_object(store: &dyn Store, name: &ObjectName, hash: ObjectHash, limit: u64, watch: Watch) -> Result<()> {
    let size = store.size(name)?;
    if size > limit {
        return Err(StoreError::TooLarge { name: name.clone(), size, limit }.into());
    }
    let mut hasher = blake3::Hasher::new();
    hash_range(store, name, (0, size), &mut hasher, watch)?;
    if *hasher.finalize().as_bytes() == hash.0 { Ok(()) } else { Err(VaultError::HashMismatch { name: name.clone() }) }
}

/// Hashes the bytes of an object from the first of `range` to below the second.
pub fn hash_range(
    store: &dyn Store,
    name: &ObjectName,
    range: (u64, u64),
    hasher: &mut blake3::Hasher,
    watch: Watch,
) -> Result<()> {
    let (mut at, end) = range;
    let mut piece = Vec::new();
    while at < end {
        let len = PIECE.min(end - at);
        piece.clear();
        store.read_range(name, at, len as usize, &mut piece)?;
        hasher.update(&piece);
        watch.read(len)?;
        at += len;
    }
    Ok(())
}

impl Checking<'_> {
    /// Everything but packs, which are many times as large and read only if that is asked for.
    pub(super) fn hash_small_objects(&self) -> Result<()> {
        let layout = self.layout;
        let descriptions =
            self.inventory.descriptions.iter().map(|name| (layout.description(*name), name.hash, MAX_NOTE_BYTES));
        let manifests = self
            .inventory
            .manifests
            .iter()
            .map(|(dataset, name)| (layout.manifest(dataset, *name), name.hash, MAX_NOTE_BYTES));
        let indexes = self.inventory.indexes.iter().map(|hash| (layout.index(*hash), *hash, MAX_INDEX_BYTES));
        let reaches = self.inventory.reaches.iter().map(|hash| (layout.reach(*hash), *hash, MAX_REACH_BYTES));
        let objects: Vec<_> = descriptions.chain(manifests).chain(indexes).collect();
        in_parallel(&objects, |(name, hash, limit)| {
            self.note(name, hash_object(&*self.store, name, *hash, *limit, self.watch))
        })?;
        // One after the other: a reach is looked at whole, and may have 128 MiB.
        for (name, hash, limit) in reaches {
            let parsed = read_named(&*self.store, &name, hash, limit).and_then(|bytes| {
                self.watch.read(bytes.len() as u64)?;
                Ok(ReachObject::parse(&bytes, layout.vault)?)
            });
            self.note(&name, parsed.map(|_| ()))?;
        }
        Ok(())
    }

    /// Puts an error that is about an object on record; hands on one that is about this run.
    pub(super) fn note(&self, name: &ObjectName, result: Result<()>) -> Result<()> {
        match result {
            Err(error) if is_ours(&error) => Err(error),
            Err(error) => {
                self.findings.damaged(name, &error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The headers of all indexes whose bytes are what their names say.
    pub(super) fn index_headers(&self) -> Result<Headers> {
        let headers = Mutex::new(Headers::new());
        let indexes: Vec<ObjectHash> = self.inventory.indexes.iter().copied().collect();
        in_parallel(&indexes, |&hash| {
            let name = self.layout.index(hash);
            if self.findings.is_bad(&name) {
                return Ok(());
            }
            self.note(
                &name,
                self.index_header(&name).map(|header| {
                    headers.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, header.packs);
                }),
            )
        })?;
        Ok(headers.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn index_header(&self, name: &ObjectName) -> Result<IndexHeader> {
        let len = self.store.size(name)?.min(HEADER_BYTES) as usize;
        let mut start = Vec::new();
        self.store.read_range(name, 0, len, &mut start)?;
        let in_object = |source: Malformed| VaultError::Object { name: name.clone(), source };
        Ok(IndexHeader::parse(&start, self.layout.vault).map_err(in_object)?.0)
    }
}
