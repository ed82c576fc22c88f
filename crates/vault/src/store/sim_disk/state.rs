//! What is on a simulated disk: folders and files by number, each with what is there now and
//! what of it was synced. A file is only ever appended to, so that what was synced of it is a
//! length.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use super::super::disk::{Entry, EntryKind};
use super::{Moment, Op};

pub(super) type Inode = u64;
pub(super) const ROOT: Inode = 0;

#[derive(Clone)]
pub(super) struct File {
    pub data: Arc<Vec<u8>>,
    pub synced: usize,
    pub links: usize,
    pub handles: usize,
    pub is_locked: bool,
}

#[derive(Clone, Default)]
pub(super) struct Folder {
    pub entries: BTreeMap<String, Inode>,
    pub synced: BTreeMap<String, Inode>,
}

#[derive(Clone)]
pub(super) enum Node {
    File(File),
    Folder(Folder),
}

#[derive(Clone)]
pub(super) struct State {
    pub nodes: BTreeMap<Inode, Node>,
    next: Inode,
    pub has_unnamed_files: bool,
    pub capacity: u64,
    pub ops: Vec<Op>,
    pub cut_at: Option<(usize, Moment)>,
    pub power_is_cut: bool,
    pub break_at: Option<usize>,
    pub full_from: Option<usize>,
}

impl State {
    pub fn new(has_unnamed_files: bool) -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Folder(Folder::default()))]),
            next: ROOT + 1,
            has_unnamed_files,
            capacity: u64::MAX,
            ops: Vec::new(),
            cut_at: None,
            power_is_cut: false,
            break_at: None,
            full_from: None,
        }
    }

    pub fn check_power(&self) -> io::Result<()> {
        if self.power_is_cut {
            return Err(Errno::IO.into());
        }
        Ok(())
    }

    /// The same disk once nobody has a file of it open, with no faults planned.
    pub fn after_kill(&self) -> Self {
        let mut left = Self { next: self.next, nodes: self.nodes.clone(), ..Self::new(self.has_unnamed_files) };
        for inode in self.nodes.keys() {
            if let Ok(file) = left.file_mut(*inode) {
                file.handles = 0;
                file.is_locked = false;
                left.forget_if_unused(*inode);
            }
        }
        left
    }

    pub fn used(&self) -> u64 {
        let sizes = self.nodes.values().map(|node| match node {
            Node::File(file) if file.links + file.handles > 0 => file.data.len() as u64,
            _ => 0,
        });
        sizes.sum()
    }

    fn add(&mut self, node: Node) -> Inode {
        let inode = self.next;
        self.next += 1;
        self.nodes.insert(inode, node);
        inode
    }

    fn lookup(&self, path: &str) -> io::Result<Inode> {
        let mut at = ROOT;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let Some(Node::Folder(folder)) = self.nodes.get(&at) else {
                return Err(Errno::NOTDIR.into());
            };
            at = *folder.entries.get(part).ok_or(Errno::NOENT)?;
        }
        Ok(at)
    }

    pub fn dir_mut(&mut self, path: &str) -> io::Result<&mut Folder> {
        let inode = self.lookup(path)?;
        match self.nodes.get_mut(&inode) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(Errno::NOTDIR.into()),
            None => Err(Errno::NOENT.into()),
        }
    }

    pub fn file_mut(&mut self, inode: Inode) -> io::Result<&mut File> {
        match self.nodes.get_mut(&inode) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder(_)) => Err(Errno::ISDIR.into()),
            None => Err(Errno::NOENT.into()),
        }
    }

    pub fn file_at(&mut self, path: &str) -> io::Result<Inode> {
        let inode = self.lookup(path)?;
        self.file_mut(inode).map(|_| inode)
    }

    pub fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        let inode = self.lookup(path)?;
        let Some(Node::Folder(folder)) = self.nodes.get(&inode) else {
            return Err(Errno::NOTDIR.into());
        };
        let entries = folder.entries.iter().map(|(name, inode)| Entry {
            name: name.clone(),
            kind: match self.nodes.get(inode) {
                Some(Node::File(_)) => EntryKind::File,
                Some(Node::Folder(_)) => EntryKind::Dir,
                None => EntryKind::Other,
            },
        });
        Ok(entries.collect())
    }

    /// An error unless a name can be added to a folder.
    pub fn check_free(&mut self, parent: &str, name: &str) -> io::Result<()> {
        // The limit of the file systems in use.
        if name.len() > 255 {
            return Err(Errno::NAMETOOLONG.into());
        }
        if self.dir_mut(parent)?.entries.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        Ok(())
    }

    pub fn add_dir(&mut self, parent: &str, name: &str) -> io::Result<()> {
        self.check_free(parent, name)?;
        let inode = self.add(Node::Folder(Folder::default()));
        self.dir_mut(parent)?.entries.insert(name.to_owned(), inode);
        Ok(())
    }

    /// A new file, open and without a name.
    pub fn add_file(&mut self) -> Inode {
        self.add(Node::File(File { data: Arc::default(), synced: 0, links: 0, handles: 1, is_locked: false }))
    }

    pub fn add_link(&mut self, inode: Inode, parent: &str, name: &str) -> io::Result<()> {
        self.check_free(parent, name)?;
        self.dir_mut(parent)?.entries.insert(name.to_owned(), inode);
        self.file_mut(inode)?.links += 1;
        Ok(())
    }

    pub fn lock(&mut self, inode: Inode) -> io::Result<()> {
        let file = self.file_mut(inode)?;
        if file.is_locked {
            return Err(Errno::AGAIN.into());
        }
        file.is_locked = true;
        Ok(())
    }

    /// Appends what there is space for; an error if that is nothing.
    pub fn append(&mut self, inode: Inode, bytes: &[u8]) -> io::Result<usize> {
        let space = self.capacity.saturating_sub(self.used());
        let count = bytes.len().min(usize::try_from(space).unwrap_or(usize::MAX));
        if count == 0 && !bytes.is_empty() {
            return Err(Errno::NOSPC.into());
        }
        let file = self.file_mut(inode)?;
        Arc::make_mut(&mut file.data).extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    pub fn close(&mut self, inode: Inode) {
        if let Ok(file) = self.file_mut(inode) {
            // Whoever has a lockable file open has it locked.
            file.is_locked = false;
            file.handles = file.handles.saturating_sub(1);
            self.forget_if_unused(inode);
        }
    }

    /// Drops a file no one can reach any more, now or after a power cut.
    pub fn forget_if_unused(&mut self, inode: Inode) {
        let is_open = self.file_mut(inode).is_ok_and(|file| file.links + file.handles > 0);
        let is_named = self.nodes.values().any(|node| match node {
            Node::Folder(folder) => folder.synced.values().any(|named| *named == inode),
            Node::File(_) => false,
        });
        if !is_open && !is_named {
            self.nodes.remove(&inode);
        }
    }
}
