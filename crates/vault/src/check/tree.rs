//! One snapshot's tree, from the root to every chunk's place. What is missing is put on record
//! with the object that it went with, and the walk goes on beside it.

use super::packs::BadPacks;
use super::trees::{Readers, Sound};
use super::{Checking, Lost, is_ours};
use crate::chunk_map::Place;
use crate::error::{Malformed, Result, VaultError};
use crate::id::{ChunkId, ObjectHash};
use crate::manifest::Facts;
use crate::reach::Reach;
use crate::reader::SnapshotReader;
use crate::reader::walk::ChunkCursor;
use crate::store::ObjectName;
use crate::tree::entry::{Content, Entry};
use crate::tree::list;
use crate::tree::node::{MAX_NODE_BYTES, Node};

pub struct Walk<'w> {
    checking: &'w Checking<'w>,
    readers: &'w Readers<'w>,
    /// Of all snapshots' packs.
    all: &'w SnapshotReader,
    cursor: ChunkCursor<'w>,
    /// Of this snapshot's packs, for chunks that the reader of all finds in another one.
    own: Option<SnapshotReader>,
    reach: &'w Reach,
    bad: &'w BadPacks,
    sound: &'w mut Sound,
    snapshot: usize,
    /// Objects that a chunk without a place may have gone with.
    blamed: Vec<ObjectName>,
}

/// The part of a tree that a node is for.
#[derive(Clone, Copy)]
struct Part<'p> {
    from: Option<&'p [u8]>,
    to: Option<&'p [u8]>,
    entries: u64,
}

/// Why a chunk cannot be had, and the object that is the cause if it is one.
struct Fault {
    object: Option<ObjectName>,
    error: VaultError,
}

/// The outer error is this run's, the inner one the vault's.
type Found<T> = Result<std::result::Result<T, Fault>>;

impl<'w> Walk<'w> {
    #[allow(clippy::too_many_arguments, reason = "all are borrowed from the one caller")]
    pub fn new(
        checking: &'w Checking<'w>,
        readers: &'w Readers<'w>,
        all: &'w SnapshotReader,
        reach: &'w Reach,
        bad: &'w BadPacks,
        sound: &'w mut Sound,
        snapshot: usize,
        blamed: Vec<ObjectName>,
    ) -> Self {
        Self { checking, readers, all, cursor: ChunkCursor::new(all), own: None, reach, bad, sound, snapshot, blamed }
    }

    pub fn tree(&mut self, facts: &Facts) -> Result<()> {
        let Some(root) = facts.tree else { return Ok(()) };
        let counts = facts.counts;
        // Numbers of an agent's: nothing says that they add up.
        let entries = counts.files.saturating_add(counts.dirs).saturating_add(counts.others).max(1);
        let part = Part { from: None, to: None, entries };
        self.node(root.root, root.level, part)?;
        Ok(())
    }

    /// Whether a node and all below it is sound.
    fn node(&mut self, id: ChunkId, level: u8, part: Part) -> Result<bool> {
        let key = part_key(&id, level, part);
        if self.sound.has(&key) {
            return Ok(true);
        }
        let sound = match self.read_node(&id, level, part)? {
            Err(fault) => {
                self.lose(&fault, part.from.unwrap_or_default(), part.entries);
                false
            }
            Ok(Node::Leaf(entries)) => {
                let mut sound = true;
                for entry in &entries {
                    sound &= self.entry(entry)?;
                }
                sound
            }
            Ok(Node::Inner(children)) => {
                let mut sound = true;
                for (at, child) in children.iter().enumerate() {
                    let to = children.get(at + 1).map_or(part.to, |next| Some(&next.first));
                    let below = Part { from: Some(&child.first), to, entries: child.entries.max(1) };
                    sound &= self.node(child.node, level - 1, below)?;
                }
                sound
            }
        };
        if sound {
            self.sound.add(key);
        }
        Ok(sound)
    }

    fn read_node(&mut self, id: &ChunkId, level: u8, part: Part) -> Found<Node> {
        let bytes = match self.chunk(id)? {
            Ok(bytes) => bytes,
            Err(fault) => return Ok(Err(fault)),
        };
        let node = if bytes.len() > MAX_NODE_BYTES {
            Err(Malformed::new("tree node", "it has more than 1 MiB"))
        } else {
            Node::parse(&bytes, level, part.from, part.to)
        };
        // The chunk is what its id says: it was written like this, and no pack is to blame.
        Ok(node.map_err(|source| Fault { object: None, error: source.into() }))
    }

    fn entry(&mut self, entry: &Entry) -> Result<bool> {
        let Some(content) = entry.content() else { return Ok(true) };
        if content.unread.is_some() {
            return Ok(true);
        }
        match self.content(content)? {
            Ok(()) => Ok(true),
            Err(fault) => {
                self.lose(&fault, &entry.path, 1);
                Ok(false)
            }
        }
    }

    /// Whether all of a file's chunks are there and add up to its size.
    fn content(&mut self, content: &Content) -> Found<()> {
        let mut sum = 0u64;
        for id in &content.chunks {
            if let Err(fault) = self.add_up(*id, content.depth, content.size, &mut sum)? {
                return Ok(Err(fault));
            }
        }
        let holes: u64 = content.holes.iter().map(|(_, len)| len).sum();
        if sum.checked_add(holes) == Some(content.size) {
            return Ok(Ok(()));
        }
        let error = Malformed::new("file", "its chunks and holes do not add up to its size").into();
        Ok(Err(Fault { object: None, error }))
    }

    fn add_up(&mut self, id: ChunkId, depth: u8, most: u64, sum: &mut u64) -> Found<()> {
        if depth == 0 {
            return Ok(self.place(&id)?.and_then(|(place, pack)| {
                if self.bad.has(&pack, &id) {
                    return Err(self.in_pack(pack, VaultError::DamagedChunk { id, pack }));
                }
                *sum += u64::from(place.len);
                // Every chunk has a byte or more: so hostile lists come to an end.
                let error = || Malformed::new("file", "it has more chunks than bytes").into();
                if *sum > most { Err(Fault { object: None, error: error() }) } else { Ok(()) }
            }));
        }
        let bytes = match self.chunk(&id)? {
            Ok(bytes) => bytes,
            Err(fault) => return Ok(Err(fault)),
        };
        let ids = match list::parse(&bytes) {
            Ok(ids) => ids,
            Err(source) => return Ok(Err(Fault { object: None, error: source.into() })),
        };
        for id in ids {
            if let Err(fault) = self.add_up(ChunkId(*id), depth - 1, most, sum)? {
                return Ok(Err(fault));
            }
        }
        Ok(Ok(()))
    }

    fn in_pack(&self, pack: ObjectHash, error: VaultError) -> Fault {
        Fault { object: Some(self.checking.layout.pack(pack)), error }
    }

    /// Where a chunk lies in this snapshot's packs.
    fn place(&mut self, id: &ChunkId) -> Found<(Place, ObjectHash)> {
        match self.all.place(id) {
            Ok(place) => {
                let pack = self.all.pack_of(place.frame);
                if self.reach.packs.contains_key(&pack) {
                    self.sound.rests_on(pack);
                    return Ok(Ok((place, pack)));
                }
            }
            Err(error @ VaultError::MissingChunk { .. }) => return Ok(Err(Fault { object: None, error })),
            Err(error) => return Err(error),
        }
        let own = self.own()?;
        match own.place(id) {
            Ok(place) => {
                let pack = own.pack_of(place.frame);
                self.sound.rests_on(pack);
                Ok(Ok((place, pack)))
            }
            Err(error @ VaultError::MissingChunk { .. }) => Ok(Err(Fault { object: None, error })),
            Err(error) => Err(error),
        }
    }

    fn own(&mut self) -> Result<&SnapshotReader> {
        if self.own.is_none() {
            self.own = Some(self.readers.open(self.reach)?);
        }
        self.own.as_ref().ok_or(VaultError::Stopped { what: "a reader" })
    }

    /// A chunk's bytes.
    fn chunk(&mut self, id: &ChunkId) -> Found<Vec<u8>> {
        let (place, pack) = match self.place(id)? {
            Ok(found) => found,
            Err(fault) => return Ok(Err(fault)),
        };
        if self.bad.has(&pack, id) {
            return Ok(Err(self.in_pack(pack, VaultError::DamagedChunk { id: *id, pack })));
        }
        let in_all = self.all.place(id).is_ok_and(|there| there == place && self.all.pack_of(there.frame) == pack);
        let bytes = if in_all {
            self.cursor.chunk(id).map(<[u8]>::to_vec)
        } else {
            ChunkCursor::new(self.own()?).chunk(id).map(<[u8]>::to_vec)
        };
        match bytes {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error) if is_ours(&error) => Err(error),
            Err(error) => Ok(Err(self.in_pack(pack, error))),
        }
    }

    /// Puts on record that entries from `path` on are lost.
    fn lose(&self, fault: &Fault, path: &[u8], entries: u64) {
        let objects = fault.object.as_ref().map_or(&self.blamed[..], std::slice::from_ref);
        let lost = Lost { snapshot: self.snapshot, path: path.to_vec(), entries };
        for object in objects {
            self.checking.findings.damaged(object, &fault.error);
            self.checking.findings.lost(object, lost.clone());
        }
    }
}

/// A name for a node in its place: sound in one place, its paths may be out of order in another.
fn part_key(id: &ChunkId, level: u8, part: Part) -> ChunkId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id.0).update(&[level]);
    for end in [part.from, part.to] {
        let len = end.map_or(u64::MAX, |path| path.len() as u64);
        hasher.update(&len.to_le_bytes()).update(end.unwrap_or_default());
    }
    let mut key = [0; ChunkId::LEN];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..ChunkId::LEN]);
    ChunkId(key)
}
