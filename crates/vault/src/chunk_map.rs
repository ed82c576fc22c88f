//! Chunk map: from a chunk's id to where it lies, for any number of chunks in bounded memory.
//!
//! New entries gather in memory; past a limit they are sorted and spilled to a segment file.
//! Ids are uniformly random, so a lookup reads one block of each segment. What a map holds can
//! always be made again from index objects: a damaged segment is an error, never an answer.

mod segment;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};

pub use segment::{RECORD_BYTES, Segment};

use crate::error::{Result, VaultError};
use crate::id::ChunkId;

/// Where a chunk lies: which frame (by the map owner's numbering), and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub frame: u32,
    pub offset: u32,
    pub len: u32,
}

/// Ids are output of a keyed hash: eight of their bytes are as good as any hash of them.
#[derive(Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some((head, _)) = bytes.split_first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*head);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

pub type IdHashMap<V> = HashMap<ChunkId, V, BuildHasherDefault<IdHasher>>;

/// Entries kept in memory before they are spilled: about 24 MiB.
pub const SPILL_AT: usize = 400_000;
/// Segments before some are merged.
const MERGE_AT: usize = 8;

pub struct ChunkMap {
    folder: PathBuf,
    segments: Vec<Segment>,
    fresh: IdHashMap<Place>,
    spill_at: usize,
    next_file: u64,
}

impl ChunkMap {
    /// An empty map that keeps its segments in `folder`, which exists and is its own.
    pub fn new(folder: &Path, spill_at: usize) -> Self {
        Self { folder: folder.to_owned(), segments: Vec::new(), fresh: IdHashMap::default(), spill_at, next_file: 0 }
    }

    /// A map of the segments that [`Self::persist`] named.
    pub fn open(folder: &Path, names: &[String], spill_at: usize) -> Result<Self> {
        let mut map = Self::new(folder, spill_at);
        for name in names {
            map.segments.push(Segment::open(&folder.join(name))?);
            let number = name.strip_prefix("segment-").and_then(|n| n.parse::<u64>().ok());
            map.next_file = map.next_file.max(number.map_or(0, |n| n + 1));
        }
        Ok(map)
    }

    pub fn get(&self, id: &ChunkId) -> Result<Option<Place>> {
        if let Some(place) = self.fresh.get(id) {
            return Ok(Some(*place));
        }
        for segment in self.segments.iter().rev() {
            if let Some(place) = segment.get(id)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Adds an entry. Of two for one id the later is found.
    pub fn insert(&mut self, id: ChunkId, place: Place) -> Result<()> {
        self.fresh.insert(id, place);
        if self.fresh.len() >= self.spill_at {
            self.spill()?;
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.segments.is_empty()
    }

    fn new_file(&mut self) -> PathBuf {
        let path = self.folder.join(format!("segment-{:08}", self.next_file));
        self.next_file += 1;
        path
    }

    fn spill(&mut self) -> Result<()> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        let mut records: Vec<(ChunkId, Place)> = self.fresh.drain().collect();
        self.fresh.shrink_to(self.spill_at);
        records.sort_unstable_by_key(|(id, _)| *id);
        let path = self.new_file();
        let segment = Segment::write(&path, records.into_iter().map(Ok))?;
        self.segments.push(segment);
        if self.segments.len() > MERGE_AT {
            self.merge()?;
        }
        Ok(())
    }

    /// Merges the newest segments that are together no smaller than the one before them, so
    /// that sizes fall geometrically and each record is rewritten a logarithmic number of times.
    fn merge(&mut self) -> Result<()> {
        let mut from = self.segments.len() - 1;
        let mut sum = self.segments[from].records();
        while from > 0 && self.segments[from - 1].records() <= 2 * sum {
            from -= 1;
            sum += self.segments[from].records();
        }
        let from = from.min(self.segments.len() - 2);
        let path = self.new_file();
        let merged = segment::merge(&path, &self.segments[from..])?;
        self.segments.truncate(from);
        self.segments.push(merged);
        Ok(())
    }

    /// Puts everything into segment files, synced, and returns their names for [`Self::open`].
    /// Other segment files in the folder are left over from before and may be removed once the
    /// names are on record.
    pub fn persist(&mut self) -> Result<Vec<String>> {
        self.spill()?;
        self.segments
            .iter_mut()
            .map(|segment| {
                segment.sync()?;
                let name = segment.path().file_name().and_then(|name| name.to_str());
                Ok(name.unwrap_or_default().to_owned())
            })
            .collect()
    }

    /// Removes segment files that this map does not use.
    pub fn remove_leftovers(&self) -> Result<()> {
        let action = || format!("tidy {}", self.folder.display());
        for entry in std::fs::read_dir(&self.folder).map_err(VaultError::local(action()))? {
            let path = entry.map_err(VaultError::local(action()))?.path();
            let is_segment = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("segment-"));
            if is_segment && !self.segments.iter().any(|segment| segment.path() == path) {
                std::fs::remove_file(&path).map_err(VaultError::local(action()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: u32) -> ChunkId {
        let mut out = [0; 24];
        out.copy_from_slice(&blake3::hash(&n.to_le_bytes()).as_bytes()[..24]);
        ChunkId(out)
    }

    fn place(n: u32) -> Place {
        Place { frame: n / 50, offset: n % 50, len: n }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 16))]
        #[test]
        fn what_went_in_is_found(count in 1u32..4000, spill_at in 3usize..500, reopen in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            let mut map = ChunkMap::new(folder.path(), spill_at);
            for n in 0..count {
                map.insert(id(n), place(n)).unwrap();
            }
            map.insert(id(0), place(7)).unwrap();
            if reopen {
                let names = map.persist().unwrap();
                map.remove_leftovers().unwrap();
                map = ChunkMap::open(folder.path(), &names, spill_at).unwrap();
            }
            for n in 1..count {
                prop_assert_eq!(map.get(&id(n)).unwrap(), Some(place(n)));
            }
            prop_assert_eq!(map.get(&id(0)).unwrap(), Some(place(7)));
            prop_assert_eq!(map.get(&id(count)).unwrap(), None);
        }
    }

    #[test]
    fn a_damaged_segment_is_an_error_and_not_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let mut map = ChunkMap::new(folder.path(), 1000);
        (0..500).for_each(|n| map.insert(id(n), place(n)).unwrap());
        let names = map.persist().unwrap();
        let path = folder.path().join(&names[0]);
        let good = std::fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(97) {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            let damaged = ChunkMap::open(folder.path(), &names, 1000)
                .and_then(|map| (0..500).try_for_each(|n| map.get(&id(n)).map(|_| ())));
            assert!(damaged.is_err(), "byte {at}");
        }
    }
}
