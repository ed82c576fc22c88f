//! Reading entries back: one bundle or batch in memory at a time, and none of it given out
//! before it was held against the signed root, by way of the tiles above it.

use std::vec;

use pulih_vault::error::Malformed;

use crate::batch::{self, MAX_BATCH_BYTES};
use crate::bundle::{self, MAX_BUNDLE_BYTES};
use crate::edge::{Edge, FullTile, TILE_WIDTH, full_tiles, subtree_root};
use crate::entry::ReadEntry;
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::log::Log;
use crate::open::{read_needed, read_tile};

/// An entry's bytes and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub index: u64,
    pub bytes: Vec<u8>,
}

impl Recorded {
    /// What the bytes say. They are the site's whatever comes of this.
    pub fn read(&self) -> std::result::Result<ReadEntry, Malformed> {
        ReadEntry::parse(&self.bytes)
    }
}

impl Log {
    /// One entry.
    pub fn get(&self, index: u64) -> Result<Recorded> {
        let out_of_range = LedgerError::OutOfRange { index, size: self.size() };
        self.entries(index).next().unwrap_or(Err(out_of_range))
    }

    /// All entries from an index on. The first error is the last item.
    pub fn entries(&self, from: u64) -> Entries<'_> {
        Entries { tiles: Tiles::of(self), next: from, held: Vec::new().into_iter(), end: self.size() }
    }

    /// Root hash of the first `size` entries.
    pub fn root_at(&self, size: u64) -> Result<Hash> {
        Ok(self.edge_at(size)?.root())
    }

    /// The tree's edge after the first `size` entries.
    pub(crate) fn edge_at(&self, size: u64) -> Result<Edge> {
        if size > self.size() {
            return Err(LedgerError::OutOfRange { index: size, size: self.size() });
        }
        if size >= self.signed.size {
            let (mut edge, mut full) = (self.signed_edge.clone(), Vec::<FullTile>::new());
            for entry in self.entries(self.signed.size).take((size - self.signed.size) as usize) {
                edge.push(Hash::of_leaf(&entry?.bytes), &mut full);
                full.clear();
            }
            return Ok(edge);
        }
        let mut tiles = Tiles::of(self);
        Edge::load(size, |level, _| tiles.row(level, full_tiles(size, level)).map(<[Hash]>::to_vec))
    }

    /// Entries of the bundle that is not full after the first `size` entries.
    pub(crate) fn partial_bundle(&self, size: u64) -> Result<Vec<Vec<u8>>> {
        let begun = size % TILE_WIDTH as u64;
        self.entries(size - begun).take(begun as usize).map(|entry| entry.map(|its| its.bytes)).collect()
    }
}

/// Tiles below the newest checkpoint, and the last one of each level that was asked for: who
/// reads on in order reads each once.
pub(crate) struct Tiles<'a> {
    log: &'a Log,
    last: Vec<Option<(u64, Vec<Hash>)>>,
}

impl<'a> Tiles<'a> {
    pub(crate) fn of(log: &'a Log) -> Self {
        Self { log, last: Vec::new() }
    }

    /// The hashes of a tile of the signed tree; all there are, if it is not full.
    pub(crate) fn row(&mut self, level: usize, index: u64) -> Result<&[Hash]> {
        let log = self.log;
        let size = log.signed.size;
        if index >= full_tiles(size, level) {
            return Ok(log.signed_edge.row(level));
        }
        if self.last.len() <= level {
            self.last.resize(level + 1, None);
        }
        let is_held = self.last[level].as_ref().is_some_and(|(held, _)| *held == index);
        if !is_held {
            let object = log.layout.tile(level, index, TILE_WIDTH);
            let hashes = read_tile(log.store.as_ref(), object.clone(), TILE_WIDTH, size)?;
            if Some(subtree_root(&hashes)) != self.hash(level + 1, index)? {
                return Err(LedgerError::RootMismatch { object, size });
            }
            self.last[level] = Some((index, hashes));
        }
        Ok(self.last[level].as_ref().map_or(&[], |(_, hashes)| hashes.as_slice()))
    }

    /// Hash `index` of a level, which is the root of the full tile or bundle `index` below it.
    fn hash(&mut self, level: usize, index: u64) -> Result<Option<Hash>> {
        let row = self.row(level, index / TILE_WIDTH as u64)?;
        Ok(row.get((index % TILE_WIDTH as u64) as usize).copied())
    }

    /// The entries of a bundle of the signed tree.
    fn bundle(&mut self, index: u64) -> Result<Vec<Vec<u8>>> {
        let log = self.log;
        let size = log.signed.size;
        let width = (size - index * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as usize;
        let object = log.layout.bundle(index, width);
        let bytes = read_needed(log.store.as_ref(), &object, MAX_BUNDLE_BYTES, size)?;
        let entries = bundle::take("entry bundle", &bytes, width).map_err(LedgerError::damaged(&object))?;
        let leaves: Vec<_> = entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
        let is_right = if width == TILE_WIDTH {
            Some(subtree_root(&leaves)) == self.hash(1, index)?
        } else {
            leaves == log.signed_edge.row(0)
        };
        if !is_right {
            return Err(LedgerError::RootMismatch { object, size });
        }
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }
}

/// Entries in order.
pub struct Entries<'a> {
    tiles: Tiles<'a>,
    next: u64,
    end: u64,
    /// What is left of the bundle or batch that was read last.
    held: vec::IntoIter<Vec<u8>>,
}

impl Entries<'_> {
    /// Reads what has the next entry in it.
    fn fetch(&mut self) -> Result<()> {
        let log = self.tiles.log;
        let (start, entries) = if self.next < log.signed.size {
            let index = self.next / TILE_WIDTH as u64;
            (index * TILE_WIDTH as u64, self.tiles.bundle(index)?)
        } else {
            self.tail_batch()?
        };
        self.held = entries.into_iter();
        // The first of what was read may lie before the next.
        if let Some(before) = (self.next - start).checked_sub(1) {
            self.held.nth(before as usize);
        }
        Ok(())
    }

    /// The batch that has the next entry, which no checkpoint covers, and where it starts.
    fn tail_batch(&self) -> Result<(u64, Vec<Vec<u8>>)> {
        let log = self.tiles.log;
        let after = log.tail.partition_point(|batch| batch.start <= self.next);
        let Some(tail) = after.checked_sub(1).and_then(|i| log.tail.get(i)) else {
            return Err(LedgerError::OutOfRange { index: self.next, size: self.end });
        };
        let object = log.layout.batch(tail.start);
        let bytes = read_needed(log.store.as_ref(), &object, MAX_BATCH_BYTES, self.end)?;
        if Hash::of_bytes(&bytes) != tail.digest {
            return Err(LedgerError::RootMismatch { object, size: self.end });
        }
        let entries = batch::entries(&bytes, tail.count).map_err(LedgerError::damaged(&object))?;
        Ok((tail.start, entries.into_iter().map(<[u8]>::to_vec).collect()))
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Recorded>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        if self.held.len() == 0
            && let Err(error) = self.fetch()
        {
            self.end = self.next;
            return Some(Err(error));
        }
        let bytes = self.held.next()?;
        let index = self.next;
        self.next += 1;
        Some(Ok(Recorded { index, bytes }))
    }
}
