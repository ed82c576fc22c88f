//! From entries to the objects that others read: full bundles and full tiles as soon as there
//! are any, partial ones for a checkpoint. All of them follow from the entries, so each may be
//! written again, and must be the same if it is there.

use std::collections::VecDeque;

use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::bundle;
use crate::edge::{Edge, FullTile, TILE_WIDTH, full_tiles, partial_width};
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::layout::Layout;
use crate::log::Added;

/// What is in the log and not yet in full bundles and tiles. It is settled before each append,
/// so that this is never more than a bundle and what one batch fills.
pub struct Bundler {
    layout: Layout,
    /// Entries of the bundle that is not full.
    entries: Vec<Vec<u8>>,
    owed: VecDeque<(ObjectName, Vec<u8>)>,
}

fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn bundle_bytes(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    bundle::put(&mut out, entries.iter().map(Vec::as_slice));
    out
}

/// Creates an object, or finds that the very same is there already.
pub fn put(store: &dyn Store, name: &ObjectName, bytes: &[u8]) -> Result<()> {
    match store.create(name, bytes) {
        Err(StoreError::AlreadyExists { .. }) => {}
        done => return Ok(done?),
    }
    match store.read(name, bytes.len() as u64) {
        Ok(there) if there == bytes => Ok(()),
        Ok(_) | Err(StoreError::TooLarge { .. }) => Err(LedgerError::Fork { object: name.clone() }),
        Err(error) => Err(error.into()),
    }
}

impl Bundler {
    /// `entries`: those of the bundle that is not full where the log is.
    pub fn new(layout: Layout, entries: Vec<Vec<u8>>) -> Self {
        Self { layout, entries, owed: VecDeque::new() }
    }

    /// Takes what was added to the log at `start`.
    pub fn take(&mut self, start: u64, added: Added) {
        for (index, entry) in (start..).zip(added.entries) {
            self.entries.push(entry);
            if self.entries.len() == TILE_WIDTH {
                let name = self.layout.bundle(index / TILE_WIDTH as u64, TILE_WIDTH);
                self.owed.push_back((name, bundle_bytes(&self.entries)));
                self.entries.clear();
            }
        }
        for FullTile { level, index, hashes } in added.full {
            self.owed.push_back((self.layout.tile(level, index, TILE_WIDTH), tile_bytes(&hashes)));
        }
    }

    /// Writes what has become full.
    pub fn settle(&mut self, store: &dyn Store) -> Result<()> {
        while let Some((name, bytes)) = self.owed.front() {
            put(store, name, bytes)?;
            self.owed.pop_front();
        }
        Ok(())
    }

    /// Writes what a checkpoint of all that was taken needs and is not full. `edge`: the tree's now.
    pub fn put_partial(&self, store: &dyn Store, edge: &Edge) -> Result<()> {
        put_partial(store, &self.layout, edge, &self.entries)
    }
}

/// Writes what a checkpoint of the tree of `edge` needs and is not full. `entries`: those of its last bundle.
pub fn put_partial(store: &dyn Store, layout: &Layout, edge: &Edge, entries: &[Vec<u8>]) -> Result<()> {
    let size = edge.size();
    if !entries.is_empty() {
        let name = layout.bundle(full_tiles(size, 0), partial_width(size, 0));
        put(store, &name, &bundle_bytes(entries))?;
    }
    for (level, row) in edge.partial_tiles() {
        put(store, &layout.tile(level, full_tiles(size, level), row.len()), &tile_bytes(row))?;
    }
    Ok(())
}
