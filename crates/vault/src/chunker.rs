//! Content-defined chunking: `FastCDC` with a gear table that is a secret of the vault.
//!
//! Readers never need this: it only has to cut the same content in the same places again.

use serde::{Deserialize, Serialize};

use crate::error::Malformed;

/// Least, average and most bytes of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkSizes {
    pub min: u32,
    pub average: u32,
    pub max: u32,
}

impl ChunkSizes {
    pub const SMALL: Self = Self { min: 4 << 10, average: 16 << 10, max: 64 << 10 };
    pub const DEFAULT: Self = Self { min: 16 << 10, average: 64 << 10, max: 256 << 10 };
    pub const LARGE: Self = Self { min: 64 << 10, average: 256 << 10, max: 1 << 20 };

    pub fn check(self) -> Result<Self, Malformed> {
        let ok = self.average.is_power_of_two()
            && (64..=1 << 20).contains(&self.average)
            && 0 < self.min
            && self.min < self.average
            && self.average < self.max
            && self.max <= 4 << 20;
        if ok { Ok(self) } else { Err(Malformed::new("chunker setting", format!("{self:?} is out of bounds"))) }
    }
}

/// Where a run of bytes is cut, by a secret of the vault.
#[derive(Clone)]
pub struct Chunker {
    gear: Box<[u64; 256]>,
    sizes: ChunkSizes,
    /// Harder to meet, used below the average size.
    mask_small: u64,
    /// Easier to meet, used above it.
    mask_large: u64,
}

/// Bits by which the masks differ from log2 of the average ("normalisation level").
const NORMALISATION: u32 = 2;

fn top_bits(bits: u32) -> u64 {
    !(u64::MAX >> bits)
}

impl Chunker {
    pub fn new(boundary_secret: &[u8; 32], sizes: ChunkSizes) -> Self {
        let mut stream =
            blake3::Hasher::new_derive_key("pulih 2026-11 gear table v1").update(boundary_secret).finalize_xof();
        let mut gear = Box::new([0; 256]);
        for slot in gear.iter_mut() {
            let mut bytes = [0; 8];
            stream.fill(&mut bytes);
            *slot = u64::from_le_bytes(bytes);
        }
        let bits = sizes.average.ilog2();
        Self { gear, sizes, mask_small: top_bits(bits + NORMALISATION), mask_large: top_bits(bits - NORMALISATION) }
    }

    pub fn sizes(&self) -> ChunkSizes {
        self.sizes
    }

    /// Length of the first chunk of `bytes`. `bytes` is the rest of the content, or at least
    /// `max` bytes of it.
    pub fn cut(&self, bytes: &[u8]) -> usize {
        let end = bytes.len().min(self.sizes.max as usize);
        let min = self.sizes.min as usize;
        if end <= min {
            return end;
        }
        let centre = end.min(self.sizes.average as usize);
        let (found, hash) = self.scan(&bytes[min..centre], 0, self.mask_small);
        if let Some(at) = found {
            return min + at;
        }
        let (found, _) = self.scan(&bytes[centre..end], hash, self.mask_large);
        found.map_or(end, |at| centre + at)
    }

    /// Rolls over `bytes` until the sum meets `mask`; returns how many bytes that took.
    fn scan(&self, bytes: &[u8], mut hash: u64, mask: u64) -> (Option<usize>, u64) {
        let gear = &*self.gear;
        let mut at = 0;
        // Two bytes a turn shorten the chain of dependent operations: (h << 2) + (g << 1) is
        // taken at once, and its half step is tested by shifting it, not by another addition.
        let mut pairs = bytes.chunks_exact(2);
        for pair in &mut pairs {
            let first = (hash << 1).wrapping_add(gear[pair[0] as usize]);
            if first & mask == 0 {
                return (Some(at + 1), first);
            }
            hash = (first << 1).wrapping_add(gear[pair[1] as usize]);
            if hash & mask == 0 {
                return (Some(at + 2), hash);
            }
            at += 2;
        }
        if let [last] = *pairs.remainder() {
            hash = (hash << 1).wrapping_add(gear[last as usize]);
            if hash & mask == 0 {
                return (Some(at + 1), hash);
            }
        }
        (None, hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn random(len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut out);
        out
    }

    fn cuts(chunker: &Chunker, mut bytes: &[u8]) -> Vec<usize> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let len = chunker.cut(bytes);
            out.push(len);
            bytes = &bytes[len..];
        }
        out
    }

    #[test]
    fn sizes_hold_and_the_average_is_near() {
        let chunker = Chunker::new(&[1; 32], ChunkSizes::DEFAULT);
        let lengths = cuts(&chunker, &random(64 << 20));
        let (last, rest) = lengths.split_last().unwrap();
        assert!(*last <= 256 << 10 && rest.iter().all(|l| (16 << 10..=256 << 10).contains(l)));
        let average = (64 << 20) / lengths.len();
        assert!((48 << 10..96 << 10).contains(&average), "{average}");
    }

    #[test]
    fn another_secret_cuts_elsewhere() {
        let bytes = random(4 << 20);
        let one = cuts(&Chunker::new(&[1; 32], ChunkSizes::DEFAULT), &bytes);
        let two = cuts(&Chunker::new(&[2; 32], ChunkSizes::DEFAULT), &bytes);
        assert_ne!(one, two);
    }

    proptest! {
        #[test]
        fn an_insertion_moves_few_boundaries(at in 0usize..4 << 20, len in 1usize..5000) {
            let chunker = Chunker::new(&[1; 32], ChunkSizes::SMALL);
            let before = random(4 << 20);
            let mut after = before.clone();
            after.splice(at..at, vec![7; len]);
            let ends = |lengths: Vec<usize>, total: usize| -> std::collections::HashSet<usize> {
                let mut left = total;
                lengths.into_iter().map(|l| { left -= l; left }).collect()
            };
            let old = ends(cuts(&chunker, &before), before.len());
            let new = ends(cuts(&chunker, &after), after.len());
            prop_assert!(new.difference(&old).count() < 20 + old.iter().filter(|&&e| e > before.len() - at).count());
        }
    }
}
