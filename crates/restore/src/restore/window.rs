//! A window of files: the workers take its frames in the order of the packs, decode each once,
//! check every chunk and write it to every place it belongs.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulih_vault::chunk_map::Place;
use pulih_vault::id::ChunkId;
use pulih_vault::reader::frames::FrameBuffers;
use pulih_vault::reader::walk::is_damage;
use pulih_vault::tree::entry::Entry;

use super::{Action, Restore, RestoreError, Summary, verify};
use crate::target::{MetadataProblem, TargetError, TargetFile};
use pulih_progress::Progress;

/// Bytes `skip .. skip + len` of a chunk, and where in which file they go.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub id: ChunkId,
    pub place: Place,
    pub skip: u32,
    pub len: u32,
    /// The number of the file in the window.
    pub file: u32,
    pub at: u64,
}

/// A file that is being restored.
pub struct Task {
    pub entry: Entry,
    /// Of the tree's files, in its order, from 0.
    pub number: u64,
    /// Parts that are still to come.
    left: AtomicU32,
    failed: AtomicBool,
    changed: AtomicBool,
    open: Mutex<Option<Arc<TargetFile>>>,
}

impl Task {
    pub fn new(entry: Entry, number: u64, parts: u32) -> Self {
        Self {
            entry,
            number,
            left: AtomicU32::new(parts),
            failed: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            open: Mutex::new(None),
        }
    }
}

#[derive(Default)]
pub struct Window {
    pub files: Vec<Task>,
    pub parts: Vec<Part>,
    /// Entries that are neither files nor folders, where they are verified.
    pub others: Vec<Entry>,
    /// A name that is restored, and another of the same file.
    pub links: Vec<(Vec<u8>, Vec<u8>)>,
    /// Folders that have all their content when this window is done, deepest first.
    pub folders: Vec<Entry>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Work<'a> {
    restore: &'a Restore<'a>,
    files: &'a [Task],
    parts: &'a [Part],
    /// Where the parts of each frame begin, and the end.
    frames: Vec<usize>,
    next: AtomicUsize,
    written_bytes: AtomicU64,
    summary: Mutex<Summary>,
    failed: Mutex<Option<RestoreError>>,
}

/// Restores a window whole.
pub fn execute(restore: &Restore, mut window: Window) -> Result<Summary, RestoreError> {
    match restore.action {
        Action::Write => {}
        Action::Look => {
            let written_bytes = window.parts.iter().map(|part| u64::from(part.len)).sum();
            return Ok(Summary { written_bytes, ..Summary::default() });
        }
        Action::Verify => return verify::window(restore, &window),
    }
    if restore.in_place {
        keep_what_is_right(restore, &mut window);
    }
    window.parts.sort_unstable_by_key(|part| (part.place.frame, part.file, part.at));
    let mut frames: Vec<usize> = (0..window.parts.len())
        .filter(|&at| at == 0 || window.parts[at].place.frame != window.parts[at - 1].place.frame)
        .collect();
    frames.push(window.parts.len());
    let work = Work {
        restore,
        files: &window.files,
        parts: &window.parts,
        frames,
        next: AtomicUsize::new(0),
        written_bytes: AtomicU64::new(0),
        summary: Mutex::new(Summary::default()),
        failed: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for _ in 1..restore.workers {
            scope.spawn(|| work.run());
        }
        work.run();
    });
    if let Some(error) = lock(&work.failed).take() {
        return Err(error);
    }
    work.without_parts();
    let mut summary = std::mem::take(&mut *lock(&work.summary));
    summary.written_bytes = work.written_bytes.load(Ordering::Relaxed);
    for (first, path) in &window.links {
        if let Err(error) = restore.target.hard_link(first, path) {
            summary.failed += 1;
            restore.monitor.problem(path, &error.to_string());
        }
    }
    for folder in &window.folders {
        match restore.target.finish_folder(folder) {
            Ok(problems) => note_problems(restore, &mut summary, folder, &problems),
            Err(error) => {
                summary.failed += 1;
                restore.monitor.problem(&folder.path, &error.to_string());
            }
        }
    }
    Ok(summary)
}

fn note_problems(restore: &Restore, summary: &mut Summary, entry: &Entry, problems: &[MetadataProblem]) {
    summary.metadata_problems += u64::from(!problems.is_empty());
    for problem in problems {
        restore.monitor.note(&entry.path, &problem.to_string());
    }
}

/// Compares files that are there with what they should hold, by the chunks' ids, and takes out
/// of the window what is right. Nothing is fetched for that.
fn keep_what_is_right(restore: &Restore, window: &mut Window) {
    let files = &window.files;
    let keep: Vec<AtomicBool> = window.parts.iter().map(|_| AtomicBool::new(true)).collect();
    let mut starts = vec![0; files.len() + 1];
    for part in &window.parts {
        starts[part.file as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let next = AtomicUsize::new(0);
    let parts = &window.parts;
    let compare = || {
        let mut buffer = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = files.get(at) else { return };
            // What cannot be opened or read is written anew, and fails then if it must.
            let Ok(Some(file)) = restore.target.open_existing(&task.entry) else { continue };
            for number in starts[at]..starts[at + 1] {
                if is_right(restore, &file, &parts[number], &mut buffer) {
                    keep[number].store(false, Ordering::Relaxed);
                    task.left.fetch_sub(1, Ordering::Relaxed);
                    restore.monitor.advance(Progress { bytes: u64::from(parts[number].len), ..Progress::default() });
                }
            }
            *lock(&task.open) = Some(Arc::new(file));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..restore.workers {
            scope.spawn(compare);
        }
        compare();
    });
    let mut at = 0;
    window.parts.retain(|_| {
        at += 1;
        keep[at - 1].load(Ordering::Relaxed)
    });
}

fn is_right(restore: &Restore, file: &TargetFile, part: &Part, buffer: &mut Vec<u8>) -> bool {
    // A part of a chunk has no id of its own.
    if part.skip > 0 || part.len < part.place.len {
        return false;
    }
    buffer.resize(part.len as usize, 0);
    matches!(file.read_at(part.at, buffer), Ok(got) if got == buffer.len()) && restore.reader.id_of(buffer) == part.id
}

impl Work<'_> {
    fn run(&self) {
        let mut buffers = FrameBuffers::default();
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            if at + 1 >= self.frames.len() || lock(&self.failed).is_some() {
                return;
            }
            if self.restore.interrupted.load(Ordering::Relaxed) {
                *lock(&self.failed) = Some(RestoreError::Interrupted);
                return;
            }
            let parts = &self.parts[self.frames[at]..self.frames[at + 1]];
            if let Err(error) = self.frame(parts, &mut buffers) {
                lock(&self.failed).get_or_insert(error);
            }
        }
    }

    fn frame(&self, parts: &[Part], buffers: &mut FrameBuffers) -> Result<(), RestoreError> {
        let read = self.restore.reader.read_frame(parts[0].place.frame, buffers);
        let damaged = match read {
            Ok(()) => None,
            Err(error) if is_damage(&error) => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        for part in parts {
            let task = &self.files[part.file as usize];
            let chunk = match &damaged {
                Some(why) => Err(why.clone()),
                None => self
                    .restore
                    .reader
                    .chunk_in(&part.id, part.place, &buffers.plain)
                    .map_err(|error| error.to_string()),
            };
            let written = chunk.and_then(|chunk| {
                let bytes = &chunk[part.skip as usize..(part.skip + part.len) as usize];
                self.write(task, part, bytes).map_err(|error| error.to_string())
            });
            if let Err(why) = written
                && !task.failed.swap(true, Ordering::Relaxed)
            {
                self.restore.monitor.problem(&task.entry.path, &why);
            }
            self.part_done(task, part);
        }
        Ok(())
    }

    fn open(&self, task: &Task) -> Result<Arc<TargetFile>, TargetError> {
        let mut open = lock(&task.open);
        if let Some(file) = &*open {
            return Ok(file.clone());
        }
        let file = Arc::new(self.restore.target.create_file(&task.entry)?);
        *open = Some(file.clone());
        Ok(file)
    }

    fn write(&self, task: &Task, part: &Part, bytes: &[u8]) -> Result<(), TargetError> {
        let sparse = task.entry.content().is_some_and(|content| content.sparse);
        task.changed.store(true, Ordering::Relaxed);
        self.open(task)?.write_at(part.at, bytes, sparse)?;
        self.written_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn part_done(&self, task: &Task, part: &Part) {
        let written = u64::from(part.len);
        self.restore.monitor.advance(Progress { bytes: written, ..Progress::default() });
        if task.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish(task);
        }
    }

    /// Files without content, or whose content was right already.
    fn without_parts(&self) {
        for task in self.files {
            if lock(&task.open).is_some() || task.entry.content().is_some_and(|content| content.chunks.is_empty()) {
                self.finish(task);
            }
        }
    }

    /// All parts were written, or could not be.
    fn finish(&self, task: &Task) {
        let failed = task.failed.load(Ordering::Relaxed);
        let done = if failed { Ok(Vec::new()) } else { self.end_file(task) };
        *lock(&task.open) = None;
        let mut summary = lock(&self.summary);
        self.restore.monitor.advance(Progress { files: 1, ..Progress::default() });
        match done {
            _ if failed => summary.failed += 1,
            Ok(problems) => note_problems(self.restore, &mut summary, &task.entry, &problems),
            Err(error) => {
                summary.failed += 1;
                self.restore.monitor.problem(&task.entry.path, &error.to_string());
            }
        }
        if !failed && !task.changed.load(Ordering::Relaxed) && self.restore.in_place {
            summary.already_right += 1;
        }
    }

    fn end_file(&self, task: &Task) -> Result<Vec<MetadataProblem>, TargetError> {
        let file = self.open(task)?;
        let size = task.entry.content().map_or(0, |content| content.size);
        for (offset, len) in task.entry.content().map_or(&[][..], |content| &content.holes) {
            file.punch(*offset, *len)?;
        }
        file.set_size(size)?;
        self.restore.target.finish_file(&file, &task.entry)
    }
}
