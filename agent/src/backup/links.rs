//! Files with several names: the first name that comes is read, the others share its content.
//! What is kept of them is bounded; beyond it each name is read for itself, which stores
//! nothing twice.

use std::collections::HashMap;

use pulih_vault::id::ChunkId;
use pulih_vault::tree::entry::{Content, Kind};

use super::ids::FileIds;
use crate::source::Stat;

const MAX_FILES: usize = 200_000;

/// What the names of a file share.
type Shared = (Content, Vec<ChunkId>);

pub struct Links {
    /// By device and inode; `None` until the content was read.
    files: HashMap<(u64, u64), Option<Shared>>,
    /// Ids that may still be kept, of all files together.
    room: usize,
}

fn key(stat: &Stat) -> (u64, u64) {
    (stat.device, stat.inode)
}

impl Links {
    pub fn keeping(ids: usize) -> Self {
        Self { files: HashMap::new(), room: ids }
    }

    pub fn is_known(&self, stat: &Stat) -> bool {
        self.files.contains_key(&key(stat))
    }

    /// The file's first name is about to be read.
    pub fn expect(&mut self, stat: &Stat) {
        if self.files.len() < MAX_FILES {
            self.files.insert(key(stat), None);
        }
    }

    /// A file was read; kept if it has more names.
    pub fn read(&mut self, stat: &Stat, kind: &Kind, ids: &FileIds) {
        if let (Some(slot), Kind::File(content), Some(ids)) = (self.files.get_mut(&key(stat)), kind, ids.all())
            && ids.len() <= self.room
        {
            self.room -= ids.len();
            *slot = Some((content.clone(), ids.to_vec()));
        }
    }

    /// A file could not be read.
    pub fn forget(&mut self, stat: &Stat) {
        self.files.remove(&key(stat));
    }

    /// What the other names have, if it was read and kept.
    pub fn content(&self, stat: &Stat) -> Option<Shared> {
        self.files.get(&key(stat)).cloned().flatten()
    }
}
