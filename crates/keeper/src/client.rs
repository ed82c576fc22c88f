//! Asking the keeper. Its answers to headers make it an age identity, so that whatever reads a vault
//! with an identity reads it with the keeper too.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use age::{DecryptError, Identity};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::secrecy::{ExposeSecret as _, SecretString};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::held::Standing;
use crate::key::KeyError;
use crate::sealing::{opened, parts_of, text_of};
use crate::wire::{self, Ask, Reply, to_wire};

/// Longer than the keeper makes anyone wait.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error(
        "cannot ask the keeper at {path}: {source}; `pulih-controller keys serve` has to run, and this user must be one that it lets ask",
        path = path.display()
    )]
    Io { path: PathBuf, source: io::Error },
    #[error("the keeper refused: {0}")]
    Refused(String),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A connection to a keeper.
pub struct Keeper {
    path: PathBuf,
    stream: Mutex<BufReader<UnixStream>>,
}

impl Keeper {
    pub fn connect(socket: &Path) -> Result<Self, KeeperError> {
        let failed = |source| KeeperError::Io { path: socket.to_owned(), source };
        let stream = UnixStream::connect(socket).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(Self { path: socket.to_owned(), stream: Mutex::new(BufReader::new(stream)) })
    }

    fn ask(&self, ask: &Ask) -> Result<Reply, KeeperError> {
        let failed = |source| KeeperError::Io { path: self.path.clone(), source };
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // Who may not ask is told so before anything is read: the answer is there though the line broke.
        let written = wire::write(stream.get_mut(), ask);
        match wire::read(&mut *stream) {
            Ok(Some(Reply::Refused(why))) => Err(KeeperError::Refused(why)),
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(failed(written.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()))),
            Err(error) => Err(failed(written.err().unwrap_or(error))),
        }
    }

    fn strange(&self) -> KeeperError {
        let source = io::Error::new(io::ErrorKind::InvalidData, "it answered something else than was asked");
        KeeperError::Io { path: self.path.clone(), source }
    }

    pub fn standings(&self) -> Result<Vec<Standing>, KeeperError> {
        match self.ask(&Ask::Standings)? {
            Reply::Standings(all) => Ok(all),
            _ => Err(self.strange()),
        }
    }

    fn done(&self, ask: &Ask) -> Result<(), KeeperError> {
        if matches!(self.ask(ask)?, Reply::Done) { Ok(()) } else { Err(self.strange()) }
    }

    fn sealed(&self, ask: &Ask) -> Result<String, KeeperError> {
        match self.ask(ask)? {
            Reply::Sealed(text) => Ok(text),
            _ => Err(self.strange()),
        }
    }

    /// Gives a person's parts, which that person's own key opens here. Says whether that was enough.
    pub fn give(&self, class: &str, user: &str, own: Box<dyn Identity + Send + Sync>) -> Result<bool, KeeperError> {
        let (class, user) = (class.to_owned(), user.to_owned());
        let sealed = self.sealed(&Ask::Parts { class: class.clone(), user: user.clone() })?;
        let parts = parts_of(opened(&sealed, &[own])?.expose_secret())?;
        let shown: BTreeMap<String, String> =
            serde_json::from_str(&text_of(&parts)?).map_err(|error| KeyError::Bad(error.to_string()))?;
        match self.ask(&Ask::Give { class, user, parts: shown })? {
            Reply::Given(enough) => Ok(enough),
            _ => Err(self.strange()),
        }
    }

    /// Gives the whole identity, which the key of the envelope opens here.
    pub fn give_glass(&self, class: &str, envelope: Box<dyn Identity + Send + Sync>) -> Result<(), KeeperError> {
        let sealed = self.sealed(&Ask::Glass { class: class.to_owned() })?;
        let identity: SecretString = opened(&sealed, &[envelope])?;
        self.done(&Ask::GiveGlass { class: class.to_owned(), identity: identity.expose_secret().to_owned() })
    }

    /// Says that it was written down that a class is open until then, seconds since 1970.
    pub fn open(&self, class: &str, until: i64) -> Result<(), KeeperError> {
        self.done(&Ask::Open { class: class.to_owned(), until })
    }

    pub fn close(&self, class: &str) -> Result<(), KeeperError> {
        self.done(&Ask::Close { class: class.to_owned() })
    }

    /// The file key of the pack with these stanzas; `None`: the class's identity does not open it.
    pub fn unwrap(&self, class: &str, stanzas: &[Stanza]) -> Result<Option<FileKey>, KeeperError> {
        let Reply::Key(key) = self.ask(&Ask::Unwrap { class: class.to_owned(), stanzas: to_wire(stanzas) })? else {
            return Err(self.strange());
        };
        let Some(key) = key else { return Ok(None) };
        let bytes: [u8; FILE_KEY_BYTES] =
            STANDARD.decode(key).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| self.strange())?;
        Ok(Some(FileKey::new(Box::new(bytes))))
    }

    /// This keeper as the identity of a class.
    pub fn identity(self, class: &str) -> Box<dyn Identity + Send + Sync> {
        Box::new(OfClass { keeper: self, class: class.to_owned() })
    }
}

struct OfClass {
    keeper: Keeper,
    class: String,
}

impl Identity for OfClass {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let one = Stanza { tag: stanza.tag.clone(), args: stanza.args.clone(), body: stanza.body.clone() };
        self.unwrap_stanzas(&[one])
    }

    /// One question for the whole header.
    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        self.keeper.unwrap(&self.class, stanzas).map_err(|error| DecryptError::Io(io::Error::other(error))).transpose()
    }
}
