//! How much a run writes afresh out of packs that the site avoids: never more than was allowed,
//! whatever the site's list says.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use pulih_vault::chunk_map::IdHasher;
use pulih_vault::id::ChunkId;

use super::again::Wanted;

/// What is left of a run's limit. All in bytes of chunks.
#[derive(Debug)]
pub struct Rewriting {
    limit: u64,
    spent: u64,
    /// Chunks that are being read again, and how much room they may take when they come.
    coming: HashSet<ChunkId, BuildHasherDefault<IdHasher>>,
    coming_bytes: u64,
    /// Read again, and not what was saved. Bounded too: a disk that went bad is not read through in
    /// each run.
    in_vain: u64,
}

impl Rewriting {
    pub fn within(limit: u64) -> Self {
        Self { limit, spent: 0, coming: HashSet::default(), coming_bytes: 0, in_vain: 0 }
    }

    pub fn is_on(&self) -> bool {
        self.limit > 0
    }

    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Takes room for a chunk that is at hand.
    pub fn spend(&mut self, bytes: u64) -> bool {
        let fits = self.spent + bytes <= self.limit;
        if fits {
            self.spent += bytes;
        }
        fits
    }

    /// Whether nothing more will be read again for as long as nothing comes back.
    pub fn is_full(&self) -> bool {
        self.in_vain >= self.limit || self.spent + self.coming_bytes >= self.limit
    }

    /// Takes room for a chunk that is to be read; not if another file brings it already.
    pub fn expect(&mut self, wanted: &Wanted) -> bool {
        let len = u64::from(wanted.len);
        if self.is_full() || self.spent + self.coming_bytes + len > self.limit || !self.coming.insert(wanted.id) {
            return false;
        }
        self.coming_bytes += len;
        true
    }

    /// A file was read again: what was expected of it has come or never will.
    pub fn came(&mut self, wanted: &[Wanted], in_vain: u64) {
        for its in wanted {
            self.coming.remove(&its.id);
            self.coming_bytes -= u64::from(its.len);
        }
        self.in_vain += in_vain;
    }
}
