//! A stick between a site and its witness: `pulih-witness/<site>/<old>.request` and `<size>.cosigned`. Whatever is on it
//! may have been put there by anybody: names are taken apart strictly, links are not followed, files are bounded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pulih_ledger::ids::SiteId;

const ROOT: &str = "pulih-witness";
/// Files of one site that are looked at.
const MOST_FILES: usize = 1000;
/// Digits of a size in a name.
const DIGITS: usize = 20;
/// Of a request or an answer.
const MAX_BYTES: u64 = 64 << 10;

/// What a file of a stick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Named by the size that it goes on from.
    Request,
    /// Named by the size of its checkpoint.
    Cosigned,
}

impl Kind {
    fn name(self, size: u64) -> String {
        let end = match self {
            Self::Request => "request",
            Self::Cosigned => "cosigned",
        };
        format!("{size:0DIGITS$}.{end}")
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|its| its.is_dir())
}

fn no_folder(path: &Path) -> io::Error {
    io::Error::other(format!("{} is no folder; look at what is on the stick", path.display()))
}

/// The sites that have something on the stick.
pub fn sites(stick: &Path) -> io::Result<Vec<SiteId>> {
    let root = stick.join(ROOT);
    if !is_folder(&root) {
        return Err(no_folder(&root));
    }
    let mut sites = Vec::new();
    for entry in fs::read_dir(&root)?.take(MOST_FILES) {
        let name = entry?.file_name();
        let site = name.to_str().and_then(|name| name.parse().ok());
        sites.extend(site.filter(|_| is_folder(&root.join(&name))));
    }
    sites.sort_unstable();
    Ok(sites)
}

/// The folder of a site, made if it is not there.
fn folder(stick: &Path, site: &SiteId) -> io::Result<PathBuf> {
    let mut path = stick.to_owned();
    for part in [ROOT, site.as_str()] {
        path.push(part);
        if !is_folder(&path) {
            fs::create_dir(&path)?;
        }
    }
    Ok(path)
}

/// Files of one kind, by the size in their names, with what is in them; one that is no such file is passed over.
pub fn read(stick: &Path, site: &SiteId, kind: Kind) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let folder = stick.join(ROOT).join(site.as_str());
    if !is_folder(&folder) {
        return Err(no_folder(&folder));
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder)?.take(MOST_FILES) {
        let entry = entry?;
        let name = entry.file_name();
        let size = name.to_str().and_then(|name| name.get(..DIGITS)?.parse::<u64>().ok());
        let Some(size) = size.filter(|size| name.to_str() == Some(&kind.name(*size))) else { continue };
        // A pipe would never end, and a link leads elsewhere.
        if !fs::symlink_metadata(entry.path())?.is_file() {
            continue;
        }
        let mut bytes = Vec::new();
        File::open(entry.path())?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 <= MAX_BYTES {
            found.push((size, bytes));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Writes a file whole, in the place of one of its name.
pub fn write(stick: &Path, site: &SiteId, kind: Kind, size: u64, bytes: &[u8]) -> io::Result<PathBuf> {
    let folder = folder(stick, site)?;
    let (path, new) = (folder.join(kind.name(size)), folder.join(".new"));
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    // Some sticks' file systems sync no folder.
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let stick = tempfile::tempdir().unwrap();
        let site: SiteId = "pusat-33.19".parse().unwrap();
        assert!(sites(stick.path()).is_err());
        let path = write(stick.path(), &site, Kind::Request, 7, b"one").unwrap();
        write(stick.path(), &site, Kind::Request, 7, b"two").unwrap();
        write(stick.path(), &site, Kind::Cosigned, 9, b"three").unwrap();
        let folder = path.parent().unwrap();
        fs::write(folder.join("7.request"), b"x").unwrap();
        fs::write(folder.join(format!("{:020}.request", 8)), vec![0; 70_000]).unwrap();
        let secret = stick.path().join("secret");
        fs::write(&secret, b"x").unwrap();
        std::os::unix::fs::symlink(&secret, folder.join(format!("{:020}.request", 9))).unwrap();
        std::os::unix::fs::symlink(&secret, folder.join(format!("{:020}.cosigned", 11))).unwrap();
        fs::create_dir(stick.path().join(ROOT).join("No Site")).unwrap();
        assert_eq!(sites(stick.path()).unwrap(), std::slice::from_ref(&site));
        assert_eq!(read(stick.path(), &site, Kind::Request).unwrap(), [(7, b"two".to_vec())]);
        assert_eq!(read(stick.path(), &site, Kind::Cosigned).unwrap(), [(9, b"three".to_vec())]);
        // A link takes no answer elsewhere.
        write(stick.path(), &site, Kind::Cosigned, 11, b"four").unwrap();
        assert_eq!(fs::read(&secret).unwrap(), b"x");
        let other: SiteId = "drc-33.19".parse().unwrap();
        std::os::unix::fs::symlink(stick.path(), stick.path().join(ROOT).join("drc-33.19")).unwrap();
        assert!(read(stick.path(), &other, Kind::Request).is_err());
        assert!(write(stick.path(), &other, Kind::Cosigned, 1, b"x").is_err());
    }
}
