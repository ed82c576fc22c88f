//! Where a drill restores to: a folder of its own, that carries its name inside. Nothing is wiped without that marker,
//! and no link is followed.

use std::ffi::{CStr, CString};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, chmodat, openat, statat, unlinkat};

/// Says that what a drill restored stays for people to look.
const KEPT: &str = "kept";

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

/// Removes the folder with all that is in it; returns how much of it is still there.
pub fn wipe(place: &Path, drill: &str) -> u64 {
    let Ok(place) = rustix::fs::open(place, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
        return u64::from(place.join(drill).symlink_metadata().is_ok());
    };
    let (Ok(name), Ok(marker)) = (CString::new(drill), CString::new(marker(drill))) else { return 0 };
    let folder = match folder_in(&place, &name) {
        Ok(folder) => folder,
        Err(rustix::io::Errno::NOENT) => return 0,
        Err(_) => return 1,
    };
    let is_marked = statat(&folder, &marker, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let Some(device) = rustix::fs::fstat(&folder).ok().map(|its| its.st_dev).filter(|_| is_marked) else { return 1 };
    // The marker goes last: what is broken off can be gone on with.
    let left = empty(&folder, device, Some(&marker));
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

/// Removes all in a folder but one name; returns how much is left.
fn empty(folder: &OwnedFd, device: u64, but: Option<&CStr>) -> u64 {
    let Ok(entries) = Dir::read_from(folder) else { return 1 };
    let names: Vec<CString> = entries.flatten().map(|entry| entry.file_name().to_owned()).collect();
    let is_spared = |name: &CString| [c".", c".."].contains(&name.as_c_str()) || but == Some(name.as_c_str());
    names.iter().filter(|name| !is_spared(name)).map(|name| remove(folder, name, device)).sum()
}

fn remove(parent: &OwnedFd, name: &CStr, device: u64) -> u64 {
    let Ok(its) = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) else { return 1 };
    if FileType::from_raw_mode(its.st_mode) != FileType::Directory {
        return u64::from(unlinkat(parent, name, AtFlags::empty()).is_err());
    }
    // Something that was mounted there is not this drill's.
    if its.st_dev != device {
        return 1;
    }
    // A folder that was saved without a right to write is emptied all the same.
    let _ = chmodat(parent, name, Mode::RWXU, AtFlags::empty());
    let Ok(folder) = folder_in(parent, name) else { return 1 };
    let left = empty(&folder, device, None);
    drop(folder);
    left + u64::from(left == 0 && unlinkat(parent, name, AtFlags::REMOVEDIR).is_err())
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
}
