//! An object on its way to S3: in memory while it is small, then in a nameless file, so that memory
//! stays bounded and what was sent can be sent again.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pulih_vault::store::StoreError;
use ring::digest::{Context as Digest, SHA256};

/// Objects up to this size stay in memory: lists, manifests, indexes of small runs.
const MEMORY_BYTES: usize = 512 << 10;
/// What is read of a file at once.
const READ_BYTES: usize = 128 << 10;

/// An object being written.
pub struct Spool {
    folder: PathBuf,
    memory: Vec<u8>,
    file: Option<File>,
    len: u64,
}

impl Spool {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), memory: Vec::new(), file: None, len: 0 }
    }

    /// The object, of which nothing changes any more.
    pub fn done(self) -> Spooled {
        let content = match self.file {
            Some(file) => Content::File(file),
            None => Content::Memory(self.memory.into()),
        };
        Spooled { content: Arc::new(content), len: self.len }
    }

    fn failed(&self, source: io::Error) -> io::Error {
        let action = format!("keep an object on its way in {}", self.folder.display());
        io::Error::new(source.kind(), StoreError::Io { action, source })
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            return file.write(bytes);
        }
        if self.memory.len() + bytes.len() <= MEMORY_BYTES {
            self.memory.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let mut file = tempfile::tempfile_in(&self.folder)?;
        file.write_all(&self.memory)?;
        self.memory = Vec::new();
        self.file.insert(file).write(bytes)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.take(bytes).map_err(|source| self.failed(source))?;
        self.len += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Content {
    Memory(Bytes),
    File(File),
}

/// An object ready to be sent, as often as it takes.
#[derive(Clone)]
pub struct Spooled {
    content: Arc<Content>,
    len: u64,
}

impl Spooled {
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The bytes of a range, which lies within the object.
    pub fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        match &*self.content {
            Content::Memory(bytes) => Ok(bytes.slice(range.start as usize..range.end as usize)),
            Content::File(file) => {
                let mut out = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut out, range.start)?;
                Ok(out.into())
            }
        }
    }

    /// SHA-256 of a range as S3 writes it in headers.
    pub fn sha256(&self, range: Range<u64>) -> io::Result<String> {
        let mut digest = Digest::new(&SHA256);
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min(at + READ_BYTES as u64);
            digest.update(&self.read(at..end)?);
            at = end;
        }
        Ok(STANDARD.encode(digest.finish()))
    }

    /// A range as the body of a request.
    pub fn body(&self, range: Range<u64>) -> ByteStream {
        let body = match &*self.content {
            Content::Memory(bytes) => SdkBody::from(bytes.slice(range.start as usize..range.end as usize)),
            Content::File(_) => SdkBody::from_body_1_x(Piece { spooled: self.clone(), left: range }),
        };
        ByteStream::new(body)
    }
}

/// A range of a file, read as the line takes it. The reads block: the runtime is the store's own,
/// and what was just written is in memory as a rule.
struct Piece {
    spooled: Spooled,
    left: Range<u64>,
}

impl Body for Piece {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Range { start, end } = self.left;
        if start >= end {
            return Poll::Ready(None);
        }
        let until = end.min(start + READ_BYTES as u64);
        let read = self.spooled.read(start..until).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => io::Error::other("the spooled object has lost its end"),
            _ => error,
        });
        self.left.start = until;
        Poll::Ready(Some(read.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end - self.left.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_objects_read_back_in_ranges() {
        let folder = tempfile::tempdir().unwrap();
        for len in [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, 3 * MEMORY_BYTES + 7] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut spool = Spool::new(folder.path());
            bytes.chunks(100_003).for_each(|piece| spool.write_all(piece).unwrap());
            assert_eq!(spool.file.is_some(), len > MEMORY_BYTES, "{len}");
            let spooled = spool.done();
            assert_eq!(spooled.len(), len as u64);
            let half = spooled.len() / 2;
            assert_eq!(spooled.read(half..spooled.len()).unwrap(), bytes[len / 2..]);
            let whole = ring::digest::digest(&SHA256, &bytes);
            assert_eq!(spooled.sha256(0..spooled.len()).unwrap(), STANDARD.encode(whole));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a spooled object has a name");
    }

    #[test]
    fn a_spool_that_cannot_be_written_names_its_folder() {
        let mut spool = Spool::new(Path::new("/proc/none"));
        let error = spool.write_all(&vec![0; MEMORY_BYTES + 1]).unwrap_err();
        assert!(error.to_string().contains("/proc/none"), "{error}");
    }
}
