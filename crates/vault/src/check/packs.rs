//! Packs read whole: without a key against their names, with one down to every chunk's id.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::keyring::Keyring;
use super::objects::{Headers, hash_object};
use super::pack::{PackBuffers, PackReader};
use super::{Checking, Counted, Sample, in_parallel, is_ours};
use crate::description::VaultSecrets;
use crate::error::{Malformed, Result, VaultError};
use crate::id::{ChunkId, ObjectHash};
use crate::index::{self, IndexedPack, MAX_INDEX_BYTES};
use crate::pack::MAX_PACK_BYTES;
use crate::reader::read_named;

/// Damaged chunks that are remembered of one pack; with more the pack is as good as lost.
const MAX_BAD_CHUNKS: usize = 100_000;

/// What of a pack is damaged.
enum Bad {
    All,
    /// These chunks; the rest was read and is what it should be.
    Chunks(HashSet<ChunkId>),
}

/// Packs that are missing or damaged.
#[derive(Default)]
pub struct BadPacks(HashMap<ObjectHash, Bad>);

impl BadPacks {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn packs(&self) -> impl Iterator<Item = &ObjectHash> {
        self.0.keys()
    }

    /// Whether a chunk in a pack is lost.
    pub fn has(&self, pack: &ObjectHash, chunk: &ChunkId) -> bool {
        match self.0.get(pack) {
            None => false,
            Some(Bad::All) => true,
            Some(Bad::Chunks(chunks)) => chunks.contains(chunk),
        }
    }

    fn add(&mut self, pack: ObjectHash, chunks: Vec<ChunkId>) {
        match self.0.entry(pack).or_insert_with(|| Bad::Chunks(HashSet::new())) {
            Bad::All => {}
            Bad::Chunks(known) if known.len() + chunks.len() <= MAX_BAD_CHUNKS => known.extend(chunks),
            other @ Bad::Chunks(_) => *other = Bad::All,
        }
    }
}

/// What the threads that read packs share.
struct Reading<'a> {
    checking: &'a Checking<'a>,
    bad: Mutex<BadPacks>,
    packs: AtomicU64,
    chunks: AtomicU64,
}

impl Checking<'_> {
    pub(super) fn check_packs(
        &self,
        sample: Option<Sample>,
        suspects: &[ObjectHash],
        headers: &Headers,
        counted: &mut Counted,
    ) -> Result<BadPacks> {
        let reading =
            Reading { checking: self, bad: Mutex::default(), packs: AtomicU64::new(0), chunks: AtomicU64::new(0) };
        let drawn: HashSet<ObjectHash> = sample
            .map(|sample| sample.draw(self.inventory.packs.keys().copied()))
            .unwrap_or_default()
            .into_iter()
            .chain(suspects.iter().filter(|pack| self.inventory.packs.contains_key(*pack)).copied())
            .collect();
        let mut read = HashSet::new();
        if let Some((keyring, secrets)) = &self.key {
            for index in headers.keys() {
                reading.index(*index, &drawn, keyring, secrets, &mut read)?;
            }
        }
        // Without a key, or where no index says what is in them.
        let rest: Vec<ObjectHash> = drawn.difference(&read).copied().collect();
        in_parallel(&rest, |&pack| {
            let name = self.layout.pack(pack);
            reading.packs.fetch_add(1, Ordering::Relaxed);
            self.note(&name, hash_object(&*self.store, &name, pack, MAX_PACK_BYTES, self.watch))
        })?;
        counted.packs_read = reading.packs.into_inner();
        counted.chunks_read = reading.chunks.into_inner();
        let mut bad = reading.bad.into_inner().unwrap_or_else(PoisonError::into_inner);
        for pack in self.inventory.packs.keys().chain(&self.lost_packs(headers)) {
            // What was read chunk by chunk is known better than that.
            if self.findings.is_bad(&self.layout.pack(*pack)) {
                bad.0.entry(*pack).or_insert(Bad::All);
            }
        }
        Ok(bad)
    }

    /// Packs that indexes cover and the store does not have.
    fn lost_packs(&self, headers: &Headers) -> Vec<ObjectHash> {
        let covered = headers.values().flatten().map(|(pack, _)| *pack);
        covered.filter(|pack| !self.inventory.packs.contains_key(pack)).collect()
    }
}

impl Reading<'_> {
    /// Opens an index and reads those of its packs that were drawn.
    fn index(
        &self,
        hash: ObjectHash,
        drawn: &HashSet<ObjectHash>,
        keyring: &Keyring,
        secrets: &VaultSecrets,
        read: &mut HashSet<ObjectHash>,
    ) -> Result<()> {
        let checking = self.checking;
        let name = checking.layout.index(hash);
        let opened = read_named(&*checking.store, &name, hash, MAX_INDEX_BYTES)
            .and_then(|bytes| index::decode(&bytes, checking.layout.vault, &keyring.lend(), &format!("index {hash}")));
        let mut packs = match opened {
            Ok((_, packs)) => packs,
            Err(error) => return checking.note(&name, Err(error)),
        };
        packs.retain(|pack| drawn.contains(&pack.hash));
        let reader = || PackReader {
            store: &*checking.store,
            layout: checking.layout,
            identities: keyring.lend(),
            id_key: secrets.id_key,
            watch: checking.watch,
        };
        in_parallel(&packs, |pack| self.pack(&reader(), pack))?;
        read.extend(packs.iter().map(|pack| pack.hash));
        Ok(())
    }

    fn pack(&self, reader: &PackReader, indexed: &IndexedPack) -> Result<()> {
        let mut bad = Vec::new();
        let result = self.read_pack(reader, indexed, &mut bad);
        self.packs.fetch_add(1, Ordering::Relaxed);
        if matches!(&result, Err(error) if is_ours(error)) {
            return result;
        }
        if result.is_err() || !bad.is_empty() {
            self.bad.lock().unwrap_or_else(PoisonError::into_inner).add(indexed.hash, bad);
        }
        self.checking.note(&reader.layout.pack(indexed.hash), result)
    }

    /// Holds a pack against what its index says of it. `bad`: chunks that are not there.
    fn read_pack(&self, reader: &PackReader, indexed: &IndexedPack, bad: &mut Vec<ChunkId>) -> Result<()> {
        let mut buffers = PackBuffers::default();
        let opener = reader.open(indexed.hash).inspect_err(|_| bad.extend(&indexed.ids))?;
        let table = reader.table(indexed.hash, &opener, &mut buffers);
        let mut ids = indexed.ids.iter();
        let mut wrong = None;
        let whole = reader.read(indexed.hash, &opener, &indexed.frames, &mut buffers, &mut |frame| {
            let expected: Vec<ChunkId> = ids.by_ref().take(frame.shape.chunks.len()).copied().collect();
            match frame.plain {
                Ok(plain) => {
                    let found = reader.chunks(frame.shape, plain).map(|(id, _)| id);
                    let differ = expected.iter().zip(found).filter(|(expected, found)| *expected != found);
                    bad.extend(differ.map(|(expected, _)| *expected));
                    self.chunks.fetch_add(expected.len() as u64, Ordering::Relaxed);
                }
                Err(error) => {
                    bad.extend(expected);
                    wrong.get_or_insert(error);
                }
            }
            Ok(())
        });
        // In this order the error is nearest to the cause.
        whole?;
        if let Some(error) = wrong {
            return Err(error);
        }
        let bad_pack = |why: &str| Err(VaultError::from(Malformed::new("pack", why)));
        match table {
            Err(error) => Err(error),
            Ok(table) if table != indexed.frames => bad_pack("its table is not the one in its index"),
            Ok(_) if !bad.is_empty() => bad_pack("it holds other chunks than its index says"),
            Ok(_) => Ok(()),
        }
    }
}
