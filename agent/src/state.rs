//! What the agent keeps on its server between runs: keys and pins of each vault, where each
//! dataset stands, and the lock that lets one backup of a vault run at a time.
//!
//! `<state>/site.json`, `drc.json`, `turn.json`, `spool/`, `vaults/<vault>/keys.json`, `pending.json`, `lock`, `datasets/<dataset>.json`, `cache/`. Keys are
//! secret: folders are 0700 and files 0600. Losing `cache/` costs time, not data.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, DescriptionName, VaultSecrets};
use pulih_vault::error::Malformed;
use pulih_vault::id::VaultId;
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::{SigningKey, VerifierKey};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

mod daemon;
mod drc;
mod line;
mod pending;
mod site;
mod turn;

pub use daemon::{DatasetMemory, LastRun, Memory, SeenView};
pub use drc::SeenHeads;
pub use pending::{Pending, PendingAct};
pub use site::Site;
pub use turn::{Home, Turn};

const KEYS_TYPE: &str = "pulih/agent-keys/v1";
const SITE_FILE: &str = "site.json";
const DATASET_TYPE: &str = "pulih/agent-dataset/v1";
const MAX_FILE_BYTES: u64 = 1 << 20;
/// How often a waiting backup looks whether it may go on or shall stop.
const LOCK_POLL: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} of the agent's state is damaged: {source}; restore it, or make a new vault with `pulih-agent init` and another --state", path = path.display())]
    Damaged { path: PathBuf, source: Malformed },
    #[error("{path} is damaged: {why}; delete it: the daemon makes it anew, and `accept-policy` is needed again if it is accepted-policy.json", path = path.display())]
    DamagedCache { path: PathBuf, why: String },
    #[error("there is no folder for the agent's state: neither HOME nor XDG_STATE_HOME is set; name one with --state")]
    NoPlace,
    #[error("stopped while waiting for another backup of this vault")]
    Stopped,
}

fn io_at<'p>(action: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> StateError + 'p {
    move |source| StateError::Io { action, path: path.to_owned(), source }
}

/// The agent's state folder.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// `/var/lib/pulih-agent` for root, the XDG state folder for others.
    pub fn default_place() -> Result<Self, StateError> {
        if rustix::process::geteuid().is_root() {
            return Ok(Self::at("/var/lib/pulih-agent".into()));
        }
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        folder("XDG_STATE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
            .map(|base| Self::at(base.join("pulih-agent")))
            .ok_or(StateError::NoPlace)
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    pub fn vault(&self, vault: VaultId) -> VaultDir {
        VaultDir { vault, path: self.root.join("vaults").join(vault.to_string()) }
    }

    /// The vaults whose keys are here.
    pub fn vaults(&self) -> Result<Vec<VaultDir>, StateError> {
        let folder = self.root.join("vaults");
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_at("read folder", &folder))?,
        };
        let mut vaults = Vec::new();
        for entry in entries {
            let name = entry.map_err(io_at("read folder", &folder))?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let vault = self.vault(id);
            let keys = vault.keys_path();
            if keys.try_exists().map_err(io_at("look for", &keys))? {
                vaults.push(vault);
            }
        }
        vaults.sort_by_key(|vault| vault.vault);
        Ok(vaults)
    }

    /// The site that this agent is enrolled with.
    pub fn site(&self) -> Result<Option<Site>, StateError> {
        let path = self.root.join(SITE_FILE);
        let Some(json) = read_file(&path)? else { return Ok(None) };
        Site::from_json(&json).map(Some).map_err(|source| StateError::Damaged { path, source })
    }

    pub fn save_site(&self, site: &Site) -> Result<(), StateError> {
        write_file(&self.root, SITE_FILE, site.to_json().as_bytes())
    }

    /// Where objects wait that are on their way to the site: made, if it is not there.
    pub fn spool(&self) -> Result<PathBuf, StateError> {
        let path = self.root.join("spool");
        make_private_dir(&path)?;
        Ok(path)
    }

    /// Held while a vault is made, so that two `init` do not make two vaults of one class.
    pub fn lock_init(&self, stop: &AtomicBool, waiting: &mut dyn FnMut(Option<u32>)) -> Result<Lock, StateError> {
        make_private_dir(&self.root)?;
        Lock::take(&self.root.join("init.lock"), stop, waiting)
    }
}

/// What the agent must have to write into a vault. Secret.
pub struct VaultKeys {
    pub vault: VaultId,
    pub class: Class,
    /// The store as it was given to `init`: for people; nothing relies on it.
    pub store: String,
    pub agent: SigningKey,
    pub secrets: VaultSecrets,
    /// The owner key that descriptions must be signed with.
    pub owner: VerifierKey,
    pub recipients: Vec<String>,
    /// The description that `init` made.
    pub description: DescriptionName,
}

#[derive(Serialize, Deserialize)]
struct KeysText {
    #[serde(rename = "type")]
    kind: String,
    vault: String,
    class: Class,
    store: String,
    agent: String,
    secrets: serde_json::Value,
    owner: String,
    owner_fingerprint: String,
    recipients: Vec<String>,
    description: String,
}

impl VaultKeys {
    fn to_json(&self) -> String {
        let text = KeysText {
            kind: KEYS_TYPE.into(),
            vault: self.vault.to_string(),
            class: self.class,
            store: self.store.clone(),
            agent: self.agent.to_secret_text(),
            secrets: serde_json::from_str(&self.secrets.to_json(self.vault)).expect("it was written as JSON"),
            owner: self.owner.to_string(),
            owner_fingerprint: self.owner.fingerprint().to_string(),
            recipients: self.recipients.clone(),
            description: self.description.to_string(),
        };
        serde_json::to_string_pretty(&text).expect("text is JSON") + "\n"
    }

    fn from_json(json: &[u8], vault: VaultId) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new("file of a vault's keys", why);
        let text: KeysText = serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
        if text.kind != KEYS_TYPE || text.vault != vault.to_string() {
            return Err(bad("it is of another type or vault".to_owned()));
        }
        let owner: VerifierKey = text.owner.parse()?;
        if owner.fingerprint().to_string() != text.owner_fingerprint {
            return Err(bad("the owner key is not the one that was pinned".to_owned()));
        }
        let secrets = VaultSecrets::from_json(text.secrets.to_string().as_bytes(), vault)?;
        Ok(Self {
            vault,
            class: text.class,
            store: text.store,
            agent: SigningKey::from_secret_text(&text.agent)?,
            secrets,
            owner,
            recipients: text.recipients,
            description: text.description.parse()?,
        })
    }
}

/// Where a dataset stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetState {
    /// Fixed when the dataset was made.
    pub chunker: ChunkSizes,
    /// The last snapshot that this agent wrote.
    pub last: Option<ManifestName>,
}

#[derive(Serialize, Deserialize)]
struct DatasetText {
    #[serde(rename = "type")]
    kind: String,
    chunker: ChunkSizes,
    last: Option<String>,
}

impl DatasetState {
    fn from_json(json: &[u8]) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new("file of a dataset's state", why);
        let text: DatasetText = serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
        if text.kind != DATASET_TYPE {
            return Err(bad(format!("its type is {:?}", text.kind)));
        }
        let last = text.last.as_deref().map(str::parse).transpose()?;
        Ok(Self { chunker: text.chunker.check()?, last })
    }
}

/// The folder of one vault in the state.
#[derive(Debug, Clone)]
pub struct VaultDir {
    vault: VaultId,
    path: PathBuf,
}

impl VaultDir {
    pub fn id(&self) -> VaultId {
        self.vault
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn keys_path(&self) -> PathBuf {
        self.path.join("keys.json")
    }

    /// The engine's caches: made, if it is not there.
    pub fn cache(&self) -> Result<PathBuf, StateError> {
        let path = self.path.join("cache");
        make_private_dir(&path)?;
        Ok(path)
    }

    /// The vault's keys; `None` if this agent has none.
    pub fn keys(&self) -> Result<Option<VaultKeys>, StateError> {
        let path = self.keys_path();
        let damaged = |source| StateError::Damaged { path: path.clone(), source };
        let Some(json) = read_file(&path)? else { return Ok(None) };
        VaultKeys::from_json(&json, self.vault).map_err(damaged).map(Some)
    }

    pub fn save_keys(&self, keys: &VaultKeys) -> Result<(), StateError> {
        write_file(&self.path, "keys.json", keys.to_json().as_bytes())
    }

    /// Takes keys back, so that this agent writes nothing into the vault.
    pub fn forget_keys(&self) -> Result<(), StateError> {
        let path = self.keys_path();
        fs::remove_file(&path).map_err(io_at("remove", &path))?;
        sync_dir(&self.path)
    }

    /// Where a dataset stands; `None` if this agent never saved it.
    pub fn dataset(&self, dataset: &DatasetName) -> Result<Option<DatasetState>, StateError> {
        let path = self.path.join("datasets").join(format!("{dataset}.json"));
        let Some(json) = read_file(&path)? else { return Ok(None) };
        DatasetState::from_json(&json).map(Some).map_err(|source| StateError::Damaged { path, source })
    }

    pub fn save_dataset(&self, dataset: &DatasetName, state: &DatasetState) -> Result<(), StateError> {
        let text = DatasetText {
            kind: DATASET_TYPE.into(),
            chunker: state.chunker,
            last: state.last.map(|name| name.to_string()),
        };
        let json = serde_json::to_string_pretty(&text).expect("text and numbers are JSON") + "\n";
        write_file(&self.path.join("datasets"), &format!("{dataset}.json"), json.as_bytes())
    }

    /// Waits until no other backup of this vault runs. `waiting` is told once, with the process
    /// that is waited for, if it is known.
    pub fn lock(&self, stop: &AtomicBool, waiting: &mut dyn FnMut(Option<u32>)) -> Result<Lock, StateError> {
        make_private_dir(&self.path)?;
        Lock::take(&self.path.join("lock"), stop, waiting)
    }
}

/// A lock that ends with this value, or with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    fn take(path: &Path, stop: &AtomicBool, waiting: &mut dyn FnMut(Option<u32>)) -> Result<Self, StateError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(io_at("open lock", path))?;
        let mut told = false;
        // Asked again and again rather than once for as long as it takes: so a signal ends it.
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK && error != rustix::io::Errno::INTR {
                return Err(io_at("lock", path)(error.into()));
            }
            if !told {
                told = true;
                waiting(holder(&mut file));
            }
            if stop.load(Ordering::Relaxed) {
                return Err(StateError::Stopped);
            }
            std::thread::sleep(LOCK_POLL);
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(io_at("write lock", path))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Makes a folder of mode 0700, and those above it, durably.
fn make_private_dir(path: &Path) -> Result<(), StateError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_private_dir(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made.map_err(io_at("make folder", path))?,
    }
    path.parent().map_or(Ok(()), sync_dir)
}

fn sync_dir(path: &Path) -> Result<(), StateError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_at("sync folder", path))
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    read_bounded(path, MAX_FILE_BYTES)
}

fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StateError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(io_at("open", path))?,
    };
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(io_at("read", path))?;
    Ok(Some(bytes))
}

/// Puts a file in place whole or not at all, also across a power cut.
fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), StateError> {
    make_private_dir(folder)?;
    let path = folder.join(name);
    let temp = folder.join(format!(".{name}.new"));
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temp).and_then(|mut file| {
            // What a crash left behind may have had another mode.
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.write_all(bytes)?;
            file.sync_all()
        });
    written.and_then(|()| fs::rename(&temp, &path)).map_err(io_at("write", &path))?;
    sync_dir(folder)
}

#[cfg(test)]
mod tests;
