//! Builds the tree of a snapshot from entries that come in order, in memory that does not grow
//! with their number.

use super::node::{Boundaries, Child, MAX_LEVEL, Root};
use crate::error::{Malformed, Result};
use crate::id::ChunkId;

/// Takes finished nodes: stores one and says its id.
pub trait NodeSink {
    fn node(&mut self, level: u8, bytes: &[u8]) -> Result<ChunkId>;
}

#[derive(Default, Clone)]
struct Level {
    bytes: Vec<u8>,
    lines: usize,
    first: Vec<u8>,
    entries: u64,
}

/// A leaf that has just ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedLeaf {
    pub id: ChunkId,
    pub bytes: u32,
}

#[derive(Clone)]
pub struct TreeBuilder {
    boundaries: Boundaries,
    levels: Vec<Level>,
}

impl TreeBuilder {
    pub fn new(boundaries: Boundaries) -> Self {
        Self { boundaries, levels: vec![Level::default()] }
    }

    /// Whether the next entry begins a leaf.
    pub fn at_leaf_start(&self) -> bool {
        self.levels[0].lines == 0
    }

    /// Adds an entry's line. Says so if a leaf ends with it.
    pub fn push(&mut self, path: &[u8], line: &[u8], sink: &mut dyn NodeSink) -> Result<Option<EndedLeaf>> {
        self.add(0, path, path, line, 1, sink)
    }

    /// Adds a whole leaf that is stored already; only at the start of a leaf, and only one that
    /// ended by the rule of [`Boundaries`].
    pub fn push_leaf(&mut self, leaf: &Child, sink: &mut dyn NodeSink) -> Result<()> {
        debug_assert!(self.at_leaf_start());
        self.add_child(1, leaf, sink)
    }

    fn add(
        &mut self,
        level: u8,
        first: &[u8],
        path: &[u8],
        line: &[u8],
        entries: u64,
        sink: &mut dyn NodeSink,
    ) -> Result<Option<EndedLeaf>> {
        let node = &mut self.levels[usize::from(level)];
        if node.lines == 0 {
            node.first.clear();
            node.first.extend_from_slice(first);
        }
        node.bytes.extend_from_slice(line);
        node.lines += 1;
        node.entries += entries;
        if self.boundaries.ends_after(level, path, node.lines, node.bytes.len()) {
            self.end_node(level, sink).map(Some)
        } else {
            Ok(None)
        }
    }

    fn add_child(&mut self, level: u8, child: &Child, sink: &mut dyn NodeSink) -> Result<()> {
        if level > MAX_LEVEL {
            return Err(Malformed::new("tree", "it would have more than twelve levels").into());
        }
        if self.levels.len() == usize::from(level) {
            self.levels.push(Level::default());
        }
        self.add(level, &child.first, &child.first, &child.to_line(), child.entries, sink)?;
        Ok(())
    }

    fn end_node(&mut self, level: u8, sink: &mut dyn NodeSink) -> Result<EndedLeaf> {
        let node = &mut self.levels[usize::from(level)];
        let id = sink.node(level, &node.bytes)?;
        let ended = EndedLeaf { id, bytes: node.bytes.len() as u32 };
        let child = Child { first: node.first.clone(), node: id, entries: node.entries };
        node.bytes.clear();
        node.lines = 0;
        node.entries = 0;
        self.add_child(level + 1, &child, sink)?;
        Ok(ended)
    }

    /// Ends the tree: the last leaf, if it had not ended yet, and the root (none if there was
    /// no entry).
    pub fn finish(mut self, sink: &mut dyn NodeSink) -> Result<(Option<EndedLeaf>, Option<Root>)> {
        let mut last = None;
        let mut level = 0;
        loop {
            let node = &self.levels[usize::from(level)];
            let is_top = self.levels.len() == usize::from(level) + 1;
            if level > 0 && is_top && node.lines == 1 {
                // One child is no choice: it is the root itself.
                let root = only_child(&node.bytes, level)?;
                return Ok((last, Some(Root { root, level: level - 1 })));
            }
            if node.lines > 0 {
                let ended = self.end_node(level, sink)?;
                if level == 0 {
                    last = Some(ended);
                }
            } else if is_top {
                return Ok((None, None));
            }
            level += 1;
        }
    }
}

fn only_child(line: &[u8], level: u8) -> Result<ChunkId> {
    match super::node::Node::parse(line, level, None, None)? {
        super::node::Node::Inner(children) => Ok(children[0].node),
        super::node::Node::Leaf(_) => Err(Malformed::new("tree node", "it has no children").into()),
    }
}
