//! A folder as it was read: its open descriptor, the names in one buffer and what each is,
//! sorted. A [`Found`] is a place in one, so that an entry costs the walk no memory of its own.

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use super::ahead::Slot;
use super::roots::Scope;
use super::stat::Stat;

/// One step of a walk.
#[derive(Debug)]
pub enum Step {
    Found(Found),
    /// A folder whose content could not be listed (its own entry has been found), or an entry of
    /// which nothing is known but its name.
    Unreadable {
        path: Vec<u8>,
        error: io::Error,
    },
    /// Not found on purpose. A folder's own entry has been found, unless it is excluded.
    Skipped {
        path: Vec<u8>,
        why: Skip,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// A pattern excludes it.
    Excluded,
    /// It is a cache by its `CACHEDIR.TAG`: only the tag is kept.
    Cache,
    /// What is in this folder is on another file system.
    OtherFileSystem,
    /// It is the store or the agent's own state.
    Own,
    /// No entry can have this path.
    TooLong,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Skip::Excluded => "excluded",
            Skip::Cache => "a cache",
            Skip::OtherFileSystem => "on another file system",
            Skip::Own => "holds the backup itself",
            Skip::TooLong => "the path is too long",
        })
    }
}

/// An entry of a folder. Cheap to clone; while one lives, its folder stays open and the names of
/// all that is in the folder stay in memory.
#[derive(Debug, Clone)]
pub struct Found {
    listing: Arc<Listing>,
    item: u32,
}

impl Found {
    pub(super) fn new(listing: Arc<Listing>, item: usize) -> Self {
        Self { listing, item: item as u32 }
    }

    pub(super) fn listing(&self) -> &Arc<Listing> {
        &self.listing
    }

    fn item(&self) -> &Item {
        &self.listing.items[self.item as usize]
    }

    pub fn stat(&self) -> &Stat {
        &self.item().stat
    }

    /// Its name in its folder.
    pub fn name(&self) -> &CStr {
        self.listing.name(self.item())
    }

    /// The folder that it is in, open; perhaps only as a place (`O_PATH`).
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.listing.fd.as_fd()
    }

    /// Its path in the snapshot.
    pub fn path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        self.write_path(&mut path);
        path
    }

    /// The same, in place of what `path` held.
    pub fn write_path(&self, path: &mut Vec<u8>) {
        let item = self.item();
        let name = &self.listing.names[item.name_at..item.name_at + usize::from(item.name_len)];
        self.listing.place.write_path(name, path);
    }

    /// Whether it is a folder on the way to a root that is reached through a symbolic link: it
    /// is saved as the folder that the link leads to.
    pub fn is_followed(&self) -> bool {
        self.item().followed
    }
}

#[derive(Debug)]
pub(super) struct Listing {
    pub fd: OwnedFd,
    pub place: Place,
    /// Each name ends with a NUL.
    pub names: Vec<u8>,
    pub items: Vec<Item>,
    /// Those of the items that are to be entered, in order.
    pub subs: Vec<Sub>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub name_at: usize,
    pub name_len: u16,
    pub followed: bool,
    pub stat: Stat,
}

#[derive(Debug)]
pub(super) struct Sub {
    pub item: u32,
    pub scope: Scope,
    /// Who reads it; touched only under the lock of the state that all share.
    pub slot: Mutex<Slot>,
}

impl Listing {
    pub fn name(&self, item: &Item) -> &CStr {
        let bytes = &self.names[item.name_at..=item.name_at + usize::from(item.name_len)];
        CStr::from_bytes_with_nul(bytes).unwrap_or(c"")
    }
}

/// Where a folder is in the snapshot. Held as a chain, since the whole paths of the folders that
/// a walk is in at once would take the square of its depth.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(Option<Arc<Part>>);

#[derive(Debug)]
struct Part {
    parent: Place,
    name: Box<[u8]>,
    /// Of the whole path.
    len: usize,
}

impl Place {
    pub fn below(&self, name: &CStr) -> Self {
        let name = name.to_bytes();
        Place(Some(Arc::new(Part { parent: self.clone(), name: name.into(), len: self.len_below(name.len()) })))
    }

    /// How long the path of an entry here is whose name has `name` bytes.
    pub fn len_below(&self, name: usize) -> usize {
        self.0.as_ref().map_or(0, |part| part.len + 1) + name
    }

    pub fn write_path(&self, name: &[u8], path: &mut Vec<u8>) {
        path.clear();
        path.resize(self.len_below(name.len()), b'/');
        let mut end = path.len() - name.len();
        path[end..].copy_from_slice(name);
        let mut place = self;
        while let Some(part) = &place.0 {
            path[end - 1 - part.name.len()..end - 1].copy_from_slice(&part.name);
            end = end.saturating_sub(part.name.len() + 1);
            place = &part.parent;
        }
    }
}

impl Drop for Part {
    // By hand, since a chain of many thousand parts would overflow the stack.
    fn drop(&mut self) {
        let mut next = self.parent.0.take();
        while let Some(mut part) = next.and_then(Arc::into_inner) {
            next = part.parent.0.take();
        }
    }
}
