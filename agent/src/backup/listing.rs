//! The last run's listing: every entry in the order of the walk, with what the system said of
//! it then and its line in the tree. What the system still says the same of is taken over
//! without being opened. A cache: if it is lost or damaged, files are read again.
//!
//! A new listing that begins like the old one takes those bytes over as they are.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use pulih_vault::error::{Malformed, Result, VaultError};
use pulih_vault::id::ChunkId;
use pulih_vault::wire::{Reader, put_varint};

use super::known::LiveBytes;
use crate::source::Stat;

const MAGIC: &[u8; 8] = b"PLHLIST\x01";
const WHAT: &str = "listing of the last run";
const STAT_BYTES: usize = 84;
const FOOTER_BYTES: u64 = 8 + 32 + 8;
const BUFFER_BYTES: usize = 1 << 20;
const MAX_RECORD: usize = 4 << 20;

/// A node that the last run's tree has: its id and length.
pub type NodeRef = (ChunkId, u32);

/// What the system said, in a form that is compared as bytes. Blocks are left out: the file
/// system may allocate them later.
pub fn stat_bytes(stat: &Stat) -> [u8; STAT_BYTES] {
    let mut out = [0; STAT_BYTES];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    for number in [stat.mode, stat.uid, stat.gid, stat.mtime.nanoseconds, stat.ctime.nanoseconds] {
        put(&number.to_le_bytes());
    }
    put(&stat.mtime.seconds.to_le_bytes());
    put(&stat.ctime.seconds.to_le_bytes());
    for number in [stat.size, stat.device, stat.inode, stat.links, stat.rdev] {
        put(&number.to_le_bytes());
    }
    out
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Counts from 0.
    pub number: u64,
    /// Whether the entry may be taken over if the system says the same of it again.
    pub trusted: bool,
    pub stat: [u8; STAT_BYTES],
    pub path: Vec<u8>,
    pub line: Vec<u8>,
    /// All ids of a file whose line has only lists of them.
    pub ids: Vec<ChunkId>,
    /// The leaf that ends with this entry, by rule and not because the tree ended.
    pub leaf: Option<NodeRef>,
}

impl Record {
    /// Size and type of a file, for counting.
    pub fn mode_and_size(&self) -> (u32, u64) {
        let mut mode = [0; 4];
        mode.copy_from_slice(&self.stat[..4]);
        let mut size = [0; 8];
        size.copy_from_slice(&self.stat[36..44]);
        (u32::from_le_bytes(mode), u64::from_le_bytes(size))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        out.push(u8::from(self.trusted) | u8::from(self.leaf.is_some()) << 1);
        out.extend_from_slice(&self.stat);
        for part in [&self.path, &self.line] {
            out.extend_from_slice(&(part.len() as u32).to_le_bytes());
            out.extend_from_slice(part);
        }
        out.extend_from_slice(&(self.ids.len() as u32).to_le_bytes());
        self.ids.iter().for_each(|id| out.extend_from_slice(&id.0));
        if let Some((id, len)) = &self.leaf {
            out.extend_from_slice(&id.0);
            out.extend_from_slice(&len.to_le_bytes());
        }
        let len = (out.len() - at - 4) as u32;
        out[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }

    fn parse(number: u64, bytes: &[u8]) -> std::result::Result<Self, Malformed> {
        let mut reader = Reader::new(WHAT, bytes);
        let flags = reader.u8()?;
        let stat = reader.array()?;
        let len = reader.u32()? as usize;
        let path = reader.bytes(len)?.to_vec();
        let len = reader.u32()? as usize;
        let line = reader.bytes(len)?.to_vec();
        let count = reader.u32()? as usize;
        let (ids, _) = reader.bytes(count * ChunkId::LEN)?.as_chunks();
        let ids = ids.iter().map(|id| ChunkId(*id)).collect();
        let leaf = if flags & 2 == 0 { None } else { Some((ChunkId(reader.array()?), reader.u32()?)) };
        reader.end()?;
        Ok(Self { number, trusted: flags & 1 != 0, stat, path, line, ids, leaf })
    }
}

/// What a listing ends with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    /// Generation of the known chunks that `live` was made under.
    pub generation: [u8; 16],
    /// Nodes that no record names: inner ones, and the last leaf.
    pub nodes: Vec<NodeRef>,
    pub live: LiveBytes,
}

/// Reads a listing from its start.
pub struct ListingReader {
    file: File,
    path: PathBuf,
    /// Where the records end.
    end: u64,
    /// File offset of `buffer[at]`.
    offset: u64,
    buffer: Vec<u8>,
    at: usize,
    next_number: u64,
    pub tail: Tail,
}

impl ListingReader {
    /// `None` if there is no listing, or a damaged one.
    pub fn open(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let footer_at = size.checked_sub(FOOTER_BYTES)?;
        let mut footer = [0; FOOTER_BYTES as usize];
        file.seek(SeekFrom::Start(footer_at)).ok()?;
        file.read_exact(&mut footer).ok()?;
        let (end, rest) = footer.split_first_chunk::<8>()?;
        let end = u64::from_le_bytes(*end);
        if rest[32..] != *MAGIC || end > footer_at || footer_at - end > 1 << 30 {
            return None;
        }
        let mut tail = vec![0; (footer_at - end) as usize];
        file.seek(SeekFrom::Start(end)).ok()?;
        file.read_exact(&mut tail).ok()?;
        if blake3::hash(&tail).as_bytes()[..] != rest[..32] {
            return None;
        }
        let tail = parse_tail(&tail).ok()?;
        file.seek(SeekFrom::Start(0)).ok()?;
        Some(Self {
            file,
            path: path.to_owned(),
            end,
            offset: 0,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            at: 0,
            next_number: 0,
            tail,
        })
    }

    fn damaged(&self) -> VaultError {
        Malformed::new(WHAT, format!("{} is damaged; remove it and run again", self.path.display())).into()
    }

    /// Makes `len` bytes available from `self.at` on.
    fn fill(&mut self, len: usize) -> Result<()> {
        if self.buffer.len() - self.at >= len {
            return Ok(());
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let have = self.buffer.len();
        let left = self.end - self.offset - have as u64;
        let want = (BUFFER_BYTES.max(len) - have).min(left as usize);
        self.buffer.resize(have + want, 0);
        self.file
            .read_exact(&mut self.buffer[have..])
            .map_err(VaultError::local(format!("read {}", self.path.display())))?;
        if self.buffer.len() < len { Err(self.damaged()) } else { Ok(()) }
    }

    /// The next record, and where it ends in the file.
    pub fn next_record(&mut self) -> Result<Option<(Record, u64)>> {
        if self.offset == self.end {
            return Ok(None);
        }
        self.fill(4)?;
        let mut len = [0; 4];
        len.copy_from_slice(&self.buffer[self.at..self.at + 4]);
        let len = u32::from_le_bytes(len) as usize;
        if len > MAX_RECORD && len as u64 > self.end - self.offset {
            return Err(self.damaged());
        }
        self.fill(4 + len)?;
        let bytes = &self.buffer[self.at + 4..self.at + 4 + len];
        let record = Record::parse(self.next_number, bytes).map_err(|_| self.damaged())?;
        self.next_number += 1;
        self.at += 4 + len;
        self.offset += 4 + len as u64;
        Ok(Some((record, self.offset)))
    }
}

fn parse_tail(bytes: &[u8]) -> std::result::Result<Tail, Malformed> {
    let mut reader = Reader::new(WHAT, bytes);
    let mut tail = Tail { generation: reader.array()?, ..Tail::default() };
    let count = reader.count(u64::MAX, 28, "the number of nodes")?;
    for _ in 0..count {
        tail.nodes.push((ChunkId(reader.array()?), reader.u32()?));
    }
    let count = reader.count(u64::MAX, 2, "the number of packs")?;
    for _ in 0..count {
        let pack = reader.varint_up_to(u64::from(u32::MAX), "a pack")? as u32;
        tail.live.insert(pack, reader.varint()?);
    }
    reader.end()?;
    Ok(tail)
}

/// Writes a listing beside the old one, and over it only when it is complete.
pub struct ListingWriter {
    path: PathBuf,
    temp: PathBuf,
    /// While everything is as in the old listing: how much of that is taken over.
    same_until: u64,
    out: Option<BufWriter<File>>,
    scratch: Vec<u8>,
    written: u64,
}

impl ListingWriter {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            temp: path.with_extension("listing.new"),
            same_until: 0,
            out: None,
            scratch: Vec::new(),
            written: 0,
        }
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> VaultError + use<> {
        VaultError::local(format!("write {}", self.temp.display()))
    }

    /// Takes over a record that the old listing has, ending there at `end`. `follows`: it comes
    /// right behind what was taken over so far.
    pub fn same(&mut self, record: &Record, end: u64, follows: bool) -> Result<()> {
        if self.out.is_none() && follows {
            self.same_until = end;
            return Ok(());
        }
        self.put(record)
    }

    pub fn put(&mut self, record: &Record) -> Result<()> {
        self.begin()?;
        self.scratch.clear();
        record.encode(&mut self.scratch);
        self.written += self.scratch.len() as u64;
        let failed = self.failed();
        match &mut self.out {
            Some(out) => out.write_all(&self.scratch).map_err(failed),
            None => Ok(()),
        }
    }

    fn begin(&mut self) -> Result<()> {
        if self.out.is_some() {
            return Ok(());
        }
        let start = || {
            let mut out = File::create(&self.temp)?;
            if self.same_until > 0 {
                io::copy(&mut File::open(&self.path)?.take(self.same_until), &mut out)?;
            }
            Ok(BufWriter::with_capacity(BUFFER_BYTES, out))
        };
        self.out = Some(start().map_err(self.failed())?);
        self.written = self.same_until;
        Ok(())
    }

    /// Ends the listing. If nothing at all differs, the old one stays.
    pub fn finish(mut self, old: Option<&Tail>, tail: &Tail, all_same: bool) -> Result<()> {
        if all_same && self.out.is_none() && old == Some(tail) {
            return Ok(());
        }
        self.begin()?;
        let mut bytes = tail.generation.to_vec();
        put_varint(&mut bytes, tail.nodes.len() as u64);
        for (id, len) in &tail.nodes {
            bytes.extend_from_slice(&id.0);
            bytes.extend_from_slice(&len.to_le_bytes());
        }
        put_varint(&mut bytes, tail.live.len() as u64);
        for (&pack, &live) in &tail.live {
            put_varint(&mut bytes, u64::from(pack));
            put_varint(&mut bytes, live);
        }
        let check = *blake3::hash(&bytes).as_bytes();
        bytes.extend_from_slice(&self.written.to_le_bytes());
        bytes.extend_from_slice(&check);
        bytes.extend_from_slice(MAGIC);
        let failed = self.failed();
        let (temp, path) = (self.temp.clone(), self.path.clone());
        let write = || {
            if let Some(mut out) = self.out.take() {
                out.write_all(&bytes)?;
                out.flush()?;
            }
            std::fs::rename(temp, path)
        };
        write().map_err(failed)
    }
}
