//! The directory store: an object is a read-only file, its name the path below one folder.
//! A commit syncs the file, then the folders above it, then links the name, then syncs the
//! name's folder, in that order; it never renames and never opens an existing object to write.

mod keep;
mod temps;

use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, EntryKind, split};
use super::real_disk::RealDisk;
use super::{ObjectName, Staged, Store, StoreError, says_full};

/// A store in a folder.
pub struct DirStore<D: Disk = RealDisk> {
    shared: Arc<Shared<D>>,
}

struct Shared<D> {
    disk: D,
    /// Whether this disk turned out to have no files without a name.
    names_temps: AtomicBool,
    /// Folders this process knows to be durable, they and all above them.
    durable_dirs: Mutex<HashSet<String>>,
}

impl DirStore<RealDisk> {
    /// Opens the store in a folder, which must be there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::on_opened(path, RealDisk::open(path))
    }

    /// Opens the store in a folder, which is made if need be.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        Self::on_opened(path, RealDisk::create(path))
    }

    fn on_opened(path: &Path, disk: io::Result<RealDisk>) -> Result<Self, StoreError> {
        match disk {
            Ok(disk) => Ok(Self::on(disk)),
            Err(source) => Err(failed(path, "open the store's folder", source)),
        }
    }
}

impl<D: Disk> DirStore<D> {
    /// The store on a disk. Removes what writers that died have left behind.
    pub fn on(disk: D) -> Self {
        temps::sweep(&disk);
        let shared = Arc::new(Shared { disk, names_temps: AtomicBool::new(false), durable_dirs: Mutex::default() });
        Self { shared }
    }

    /// The store's folder.
    pub fn path(&self) -> &Path {
        self.shared.disk.place()
    }
}

/// An error of the store in folder `place`.
fn failed(place: &Path, action: &str, source: io::Error) -> StoreError {
    let store = place.display().to_string();
    if says_full(&source) {
        StoreError::Full { store, source }
    } else {
        let action = format!("{action} in {store}");
        StoreError::Io { action, source }
    }
}

fn unless_exists(made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

impl<D: Disk> Shared<D> {
    fn failed(&self, action: &str, source: io::Error) -> StoreError {
        failed(self.disk.place(), action, source)
    }

    fn open_temp(&self) -> io::Result<(D::Temp, Option<String>)> {
        if !self.names_temps.load(Ordering::Relaxed) {
            match self.disk.open_unnamed() {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    self.names_temps.store(true, Ordering::Relaxed);
                }
                opened => return Ok((opened?, None)),
            }
        }
        let (temp, path) = temps::open(&self.disk)?;
        Ok((temp, Some(path)))
    }

    fn durable_dirs(&self) -> MutexGuard<'_, HashSet<String>> {
        // A set of what has been synced is right also after a panic elsewhere.
        self.durable_dirs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a folder and those above it, unless they are there, and makes them durable. Also a
    /// folder that is there is synced once: who made it may not have come to that.
    fn ensure_dir(&self, dir: &str) -> io::Result<()> {
        if dir.is_empty() || self.durable_dirs().contains(dir) {
            return Ok(());
        }
        let parent = split(dir).0;
        self.ensure_dir(parent)?;
        unless_exists(self.disk.make_dir(dir))?;
        self.disk.sync_dir(parent)?;
        self.durable_dirs().insert(dir.to_owned());
        Ok(())
    }

    fn link(&self, temp: &D::Temp, path: &str) -> io::Result<()> {
        let dir = split(path).0;
        self.ensure_dir(dir)?;
        match self.disk.link(temp, path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Someone removed a folder this process had found durable.
                self.durable_dirs().clear();
                self.ensure_dir(dir)?;
                self.disk.link(temp, path)
            }
            linked => linked,
        }
    }

    fn commit(&self, temp: &mut D::Temp, name: &ObjectName) -> Result<(), StoreError> {
        let path = name.as_str();
        let fail = |source| self.failed(&format!("commit object {name}"), source);
        self.disk.sync_file(temp).map_err(fail)?;
        let linked = self.link(temp, path);
        let exists = match linked {
            Ok(()) => false,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // What has the name may be no object, and then no one may rely on it.
                self.disk.size(path).map_err(fail)?;
                true
            }
            Err(error) => return Err(fail(error)),
        };
        // Also before `AlreadyExists`: the caller will rely on the other writer's object, and
        // that writer may not have come to this yet.
        self.disk.sync_dir(split(path).0).map_err(fail)?;
        if exists {
            return Err(StoreError::AlreadyExists { name: name.clone() });
        }
        Ok(())
    }

    /// The error of reading an object. A name that leads nowhere is the name of no object.
    fn read_failed(&self, name: &ObjectName, source: io::Error) -> StoreError {
        match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidFilename => {
                StoreError::NotFound { name: name.clone() }
            }
            _ => self.failed(&format!("read object {name}"), source),
        }
    }

    /// Fills `into` from `offset`, which the object is known to reach beyond.
    fn read_all(&self, object: &D::Object, into: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < into.len() {
            match self.disk.read_at(object, &mut into[done..], offset + done as u64)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => done += count,
            }
        }
        Ok(())
    }
}

/// A file being written; `temp` is gone once a write has failed.
struct DirStaged<D: Disk> {
    shared: Arc<Shared<D>>,
    temp: Option<D::Temp>,
    named: Option<String>,
}

impl<D: Disk> DirStaged<D> {
    fn discard(&mut self) {
        // The name goes first, while the lock still tells a sweep to keep off. If it stays,
        // the next store to open here removes it.
        if let Some(path) = self.named.take() {
            let _ = self.shared.disk.remove(&path);
        }
        self.temp = None;
    }
}

impl<D: Disk> Drop for DirStaged<D> {
    fn drop(&mut self) {
        self.discard();
    }
}

impl<D: Disk> Write for DirStaged<D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(temp) = &mut self.temp else {
            return Err(io::Error::other("an earlier write to this object failed"));
        };
        self.shared.disk.write(temp, bytes).map_err(|source| {
            self.discard();
            let kind = source.kind();
            io::Error::new(kind, self.shared.failed("write an object", source))
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<D: Disk> Staged for DirStaged<D> {
    fn commit(mut self: Box<Self>, name: &ObjectName) -> Result<(), StoreError> {
        let this = &mut *self;
        match &mut this.temp {
            Some(temp) => this.shared.commit(temp, name),
            None => Err(this.shared.failed(&format!("commit object {name}"), io::Error::other("a write to it failed"))),
        }
    }
}

impl<D: Disk> Store for DirStore<D> {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        let shared = Arc::clone(&self.shared);
        match shared.open_temp() {
            Ok((temp, named)) => Ok(Box::new(DirStaged { shared, temp: Some(temp), named })),
            Err(source) => Err(shared.failed("begin an object", source)),
        }
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        let size = self.shared.disk.size(name.as_str());
        size.map_err(|source| self.shared.read_failed(name, source))
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let fail = |source| self.shared.read_failed(name, source);
        let (object, size) = self.shared.disk.open(name.as_str()).map_err(fail)?;
        let end = offset.saturating_add(len as u64);
        if end > size {
            return Err(StoreError::OutOfRange { name: name.clone(), size, offset, end });
        }
        let before = out.len();
        out.resize(before + len, 0);
        let read = self.shared.read_all(&object, &mut out[before..], offset);
        read.map_err(|source| {
            out.truncate(before);
            fail(source)
        })
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        let mut folders = vec![prefix.clone()];
        while let Some(folder) = folders.pop() {
            let entries = match self.shared.disk.list_dir(folder.as_str()) {
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
                    ) =>
                {
                    continue;
                }
                listed => listed.map_err(|source| self.shared.failed(&format!("list {folder}"), source))?,
            };
            for entry in entries {
                // Put together in one piece: there can be millions.
                let Ok(name) = [folder.as_str(), "/", &entry.name].concat().parse() else {
                    continue;
                };
                match entry.kind {
                    EntryKind::File => each(name),
                    EntryKind::Dir => folders.push(name),
                    EntryKind::Other => {}
                }
            }
        }
        Ok(())
    }
}
