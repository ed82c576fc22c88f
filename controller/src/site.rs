//! A site: what `site.toml` says of it, and the folder that holds its keys and its catalog.
//!
//! `<state>/site.toml`, `store`, `ca.pem`, `ca.key`, `gateway.pem`, `gateway.key`, `ledger.key`,
//! `ledger.key.next` while another key is proposed, `catalog.sqlite`, `store-probe.json`, `spool/`, `ledger-behind`,
//! `lock`, `control.sock`. Keys are 0600 in a folder that is 0700.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use pulih_ledger::ids::SiteId;
use pulih_policies::Size;
use pulih_vault::error::Malformed;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

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

/// What a site is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteRole {
    #[default]
    Pusat,
    Drc,
}

impl SiteRole {
    /// Of the sites that it is paired with.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Pusat => Self::Drc,
            Self::Drc => Self::Pusat,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pusat => "pusat",
            Self::Drc => "drc",
        }
    }
}

/// Where a site stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The regency's code by Kemendagri.
    pub regency: String,
    /// Degrees, south negative.
    pub latitude: f64,
    /// Degrees, west negative.
    pub longitude: f64,
}

/// What the house of a DRC is certified for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    pub name: String,
    pub number: String,
    /// A date: `2028-05-31`.
    pub until: String,
}

/// What a person writes about a site. `docs/contracts/site.md`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteFile {
    /// For people: "Pusat Data Kabupaten Kudus".
    pub name: String,
    /// The regency's code by Kemendagri, as `33.19`.
    pub regency: String,
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// Where the ledgers are shown, over plain HTTP; absent: nowhere.
    pub ledger_listen: Option<SocketAddr>,
    /// Names and addresses that agents reach the gateway by.
    pub hosts: Vec<String>,
    #[serde(default)]
    pub role: SiteRole,
    /// Who runs it.
    pub operator: Option<String>,
    /// Whether those are civil servants.
    pub operator_is_asn: Option<bool>,
    /// Whose house it stands in.
    pub provider: Option<String>,
    pub certificates: Option<Vec<Certified>>,
    pub location: Option<Location>,
    /// Most bytes that the scrub reads in a day: `500GiB`.
    pub scrub_per_day: Option<String>,
    /// Where drills restore to: a folder of this host for nothing else.
    pub drill_scratch: Option<PathBuf>,
}

fn is_named(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 200 && !text.contains(char::is_control)
}

/// Whether a text is a regency's code by Kemendagri, as `33.19`.
fn is_regency(text: &str) -> bool {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(province, regency)| digits(province) && digits(regency))
}

impl Location {
    fn check(&self) -> Result<(), String> {
        if !is_regency(&self.regency) {
            return Err(format!("`location.regency` is {:?}; a code of Kemendagri looks like \"34.71\"", self.regency));
        }
        if !(-90.0..=90.0).contains(&self.latitude) || !(-180.0..=180.0).contains(&self.longitude) {
            return Err("`location.latitude` and `location.longitude` are degrees, south and west negative".into());
        }
        Ok(())
    }
}

impl Certified {
    fn check(&self) -> Result<(), String> {
        let is_date = pulih_vault::utc::parse(&format!("{}T00:00:00Z", self.until)).is_some();
        if is_named(&self.name) && is_named(&self.number) && is_date {
            return Ok(());
        }
        Err("each of `certificates` has a `name`, a `number`, and the date `until` (2028-05-31)".into())
    }
}

impl SiteFile {
    pub fn read(path: &Path) -> Result<Self, SiteError> {
        Self::parse(&read(path)?).map_err(|why| SiteError::Bad { path: path.to_owned(), why })
    }

    /// The site's name in its ledger: `pusat-33.19`.
    pub fn id(&self) -> Result<SiteId, Malformed> {
        format!("{}-{}", self.role.as_str(), self.regency).parse()
    }

    /// Where agents and other sites reach its gateway.
    pub fn url(&self) -> String {
        let host = self.hosts.first().map_or("localhost", String::as_str);
        format!("https://{host}:{}", self.listen.port())
    }

    /// Most bytes that the scrub reads in a day, where the site sets it.
    pub fn scrub_per_day(&self) -> Option<u64> {
        self.scrub_per_day.as_deref().and_then(|text| text.parse::<Size>().ok()).map(Size::bytes)
    }

    /// What a DRC says beside what every site does.
    fn check_drc(&self) -> Result<(), String> {
        for (field, its) in [("operator", &self.operator), ("provider", &self.provider)] {
            if !its.as_deref().is_some_and(is_named) {
                return Err(format!("a DRC says its `{field}`"));
            }
        }
        if self.certificates.is_none() {
            return Err("a DRC says the `certificates` of its provider; `[]` if there is none".into());
        }
        match &self.location {
            None => Err("a DRC says its `[location]`".into()),
            Some(location) if location.regency == self.regency => {
                Err("a DRC stands in another regency than the one whose site it is".into())
            }
            Some(_) => Ok(()),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let site: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if !is_named(&site.name) {
            return Err("`name` is empty, too long, or has control characters".into());
        }
        if !is_regency(&site.regency) {
            return Err(format!("`regency` is {:?}; a code of Kemendagri looks like \"33.19\"", site.regency));
        }
        if site.hosts.is_empty() || !site.hosts.iter().all(|host| is_named(host)) {
            return Err("`hosts` needs at least one name or address that agents reach the gateway by".into());
        }
        if site.scrub_per_day.is_some() && site.scrub_per_day().is_none_or(|bytes| bytes == 0) {
            return Err("`scrub_per_day` is how much is read in a day, as \"500GiB\"; at least 1".into());
        }
        if site.drill_scratch.as_deref().is_some_and(|place| !place.is_absolute() || place.parent().is_none()) {
            return Err("`drill_scratch` is the whole path of a folder that is for drills alone".into());
        }
        site.location.iter().try_for_each(Location::check)?;
        site.certificates.iter().flatten().try_for_each(Certified::check)?;
        if site.role == SiteRole::Drc {
            site.check_drc()?;
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

    pub fn root(&self) -> &Path {
        &self.0
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
    /// Puts one file into the place of another, whose content is gone then.
    pub fn replace(&self, name: &str, with: &str) -> Result<(), SiteError> {
        let path = self.path(name);
        let replace = || {
            fs::rename(self.path(with), &path)?;
            File::open(&self.0)?.sync_all()
        };
        replace().map_err(at("replace", &path))
    }

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

    /// Takes a file away, for good also if the power goes.
    pub fn remove(&self, name: &str) -> Result<(), SiteError> {
        let path = self.path(name);
        let remove = || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
            File::open(&self.0)?.sync_all()
        };
        remove().map_err(at("remove", &path))
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

    const DRC: &str = "role = \"drc\"\noperator = \"Diskominfo\"\nprovider = \"PT Awan\"\n\
        certificates = [{ name = \"ISO/IEC 27001\", number = \"1\", until = \"2028-05-31\" }]\n\
        [location]\nregency = \"34.71\"\nlatitude = -7.8\nlongitude = 110.4\n";

    #[test]
    fn a_drc_says_where_it_stands_and_in_whose_house() {
        let text = format!("{GOOD}{DRC}");
        let site = SiteFile::parse(&text).unwrap();
        assert_eq!((site.id().unwrap().as_str(), site.role), ("drc-33.19", SiteRole::Drc));
        for (from, to, named) in [
            ("34.71", "33.19", "another regency"),
            ("-7.8", "-97.8", "latitude"),
            ("2028-05-31", "Mei 2028", "until"),
            ("provider = \"PT Awan\"", "", "provider"),
            ("drc", "further", "role"),
        ] {
            let why = SiteFile::parse(&text.replace(from, to)).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
        let bare = SiteFile::parse(&format!("{GOOD}role = \"drc\"\n")).unwrap_err();
        assert!(bare.contains("operator"), "{bare}");
    }

    #[test]
    fn what_is_wrong_in_a_site_file_is_named() {
        for (from, to, named) in [
            ("33.19", "Kudus", "regency"),
            ("[\"localhost\"]", "[]", "hosts"),
            ("127.0.0.1:8443", "8443", "listen"),
            ("name", "nama", "nama"),
            ("Pusat Data", " ", "name"),
            ("hosts =", "drill_scratch = \"drills\"\nhosts =", "drill_scratch"),
        ] {
            let why = SiteFile::parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
    }
}
