//! What is in the restored data: how much it takes, and whose it is. What runs in the box may change it meanwhile, so
//! no path is joined and no link followed.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, openat, statat};
use rustix::io::Errno;

/// Folders in folders. Each that is walked through is open.
const MAX_DEPTH: usize = 200;
/// What an entry takes at least: a file without content has a name and an inode.
const ENTRY_BYTES: u64 = 4096;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    pub bytes: u64,
    /// Of the largest file, holes and all.
    pub largest_bytes: u64,
    /// Folders that this user cannot look into.
    pub closed: u64,
}

#[derive(Debug)]
pub enum Walked {
    TooDeep,
    Io(io::Error),
}

impl From<Errno> for Walked {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// With `owner` all of it goes to that user and group; without, what cannot be read is passed over.
pub fn walk(data: &Path, owner: Option<u32>, goes_on: &dyn Fn() -> bool) -> Result<Taken, Walked> {
    let root = rustix::fs::open(data, FOLDER, Mode::empty())?;
    let mut taken = Taken::default();
    let owner = owner.map(|user| (Uid::from_raw(user), Gid::from_raw(user)));
    let mut open = vec![Level { entries: names(&root)?, folder: root }];
    while let Some(level) = open.last_mut() {
        let Some(name) = level.entries.pop() else {
            let level = open.pop();
            // A folder goes last: until then it can be gone through.
            if let (Some((user, group)), Some(level)) = (owner, level) {
                rustix::fs::fchown(&level.folder, Some(user), Some(group))?;
            }
            continue;
        };
        if !goes_on() {
            break;
        }
        let Some(stat) = passed_over(statat(&level.folder, &name, AtFlags::SYMLINK_NOFOLLOW))? else { continue };
        taken.add(&stat);
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let folder = openat(&level.folder, &name, FOLDER, Mode::empty());
            taken.closed += u64::from(matches!(folder, Err(Errno::ACCESS)));
            let Some(folder) = passed_over(folder)? else { continue };
            let entries = names(&folder)?;
            if open.len() >= MAX_DEPTH {
                return Err(Walked::TooDeep);
            }
            open.push(Level { folder, entries });
        } else if let Some((user, group)) = owner {
            passed_over(chownat(&level.folder, &name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW))?;
        }
    }
    Ok(taken)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

struct Level {
    folder: OwnedFd,
    entries: Vec<CString>,
}

impl Taken {
    fn add(&mut self, stat: &Stat) {
        let blocks = (stat.st_blocks as u64).saturating_mul(512);
        // Each further name of a file is an entry, and its content counts once.
        // 32 bits on some machines.
        #[allow(clippy::useless_conversion)]
        let names = u64::from(stat.st_nlink).max(1);
        let share = if FileType::from_raw_mode(stat.st_mode) == FileType::Directory { 1 } else { names };
        self.bytes = self.bytes.saturating_add((blocks / share).max(ENTRY_BYTES));
        self.largest_bytes = self.largest_bytes.max(stat.st_size as u64);
    }
}

fn names(folder: impl AsFd) -> Result<Vec<CString>, Errno> {
    let entries = Dir::read_from(folder)?.flatten().map(|entry| entry.file_name().to_owned());
    Ok(entries.filter(|name| ![c".", c".."].contains(&name.as_c_str())).collect())
}

/// It went away, became another thing, or is closed to this user.
fn passed_over<T>(result: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_entry_counts_a_second_name_little_and_a_link_leads_nowhere() {
        let (data, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("large"), vec![1; 1 << 20]).unwrap();
        let taken = || walk(data.path(), None, &|| true).unwrap();
        assert_eq!(taken(), Taken::default());
        fs::write(data.path().join("empty"), "").unwrap();
        assert_eq!(taken().bytes, ENTRY_BYTES);
        symlink(outside.path(), data.path().join("link")).unwrap();
        assert_eq!(taken().bytes, 2 * ENTRY_BYTES);
        fs::create_dir(data.path().join("in")).unwrap();
        fs::write(data.path().join("in/file"), vec![1; 300_000]).unwrap();
        let before = taken();
        assert_eq!(before.largest_bytes, 300_000);
        assert!(before.bytes >= 300_000 + 3 * ENTRY_BYTES, "{before:?}");
        fs::hard_link(data.path().join("in/file"), data.path().join("again")).unwrap();
        assert!(taken().bytes <= before.bytes + ENTRY_BYTES, "{:?}", taken());
    }

    #[test]
    fn what_is_nested_without_end_is_told_and_not_walked() {
        let data = tempfile::tempdir().unwrap();
        let mut nested = data.path().to_owned();
        (0..MAX_DEPTH).for_each(|_| nested.push("d"));
        fs::create_dir_all(&nested).unwrap();
        assert!(matches!(walk(data.path(), None, &|| true), Err(Walked::TooDeep)));
        fs::remove_dir(&nested).unwrap();
        assert!(walk(data.path(), None, &|| true).is_ok());
    }
}
