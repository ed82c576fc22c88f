//! Index objects: which chunks the packs of a vault hold. The packs' names stand in the clear,
//! for a site without keys; the ids and lengths are for the agent and the recovery identities.

use age::Identity;

use crate::envelope::{self, Recipients};
use crate::error::{Malformed, Result};
use crate::frame::{Compressor, Decompressor, Search, content_size};
use crate::id::{ChunkId, ObjectHash, VaultId};
use crate::pack::{FrameList, MAX_PACK_BYTES};
use crate::wire::{Reader, put_varint};
use ring::rand::SecureRandom;

pub const MAX_INDEX_BYTES: u64 = 128 << 20;
const MAGIC: &[u8; 8] = b"PLHINDX\x01";
const MAX_PACKS: u64 = 4096;
const WHAT: &str = "index";

/// A pack as an index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPack {
    pub hash: ObjectHash,
    pub stored_bytes: u64,
    pub frames: FrameList,
    /// Ids of the chunks of all frames, in order.
    pub ids: Vec<ChunkId>,
}

/// The part of an index that anyone can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexHeader {
    pub packs: Vec<(ObjectHash, u64)>,
    pub supersedes: Vec<ObjectHash>,
}

impl IndexHeader {
    /// Reads the header and returns it with the age file behind it.
    pub fn parse(bytes: &[u8], vault: VaultId) -> std::result::Result<(Self, &[u8]), Malformed> {
        let mut reader = Reader::new(WHAT, bytes);
        reader.magic(MAGIC)?;
        if reader.array()? != vault.0 {
            return Err(reader.bad("it belongs to another vault"));
        }
        let count = reader.count(MAX_PACKS, 33, "the number of packs")?;
        let mut packs = Vec::with_capacity(count);
        for _ in 0..count {
            let hash = ObjectHash(reader.array()?);
            packs.push((hash, reader.varint_up_to(MAX_PACK_BYTES, "a pack's size")?));
        }
        if packs.is_empty() {
            return Err(reader.bad("it covers no pack"));
        }
        let count = reader.count(MAX_PACKS, 32, "the number of superseded indexes")?;
        let supersedes = (0..count).map(|_| reader.array().map(ObjectHash)).collect::<std::result::Result<_, _>>()?;
        Ok((Self { packs, supersedes }, reader.remaining()))
    }
}

/// Writes an index of `packs`.
pub fn encode(
    vault: VaultId,
    packs: &[IndexedPack],
    recipients: &Recipients,
    random: &dyn SecureRandom,
) -> Result<Vec<u8>> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&vault.0);
    put_varint(&mut out, packs.len() as u64);
    let mut body = Vec::new();
    for pack in packs {
        out.extend_from_slice(&pack.hash.0);
        put_varint(&mut out, pack.stored_bytes);
        pack.frames.put(&mut body);
        pack.ids.iter().for_each(|id| body.extend_from_slice(&id.0));
    }
    put_varint(&mut out, 0);
    let mut frame = Vec::new();
    Compressor::new().compress(&body, Search::Short, &mut frame)?;
    out.extend_from_slice(&envelope::seal(recipients, random, &frame)?);
    Ok(out)
}

/// Reads an index whole.
pub fn decode(
    bytes: &[u8],
    vault: VaultId,
    identities: &[Box<dyn Identity + Send + Sync>],
    what: &str,
) -> Result<(IndexHeader, Vec<IndexedPack>)> {
    decode_with(bytes, vault, &|stanzas| envelope::found_by(identities, stanzas), what)
}

/// The same with the key from wherever `find` has it.
pub fn decode_with(
    bytes: &[u8],
    vault: VaultId,
    find: envelope::Find,
    what: &str,
) -> Result<(IndexHeader, Vec<IndexedPack>)> {
    let (header, sealed) = IndexHeader::parse(bytes, vault)?;
    let frame = envelope::open_with(sealed, find, what)?;
    let size = content_size(&frame, MAX_INDEX_BYTES as usize)?;
    let mut body = Vec::new();
    Decompressor::new().decompress(&frame, size, &mut body)?;
    let packs = parse_body(&header, &body)?;
    Ok((header, packs))
}

/// Reads the tables behind a header. Apart from [`decode`], so that fuzzing gets past the seal.
pub fn parse_body(header: &IndexHeader, body: &[u8]) -> std::result::Result<Vec<IndexedPack>, Malformed> {
    let mut reader = Reader::new(WHAT, body);
    let mut packs = Vec::with_capacity(header.packs.len());
    for &(hash, stored_bytes) in &header.packs {
        let frames = FrameList::take(&mut reader)?;
        let bytes = reader.bytes(frames.chunk_count() * ChunkId::LEN)?;
        let (ids, _) = bytes.as_chunks::<{ ChunkId::LEN }>();
        packs.push(IndexedPack { hash, stored_bytes, frames, ids: ids.iter().map(|id| ChunkId(*id)).collect() });
    }
    reader.end()?;
    Ok(packs)
}
