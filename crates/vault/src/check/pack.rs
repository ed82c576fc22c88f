//! One pack read whole, once: its bytes against its name, its table, and each chunk down to its
//! id, frame by frame.

use super::Watch;
use super::objects::hash_range;
use crate::envelope::Opener;
use crate::error::{Malformed, Result, VaultError};
use crate::frame::{Decompressor, MAX_FRAME_BYTES};
use crate::id::{ChunkId, ObjectHash};
use crate::layout::Layout;
use crate::pack::{FrameList, FrameShape};
use crate::reader::{Identities, chunk_id, open_pack};
use crate::store::{ObjectName, Store};

/// Bytes at a pack's end that most tables fit in.
const TABLE_GUESS: u64 = 64 << 10;
/// The largest table that has its place in an index.
const MAX_TABLE_BYTES: u64 = 20 << 20;
/// Entry and footer at the end of a seek table, of which the entry is that of the pack's table.
const SEEK_END: usize = 8 + 9;
/// What compression may add to a frame that does not compress.
const MAX_STORED_FRAME: u32 = MAX_FRAME_BYTES as u32 + (1 << 20);

/// What packs are read with.
pub struct PackReader<'a> {
    pub store: &'a dyn Store,
    pub layout: Layout,
    pub identities: Identities,
    pub id_key: [u8; 32],
    pub watch: Watch<'a>,
}

/// Memory for one pack at a time.
#[derive(Default)]
pub struct PackBuffers {
    sealed: Vec<u8>,
    decompressor: Decompressor,
    plain: Vec<u8>,
}

/// A frame of a pack, as it was found.
pub struct FoundFrame<'b> {
    pub shape: &'b FrameShape,
    /// Its chunks' bytes end to end, or why there are none.
    pub plain: Result<&'b [u8]>,
}

/// Hashes bytes of an object that come in order but overlap.
struct Stream<'a> {
    reader: &'a PackReader<'a>,
    name: &'a ObjectName,
    hasher: blake3::Hasher,
    upto: u64,
}

impl Stream<'_> {
    fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.skip_to(offset)?;
        let known = (self.upto - offset) as usize;
        if let Some(new) = bytes.get(known..) {
            self.hasher.update(new);
            self.upto += new.len() as u64;
            self.reader.watch.read(new.len() as u64)?;
        }
        Ok(())
    }

    /// Hashes what lies before `offset` and was not read for its own sake.
    fn skip_to(&mut self, offset: u64) -> Result<()> {
        if offset > self.upto {
            let range = (self.upto, offset);
            hash_range(self.reader.store, self.name, range, &mut self.hasher, self.reader.watch)?;
            self.upto = offset;
        }
        Ok(())
    }
}

impl PackReader<'_> {
    /// A pack's header, opened.
    pub fn open(&self, pack: ObjectHash) -> Result<Opener> {
        open_pack(self.store, &self.layout.pack(pack), &self.identities)
    }

    /// The table at a pack's end.
    pub fn table(&self, pack: ObjectHash, opener: &Opener, buffers: &mut PackBuffers) -> Result<FrameList> {
        let plain_bytes = opener.plain_bytes();
        let mut len = TABLE_GUESS.min(plain_bytes);
        loop {
            let end = self.plain(pack, opener, (plain_bytes - len, len as usize), buffers)?;
            let needed = trailer_bytes(end)?;
            if needed <= len {
                return Ok(FrameList::from_pack(end, plain_bytes, self.layout.vault)?);
            }
            if needed > MAX_TABLE_BYTES.min(plain_bytes) {
                return Err(Malformed::new("pack", "its table is too large for it, or for any index").into());
            }
            len = needed;
        }
    }

    fn plain<'b>(
        &self,
        pack: ObjectHash,
        opener: &Opener,
        (at, len): (u64, usize),
        buffers: &'b mut PackBuffers,
    ) -> Result<&'b [u8]> {
        let (offset, sealed) = opener.sealed_range(at, len as u64);
        buffers.sealed.clear();
        self.store.read_range(&self.layout.pack(pack), offset, sealed as usize, &mut buffers.sealed)?;
        opener.open_range(&mut buffers.sealed, at, len)
    }

    /// Reads all frames of a pack by `frames` and shows each; then holds all its bytes against
    /// its name. A frame that cannot be read is shown as such, and the next one is tried.
    pub fn read(
        &self,
        pack: ObjectHash,
        opener: &Opener,
        frames: &FrameList,
        buffers: &mut PackBuffers,
        each: &mut dyn FnMut(FoundFrame) -> Result<()>,
    ) -> Result<()> {
        let name = self.layout.pack(pack);
        let mut stream = Stream { reader: self, name: &name, hasher: blake3::Hasher::new(), upto: 0 };
        let mut at = 0;
        for shape in &frames.0 {
            let plain = match self.frame(&mut stream, opener, at, shape, buffers) {
                Err(error) if super::is_ours(&error) => return Err(error),
                plain => plain,
            };
            at += u64::from(shape.stored_bytes);
            each(FoundFrame { shape, plain })?;
        }
        stream.skip_to(self.store.size(&name)?)?;
        if *stream.hasher.finalize().as_bytes() == pack.0 { Ok(()) } else { Err(VaultError::HashMismatch { name }) }
    }

    fn frame<'b>(
        &self,
        stream: &mut Stream,
        opener: &Opener,
        at: u64,
        shape: &FrameShape,
        buffers: &'b mut PackBuffers,
    ) -> Result<&'b [u8]> {
        if shape.stored_bytes > MAX_STORED_FRAME {
            return Err(Malformed::new("pack", "a frame is longer than its chunks can be").into());
        }
        let len = shape.stored_bytes as usize;
        let (offset, sealed_len) = opener.sealed_range(at, len as u64);
        buffers.sealed.clear();
        self.store.read_range(stream.name, offset, sealed_len as usize, &mut buffers.sealed)?;
        stream.take(offset, &buffers.sealed)?;
        let frame = opener.open_range(&mut buffers.sealed, at, len)?;
        buffers.decompressor.decompress(frame, shape.plain_bytes() as usize, &mut buffers.plain)?;
        Ok(&buffers.plain)
    }

    /// The chunks of a frame and their ids, in order.
    pub fn chunks<'b>(&self, shape: &'b FrameShape, plain: &'b [u8]) -> impl Iterator<Item = (ChunkId, &'b [u8])> {
        let mut rest = plain;
        let key = self.id_key;
        shape.chunks.iter().map_while(move |&len| {
            let (chunk, after) = rest.split_at_checked(len as usize)?;
            rest = after;
            Some((chunk_id(&key, chunk), chunk))
        })
    }
}

/// Bytes of table and seek table, from the end of a pack's plaintext.
fn trailer_bytes(end: &[u8]) -> Result<u64> {
    let bad = || Malformed::new("pack", "it ends without a table");
    let from = end.len().checked_sub(SEEK_END).ok_or_else(bad)?;
    let number = |at: usize| {
        let bytes = end.get(from + at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map(|bytes| u64::from(u32::from_le_bytes(*bytes))).ok_or_else(bad)
    };
    // The table's entry, then the footer, which begins with the number of entries.
    Ok(number(0)? + 8 + 8 * number(8)? + 9)
}
