//! Putting a snapshot together: chunks that the vault does not have go into frames, entries
//! into the tree, and every reference to a chunk is counted for the reach.

use std::collections::HashMap;
use std::time::Instant;

use pulih_vault::chunk_map::Place;
use pulih_vault::error::{Result, VaultError};
use pulih_vault::frame::Search;
use pulih_vault::id::ChunkId;
use pulih_vault::pack::FrameKind;
use pulih_vault::reader::chunk_id;
use pulih_vault::tree::builder::NodeSink;
use pulih_vault::tree::entry::Entry;
use pulih_vault::tree::list::ListBuilder;
use pulih_vault::writer::{Frame, PackWriter};

use super::known::{Known, LiveBytes};
use super::listing::NodeRef;
use super::rewrite::Rewriting;

/// Plain bytes after which a frame is closed.
const FRAME_BYTES: usize = 4 << 20;
/// So that a frame of tiny files keeps within the format's bound.
const FRAME_CHUNKS: usize = 16_384;

/// What a chunk is part of: like lies with like, and is compressed as suits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    SmallFile,
    LargeFile,
    List,
    Tree,
}

/// A frame being filled.
struct Filling {
    kind: FrameKind,
    search: Search,
    number: Option<u32>,
    plain: Vec<u8>,
    chunks: Vec<(ChunkId, u32)>,
}

impl Filling {
    fn new(kind: FrameKind, search: Search) -> Self {
        Self { kind, search, number: None, plain: Vec::new(), chunks: Vec::new() }
    }
}

/// See [`Assembler::counted`].
pub struct Counted {
    more: HashMap<u32, u64>,
    nodes: usize,
}

/// Where chunks go.
pub struct Assembler {
    pub known: Known,
    /// `None` once the snapshot is settled.
    writer: Option<PackWriter>,
    /// Whether the writer was given anything.
    wrote: bool,
    id_key: [u8; 32],
    small: Filling,
    large: Filling,
    tree: Filling,
    lists: Filling,
    /// References that came and went in this run, by frame.
    more: HashMap<u32, u64>,
    less: HashMap<u32, u64>,
    /// Nodes of the new tree that no record of the listing names.
    pub nodes: Vec<NodeRef>,
    pub rewriting: Rewriting,
    /// Of chunks that were given to the writer, whether the vault had them or not.
    pub written_bytes: u64,
    pub stored_bytes: u64,
}

impl Assembler {
    pub fn new(known: Known, writer: PackWriter, id_key: [u8; 32], rewriting: Rewriting) -> Self {
        Self {
            known,
            writer: Some(writer),
            wrote: false,
            id_key,
            small: Filling::new(FrameKind::Content, Search::Short),
            large: Filling::new(FrameKind::Content, Search::Long),
            tree: Filling::new(FrameKind::Tree, Search::Short),
            lists: Filling::new(FrameKind::List, Search::Short),
            more: HashMap::new(),
            less: HashMap::new(),
            nodes: Vec::new(),
            rewriting,
            written_bytes: 0,
            stored_bytes: 0,
        }
    }

    /// Refers to a chunk, and stores it if the vault does not have it, or has it where it should
    /// not stay. Says whether it was new.
    pub fn add(&mut self, part: Part, id: ChunkId, bytes: &[u8]) -> Result<bool> {
        let len = bytes.len() as u64;
        let (frame, new) = match self.known.get(&id)? {
            Some(place) if self.known.is_avoided(place) && self.rewriting.spend(len) => {
                (self.write(part, id, bytes)?, false)
            }
            Some(place) => (place.frame, false),
            None => (self.write(part, id, bytes)?, true),
        };
        *self.more.entry(frame).or_default() += len;
        Ok(new)
    }

    /// Writes a chunk afresh if it lies in an avoided pack; refers to nothing.
    pub fn rewrite(&mut self, part: Part, id: ChunkId, bytes: &[u8]) -> Result<()> {
        if let Some(place) = self.known.get(&id)?
            && self.known.is_avoided(place)
            && self.rewriting.spend(bytes.len() as u64)
        {
            self.write(part, id, bytes)?;
        }
        Ok(())
    }

    /// Puts a chunk into a frame, and says into which.
    fn write(&mut self, part: Part, id: ChunkId, bytes: &[u8]) -> Result<u32> {
        let filling = match part {
            Part::SmallFile => &mut self.small,
            Part::LargeFile => &mut self.large,
            Part::List => &mut self.lists,
            Part::Tree => &mut self.tree,
        };
        if filling.plain.capacity() == 0 {
            filling.plain = self.writer.as_ref().map(PackWriter::buffer).unwrap_or_default();
        }
        let frame = *filling.number.get_or_insert_with(|| self.known.new_frame());
        let place = Place { frame, offset: filling.plain.len() as u32, len: bytes.len() as u32 };
        filling.plain.extend_from_slice(bytes);
        filling.chunks.push((id, bytes.len() as u32));
        self.known.insert(id, place)?;
        self.written_bytes += bytes.len() as u64;
        self.wrote = true;
        if filling.plain.len() >= FRAME_BYTES || filling.chunks.len() >= FRAME_CHUNKS {
            submit(self.writer.as_ref(), filling)?;
            self.take_stored();
        }
        Ok(frame)
    }

    fn take_stored(&mut self) {
        let stored = self.writer.as_ref().map(PackWriter::stored).unwrap_or_default();
        self.stored_bytes += stored.iter().map(|pack| pack.stored_bytes).sum::<u64>();
        self.known.add_stored(stored);
    }

    pub fn add_list(&mut self, list: &[u8]) -> Result<ChunkId> {
        let id = chunk_id(&self.id_key, list);
        self.add(Part::List, id, list)?;
        Ok(id)
    }

    /// Counts a reference to a chunk; false if the vault does not have it any more.
    pub fn refer(&mut self, id: &ChunkId) -> Result<bool> {
        let place = self.known.get(id)?;
        if let Some(place) = place {
            *self.more.entry(place.frame).or_default() += u64::from(place.len);
        }
        Ok(place.is_some())
    }

    /// Takes a reference back.
    pub fn unrefer(&mut self, id: &ChunkId) -> Result<()> {
        if let Some(place) = self.known.get(id)? {
            *self.less.entry(place.frame).or_default() += u64::from(place.len);
        }
        Ok(())
    }

    /// All chunks that an entry's line leads to: content and lists. `ids`: its content's, if
    /// the line has only lists.
    pub fn chunks_of(&self, entry: &Entry, ids: &[ChunkId]) -> Result<Vec<ChunkId>> {
        let Some(content) = entry.content() else { return Ok(Vec::new()) };
        if content.depth == 0 {
            return Ok(content.chunks.clone());
        }
        let mut all = ids.to_vec();
        let mut lists = Vec::new();
        let mut builder = ListBuilder::default();
        let mut store = |list: &[u8]| {
            let id = chunk_id(&self.id_key, list);
            lists.push(id);
            Ok(id)
        };
        for id in ids {
            builder.push(*id, &mut store)?;
        }
        builder.finish(&mut store)?;
        all.extend(lists);
        Ok(all)
    }

    /// Refers to all chunks of an entry that is as it was. Its lists are made of ids that are here:
    /// they are written afresh where they should not stay.
    pub fn refer_to_all(&mut self, entry: &Entry, ids: &[ChunkId]) -> Result<()> {
        let Some(content) = entry.content() else { return Ok(()) };
        if content.depth == 0 {
            return content.chunks.iter().try_for_each(|id| self.refer(id).map(|_| ()));
        }
        let mut builder = ListBuilder::default();
        for id in ids {
            self.refer(id)?;
            builder.push(*id, &mut |list| self.add_list(list))?;
        }
        builder.finish(&mut |list| self.add_list(list)).map(|_| ())
    }

    /// Sends out what is left in the frames.
    pub fn flush(&mut self) -> Result<()> {
        for filling in [&mut self.small, &mut self.large, &mut self.lists, &mut self.tree] {
            submit(self.writer.as_ref(), filling)?;
        }
        Ok(())
    }

    /// Stores what there is until then, for a run that makes no snapshot.
    pub fn give_up(&mut self, until: Instant) -> Result<()> {
        match self.writer.take() {
            Some(writer) => writer.give_up(until).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Bytes that wait to be stored.
    pub fn waiting_bytes(&self) -> u64 {
        self.writer.as_ref().map_or(0, PackWriter::waiting_bytes)
    }

    /// Waits until everything is stored; `facts` ends the last pack if there is anything to store.
    /// `next` takes the place of the writer that has ended.
    /// Says where the facts are.
    pub fn settle(&mut self, next: Option<PackWriter>, facts: &str) -> Result<Option<(u32, u64)>> {
        self.flush()?;
        let wrote = std::mem::take(&mut self.wrote);
        let chunk = (chunk_id(&self.id_key, facts.as_bytes()), facts.len() as u32);
        let number = self.known.new_frame();
        let Some(writer) = std::mem::replace(&mut self.writer, next) else { return Ok(None) };
        let stored = writer.finish(|| {
            wrote.then(|| Frame {
                kind: FrameKind::Facts,
                number,
                plain: facts.as_bytes().to_vec(),
                chunks: vec![chunk],
                search: Search::Short,
            })
        })?;
        self.stored_bytes += stored.iter().map(|pack| pack.stored_bytes).sum::<u64>();
        self.known.add_stored(stored);
        Ok(wrote.then_some((number, facts.len() as u64)))
    }

    /// What the assembler counts, to be put back once a partial snapshot has ended its tree.
    pub fn counted(&self) -> Counted {
        Counted { more: self.more.clone(), nodes: self.nodes.len() }
    }

    pub fn put_back(&mut self, counted: Counted) {
        self.more = counted.more;
        self.nodes.truncate(counted.nodes);
    }

    /// Live bytes by pack, carried on from `before`. All frames are stored by now.
    pub fn live(&self, before: &LiveBytes) -> LiveBytes {
        let mut live = before.clone();
        for (frame, bytes) in &self.more {
            if let Some(pack) = self.known.pack_of_frame(*frame) {
                *live.entry(pack).or_default() += bytes;
            }
        }
        for (frame, bytes) in &self.less {
            if let Some(pack) = self.known.pack_of_frame(*frame) {
                let left = live.entry(pack).or_default();
                *left = left.saturating_sub(*bytes);
            }
        }
        live.retain(|_, bytes| *bytes > 0);
        live
    }
}

fn submit(writer: Option<&PackWriter>, filling: &mut Filling) -> Result<()> {
    let Some(number) = filling.number.take() else { return Ok(()) };
    let stopped = VaultError::Stopped { what: "the writer of packs" };
    let writer = writer.ok_or(stopped)?;
    writer.submit(Frame {
        kind: filling.kind,
        number,
        plain: std::mem::take(&mut filling.plain),
        chunks: std::mem::take(&mut filling.chunks),
        search: filling.search,
    })
}

impl NodeSink for Assembler {
    fn node(&mut self, level: u8, bytes: &[u8]) -> Result<ChunkId> {
        let id = chunk_id(&self.id_key, bytes);
        self.add(Part::Tree, id, bytes)?;
        if level > 0 {
            self.nodes.push((id, bytes.len() as u32));
        }
        Ok(id)
    }
}
