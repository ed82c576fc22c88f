//! An S3 bucket, or a folder of one, as a store.
//!
//! Objects are created with `If-None-Match: *`, which a server must honour for the store's promises
//! to hold; whether it does is what [`S3Store::probe`] finds out by trying to break it.

mod address;
mod client;
mod error;
mod keep;
mod lock;
mod probe;
mod put;
mod read;
mod spool;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pulih_vault::store::{Keeps, Locks, ObjectName, Staged, Store, StoreError};
use pulih_vault::utc;

pub use address::{AddressError, Checksums, Env, S3Address, S3Keys};
use client::Client;
pub use client::Clock;
pub use error::S3Error;
use keep::Removed;
use put::How;
use spool::Spool;

use crate::probe::Probe;

/// Names in one list: a vault of 100 TiB has three million packs.
const MAX_NAMES: usize = 10_000_000;
/// Pages in one list, which may be empty.
const MAX_PAGES: usize = 100_000;

/// What a store is opened with beside its address and keys.
#[derive(Clone)]
pub struct Options {
    /// A folder for objects on their way.
    pub spool: PathBuf,
    /// How long each object is locked at once when it is put.
    pub initial_lock: Option<Duration>,
    pub clock: Clock,
}

impl Options {
    /// No lock at first, and the system's clock.
    pub fn new(spool: PathBuf) -> Self {
        Self { spool, initial_lock: None, clock: Arc::new(SystemTime::now) }
    }
}

pub struct S3Store {
    client: Arc<Client>,
    spool: PathBuf,
}

impl S3Store {
    /// Opens a store. Nothing is sent yet; [`Self::reach`] tells whether it is there.
    pub fn open(address: S3Address, keys: &S3Keys, options: &Options) -> Result<Self, S3Error> {
        let client = Arc::new(Client::new(address, keys, options)?);
        Ok(Self { client, spool: options.spool.clone() })
    }

    pub fn address(&self) -> &S3Address {
        &self.client.address
    }

    /// Asks for the beginning of a list, so that a bucket that is not there, or keys that do not
    /// fit, are found before the work begins.
    pub fn reach(&self) -> Result<(), S3Error> {
        self.client.wait(read::page(self.client.clone(), None, None)).map(drop)
    }

    /// Tries to break what the store promises, and says what held. Leaves a few small objects below
    /// `site/probe/`, some of them locked for minutes.
    pub fn probe(&self) -> Result<Probe, S3Error> {
        self.client.wait(probe::run(self.client.clone()))
    }

    fn about(&self, error: S3Error, name: &ObjectName, action: &str) -> StoreError {
        error.about(&self.client.address.to_string(), name, action)
    }
}

impl Store for S3Store {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        Ok(Box::new(Staging { client: self.client.clone(), spool: Some(Spool::new(&self.spool)) }))
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        let (client, key) = (self.client.clone(), self.client.key(name));
        let size = self.client.wait(async move { read::size(&client, &key).await });
        size.map_err(|error| self.about(error, name, "look for"))
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let end = offset.checked_add(len as u64);
        let outside = |size, end| StoreError::OutOfRange { name: name.clone(), size, offset, end };
        let Some(end) = end else {
            return Err(outside(self.size(name)?, u64::MAX));
        };
        if len == 0 {
            let size = self.size(name)?;
            return if end <= size { Ok(()) } else { Err(outside(size, end)) };
        }
        let (client, key) = (self.client.clone(), self.client.key(name));
        match self.client.wait(async move { read::range(&client, &key, offset, len).await }) {
            Ok(bytes) => {
                out.extend_from_slice(&bytes);
                Ok(())
            }
            Err(S3Error::OutOfRange { size }) => Err(outside(size, end)),
            Err(error) => Err(self.about(error, name, "read")),
        }
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        let fail = |error| match self.about(error, prefix, "list") {
            // A folder is no object, and none that is not there is an error.
            StoreError::NotFound { .. } => StoreError::Io {
                action: format!("list {prefix}"),
                source: io::Error::other(format!("{} has no list of it", self.client.address.host())),
            },
            error => error,
        };
        let mut token = None;
        let mut names = 0;
        for _ in 0..MAX_PAGES {
            let page = self.client.wait(read::page(self.client.clone(), Some(prefix.clone()), token)).map_err(fail)?;
            names += page.names.len();
            if names > MAX_NAMES {
                break;
            }
            page.names.into_iter().for_each(&mut *each);
            token = page.next;
            if token.is_none() {
                return Ok(());
            }
        }
        Err(fail(self.client.strange(&"a list without end")))
    }
}

impl Locks for S3Store {
    fn lock_until(&self, name: &ObjectName, until_unix_seconds: i64) -> Result<(), StoreError> {
        let work = lock::extend(self.client.clone(), self.client.key(name), until_unix_seconds);
        self.client.wait(work).map_err(|error| {
            let until = utc::rfc3339(until_unix_seconds);
            self.about(error, name, &format!("lock until {until}"))
        })
    }

    fn locked_until(&self, name: &ObjectName) -> Result<Option<i64>, StoreError> {
        let (client, key) = (self.client.clone(), self.client.key(name));
        let until = self.client.wait(async move { lock::until(&client, &key, None).await });
        until.map_err(|error| self.about(error, name, "look up the lock of"))
    }
}

impl Keeps for S3Store {
    fn remove(&self, name: &ObjectName) -> Result<(), StoreError> {
        let removed = self.client.wait(keep::remove(self.client.clone(), self.client.key(name)));
        match removed.map_err(|error| self.about(error, name, "remove"))? {
            Removed::All => Ok(()),
            Removed::LockedUntil(until) => Err(StoreError::Locked { name: name.clone(), until_unix_seconds: until }),
        }
    }

    fn heal(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), StoreError> {
        let mut spool = Spool::new(&self.spool);
        spool.write_all(bytes).map_err(|source| StoreError::from_write(name, source))?;
        let healed = self.client.wait(keep::heal(self.client.clone(), self.client.key(name), spool.done()));
        healed.map_err(|error| self.about(error, name, "heal"))
    }
}

/// An object being written; `spool` is gone once a write has failed.
struct Staging {
    client: Arc<Client>,
    spool: Option<Spool>,
}

impl Write for Staging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(spool) = &mut self.spool else {
            return Err(io::Error::other("an earlier write to this object failed"));
        };
        let written = spool.write(bytes);
        if written.is_err() {
            self.spool = None;
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staged for Staging {
    fn commit(mut self: Box<Self>, name: &ObjectName) -> Result<(), StoreError> {
        let Some(spool) = self.spool.take() else {
            let source = io::Error::other("a write to it failed");
            return Err(StoreError::Io { action: format!("put object {name}"), source });
        };
        let work = put::put(self.client.clone(), self.client.key(name), spool.done(), How::New);
        let done = self.client.wait(work);
        done.map_err(|error| error.about(&self.client.address.to_string(), name, "put"))
    }
}
