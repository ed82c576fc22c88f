//! Chunk lists: a file of many chunks has its ids stored as chunks, and the ids of those, until
//! few enough are left for its line. Built as the ids come, in memory that does not grow with
//! their number.

use super::entry::{MAX_INLINE_CHUNKS, MAX_LIST_DEPTH};
use crate::error::{Malformed, Result};
use crate::id::ChunkId;

const MAX_LIST_IDS: usize = 1024;

/// Stores a list and says its id.
pub type Store<'s> = &'s mut dyn FnMut(&[u8]) -> Result<ChunkId>;

#[derive(Default)]
struct Level {
    /// All ids so far, while they fit a line.
    few: Vec<ChunkId>,
    /// Once they do not: the list being filled.
    list: Option<Vec<u8>>,
}

#[derive(Default)]
pub struct ListBuilder {
    levels: Vec<Level>,
}

impl ListBuilder {
    pub fn push(&mut self, id: ChunkId, store: Store) -> Result<()> {
        self.push_at(0, id, store)
    }

    fn push_at(&mut self, at: usize, id: ChunkId, store: Store) -> Result<()> {
        if at > usize::from(MAX_LIST_DEPTH) {
            return Err(Malformed::new("file", "it has too many chunks").into());
        }
        if self.levels.len() == at {
            self.levels.push(Level::default());
        }
        let level = &mut self.levels[at];
        if level.list.is_none() {
            if level.few.len() < MAX_INLINE_CHUNKS {
                level.few.push(id);
                return Ok(());
            }
            level.list = Some(Vec::new());
            for id in std::mem::take(&mut level.few) {
                self.append(at, id, store)?;
            }
        }
        self.append(at, id, store)
    }

    fn append(&mut self, at: usize, id: ChunkId, store: Store) -> Result<()> {
        let list = self.levels[at].list.get_or_insert_default();
        list.extend_from_slice(&id.0);
        // Ids are random: their last byte ends a list every 256 ids, and at the same ids again
        // tomorrow.
        if id.0[ChunkId::LEN - 1] == 0 || list.len() == MAX_LIST_IDS * ChunkId::LEN {
            let list = std::mem::take(list);
            let above = store(&list)?;
            self.push_at(at + 1, above, store)?;
        }
        Ok(())
    }

    /// What the file's line holds, and how many times it must be replaced by what it names.
    pub fn finish(mut self, store: Store) -> Result<(Vec<ChunkId>, u8)> {
        let mut at = 0;
        while at < self.levels.len() {
            match self.levels[at].list.take() {
                None => return Ok((std::mem::take(&mut self.levels[at].few), at as u8)),
                Some(list) if !list.is_empty() => {
                    let above = store(&list)?;
                    self.push_at(at + 1, above, store)?;
                }
                Some(_) => {}
            }
            at += 1;
        }
        Ok((Vec::new(), 0))
    }
}

/// The ids that a list chunk holds.
pub fn parse(bytes: &[u8]) -> std::result::Result<&[[u8; ChunkId::LEN]], Malformed> {
    match bytes.as_chunks() {
        (ids, []) if ids.len() <= MAX_LIST_IDS && !ids.is_empty() => Ok(ids),
        _ => Err(Malformed::new("chunk list", "it is not whole ids, or too many")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::chunk_id;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn expand(ids: &[ChunkId], depth: u8, stored: &HashMap<ChunkId, Vec<u8>>) -> Vec<ChunkId> {
        if depth == 0 {
            return ids.to_vec();
        }
        ids.iter()
            .flat_map(|id| {
                let below: Vec<_> = parse(&stored[id]).unwrap().iter().map(|id| ChunkId(*id)).collect();
                expand(&below, depth - 1, stored)
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]
        #[test]
        fn lists_come_back(count in prop_oneof![0u32..200, 0u32..60_000]) {
            let ids: Vec<_> = (0..count).map(|n| chunk_id(&[1; 32], &n.to_le_bytes())).collect();
            let mut stored = HashMap::new();
            let mut builder = ListBuilder::default();
            let mut store = |list: &[u8]| {
                let id = chunk_id(&[1; 32], list);
                stored.insert(id, list.to_vec());
                Ok(id)
            };
            for id in &ids {
                builder.push(*id, &mut store).unwrap();
            }
            let (top, depth) = builder.finish(&mut store).unwrap();
            prop_assert!(top.len() <= MAX_INLINE_CHUNKS);
            prop_assert_eq!(depth == 0, ids.len() <= MAX_INLINE_CHUNKS);
            prop_assert_eq!(expand(&top, depth, &stored), ids);
        }
    }
}
