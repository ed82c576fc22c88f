//! Frames on their way from a pack to plain bytes, in buffers that are used again.

use std::time::{Duration, Instant};

use crate::envelope::Opener;
use crate::error::Result;
use crate::frame::Decompressor;
use crate::store::{ObjectName, Store};

/// Where a frame lies in its pack.
#[derive(Debug, Clone, Copy)]
pub struct FrameInfo {
    /// The reader's number for the pack.
    pub pack: u32,
    /// Offset in the pack's plaintext.
    pub at: u32,
    pub stored_bytes: u32,
    pub plain_bytes: u32,
}

/// Memory for one frame at a time.
#[derive(Default)]
pub struct FrameBuffers {
    sealed: Vec<u8>,
    decompressor: Decompressor,
    pub plain: Vec<u8>,
    /// How long the last one took to open and decompress.
    pub opening: Duration,
}

impl FrameBuffers {
    pub fn read(&mut self, store: &dyn Store, pack: &ObjectName, opener: &Opener, info: FrameInfo) -> Result<()> {
        let (at, len) = (u64::from(info.at), info.stored_bytes as usize);
        let (offset, sealed_len) = opener.sealed_range(at, len as u64);
        self.sealed.clear();
        store.read_range(pack, offset, sealed_len as usize, &mut self.sealed)?;
        let began = Instant::now();
        let frame = opener.open_range(&mut self.sealed, at, len)?;
        let done = self.decompressor.decompress(frame, info.plain_bytes as usize, &mut self.plain);
        self.opening = began.elapsed();
        done
    }
}
