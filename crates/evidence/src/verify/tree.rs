//! Steps 3 and 4: the hash tiles of the newest checkpoint, from the root down, and the bundles of entries under them.
//! Each file is read once; in memory are the levels above the leaves, one tile and one bundle.

use pulih_ledger::bundle;
use pulih_ledger::checkpoint::Checkpoint;
use pulih_ledger::edge::{Edge, TILE_WIDTH, full_tiles, levels, partial_width, subtree_root};
use pulih_ledger::hash::{HASH_BYTES, Hash};
use pulih_ledger::ids::SiteId;
use pulih_ledger::proof::{BadProof, Proof, check_inclusion};

use super::Bundle;
use super::checkpoints::Checkpoints;
use super::entries::Follower;
use crate::places::{Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

const WIDTH: u64 = TILE_WIDTH as u64;
/// How many bundles are read between two questions whether to go on.
const BETWEEN_QUESTIONS: u64 = 64;

/// A log's hashes, below the checkpoint that signs them.
pub struct Tree {
    site: SiteId,
    checkpoint: Checkpoint,
    /// Of each level above the leaves all hashes; `None` where a tile is missing or not believed.
    rows: Vec<Vec<Option<Hash>>>,
    /// The hashes of the leaves' tile that is not full.
    last: Vec<Hash>,
    /// The bundle with which the run of entries begins.
    first_bundle: u64,
    is_whole: bool,
    /// Each tile that a log of this size has is a file of the bundle.
    has_tiles: bool,
    /// The hashes above the leaves lead to the root that was signed.
    has_root: bool,
}

impl Tree {
    /// Reads all levels above the leaves, and holds them against each other and the root.
    pub fn read(
        bundle: &Bundle<'_>,
        site: &SiteId,
        checkpoint: Checkpoint,
        report: &mut Report,
    ) -> Result<Self, SourceError> {
        let size = checkpoint.size;
        let mut tree = Self {
            site: site.clone(),
            checkpoint,
            rows: Vec::new(),
            last: Vec::new(),
            first_bundle: size.div_ceil(WIDTH),
            is_whole: true,
            has_tiles: true,
            has_root: false,
        };
        let tiles = tree.tell_of_others(bundle, report);
        if let Some(lacking) = tree.first_lacking(bundle, tiles) {
            // Whoever has the key signs any size: nothing is laid out for hashes that nobody brought.
            report.problem(Code::Missing, lacking, "it must be there, and is not: nothing of this log was read");
            (tree.is_whole, tree.has_tiles) = (false, false);
            return Ok(tree);
        }
        tree.rows.resize(levels(size).max(1), Vec::new());
        for level in (1..levels(size)).rev() {
            for index in 0..(size >> (8 * level)).div_ceil(WIDTH) {
                let hashes = tree.tile(bundle, level, index, report)?;
                let width = tree.width(level, index);
                tree.rows[level].extend((0..width).map(|at| hashes.as_ref().map(|hashes| hashes[at])));
                if hashes.is_none() {
                    // What else is missing follows from it, or is found below.
                    tree.is_whole = false;
                }
            }
        }
        if partial_width(size, 0) > 0 {
            match tree.tile(bundle, 0, full_tiles(size, 0), report)? {
                Some(hashes) => tree.last = hashes,
                None => tree.is_whole = false,
            }
        }
        tree.check_root(report);
        Ok(tree)
    }

    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    pub fn root(&self) -> Hash {
        self.checkpoint.root
    }

    /// Whether all hashes, and all entries of the run, are what was signed.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The first entry of the run that is there.
    pub fn first_entry(&self) -> u64 {
        (self.first_bundle * WIDTH).min(self.size())
    }

    pub fn prove(&self, leaf: Hash, index: u64, proof: &Proof) -> Result<(), BadProof> {
        check_inclusion(leaf, index, self.size(), self.root(), proof)
    }

    fn width(&self, level: usize, index: u64) -> usize {
        if index < full_tiles(self.size(), level) { TILE_WIDTH } else { partial_width(self.size(), level) }
    }

    fn place(&self, part: Part) -> Place {
        Place::Of(self.site.clone(), part)
    }

    /// The first tile that is not there, from the root down, where a bundle has so many of this tree.
    fn first_lacking(&self, bundle: &Bundle<'_>, tiles: u64) -> Option<Place> {
        let of_level = |level: usize| (self.size() >> (8 * level)).div_ceil(WIDTH);
        let all = || (0..levels(self.size())).rev();
        if tiles >= all().map(of_level).sum() {
            return None;
        }
        let parts = all().flat_map(|level| (0..of_level(level)).map(move |index| (level, index)));
        let mut places =
            parts.map(|(level, index)| self.place(Part::Tile { level, index, width: self.width(level, index) }));
        places.find(|place| !bundle.has(place))
    }

    /// Tiles and bundles of other trees than this one. Returns how many tiles there are of this one.
    fn tell_of_others(&mut self, bundle: &Bundle<'_>, report: &mut Report) -> u64 {
        let (size, mut tiles) = (self.size(), 0);
        let is_its = |level: usize, index: u64, width: usize| {
            let hashes = size.checked_shr(8 * level as u32).unwrap_or(0);
            index < hashes.div_ceil(WIDTH) && width == self.width(level, index)
        };
        let mut first = self.first_bundle;
        for (part, place) in bundle.parts(&self.site) {
            match part {
                Part::Bundle { index, width } if is_its(0, *index, *width) => first = first.min(*index),
                Part::Tile { level, index, width } if is_its(*level, *index, *width) => tiles += 1,
                Part::Bundle { .. } | Part::Tile { .. } => {
                    report.remark(format!("{place} is no part of the log of {size} entries, and was not read"));
                }
                _ => {}
            }
        }
        self.first_bundle = first;
        tiles
    }

    /// The hashes of a tile, if they are those that the level above says.
    fn tile(
        &self,
        bundle: &Bundle<'_>,
        level: usize,
        index: u64,
        report: &mut Report,
    ) -> Result<Option<Vec<Hash>>, SourceError> {
        let width = self.width(level, index);
        let place = self.place(Part::Tile { level, index, width });
        let Some(bytes) = bundle.need(&place, report)? else { return Ok(None) };
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if hashes.len() != width || !rest.is_empty() {
            let why = format!("it has {} bytes, not those of {width} hashes", bytes.len());
            report.problem(Code::Damaged, &place, why);
            return Ok(None);
        }
        let hashes: Vec<_> = hashes.iter().copied().map(Hash).collect();
        let above = self.rows.get(level + 1).and_then(|row| row.get(index as usize)).copied().flatten();
        match above {
            Some(above) if width == TILE_WIDTH && subtree_root(&hashes) != above => {
                report.problem(Code::RootMismatch, &place, "its root is not the hash in the tile above it");
                Ok(None)
            }
            // Without the tile above, nobody says that this one is right.
            None if width == TILE_WIDTH => Ok(None),
            _ => Ok(Some(hashes)),
        }
    }

    /// The root over the right edge is the one that was signed.
    fn check_root(&mut self, report: &mut Report) {
        let place = self.place(Part::Checkpoint);
        match self.root_at(self.size(), &self.last) {
            Some(root) if root == self.root() => {
                self.has_root = true;
                return;
            }
            Some(_) => {
                report.problem(Code::RootMismatch, &place, "the tiles have another root than the one that is signed");
            }
            // Why there is none was told.
            None => {}
        }
        // So nothing of them can be held against it, and no entry below them is believed.
        self.is_whole = false;
        self.rows.iter_mut().flatten().for_each(|hash| *hash = None);
        self.last.clear();
    }

    /// Root of the first `size` entries; `leaves`: the tile of leaves that was not full then.
    fn root_at(&self, size: u64, leaves: &[Hash]) -> Option<Hash> {
        let edge = Edge::load(size, |level, width| {
            if level == 0 {
                return leaves.get(..width).map(<[Hash]>::to_vec).ok_or(());
            }
            let start = full_tiles(size, level) as usize * TILE_WIDTH;
            let row = self.rows.get(level).and_then(|row| row.get(start..start + width)).ok_or(())?;
            row.iter().copied().collect::<Option<Vec<_>>>().ok_or(())
        });
        edge.ok().map(|edge| edge.root())
    }

    /// The root of the first `size` entries, by the tiles as they are read again; `None`: they do not say.
    pub fn root_before(&self, bundle: &Bundle<'_>, size: u64) -> Result<Option<Hash>, SourceError> {
        if size > self.size() || !self.has_root {
            return Ok(None);
        }
        // What is wrong with a tile was told when all of them were read.
        let mut told = Report::default();
        let leaves = match size % WIDTH {
            0 => None,
            _ => self.tile(bundle, 0, size / WIDTH, &mut told)?,
        };
        Ok(self.root_at(size, &leaves.unwrap_or_default()))
    }

    /// Every tile of leaves with the bundle below it, in order: the entries that are believed go to `follower`, and
    /// roots at the sizes of checkpoints to `kept`. `false`: stopped.
    pub fn walk(
        &mut self,
        bundle: &Bundle<'_>,
        kept: &mut Checkpoints,
        follower: &mut Follower,
        report: &mut Report,
    ) -> Result<bool, SourceError> {
        if !self.has_tiles {
            return Ok(true);
        }
        let size = self.size();
        for index in 0..size.div_ceil(WIDTH) {
            if index % BETWEEN_QUESTIONS == 0 && !(bundle.go_on)() {
                return Ok(false);
            }
            let width = self.width(0, index);
            let hashes = match width {
                TILE_WIDTH => self.tile(bundle, 0, index, report)?,
                _ => Some(std::mem::take(&mut self.last)).filter(|hashes| !hashes.is_empty()),
            };
            self.take_roots(kept, index, hashes.as_deref().unwrap_or_default());
            let is_believed = match &hashes {
                Some(hashes) => self.bundle(bundle, index, hashes, follower, report)?,
                None => false,
            };
            self.is_whole &= is_believed || index < self.first_bundle && hashes.is_some();
        }
        self.take_roots(kept, size.div_ceil(WIDTH), &[]);
        Ok(true)
    }

    fn take_roots(&self, kept: &mut Checkpoints, index: u64, hashes: &[Hash]) {
        let sizes: Vec<_> = kept.sizes(index * WIDTH..(index + 1) * WIDTH).collect();
        for size in sizes.into_iter().filter(|size| *size <= self.size()) {
            if let Some(root) = self.root_at(size, hashes) {
                kept.take_root(size, root);
            }
        }
    }

    /// Whether the entries of a bundle are those that were signed; then they are followed.
    fn bundle(
        &self,
        bundle: &Bundle<'_>,
        index: u64,
        hashes: &[Hash],
        follower: &mut Follower,
        report: &mut Report,
    ) -> Result<bool, SourceError> {
        if index < self.first_bundle {
            return Ok(false);
        }
        let place = self.place(Part::Bundle { index, width: hashes.len() });
        if !bundle.has(&place) {
            report.problem(Code::Gap, &place, "entries of the period are not there");
            return Ok(false);
        }
        let Some(bytes) = bundle.read(&place, report)? else { return Ok(false) };
        let entries = match bundle::take("entry bundle", &bytes, hashes.len()) {
            Ok(entries) => entries,
            Err(why) => {
                report.problem(Code::Damaged, &place, why.to_string());
                return Ok(false);
            }
        };
        let other = entries.iter().zip(hashes).position(|(entry, hash)| Hash::of_leaf(entry) != *hash);
        if let Some(at) = other {
            let why = format!("entry {} is not the one that was signed", index * WIDTH + at as u64);
            report.problem(Code::RootMismatch, &place, why);
            return Ok(false);
        }
        for (number, entry) in (index * WIDTH..).zip(entries) {
            follower.follow(number, entry, report);
        }
        Ok(true)
    }
}
