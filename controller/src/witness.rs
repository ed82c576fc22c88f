//! A witness: a machine of its own, without a line, that co-signs what goes on from all that it co-signed before. Its
//! folder has its key, whom it watches, and of each log the checkpoint that it co-signed last.

use std::path::Path;

use pulih_ledger::chain::KeyChain;
use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::ids::SiteId;
use pulih_ledger::memory::{AddError, Memory, MemoryError, add_checkpoint, open_for};
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, VerifierKey};
use ring::rand::SystemRandom;

use crate::site::{SiteDir, SiteError};
use crate::stick::{self, Kind};

const KEY: &str = "witness.key";
const TRUSTED: &str = "trusted";
const LOGS: &str = "logs";
const REFUSED: &str = "refused";

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error("the stick cannot be read or written: {0}")]
    Stick(#[from] std::io::Error),
    #[error("there is a witness in this folder already; another one needs another --state")]
    Exists,
    #[error(
        "{site} is watched by another key already; if the site changed its key, and the new one was compared with what stands on paper, say so with --next"
    )]
    OtherKey { site: SiteId },
    #[error("a ledger of {site} has a key of the name {expected}, and this one is of {found}")]
    Name { site: SiteId, expected: String, found: String },
}

/// What came of one site's requests.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its size; also if it had been co-signed before.
    Signed(u64),
    /// It does not go on from what was co-signed: the request is kept.
    Refused { size: u64, why: String },
    /// Nothing on the stick goes on from this size.
    AskFrom(u64),
    /// Nothing on the stick is a request, or the site is not watched.
    Unknown(String),
}

pub struct Witness {
    dir: SiteDir,
    key: SigningKey,
}

/// What a log's checkpoint that was co-signed last is, in a file that is replaced whole.
struct FileMemory<'k> {
    logs: SiteDir,
    name: String,
    log: &'k KeyChain,
}

fn kept(error: SiteError) -> MemoryError {
    MemoryError::File { action: "keep", path: "what was co-signed".into(), source: std::io::Error::other(error) }
}

impl Memory for FileMemory<'_> {
    fn newest(&self) -> Result<Option<Cosigned>, MemoryError> {
        if !self.logs.path(&self.name).exists() {
            return Ok(None);
        }
        let note = self.logs.read(&self.name).map_err(kept)?;
        let at = self.logs.path(&self.name).display().to_string();
        Cosigned::open(note.as_bytes(), self.log).map(Some).map_err(|why| MemoryError::Distrust { at, why })
    }

    fn keep(&mut self, note: &Cosigned) -> Result<Cosigned, MemoryError> {
        self.logs.write(&self.name, &note.to_note()).map_err(kept)?;
        Ok(note.clone())
    }
}

impl Witness {
    /// Makes a witness's key in a folder of its own.
    pub fn init(dir: &SiteDir, name: &str) -> Result<Self, WitnessError> {
        if dir.path(KEY).exists() {
            return Err(WitnessError::Exists);
        }
        let key = SigningKey::generate(name, &SystemRandom::new())?;
        dir.folder("")?;
        for folder in [TRUSTED, LOGS, REFUSED] {
            dir.folder(folder)?;
        }
        dir.write(KEY, &key.to_secret_text())?;
        Ok(Self { dir: dir.clone(), key })
    }

    pub fn open(dir: &SiteDir) -> Result<Self, WitnessError> {
        let key = SigningKey::from_secret_text(dir.read(KEY)?.trim())?;
        Ok(Self { dir: dir.clone(), key })
    }

    pub fn key(&self) -> CosignerKey {
        CosignerKey::of(self.key.verifier())
    }

    fn folder(&self, name: &str) -> SiteDir {
        SiteDir::at(self.dir.path(name))
    }

    /// From here on a site is watched. The key is compared with what stands on paper, by a person. `is_next`: the site
    /// has it after those that it is watched by, which what was co-signed so far is signed with.
    pub fn trust(&self, site: &SiteId, key: &VerifierKey, is_next: bool) -> Result<(), WitnessError> {
        let expected = format!("pulih-ledger/{site}");
        if key.name() != expected {
            return Err(WitnessError::Name { site: site.clone(), expected, found: key.name().to_owned() });
        }
        let known = self.keys_of(site)?;
        let mut keys: Vec<_> = known.iter().flat_map(KeyChain::keys).cloned().collect();
        if keys.contains(key) {
            return Ok(());
        }
        if !keys.is_empty() && !is_next {
            return Err(WitnessError::OtherKey { site: site.clone() });
        }
        keys.push(key.clone());
        let lines: String = keys.iter().flat_map(|key| [key.to_string(), "\n".into()]).collect();
        Ok(self.folder(TRUSTED).write(site.as_str(), &lines)?)
    }

    fn keys_of(&self, site: &SiteId) -> Result<Option<KeyChain>, WitnessError> {
        let trusted = self.folder(TRUSTED);
        if !trusted.path(site.as_str()).exists() {
            return Ok(None);
        }
        let text = trusted.read(site.as_str())?;
        let keys = text.lines().map(str::parse).collect::<Result<Vec<VerifierKey>, _>>()?;
        // Where one took over the witness cannot see: what goes on from all that it co-signed is enough.
        Ok(Some(KeyChain::any_of(keys)?))
    }

    fn memory<'k>(&self, log: &'k KeyChain) -> FileMemory<'k> {
        FileMemory { logs: self.folder(LOGS), name: format!("{}.note", log.origin().replace('/', "_")), log }
    }

    /// Those that are watched, with the size that was co-signed last.
    pub fn watched(&self) -> Result<Vec<(SiteId, VerifierKey, Option<u64>)>, WitnessError> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.dir.path(TRUSTED))? {
            let site: Option<SiteId> = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(site) = site else { continue };
            let Some(log) = self.keys_of(&site)? else { continue };
            let size = self.memory(&log).newest()?.map(|note| note.checkpoint().size);
            all.push((site, log.newest().clone(), size));
        }
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(all)
    }

    /// Co-signs what is on the stick and goes on from what was co-signed before. The state is written and synced
    /// before the stick.
    pub fn sign(&self, stick: &Path, now: u64) -> Result<Vec<(SiteId, Outcome)>, WitnessError> {
        let mut all = Vec::new();
        for site in stick::sites(stick)? {
            let outcome = match self.keys_of(&site)? {
                Some(log) => self.sign_one(stick, &site, &log, now)?,
                None => Outcome::Unknown("it is not watched here; `witness trust` says whose key is believed".into()),
            };
            all.push((site, outcome));
        }
        Ok(all)
    }

    fn sign_one(&self, stick: &Path, site: &SiteId, log: &KeyChain, now: u64) -> Result<Outcome, WitnessError> {
        let mut memory = self.memory(log);
        let last = memory.newest()?;
        let from = last.as_ref().map_or(0, |note| note.checkpoint().size);
        let mut behind = None;
        let requests = stick::read(stick, site, Kind::Request)?;
        if requests.is_empty() {
            return Ok(Outcome::Unknown("there is no request of it on the stick".into()));
        }
        // The one that goes on from what is known comes first.
        let mut parsed: Vec<_> =
            requests.iter().filter_map(|(_, bytes)| Some((bytes, AddCheckpoint::parse(bytes).ok()?))).collect();
        parsed.sort_by_key(|(_, request)| request.old != from);
        for (bytes, request) in parsed {
            let Ok(note) = open_for(request.checkpoint.as_bytes(), log) else { continue };
            let its = note.checkpoint();
            let kept = last.as_ref().filter(|last| last.checkpoint() == its);
            if let Some(kept) = kept {
                // Said again: the file may have been lost after the state was written.
                return Self::give(stick, site, kept);
            }
            if its.size <= from && from > 0 {
                let why = if its.size == from {
                    AddError::Fork { size: from }.to_string()
                } else {
                    format!(
                        "it has {} entries, and {from} were co-signed: an old stick, or it was rolled back",
                        its.size
                    )
                };
                behind = Some((bytes, its.size, why));
                continue;
            }
            if request.old != from {
                continue;
            }
            match add_checkpoint(&request, log, &self.key, now, &mut memory) {
                Ok(note) => return Self::give(stick, site, &note),
                Err(AddError::Memory(error)) => return Err(error.into()),
                Err(error) => return self.refuse(site, bytes, its.size, error.to_string()),
            }
        }
        match behind {
            Some((bytes, size, why)) => self.refuse(site, bytes, size, why),
            None => Ok(Outcome::AskFrom(from)),
        }
    }

    fn give(stick: &Path, site: &SiteId, note: &Cosigned) -> Result<Outcome, WitnessError> {
        let size = note.checkpoint().size;
        stick::write(stick, site, Kind::Cosigned, size, note.to_note().as_bytes())?;
        Ok(Outcome::Signed(size))
    }

    /// What was signed by the site's key and does not go on is the proof.
    fn refuse(&self, site: &SiteId, request: &[u8], size: u64, why: String) -> Result<Outcome, WitnessError> {
        let name = format!("{site}-{}.request", &blake3::hash(request).to_hex()[..16]);
        self.folder(REFUSED).write(&name, &String::from_utf8_lossy(request))?;
        Ok(Outcome::Refused { size, why })
    }
}
