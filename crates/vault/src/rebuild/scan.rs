//! All packs, read whole: which of them a sound index covers, new indexes for the others, and
//! the facts that they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::{Plan, Rebuild};
use crate::check::pack::{PackBuffers, PackReader};
use crate::check::{in_parallel, is_ours};
use crate::description::{MAX_NOTE_BYTES, parse_recipients};
use crate::error::{Result, VaultError};
use crate::id::ObjectHash;
use crate::index::{self, IndexedPack, MAX_INDEX_BYTES};
use crate::layout::ObjectKind;
use crate::manifest::Facts;
use crate::pack::FrameKind;
use crate::reader::read_named;
use crate::store::ObjectName;

/// As the writer of packs has it: an index's size has a bound.
const PACKS_PER_INDEX: usize = 8;
const CHUNKS_PER_INDEX: usize = 500_000;

/// A pack that was read whole and is sound.
#[derive(Debug, Clone, Copy)]
pub struct SoundPack {
    pub stored_bytes: u64,
    pub all_bytes: u64,
    /// The index that covers it.
    pub index: ObjectHash,
}

/// Facts that the vault's agent signed, and where they are.
#[derive(Debug, Clone)]
pub struct FoundFacts {
    pub facts: Facts,
    pub pack: ObjectHash,
    pub bytes: u64,
}

#[derive(Default)]
pub struct Scan {
    pub packs: BTreeMap<ObjectHash, SoundPack>,
    /// Sound indexes, old and new, with the sound packs that they cover.
    pub indexes: BTreeMap<ObjectHash, BTreeSet<ObjectHash>>,
    pub facts: Vec<FoundFacts>,
}

/// What reading a few packs gave.
#[derive(Default)]
struct Batch {
    sound: Vec<IndexedPack>,
    facts: Vec<FoundFacts>,
    forged: u64,
    damaged: Vec<(ObjectHash, VaultError)>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rebuild<'_> {
    pub(super) fn scan(&self, plan: &mut Plan) -> Result<Scan> {
        let mut scan = Scan::default();
        let mut left = self.hashes("packs")?;
        let mut damaged = BTreeSet::new();
        for index in self.hashes("index")? {
            self.scan_index(index, &mut left, &mut damaged, &mut scan, plan)?;
        }
        let left: Vec<ObjectHash> = left.into_iter().collect();
        let mut waiting = Vec::new();
        for packs in left.chunks(PACKS_PER_INDEX) {
            let batch = self.take(self.read_packs(packs)?, &mut damaged, &mut scan, plan);
            for pack in batch {
                let chunks: usize = waiting.iter().map(|pack: &IndexedPack| pack.ids.len()).sum();
                if waiting.len() == PACKS_PER_INDEX || (chunks > 0 && chunks + pack.ids.len() > CHUNKS_PER_INDEX) {
                    self.make_index(&waiting, &mut scan, plan)?;
                    waiting.clear();
                }
                waiting.push(pack);
            }
        }
        self.make_index(&waiting, &mut scan, plan)?;
        Ok(scan)
    }

    fn hashes(&self, kind: &str) -> Result<BTreeSet<ObjectHash>> {
        let layout = self.trusted.layout;
        let mut hashes = BTreeSet::new();
        self.store.list(&layout.folder(kind), &mut |object| {
            if let Some(ObjectKind::Pack(hash) | ObjectKind::Index(hash)) = layout.classify(&object) {
                hashes.insert(hash);
            }
        })?;
        Ok(hashes)
    }

    /// Reads the packs that an index covers and holds it against them. Only an index that is
    /// right about all of them counts: what is in the others is indexed anew.
    fn scan_index(
        &self,
        hash: ObjectHash,
        left: &mut BTreeSet<ObjectHash>,
        damaged: &mut BTreeSet<ObjectHash>,
        scan: &mut Scan,
        plan: &mut Plan,
    ) -> Result<()> {
        let name = self.trusted.layout.index(hash);
        let opened = read_named(&*self.store, &name, hash, MAX_INDEX_BYTES).and_then(|bytes| {
            index::decode(&bytes, self.trusted.layout.vault, &self.keyring.lend(), &format!("index {hash}"))
        });
        let claims = match opened {
            Ok((_, packs)) => packs,
            Err(error) if is_ours(&error) => return Err(error),
            Err(error) => {
                plan.trouble(name, &error);
                return Ok(());
            }
        };
        // A pack that another index was right about is read again: it is not kept.
        let there = |pack: &&IndexedPack| left.contains(&pack.hash) || scan.packs.contains_key(&pack.hash);
        let packs: Vec<ObjectHash> = claims.iter().filter(there).map(|pack| pack.hash).collect();
        let found = self.take(self.read_packs(&packs)?, damaged, scan, plan);
        let right = found.iter().all(|pack| claims.contains(pack));
        if !right {
            let why = VaultError::untrusted("it does not say what is in its packs", "they are indexed anew");
            plan.trouble(name, &why);
            return Ok(());
        }
        for pack in &found {
            left.remove(&pack.hash);
        }
        left.retain(|pack| !damaged.contains(pack));
        scan.add_index(hash, &found);
        Ok(())
    }

    /// Puts what reading packs gave on record, and returns the packs that are sound.
    fn take(
        &self,
        batch: Batch,
        damaged: &mut BTreeSet<ObjectHash>,
        scan: &mut Scan,
        plan: &mut Plan,
    ) -> Vec<IndexedPack> {
        plan.packs_read += (batch.sound.len() + batch.damaged.len()) as u64;
        plan.forged_facts += batch.forged;
        for (pack, error) in batch.damaged {
            if damaged.insert(pack) {
                plan.trouble(self.trusted.layout.pack(pack), &error);
            }
        }
        for found in batch.facts {
            if !scan.facts.iter().any(|known| known.facts == found.facts) {
                scan.facts.push(found);
            }
        }
        batch.sound
    }

    fn read_packs(&self, packs: &[ObjectHash]) -> Result<Batch> {
        let batch = Mutex::new(Batch::default());
        in_parallel(packs, |&hash| {
            let reader = PackReader {
                store: &*self.store,
                layout: self.trusted.layout,
                identities: self.keyring.lend(),
                id_key: self.secrets.id_key,
                watch: self.watch,
            };
            let mut notes = Vec::new();
            match read_pack(&reader, hash, &mut notes) {
                Ok(pack) => {
                    let mut batch = lock(&batch);
                    for note in notes {
                        match self.open_facts(&note) {
                            Some(facts) => batch.facts.push(FoundFacts { facts, pack: hash, bytes: note.len() as u64 }),
                            None => batch.forged += 1,
                        }
                    }
                    batch.sound.push(pack);
                }
                Err(error) if is_ours(&error) => return Err(error),
                Err(error) => lock(&batch).damaged.push((hash, error)),
            }
            Ok(())
        })?;
        let mut batch = batch.into_inner().unwrap_or_else(PoisonError::into_inner);
        batch.sound.sort_by_key(|pack| pack.hash);
        batch.facts.sort_by_key(|found| found.pack);
        Ok(batch)
    }

    /// Facts that the agent of the description they name has signed.
    fn open_facts(&self, note: &[u8]) -> Option<Facts> {
        self.trusted.descriptions.iter().find_map(|(name, description)| {
            let facts = Facts::open(note, description).ok()?;
            (facts.description == *name && facts.vault == self.trusted.layout.vault).then_some(facts)
        })
    }

    fn make_index(&self, packs: &[IndexedPack], scan: &mut Scan, plan: &mut Plan) -> Result<()> {
        if packs.is_empty() {
            return Ok(());
        }
        let layout = self.trusted.layout;
        let mut recipients = parse_recipients(&self.trusted.current().1.recipients)?;
        recipients.add(Box::new(self.secrets.index_identity()?.to_public()));
        let bytes = index::encode(layout.vault, packs, &recipients, self.random)?;
        let hash = ObjectHash::of(&bytes);
        plan.make(layout.index(hash), hash, &bytes)?;
        plan.indexes.push((hash, packs.len()));
        scan.add_index(hash, packs);
        Ok(())
    }
}

impl Scan {
    fn add_index(&mut self, index: ObjectHash, packs: &[IndexedPack]) {
        self.indexes.insert(index, packs.iter().map(|pack| pack.hash).collect());
        for pack in packs {
            self.packs.entry(pack.hash).or_insert(SoundPack {
                stored_bytes: pack.stored_bytes,
                all_bytes: pack.frames.plain_bytes(),
                index,
            });
        }
    }

    /// Whether a pack is there whole, with this many bytes.
    pub fn has(&self, pack: &ObjectHash, stored_bytes: u64) -> bool {
        self.packs.get(pack).is_some_and(|sound| sound.stored_bytes == stored_bytes)
    }
}

/// Reads a pack by its own table, down to its chunks' ids. `notes`: what its frames of facts hold.
fn read_pack(reader: &PackReader, hash: ObjectHash, notes: &mut Vec<Vec<u8>>) -> Result<IndexedPack> {
    let name: ObjectName = reader.layout.pack(hash);
    let mut buffers = PackBuffers::default();
    let opener = reader.open(hash)?;
    let frames = reader.table(hash, &opener, &mut buffers)?;
    let mut ids = Vec::with_capacity(frames.chunk_count());
    reader.read(hash, &opener, &frames, &mut buffers, &mut |frame| {
        let plain = frame.plain?;
        for (id, bytes) in reader.chunks(frame.shape, plain) {
            ids.push(id);
            if frame.shape.kind == FrameKind::Facts && bytes.len() as u64 <= MAX_NOTE_BYTES {
                notes.push(bytes.to_vec());
            }
        }
        Ok(())
    })?;
    Ok(IndexedPack { hash, stored_bytes: reader.store.size(&name)?, frames, ids })
}
