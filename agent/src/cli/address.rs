//! Where a store is, in the forms that people write it.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use pulih_stores::open::{process_env, scheme};
use pulih_stores::s3::Options;
use pulih_stores::{GatewayStore, OpenError, Opened as OwnStore, StoreUrl, UrlError};
use pulih_vault::store::Store;

use super::failure::Failure;
use crate::drc::is_address;
use crate::state::{Home, StateDir};
use crate::turns::KeptTurns;

/// An address that this version can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A folder or a bucket.
    Own(StoreUrl),
    /// The gateway of the site that this agent is enrolled with, as `https://host:port`.
    Gateway(String),
}

/// A store that was opened.
pub struct Opened {
    pub store: Arc<dyn Store>,
    /// The same, if it is the gateway of a site.
    pub gateway: Option<Arc<GatewayStore>>,
    /// Whether it is a line away: packs are spooled here, and as large as the line allows.
    pub over_a_line: bool,
}

impl StoreAddress {
    pub fn parse(text: &OsStr) -> Result<Self, Failure> {
        if matches!(scheme(text.as_encoded_bytes()), Some((b"https", _))) {
            return gateway_url(&text.to_string_lossy()).map(Self::Gateway);
        }
        StoreUrl::parse(text, &process_env).map(Self::Own).map_err(|error| match error {
            UrlError::Empty => Failure::usage("the store's name is empty; give a folder with --store or PULIH_STORE"),
            UrlError::Scheme(text) => Failure::usage(format!("{text:?} is not a store: {FORMS}")),
            UrlError::Relative { .. } => Failure::said(error.to_string()),
            UrlError::File(_) | UrlError::S3(_) => Failure::usage(error.to_string()),
        })
    }

    /// Opens the store, which must be there.
    pub fn open(&self, state: &StateDir, turns: KeptTurns) -> Result<Opened, Failure> {
        match self {
            Self::Own(url) => {
                let own = url.open(&process_env, &options(url, state)).map_err(not_there)?;
                Ok(Opened { store: own.store, gateway: None, over_a_line: url.path().is_none() })
            }
            Self::Gateway(url) => {
                let gateway = Arc::new(gateway(url, state, turns)?);
                Ok(Opened { store: gateway.clone(), gateway: Some(gateway), over_a_line: true })
            }
        }
    }

    /// Opens the store for a first vault; makes its folder if it is not there. One that is not a
    /// gateway is handed out as what it is, so that it can be probed.
    pub fn create(&self, state: &StateDir, turns: KeptTurns) -> Result<(Arc<dyn Store>, Option<OwnStore>), Failure> {
        match self {
            Self::Own(url) => {
                let own = url.create(&process_env, &options(url, state)).map_err(not_there)?;
                Ok((own.store.clone(), Some(own)))
            }
            Self::Gateway(_) => Ok((self.open(state, turns)?.store, None)),
        }
    }

    /// The store's folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Own(url) => url.path(),
            Self::Gateway(_) => None,
        }
    }
}

impl std::fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(url) => url.fmt(f),
            Self::Gateway(url) => f.write_str(url),
        }
    }
}

const FORMS: &str = "it is a folder, file:///folder, s3://bucket/prefix, or https://host:port of the site that this \
                     agent is enrolled with";

fn options(url: &StoreUrl, state: &StateDir) -> Options {
    // A folder needs no spool. And who only reads a bucket may have no state to write into, and
    // spools nothing.
    let spool = url.path().is_none().then(|| state.spool().ok()).flatten();
    Options::new(spool.unwrap_or_else(std::env::temp_dir))
}

fn not_there(error: OpenError) -> Failure {
    match error {
        OpenError::NotThere(path) => Failure::said(format!(
            "there is no store at {}; mount it, name another with --store, or make one with `pulih-agent init`",
            path.display()
        )),
        OpenError::Store(error) => error.into(),
        OpenError::S3(error) => error.into(),
    }
}

/// `https://host:port`, and nothing behind it: also what `enroll` is given.
pub fn gateway_url(text: &str) -> Result<String, Failure> {
    let url = text.strip_suffix('/').unwrap_or(text);
    if is_address(url) {
        return Ok(url.to_owned());
    }
    Err(Failure::usage(format!("{text:?} is not the address of a site: write https://host:port")))
}

/// The gateway of the site that this agent is enrolled with, or of the DRC that it knows.
pub fn gateway(url: &str, state: &StateDir, turns: KeptTurns) -> Result<GatewayStore, Failure> {
    let site = state.site()?.ok_or_else(|| {
        Failure::said(format!("this agent is not enrolled with {url}; `pulih-agent enroll {url} --token …` does that"))
    })?;
    if site.credentials.url == url {
        return Ok(GatewayStore::open(&site.credentials, &state.spool()?, Box::new(turns))?);
    }
    match state.drc()?.filter(|known| known.card.url == url) {
        Some(drc) => {
            let turns = KeptTurns { home: Home::Drc, ..turns };
            Ok(GatewayStore::open(&drc.credentials(&site), &state.spool()?, Box::new(turns))?)
        }
        None => Err(Failure::said(format!(
            "this agent is enrolled with {}, and {url} is neither that nor a DRC that it knows",
            site.credentials.url
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_store() {
        let address = StoreAddress::parse("https://pusat.go.id:8443/".as_ref()).unwrap();
        assert_eq!(address, StoreAddress::Gateway("https://pusat.go.id:8443".into()));
        assert_eq!(address.to_string(), "https://pusat.go.id:8443");
    }

    #[test]
    fn folders_and_buckets_are_stores() {
        let of = |text: &str| StoreAddress::parse(text.as_ref()).unwrap();
        assert_eq!(of("file:///srv/a%20b").folder(), Some(Path::new("/srv/a b")));
        let bucket = of("s3://bucket/p?endpoint=https://s3.go.id:8333&region=id");
        assert_eq!(bucket.folder(), None);
        assert_eq!(bucket.to_string(), "s3://bucket/p?endpoint=https://s3.go.id:8333&region=id");
    }

    #[test]
    fn what_this_version_cannot_use_is_bad_usage() {
        for bad in [
            "",
            "s3://Bucket/p",
            "s3://key:secret@bucket/p",
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
