//! A bundle that is a *ustar* archive, as Pulih writes them: regular files in the order of their names, each with the
//! one header that there is for it. Where something else stands, reading ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::{Found, Source, SourceError, failed};
use crate::places::MAX_FILES;
use crate::ustar::{self, BLOCK, Claimed};

/// What an archive is read from.
pub trait ReadAt {
    fn size(&self) -> io::Result<u64>;
    fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, at)
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let its =
            self.get(at as usize..).and_then(|rest| rest.get(..bytes.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(its);
        Ok(())
    }
}

/// A file in an archive.
struct Member {
    name: String,
    at: u64,
    size: u64,
}

/// An archive, with where its files are.
pub struct Tar<R> {
    archive: R,
    members: Vec<Member>,
    /// At what reading ended, if it was not the archive's end.
    ended: Option<(String, Found)>,
}

impl Tar<File> {
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let failed = |error: io::Error| failed(format!("read {}", path.display()))(error);
        // Not to wait for what is no file.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?);
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("it is neither a folder nor a file")));
        }
        Self::of(file)
    }
}

impl<R: ReadAt> Tar<R> {
    /// Reads all headers.
    pub fn of(archive: R) -> Result<Self, SourceError> {
        let mut tar = Self { archive, members: Vec::new(), ended: None };
        let failed = |error| failed("read the archive".into())(error);
        let size = tar.archive.size().map_err(failed)?;
        let mut at = 0;
        while let Some(next) = tar.next(at, size).map_err(failed)? {
            at = next;
        }
        Ok(tar)
    }

    /// Takes in the file whose header is there, and says where the next one is.
    fn next(&mut self, at: u64, end: u64) -> io::Result<Option<u64>> {
        let Some(header) = self.block(at, end)? else { return Ok(self.damaged("it is cut off")) };
        if header == [0; BLOCK] {
            let is_end = self.block(at + BLOCK as u64, end)? == Some([0; BLOCK]) && at + 2 * BLOCK as u64 == end;
            return Ok(if is_end { None } else { self.damaged("something follows its end") });
        }
        let Claimed { name, kind, size } = ustar::claimed(&header);
        if kind != b'0' {
            let found = if matches!(kind, b'1' | b'2') { Found::Link } else { Found::Other };
            self.ended = Some((name, found));
            return Ok(None);
        }
        let Some(size) = size.filter(|size| ustar::header(&name, *size) == Some(header)) else {
            return Ok(self.damaged("a header in it is not as one of a bundle is"));
        };
        if self.members.last().is_some_and(|last| last.name >= name) {
            return Ok(self.damaged("its files are not in the order of their names, each once"));
        }
        let content = at + BLOCK as u64;
        let padding = ustar::padding(size);
        let next = content + size + padding as u64;
        if next > end {
            return Ok(self.damaged("it is cut off"));
        }
        let mut rest = [0; BLOCK];
        self.archive.read_exact_at(&mut rest[..padding], content + size)?;
        if rest != [0; BLOCK] {
            return Ok(self.damaged("something stands between its files"));
        }
        self.members.push(Member { name, at: content, size });
        // One more is told of, and then no more are taken.
        Ok((self.members.len() <= MAX_FILES).then_some(next))
    }

    fn block(&self, at: u64, end: u64) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        if at + BLOCK as u64 > end {
            return Ok(None);
        }
        self.archive.read_exact_at(&mut block, at)?;
        Ok(Some(block))
    }

    fn damaged(&mut self, why: &'static str) -> Option<u64> {
        self.ended = Some(("the bundle".into(), Found::Damaged(why)));
        None
    }
}

impl<R: ReadAt + Send + Sync> Source for Tar<R> {
    fn list(&self, each: &mut dyn FnMut(&str, Found) -> bool) -> Result<(), SourceError> {
        let files = self.members.iter().map(|its| (its.name.as_str(), Found::File(its.size)));
        let ended = self.ended.iter().map(|(name, found)| (name.as_str(), *found));
        for (name, found) in files.chain(ended) {
            if !each(name, found) {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let failed = |error| failed(format!("read {name} in the archive"))(error);
        let found = self.members.binary_search_by(|its| its.name.as_str().cmp(name)).ok();
        let its = found.and_then(|at| self.members.get(at)).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        if its.size > limit {
            return Err(SourceError::TooLarge { name: name.to_owned(), limit });
        }
        let mut bytes = vec![0; its.size as usize];
        self.archive.read_exact_at(&mut bytes, its.at).map_err(failed)?;
        Ok(bytes)
    }
}
