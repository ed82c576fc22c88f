//! Key files: a recovery identity of a site for one class, online or sealed. An online one is a
//! standard age identity file with a comment that names the class; a sealed one is JSON.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use age_core::secrecy::{ExposeSecret as _, SecretString};
use pulih_policies::Class;
use ring::rand::SecureRandom;

use crate::sealing::{self, SealedKey, SealedTo};

pub const TYPE: &str = "pulih/sealed-identity/v1";
const CLASS_LINE: &str = "# pulih class:";
const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{0}")]
    Bad(String),
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{path}: {why}", path = path.display())]
    File { path: PathBuf, why: String },
}

/// An age recipient that this version encrypts to.
pub fn read_recipient(text: &str) -> Result<age::x25519::Recipient, KeyError> {
    let shown: String = text.chars().take(80).collect();
    age::x25519::Recipient::from_str(text)
        .map_err(|why| KeyError::Bad(format!("{shown:?} is no age recipient (age1…): {why}")))
}

/// What a key file says.
pub enum KeyFile {
    Online { class: Class, identities: Vec<age::x25519::Identity> },
    Sealed(Box<SealedKey>),
}

impl KeyFile {
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let cannot = |source| KeyError::Io { action: "read", path: path.to_owned(), source };
        let mut text = String::new();
        File::open(path).map_err(cannot)?.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(cannot)?;
        let text = SecretString::from(text);
        Self::parse(text.expose_secret()).map_err(|error| match error {
            KeyError::Bad(why) => KeyError::File { path: path.to_owned(), why },
            other => other,
        })
    }

    /// Reads what a key file holds.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |why: &str| KeyError::Bad(why.to_owned());
        if text.starts_with('{') {
            let sealed: SealedKey = serde_json::from_str(text).map_err(|error| KeyError::Bad(error.to_string()))?;
            if sealed.kind != TYPE {
                return Err(bad("it is of another type, or of a later version"));
            }
            sealed.class.parse::<Class>().map_err(|error| KeyError::Bad(error.to_string()))?;
            let sound = (2..=sealing::MAX_PEOPLE).contains(&sealed.people.len())
                && (2..=sealed.people.len()).contains(&sealed.needed);
            if !sound {
                return Err(bad("its people are too few or too many"));
            }
            let users: BTreeSet<&str> = sealed.people.iter().map(|its| its.user.as_str()).collect();
            return if users.len() == sealed.people.len() {
                Ok(Self::Sealed(Box::new(sealed)))
            } else {
                Err(bad("one of its people is named twice"))
            };
        }
        let class = text.lines().find_map(|line| line.strip_prefix(CLASS_LINE));
        let class = class.ok_or_else(|| bad("it names no class: a line `# pulih class: …` is missing"))?;
        let class = class.trim().parse().map_err(|error| KeyError::Bad(format!("{error}")))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let read = |line| age::x25519::Identity::from_str(line).map_err(|why| KeyError::Bad(why.to_owned()));
        let identities: Vec<_> = lines.map(read).collect::<Result<_, _>>()?;
        if identities.is_empty() { Err(bad("it holds no identity")) } else { Ok(Self::Online { class, identities }) }
    }

    pub fn class(&self) -> Class {
        match self {
            Self::Online { class, .. } => *class,
            Self::Sealed(sealed) => sealed.class.parse().unwrap_or(Class::Strategis),
        }
    }

    /// What offices encrypt to.
    pub fn recipient(&self) -> String {
        match self {
            Self::Online { identities, .. } => {
                identities.first().map(|its| its.to_public().to_string()).unwrap_or_default()
            }
            Self::Sealed(sealed) => sealed.recipient.clone(),
        }
    }
}

/// A recovery identity that is being made.
pub struct NewKey {
    class: Class,
    identity: age::x25519::Identity,
}

impl NewKey {
    pub fn generate(class: Class) -> Self {
        Self { class, identity: age::x25519::Identity::generate() }
    }

    pub fn recipient(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// Writes it so that the keeper alone opens it, without people.
    pub fn write_online(&self, path: &Path, created: &str) -> Result<(), KeyError> {
        let secret = self.identity.to_string();
        let text: SecretString = format!(
            "# created: {created}\n# public key: {}\n{CLASS_LINE} {}\n{}\n",
            self.recipient(),
            self.class,
            secret.expose_secret()
        )
        .into();
        write_new(path, text.expose_secret())
    }

    /// Writes it so that it takes several people: `people` are users and their age recipients.
    pub fn write_sealed(
        &self,
        path: &Path,
        people: &[(String, String)],
        needed: usize,
        glass: Option<&str>,
        created: &str,
        random: &dyn SecureRandom,
    ) -> Result<(), KeyError> {
        let to = SealedTo { people, needed, glass };
        let sealed = sealing::seal(&self.identity, self.class, &to, created, random)?;
        let text = serde_json::to_string_pretty(&sealed).map_err(|error| KeyError::Bad(error.to_string()))?;
        write_new(path, &format!("{text}\n"))
    }
}

/// Writes a new file of mode 0600, durably; one that is there is never overwritten.
fn write_new(path: &Path, text: &str) -> Result<(), KeyError> {
    let cannot = |source| KeyError::Io { action: "write", path: path.to_owned(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(cannot)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| File::open(folder)?.sync_all()).map_err(|source| {
        // Half a key is worth nothing and would be in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        cannot(source)
    })
}
