//! Steps 2 and 5: the newest checkpoint, and those that are kept: each is the root over the tiles at its size.

use std::collections::BTreeMap;

use pulih_ledger::checkpoint::Checkpoint;
use pulih_ledger::edge::TILE_WIDTH;
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::SiteId;

use super::chain::Chain;
use super::tree::Tree;
use super::{Bundle, note};
use crate::places::{MAX_FILES, Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// So many have a tile of leaves each in the files that a bundle may have.
const MOST_ENTRIES: u64 = (MAX_FILES * TILE_WIDTH) as u64;

/// The checkpoint that all of a site's log is held against.
pub fn newest(
    bundle: &Bundle<'_>,
    site: &SiteId,
    chain: &Chain,
    report: &mut Report,
) -> Result<Option<Checkpoint>, SourceError> {
    let place = Place::Of(site.clone(), Part::Checkpoint);
    let Some(bytes) = bundle.need(&place, report)? else { return Ok(None) };
    match note::open(&bytes, &chain.keys) {
        Ok(signed) if signed.checkpoint().size > MOST_ENTRIES => {
            let why = format!("it is {}, more than the tiles of a bundle can be of", note::shown(signed.checkpoint()));
            report.problem(Code::Limit, &place, why);
            Ok(None)
        }
        Ok(signed) => Ok(Some(signed.checkpoint().clone())),
        Err((code, why)) => {
            report.problem(code, &place, why);
            Ok(None)
        }
    }
}

/// Checkpoints whose signatures hold, and the roots that the tiles have at their sizes.
pub struct Checkpoints {
    signed: BTreeMap<u64, (Place, Hash)>,
    roots: BTreeMap<u64, Hash>,
}

impl Checkpoints {
    pub fn read(
        bundle: &Bundle<'_>,
        site: &SiteId,
        chain: &Chain,
        newest: u64,
        report: &mut Report,
    ) -> Result<Self, SourceError> {
        let mut signed = BTreeMap::new();
        for (part, place) in bundle.parts(site) {
            let Part::Kept(size) = part else { continue };
            let Some(bytes) = bundle.read(place, report)? else { continue };
            match note::open(&bytes, &chain.keys) {
                Err((code, why)) => report.problem(code, place, why),
                Ok(its) if its.checkpoint().size != *size => {
                    let why = format!("it is {}, not of the size in its name", note::shown(its.checkpoint()));
                    report.problem(Code::Damaged, place, why);
                }
                Ok(its) if *size > newest => {
                    let why =
                        format!("it is {}, and the newest checkpoint is of {newest}", note::shown(its.checkpoint()));
                    report.problem(Code::RolledBack, place, why);
                }
                Ok(its) => drop(signed.insert(*size, (place.clone(), its.checkpoint().root))),
            }
        }
        Ok(Self { signed, roots: BTreeMap::new() })
    }

    /// Sizes in a range of which a root is wanted.
    pub fn sizes(&self, range: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
        self.signed.range(range).map(|(size, _)| *size)
    }

    pub fn take_root(&mut self, size: u64, root: Hash) {
        self.roots.insert(size, root);
    }

    /// The root of the log's first `size` entries, if a checkpoint of that size is here and is believed.
    pub fn root(&self, size: u64) -> Option<Hash> {
        self.roots.get(&size).copied()
    }

    /// Both are signed by the log's key: where they differ, it has signed two pasts.
    pub fn check(&self, tree: &Tree, report: &mut Report) {
        for (size, (place, signed)) in &self.signed {
            match self.roots.get(size) {
                Some(root) if root == signed => {}
                Some(root) => {
                    let why = format!("it has the root {signed}, and the log of {} had {root}", tree.size());
                    report.problem(Code::Fork, place, why);
                }
                // The tiles that say so are not there or are not believed, and that was told.
                None if !tree.is_whole() => {}
                None => report.problem(Code::RootMismatch, place, "no tile says what the root was at this size"),
            }
        }
    }
}
