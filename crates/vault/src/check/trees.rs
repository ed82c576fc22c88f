//! Snapshots from inside: one reader for all of them, and what their trees have in common looked
//! at once.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::path::PathBuf;

use super::Checking;
use super::keyring::Keyring;
use super::objects::Headers;
use super::packs::BadPacks;
use super::snapshots::{Case, Needs};
use super::tree::Walk;
use crate::chunk_map::IdHasher;
use crate::description::VaultSecrets;
use crate::error::{Result, VaultError};
use crate::id::{ChunkId, ObjectHash};
use crate::index::{self, MAX_INDEX_BYTES};
use crate::reach::{PackUse, Reach};
use crate::reader::{SnapshotReader, read_named};

/// Parts of trees that are remembered as sound: with more, they are looked at again.
const MAX_SOUND: usize = 1 << 20;

/// Parts of trees that were found sound, and the packs that this rests on. It holds for every
/// snapshot that has those packs.
#[derive(Default)]
pub struct Sound {
    parts: HashSet<ChunkId, BuildHasherDefault<IdHasher>>,
    packs: HashSet<ObjectHash>,
    last_pack: Option<ObjectHash>,
}

impl Sound {
    pub fn has(&self, part: &ChunkId) -> bool {
        self.parts.contains(part)
    }

    pub fn add(&mut self, part: ChunkId) {
        if self.parts.len() < MAX_SOUND {
            self.parts.insert(part);
        }
    }

    /// Something that was found rests on this pack.
    pub fn rests_on(&mut self, pack: ObjectHash) {
        // Neighbours mostly lie in one pack.
        if self.last_pack != Some(pack) {
            self.packs.insert(pack);
            self.last_pack = Some(pack);
        }
    }

    /// Forgets everything if a snapshot lacks a pack that it rests on.
    fn enter(&mut self, reach: &Reach) {
        if !self.packs.iter().all(|pack| reach.packs.contains_key(pack)) {
            *self = Self::default();
        }
    }
}

/// What readers of snapshots are opened with.
pub struct Readers<'a> {
    checking: &'a Checking<'a>,
    keyring: &'a Keyring,
    secrets: &'a VaultSecrets,
    /// Packs of the indexes that can be opened.
    usable: Headers,
    next_scratch: std::cell::Cell<u32>,
}

impl Readers<'_> {
    /// A reader of what can be read of a reach: what cannot is on record.
    pub fn open(&self, reach: &Reach) -> Result<SnapshotReader> {
        let indexes = reach.indexes.iter().filter(|index| self.usable.contains_key(*index));
        let covered: HashSet<ObjectHash> =
            indexes.clone().flat_map(|index| &self.usable[index]).map(|(pack, _)| *pack).collect();
        let reach = Reach {
            packs: reach
                .packs
                .iter()
                .filter(|(pack, _)| covered.contains(*pack))
                .map(|(pack, used)| (*pack, *used))
                .collect(),
            indexes: indexes.copied().collect(),
        };
        let checking = self.checking;
        let scratch = self.scratch()?;
        SnapshotReader::open(
            checking.store.clone(),
            checking.layout,
            &reach,
            self.secrets,
            self.keyring.lend(),
            &scratch,
        )
    }

    /// An empty folder for one reader.
    fn scratch(&self) -> Result<PathBuf> {
        let number = self.next_scratch.get();
        self.next_scratch.set(number + 1);
        let path = self.checking.scratch.join(format!("map-{number}"));
        std::fs::create_dir(&path).map_err(VaultError::local(format!("make {}", path.display())))?;
        Ok(path)
    }
}

/// Walks the trees of all snapshots.
pub fn check(
    checking: &Checking,
    cases: &[Case],
    needs: &Needs,
    bad: &BadPacks,
    keyring: &Keyring,
    secrets: &VaultSecrets,
) -> Result<()> {
    let usable = open_indexes(checking, needs, keyring)?;
    let readers = Readers { checking, keyring, secrets, usable, next_scratch: std::cell::Cell::new(0) };
    let nothing = PackUse { stored_bytes: 0, live_bytes: 0, all_bytes: 0 };
    let all =
        Reach { packs: needs.packs.iter().map(|pack| (*pack, nothing)).collect(), indexes: needs.indexes.clone() };
    let all = readers.open(&all)?;
    let mut sound = Sound::default();
    for (number, case) in cases.iter().enumerate() {
        let Some((facts, _)) = &case.manifest else { continue };
        let Some(reach) = checking.reach(number, case)? else {
            checking.lose_all(number, case);
            continue;
        };
        sound.enter(&reach);
        let bad_indexes = reach.indexes.iter().filter(|index| !readers.usable.contains_key(*index));
        let mut blamed: Vec<_> = bad_indexes.map(|index| checking.layout.index(*index)).collect();
        if blamed.is_empty() {
            blamed.push(checking.layout.manifest(&case.dataset, case.name));
        }
        let mut walk = Walk::new(checking, &readers, &all, &reach, bad, &mut sound, number, blamed);
        walk.tree(facts)?;
        checking.watch.read(0)?;
    }
    Ok(())
}

/// The packs of those indexes that can be opened; the others are put on record.
fn open_indexes(checking: &Checking, needs: &Needs, keyring: &Keyring) -> Result<Headers> {
    let mut usable = Headers::new();
    let identities = keyring.lend();
    for &hash in needs.indexes.intersection(&checking.inventory.indexes) {
        let name = checking.layout.index(hash);
        if checking.findings.is_bad(&name) {
            continue;
        }
        let opened = read_named(&*checking.store, &name, hash, MAX_INDEX_BYTES)
            .and_then(|bytes| index::decode(&bytes, checking.layout.vault, &identities, &format!("index {hash}")));
        match opened {
            Ok((header, _)) => drop(usable.insert(hash, header.packs)),
            Err(error) => checking.note(&name, Err(error))?,
        }
    }
    Ok(usable)
}
