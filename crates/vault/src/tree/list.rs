//! Chunk lists: a file of many chunks has its ids stored as chunks, and the ids of those, until
//! few enough are left for its line.

use super::entry::{MAX_INLINE_CHUNKS, MAX_LIST_DEPTH};
use crate::error::{Malformed, Result};
use crate::id::ChunkId;

const MAX_LIST_IDS: usize = 1024;

/// Stores `ids` as lists by `store`, which says the id of one; returns what the file's line
/// holds, and how deep.
pub fn build(mut ids: Vec<ChunkId>, mut store: impl FnMut(&[u8]) -> Result<ChunkId>) -> Result<(Vec<ChunkId>, u8)> {
    let mut depth = 0;
    while ids.len() > MAX_INLINE_CHUNKS {
        let mut above = Vec::new();
        let mut list = Vec::with_capacity(MAX_LIST_IDS * ChunkId::LEN);
        for (n, id) in ids.iter().enumerate() {
            list.extend_from_slice(&id.0);
            // Ids are random: their last byte ends a list every 256 ids, at the same ids again
            // tomorrow.
            let ends = id.0[ChunkId::LEN - 1] == 0 || list.len() == MAX_LIST_IDS * ChunkId::LEN;
            if ends || n + 1 == ids.len() {
                above.push(store(&list)?);
                list.clear();
            }
        }
        ids = above;
        depth += 1;
    }
    if depth > MAX_LIST_DEPTH {
        return Err(Malformed::new("file", "it has too many chunks").into());
    }
    Ok((ids, depth))
}

/// The ids that a list chunk holds.
pub fn parse(bytes: &[u8]) -> std::result::Result<&[[u8; ChunkId::LEN]], Malformed> {
    match bytes.as_chunks() {
        (ids, []) if ids.len() <= MAX_LIST_IDS && !ids.is_empty() => Ok(ids),
        _ => Err(Malformed::new("chunk list", "it is not whole ids, or too many")),
    }
}
