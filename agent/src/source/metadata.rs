//! All that is kept of an entry but its content, read without opening it: by its name in its
//! folder, which has no longest path and works for links and special files too.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use pulih_vault::tree::entry::{Content, Entry, HardLink, Kind};
use rustix::fs::{
    FileType, fgetxattr, flistxattr, getxattr, lgetxattr, listxattr, llistxattr, major, minor, readlinkat,
};
use rustix::io::Errno;

use super::listing::Found;
use super::owner::OwnerNames;
use super::stat::Stat;

/// Most bytes that Linux gives of one attribute, and of the names of all.
const MAX_XATTR: usize = 64 << 10;

/// The entry of what was found; a file's has its size and no content yet.
pub fn read_entry(found: &Found, names: &mut OwnerNames) -> io::Result<Entry> {
    entry(found, names, xattrs(found)?)
}

/// The entry of a file that is open: by its descriptor, which spares a walk through `/proc` for
/// every file.
pub fn read_open_entry(found: &Found, file: &File, names: &mut OwnerNames) -> io::Result<Entry> {
    let list = read_growing(|buffer| flistxattr(file, buffer));
    let xattrs = values(list, |name, buffer| fgetxattr(file, name, buffer))?;
    entry(found, names, xattrs)
}

fn entry(found: &Found, names: &mut OwnerNames, xattrs: Xattrs) -> io::Result<Entry> {
    let stat = found.stat();
    Ok(Entry {
        path: found.path(),
        kind: kind(found)?,
        mode: stat.mode & 0o7777,
        uid: stat.uid,
        gid: stat.gid,
        user: names.user(stat.uid),
        group: names.group(stat.gid),
        mtime: stat.mtime,
        links: links(stat),
        xattrs,
        note: None,
    })
}

fn kind(found: &Found) -> io::Result<Kind> {
    let stat = found.stat();
    let (major, minor) = (major(stat.rdev), minor(stat.rdev));
    Ok(match stat.file_type() {
        FileType::RegularFile => Kind::File(Content { size: stat.size, ..Content::default() }),
        FileType::Directory => Kind::Dir,
        FileType::Symlink => {
            let target = readlinkat(found.folder(), found.name(), Vec::new())?;
            Kind::Link { target: target.into_bytes() }
        }
        FileType::Fifo => Kind::Fifo,
        FileType::CharacterDevice => Kind::Char { major, minor },
        FileType::BlockDevice => Kind::Block { major, minor },
        FileType::Socket => Kind::Socket,
        FileType::Unknown => {
            return Err(io::Error::other(format!("unknown type (mode {:o})", stat.mode)));
        }
    })
}

/// What tells the other names of the same file. Folders have several links by their nature.
fn links(stat: &Stat) -> Option<HardLink> {
    (stat.links > 1 && !stat.is_dir()).then_some(HardLink { device: stat.device, inode: stat.inode, count: stat.links })
}

type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// All attributes that may be read, with POSIX ACLs and capabilities.
fn xattrs(found: &Found) -> io::Result<Xattrs> {
    let mut path = format!("/proc/self/fd/{}/", found.folder().as_raw_fd()).into_bytes();
    path.extend_from_slice(found.name().to_bytes());
    if found.is_followed() {
        let list = read_growing(|buffer| listxattr(&*path, buffer));
        values(list, |name, buffer| getxattr(&*path, name, buffer))
    } else {
        let list = read_growing(|buffer| llistxattr(&*path, buffer));
        values(list, |name, buffer| lgetxattr(&*path, name, buffer))
    }
}

/// The attributes of a list of names, each asked for with `get`.
fn values(list: Result<Vec<u8>, Errno>, get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>) -> io::Result<Xattrs> {
    let list = match list {
        Ok(list) => list,
        Err(error) if is_none(error) => return Ok(Xattrs::new()),
        Err(Errno::NOENT | Errno::NOTDIR) => return Err(gone()),
        Err(error) => return Err(error.into()),
    };
    let mut xattrs = Xattrs::new();
    for name in list.split(|&b| b == 0).filter(|name| !name.is_empty()) {
        match read_growing(|buffer| get(name, buffer)) {
            Ok(value) => drop(xattrs.insert(name.to_vec(), value)),
            // Removed since it was listed, or not for us to see.
            Err(error) if is_none(error) => {}
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(gone()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(xattrs)
}

/// With a buffer that does for most, and then with one that does for all.
fn read_growing(mut read: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut small = [0; 512];
    match read(&mut small) {
        Ok(length) => Ok(small[..length].to_vec()),
        Err(Errno::RANGE) => {
            let mut buffer = vec![0; MAX_XATTR];
            let length = read(&mut buffer)?;
            buffer.truncate(length);
            Ok(buffer)
        }
        Err(error) => Err(error),
    }
}

fn is_none(error: Errno) -> bool {
    [Errno::NOTSUP, Errno::NODATA, Errno::PERM, Errno::ACCESS].contains(&error)
}

/// A file that is gone is no failure; a system on which no attributes can be read at all is one,
/// though it looks the same.
fn gone() -> io::Error {
    if std::path::Path::new("/proc/self/fd").exists() {
        Errno::NOENT.into()
    } else {
        io::Error::other("extended attributes cannot be read: /proc is not mounted")
    }
}
