//! Taking in what was read, in the order of the queue.

use std::sync::mpsc::Receiver;
use std::time::SystemTime;

use pulih_vault::tree::entry::{Entry, Kind, Timestamp};

use super::super::BackupError;
use super::super::again::Again;
use super::super::assemble::Part;
use super::super::fetch::{Fetched, Job, SMALL_BYTES};
use super::super::ids::FileIds;
use super::super::listing::Record;
use super::{Batch, BatchState, Run};
use crate::source::{Found, Stat, content, metadata};

impl Run<'_> {
    pub(super) fn small(&mut self, batch: &Batch) -> Result<(), BackupError> {
        let mut state = batch.state.borrow_mut();
        if let BatchState::Coming(receiver) = &*state {
            let Ok(Fetched::Small { files, bytes }) = receiver.recv() else {
                return Err(stopped());
            };
            *state = BatchState::Here { files: files.into(), bytes, at: 0 };
        }
        let BatchState::Here { files, bytes, at } = &mut *state else { return Err(stopped()) };
        let file = files.pop_front().ok_or_else(stopped)?;
        let mut ids = FileIds::keeping(self.backup.limits.ids);
        for (id, len) in &file.chunks {
            let end = *at + *len as usize;
            self.snapshot.content(Part::SmallFile, *id, &bytes[*at..end], &mut ids)?;
            *at = end;
        }
        if files.is_empty() {
            self.in_flight -= batch.cost;
            self.pool.give_back(std::mem::take(bytes));
        }
        drop(state);
        self.file(&file.found, file.entry, ids)
    }

    /// Takes in what was read again of a file, and the file as it was.
    pub(super) fn again(
        &mut self,
        (record, end): &(Record, u64),
        again: &Again,
        receiver: &Receiver<Fetched>,
    ) -> Result<(), BackupError> {
        let (_, size) = record.mode_and_size();
        let part = if size > SMALL_BYTES { Part::LargeFile } else { Part::SmallFile };
        let differs = loop {
            match receiver.recv() {
                Ok(Fetched::Piece { bytes, chunks }) => {
                    let mut at = 0;
                    for (id, len) in chunks {
                        let end = at + len as usize;
                        self.snapshot.rewrite(part, id, &bytes[at..end])?;
                        at = end;
                    }
                    self.check_interrupted()?;
                    self.snapshot.keep_if_due()?;
                }
                Ok(Fetched::Again(differs)) => break differs,
                Ok(Fetched::Small { .. } | Fetched::End(_)) | Err(_) => return Err(stopped()),
            }
        };
        self.in_flight -= again.cost();
        self.snapshot.read_again(&record.path, &again.wanted, differs);
        self.snapshot.same(record, *end)
    }

    /// Takes in a large file's pieces; returns its ids and how it ended.
    #[allow(clippy::type_complexity)]
    pub(super) fn pieces(
        &mut self,
        receiver: &Receiver<Fetched>,
    ) -> Result<(FileIds, std::io::Result<Box<Entry>>), BackupError> {
        let mut ids = FileIds::keeping(self.backup.limits.ids);
        loop {
            match receiver.recv() {
                Ok(Fetched::Piece { bytes, chunks }) => {
                    let mut at = 0;
                    for (id, len) in chunks {
                        let end = at + len as usize;
                        self.snapshot.content(Part::LargeFile, id, &bytes[at..end], &mut ids)?;
                        at = end;
                    }
                    self.pool.give_back(bytes);
                    self.check_interrupted()?;
                    self.snapshot.keep_if_due()?;
                }
                Ok(Fetched::End(entry)) => return Ok((ids, entry)),
                Ok(Fetched::Small { .. } | Fetched::Again(_)) | Err(_) => return Err(stopped()),
            }
        }
    }

    /// A file's content was read, or not.
    pub(super) fn file(
        &mut self,
        found: &Found,
        entry: std::io::Result<Entry>,
        ids: FileIds,
    ) -> Result<(), BackupError> {
        let stat = found.stat();
        match entry {
            Ok(entry) => {
                self.links.read(stat, &entry.kind, &ids);
                self.entry(entry, stat, ids)
            }
            Err(error) if content::is_vanished(&error) => {
                self.links.forget(stat);
                self.snapshot.vanished(&found.path());
                Ok(self.snapshot.take_back(ids)?)
            }
            Err(error) => {
                self.snapshot.take_back(ids)?;
                self.links.forget(stat);
                self.unread(found, &error.to_string())
            }
        }
    }

    /// A file that is there and cannot be read is an entry that says why.
    fn unread(&mut self, found: &Found, why: &str) -> Result<(), BackupError> {
        self.snapshot.unreadable(found.path(), why.to_owned());
        let Ok(mut entry) = metadata::read_entry(found, &mut self.names) else { return Ok(()) };
        if let Kind::File(content) = &mut entry.kind {
            content.unread = Some(why.to_owned());
        }
        self.entry(entry, found.stat(), FileIds::default())
    }

    pub(super) fn hard_link(&mut self, found: &Found) -> Result<(), BackupError> {
        let stat = found.stat();
        let Some((content, ids)) = self.links.content(stat) else {
            // The first name could not be read, and this one says for itself why; or the content
            // is too large to keep its ids.
            let receiver = self.beside.submit(Job::Large(found.clone()));
            let (ids, entry) = self.pieces(&receiver)?;
            return self.file(found, entry.map(|entry| *entry), ids);
        };
        match metadata::read_entry(found, &mut self.names) {
            Ok(mut entry) => {
                entry.kind = Kind::File(content);
                for id in &ids {
                    self.snapshot.refer(id)?;
                }
                self.entry(entry, stat, ids.into())
            }
            Err(error) if content::is_vanished(&error) => Ok(()),
            Err(error) => self.unread(found, &error.to_string()),
        }
    }

    pub(super) fn entry(&mut self, entry: Entry, stat: &Stat, ids: FileIds) -> Result<(), BackupError> {
        // A change within the same tick of the file system's clock would not be seen the next
        // time: what changed so shortly before the run is read again then. Only the ctime counts:
        // anyone can set an mtime, into the future too.
        let settled = stat.ctime < before(self.started);
        self.snapshot.entry(entry, stat, ids, settled)
    }

    pub(super) fn stream_end(&mut self, receiver: &Receiver<Fetched>) -> Result<(), BackupError> {
        let (ids, entry) = self.pieces(receiver)?;
        let entry = entry.map_err(|source| BackupError::Input { name: "--stdin".to_owned(), source })?;
        self.snapshot.entry(*entry, &Stat::default(), ids, false)
    }
}

fn stopped() -> BackupError {
    pulih_vault::error::VaultError::Stopped { what: "the reading of files" }.into()
}

/// Two seconds earlier: as coarse as any file system keeps its times.
fn before(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp { seconds: since.as_secs() as i64 - 2, nanoseconds: since.subsec_nanos() }
}
