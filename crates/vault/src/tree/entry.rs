//! An entry of a snapshot: one file, folder, link or special file, as a line of JSON and as a
//! checked value. A line from a vault becomes an [`Entry`] here or is refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::line;
use crate::error::Malformed;
use crate::id::ChunkId;

/// Most ids in an entry; a longer list is stored as chunks.
pub const MAX_INLINE_CHUNKS: usize = 64;
/// How deep such lists may nest.
pub const MAX_LIST_DEPTH: u8 = 4;

/// Seconds since 1970 and nanoseconds that count up from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp {
    pub seconds: i64,
    pub nanoseconds: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File(Content),
    Dir,
    Link { target: Vec<u8> },
    Fifo,
    Char { major: u32, minor: u32 },
    Block { major: u32, minor: u32 },
    Socket,
}

/// A file's content: its chunks end to end, with `holes` put in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    pub size: u64,
    pub chunks: Vec<ChunkId>,
    /// How many times `chunks` must be replaced by what they hold.
    pub depth: u8,
    /// Offset and length, ascending, apart, inside `size`.
    pub holes: Vec<(u64, u64)>,
    /// Blocks of zeros in the content were holes too.
    pub sparse: bool,
    /// Why the content could not be read; there is none then.
    pub unread: Option<String>,
}

/// Entries with the same device and inode are one file under several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HardLink {
    pub device: u64,
    pub inode: u64,
    /// Names that the file had when it was read, also outside the snapshot.
    pub count: u64,
}

/// What happened to a file while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Note {
    Changed,
    Shrank,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the snapshot's root; see [`super::name::is_safe_path`].
    pub path: Vec<u8>,
    pub kind: Kind,
    /// Permission bits, set-id and sticky bits: at most `0o7777`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub user: Option<String>,
    pub group: Option<String>,
    pub mtime: Timestamp,
    pub links: Option<HardLink>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub note: Option<Note>,
}

impl Entry {
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Dir
    }

    /// The entry as its line in a leaf, with the newline.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line =
            serde_json::to_vec(&line::Line::from(self)).expect("a line has no maps with keys that are not text");
        line.push(b'\n');
        line
    }

    /// Reads a line of a leaf (without or with its newline) and checks every field of it.
    pub fn from_line(line: &[u8]) -> Result<Self, Malformed> {
        let line: line::Line =
            serde_json::from_slice(line).map_err(|error| Malformed::new("entry", error.to_string()))?;
        line.into_entry()
    }
}
