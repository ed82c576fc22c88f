//! Nodes: chunks of JSON lines, and the rule for where one ends.
//!
//! Whether a node ends after a line is decided by a keyed hash of that line's path, so that an
//! edit changes the nodes around it and no others, and nobody without the key can choose names
//! that make nodes large.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::name::{self, compare, escape, unescape};
use crate::error::Malformed;
use crate::id::ChunkId;

/// Most plain bytes of a node that a reader takes.
pub const MAX_NODE_BYTES: usize = 1 << 20;
/// Deepest tree: 32 lines a node and twelve levels are more than any file system holds.
pub const MAX_LEVEL: u8 = 11;
const AVERAGE_LINES: u32 = 32;
const MAX_LINES: usize = 512;
const FULL_BYTES: usize = 64 << 10;

/// Decides where nodes end, by a secret of the vault.
#[derive(Clone)]
pub struct Boundaries {
    key: [u8; 32],
}

impl Boundaries {
    pub fn new(boundary_secret: &[u8; 32]) -> Self {
        Self { key: blake3::derive_key("pulih 2026-11 node boundary v1", boundary_secret) }
    }

    /// Whether a node of `level` that has `lines` lines of `bytes` bytes ends after the line
    /// of `path`.
    pub fn ends_after(&self, level: u8, path: &[u8], lines: usize, bytes: usize) -> bool {
        if lines >= MAX_LINES || bytes >= FULL_BYTES {
            return true;
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&[level]).update(path);
        let hash = *hasher.finalize().as_bytes();
        u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]).is_multiple_of(AVERAGE_LINES)
    }
}

/// The root of a tree: its chunk and its level (0: a leaf).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    pub root: ChunkId,
    pub level: u8,
}

/// A line of an inner node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Path of the first entry below.
    pub first: Vec<u8>,
    pub node: ChunkId,
    /// Entries below.
    pub entries: u64,
}

#[derive(Serialize, Deserialize)]
struct ChildLine<'a> {
    #[serde(borrow)]
    first: Cow<'a, str>,
    node: ChunkId,
    entries: u64,
}

impl Child {
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(&ChildLine {
            first: escape(&self.first).into(),
            node: self.node,
            entries: self.entries,
        })
        .expect("text and numbers are JSON");
        line.push(b'\n');
        line
    }

    fn from_line(line: &[u8]) -> Result<Self, Malformed> {
        let line: ChildLine = serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
        let first = unescape(&line.first)
            .filter(|path| name::is_safe_path(path))
            .ok_or_else(|| bad(format!("{:?} is not a path", line.first)))?;
        Ok(Self { first, node: line.node, entries: line.entries })
    }
}

fn bad(why: impl Into<String>) -> Malformed {
    Malformed::new("tree node", why)
}

/// What a node holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Node {
    Leaf(Vec<Entry>),
    Inner(Vec<Child>),
}

impl Node {
    /// Reads a node of `level`. Its paths ascend strictly, from `from` on and below `to`: the
    /// part of the tree that its parent gave it.
    pub fn parse(bytes: &[u8], level: u8, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<Self, Malformed> {
        if bytes.len() > MAX_NODE_BYTES {
            return Err(bad("it has more than 1 MiB"));
        }
        let lines = bytes.strip_suffix(b"\n").ok_or_else(|| bad("its last line does not end"))?.split(|&b| b == b'\n');
        let node = if level == 0 {
            Self::Leaf(lines.map(Entry::from_line).collect::<Result<_, _>>()?)
        } else {
            Self::Inner(lines.map(Child::from_line).collect::<Result<_, _>>()?)
        };
        node.check_order(from, to)?;
        Ok(node)
    }

    fn check_order(&self, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<(), Malformed> {
        let paths: Vec<&[u8]> = match self {
            Self::Leaf(entries) => entries.iter().map(|e| &*e.path).collect(),
            Self::Inner(children) => children.iter().map(|c| &*c.first).collect(),
        };
        let ascending = paths.windows(2).all(|w| compare(w[0], w[1]).is_lt());
        let starts = from.is_none_or(|from| paths[0] == from);
        let ends = to.is_none_or(|to| compare(paths[paths.len() - 1], to).is_lt());
        if ascending && starts && ends { Ok(()) } else { Err(bad("its paths are not in order")) }
    }
}
