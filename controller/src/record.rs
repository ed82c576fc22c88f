//! What the site writes down: its ledger, and the catalog that follows it. Nothing is in the
//! catalog that was not durable in the ledger before.

use std::path::Path;
use std::sync::Arc;

use pulih_ledger::canonical;
use pulih_ledger::entry::{ActError, Body, Entry, EntryError, ReadEntry, View};
use pulih_ledger::ids::SiteId;
use pulih_ledger::receipt::Receipt;
use pulih_ledger::roster::Roster;
use pulih_ledger::time::Time;
use pulih_ledger::{Actor, Ledger, LedgerError};
use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::Store;
use pulih_vault::utc;

use crate::catalog::{Catalog, CatalogError};
use crate::site::{SiteDir, SiteError, SiteFile};

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
    #[error(
        "the catalog follows {catalog} entries and the ledger has {ledger}: the store is older than it was. Bring its \
         newest copy back; if this is the newest there is, `pulih-controller rebuild` makes the catalog from it"
    )]
    Ahead { catalog: u64, ledger: u64 },
}

pub struct Record {
    ledger: Ledger,
    site: SiteId,
    /// Whose key is whose.
    roster: Roster,
    pub catalog: Catalog,
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
        let key = SigningKey::generate(&format!("pulih-ledger/{id}"), &ring::rand::SystemRandom::new())?;
        dir.write("ledger.key", &key.to_secret_text())?;
        let bodies = bodies(&key);
        let ledger = Ledger::create(store, &id, key)?;
        let catalog = Catalog::open(&dir.path("catalog.sqlite"))?;
        let mut record = Self { ledger, site: id, roster: Roster::default(), catalog };
        record.write(now, &Actor::Site, bodies)?;
        record.checkpoint()
    }

    /// Opens a site's ledger, and has the catalog follow what it has not seen of it.
    pub fn open(dir: &SiteDir, site: &SiteFile, store: Arc<dyn Store>) -> Result<Self, RecordError> {
        let key = SigningKey::from_secret_text(dir.read("ledger.key")?.trim())?;
        let id = site.id()?;
        let ledger = Ledger::open(store, &id, key)?;
        let catalog = Catalog::open(&dir.path("catalog.sqlite"))?;
        let mut record = Self { ledger, site: id, roster: Roster::default(), catalog };
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
        for recorded in self.ledger.log().entries(self.catalog.next_entry()?) {
            let recorded = recorded?;
            let entry = recorded.read()?;
            let body = match &entry.view {
                View::Known(body) => Some(&**body),
                // A newer version's: it means nothing to this one's catalog.
                View::Unknown => None,
                View::Misread { why, .. } => return Err(why.clone().into()),
            };
            self.catalog.follow(recorded.index, Some((&entry.at, &entry.actor, body)))?;
            if let Some(Body::UserAdded(_)) = body {
                self.roster.follow(&entry)?;
            }
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
        let appended = self.ledger.append(entries);
        // Whatever came of it, the catalog gets what the ledger has: an append that failed may have
        // arrived all the same, and one that went before may have been noticed only now.
        self.catch_up()?;
        appended?;
        Ok(())
    }

    /// Signs a checkpoint, if there is news.
    pub fn checkpoint(&mut self) -> Result<(), RecordError> {
        self.ledger.checkpoint()?;
        Ok(())
    }

    /// The key that signs the ledger.
    pub fn key(&self) -> &VerifierKey {
        self.ledger.log().key()
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

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
