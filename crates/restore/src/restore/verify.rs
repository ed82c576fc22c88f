//! Holding what is in the target against the snapshot: content by the ids of its chunks, which are
//! keyed hashes, and everything else as `stat` tells it. Nothing is fetched from the store for content.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pulih_progress::Progress;
use pulih_vault::tree::entry::Entry;

use super::window::{Part, Task, Window};
use super::{Restore, RestoreError, Summary};
use crate::target::TargetFile;

pub fn window(restore: &Restore, window: &Window) -> Result<Summary, RestoreError> {
    let mut starts = vec![0; window.files.len() + 1];
    for part in &window.parts {
        starts[part.file as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Summary::default());
    let look = || {
        let mut of_this = Summary::default();
        while !restore.interrupted.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = window.files.get(at) else { break };
            file(restore, task, &window.parts[starts[at]..starts[at + 1]], &mut of_this);
        }
        found.lock().unwrap_or_else(PoisonError::into_inner).add(&of_this);
    };
    std::thread::scope(|scope| {
        for _ in 1..restore.workers {
            scope.spawn(look);
        }
        look();
    });
    if restore.interrupted.load(Ordering::Relaxed) {
        return Err(RestoreError::Interrupted);
    }
    let mut summary = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    window.others.iter().chain(&window.folders).for_each(|entry| metadata(restore, entry, &mut summary));
    Ok(summary)
}

/// A file whose content is not the snapshot's has failed; its metadata counts apart.
fn file(restore: &Restore, task: &Task, parts: &[Part], summary: &mut Summary) {
    let content = restore.target.open_to_read(&task.entry).and_then(|file| differs(restore, &file, parts));
    let size = task.entry.content().map_or(0, |content| content.size);
    restore.monitor.file(task.number, size, matches!(content, Ok(None)));
    match content {
        Ok(None) => {
            summary.already_right += 1;
            metadata(restore, &task.entry, summary);
        }
        Ok(Some(at)) => {
            summary.failed += 1;
            restore
                .monitor
                .problem(&task.entry.path, &format!("read again it is not what the snapshot has, from byte {at} on"));
        }
        Err(error) => {
            summary.failed += 1;
            restore.monitor.problem(&task.entry.path, &error.to_string());
        }
    }
    restore.monitor.advance(Progress { files: 1, ..Progress::default() });
}

/// Where the first chunk begins that is not the snapshot's. Parts come in the order of the file, those of a chunk
/// that reaches over holes one after the other.
fn differs(restore: &Restore, file: &TargetFile, parts: &[Part]) -> Result<Option<u64>, crate::target::TargetError> {
    let mut chunk = Vec::new();
    let mut from = 0;
    for part in parts {
        if part.skip == 0 {
            chunk.clear();
            from = part.at;
        }
        let have = chunk.len();
        chunk.resize(have + part.len as usize, 0);
        if file.read_at(part.at, &mut chunk[have..])? != part.len as usize {
            return Ok(Some(from));
        }
        let is_whole = part.skip + part.len == part.place.len;
        if is_whole && restore.reader.id_of(&chunk) != part.id {
            return Ok(Some(from));
        }
        restore.monitor.advance(Progress { bytes: u64::from(part.len), ..Progress::default() });
    }
    Ok(None)
}

fn metadata(restore: &Restore, entry: &Entry, summary: &mut Summary) {
    let why = match restore.target.matches(entry) {
        Ok(true) => return,
        Ok(false) => "its type, size, owner, permissions, attributes or time are not those of the snapshot".to_owned(),
        Err(error) => error.to_string(),
    };
    summary.metadata_problems += 1;
    restore.monitor.note(&entry.path, &why);
}
