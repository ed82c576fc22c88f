//! Where a store is, in the forms that people write it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulih_stores::GatewayStore;
use pulih_vault::store::Store;
use pulih_vault::store::dir::DirStore;

use super::failure::Failure;
use crate::state::StateDir;
use crate::turns::KeptTurns;

/// An address that this version can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A folder, by its absolute path.
    Dir(PathBuf),
    /// The gateway of the site that this agent is enrolled with, as `https://host:port`.
    Gateway(String),
}

/// A store that was opened.
pub struct Opened {
    pub store: Arc<dyn Store>,
    /// The same, if it is the gateway of a site.
    pub gateway: Option<Arc<GatewayStore>>,
}

impl StoreAddress {
    pub fn parse(text: &OsStr) -> Result<Self, Failure> {
        let bytes = text.as_bytes();
        let shown = text.to_string_lossy();
        let path = match scheme(bytes) {
            Some((b"https", _)) => return gateway_url(&shown).map(Self::Gateway),
            None => PathBuf::from(text),
            Some((b"file", rest)) => file_url(rest).ok_or_else(|| {
                Failure::usage(format!("{shown:?} is not a store: write file:///folder, with three slashes"))
            })?,
            Some((b"s3", _)) => {
                return Err(Failure::usage(format!("this version cannot use the store {shown:?}: {FORMS}")));
            }
            Some(_) => return Err(Failure::usage(format!("{shown:?} is not a store: {FORMS}"))),
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
    pub fn open(&self, state: &StateDir, turns: KeptTurns) -> Result<Opened, Failure> {
        let path = match self {
            Self::Dir(path) => path,
            Self::Gateway(url) => {
                let gateway = Arc::new(gateway(url, state, turns)?);
                return Ok(Opened { store: gateway.clone(), gateway: Some(gateway) });
            }
        };
        match path.try_exists() {
            Ok(false) => Err(Failure::said(format!(
                "there is no store at {}; mount it, name another with --store, or make one with `pulih-agent init`",
                path.display()
            ))),
            _ => Ok(Opened { store: Arc::new(DirStore::open(path)?), gateway: None }),
        }
    }

    /// Opens the store; makes it if it is not there.
    pub fn create(&self, state: &StateDir, turns: KeptTurns) -> Result<Arc<dyn Store>, Failure> {
        match self {
            Self::Dir(path) => Ok(Arc::new(DirStore::create(path)?)),
            Self::Gateway(_) => Ok(self.open(state, turns)?.store),
        }
    }

    /// The store's folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Dir(path) => Some(path),
            Self::Gateway(_) => None,
        }
    }
}

impl std::fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "{}", path.display()),
            Self::Gateway(url) => f.write_str(url),
        }
    }
}

const FORMS: &str = "it is a folder, file:///folder, or https://host:port of the site that this agent is enrolled with";

/// `https://host:port`, and nothing behind it: also what `enroll` is given.
pub fn gateway_url(text: &str) -> Result<String, Failure> {
    let host = text.strip_prefix("https://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let plain = |host: &&str| {
        let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
        !host.is_empty() && host.bytes().all(letters)
    };
    match host.filter(plain) {
        Some(host) => Ok(format!("https://{host}")),
        None => Err(Failure::usage(format!("{text:?} is not the address of a site: write https://host:port"))),
    }
}

/// The gateway of the site that this agent is enrolled with.
fn gateway(url: &str, state: &StateDir, turns: KeptTurns) -> Result<GatewayStore, Failure> {
    let site = state.site()?.ok_or_else(|| {
        Failure::said(format!("this agent is not enrolled with {url}; `pulih-agent enroll {url} --token …` does that"))
    })?;
    if site.credentials.url != url {
        return Err(Failure::said(format!("this agent is enrolled with {}, not with {url}", site.credentials.url)));
    }
    Ok(GatewayStore::open(&site.credentials, &state.spool()?, Box::new(turns))?)
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
            _ => None,
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
    fn a_site_is_a_store() {
        let address = StoreAddress::parse("https://pusat.go.id:8443/".as_ref()).unwrap();
        assert_eq!(address, StoreAddress::Gateway("https://pusat.go.id:8443".into()));
        assert_eq!(address.to_string(), "https://pusat.go.id:8443");
    }

    #[test]
    fn what_this_version_cannot_use_is_bad_usage() {
        for bad in [
            "",
            "s3://bucket/p",
            "https://pusat:8443/x",
            "https://",
            "http://pusat",
            "file://host/x",
            "file:///a%zz",
            "file:///a%00",
            "ftp://x",
        ] {
            let failure = StoreAddress::parse(bad.as_ref()).unwrap_err();
            assert_eq!(failure.status(), 2, "{bad}");
        }
    }
}
