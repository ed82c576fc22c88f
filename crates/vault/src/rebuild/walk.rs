//! From a tree's root to every chunk below it, counting references by pack as a reach has them.
//! What is missing is noted, and the walk goes on beside it.

use std::collections::BTreeMap;

use crate::check::is_ours;
use crate::error::{Malformed, Result, VaultError};
use crate::id::{ChunkId, ObjectHash};
use crate::reader::SnapshotReader;
use crate::reader::walk::ChunkCursor;
use crate::tree::entry::{Content, Entry};
use crate::tree::list;
use crate::tree::name::escape;
use crate::tree::node::{MAX_NODE_BYTES, Node, Root};

/// Missing parts that are named; more are counted.
const NAMED: usize = 20;

pub struct Tally<'r> {
    reader: &'r SnapshotReader,
    nodes: ChunkCursor<'r>,
    lists: ChunkCursor<'r>,
    /// Bytes of chunks, once for each reference, by pack.
    pub live: BTreeMap<ObjectHash, u64>,
    pub missing: Vec<String>,
    pub missing_count: u64,
}

impl<'r> Tally<'r> {
    pub fn new(reader: &'r SnapshotReader) -> Self {
        Self {
            reader,
            nodes: ChunkCursor::new(reader),
            lists: ChunkCursor::new(reader),
            live: BTreeMap::new(),
            missing: Vec::new(),
            missing_count: 0,
        }
    }

    pub fn tree(&mut self, root: Option<Root>) -> Result<()> {
        match root {
            Some(root) => self.node(root.root, root.level, (None, None)),
            None => Ok(()),
        }
    }

    /// Notes what an error cost, unless the error is this machine's.
    fn lose(&mut self, path: &[u8], error: VaultError) -> Result<()> {
        if is_ours(&error) {
            return Err(error);
        }
        self.missing_count += 1;
        if self.missing.len() < NAMED {
            let path = if path.is_empty() { "the whole tree".to_owned() } else { escape(path) };
            self.missing.push(format!("{path}: {error}"));
        }
        Ok(())
    }

    fn node(&mut self, id: ChunkId, level: u8, (from, to): (Option<&[u8]>, Option<&[u8]>)) -> Result<()> {
        match self.read_node(&id, level, (from, to)) {
            Err(error) => self.lose(from.unwrap_or_default(), error),
            Ok(Node::Leaf(entries)) => entries.iter().try_for_each(|entry| self.entry(entry)),
            Ok(Node::Inner(children)) => {
                for (at, child) in children.iter().enumerate() {
                    let end = children.get(at + 1).map_or(to, |next| Some(&next.first));
                    self.node(child.node, level - 1, (Some(&child.first), end))?;
                }
                Ok(())
            }
        }
    }

    fn read_node(&mut self, id: &ChunkId, level: u8, (from, to): (Option<&[u8]>, Option<&[u8]>)) -> Result<Node> {
        self.count(id)?;
        let bytes = self.nodes.chunk(id)?;
        if bytes.len() > MAX_NODE_BYTES {
            return Err(Malformed::new("tree node", "it has more than 1 MiB").into());
        }
        Ok(Node::parse(bytes, level, from, to)?)
    }

    /// Counts a reference to a chunk and says its length.
    fn count(&mut self, id: &ChunkId) -> Result<u64> {
        let place = self.reader.place(id)?;
        *self.live.entry(self.reader.pack_of(place.frame)).or_default() += u64::from(place.len);
        Ok(u64::from(place.len))
    }

    fn entry(&mut self, entry: &Entry) -> Result<()> {
        let Some(content) = entry.content() else { return Ok(()) };
        match self.content(content) {
            Err(error) => self.lose(&entry.path, error),
            Ok(()) => Ok(()),
        }
    }

    fn content(&mut self, content: &Content) -> Result<()> {
        let mut left = content.size;
        content.chunks.iter().try_for_each(|id| self.expand(id, content.depth, &mut left))
    }

    fn expand(&mut self, id: &ChunkId, depth: u8, left: &mut u64) -> Result<()> {
        let len = self.count(id)?;
        if depth == 0 {
            // Every chunk has a byte or more: so hostile lists come to an end.
            let more = || Malformed::new("file", "it has more chunks than bytes");
            *left = left.checked_sub(len).ok_or_else(more)?;
            return Ok(());
        }
        let ids: Vec<ChunkId> = list::parse(self.lists.chunk(id)?)?.iter().map(|id| ChunkId(*id)).collect();
        ids.iter().try_for_each(|id| self.expand(id, depth - 1, left))
    }
}
