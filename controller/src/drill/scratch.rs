//! Where a drill restores to: a folder of its own, that carries its name inside. Nothing is wiped without that marker,
//! and no link is followed.

use std::ffi::{CStr, CString};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, chmodat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

/// Says that what a drill restored stays for people to look.
const KEPT: &str = "kept";
/// Tried for a folder that is moved, where others have them.
const MOST_NAMES: u64 = 1 << 20;

fn marker(drill: &str) -> String {
    format!("drill-{drill}")
}

/// Makes the folder, with its marker; the place itself has to be there.
pub fn make(place: &Path, drill: &str) -> io::Result<PathBuf> {
    let folder = place.join(drill);
    DirBuilder::new().mode(0o700).create(&folder)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(marker(drill)))?.sync_all()?;
    Ok(folder)
}

/// Whether the folder of a drill is there; also where that cannot be seen.
pub fn is_there(place: &Path, drill: &str) -> bool {
    !matches!(place.join(drill).symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// What failed stays for a while.
pub fn keep(place: &Path, drill: &str) -> io::Result<()> {
    fs::write(place.join(drill).join(KEPT), "")
}

pub fn is_kept(place: &Path, drill: &str) -> bool {
    place.join(drill).join(KEPT).exists()
}

/// Drills whose folders are there.
pub fn left_in(place: &Path) -> Vec<String> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| place.join(name).join(marker(name)).symlink_metadata().is_ok()).collect()
}

/// Whether a folder can be made there and removed again; else why not.
pub fn try_out(place: &Path) -> io::Result<()> {
    tempfile::Builder::new().prefix("try-").tempdir_in(place)?.close()
}

/// Removes the folder with all that is in it; returns how much of it is still there.
pub fn wipe(place: &Path, drill: &str) -> u64 {
    let Ok(place) = rustix::fs::open(place, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
        return u64::from(place.join(drill).symlink_metadata().is_ok());
    };
    let (Ok(name), Ok(marker)) = (CString::new(drill), CString::new(marker(drill))) else { return 0 };
    let folder = match folder_in(&place, &name) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return 0,
        Err(_) => return 1,
    };
    let is_marked = statat(&folder, &marker, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let Some(device) = rustix::fs::fstat(&folder).ok().map(|its| its.st_dev).filter(|_| is_marked) else { return 1 };
    // The marker goes last: what is broken off can be gone on with.
    let left = Wipe { top: &folder, device, folders: Vec::new(), moved: 0 }.all(&marker);
    if left > 0 {
        return left;
    }
    let gone = unlinkat(&folder, &marker, AtFlags::empty()).and_then(|()| unlinkat(&place, &name, AtFlags::REMOVEDIR));
    u64::from(gone.is_err())
}

fn folder_in(parent: impl AsFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// A drill's folder that is emptied. What was restored may be nested deeper than any stack or number of open files
/// goes, so a folder that is not empty is moved up beside the others, and no more than two are open at a time.
struct Wipe<'w> {
    top: &'w OwnedFd,
    device: u64,
    /// Folders right below the top that are to be emptied.
    folders: Vec<CString>,
    moved: u64,
}

impl Wipe<'_> {
    /// Removes all but one name; returns how much is left.
    fn all(mut self, but: &CStr) -> u64 {
        let Some(names) = names(self.top) else { return 1 };
        let mut left = 0;
        for name in names.into_iter().filter(|name| name.as_c_str() != but) {
            left += match self.remove(self.top, &name) {
                Removed::Gone => 0,
                Removed::Left => 1,
                Removed::NotEmpty => {
                    self.folders.push(name);
                    0
                }
            };
        }
        while let Some(name) = self.folders.pop() {
            left += self.folder(&name);
        }
        left
    }

    /// Empties a folder right below the top, and removes it.
    fn folder(&mut self, name: &CStr) -> u64 {
        let Ok(folder) = folder_in(self.top, name) else { return 1 };
        let Some(names) = names(&folder) else { return 1 };
        let mut left = 0;
        for inner in names {
            left += match self.remove(&folder, &inner) {
                Removed::Gone => 0,
                Removed::Left => 1,
                Removed::NotEmpty => u64::from(!self.move_up(&folder, &inner)),
            };
        }
        drop(folder);
        left + u64::from(left == 0 && unlinkat(self.top, name, AtFlags::REMOVEDIR).is_err())
    }

    /// Removes a file, or a folder that has nothing in it.
    fn remove(&self, parent: &OwnedFd, name: &CStr) -> Removed {
        let gone = |flags| if unlinkat(parent, name, flags).is_ok() { Removed::Gone } else { Removed::Left };
        let Ok(its) = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) else { return Removed::Left };
        if FileType::from_raw_mode(its.st_mode) != FileType::Directory {
            return gone(AtFlags::empty());
        }
        // Something that was mounted there is not this drill's.
        if its.st_dev != self.device {
            return Removed::Left;
        }
        // A folder that was saved without a right to write is emptied all the same.
        let _ = chmodat(parent, name, Mode::RWXU, AtFlags::empty());
        match gone(AtFlags::REMOVEDIR) {
            Removed::Left => Removed::NotEmpty,
            other => other,
        }
    }

    fn move_up(&mut self, parent: &OwnedFd, name: &CStr) -> bool {
        // What an earlier wiping left has such a name too. An empty folder is replaced, nothing else is.
        for _ in 0..MOST_NAMES {
            self.moved += 1;
            let Ok(up) = CString::new(format!("wiping-{}", self.moved)) else { return false };
            match renameat(parent, name, self.top, &up) {
                Ok(()) => {
                    self.folders.push(up);
                    return true;
                }
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(_) => return false,
            }
        }
        false
    }
}

enum Removed {
    Gone,
    Left,
    /// A folder; or one that cannot be removed.
    NotEmpty,
}

fn names(folder: &OwnedFd) -> Option<Vec<CString>> {
    let entries = Dir::read_from(folder).ok()?;
    let names = entries.flatten().map(|entry| entry.file_name().to_owned());
    Some(names.filter(|name| ![c".", c".."].contains(&name.as_c_str())).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_folder_is_wiped_whole_and_no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let outside = place.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "x").unwrap();
        let folder = make(place.path(), "d-1").unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        fs::create_dir_all(folder.join("a/b/c")).unwrap();
        fs::write(folder.join("a/b/file"), "x").unwrap();
        symlink(&outside, folder.join("a/link")).unwrap();
        fs::set_permissions(folder.join("a/b"), fs::Permissions::from_mode(0o500)).unwrap();
        assert_eq!(left_in(place.path()), ["d-1"]);
        assert_eq!(wipe(place.path(), "d-1"), 0);
        assert!(!folder.exists() && outside.join("precious").exists());
        // Once more there is nothing to do.
        assert_eq!(wipe(place.path(), "d-1"), 0);
    }

    #[test]
    fn nothing_is_wiped_without_its_marker_nor_through_a_link() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("d-1")).unwrap();
        fs::write(place.path().join("d-1/drill-d-2"), "").unwrap();
        assert_eq!((wipe(place.path(), "d-1"), left_in(place.path()).len()), (1, 0));
        assert!(place.path().join("d-1/drill-d-2").exists());
        let other = tempfile::tempdir().unwrap();
        let real = make(other.path(), "d-3").unwrap();
        symlink(&real, place.path().join("d-3")).unwrap();
        assert_eq!(wipe(place.path(), "d-3"), 1);
        assert!(real.exists());
        assert_eq!(wipe(&place.path().join("nowhere"), "d-1"), 0);
    }

    /// Of folders one in another, made from the innermost's parent on.
    fn nest(folder: &Path, levels: usize) {
        let mut at = rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..levels {
            rustix::fs::mkdirat(&at, c"d", Mode::RWXU).unwrap();
            at = folder_in(&at, c"d").unwrap();
        }
        let file = openat(&at, c"file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR);
        drop(file.unwrap());
    }

    #[test]
    fn folders_nested_deeper_than_any_path_or_stack_are_wiped() {
        let place = tempfile::tempdir().unwrap();
        let folder = make(place.path(), "d-1").unwrap();
        // What an earlier wiping had moved up, and a file of such a name.
        for n in [1, 3] {
            fs::create_dir_all(folder.join(format!("wiping-{n}/inner/most"))).unwrap();
        }
        fs::write(folder.join("wiping-2"), "x").unwrap();
        fs::create_dir_all(folder.join("a/b")).unwrap();
        nest(&folder.join("a"), 20_000);
        nest(&folder.join("a/b"), 1_000);
        // A frame for each level would not fit this.
        let of = place.path().to_owned();
        let wiping = std::thread::Builder::new().stack_size(64 << 10).spawn(move || wipe(&of, "d-1")).unwrap();
        assert_eq!(wiping.join().unwrap(), 0);
        assert!(!folder.exists());
    }

    #[test]
    fn a_place_that_is_tried_out_has_nothing_of_it_afterwards_and_one_that_is_not_there_says_so() {
        let place = tempfile::tempdir().unwrap();
        try_out(place.path()).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert_eq!(try_out(&place.path().join("nowhere")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
