//! The ids of one file's content as they come, in memory that does not grow with the file.

use pulih_vault::error::Result;
use pulih_vault::id::ChunkId;
use pulih_vault::tree::list::ListBuilder;

use super::assemble::Assembler;

/// A file's ids in order.
#[derive(Default)]
pub struct FileIds {
    /// How many are kept.
    most: usize,
    /// All of them, while they are few enough to be kept.
    few: Vec<ChunkId>,
    /// Once they are not: their lists, which are stored as they fill.
    many: Option<Many>,
}

#[derive(Default)]
struct Many {
    builder: ListBuilder,
    lists: Vec<ChunkId>,
}

/// What an entry's line holds of its content, and what the listing keeps of it.
pub struct Listed {
    pub chunks: Vec<ChunkId>,
    pub depth: u8,
    /// All ids; `None` if there were too many to keep.
    pub ids: Option<Vec<ChunkId>>,
}

impl Many {
    fn push(&mut self, id: ChunkId, assembler: &mut Assembler) -> Result<()> {
        let Self { builder, lists } = self;
        builder.push(id, &mut |list| {
            let id = assembler.add_list(list)?;
            lists.push(id);
            Ok(id)
        })
    }
}

impl From<Vec<ChunkId>> for FileIds {
    fn from(few: Vec<ChunkId>) -> Self {
        Self { most: few.len(), few, many: None }
    }
}

impl FileIds {
    pub fn keeping(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub fn push(&mut self, id: ChunkId, assembler: &mut Assembler) -> Result<()> {
        if let Some(many) = &mut self.many {
            return many.push(id, assembler);
        }
        if self.few.len() < self.most {
            self.few.push(id);
            return Ok(());
        }
        let mut many = Many::default();
        std::mem::take(&mut self.few).into_iter().chain([id]).try_for_each(|id| many.push(id, assembler))?;
        self.many = Some(many);
        Ok(())
    }

    /// All ids, unless there are too many.
    pub fn all(&self) -> Option<&[ChunkId]> {
        self.many.is_none().then_some(&self.few)
    }

    /// Ends the content: what is left of its lists is stored.
    pub fn finish(self, assembler: &mut Assembler) -> Result<Listed> {
        let mut store = |list: &[u8]| assembler.add_list(list);
        if let Some(many) = self.many {
            let (chunks, depth) = many.builder.finish(&mut store)?;
            return Ok(Listed { chunks, depth, ids: None });
        }
        let mut builder = ListBuilder::default();
        for id in &self.few {
            builder.push(*id, &mut store)?;
        }
        let (chunks, depth) = builder.finish(&mut store)?;
        Ok(Listed { chunks, depth, ids: Some(self.few) })
    }

    /// The file is not saved after all: takes its references back. Says whether all of them were
    /// known; if not, they stay counted until a run counts anew.
    pub fn take_back(self, assembler: &mut Assembler) -> Result<bool> {
        let lists = self.many.as_ref().map_or(&[][..], |many| &many.lists);
        self.few.iter().chain(lists).try_for_each(|id| assembler.unrefer(id))?;
        Ok(self.many.is_none())
    }
}
