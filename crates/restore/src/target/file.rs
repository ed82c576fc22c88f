//! A file of the target, open to be written. Blocks of zeros become holes where the snapshot had
//! them, and nothing is written that is not asked for.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::TargetError;

/// What file systems allocate at least; a smaller hole saves nothing.
const BLOCK_BYTES: usize = 4096;
static ZEROS: [u8; 16 * BLOCK_BYTES] = [0; 16 * BLOCK_BYTES];

/// May be written from several threads, each range once.
#[derive(Debug)]
pub struct TargetFile {
    file: File,
    path: Vec<u8>,
    fresh: bool,
    /// How far the file reaches, so that most need no `ftruncate`.
    end: AtomicU64,
}

impl AsFd for TargetFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl TargetFile {
    pub(super) fn fresh(file: File, path: &[u8]) -> Self {
        Self { file, path: path.to_vec(), fresh: true, end: AtomicU64::new(0) }
    }

    pub(super) fn existing(file: File, path: &[u8], size: u64) -> Self {
        Self { file, path: path.to_vec(), fresh: false, end: AtomicU64::new(size) }
    }

    /// Whether it was empty at first; only other files can be read.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Reads up to `buffer.len()` bytes at `offset`; fewer only at the file's end.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TargetError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed("read", error)),
            }
        }
        Ok(filled)
    }

    /// Writes `bytes`; when `sparse`, those in blocks of zeros become holes. What is skipped at
    /// the end is made up for by [`TargetFile::set_size`].
    pub fn write_at(&self, offset: u64, bytes: &[u8], sparse: bool) -> Result<(), TargetError> {
        if offset.checked_add(bytes.len() as u64).is_none() {
            return Err(self.failed("write", Errno::FBIG.into()));
        }
        if !sparse {
            return self.write(offset, bytes);
        }
        let mut at = offset;
        for (run, zeros) in runs(offset, bytes) {
            if zeros {
                self.punch(at, run.len() as u64)?;
            } else {
                self.write(at, run)?;
            }
            at += run.len() as u64;
        }
        Ok(())
    }

    /// Makes a range a hole; in a fresh file it is one.
    pub fn punch(&self, offset: u64, length: u64) -> Result<(), TargetError> {
        let end = self.end.load(Ordering::Relaxed).min(offset.saturating_add(length));
        if self.fresh || offset >= end {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.file, flags, offset, end - offset) {
            Ok(()) => Ok(()),
            // A file system without holes.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                let mut at = offset;
                while at < end {
                    let length = (end - at).min(ZEROS.len() as u64);
                    self.write(at, &ZEROS[..length as usize])?;
                    at += length;
                }
                Ok(())
            }
            Err(errno) => Err(self.failed("make a hole in", errno.into())),
        }
    }

    /// To be called when all is written.
    pub fn set_size(&self, size: u64) -> Result<(), TargetError> {
        if self.end.load(Ordering::Relaxed) != size {
            rustix::fs::ftruncate(&self.file, size).map_err(|errno| self.failed("set the size of", errno.into()))?;
            self.end.store(size, Ordering::Relaxed);
        }
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), TargetError> {
        self.file.write_all_at(bytes, offset).map_err(|error| self.failed("write", error))?;
        if !bytes.is_empty() {
            let end = offset + bytes.len() as u64;
            self.end.fetch_max(end, Ordering::Relaxed);
        }
        Ok(())
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> TargetError {
        let path = pulih_vault::tree::name::escape(&self.path);
        TargetError::Io { doing, path, source }
    }
}

/// `bytes`, which begin at `offset`, as runs of blocks with something and runs of zeros (`true`).
fn runs(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = bytes;
    let mut head = BLOCK_BYTES - (offset % BLOCK_BYTES as u64) as usize;
    std::iter::from_fn(move || {
        let mut length = 0;
        let mut kind = None;
        while length < rest.len() {
            let until = rest.len().min(length + head);
            let block = &rest[length..until];
            let zeros = block == &ZEROS[..block.len()];
            if *kind.get_or_insert(zeros) != zeros {
                break;
            }
            length = until;
            head = BLOCK_BYTES;
        }
        let (run, after) = rest.split_at(length);
        rest = after;
        kind.map(|zeros| (run, zeros))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_keep_to_the_blocks_of_the_file() {
        let mut bytes = vec![0; 3 * BLOCK_BYTES];
        bytes[BLOCK_BYTES] = 1;
        let lengths = |offset| -> Vec<_> {
            let runs = runs(offset, &bytes);
            runs.map(|(run, zeros)| (run.len(), zeros)).collect()
        };
        let block = BLOCK_BYTES;
        assert_eq!(lengths(0), [(block, true), (block, false), (block, true)]);
        // 100 bytes into a block, the byte is in the second block, which ends at 2 * block - 100.
        assert_eq!(lengths(100), [(block - 100, true), (block, false), (block + 100, true)]);
        assert_eq!(runs(7, &[]).count(), 0);
    }
}
