//! Frames: runs of chunks compressed together by zstd, each decoded again and compared before
//! it is believed.

use zstd_safe::{CCtx, CParameter, DCtx, get_frame_content_size};

use crate::error::{Malformed, Result, VaultError};

/// Most plain bytes of a frame that a reader takes.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

/// zstd's level: below it the vault grows, above it time does, for the content of offices.
const LEVEL: i32 = 3;

/// How zstd looks for what repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Search {
    /// As the level has it: for small files, lists and trees, where short matches count.
    #[default]
    Short,
    /// For pieces of large files: only matches of six bytes and more, in tables that stay in the
    /// processor's cache. A fifth faster; a database dump becomes a little smaller, office files
    /// 2 % larger (docs/benchmarks.md).
    Long,
}

/// Compresses and checks. Holds its memory between frames.
pub struct Compressor {
    encoder: CCtx<'static>,
    decoder: Decompressor,
    check: Vec<u8>,
}

fn zstd_error(code: usize) -> VaultError {
    Malformed::new("zstd frame", zstd_safe::get_error_name(code)).into()
}

impl Compressor {
    pub fn new() -> Self {
        Self { encoder: CCtx::create(), decoder: Decompressor::new(), check: Vec::new() }
    }

    /// Compresses `plain` into `out` (which is emptied) and decodes it again.
    pub fn compress(&mut self, plain: &[u8], search: Search, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        out.reserve(zstd_safe::compress_bound(plain.len()));
        let set = |encoder: &mut CCtx, parameter| encoder.set_parameter(parameter).map_err(zstd_error);
        set(&mut self.encoder, CParameter::CompressionLevel(LEVEL))?;
        // 0 is what the level has.
        let (hash_log, chain_log, min_match) = match search {
            Search::Short => (0, 0, 0),
            Search::Long => (16, 14, 6),
        };
        set(&mut self.encoder, CParameter::HashLog(hash_log))?;
        set(&mut self.encoder, CParameter::ChainLog(chain_log))?;
        set(&mut self.encoder, CParameter::MinMatch(min_match))?;
        // The whole frame in reach, so that small files far apart in it still help each other.
        let window = plain.len().next_power_of_two().ilog2().clamp(17, 23);
        set(&mut self.encoder, CParameter::WindowLog(window))?;
        self.encoder.compress2(out, plain).map_err(zstd_error)?;
        self.decoder.decompress(out, plain.len(), &mut self.check)?;
        if self.check == plain { Ok(()) } else { Err(VaultError::DecodeCheck) }
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

pub struct Decompressor(DCtx<'static>);

impl Decompressor {
    pub fn new() -> Self {
        Self(DCtx::create())
    }

    /// Decompresses one frame that must hold exactly `plain_bytes`, which the caller has
    /// bounded, into `out` (which is emptied).
    pub fn decompress(&mut self, frame: &[u8], plain_bytes: usize, out: &mut Vec<u8>) -> Result<()> {
        let bad = |why: &str| VaultError::from(Malformed::new("zstd frame", why));
        if !matches!(get_frame_content_size(frame), Ok(Some(size)) if size == plain_bytes as u64) {
            return Err(bad("it does not say the size that its table says"));
        }
        if zstd_safe::find_frame_compressed_size(frame) != Ok(frame.len()) {
            return Err(bad("it is not one whole frame"));
        }
        out.clear();
        out.reserve(plain_bytes);
        self.0.decompress(out, frame).map_err(zstd_error)?;
        if out.len() == plain_bytes { Ok(()) } else { Err(bad("it holds less than it says")) }
    }
}

impl Default for Decompressor {
    fn default() -> Self {
        Self::new()
    }
}

/// Plain bytes that a frame says it holds.
pub fn content_size(frame: &[u8], most: usize) -> std::result::Result<usize, Malformed> {
    match get_frame_content_size(frame) {
        Ok(Some(size)) if size <= most as u64 => Ok(size as usize),
        _ => Err(Malformed::new("zstd frame", "it does not say its size, or one that is too large")),
    }
}
