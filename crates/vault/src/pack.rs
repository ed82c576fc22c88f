//! Packs: frames end to end in one age file, and the table that says where each chunk lies.
//! A [`FrameList`] is that table; it stands in the pack and again in an index.

use crate::error::Malformed;
use crate::frame::MAX_FRAME_BYTES;
use crate::id::VaultId;
use crate::wire::{Reader, put_varint};

/// Most stored bytes of a pack that a reader takes.
pub const MAX_PACK_BYTES: u64 = 256 << 20;
/// Most bytes of a chunk.
pub const MAX_CHUNK_BYTES: u64 = 4 << 20;
const MAX_FRAMES: u64 = 65_536;
pub const MAX_CHUNKS_PER_FRAME: u64 = 65_536;

const TABLE_MAGIC: &[u8; 8] = b"PLHPACK\x01";
const TABLE_FRAME: u32 = 0x184D_2A50;
const SEEK_FRAME: u32 = 0x184D_2A5E;
const SEEK_FOOTER: u32 = 0x8F92_EAB1;
const SEEK_ENTRY_BYTES: usize = 8;
const SEEK_FOOTER_BYTES: usize = 9;
const SKIPPABLE_HEADER: usize = 8;
const WHAT: &str = "pack";

/// What a frame's chunks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    Content,
    Tree,
    List,
    Facts,
    /// Written by a later version: passed over.
    Unknown(u8),
}

impl FrameKind {
    fn to_byte(self) -> u8 {
        match self {
            Self::Content => 0,
            Self::Tree => 1,
            Self::List => 2,
            Self::Facts => 3,
            Self::Unknown(byte) => byte,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Content,
            1 => Self::Tree,
            2 => Self::List,
            3 => Self::Facts,
            other => Self::Unknown(other),
        }
    }
}

/// One frame: its compressed size and its chunks' lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameShape {
    pub kind: FrameKind,
    pub stored_bytes: u32,
    pub chunks: Vec<u32>,
}

impl FrameShape {
    pub fn plain_bytes(&self) -> u64 {
        self.chunks.iter().map(|&len| u64::from(len)).sum()
    }
}

/// The frames of a pack, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameList(pub Vec<FrameShape>);

impl FrameList {
    pub fn chunk_count(&self) -> usize {
        self.0.iter().map(|frame| frame.chunks.len()).sum()
    }

    pub fn plain_bytes(&self) -> u64 {
        self.0.iter().map(FrameShape::plain_bytes).sum()
    }

    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        for frame in &self.0 {
            out.push(frame.kind.to_byte());
            put_varint(out, u64::from(frame.stored_bytes));
            put_varint(out, frame.chunks.len() as u64);
            frame.chunks.iter().for_each(|&len| put_varint(out, u64::from(len)));
        }
    }

    pub fn take(reader: &mut Reader) -> Result<Self, Malformed> {
        let frames = reader.count(MAX_FRAMES, 4, "the number of frames")?;
        let mut list = Vec::with_capacity(frames);
        let mut stored = 0;
        for _ in 0..frames {
            let kind = FrameKind::from_byte(reader.u8()?);
            let bytes = reader.varint_up_to(MAX_PACK_BYTES, "a frame's length")?;
            stored += bytes;
            let count = reader.count(MAX_CHUNKS_PER_FRAME, 1, "the number of chunks")?;
            let mut chunks = Vec::with_capacity(count);
            let mut plain = 0;
            for _ in 0..count {
                let len = reader.varint_up_to(MAX_CHUNK_BYTES, "a chunk's length")?;
                plain += len;
                if len == 0 || plain > MAX_FRAME_BYTES as u64 {
                    return Err(reader.bad("a frame's chunks are empty or too large"));
                }
                chunks.push(len as u32);
            }
            if count == 0 || bytes == 0 || stored > MAX_PACK_BYTES {
                return Err(reader.bad("a frame is empty or the frames are too large"));
            }
            list.push(FrameShape { kind, stored_bytes: bytes as u32, chunks });
        }
        Ok(Self(list))
    }

    /// What follows the frames in a pack: the table and the seek table.
    pub fn to_trailer(&self, vault: VaultId) -> Vec<u8> {
        let mut table = TABLE_MAGIC.to_vec();
        table.extend_from_slice(&vault.0);
        self.put(&mut table);
        let mut out = Vec::with_capacity(table.len() + 64 + SEEK_ENTRY_BYTES * self.0.len());
        put_skippable(&mut out, TABLE_FRAME, &table);

        let mut seek = Vec::new();
        for frame in &self.0 {
            seek.extend_from_slice(&frame.stored_bytes.to_le_bytes());
            seek.extend_from_slice(&(frame.plain_bytes() as u32).to_le_bytes());
        }
        seek.extend_from_slice(&(out.len() as u32).to_le_bytes());
        seek.extend_from_slice(&0u32.to_le_bytes());
        seek.extend_from_slice(&(self.0.len() as u32 + 1).to_le_bytes());
        seek.push(0);
        seek.extend_from_slice(&SEEK_FOOTER.to_le_bytes());
        put_skippable(&mut out, SEEK_FRAME, &seek);
        out
    }

    /// Reads the table out of a pack's plaintext, of which `plain` is the end (all of it, or
    /// enough), and checks that it describes exactly `plain_bytes` bytes of a pack of `vault`.
    pub fn from_pack(plain: &[u8], plain_bytes: u64, vault: VaultId) -> Result<Self, Malformed> {
        let bad = |why: &str| Malformed::new(WHAT, why);
        let table_len = Self::table_bytes(plain)?;
        let seek_len = Self::seek_bytes(plain)?;
        let at = plain.len().checked_sub(table_len + seek_len).ok_or_else(|| bad("its table is not there"))?;
        let trailer = &plain[at..];
        let mut reader = Reader::new(WHAT, trailer);
        if reader.u32()? != TABLE_FRAME || reader.u32()? as usize != table_len - SKIPPABLE_HEADER {
            return Err(bad("its table is not where its seek table says"));
        }
        let mut reader = Reader::new(WHAT, &trailer[SKIPPABLE_HEADER..table_len]);
        reader.magic(TABLE_MAGIC)?;
        if reader.array()? != vault.0 {
            return Err(bad("it belongs to another vault"));
        }
        let list = Self::take(&mut reader)?;
        reader.end()?;
        let frames: u64 = list.0.iter().map(|frame| u64::from(frame.stored_bytes)).sum();
        if list.to_trailer(vault) != trailer || frames + trailer.len() as u64 != plain_bytes {
            return Err(bad("its frames do not fit its table"));
        }
        Ok(list)
    }

    /// Bytes of the seek table's frame, from the footer at the end of a pack's plaintext.
    fn seek_bytes(plain: &[u8]) -> Result<usize, Malformed> {
        let bad = |why: &str| Malformed::new(WHAT, why);
        let footer = plain
            .len()
            .checked_sub(SEEK_FOOTER_BYTES)
            .map(|at| &plain[at..])
            .ok_or_else(|| bad("it ends too early"))?;
        let mut reader = Reader::new(WHAT, footer);
        let entries = reader.u32()?;
        if reader.u8()? != 0 || reader.u32()? != SEEK_FOOTER || u64::from(entries) > MAX_FRAMES + 1 || entries == 0 {
            return Err(bad("it has no seek table"));
        }
        Ok(SKIPPABLE_HEADER + entries as usize * SEEK_ENTRY_BYTES + SEEK_FOOTER_BYTES)
    }

    /// Bytes of the table's frame, from the last entry of the seek table.
    fn table_bytes(plain: &[u8]) -> Result<usize, Malformed> {
        let bad = || Malformed::new(WHAT, "it ends too early");
        let at = plain.len().checked_sub(SEEK_FOOTER_BYTES + SEEK_ENTRY_BYTES).ok_or_else(bad)?;
        let len = Reader::new(WHAT, &plain[at..]).u32()? as usize;
        if len < SKIPPABLE_HEADER { Err(bad()) } else { Ok(len) }
    }
}

fn put_skippable(out: &mut Vec<u8>, magic: u32, content: &[u8]) {
    out.extend_from_slice(&magic.to_le_bytes());
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lists() -> impl Strategy<Value = FrameList> {
        let frame = (0u8..6, 1u32..1 << 20, proptest::collection::vec(1u32..1 << 16, 1..20));
        proptest::collection::vec(frame, 1..10).prop_map(|frames| {
            FrameList(
                frames
                    .into_iter()
                    .map(|(kind, stored_bytes, chunks)| FrameShape {
                        kind: FrameKind::from_byte(kind),
                        stored_bytes,
                        chunks,
                    })
                    .collect(),
            )
        })
    }

    proptest! {
        #[test]
        fn a_table_comes_back_from_a_packs_end(list in lists()) {
            let vault = VaultId([3; 16]);
            let frames: u64 = list.0.iter().map(|f| u64::from(f.stored_bytes)).sum();
            let trailer = list.to_trailer(vault);
            let total = frames + trailer.len() as u64;
            prop_assert_eq!(FrameList::from_pack(&trailer, total, vault).unwrap(), list);
            prop_assert!(FrameList::from_pack(&trailer, total + 1, vault).is_err());
            prop_assert!(FrameList::from_pack(&trailer, total, VaultId([4; 16])).is_err());
            prop_assert!(FrameList::from_pack(&trailer[1..], total, vault).is_err());
        }
    }
}
