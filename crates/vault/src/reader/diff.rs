//! What differs between two trees. Both are gone through at once, and a node that both have is
//! read in neither: nodes end by their paths, so that an edit changes few of them, and what is
//! read grows with the changes and not with the trees.

use std::cmp::Ordering;

use super::walk::{ChunkCursor, with_ends};
use crate::error::Result;
use crate::id::ChunkId;
use crate::tree::entry::Entry;
use crate::tree::name::compare;
use crate::tree::node::{Node, Root};

/// Where nodes come from.
pub trait Nodes {
    /// The node `id`, whose paths must lie from `from` on and below `to`.
    fn node(&mut self, id: &ChunkId, level: u8, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<Node>;
}

impl Nodes for ChunkCursor<'_> {
    fn node(&mut self, id: &ChunkId, level: u8, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<Node> {
        ChunkCursor::node(self, id, level, from, to)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    Added(Box<Entry>),
    Removed(Box<Entry>),
    /// The same path, before and after.
    Changed(Box<Entry>, Box<Entry>),
}

/// A part of a tree that is still to come: a node that was not read, or an entry.
enum Part {
    Node { id: ChunkId, level: u8, from: Option<Vec<u8>>, to: Option<Vec<u8>> },
    Entry(Box<Entry>),
}

/// One of the trees.
struct Side<N> {
    nodes: N,
    /// The next one last.
    ahead: Vec<Part>,
    read: u64,
}

impl<N: Nodes> Side<N> {
    fn new(nodes: N, root: Option<Root>) -> Self {
        let whole = |root: Root| Part::Node { id: root.root, level: root.level, from: None, to: None };
        Self { nodes, ahead: root.map(whole).into_iter().collect(), read: 0 }
    }

    /// Puts what the next node holds in its place.
    fn expand(&mut self) -> Result<()> {
        let Some(Part::Node { id, level, from, to }) = self.ahead.pop() else { return Ok(()) };
        self.read += 1;
        match self.nodes.node(&id, level, from.as_deref(), to.as_deref())? {
            Node::Leaf(entries) => {
                self.ahead.extend(entries.into_iter().rev().map(|entry| Part::Entry(Box::new(entry))));
            }
            Node::Inner(children) => {
                let parts = with_ends(&children, to.as_deref()).map(|(child, to)| Part::Node {
                    id: child.node,
                    level: level - 1,
                    from: Some(child.first.clone()),
                    to: to.map(<[u8]>::to_vec),
                });
                let at = self.ahead.len();
                self.ahead.extend(parts);
                self.ahead[at..].reverse();
            }
        }
        Ok(())
    }

    fn entry(&mut self) -> Option<Box<Entry>> {
        match self.ahead.pop() {
            Some(Part::Entry(entry)) => Some(entry),
            _ => None,
        }
    }
}

enum Step {
    Skip,
    ExpandFrom,
    ExpandTo,
    ExpandBoth,
    Removed,
    Added,
    SamePath,
}

/// What is to be done with the next parts. An entry is passed on only when no node of the other
/// tree can have its path; of two nodes the one that reaches further up, or begins first, is
/// opened, until both trees stand at the same place.
fn step(from: Option<&Part>, to: Option<&Part>) -> Option<Step> {
    Some(match (from?, to) {
        (Part::Node { .. }, None) => Step::ExpandFrom,
        (Part::Entry(_), None) => Step::Removed,
        (Part::Entry(a), Some(Part::Entry(b))) => match compare(&a.path, &b.path) {
            Ordering::Less => Step::Removed,
            Ordering::Greater => Step::Added,
            Ordering::Equal => Step::SamePath,
        },
        (Part::Entry(entry), Some(Part::Node { from, .. })) => {
            if begins_after(from.as_deref(), &entry.path) {
                Step::Removed
            } else {
                Step::ExpandTo
            }
        }
        (Part::Node { from, .. }, Some(Part::Entry(entry))) => {
            if begins_after(from.as_deref(), &entry.path) {
                Step::Added
            } else {
                Step::ExpandFrom
            }
        }
        (
            Part::Node { id, level, from, to },
            Some(Part::Node { id: other_id, level: other_level, from: other_from, to: other_to }),
        ) => {
            if (id, level) == (other_id, other_level) {
                Step::Skip
            } else if ends_before(to.as_deref(), other_from.as_deref()) {
                Step::ExpandFrom
            } else if ends_before(other_to.as_deref(), from.as_deref()) {
                Step::ExpandTo
            } else {
                match level.cmp(other_level).then(starts(other_from.as_deref(), from.as_deref())) {
                    Ordering::Greater => Step::ExpandFrom,
                    Ordering::Less => Step::ExpandTo,
                    Ordering::Equal => Step::ExpandBoth,
                }
            }
        }
    })
}

fn begins_after(from: Option<&[u8]>, path: &[u8]) -> bool {
    from.is_some_and(|from| compare(path, from).is_lt())
}

fn ends_before(to: Option<&[u8]>, from: Option<&[u8]>) -> bool {
    to.is_some_and(|to| from.is_some_and(|from| compare(to, from).is_le()))
}

/// Which begins first; a root, whose first path is not known, begins before all.
fn starts(a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// The changes from one tree to another, in the order of their paths.
pub struct Diff<A, B> {
    from: Side<A>,
    to: Side<B>,
}

impl<A: Nodes, B: Nodes> Diff<A, B> {
    pub fn new(from: A, from_root: Option<Root>, to: B, to_root: Option<Root>) -> Self {
        Self { from: Side::new(from, from_root), to: Side::new(to, to_root) }
    }

    /// Nodes that were read until now, of both trees.
    pub fn nodes_read(&self) -> u64 {
        self.from.read + self.to.read
    }

    fn advance(&mut self) -> Result<Option<Change>> {
        loop {
            let next = step(self.from.ahead.last(), self.to.ahead.last());
            // Only the second tree has something left.
            let Some(next) = next.or_else(|| match self.to.ahead.last()? {
                Part::Node { .. } => Some(Step::ExpandTo),
                Part::Entry(_) => Some(Step::Added),
            }) else {
                return Ok(None);
            };
            match next {
                Step::Skip => {
                    self.from.ahead.pop();
                    self.to.ahead.pop();
                }
                Step::ExpandFrom => self.from.expand()?,
                Step::ExpandTo => self.to.expand()?,
                Step::ExpandBoth => {
                    self.from.expand()?;
                    self.to.expand()?;
                }
                Step::Removed => return Ok(self.from.entry().map(Change::Removed)),
                Step::Added => return Ok(self.to.entry().map(Change::Added)),
                Step::SamePath => {
                    if let (Some(from), Some(to)) = (self.from.entry(), self.to.entry())
                        && from != to
                    {
                        return Ok(Some(Change::Changed(from, to)));
                    }
                }
            }
        }
    }
}

impl<A: Nodes, B: Nodes> Iterator for Diff<A, B> {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

#[cfg(test)]
mod tests;
