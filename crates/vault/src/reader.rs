//! Reading one snapshot: through its reach and nothing else, every chunk checked against its id.

pub mod diff;
pub mod frames;
pub mod keys;
mod share;
pub mod walk;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use age::Identity;

use crate::chunk_map::{ChunkMap, Place, SPILL_AT};
use crate::description::VaultSecrets;
use crate::envelope::{self, Find, HEADER_GUESS, Opener, found_by};
use crate::error::{Malformed, Result, VaultError};
use crate::id::{ChunkId, ObjectHash};
use crate::index::{self, MAX_INDEX_BYTES};
use crate::layout::Layout;
use crate::pack::MAX_PACK_BYTES;
use crate::reach::Reach;
use crate::store::{ObjectName, Store};
use frames::{FrameBuffers, FrameInfo};
use keys::{FileKey, Keys};

pub use share::share;

/// Identities as they are passed around.
pub type Identities = Vec<Box<dyn Identity + Send + Sync>>;

/// Reads an object and checks its bytes against the hash in its name.
pub fn read_named(store: &dyn Store, name: &ObjectName, hash: ObjectHash, limit: u64) -> Result<Vec<u8>> {
    let bytes = store.read(name, limit)?;
    if ObjectHash::of(&bytes) == hash { Ok(bytes) } else { Err(VaultError::HashMismatch { name: name.clone() }) }
}

/// A snapshot whose chunks can be found and opened.
pub struct SnapshotReader {
    store: Arc<dyn Store>,
    layout: Layout,
    id_key: [u8; 32],
    keys: Box<dyn Keys>,
    packs: Vec<(ObjectHash, u64)>,
    frames: Vec<FrameInfo>,
    map: ChunkMap,
    openers: Mutex<HashMap<u32, Arc<Opener>>>,
    /// Nanoseconds.
    opening: AtomicU64,
}

/// Openers kept: 32 packs of a restore's window, and some.
const MAX_OPENERS: usize = 256;

impl SnapshotReader {
    /// Reads the indexes of `reach`, which the vault's secrets open; packs are opened by `keys`. `scratch` is
    /// an empty folder for what does not fit memory.
    pub fn open(
        store: Arc<dyn Store>,
        layout: Layout,
        reach: &Reach,
        secrets: &VaultSecrets,
        keys: impl Keys + 'static,
        scratch: &Path,
    ) -> Result<Self> {
        let mut reader = Self {
            store,
            layout,
            id_key: secrets.id_key,
            keys: Box::new(keys),
            packs: Vec::new(),
            frames: Vec::new(),
            map: ChunkMap::new(scratch, SPILL_AT),
            openers: Mutex::new(HashMap::new()),
            opening: AtomicU64::new(0),
        };
        let own: Identities = vec![Box::new(secrets.index_identity()?)];
        for hash in &reach.indexes {
            reader.add_index(*hash, reach, &own)?;
        }
        let covered: std::collections::HashSet<_> = reader.packs.iter().map(|(hash, _)| *hash).collect();
        if let Some(pack) = reach.packs.keys().find(|pack| !covered.contains(*pack)) {
            return Err(VaultError::untrusted(
                format!("pack {pack}"),
                "no index of the snapshot covers it; `pulih-agent rebuild` makes indexes again",
            ));
        }
        Ok(reader)
    }

    fn add_index(&mut self, hash: ObjectHash, reach: &Reach, identities: &Identities) -> Result<()> {
        let name = self.layout.index(hash);
        let bytes = read_named(&*self.store, &name, hash, MAX_INDEX_BYTES)?;
        // The vault's own identity opens it; whose writer left that out is read by whoever opens packs.
        let find: Find = &|stanzas| found_by(identities, stanzas).or_else(|| self.keys.file_key(&name, stanzas));
        let decoded = index::decode_with(&bytes, self.layout.vault, find, &format!("index {hash}"));
        let (_, packs) = decoded.map_err(|error| match error {
            VaultError::Malformed(source) => VaultError::Object { name: name.clone(), source },
            other => other,
        })?;
        for pack in packs {
            // A pack that is not in the reach does not exist for this snapshot.
            if !reach.packs.contains_key(&pack.hash) {
                continue;
            }
            let number = self.packs.len() as u32;
            self.packs.push((pack.hash, pack.stored_bytes));
            let mut ids = pack.ids.iter();
            let mut at = 0;
            for shape in &pack.frames.0 {
                let frame = self.frames.len() as u32;
                self.frames.push(FrameInfo {
                    pack: number,
                    at,
                    stored_bytes: shape.stored_bytes,
                    plain_bytes: shape.plain_bytes() as u32,
                });
                at += shape.stored_bytes;
                let mut offset = 0;
                for (&len, id) in shape.chunks.iter().zip(&mut ids) {
                    self.map.insert(*id, Place { frame, offset, len })?;
                    offset += len;
                }
            }
        }
        Ok(())
    }

    pub fn place(&self, id: &ChunkId) -> Result<Place> {
        self.map.get(id)?.ok_or(VaultError::MissingChunk { id: *id })
    }

    /// Which pack a frame lies in.
    pub fn pack_of(&self, frame: u32) -> ObjectHash {
        self.packs[self.frames[frame as usize].pack as usize].0
    }

    pub fn id_of(&self, bytes: &[u8]) -> ChunkId {
        chunk_id(&self.id_key, bytes)
    }

    fn opener(&self, pack: u32) -> Result<Arc<Opener>> {
        let lock = || self.openers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opener) = lock().get(&pack) {
            return Ok(opener.clone());
        }
        let (hash, _) = self.packs[pack as usize];
        let name = self.layout.pack(hash);
        let opener = Arc::new(open_pack(&*self.store, &name, &*self.keys)?);
        let mut openers = lock();
        if openers.len() >= MAX_OPENERS {
            openers.clear();
        }
        openers.insert(pack, opener.clone());
        Ok(opener)
    }

    /// Reads, opens and decompresses a frame into `buffers.plain`.
    pub fn read_frame(&self, frame: u32, buffers: &mut FrameBuffers) -> Result<()> {
        let info = self.frames[frame as usize];
        let name = self.layout.pack(self.packs[info.pack as usize].0);
        let opener = self.opener(info.pack)?;
        buffers.read(&*self.store, &name, &opener, info).map_err(|error| match error {
            VaultError::Malformed(source) => VaultError::Object { name, source },
            other => other,
        })?;
        self.opening.fetch_add(buffers.opening.as_nanos() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// How long opening and decompressing took, of all threads together.
    pub fn opening(&self) -> Duration {
        Duration::from_nanos(self.opening.load(Ordering::Relaxed))
    }

    /// The chunk `id` out of a frame that was read, checked.
    pub fn chunk_in<'b>(&self, id: &ChunkId, place: Place, plain: &'b [u8]) -> Result<&'b [u8]> {
        let from = place.offset as usize;
        plain
            .get(from..from + place.len as usize)
            .filter(|bytes| self.id_of(bytes) == *id)
            .ok_or_else(|| VaultError::DamagedChunk { id: *id, pack: self.pack_of(place.frame) })
    }
}

/// Reads a pack's header.
pub fn open_pack(store: &dyn Store, name: &ObjectName, keys: &dyn Keys) -> Result<Opener> {
    let what = format!("pack {name}");
    let find: Find = &|stanzas| keys.file_key(name, stanzas);
    header(store, name, |start, size| Opener::with(start, size, find, &what))
}

/// The file key of a pack, by the header that the store has of it.
pub fn pack_key(store: &dyn Store, name: &ObjectName, keys: &dyn Keys) -> Result<FileKey> {
    let what = format!("pack {name}");
    let find: Find = &|stanzas| keys.file_key(name, stanzas);
    header(store, name, |start, size| envelope::file_key(start, size, find, &what)).map(|(key, _)| key)
}

/// Reads as much of a pack's beginning as `parse` needs.
fn header<T>(store: &dyn Store, name: &ObjectName, parse: impl Fn(&[u8], u64) -> Result<Option<T>>) -> Result<T> {
    let size = store.size(name)?;
    if size > MAX_PACK_BYTES {
        let source = Malformed::new("pack", "it has more than 256 MiB");
        return Err(VaultError::Object { name: name.clone(), source });
    }
    let mut start = Vec::new();
    let mut want = HEADER_GUESS as u64;
    loop {
        let have = start.len() as u64;
        let more = want.min(size) - have;
        store.read_range(name, have, more as usize, &mut start)?;
        if let Some(done) = parse(&start, size).map_err(|error| match error {
            VaultError::Malformed(source) => VaultError::Object { name: name.clone(), source },
            other => other,
        })? {
            return Ok(done);
        }
        want *= 4;
    }
}

/// The id of a chunk.
pub fn chunk_id(id_key: &[u8; 32], bytes: &[u8]) -> ChunkId {
    let hash = blake3::keyed_hash(id_key, bytes);
    let mut id = [0; ChunkId::LEN];
    id.copy_from_slice(&hash.as_bytes()[..ChunkId::LEN]);
    ChunkId(id)
}
