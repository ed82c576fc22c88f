//! Going through a snapshot's tree in order, or looking one path up, with a few frames of
//! memory. Levels fall by one at each step and paths stay inside what the parent said, so no
//! tree, however hostile, makes a walk without end.

use super::SnapshotReader;
use super::frames::FrameBuffers;
use crate::error::{Malformed, Result, VaultError};
use crate::id::ChunkId;
use crate::tree::entry::{Content, Entry};
use crate::tree::list;
use crate::tree::name::compare;
use crate::tree::node::{Child, MAX_NODE_BYTES, Node, Root};

/// Says of a range of paths (from the first, to below the second) whether anything in it is wanted.
pub type Wanted<'w> = &'w dyn Fn(Option<&[u8]>, Option<&[u8]>) -> bool;

/// Frames that a walk keeps: a leaf's, its parents', a chunk list's.
const KEPT_FRAMES: usize = 3;

/// Reads chunks one by one, and remembers the frames they came in.
pub struct ChunkCursor<'r> {
    reader: &'r SnapshotReader,
    /// The most recently used last.
    kept: Vec<(u32, FrameBuffers)>,
}

impl<'r> ChunkCursor<'r> {
    pub fn new(reader: &'r SnapshotReader) -> Self {
        Self { reader, kept: Vec::new() }
    }

    pub fn chunk(&mut self, id: &ChunkId) -> Result<&[u8]> {
        let place = self.reader.place(id)?;
        let at = self.kept.iter().position(|(frame, _)| *frame == place.frame);
        let slot = if let Some(at) = at {
            self.kept.remove(at)
        } else {
            let mut buffers =
                if self.kept.len() < KEPT_FRAMES { FrameBuffers::default() } else { self.kept.remove(0).1 };
            self.reader.read_frame(place.frame, &mut buffers)?;
            (place.frame, buffers)
        };
        self.kept.push(slot);
        let (_, buffers) = &self.kept[self.kept.len() - 1];
        self.reader.chunk_in(id, place, &buffers.plain)
    }

    pub(super) fn node(&mut self, id: &ChunkId, level: u8, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<Node> {
        let bytes = self.chunk(id)?;
        if bytes.len() > MAX_NODE_BYTES {
            return Err(Malformed::new("tree node", "it has more than 1 MiB").into());
        }
        Ok(Node::parse(bytes, level, from, to)?)
    }

    /// Calls `each` with the ids of a file's content, in order, lists replaced by what they
    /// hold. Fails if they would be more than a file of that size can have.
    pub fn content_ids(&mut self, content: &Content, each: &mut dyn FnMut(ChunkId) -> Result<()>) -> Result<()> {
        let mut left = content.size;
        for id in &content.chunks {
            self.expand(*id, content.depth, &mut left, each)?;
        }
        Ok(())
    }

    fn expand(
        &mut self,
        id: ChunkId,
        depth: u8,
        left: &mut u64,
        each: &mut dyn FnMut(ChunkId) -> Result<()>,
    ) -> Result<()> {
        if depth == 0 {
            // Every chunk has a byte or more, so a size bounds the number of chunks.
            *left = left.checked_sub(1).ok_or_else(|| Malformed::new("file", "it has more chunks than bytes"))?;
            return each(id);
        }
        let ids: Vec<ChunkId> = list::parse(self.chunk(&id)?)?.iter().map(|id| ChunkId(*id)).collect();
        ids.into_iter().try_for_each(|id| self.expand(id, depth - 1, left, each))
    }

    /// Calls `each` with every entry in order. `wanted` says of a range of paths (from the
    /// first, to below the second) whether anything in it is: what is not is not read.
    pub fn walk(
        &mut self,
        root: Option<Root>,
        wanted: Wanted,
        each: &mut dyn FnMut(Entry) -> Result<()>,
    ) -> Result<()> {
        match root {
            Some(root) => self.walk_node(&root.root, root.level, None, None, wanted, each),
            None => Ok(()),
        }
    }

    fn walk_node(
        &mut self,
        id: &ChunkId,
        level: u8,
        from: Option<&[u8]>,
        to: Option<&[u8]>,
        wanted: Wanted,
        each: &mut dyn FnMut(Entry) -> Result<()>,
    ) -> Result<()> {
        match self.node(id, level, from, to)? {
            Node::Leaf(entries) => entries.into_iter().try_for_each(each),
            Node::Inner(children) => {
                for (child, to) in with_ends(&children, to) {
                    if wanted(Some(&child.first), to) {
                        self.walk_node(&child.node, level - 1, Some(&child.first), to, wanted, each)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// The entry at `path`.
    pub fn find(&mut self, root: Option<Root>, path: &[u8]) -> Result<Option<Entry>> {
        let mut found = None;
        let wanted = |from: Option<&[u8]>, to: Option<&[u8]>| {
            from.is_none_or(|from| compare(from, path).is_le()) && to.is_none_or(|to| compare(path, to).is_lt())
        };
        self.walk(root, &wanted, &mut |entry| {
            if entry.path == path {
                found = Some(entry);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Leaves and inner nodes in order, for those who count references: level, id and bytes.
    pub fn nodes(&mut self, root: Option<Root>, each: &mut dyn FnMut(u8, ChunkId, &Node) -> Result<()>) -> Result<()> {
        match root {
            Some(root) => self.visit_nodes(&root.root, root.level, None, None, each),
            None => Ok(()),
        }
    }

    fn visit_nodes(
        &mut self,
        id: &ChunkId,
        level: u8,
        from: Option<&[u8]>,
        to: Option<&[u8]>,
        each: &mut dyn FnMut(u8, ChunkId, &Node) -> Result<()>,
    ) -> Result<()> {
        let node = self.node(id, level, from, to)?;
        each(level, *id, &node)?;
        if let Node::Inner(children) = &node {
            for (child, to) in with_ends(children, to) {
                self.visit_nodes(&child.node, level - 1, Some(&child.first), to, each)?;
            }
        }
        Ok(())
    }
}

/// Each child with the path before which its part ends.
pub(super) fn with_ends<'c>(
    children: &'c [Child],
    to: Option<&'c [u8]>,
) -> impl Iterator<Item = (&'c Child, Option<&'c [u8]>)> {
    let ends = children.iter().skip(1).map(|child| Some(&*child.first)).chain([to]);
    children.iter().zip(ends)
}

/// What a missing or damaged chunk means for a caller that can go on without it.
pub fn is_damage(error: &VaultError) -> bool {
    use crate::store::StoreError;
    matches!(
        error,
        VaultError::MissingChunk { .. }
            | VaultError::DamagedChunk { .. }
            | VaultError::Object { .. }
            | VaultError::HashMismatch { .. }
            | VaultError::Malformed(_)
            | VaultError::Store(
                StoreError::NotFound { .. } | StoreError::OutOfRange { .. } | StoreError::TooLarge { .. }
            )
    )
}
