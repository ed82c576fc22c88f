//! `dump`: prints a saved file. One thread reads frames ahead, another checks their chunks and
//! prints them in order, with zeros for holes.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pulih_vault::chunk_map::Place;
use pulih_vault::error::VaultError;
use pulih_vault::id::ChunkId;
use pulih_vault::reader::SnapshotReader;
use pulih_vault::reader::frames::FrameBuffers;
use pulih_vault::reader::walk::ChunkCursor;
use pulih_vault::tree::entry::{Content, Entry, Kind};

use super::args::Dump;
use super::failure::{Failure, Outcome};
use super::open::{self, go_on};
use super::output::Out;
use super::{Context, ls};

/// Frames that are kept, since a file may go back and forth between some.
const KEPT_FRAMES: usize = 4;
/// Runs of chunks that wait to be printed.
const AHEAD: usize = 2;
/// A frame has few chunks, but a file may repeat one of them without end.
const MAX_RUN: usize = 4096;

pub fn run(context: &mut Context, args: &Dump) -> Result<Outcome, Failure> {
    let snapshot = open::open(context, &args.identity.identity, args.dataset.dataset.as_ref(), &args.file.snapshot)?;
    let path = args.file.path.as_deref().unwrap_or_default();
    let entry = ChunkCursor::new(&snapshot.reader).find(snapshot.root(), path)?;
    let entry = entry.ok_or_else(|| snapshot.not_found(path))?;
    let content = content(&entry)?;
    if entry.note.is_some() {
        context.warn(&format!("{} changed while it was read for the backup", ls::path(path)));
    }
    let mut print = Print { out: &mut context.out, content, at: 0, holes: 0, stop: &context.stop };
    let printed = print_content(&snapshot.reader, &mut print).and_then(|()| print.out.flush());
    let at = print.at;
    printed.map(|()| Outcome::Done).map_err(|failure| match failure {
        // Whoever read went away, or has no room: the file is all right.
        Failure::Output(_) => failure,
        failure => failure.as_cause_of(format!(
            "{} could not be printed whole: what was printed, {at} bytes of {}, is NOT the whole file",
            ls::path(path),
            content.size
        )),
    })
}

fn content(entry: &Entry) -> Result<&Content, Failure> {
    let path = ls::path(&entry.path);
    match &entry.kind {
        Kind::File(Content { unread: Some(why), .. }) => Err(Failure::said(format!(
            "{path} could not be read when it was saved, so there is nothing to print: {why}"
        ))),
        Kind::File(content) => Ok(content),
        Kind::Dir => {
            Err(Failure::said(format!("{path} is a folder; `ls` lists what is in it, `restore` brings it back")))
        }
        Kind::Link { target } => {
            Err(Failure::said(format!("{path} is a symbolic link to {}; dump that", ls::path(target))))
        }
        _ => Err(Failure::said(format!("{path} is no file: it has no content"))),
    }
}

/// Chunks that follow each other in the file and lie in the same frame.
struct Run {
    frame: u32,
    plain: Arc<Vec<u8>>,
    chunks: Vec<(ChunkId, Place)>,
}

fn print_content<W: Write>(reader: &SnapshotReader, print: &mut Print<W>) -> Result<(), Failure> {
    let (send, runs) = sync_channel(AHEAD);
    let content = print.content;
    std::thread::scope(|scope| {
        scope.spawn(move || Feeder::new(reader, send).feed(content));
        // By value: without a receiver the other thread ends.
        print.runs(reader, runs)
    })
}

/// Reads the frames of a file in the order of its chunks.
struct Feeder<'r> {
    reader: &'r SnapshotReader,
    runs: SyncSender<Result<Run, Failure>>,
    buffers: FrameBuffers,
    /// The most recently used last.
    kept: Vec<(u32, Arc<Vec<u8>>)>,
    run: Option<Run>,
}

impl<'r> Feeder<'r> {
    fn new(reader: &'r SnapshotReader, runs: SyncSender<Result<Run, Failure>>) -> Self {
        Self { reader, runs, buffers: FrameBuffers::default(), kept: Vec::new(), run: None }
    }

    fn feed(mut self, content: &Content) {
        // Nobody listens any more when printing has failed: then there is nothing to do.
        let mut failed = None;
        let fed = ChunkCursor::new(self.reader).content_ids(content, &mut |id| {
            self.chunk(id).map_err(|error| {
                failed = Some(Failure::from(error).as_cause_of(format!("its chunk {id} cannot be read")));
                VaultError::Stopped { what: "reading" }
            })
        });
        if self.send().is_ok()
            && let Err(error) = fed
        {
            let _ = self.runs.send(Err(failed.unwrap_or(error.into())));
        }
    }

    fn chunk(&mut self, id: ChunkId) -> Result<(), VaultError> {
        let place = self.reader.place(&id)?;
        match &mut self.run {
            Some(run) if run.frame == place.frame && run.chunks.len() < MAX_RUN => run.chunks.push((id, place)),
            _ => {
                self.send()?;
                let plain = self.frame(place.frame)?;
                self.run = Some(Run { frame: place.frame, plain, chunks: vec![(id, place)] });
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), VaultError> {
        match self.run.take() {
            Some(run) => self.runs.send(Ok(run)).map_err(|_| VaultError::Stopped { what: "reading" }),
            None => Ok(()),
        }
    }

    fn frame(&mut self, frame: u32) -> Result<Arc<Vec<u8>>, VaultError> {
        if let Some(at) = self.kept.iter().position(|(its, _)| *its == frame) {
            self.kept[at..].rotate_left(1);
        } else {
            if self.kept.len() == KEPT_FRAMES {
                // The memory of one that was printed is used again.
                self.buffers.plain = Arc::try_unwrap(self.kept.remove(0).1).unwrap_or_default();
            }
            self.reader.read_frame(frame, &mut self.buffers)?;
            self.kept.push((frame, Arc::new(std::mem::take(&mut self.buffers.plain))));
        }
        Ok(self.kept[self.kept.len() - 1].1.clone())
    }
}

/// A file on its way out.
struct Print<'a, W: Write> {
    out: &'a mut Out<W>,
    content: &'a Content,
    at: u64,
    /// How many holes are behind.
    holes: usize,
    stop: &'a AtomicBool,
}

impl<W: Write> Print<'_, W> {
    fn runs(&mut self, reader: &SnapshotReader, runs: Receiver<Result<Run, Failure>>) -> Result<(), Failure> {
        for run in runs {
            let run = run?;
            for (id, place) in &run.chunks {
                let bytes = reader.chunk_in(id, *place, &run.plain)?;
                self.data(bytes)?;
            }
        }
        self.end()
    }

    /// Prints bytes of the content. Holes are left out of it, also in the midst of a chunk.
    fn data(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            self.zeros()?;
            go_on(self.stop)?;
            let until = self.content.holes.get(self.holes).map_or(self.content.size, |(offset, _)| *offset);
            let len = until.saturating_sub(self.at).min(bytes.len() as u64) as usize;
            if len == 0 {
                return Err(Failure::said("its chunks are longer than it is"));
            }
            let (now, later) = bytes.split_at(len);
            self.out.bytes(now)?;
            self.at += len as u64;
            bytes = later;
        }
        Ok(())
    }

    fn zeros(&mut self) -> Result<(), Failure> {
        static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
        while let Some(&(offset, len)) = self.content.holes.get(self.holes)
            && offset == self.at
        {
            self.holes += 1;
            let mut left = len;
            while left > 0 {
                go_on(self.stop)?;
                let now = left.min(ZEROS.len() as u64);
                self.out.bytes(&ZEROS[..now as usize])?;
                self.at += now;
                left -= now;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.zeros()?;
        if self.at == self.content.size { Ok(()) } else { Err(Failure::said("its chunks are shorter than it is")) }
    }
}
