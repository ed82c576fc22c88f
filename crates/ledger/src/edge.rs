//! The right edge of a tree: of every level of tiles the one that is not full yet. It is all
//! that is needed to go on, and to say the root: at most 255 hashes a level, whatever the size.

use crate::hash::Hash;

/// Hashes in a full tile, entries in a full bundle (C2SP tlog-tiles).
pub const TILE_WIDTH: usize = 256;
/// Levels are 8 bits of the size apart.
const LEVEL_BITS: u32 = TILE_WIDTH.trailing_zeros();
/// Most entries of a log. 2^48 is out of reach, and below it no sum or shift can overflow.
pub const MAX_TREE_SIZE: u64 = 1 << 48;

/// How many of the tile at `level` a tree of `size` entries has begun and not filled.
pub fn partial_width(size: u64, level: usize) -> usize {
    (hashes_at(size, level) % TILE_WIDTH as u64) as usize
}

/// How many full tiles there are at `level`: the number of the one that is not.
pub fn full_tiles(size: u64, level: usize) -> u64 {
    hashes_at(size, level) / TILE_WIDTH as u64
}

/// How many levels have any hash.
pub fn levels(size: u64) -> usize {
    (0..u64::BITS as usize).take_while(|level| hashes_at(size, *level) > 0).count()
}

fn hashes_at(size: u64, level: usize) -> u64 {
    size.checked_shr(LEVEL_BITS * level as u32).unwrap_or(0)
}

/// Root of a complete subtree over `hashes`, of which there are 2^n.
pub fn subtree_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::of_empty_tree(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            Hash::of_node(&subtree_root(left), &subtree_root(right))
        }
    }
}

/// A tile that has become full and never changes again.
#[derive(Debug, PartialEq, Eq)]
pub struct FullTile {
    pub level: usize,
    pub index: u64,
    pub hashes: Vec<Hash>,
}

/// See the head of this file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    rows: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a tree of `size` entries; `row` gives the hashes of the tile that is not
    /// full at a level, or more of that tile, of which the first are taken.
    pub fn load<E>(size: u64, mut row: impl FnMut(usize, usize) -> Result<Vec<Hash>, E>) -> Result<Self, E> {
        let mut rows = Vec::new();
        for level in 0..levels(size) {
            let width = partial_width(size, level);
            let mut hashes = if width == 0 { Vec::new() } else { row(level, width)? };
            hashes.truncate(width);
            rows.push(hashes);
        }
        Ok(Self { size, rows })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the tile at `level` that is not full.
    pub fn row(&self, level: usize) -> &[Hash] {
        self.rows.get(level).map_or(&[], Vec::as_slice)
    }

    /// Levels and their rows, of those that have hashes.
    pub fn partial_tiles(&self) -> impl Iterator<Item = (usize, &[Hash])> {
        self.rows.iter().map(Vec::as_slice).enumerate().filter(|(_, row)| !row.is_empty())
    }

    /// Adds a leaf; tiles that it fills go to `full`.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            if level == self.rows.len() {
                self.rows.push(Vec::new());
            }
            let row = &mut self.rows[level];
            row.push(hash);
            if row.len() < TILE_WIDTH {
                return;
            }
            let hashes = std::mem::take(row);
            hash = subtree_root(&hashes);
            full.push(FullTile { level, index: full_tiles(self.size, level) - 1, hashes });
        }
    }

    /// Merkle Tree Hash of all entries (RFC 6962, 2.1). The tree's complete subtrees are the
    /// one-bits of its size, larger ones to the left; they are joined from the right.
    pub fn root(&self) -> Hash {
        let mut root = None;
        for row in &self.rows {
            let mut end = row.len();
            while end > 0 {
                let span = 1 << end.trailing_zeros();
                let left = subtree_root(&row[end - span..end]);
                root = Some(root.map_or(left, |right| Hash::of_node(&left, &right)));
                end -= span;
            }
        }
        root.unwrap_or_else(Hash::of_empty_tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 word for word: split at the largest power of two below the number of leaves.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of_empty_tree(),
            [one] => *one,
            more => {
                let split = more.len().next_power_of_two() / 2;
                Hash::of_node(&naive(&more[..split]), &naive(&more[split..]))
            }
        }
    }

    fn leaf(i: usize) -> Hash {
        Hash::of_leaf(&i.to_be_bytes())
    }

    #[test]
    fn roots_are_the_published_ones() {
        // The leaves and roots that implementations of RFC 6962 test against, first in
        // google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc.
        let leaves: [&[u8]; 8] = [b"", b"\0", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let (mut edge, mut full) = (Edge::default(), Vec::new());
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(crate::ids::Sha256(edge.root().0).to_string(), *root, "{size} leaves");
            if let Some(entry) = leaves.get(size) {
                edge.push(Hash::of_leaf(entry), &mut full);
            }
        }
    }

    #[test]
    fn the_root_is_that_of_rfc_6962_at_every_size() {
        let (mut edge, mut full, mut leaves) = (Edge::default(), Vec::new(), Vec::new());
        for i in 0..1100 {
            assert_eq!(edge.root(), naive(&leaves), "{i} leaves");
            edge.push(leaf(i), &mut full);
            leaves.push(leaf(i));
        }
    }

    #[test]
    fn tiles_are_those_of_the_specification() {
        // The example of C2SP tlog-tiles, "Partial Tiles".
        let (mut edge, mut full) = (Edge::default(), Vec::new());
        (0..70_000).for_each(|i| edge.push(leaf(i), &mut full));
        let full_at = |level| full.iter().filter(|tile| tile.level == level).count();
        assert_eq!((full_at(0), full_at(1), full_at(2)), (273, 1, 0));
        let widths: Vec<_> = edge.partial_tiles().map(|(level, row)| (level, row.len())).collect();
        assert_eq!(widths, [(0, 112), (1, 17), (2, 1)]);
        for level in 0..4 {
            assert_eq!(partial_width(70_000, level), edge.row(level).len());
        }
        let indexes = |level| full.iter().filter(move |tile| tile.level == level).map(|tile| tile.index);
        assert!(indexes(0).eq(0..273) && indexes(1).eq(0..1));

        // Hash i of tile n at level l is that of leaves (n * 256 + i) * 256^l and on.
        let leaves: Vec<_> = (0..70_000).map(leaf).collect();
        assert_eq!(edge.row(1)[3], naive(&leaves[(256 + 3) * 256..][..256]));
        assert_eq!(edge.row(2)[0], naive(&leaves[..65_536]));
        assert_eq!(edge.root(), naive(&leaves));

        let again = Edge::load(70_000, |level, _| Ok::<_, ()>(edge.row(level).to_vec()));
        assert_eq!(again, Ok(edge));
    }
}
