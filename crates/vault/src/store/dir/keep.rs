//! Removing and healing in a folder. What is healed goes to `quarantine/<name>` first, or to
//! `quarantine/<name>.1` and on where that is taken: it is evidence, and nothing here deletes it.

use std::io::{self, ErrorKind, Write as _};

use super::super::disk::{Disk, split};
use super::super::keep::Keeps;
use super::super::{ObjectName, Store as _, StoreError};
use super::{DirStore, Shared};

const QUARANTINE: &str = "quarantine";
/// An object that was damaged more often is on a disk that no healing helps.
const MAX_DAMAGES: u32 = 1000;

fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidFilename
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}

impl<D: Disk> Shared<D> {
    fn remove(&self, path: &str) -> io::Result<()> {
        unless_gone(self.disk.remove(path))?;
        // Also where there was nothing: an earlier removal may not have come to this.
        unless_gone(self.disk.sync_dir(split(path).0))
    }

    /// Moves what has a name out of the way, durably. That nothing has it is no error.
    fn quarantine(&self, path: &str) -> io::Result<()> {
        let aside = format!("{QUARANTINE}/{path}");
        self.ensure_dir(split(&aside).0)?;
        let mut moved = self.disk.rename(path, &aside);
        for damage in 1..MAX_DAMAGES {
            match &moved {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    moved = self.disk.rename(path, &format!("{aside}.{damage}"));
                }
                _ => break,
            }
        }
        unless_gone(moved)?;
        // First where it is now: a power cut then leaves both names rather than none.
        self.disk.sync_dir(split(&aside).0)?;
        unless_gone(self.disk.sync_dir(split(path).0))
    }
}

impl<D: Disk> Keeps for DirStore<D> {
    fn remove(&self, name: &ObjectName) -> Result<(), StoreError> {
        let removed = self.shared.remove(name.as_str());
        removed.map_err(|source| self.shared.failed(&format!("remove object {name}"), source))
    }

    fn heal(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), StoreError> {
        // The right bytes are on the disk before anything is touched: a full one changes nothing.
        let mut staged = self.stage()?;
        staged.write_all(bytes).map_err(|source| StoreError::from_write(name, source))?;
        let aside = self.shared.quarantine(name.as_str());
        aside.map_err(|source| self.shared.failed(&format!("put the damaged {name} aside"), source))?;
        staged.commit(name)
    }
}
