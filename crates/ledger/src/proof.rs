//! Proofs of RFC 6962, 2.1.1 and 2.1.2: that an entry is in a tree, and that a tree goes on from an older one. They
//! are made from tiles, and checked from hashes alone, by whoever has no more than two roots.

use crate::edge::{TILE_WIDTH, subtree_root};
use crate::error::{LedgerError, Result};
use crate::hash::Hash;
use crate::log::Log;
use crate::read::Tiles;

/// Bits of an index within a tile.
const TILE_BITS: u32 = TILE_WIDTH.trailing_zeros();
/// Most hashes of a proof: C2SP tlog-witness takes no more.
pub const MAX_PROOF_HASHES: usize = 63;

/// Hashes from the leaves up, as RFC 6962 orders them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof(pub Vec<Hash>);

/// Why a proof shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    #[error("there is no such proof for a tree of {size} entries")]
    Range { size: u64 },
    #[error("it has too many or too few hashes for these sizes")]
    Length,
    #[error("its hashes do not lead to the root")]
    Root,
}

/// A complete subtree: the `2^bits` leaves from `index * 2^bits` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    pub bits: u32,
    pub index: u64,
}

impl Subtree {
    /// Its root, from the tile that has it: `row` gives the hashes of a tile of a level, by its number.
    pub fn root_in<E>(
        self,
        row: impl FnOnce(usize, u64) -> std::result::Result<Vec<Hash>, E>,
    ) -> std::result::Result<Option<Hash>, E> {
        let (level, bits) = ((self.bits / TILE_BITS) as usize, self.bits % TILE_BITS);
        let first = self.index << bits;
        let hashes = row(level, first / TILE_WIDTH as u64)?;
        let at = (first % TILE_WIDTH as u64) as usize;
        Ok(hashes.get(at..at + (1 << bits)).map(subtree_root))
    }
}

/// The largest power of two below `count`, which is 2 or more.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Root of the leaves `start..end`, of which `start` is where a subtree can begin: complete subtrees, larger ones
/// first, joined from the right.
fn range_root<E>(
    start: u64,
    end: u64,
    node: &mut dyn FnMut(Subtree) -> std::result::Result<Hash, E>,
) -> std::result::Result<Hash, E> {
    let (mut end, mut root) = (end, None);
    while end > start {
        let bits = (end - start).trailing_zeros();
        end -= 1 << bits;
        let left = node(Subtree { bits, index: end >> bits })?;
        root = Some(root.map_or(left, |right| Hash::of_node(&left, &right)));
    }
    Ok(root.unwrap_or_else(Hash::of_empty_tree))
}

/// That entry `index` is in the tree of `size` entries, which is larger. `node` gives the roots of complete subtrees.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    node: &mut dyn FnMut(Subtree) -> std::result::Result<Hash, E>,
) -> std::result::Result<Proof, E> {
    let (mut start, mut end, mut down) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            down.push(range_root(middle, end, node)?);
            end = middle;
        } else {
            down.push(range_root(start, middle, node)?);
            start = middle;
        }
    }
    down.reverse();
    Ok(Proof(down))
}

/// That the tree of `size` entries goes on from that of `old`, which is not larger.
pub fn consistency<E>(
    old: u64,
    size: u64,
    node: &mut dyn FnMut(Subtree) -> std::result::Result<Hash, E>,
) -> std::result::Result<Proof, E> {
    if old == 0 || old >= size {
        return Ok(Proof::default());
    }
    let (mut start, mut end, mut down) = (0, size, Vec::new());
    while old < end {
        let middle = start + split(end - start);
        if old <= middle {
            down.push(range_root(middle, end, node)?);
            end = middle;
        } else {
            down.push(range_root(start, middle, node)?);
            start = middle;
        }
    }
    // A subtree that is the whole old tree is known to whoever checks.
    if start > 0 {
        down.push(range_root(start, end, node)?);
    }
    down.reverse();
    Ok(Proof(down))
}

/// Whether a leaf is entry `index` of the tree with this size and root.
pub fn check_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    root: Hash,
    proof: &Proof,
) -> std::result::Result<(), BadProof> {
    if index >= size {
        return Err(BadProof::Range { size });
    }
    let mut climb = Climb { at: index, last: size - 1 };
    let mut hash = leaf;
    for step in &proof.0 {
        hash = match climb.step()? {
            Side::Left => Hash::of_node(step, &hash),
            Side::Right => Hash::of_node(&hash, step),
        };
    }
    climb.end()?;
    if hash == root { Ok(()) } else { Err(BadProof::Root) }
}

/// Whether the tree `new`, a size and a root, begins with all that was in the tree `old`.
pub fn check_consistency(old: (u64, Hash), new: (u64, Hash), proof: &Proof) -> std::result::Result<(), BadProof> {
    let ((old_size, old_root), (size, root)) = (old, new);
    if old_size > size {
        return Err(BadProof::Range { size });
    }
    if old_size == 0 || old_size == size {
        let known = if old_size == 0 { Hash::of_empty_tree() } else { root };
        let is_known = old_root == known && (size > 0 || root == known);
        return match (is_known, proof.0.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(BadProof::Length),
            (false, _) => Err(BadProof::Root),
        };
    }
    let shift = (old_size - 1).trailing_ones();
    let mut climb = Climb { at: (old_size - 1) >> shift, last: (size - 1) >> shift };
    let mut steps = proof.0.iter();
    // The old tree is itself a subtree of the new one, if it is complete.
    let first = if old_size.is_power_of_two() { &old_root } else { steps.next().ok_or(BadProof::Length)? };
    let (mut before, mut now) = (*first, *first);
    for step in steps {
        match climb.step()? {
            Side::Left => (before, now) = (Hash::of_node(step, &before), Hash::of_node(step, &now)),
            Side::Right => now = Hash::of_node(&now, step),
        }
    }
    climb.end()?;
    if before == old_root && now == root { Ok(()) } else { Err(BadProof::Root) }
}

/// Where a hash of a proof stands beside what was come to so far.
enum Side {
    Left,
    Right,
}

/// From a node up to the root: the node's number on its level, and that of the level's last one.
struct Climb {
    at: u64,
    last: u64,
}

impl Climb {
    fn step(&mut self) -> std::result::Result<Side, BadProof> {
        if self.last == 0 {
            return Err(BadProof::Length);
        }
        let side = if self.at & 1 == 1 || self.at == self.last { Side::Left } else { Side::Right };
        if matches!(side, Side::Left) {
            // A last node without a sibling stands for itself further up.
            let alone = if self.at == 0 { 0 } else { self.at.trailing_zeros() };
            self.at >>= alone;
            self.last >>= alone;
        }
        self.at >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    fn end(self) -> std::result::Result<(), BadProof> {
        if self.last == 0 { Ok(()) } else { Err(BadProof::Length) }
    }
}

impl Log {
    /// That entry `index` is in the tree of `size` entries, which a checkpoint covers.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Proof> {
        if index >= size {
            return Err(LedgerError::OutOfRange { index, size });
        }
        self.prove(size, |node| inclusion(index, size, node))
    }

    /// That the tree of `size` entries, which a checkpoint covers, goes on from that of `old`.
    pub fn prove_consistency(&self, old: u64, size: u64) -> Result<Proof> {
        if old > size {
            return Err(LedgerError::OutOfRange { index: old, size });
        }
        self.prove(size, |node| consistency(old, size, node))
    }

    fn prove(
        &self,
        size: u64,
        make: impl FnOnce(&mut dyn FnMut(Subtree) -> Result<Hash>) -> Result<Proof>,
    ) -> Result<Proof> {
        let signed = self.checkpoint().size;
        if size > signed {
            return Err(LedgerError::OutOfRange { index: size, size: signed });
        }
        let mut tiles = Tiles::of(self);
        make(&mut |subtree: Subtree| {
            let root = subtree.root_in(|level, index| tiles.row(level, index).map(<[Hash]>::to_vec))?;
            root.ok_or(LedgerError::OutOfRange { index: subtree.index << subtree.bits, size: signed })
        })
    }
}
