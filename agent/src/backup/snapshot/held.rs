//! Entries of the last run that are as they were: what of them can still be had, and what of that is
//! to be written afresh.

use std::io;

use pulih_vault::error::Result;
use pulih_vault::id::ChunkId;
use pulih_vault::tree::entry::Entry;

use super::super::again::{Again, Wanted};
use super::super::assemble::{Assembler, Part};
use super::super::listing::Record;
use super::Snapshot;
use crate::source::content::{Extents, is_vanished};

/// How much of a file that is as it was can still be had.
pub enum Held {
    All,
    /// All, and some of it is to be written afresh.
    Again(Again),
    NotAll,
}

impl Snapshot<'_> {
    /// Whether all chunks of an entry of the last run can still be had, and stay where they are.
    /// While the sums of the last run hold, that is so for all of them.
    pub fn held(&mut self, record: &Record) -> Result<Held> {
        if !self.recount {
            return Ok(Held::All);
        }
        let Assembler { known, rewriting, .. } = &self.assembler;
        let entry = Entry::from_line(&record.line)?;
        let Some(content) = entry.content() else { return Ok(Held::All) };
        let mut wanted = Vec::new();
        let mut offset = 0;
        // What its lists are made of is here: only content has to be read for it.
        let of_content = if content.depth == 0 { content.chunks.len() } else { record.ids.len() };
        for (at, id) in self.assembler.chunks_of(&entry, &record.ids)?.into_iter().enumerate() {
            let Some(place) = known.get(&id)? else { return Ok(Held::NotAll) };
            if at < of_content && !rewriting.is_full() && known.is_avoided(place) {
                wanted.push(Wanted { id, offset, len: place.len });
            }
            offset += u64::from(place.len);
        }
        wanted.retain(|wanted| self.assembler.rewriting.expect(wanted));
        if wanted.is_empty() {
            return Ok(Held::All);
        }
        Ok(Held::Again(Again { extents: Extents::around(content.holes.clone(), content.size), wanted }))
    }

    /// A chunk of a file that is as it was, read again.
    pub fn rewrite(&mut self, part: Part, id: ChunkId, bytes: &[u8]) -> Result<()> {
        self.changes.read_bytes += bytes.len() as u64;
        self.assembler.rewrite(part, id, bytes)
    }

    /// What was expected of a file has come or never will; `differs` of it is not what was saved.
    pub fn read_again(&mut self, path: &[u8], wanted: &[Wanted], differs: io::Result<u64>) {
        self.assembler.rewriting.came(wanted, *differs.as_ref().unwrap_or(&0));
        let why = match differs {
            Ok(0) => return,
            Ok(_) => "reads differently than it was saved, though nothing says that it changed".to_owned(),
            Err(error) if is_vanished(&error) => return,
            Err(error) => format!("cannot be read again: {error}"),
        };
        self.backup.monitor.note(path, &format!("{why}; what was saved of it is kept"));
    }
}
