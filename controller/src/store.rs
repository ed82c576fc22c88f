//! The site's store: a folder, or a bucket that was tried before anything was entrusted to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pulih_stores::open::process_env;
use pulih_stores::s3::Options;
use pulih_stores::{OpenError, Opened, Probe, StoreUrl, UrlError};
use pulih_vault::store::{Keeps, Locks, Store};

use crate::site::{SiteDir, SiteError};

/// Each object is locked so long when it is put; what a snapshot is kept for comes on top. An
/// upload that never becomes a snapshot can be cleared away after it.
const FIRST_LOCK: Duration = Duration::from_secs(14 * 24 * 3600);
/// Most bytes of a reach and all that lie below it that a site reads: some 350,000 packs, which are
/// 10 TiB as agents write them. In memory it is up to four times as much.
pub const MAX_REACH_BYTES: u64 = 16 << 20;
pub const PROBE: &str = "store-probe.json";

#[derive(Debug, thiserror::Error)]
pub enum SiteStoreError {
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error(
        "{store} may hold a further copy and nothing else, as it was tried:\n{words}\ndocs/stores.md names servers that may be a site's store"
    )]
    NotEnough { store: String, words: String },
}

pub struct SiteStore {
    pub store: Arc<dyn Store>,
    /// The same store, if what is in it can be held against everyone.
    pub locks: Option<Arc<dyn Locks>>,
    /// The same store, for what removes and heals.
    pub keeps: Arc<dyn Keeps>,
}

fn options(dir: &SiteDir, url: &StoreUrl) -> Result<Options, SiteError> {
    // A folder needs no spool.
    let spool = if url.path().is_some() { std::env::temp_dir() } else { dir.folder("spool")? };
    Ok(Options { initial_lock: Some(FIRST_LOCK), ..Options::new(spool) })
}

fn site_store(opened: Opened) -> SiteStore {
    SiteStore { keeps: opened.keeps(), store: opened.store, locks: opened.locks }
}

/// Makes the store of a new site, tries what a bucket promises, and writes down where it is.
pub fn make(dir: &SiteDir, url: &StoreUrl) -> Result<SiteStore, SiteStoreError> {
    let opened = url.create(&process_env, &options(dir, url)?)?;
    let probe = opened.probe()?;
    if url.path().is_none() && !probe.may_be_a_sites_store() {
        return Err(not_enough(&probe));
    }
    let mut json = serde_json::to_string_pretty(&probe).unwrap_or_default();
    json.push('\n');
    dir.write(PROBE, &json)?;
    dir.write("store", &url.to_string())?;
    Ok(site_store(opened))
}

pub fn open(dir: &SiteDir) -> Result<SiteStore, SiteStoreError> {
    let url = StoreUrl::parse(dir.read("store")?.trim().as_ref(), &process_env)?;
    let opened = url.open(&process_env, &options(dir, &url)?)?;
    Ok(site_store(opened))
}

/// Where it is a folder of this host.
pub fn folder(dir: &SiteDir) -> Result<Option<PathBuf>, SiteStoreError> {
    let url = StoreUrl::parse(dir.read("store")?.trim().as_ref(), &process_env)?;
    Ok(url.path().map(Path::to_owned))
}

fn not_enough(probe: &Probe) -> SiteStoreError {
    let findings = probe.findings().into_iter().take(7).filter(|(_, its)| its.held != pulih_stores::probe::Held::Yes);
    let words: Vec<String> = findings.map(|(name, its)| format!("  {name}: {}", its.words)).collect();
    SiteStoreError::NotEnough { store: probe.store.clone(), words: words.join("\n") }
}
