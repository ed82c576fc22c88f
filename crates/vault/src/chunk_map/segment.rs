//! A segment: sorted records in blocks, each with a checksum, behind them the first key of
//! every block. Written once, read by `pread`: its pages are the kernel's to keep or drop, and
//! do not count as memory of this process, as a mapping's would.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Place;
use crate::error::{Malformed, Result, VaultError};
use crate::id::ChunkId;

pub const RECORD_BYTES: usize = ChunkId::LEN + 12;
const BLOCK_RECORDS: usize = 112;
const CHECK_BYTES: usize = 8;
const BLOCK_BYTES: usize = BLOCK_RECORDS * RECORD_BYTES + CHECK_BYTES;
const MAGIC: &[u8; 8] = b"PLHCMAP\x01";
/// Count of records, checksum over the keys and the count, magic.
const FOOTER_BYTES: usize = 8 + CHECK_BYTES + 8;

pub struct Segment {
    path: PathBuf,
    file: File,
    records: u64,
    /// The first eight bytes of each block's first id.
    keys: Vec<u64>,
    synced: bool,
}

fn checksum(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut out = [0; CHECK_BYTES];
    out.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECK_BYTES]);
    out
}

fn key(id: &[u8]) -> u64 {
    id.first_chunk().map_or(0, |head| u64::from_be_bytes(*head))
}

fn damaged(path: &Path) -> VaultError {
    Malformed::new("local chunk map", format!("{} is damaged", path.display())).into()
}

fn parse(record: &[u8]) -> (ChunkId, Place) {
    let mut id = [0; ChunkId::LEN];
    id.copy_from_slice(&record[..ChunkId::LEN]);
    let number = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&record[at..at + 4]);
        u32::from_le_bytes(bytes)
    };
    let place = Place { frame: number(ChunkId::LEN), offset: number(ChunkId::LEN + 4), len: number(ChunkId::LEN + 8) };
    (ChunkId(id), place)
}

impl Segment {
    /// Writes sorted records, which have no id twice, to a new file.
    pub fn write(path: &Path, records: impl Iterator<Item = Result<(ChunkId, Place)>>) -> Result<Self> {
        let failed = |source| VaultError::Local { action: format!("write {}", path.display()), source };
        let file = File::options().read(true).write(true).create_new(true).open(path).map_err(failed)?;
        let mut out = BufWriter::with_capacity(256 << 10, &file);
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        let mut keys = Vec::new();
        let mut count = 0u64;
        for record in records {
            let (id, place) = record?;
            if block.is_empty() {
                keys.push(key(&id.0));
            }
            block.extend_from_slice(&id.0);
            for number in [place.frame, place.offset, place.len] {
                block.extend_from_slice(&number.to_le_bytes());
            }
            count += 1;
            if block.len() == BLOCK_BYTES - CHECK_BYTES {
                block.extend_from_slice(&checksum(&block));
                out.write_all(&block).map_err(failed)?;
                block.clear();
            }
        }
        if !block.is_empty() {
            block.extend_from_slice(&checksum(&block));
            out.write_all(&block).map_err(failed)?;
        }
        let mut tail: Vec<u8> = keys.iter().flat_map(|key| key.to_le_bytes()).collect();
        tail.extend_from_slice(&count.to_le_bytes());
        let check = checksum(&tail);
        tail.extend_from_slice(&check);
        tail.extend_from_slice(MAGIC);
        out.write_all(&tail).map_err(failed)?;
        out.flush().map_err(failed)?;
        drop(out);
        Ok(Self { path: path.to_owned(), file, records: count, keys, synced: false })
    }

    pub fn open(path: &Path) -> Result<Self> {
        let failed = |source| VaultError::Local { action: format!("read {}", path.display()), source };
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut footer = [0; FOOTER_BYTES];
        let at = size.checked_sub(FOOTER_BYTES as u64).ok_or_else(|| damaged(path))?;
        file.read_exact_at(&mut footer, at).map_err(failed)?;
        let mut count = [0; 8];
        count.copy_from_slice(&footer[..8]);
        let count = u64::from_le_bytes(count);
        let blocks = count.div_ceil(BLOCK_RECORDS as u64);
        let expected = count
            .checked_mul(RECORD_BYTES as u64)
            .and_then(|bytes| bytes.checked_add(blocks * (CHECK_BYTES as u64 + 8) + FOOTER_BYTES as u64));
        if footer[16..] != *MAGIC || expected != Some(size) {
            return Err(damaged(path));
        }
        let mut tail = vec![0; blocks as usize * 8 + 8];
        file.read_exact_at(&mut tail, at - blocks * 8).map_err(failed)?;
        if checksum(&tail) != footer[8..16] {
            return Err(damaged(path));
        }
        let (keys, _) = tail[..blocks as usize * 8].as_chunks::<8>();
        let keys = keys.iter().map(|key| u64::from_le_bytes(*key)).collect();
        Ok(Self { path: path.to_owned(), file, records: count, keys, synced: true })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn sync(&mut self) -> Result<()> {
        if !self.synced {
            self.file.sync_all().map_err(VaultError::local(format!("sync {}", self.path.display())))?;
            self.synced = true;
        }
        Ok(())
    }

    fn block(&self, number: usize, buffer: &mut [u8; BLOCK_BYTES]) -> Result<usize> {
        let first = number * BLOCK_RECORDS;
        let records = (self.records as usize - first).min(BLOCK_RECORDS);
        let len = records * RECORD_BYTES;
        self.file
            .read_exact_at(&mut buffer[..len + CHECK_BYTES], (number * BLOCK_BYTES) as u64)
            .map_err(VaultError::local(format!("read {}", self.path.display())))?;
        if checksum(&buffer[..len]) == buffer[len..len + CHECK_BYTES] { Ok(records) } else { Err(damaged(&self.path)) }
    }

    pub fn get(&self, id: &ChunkId) -> Result<Option<Place>> {
        let wanted = key(&id.0);
        // Ids that share their first eight bytes may begin a block before the one that the key
        // names: look there too. By chance that never happens.
        let after = self.keys.partition_point(|key| *key <= wanted);
        let from = self.keys[..after].partition_point(|key| *key < wanted);
        for number in from.saturating_sub(1)..after {
            let mut buffer = [0; BLOCK_BYTES];
            let records = self.block(number, &mut buffer)?;
            let (records, _) = buffer[..records * RECORD_BYTES].as_chunks::<RECORD_BYTES>();
            if let Ok(at) = records.binary_search_by(|record| record[..ChunkId::LEN].cmp(&id.0)) {
                return Ok(Some(parse(&records[at]).1));
            }
        }
        Ok(None)
    }

    /// All records in order.
    fn iter(&self) -> impl Iterator<Item = Result<(ChunkId, Place)>> + '_ {
        (0..self.keys.len()).flat_map(move |number| {
            let mut buffer = Box::new([0; BLOCK_BYTES]);
            let records: Vec<_> = match self.block(number, &mut buffer) {
                Ok(records) => buffer[..records * RECORD_BYTES].chunks(RECORD_BYTES).map(|r| Ok(parse(r))).collect(),
                Err(error) => vec![Err(error)],
            };
            records
        })
    }
}

/// Merges segments, of which a later one wins, into a new file.
pub fn merge(path: &Path, segments: &[Segment]) -> Result<Segment> {
    let mut sources: Vec<_> = segments.iter().map(|segment| segment.iter().peekable()).collect();
    let next = std::iter::from_fn(move || {
        let mut least: Option<ChunkId> = None;
        for source in &mut sources {
            match source.peek() {
                Some(Ok((id, _))) => least = Some(least.map_or(*id, |l: ChunkId| l.min(*id))),
                Some(Err(_)) => return source.next(),
                None => {}
            }
        }
        let least = least?;
        let mut newest = None;
        for source in &mut sources {
            if matches!(source.peek(), Some(Ok((id, _))) if *id == least) {
                newest = source.next();
            }
        }
        newest
    });
    Segment::write(path, next)
}
