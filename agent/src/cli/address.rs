//! Where a store is, in the forms that people write it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulih_vault::store::Store;
use pulih_vault::store::dir::DirStore;

use super::failure::Failure;

/// An address that this version can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A folder, by its absolute path.
    Dir(PathBuf),
}

impl StoreAddress {
    pub fn parse(text: &OsStr) -> Result<Self, Failure> {
        let bytes = text.as_bytes();
        let shown = text.to_string_lossy();
        let path = match scheme(bytes) {
            None => PathBuf::from(text),
            Some((b"file", rest)) => file_url(rest).ok_or_else(|| {
                Failure::usage(format!("{shown:?} is not a store: write file:///folder, with three slashes"))
            })?,
            Some((b"s3" | b"https" | b"http", _)) => {
                return Err(Failure::usage(format!(
                    "this version cannot use the store {shown:?}: it can use a folder, or file:///folder"
                )));
            }
            Some(_) => {
                return Err(Failure::usage(format!("{shown:?} is not a store: it is a folder, or file:///folder")));
            }
        };
        if path.as_os_str().is_empty() {
            return Err(Failure::usage("the store's name is empty; give a folder with --store or PULIH_STORE"));
        }
        match std::path::absolute(&path) {
            Ok(path) => Ok(Self::Dir(path)),
            Err(error) => Err(Failure::said(format!("cannot tell which folder {shown:?} is: {error}"))),
        }
    }

    /// Opens the store, which must be there.
    pub fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        let Self::Dir(path) = self;
        match path.try_exists() {
            Ok(false) => Err(Failure::said(format!(
                "there is no store at {}; mount it, name another with --store, or make one with `pulih-agent init`",
                path.display()
            ))),
            _ => Ok(Arc::new(DirStore::open(path)?)),
        }
    }

    /// Opens the store; makes it if it is not there.
    pub fn create(&self) -> Result<Arc<dyn Store>, Failure> {
        let Self::Dir(path) = self;
        Ok(Arc::new(DirStore::create(path)?))
    }

    /// The store's folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        let Self::Dir(path) = self;
        Some(path)
    }
}

impl std::fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Dir(path) = self;
        write!(f, "{}", path.display())
    }
}

/// Parts `scheme://rest`; what has no such beginning is a path.
fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.windows(3).position(|three| three == b"://")?;
    let name = &text[..at];
    let ok = !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    ok.then_some((name, &text[at + 3..]))
}

/// The path of `file:///path` or `file://localhost/path`, given from after the two slashes.
fn file_url(rest: &[u8]) -> Option<PathBuf> {
    let path = rest.strip_prefix(b"localhost").filter(|path| path.starts_with(b"/")).unwrap_or(rest);
    if !path.starts_with(b"/") || path.contains(&b'?') || path.contains(&b'#') {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            let ok = digits.bytes().all(|b| b.is_ascii_hexdigit());
            out.push(u8::from_str_radix(digits, 16).ok().filter(|&b| ok && b != 0)?);
            rest = &rest[2..];
        } else {
            out.push(byte);
        }
    }
    Some(OsString::from_vec(out).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(text: &str) -> Option<String> {
        match StoreAddress::parse(text.as_ref()) {
            Ok(StoreAddress::Dir(path)) => Some(path.to_string_lossy().into_owned()),
            Err(_) => None,
        }
    }

    #[test]
    fn folders_are_stores() {
        assert_eq!(dir("/srv/pulih").unwrap(), "/srv/pulih");
        assert_eq!(dir("file:///srv/a%20b").unwrap(), "/srv/a b");
        assert_eq!(dir("file://localhost/srv").unwrap(), "/srv");
        assert_eq!(dir("/odd:name").unwrap(), "/odd:name");
        assert!(dir("relative").unwrap().ends_with("/relative"));
    }

    #[test]
    fn what_this_version_cannot_use_is_bad_usage() {
        for bad in
            ["", "s3://bucket/p", "https://pusat:8443", "file://host/x", "file:///a%zz", "file:///a%00", "ftp://x"]
        {
            let failure = StoreAddress::parse(bad.as_ref()).unwrap_err();
            assert_eq!(failure.status(), 2, "{bad}");
        }
    }
}
