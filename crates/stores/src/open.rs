//! From what a person writes to an open store: a folder, `file:///folder` or `s3://bucket/prefix`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulih_vault::store::{DirStore, Keeps, Locks, Store, StoreError};

use crate::probe::Probe;
use crate::s3::{AddressError, Env, Options, S3Address, S3Error, S3Keys, S3Store};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A folder, by its absolute path.
    Dir(PathBuf),
    S3(S3Address),
}

#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    #[error("the store's name is empty")]
    Empty,
    #[error("{0:?} is not a store: write file:///folder, with three slashes")]
    File(String),
    #[error("{0:?} is not a store: it is a folder, file:///folder, or s3://bucket/prefix")]
    Scheme(String),
    #[error(transparent)]
    S3(#[from] AddressError),
    #[error("cannot tell which folder {path:?} is: {source}")]
    Relative { path: String, source: io::Error },
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no store at {}; mount it, or name another one", .0.display())]
    NotThere(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    S3(#[from] S3Error),
}

/// A store that is open, and what it can do beside creating and reading.
pub struct Opened {
    pub store: Arc<dyn Store>,
    /// The same store, if it has locks. Whether they hold is what the probe says.
    pub locks: Option<Arc<dyn Locks>>,
    keeps: Arc<dyn Keeps>,
    url: StoreUrl,
    s3: Option<Arc<S3Store>>,
}

impl Opened {
    /// The same store, for a site, which alone removes and heals.
    pub fn keeps(&self) -> Arc<dyn Keeps> {
        self.keeps.clone()
    }

    /// Tries to break what the store promises. Slow, and leaves small objects: for first use.
    pub fn probe(&self) -> Result<Probe, OpenError> {
        match &self.s3 {
            Some(s3) => Ok(s3.probe()?),
            None => Ok(Probe::of_folder(self.url.to_string())),
        }
    }
}

impl StoreUrl {
    pub fn parse(text: &OsStr, env: Env<'_>) -> Result<Self, UrlError> {
        let bytes = text.as_bytes();
        let shown = || text.to_string_lossy().chars().take(200).collect::<String>();
        let path = match scheme(bytes) {
            None => PathBuf::from(text),
            Some((b"file", rest)) => file_url(rest).ok_or_else(|| UrlError::File(shown()))?,
            Some((b"s3", _)) => {
                let text = text.to_str().ok_or_else(|| AddressError::Form(shown()))?;
                return Ok(Self::S3(S3Address::parse(text, env)?));
            }
            Some(_) => return Err(UrlError::Scheme(shown())),
        };
        if path.as_os_str().is_empty() {
            return Err(UrlError::Empty);
        }
        match std::path::absolute(&path) {
            Ok(path) => Ok(Self::Dir(path)),
            Err(source) => Err(UrlError::Relative { path: shown(), source }),
        }
    }

    /// Opens the store, which must be there. The keys of an S3 store are in the environment.
    pub fn open(&self, env: Env<'_>, options: &Options) -> Result<Opened, OpenError> {
        match self {
            Self::Dir(path) => match path.try_exists() {
                Ok(false) => Err(OpenError::NotThere(path.clone())),
                _ => Ok(self.folder(DirStore::open(path)?)),
            },
            Self::S3(address) => {
                let keys = S3Keys::from_env(env).map_err(S3Error::from)?;
                let s3 = Arc::new(S3Store::open(address.clone(), &keys, options)?);
                s3.reach()?;
                let (store, locks, keeps) = (s3.clone(), Some(s3.clone() as Arc<dyn Locks>), s3.clone());
                Ok(Opened { store, locks, keeps, url: self.clone(), s3: Some(s3) })
            }
        }
    }

    /// Opens the store; makes its folder if it is not there. A bucket is made by its owner, who
    /// alone can give it versioning and locks.
    pub fn create(&self, env: Env<'_>, options: &Options) -> Result<Opened, OpenError> {
        match self {
            Self::Dir(path) => Ok(self.folder(DirStore::create(path)?)),
            Self::S3(_) => self.open(env, options),
        }
    }

    fn folder(&self, store: DirStore) -> Opened {
        let store = Arc::new(store);
        Opened { store: store.clone(), locks: None, keeps: store, url: self.clone(), s3: None }
    }

    /// The store's folder, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Dir(path) => Some(path),
            Self::S3(_) => None,
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "{}", path.display()),
            Self::S3(address) => address.fmt(f),
        }
    }
}

/// The variables of this process, for addresses and keys.
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Parts `scheme://rest`; what has no such beginning is a path.
pub fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
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

    fn parse(text: &str) -> Result<StoreUrl, UrlError> {
        StoreUrl::parse(text.as_ref(), &|_| None)
    }

    fn dir(text: &str) -> Option<String> {
        parse(text).ok()?.path().map(|path| path.to_string_lossy().into_owned())
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
    fn buckets_are_stores_and_other_things_are_not() {
        assert!(matches!(parse("s3://bucket/p?region=x"), Ok(StoreUrl::S3(_))));
        for bad in ["", "file://host/x", "file:///a%zz", "file:///a%00", "ftp://x", "https://x", "s3://B?region=x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_is_opened_only_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Dir(folder.path().join("store"));
        let (env, options) = (|_: &str| None, Options::new(folder.path().to_owned()));
        assert!(matches!(url.open(&env, &options), Err(OpenError::NotThere(_))));
        let opened = url.create(&env, &options).unwrap();
        assert!(opened.locks.is_none() && !opened.probe().unwrap().locks());
        opened.store.create(&"a/b".parse().unwrap(), b"x").unwrap();
        assert_eq!(url.open(&env, &options).unwrap().store.size(&"a/b".parse().unwrap()).unwrap(), 1);
    }
}
