//! One object, from there to here: hashed as it arrives, and stored under its own hash or not at all.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, StoreError};

use super::Drc;
use super::error::PullError;
use super::there::There;

const PIECE_BYTES: usize = 256 << 10;
/// Tries of one object before its snapshot waits.
const TRIES: u32 = 4;
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(250);

impl Drc {
    /// Tries what the line may keep from succeeding, with pauses that double.
    pub(super) fn patiently<T>(&self, mut once: impl FnMut() -> Result<T, PullError>) -> Result<T, PullError> {
        let mut pause = self.first_pause;
        for _ in 1..TRIES {
            self.go_on()?;
            match once() {
                Err(PullError::Line(_)) => self.pause(pause),
                done => return done,
            }
            pause *= 2;
        }
        once()
    }

    /// Brings an object of an OPD here, as fast as the policy lets it; returns how many bytes it has.
    pub(super) fn fetch(
        &self,
        peer: &dyn There,
        opd: &str,
        name: &ObjectName,
        hash: ObjectHash,
        limit: u64,
    ) -> Result<u64, PullError> {
        self.patiently(|| self.fetch_once(peer, opd, name, hash, limit))
    }

    fn fetch_once(
        &self,
        peer: &dyn There,
        opd: &str,
        name: &ObjectName,
        hash: ObjectHash,
        limit: u64,
    ) -> Result<u64, PullError> {
        let mut incoming = peer.fetch(name).map_err(|error| PullError::there(name, error))?;
        if incoming.length > limit {
            return Err(PullError::refused(
                name,
                format!("it has {} bytes; at most {limit} are taken", incoming.length),
            ));
        }
        let mut staged = self.store.stage().map_err(PullError::here)?;
        let (mut hasher, mut came, mut piece) = (blake3::Hasher::new(), 0, vec![0; PIECE_BYTES]);
        loop {
            let read = incoming.body.read(&mut piece).map_err(|error| PullError::Line(format!("{name}: {error}")))?;
            if read == 0 {
                break;
            }
            came += read as u64;
            if came > incoming.length {
                return Err(PullError::refused(name, "more bytes come than were announced"));
            }
            hasher.update(&piece[..read]);
            staged.write_all(&piece[..read]).map_err(|error| PullError::here(StoreError::from_write(name, error)))?;
            self.go_on()?;
            self.pause(self.lines.wait(&self.in_force().policy, opd, read as u64, self.now()));
        }
        // A body that breaks off is an error of the line; one that ends is all there is.
        if *hasher.finalize().as_bytes() != hash.0 {
            return Err(PullError::refused(
                name,
                format!("the {came} bytes that came do not have the hash in its name"),
            ));
        }
        match staged.commit(name) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(came),
            Err(error) => Err(PullError::here(error)),
        }
    }

    /// A small object in memory, held against its hash.
    pub(super) fn read(
        &self,
        peer: &dyn There,
        name: &ObjectName,
        hash: ObjectHash,
        limit: u64,
    ) -> Result<Vec<u8>, PullError> {
        let bytes = self.patiently(|| peer.read(name, limit).map_err(|error| PullError::there(name, error)))?;
        if ObjectHash::of(&bytes) == hash {
            return Ok(bytes);
        }
        Err(PullError::refused(name, format!("the {} bytes that came do not have the hash in its name", bytes.len())))
    }
}
