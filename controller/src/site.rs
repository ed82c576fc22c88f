//! A site: what `site.toml` says of it, and the folder that holds its keys and its catalog.
//!
//! `<state>/site.toml`, `store`, `ca.pem`, `ca.key`, `gateway.pem`, `gateway.key`, `ledger.key`,
//! `catalog.sqlite`, `store-probe.json`, `spool/`, `lock`, `control.sock`. Keys are 0600 in a folder that is 0700.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use pulih_ledger::ids::SiteId;
use pulih_vault::error::Malformed;
use rustix::fs::{FlockOperation, flock};
use serde::Deserialize;

const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is wrong: {why}", path = path.display())]
    Bad { path: PathBuf, why: String },
    #[error("there is no site in {path}; `pulih-controller init` makes one, and --state names another", path = path.display())]
    None { path: PathBuf },
    #[error("{path} already has a site; another one needs another --state", path = path.display())]
    AlreadyThere { path: PathBuf },
    #[error("another pulih-controller works on the site in {path}", path = path.display())]
    Busy { path: PathBuf },
}

fn at<'p>(action: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> SiteError + 'p {
    move |source| SiteError::Io { action, path: path.to_owned(), source }
}

/// What a person writes about a site. `docs/contracts/site.md`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// For people: "Pusat Data Kabupaten Kudus".
    pub name: String,
    /// The regency's code by Kemendagri, as `33.19`.
    pub regency: String,
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// Names and addresses that agents reach the gateway by.
    pub hosts: Vec<String>,
}

impl SiteFile {
    pub fn read(path: &Path) -> Result<Self, SiteError> {
        Self::parse(&read(path)?).map_err(|why| SiteError::Bad { path: path.to_owned(), why })
    }

    /// The site's name in its ledger: `pusat-33.19`.
    pub fn id(&self) -> Result<SiteId, Malformed> {
        format!("pusat-{}", self.regency).parse()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let site: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let named = |text: &str| !text.trim().is_empty() && text.len() <= 200 && !text.contains(char::is_control);
        if !named(&site.name) {
            return Err("`name` is empty, too long, or has control characters".into());
        }
        let code = site.regency.split_once('.');
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !code.is_some_and(|(province, regency)| digits(province) && digits(regency)) {
            return Err(format!("`regency` is {:?}; a code of Kemendagri looks like \"33.19\"", site.regency));
        }
        if site.hosts.is_empty() || !site.hosts.iter().all(|host| named(host)) {
            return Err("`hosts` needs at least one name or address that agents reach the gateway by".into());
        }
        Ok(site)
    }
}

fn read(path: &Path) -> Result<String, SiteError> {
    let mut text = String::new();
    let file = File::open(path).map_err(at("open", path))?;
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(at("read", path))?;
    Ok(text)
}

/// Held by the one process that works on a site.
pub struct SiteLock(#[allow(dead_code)] File);

/// The folder of a site.
#[derive(Debug, Clone)]
pub struct SiteDir(PathBuf);

impl SiteDir {
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn site(&self) -> Result<SiteFile, SiteError> {
        let path = self.path("site.toml");
        if !path.exists() {
            return Err(SiteError::None { path: self.0.clone() });
        }
        SiteFile::read(&path)
    }

    /// Makes the folder, which must not hold a site yet.
    pub fn make(&self) -> Result<(), SiteError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(at("make", &self.0))?;
        if self.path("site.toml").exists() {
            return Err(SiteError::AlreadyThere { path: self.0.clone() });
        }
        Ok(())
    }

    /// Takes the site for this process alone.
    pub fn lock(&self) -> Result<SiteLock, SiteError> {
        let path = self.path("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(at("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(SiteLock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(SiteError::Busy { path: self.0.clone() }),
            Err(error) => Err(at("lock", &path)(error.into())),
        }
    }

    /// A folder of this one, made if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf, SiteError> {
        let path = self.path(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(at("make", &path))?;
        Ok(path)
    }

    pub fn read(&self, name: &str) -> Result<String, SiteError> {
        read(&self.path(name))
    }

    /// Puts a new file in place, whole and synced, or not at all.
    pub fn write(&self, name: &str, text: &str) -> Result<(), SiteError> {
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        let write = || {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(at("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "name = \"Pusat Data\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:8443\"\nhosts = [\"localhost\"]\n";

    #[test]
    fn a_site_file_is_read() {
        assert_eq!(SiteFile::parse(GOOD).unwrap().hosts, ["localhost"]);
    }

    #[test]
    fn what_is_wrong_in_a_site_file_is_named() {
        for (from, to, named) in [
            ("33.19", "Kudus", "regency"),
            ("[\"localhost\"]", "[]", "hosts"),
            ("127.0.0.1:8443", "8443", "listen"),
            ("name", "nama", "nama"),
            ("Pusat Data", " ", "name"),
        ] {
            let why = SiteFile::parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
    }
}
