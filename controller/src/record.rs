//! What the site writes down: its ledger, and the catalog that follows it. Nothing is in the
//! catalog that was not durable in the ledger before.

use std::path::Path;
use std::sync::Arc;

use pulih_ledger::canonical;
use pulih_ledger::chain::KeyChain;
use pulih_ledger::cosign::Cosigned;
use pulih_ledger::entry::{ActError, Body, Entry, EntryError, ReadEntry, View};
use pulih_ledger::ids::{SiteId, UserId};
use pulih_ledger::memory::{AddError, Memory};
use pulih_ledger::receipt::Receipt;
use pulih_ledger::roster::Roster;
use pulih_ledger::time::Time;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_ledger::{Actor, Ledger, LedgerError, Log, Recorded};
use pulih_vault::error::Malformed;
use pulih_vault::hand_over::HandOver;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::Store;
use pulih_vault::utc;

use crate::catalog::{Catalog, CatalogError};
use crate::portions::{MOST_ENTRIES, portions};
use crate::site::{SiteDir, SiteError, SiteFile};
use crate::uji;

mod behind;

pub use behind::Behind;

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("the ledger's key, or what is to be written into it, is not good: {0}")]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error("nothing is written into the ledger: {0}")]
    Behind(String),
    #[error("the ledger of {site} is not opened to write: {why}")]
    Uji { site: SiteId, why: &'static str },
    #[error(
        "the catalog follows {catalog} entries and the ledger has {ledger}: the store is older than it was. Bring its \
         newest copy back; if this is the newest there is, `pulih-controller rebuild` makes the catalog from it"
    )]
    Ahead { catalog: u64, ledger: u64 },
}

/// The file of the key that signs the ledger, and of the one that is to.
const KEY: &str = "ledger.key";
const NEXT_KEY: &str = "ledger.key.next";

pub struct Record {
    ledger: Ledger,
    dir: SiteDir,
    site: SiteId,
    /// Whose key is whose.
    roster: Roster,
    pub catalog: Catalog,
    /// Why nothing more is appended until a person has looked.
    behind: Option<String>,
}

/// `2026-11-22T01:23:45Z` of seconds since 1970.
pub fn time(seconds: i64) -> Result<Time, Malformed> {
    utc::rfc3339(seconds).parse()
}

impl Record {
    /// Begins the ledger of a new site with `bodies`; its key goes into the site's folder first.
    pub fn make(
        dir: &SiteDir,
        site: &SiteFile,
        store: Arc<dyn Store>,
        now: i64,
        bodies: impl FnOnce(&SigningKey) -> Vec<Body>,
    ) -> Result<(), RecordError> {
        let id = site.id()?;
        let key = SigningKey::generate(&uji::origin(&id), &ring::rand::SystemRandom::new())?;
        dir.write(KEY, &key.to_secret_text())?;
        let bodies = bodies(&key);
        let ledger = Ledger::create(store, &id, key)?;
        let catalog = Catalog::open(&dir.path("catalog.sqlite"))?;
        let mut record = Self { ledger, dir: dir.clone(), site: id, roster: Roster::default(), catalog, behind: None };
        record.write(now, &Actor::Site, bodies)?;
        record.checkpoint()
    }

    /// Opens a site's ledger, and has the catalog follow what it has not seen of it.
    pub fn open(dir: &SiteDir, site: &SiteFile, store: Arc<dyn Store>) -> Result<Self, RecordError> {
        let key = SigningKey::from_secret_text(dir.read(KEY)?.trim())?;
        let id = site.id()?;
        if let Some(why) = uji::refusal(key.verifier().name()) {
            return Err(RecordError::Uji { site: id, why });
        }
        let ledger = Ledger::open_with_next(store, &id, key, next_key(dir)?)?;
        let catalog = Catalog::open(&dir.path("catalog.sqlite"))?;
        let behind = behind::standing(dir, ledger.log())?;
        let mut record = Self { ledger, dir: dir.clone(), site: id, roster: Roster::default(), catalog, behind };
        record.settle_key()?;
        let (size, next) = (record.size(), record.catalog.next_entry()?);
        if next > size {
            return Err(RecordError::Ahead { catalog: next, ledger: size });
        }
        for index in record.catalog.user_entries()? {
            let entry = record.ledger.log().get(index)?.read()?;
            record.roster.follow(&entry)?;
        }
        record.catch_up()?;
        Ok(record)
    }

    /// Forgets the catalog, which is made again from the ledger when it is opened.
    pub fn forget_catalog(dir: &SiteDir) -> std::io::Result<()> {
        // Also those of the ledgers that it mirrors.
        for entry in std::fs::read_dir(dir.root())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if [".sqlite", ".sqlite-wal", ".sqlite-shm"].iter().any(|end| name.ends_with(end)) {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    fn catch_up(&mut self) -> Result<(), RecordError> {
        for portion in portions(self.ledger.log(), self.catalog.next_entry()?) {
            let portion = portion?;
            let (mut entries, mut failed) = (Vec::new(), None);
            for recorded in &portion {
                match understood(recorded) {
                    Ok(entry) => entries.push(entry),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            // What comes before one that cannot be read is known all the same.
            self.catalog
                .follow_all(portion[0].index, entries.iter().map(|its| Some((&its.at, &its.actor, its.body()))))?;
            for entry in entries.iter().filter(|its| matches!(its.body(), Some(Body::UserAdded(_)))) {
                self.roster.follow(entry)?;
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// The catalog follows what was appended at `start` just now, without reading it again. A user that was
    /// added is held against the roster, and goes by way of the ledger.
    fn follow_appended(&mut self, start: u64, entries: &[Entry]) -> Result<(), RecordError> {
        debug_assert!(entries.iter().all(is_read_back), "an entry is read otherwise than it was written");
        for (start, portion) in (start..).step_by(MOST_ENTRIES).zip(entries.chunks(MOST_ENTRIES)) {
            let followed = portion.iter().map(|its| Some((&its.at, &its.actor, Some(&its.body))));
            self.catalog.follow_all(start, followed)?;
        }
        Ok(())
    }

    /// Writes entries: into the ledger, durably, and then the catalog follows.
    pub fn write(&mut self, now: i64, actor: &Actor, bodies: Vec<Body>) -> Result<(), RecordError> {
        let at = time(now)?;
        let entry = |body| Entry::new(self.site.clone(), at.clone(), actor.clone(), body);
        self.append(&bodies.into_iter().map(entry).collect::<Vec<_>>())
    }

    /// Whether a person did what the entry says: signed with a key that the ledger gave that
    /// person. What was signed is all that will be written.
    pub fn verify(&self, entry: &ReadEntry) -> Result<Entry, RecordError> {
        self.roster.verify(entry)?;
        let View::Known(body) = &entry.view else {
            return Err(Malformed::new("act", "it is of a kind that this version does not know").into());
        };
        let act = entry.raw.get("act").and_then(|act| act.as_str()).map(str::to_owned);
        let (site, at, actor) = (entry.site.clone(), entry.at.clone(), entry.actor.clone());
        let same = Entry { site, at, actor, body: (**body).clone(), act };
        if same.encode(&self.site)? != canonical::encode(&entry.raw)? {
            return Err(Malformed::new("act", "it has fields that this version does not know").into());
        }
        Ok(same)
    }

    /// Writes what [`Self::verify`] gave.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), RecordError> {
        self.must_not_be_behind()?;
        self.append_at_any_rate(entries)
    }

    fn must_not_be_behind(&self) -> Result<(), RecordError> {
        self.behind.as_ref().map_or(Ok(()), |why| Err(RecordError::Behind(why.clone())))
    }

    fn append_at_any_rate(&mut self, entries: &[Entry]) -> Result<(), RecordError> {
        let appended = self.ledger.append(entries);
        let next = self.catalog.next_entry()?;
        let adds_user = entries.iter().any(|entry| matches!(entry.body, Body::UserAdded(_)));
        match appended {
            Ok(its) if its.start == next && its.end - next == entries.len() as u64 && !adds_user => {
                self.follow_appended(next, entries)
            }
            // Whatever came of it, the catalog gets what the ledger has: an append that failed may have
            // arrived all the same, and one that went before may have been noticed only now.
            appended => {
                self.catch_up()?;
                appended?;
                Ok(())
            }
        }
    }

    /// The key that this ledger could be handed over to, and its own line for that; made if there is none yet.
    pub fn propose_key(&self) -> Result<(HandOver, String), RecordError> {
        let new = if let Some(new) = next_key(&self.dir)? {
            new
        } else {
            let new = SigningKey::generate(self.key().name(), &ring::rand::SystemRandom::new())?;
            self.dir.write(NEXT_KEY, &new.to_secret_text())?;
            new
        };
        let its = HandOver { old: self.key().clone(), new: new.verifier() };
        let possession = its.possession(&new);
        Ok((its, possession))
    }

    /// The key that this ledger could be handed over to, if one was made.
    pub fn next_key(&self) -> Result<Option<VerifierKey>, RecordError> {
        Ok(next_key(&self.dir)?.map(|key| key.verifier()))
    }

    /// What this site's ledger key says of two keys.
    pub fn state(&self, its: &HandOver) -> String {
        self.ledger.state(its)
    }

    /// Hands the ledger over to the key that was made for it, as an entry says; the old secret is gone afterwards.
    pub fn rotate(&mut self, entry: &Entry) -> Result<(), RecordError> {
        self.must_not_be_behind()?;
        let next = next_key(&self.dir)?.ok_or_else(|| Malformed::new("key", "no other key was made here"))?;
        let rotated = self.ledger.rotate(entry, next);
        // Whatever came of it.
        self.settle_key()?;
        self.catch_up()?;
        Ok(rotated?)
    }

    /// Where the ledger was handed over, the new key's file takes the place of the old one's.
    fn settle_key(&self) -> Result<(), RecordError> {
        let is_over = self.next_key()?.is_some_and(|key| key == *self.key()) && self.ledger.signs_with(self.key());
        if is_over { Ok(self.dir.replace(KEY, NEXT_KEY)?) } else { Ok(()) }
    }

    /// Signs a checkpoint, if there is news.
    pub fn checkpoint(&mut self) -> Result<(), RecordError> {
        self.must_not_be_behind()?;
        self.ledger.checkpoint()?;
        Ok(())
    }

    /// The key that signs the ledger.
    pub fn key(&self) -> &VerifierKey {
        self.ledger.log().key()
    }

    /// The ledger as it is read.
    pub fn log(&self) -> &Log {
        self.ledger.log()
    }

    /// Co-signs another site's checkpoint, if it goes on from all that was co-signed before.
    pub fn cosign(
        &self,
        request: &AddCheckpoint,
        other: &KeyChain,
        time: u64,
        memory: &mut dyn Memory,
    ) -> Result<Cosigned, AddError> {
        self.ledger.cosign(request, other, time, memory)
    }

    /// The keys that the ledger gave a user, the first one first.
    pub fn keys_of(&self, user: &UserId) -> &[VerifierKey] {
        self.roster.keys(user)
    }

    /// All keys that signed it, one after the other.
    pub fn keys(&self) -> Result<KeyChain, RecordError> {
        Ok(self.ledger.log().keys_from_first()?)
    }

    /// A signed head of all there is.
    pub fn head(&self, at: Time) -> String {
        self.ledger.head(at)
    }

    /// Something that the site says now, signed by the ledger's key.
    pub fn sign_statement(&self, statement: &impl serde::Serialize) -> serde_json::Result<String> {
        self.ledger.sign_statement(statement)
    }

    /// Signs what was put on a further copy.
    pub fn receipt(&self, receipt: &Receipt) -> Result<String, RecordError> {
        Ok(self.ledger.receipt(receipt)?)
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.ledger.log().size()
    }
}

fn next_key(dir: &SiteDir) -> Result<Option<SigningKey>, RecordError> {
    if !dir.path(NEXT_KEY).exists() {
        return Ok(None);
    }
    Ok(Some(SigningKey::from_secret_text(dir.read(NEXT_KEY)?.trim())?))
}

/// An entry of this site's own ledger: one of a newer version means nothing to this one's catalog, and one that
/// cannot be read is an error.
fn understood(recorded: &Recorded) -> Result<ReadEntry, Malformed> {
    let entry = recorded.read()?;
    match &entry.view {
        View::Misread { why, .. } => Err(why.clone()),
        View::Known(_) | View::Unknown => Ok(entry),
    }
}

/// Whether an entry says the same when it is read from the ledger.
fn is_read_back(entry: &Entry) -> bool {
    let read = entry.encode(&entry.site).ok().and_then(|bytes| ReadEntry::parse(&bytes).ok());
    read.is_some_and(|its| its.at == entry.at && its.actor == entry.actor && its.body() == Some(&entry.body))
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
