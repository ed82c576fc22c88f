//! A disk in memory, for tests of crash safety, here and in crates that use this one. It keeps
//! apart what was written and what was synced, counts every change, and at any of them can lose
//! power or run full. It promises no more than POSIX does: a file's name is durable once its
//! folder was synced, its bytes once the file was, and nothing else is.

mod power_cut;
mod state;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::disk::{Disk, Entry, split};
pub use power_cut::PowerCut;
use state::{Inode, State};

/// A change that was asked of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    MakeDir(String),
    SyncDir(String),
    OpenUnnamed,
    OpenLocked(String),
    Write(usize),
    SyncFile,
    Link(String),
    Rename(String),
    Remove(String),
}

/// When exactly the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The operation has no effect.
    Before,
    /// Half of what is being written arrives; another operation than a write has no effect.
    Midway,
    /// The operation has its effect, but no one is told.
    After,
}

/// A simulated disk. A clone is the same disk; [`SimDisk::snapshot`] makes another.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// A file being written on a simulated disk.
pub struct SimTemp {
    disk: SimDisk,
    inode: Inode,
}

impl Drop for SimTemp {
    fn drop(&mut self) {
        self.disk.state().close(self.inode);
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk that has files without a name.
    pub fn new() -> Self {
        Self::from_state(State::new(true))
    }

    /// An empty disk on which a file has a name from the start.
    pub fn without_unnamed_files() -> Self {
        Self::from_state(State::new(false))
    }

    fn from_state(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a test thread is that test's finding, not this disk's.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes asked for so far, refused ones included.
    pub fn ops(&self) -> Vec<Op> {
        self.state().ops.clone()
    }

    /// Cuts the power at change number `at`, counted from 0 since the disk was made: it and all
    /// operations after it fail, until [`SimDisk::after_power_cut`] gives the disk that is left.
    pub fn cut_power_at(&self, at: usize, moment: Moment) {
        self.state().cut_at = Some((at, moment));
    }

    pub fn power_is_cut(&self) -> bool {
        self.state().power_is_cut
    }

    /// Lets change number `at`, and that one alone, fail as a broken medium does.
    pub fn break_at(&self, at: usize) {
        self.state().break_at = Some(at);
    }

    /// From change number `at` on, whatever could need space is answered that there is none.
    pub fn fill_at(&self, at: usize) {
        self.state().full_from = Some(at);
    }

    /// Lets the files on the disk hold so many bytes together.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// Ends what [`SimDisk::fill_at`] and [`SimDisk::set_capacity`] began.
    pub fn free_space(&self) {
        let mut state = self.state();
        state.full_from = None;
        state.capacity = u64::MAX;
    }

    /// Bytes that files take, those being written included.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// Another disk with what is on this one, as if all its users had been killed just now: files
    /// without a name are gone and locks are open, but what was written is there, synced or not.
    /// Cheap: contents are shared until one of the two changes.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self::from_state(self.state().after_kill())
    }

    /// Another disk with what a power cut at this moment leaves of this one.
    #[must_use]
    pub fn after_power_cut(&self, cut: PowerCut) -> Self {
        Self::from_state(power_cut::survivor(&self.state(), cut))
    }

    /// Does one change, or what a fault lets happen of it.
    fn change<T>(&self, op: Op, act: impl FnOnce(&mut State, Extent) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        state.check_power()?;
        let index = state.ops.len();
        let can_need_space = !matches!(op, Op::Remove(_));
        let is_write = matches!(op, Op::Write(_));
        state.ops.push(op);
        if let Some((at, moment)) = state.cut_at
            && at == index
        {
            state.power_is_cut = true;
            match moment {
                Moment::After => drop(act(&mut state, Extent::Whole)),
                Moment::Midway if is_write => drop(act(&mut state, Extent::Half)),
                Moment::Midway | Moment::Before => {}
            }
            return Err(Errno::IO.into());
        }
        if state.break_at == Some(index) {
            return Err(Errno::IO.into());
        }
        if can_need_space && state.full_from.is_some_and(|from| index >= from) {
            return Err(Errno::NOSPC.into());
        }
        act(&mut state, Extent::Whole)
    }

    fn temp(&self, inode: Inode) -> SimTemp {
        SimTemp { disk: self.clone(), inode }
    }
}

/// How much of a write happens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Half,
    Whole,
}

impl Disk for SimDisk {
    type Temp = SimTemp;
    type Object = Arc<Vec<u8>>;

    fn place(&self) -> &Path {
        Path::new("simulated-disk")
    }

    fn make_dir(&self, path: &str) -> io::Result<()> {
        self.change(Op::MakeDir(path.to_owned()), |state, _| {
            let (parent, name) = split(path);
            state.add_dir(parent, name)
        })
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.change(Op::SyncDir(path.to_owned()), |state, _| {
            let dir = state.dir_mut(path)?;
            dir.synced = dir.entries.clone();
            Ok(())
        })
    }

    fn list_dir(&self, path: &str) -> io::Result<Vec<Entry>> {
        let state = self.state();
        state.check_power()?;
        state.list(path)
    }

    fn open_unnamed(&self) -> io::Result<SimTemp> {
        if !self.state().has_unnamed_files {
            return Err(ErrorKind::Unsupported.into());
        }
        let inode = self.change(Op::OpenUnnamed, |state, _| Ok(state.add_file()))?;
        Ok(self.temp(inode))
    }

    fn open_locked(&self, path: &str) -> io::Result<SimTemp> {
        let inode = self.change(Op::OpenLocked(path.to_owned()), |state, _| {
            let (parent, name) = split(path);
            state.check_free(parent, name)?;
            let inode = state.add_file();
            state.add_link(inode, parent, name)?;
            state.lock(inode)?;
            Ok(inode)
        })?;
        Ok(self.temp(inode))
    }

    fn lock_leftover(&self, path: &str) -> io::Result<SimTemp> {
        let inode = {
            let mut state = self.state();
            state.check_power()?;
            let inode = state.file_at(path)?;
            state.lock(inode)?;
            state.file_mut(inode)?.handles += 1;
            inode
        };
        Ok(self.temp(inode))
    }

    fn write(&self, temp: &mut SimTemp, bytes: &[u8]) -> io::Result<usize> {
        self.change(Op::Write(bytes.len()), |state, extent| {
            let asked = match extent {
                Extent::Half => bytes.len() / 2,
                Extent::Whole => bytes.len(),
            };
            state.append(temp.inode, &bytes[..asked])
        })
    }

    fn sync_file(&self, temp: &mut SimTemp) -> io::Result<()> {
        self.change(Op::SyncFile, |state, _| {
            let file = state.file_mut(temp.inode)?;
            file.synced = file.data.len();
            Ok(())
        })
    }

    fn link(&self, temp: &SimTemp, path: &str) -> io::Result<()> {
        self.change(Op::Link(path.to_owned()), |state, _| {
            let (parent, name) = split(path);
            state.add_link(temp.inode, parent, name)
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(Op::Rename(from.to_owned()), |state, _| {
            let ((from_parent, from_name), (to_parent, to_name)) = (split(from), split(to));
            let inode = *state.dir_mut(from_parent)?.entries.get(from_name).ok_or(Errno::NOENT)?;
            state.check_free(to_parent, to_name)?;
            state.dir_mut(from_parent)?.entries.remove(from_name);
            state.dir_mut(to_parent)?.entries.insert(to_name.to_owned(), inode);
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.change(Op::Remove(path.to_owned()), |state, _| {
            let inode = state.file_at(path)?;
            let (parent, name) = split(path);
            state.dir_mut(parent)?.entries.remove(name);
            state.file_mut(inode)?.links -= 1;
            state.forget_if_unused(inode);
            Ok(())
        })
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.open(path).map(|(_, size)| size)
    }

    fn open(&self, path: &str) -> io::Result<(Arc<Vec<u8>>, u64)> {
        let mut state = self.state();
        state.check_power()?;
        let inode = state.file_at(path)?;
        let data = Arc::clone(&state.file_mut(inode)?.data);
        let size = data.len() as u64;
        Ok((data, size))
    }

    fn read_at(&self, object: &Arc<Vec<u8>>, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.state().check_power()?;
        let start = object.len().min(offset as usize);
        let count = into.len().min(object.len() - start);
        into[..count].copy_from_slice(&object[start..start + count]);
        Ok(count)
    }
}
