//! This program's own file and what its loader put beside it, so that it can run in a box in which nothing of the host
//! is: the box's programs may be of another C library, or need none.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Where it is in the box.
pub const ROOM: &str = "/.pulih";
/// `elf.h`: where the loader was put.
const AT_BASE: u64 = 7;

#[derive(Debug)]
pub struct Own {
    pub program: PathBuf,
    /// `None`: it was linked to need none.
    pub loader: Option<PathBuf>,
    pub libraries: Vec<PathBuf>,
}

impl Own {
    pub fn find() -> io::Result<Self> {
        let program = std::fs::read_link("/proc/self/exe")?;
        if !program.exists() {
            return Err(io::Error::other("the file of this program was replaced while it ran: start it again"));
        }
        let base = loader_address(&std::fs::read("/proc/self/auxv")?);
        let maps = std::fs::read("/proc/self/maps")?;
        Ok(Self::read(program, base, &maps))
    }

    fn read(program: PathBuf, base: Option<u64>, maps: &[u8]) -> Self {
        let (mut loader, mut libraries) = (None, Vec::new());
        for (begin, path) in maps.split(|byte| *byte == b'\n').filter_map(mapped) {
            if Some(begin) == base {
                loader = Some(path.to_owned());
            }
            if path != program && is_library(path) && !libraries.iter().any(|its| its == path) {
                libraries.push(path.to_owned());
            }
        }
        libraries.retain(|its| Some(its) != loader.as_ref());
        Self { program, loader, libraries }
    }

    /// Files of the host, and what they are called in the box.
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = vec![(self.program.clone(), format!("{ROOM}/program"))];
        files.extend(self.loader.iter().map(|path| (path.clone(), format!("{ROOM}/loader"))));
        files.extend(self.libraries.iter().map(|path| (path.clone(), format!("{ROOM}/{}", name(path)))));
        files
    }

    /// How it is started there.
    pub fn argv(&self, arguments: &[&str]) -> Vec<String> {
        let mut argv = Vec::new();
        if self.loader.is_some() {
            argv = vec![format!("{ROOM}/loader"), "--library-path".into(), ROOM.into()];
            // By path, so that a file that is not called as others call it is found too.
            let paths: Vec<String> = self.libraries.iter().map(|path| format!("{ROOM}/{}", name(path))).collect();
            if !paths.is_empty() {
                argv.extend(["--preload".into(), paths.join(":")]);
            }
        }
        argv.push(format!("{ROOM}/program"));
        argv.extend(arguments.iter().map(|its| (*its).to_owned()));
        argv
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_library(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().windows(3).any(|part| part == b".so"))
}

/// `begin-end rwxp offset device inode path`
fn mapped(line: &[u8]) -> Option<(u64, &Path)> {
    let path = line.iter().position(|byte| *byte == b'/').map(|at| &line[at..])?;
    let begin = std::str::from_utf8(line.split(|byte| *byte == b'-').next()?).ok()?;
    Some((u64::from_str_radix(begin, 16).ok()?, Path::new(OsStr::from_bytes(path))))
}

fn loader_address(auxv: &[u8]) -> Option<u64> {
    let (words, _) = auxv.as_chunks::<8>();
    let (pairs, _) = words.as_chunks::<2>();
    let base = pairs.iter().find(|[key, _]| u64::from_ne_bytes(*key) == AT_BASE)?;
    Some(u64::from_ne_bytes(base[1])).filter(|address| *address != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_is_the_one_that_the_kernel_names_and_libraries_are_what_is_mapped() {
        let maps = b"5600-5700 r--p 0 08:01 1 /opt/pulih-controller\n\
            7f00-7f10 r--p 0 08:01 2 /usr/lib/libc-2.31.so\n7f10-7f20 r-xp 10 08:01 2 /usr/lib/libc-2.31.so\n\
            7f80-7f90 r--p 0 08:01 3 /usr/lib/ld-2.31.so\n7fff-8000 rw-p 0 00:00 0 [stack]\n";
        let own = Own::read("/opt/pulih-controller".into(), Some(0x7f80), maps);
        assert_eq!(own.loader, Some("/usr/lib/ld-2.31.so".into()));
        assert_eq!(own.libraries, [PathBuf::from("/usr/lib/libc-2.31.so")]);
        assert!(own.argv(&["x"]).ends_with(&["/.pulih/libc-2.31.so".into(), "/.pulih/program".into(), "x".into()]));
        let alone =
            Own::read("/opt/pulih-controller".into(), None, b"5600-5700 r--p 0 08:01 1 /opt/pulih-controller\n");
        assert_eq!(alone.argv(&[]), ["/.pulih/program"]);
        assert!(Own::find().unwrap().program.exists());
    }
}
