//! What this agent knows of its vault: every chunk that is stored and alive, by pack. A cache of
//! the vault's index objects, which the agent can open; lost or damaged, it is made from them
//! again.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use pulih_vault::chunk_map::{ChunkMap, Place, SPILL_AT};
use pulih_vault::error::{Malformed, Result, VaultError};
use pulih_vault::id::{ChunkId, ObjectHash};
use pulih_vault::index::{self, MAX_INDEX_BYTES};
use pulih_vault::layout::{Layout, ObjectKind};
use pulih_vault::reach::{PackUse, Reach};
use pulih_vault::reader::{Identities, read_named};
use pulih_vault::store::Store;
use pulih_vault::wire::{Reader, put_varint};
use pulih_vault::writer::StoredPack;

use super::Unwanted;

const MAGIC: &[u8; 8] = b"PLHKNWN\x01";
const FILE: &str = "known";
/// A frame whose pack is not stored yet.
const PENDING: u32 = u32::MAX;

struct Pack {
    hash: ObjectHash,
    stored_bytes: u64,
    all_bytes: u64,
    /// Which of `indexes` covers it.
    index: u32,
    alive: bool,
    avoided: bool,
}

pub struct Known {
    folder: PathBuf,
    /// Drawn anew whenever a chunk may have come to lie elsewhere than it did: sums over packs
    /// that were made under another generation are not carried on.
    generation: [u8; 16],
    indexes: Vec<ObjectHash>,
    packs: Vec<Pack>,
    /// Each frame's pack.
    frames: Vec<u32>,
    map: ChunkMap,
    changed: bool,
    /// Whether any pack is not alive, or is avoided; and whether a chunk was written again for that.
    some_unwanted: bool,
    moved: bool,
}

/// Bytes that are referred to, by pack.
pub type LiveBytes = BTreeMap<u32, u64>;

impl Known {
    /// Opens the cache in `folder` and brings it up to what the store has now. Packs that are
    /// doomed count as lost: what they hold is written again.
    pub fn open(
        folder: &Path,
        store: &dyn Store,
        layout: Layout,
        agent: &Identities,
        unwanted: &Unwanted,
    ) -> Result<Self> {
        fs::create_dir_all(folder).map_err(VaultError::local(format!("make {}", folder.display())))?;
        let mut known = match Self::load(folder) {
            Ok(known) => known,
            // Not there, or damaged: both are mended by making it again.
            Err(_) => Self::empty(folder)?,
        };
        let mut in_store = HashSet::new();
        store.list(&layout.folder("index"), &mut |name| {
            if let Some(ObjectKind::Index(hash)) = layout.classify(&name) {
                in_store.insert(hash);
            }
        })?;
        let mut packs = HashSet::new();
        store.list(&layout.folder("packs"), &mut |name| {
            if let Some(ObjectKind::Pack(hash)) = layout.classify(&name)
                && !unwanted.doomed.contains(&hash)
            {
                packs.insert(hash);
            }
        })?;
        // A pack is alive if the store has it and an index of it: only then can a snapshot use it.
        for pack in &mut known.packs {
            pack.alive = packs.contains(&pack.hash) && in_store.contains(&known.indexes[pack.index as usize]);
            pack.avoided = unwanted.avoided.contains(&pack.hash);
        }
        let loaded: HashSet<_> = known.indexes.iter().copied().collect();
        let mut new: Vec<_> = in_store.difference(&loaded).copied().collect();
        new.sort_unstable();
        for hash in new {
            known.add_index(store, layout, agent, hash, &packs, unwanted)?;
        }
        known.some_unwanted = known.packs.iter().any(|pack| !pack.alive || pack.avoided);
        Ok(known)
    }

    /// The packs on record in `folder`, whatever the store has: for who checks that store. Reads
    /// only, so that a backup may run beside it.
    pub fn packs_on_record(folder: &Path) -> Result<Vec<ObjectHash>> {
        Ok(Self::load(folder)?.packs.iter().map(|pack| pack.hash).collect())
    }

    fn empty(folder: &Path) -> Result<Self> {
        let map = ChunkMap::new(folder, SPILL_AT);
        map.remove_leftovers()?;
        Ok(Self {
            folder: folder.to_owned(),
            generation: draw_generation()?,
            indexes: Vec::new(),
            packs: Vec::new(),
            frames: Vec::new(),
            map,
            changed: true,
            some_unwanted: false,
            moved: false,
        })
    }

    fn add_index(
        &mut self,
        store: &dyn Store,
        layout: Layout,
        agent: &Identities,
        hash: ObjectHash,
        alive: &HashSet<ObjectHash>,
        unwanted: &Unwanted,
    ) -> Result<()> {
        let name = layout.index(hash);
        let bytes = read_named(store, &name, hash, MAX_INDEX_BYTES)?;
        let (_, packs) = index::decode(&bytes, layout.vault, agent, &format!("index {hash}"))?;
        let index = self.indexes.len() as u32;
        self.indexes.push(hash);
        for pack in packs {
            let number = self.packs.len() as u32;
            let (alive, avoided) = (alive.contains(&pack.hash), unwanted.avoided.contains(&pack.hash));
            let mut ids = pack.ids.iter();
            for shape in &pack.frames.0 {
                let frame = self.frames.len() as u32;
                self.frames.push(number);
                let mut offset = 0;
                for (&len, id) in shape.chunks.iter().zip(&mut ids) {
                    // A chunk that another pack has too is not lost with this one, and need not
                    // be written out of it.
                    if (alive && !avoided) || self.get(id)?.is_none() {
                        self.map.insert(*id, Place { frame, offset, len })?;
                    }
                    offset += len;
                }
            }
            self.packs.push(Pack {
                hash: pack.hash,
                stored_bytes: pack.stored_bytes,
                all_bytes: pack.frames.plain_bytes(),
                index,
                alive,
                avoided,
            });
        }
        self.generation = draw_generation()?;
        self.changed = true;
        Ok(())
    }

    pub fn generation(&self) -> [u8; 16] {
        self.generation
    }

    /// Whether everything that `live` counts is still there.
    pub fn all_alive(&self, live: &LiveBytes) -> bool {
        live.keys().all(|&pack| self.packs.get(pack as usize).is_some_and(|pack| pack.alive))
    }

    /// Whether anything that `live` counts lies in an avoided pack.
    pub fn any_avoided(&self, live: &LiveBytes) -> bool {
        live.keys().any(|&pack| self.packs.get(pack as usize).is_some_and(|pack| pack.avoided))
    }

    /// Whether a place lies in an avoided pack.
    pub fn is_avoided(&self, place: Place) -> bool {
        self.pack_of_frame(place.frame).is_some_and(|pack| self.packs[pack as usize].avoided)
    }

    /// Bytes of all packs that are alive, as they are stored.
    pub fn stored_bytes(&self) -> u64 {
        self.packs.iter().filter(|pack| pack.alive).map(|pack| pack.stored_bytes).sum()
    }

    /// Packs that this agent knows it wrote and that the store does not have.
    pub fn missing(&self) -> impl Iterator<Item = ObjectHash> + '_ {
        self.packs.iter().filter(|pack| !pack.alive).map(|pack| pack.hash)
    }

    /// Where a chunk lies, if it is alive (or about to be: submitted in this run).
    pub fn get(&self, id: &ChunkId) -> Result<Option<Place>> {
        Ok(self.map.get(id)?.filter(|place| {
            let pack = self.frames[place.frame as usize];
            pack == PENDING || self.packs[pack as usize].alive
        }))
    }

    /// A number for a frame of this run.
    pub fn new_frame(&mut self) -> u32 {
        self.frames.push(PENDING);
        self.frames.len() as u32 - 1
    }

    /// Says where a chunk will lie that [`Self::get`] did not find, or found in an avoided pack.
    pub fn insert(&mut self, id: ChunkId, place: Place) -> Result<()> {
        self.changed = true;
        // It moves out of a pack that is lost, doomed or avoided. While that is alive, or should it
        // come back to life, the sums of other datasets would count the chunk there, and take it
        // away here.
        if self.some_unwanted && !self.moved && self.map.get(&id)?.is_some() {
            self.generation = draw_generation()?;
            self.moved = true;
        }
        self.map.insert(id, place)
    }

    pub fn add_stored(&mut self, stored: Vec<StoredPack>) {
        for pack in stored {
            let number = self.packs.len() as u32;
            let index = if let Some(at) = self.indexes.iter().rposition(|hash| *hash == pack.index) {
                at as u32
            } else {
                self.indexes.push(pack.index);
                self.indexes.len() as u32 - 1
            };
            for frame in pack.frames {
                if let Some(slot) = self.frames.get_mut(frame as usize) {
                    *slot = number;
                }
            }
            self.packs.push(Pack {
                hash: pack.hash,
                stored_bytes: pack.stored_bytes,
                all_bytes: pack.all_bytes,
                index,
                alive: true,
                avoided: false,
            });
            self.changed = true;
        }
    }

    /// Which pack a frame is in, once that is stored.
    pub fn pack_of_frame(&self, frame: u32) -> Option<u32> {
        self.frames.get(frame as usize).copied().filter(|pack| *pack != PENDING)
    }

    pub fn reach(&self, live: &LiveBytes) -> Reach {
        let mut reach = Reach::default();
        for (&number, &live_bytes) in live {
            let pack = &self.packs[number as usize];
            reach
                .packs
                .insert(pack.hash, PackUse { stored_bytes: pack.stored_bytes, live_bytes, all_bytes: pack.all_bytes });
            reach.indexes.insert(self.indexes[pack.index as usize]);
        }
        reach
    }

    /// Puts everything on disk, if it changed.
    pub fn save(&mut self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let segments = self.map.persist()?;
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.generation);
        put_varint(&mut out, segments.len() as u64);
        for name in &segments {
            put_varint(&mut out, name.len() as u64);
            out.extend_from_slice(name.as_bytes());
        }
        put_varint(&mut out, self.indexes.len() as u64);
        self.indexes.iter().for_each(|hash| out.extend_from_slice(&hash.0));
        put_varint(&mut out, self.packs.len() as u64);
        for pack in &self.packs {
            out.extend_from_slice(&pack.hash.0);
            put_varint(&mut out, pack.stored_bytes);
            put_varint(&mut out, pack.all_bytes);
            put_varint(&mut out, u64::from(pack.index));
        }
        put_varint(&mut out, self.frames.len() as u64);
        self.frames.iter().for_each(|pack| put_varint(&mut out, u64::from(*pack)));
        let check = *blake3::hash(&out).as_bytes();
        out.extend_from_slice(&check);
        write_atomically(&self.folder, FILE, &out)?;
        self.map.remove_leftovers()?;
        self.changed = false;
        Ok(())
    }

    fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let bytes = fs::read(&path).map_err(VaultError::local(format!("read {}", path.display())))?;
        let damaged = || Malformed::new("cache of known chunks", "its checksum is wrong");
        let (body, check) = bytes.split_last_chunk::<32>().ok_or_else(damaged)?;
        if blake3::hash(body) != *check {
            return Err(damaged().into());
        }
        let mut reader = Reader::new("cache of known chunks", body);
        reader.magic(MAGIC)?;
        let generation = reader.array()?;
        let count = reader.count(1 << 20, 1, "the number of segments")?;
        let mut segments = Vec::new();
        for _ in 0..count {
            let len = reader.varint_up_to(255, "a name")? as usize;
            segments.push(String::from_utf8_lossy(reader.bytes(len)?).into_owned());
        }
        let count = reader.count(u64::from(u32::MAX), 32, "the number of indexes")?;
        let indexes = (0..count).map(|_| Ok(ObjectHash(reader.array()?))).collect::<Result<Vec<_>>>()?;
        let count = reader.count(u64::from(u32::MAX), 35, "the number of packs")?;
        let mut packs = Vec::with_capacity(count);
        for _ in 0..count {
            packs.push(Pack {
                hash: ObjectHash(reader.array()?),
                stored_bytes: reader.varint()?,
                all_bytes: reader.varint()?,
                index: reader.varint_up_to(indexes.len() as u64 - 1, "an index")? as u32,
                alive: false,
                avoided: false,
            });
        }
        let count = reader.count(u64::from(u32::MAX), 1, "the number of frames")?;
        let mut frames = Vec::with_capacity(count);
        for _ in 0..count {
            frames.push(reader.varint_up_to(u64::from(PENDING), "a pack")? as u32);
        }
        let map = ChunkMap::open(folder, &segments, SPILL_AT)?;
        Ok(Self {
            folder: folder.to_owned(),
            generation,
            indexes,
            packs,
            frames,
            map,
            changed: false,
            some_unwanted: false,
            moved: false,
        })
    }
}

fn draw_generation() -> Result<[u8; 16]> {
    use ring::rand::SecureRandom as _;
    let mut out = [0; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut out)
        .map_err(|_| Malformed::new("random number", "the system gives none"))?;
    Ok(out)
}

/// Puts a cache file in place whole or not at all. Not synced: a cache that a power cut tears
/// fails its checksum and is made again.
pub fn write_atomically(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let temp = folder.join(format!("{name}.new"));
    let write = || {
        let mut file = File::create(&temp)?;
        file.write_all(bytes)?;
        fs::rename(&temp, &path)
    };
    write().map_err(VaultError::local(format!("write {}", path.display())))
}
