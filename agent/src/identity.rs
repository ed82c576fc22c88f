//! The two files that an OPD keeps offline: the recovery identity, which reads a vault, and the
//! owner key, which says who may read and write it. Both are made once and never overwritten.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use age::Identity;
use age::secrecy::ExposeSecret as _;
use pulih_vault::description::OWNER_KEY_NAME;
use pulih_vault::error::Malformed;
use pulih_vault::id::VaultId;
use pulih_vault::note::{Fingerprint, SigningKey};
use ring::rand::SecureRandom;

const MAX_FILE_BYTES: u64 = 1 << 20;
const VAULT_LINE: &str = "# pulih vault:";
const OWNER_LINE: &str = "# pulih owner:";
const OTHERS: u32 = 0o077;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot {action} {what} {path}: {source}", path = path.display())]
    Io { action: &'static str, what: &'static str, path: PathBuf, source: io::Error },
    #[error("{what} {path} is there already and is never overwritten; name another file", path = path.display())]
    Exists { what: &'static str, path: PathBuf },
    #[error("{what} {path}, line {line}: {why}", path = path.display())]
    Line { what: &'static str, path: PathBuf, line: usize, why: String },
    #[error("{what} {path}: {why}", path = path.display())]
    Unusable { what: &'static str, path: PathBuf, why: String },
    #[error("{what} {path}: {source}", path = path.display())]
    Malformed { what: &'static str, path: PathBuf, source: Malformed },
}

const IDENTITY: &str = "identity file";
const OWNER: &str = "owner key";

fn io_at<'p>(action: &'static str, what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> IdentityError + 'p {
    move |source| IdentityError::Io { action, what, path: path.to_owned(), source }
}

/// A vault that an identity file was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    pub vault: VaultId,
    pub owner: Option<Fingerprint>,
}

/// A standard age identity file. Files may be put end to end: each vault's comment is followed
/// by that of its owner.
pub struct IdentityFile {
    pub path: PathBuf,
    pub identities: Vec<Box<dyn Identity + Send + Sync>>,
    /// The recipients that belong to the identities.
    pub recipients: Vec<String>,
    pub bindings: Vec<Binding>,
    /// An owner's comment before any vault's: of every vault.
    any_owner: Option<Fingerprint>,
    open_to_others: bool,
}

impl IdentityFile {
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let (text, open_to_others) = read_secret(path, IDENTITY)?;
        let unusable =
            |why: &str| IdentityError::Unusable { what: IDENTITY, path: path.to_owned(), why: why.to_owned() };
        if text.starts_with(b"age-encryption.org/") || text.starts_with(b"-----BEGIN AGE ENCRYPTED FILE") {
            return Err(unusable("it is encrypted; decrypt it with `age -d` and give the result"));
        }
        let text = std::str::from_utf8(&text).map_err(|_| unusable("it is not text"))?;
        let mut file = Self {
            path: path.to_owned(),
            identities: Vec::new(),
            recipients: Vec::new(),
            bindings: Vec::new(),
            any_owner: None,
            open_to_others,
        };
        for (number, line) in text.lines().enumerate() {
            file.take_line(line.trim()).map_err(|why| IdentityError::Line {
                what: IDENTITY,
                path: path.to_owned(),
                line: number + 1,
                why,
            })?;
        }
        if file.identities.is_empty() {
            return Err(unusable("it holds no identity (a line AGE-SECRET-KEY-1…)"));
        }
        Ok(file)
    }

    /// A line, or what is wrong with it; never the line itself, which may be a secret.
    fn take_line(&mut self, line: &str) -> Result<(), String> {
        if let Some(id) = line.strip_prefix(VAULT_LINE) {
            let vault = id.trim().parse().map_err(|e| format!("{e}"))?;
            self.bindings.push(Binding { vault, owner: None });
        } else if let Some(owner) = line.strip_prefix(OWNER_LINE) {
            let owner = owner.trim().parse().map_err(|e| format!("{e}"))?;
            self.take_owner(owner)?;
        } else if !line.is_empty() && !line.starts_with('#') {
            let identity = age::x25519::Identity::from_str(line)
                .map_err(|why| format!("not an identity that this version reads (AGE-SECRET-KEY-1…): {why}"))?;
            self.recipients.push(identity.to_public().to_string());
            self.identities.push(Box::new(identity));
        }
        Ok(())
    }

    fn take_owner(&mut self, owner: Fingerprint) -> Result<(), String> {
        let place = self.bindings.last_mut().map_or(&mut self.any_owner, |binding| &mut binding.owner);
        if place.is_some_and(|known| known != owner) {
            return Err("it names a second owner key for the same vault".to_owned());
        }
        *place = Some(owner);
        if let Some(last) = self.bindings.last()
            && self.bindings.iter().any(|its| its.vault == last.vault && its.owner.is_some_and(|its| its != owner))
        {
            return Err("it names another owner key for a vault than a line above".to_owned());
        }
        Ok(())
    }

    /// The fingerprint of the owner key that the file gives for a vault.
    pub fn owner_of(&self, vault: VaultId) -> Option<Fingerprint> {
        let named = self.bindings.iter().filter(|its| its.vault == vault).find_map(|its| its.owner);
        named.or(self.any_owner)
    }

    /// What to tell a person whose identity file others can read.
    pub fn warning(&self) -> Option<String> {
        self.open_to_others.then(|| {
            let path = self.path.display();
            format!("other users of this machine can read the identity file {path}; run `chmod 600` on it")
        })
    }
}

/// The bytes of a file with a secret, and whether group or others may read it.
fn read_secret(path: &Path, what: &'static str) -> Result<(Vec<u8>, bool), IdentityError> {
    read_bounded(path, what, MAX_FILE_BYTES)
}

/// The same for any file that a person gives, of at most `most` bytes.
pub fn read_bounded(path: &Path, what: &'static str, most: u64) -> Result<(Vec<u8>, bool), IdentityError> {
    let file = File::open(path).map_err(io_at("open", what, path))?;
    let metadata = file.metadata().map_err(io_at("read", what, path))?;
    let open = metadata.is_file() && metadata.permissions().mode() & OTHERS != 0;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(io_at("read", what, path))?;
    if bytes.len() as u64 > most {
        let why = format!("it has more than {} MiB", most >> 20);
        return Err(IdentityError::Unusable { what, path: path.to_owned(), why });
    }
    Ok((bytes, open))
}

/// A new recovery identity, not yet written.
pub struct NewIdentity {
    identity: age::x25519::Identity,
}

impl NewIdentity {
    pub fn generate() -> Self {
        Self { identity: age::x25519::Identity::generate() }
    }

    pub fn recipient(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// Writes a standard age identity file that says which vault it reads and whose that is.
    pub fn write(&self, path: &Path, created: &str, vault: VaultId, owner: Fingerprint) -> Result<(), IdentityError> {
        let mut text = String::new();
        let _ = writeln!(text, "# created: {created}");
        let _ = writeln!(text, "# public key: {}", self.recipient());
        let _ = writeln!(text, "{VAULT_LINE} {vault}");
        let _ = writeln!(text, "{OWNER_LINE} {owner}");
        let _ = writeln!(text, "{}", self.identity.to_string().expose_secret());
        write_new(path, IDENTITY, text.as_bytes())
    }
}

/// An owner key, and whether it was made just now.
pub struct OwnerKey {
    pub key: SigningKey,
    pub made: bool,
    pub open_to_others: bool,
}

/// Reads the owner key in a file.
pub fn read_owner(path: &Path) -> Result<OwnerKey, IdentityError> {
    let (text, open_to_others) = read_secret(path, OWNER)?;
    let malformed = |source| IdentityError::Malformed { what: OWNER, path: path.to_owned(), source };
    let text = String::from_utf8_lossy(&text);
    let key = SigningKey::from_secret_text(&text).map_err(malformed)?;
    if key.verifier().name() == OWNER_KEY_NAME {
        Ok(OwnerKey { key, made: false, open_to_others })
    } else {
        let why = format!("its name is {:?}, not {OWNER_KEY_NAME}", key.verifier().name());
        Err(malformed(Malformed::new(OWNER, why)))
    }
}

/// Reads the owner key in a file, or makes one there if there is none.
pub fn read_or_make_owner(path: &Path, random: &dyn SecureRandom) -> Result<OwnerKey, IdentityError> {
    match read_owner(path) {
        Err(IdentityError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    let key = SigningKey::generate(OWNER_KEY_NAME, random).map_err(|source| IdentityError::Malformed {
        what: OWNER,
        path: path.to_owned(),
        source,
    })?;
    write_new(path, OWNER, format!("{}\n", key.to_secret_text()).as_bytes())?;
    Ok(OwnerKey { key, made: true, open_to_others: false })
}

/// Where the owner key of an identity file is by default: `FILE.owner` beside it.
pub fn owner_beside(identity: &Path) -> PathBuf {
    let mut name = identity.as_os_str().to_owned();
    name.push(".owner");
    name.into()
}

/// Writes a new file of mode 0600, durably; one that is there stays as it is.
pub fn write_new(path: &Path, what: &'static str, bytes: &[u8]) -> Result<(), IdentityError> {
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(IdentityError::Exists { what, path: path.to_owned() });
        }
        file => file.map_err(io_at("make", what, path))?,
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| File::open(folder)?.sync_all());
    written.map_err(|source| {
        // Half a key is worth nothing and would be in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        io_at("write", what, path)(source)
    })
}

#[cfg(test)]
mod tests;
