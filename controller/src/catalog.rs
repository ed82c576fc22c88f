//! The catalog: what the site knows, in SQLite, to be looked up fast. A cache of the ledger: it
//! follows it entry by entry, knows how far it has come, and made anew comes out the same. Only
//! when an agent was last seen, and from which host, is known to it alone.

mod follow;
mod schema;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};

use crate::pki::CertificateHash;

/// How long one connection waits for another's transaction.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the catalog {path} fails: {source}; `pulih-controller doctor` looks into it")]
    Sqlite { path: String, source: rusqlite::Error },
    #[error("the catalog {path} follows the ledger to entry {at}, and entry {index} comes; `pulih-controller rebuild` makes it again")]
    OutOfStep { path: String, at: u64, index: u64 },
    #[error("the catalog {path} was written by a newer version ({found}, this one knows {known}); run that one")]
    Newer { path: String, found: u32, known: u32 },
}

pub struct Catalog {
    db: Connection,
    path: String,
}

type Result<T> = std::result::Result<T, CatalogError>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opd {
    pub name: String,
    pub title: String,
    /// The fingerprint of its owner key.
    pub owner: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub name: String,
    pub opd: String,
    pub host: String,
    pub enrolled: i64,
    pub revoked: Option<i64>,
    pub last_seen: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub agent: String,
    pub opd: String,
    pub expires: i64,
    pub used: bool,
}

/// A snapshot that the site accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub vault: String,
    pub dataset: String,
    pub snapshot: String,
    pub captured: String,
    pub accepted: i64,
    /// `None`: while it is one of the newest.
    pub keep_until: Option<i64>,
    /// The tiers that it took: `day month`.
    pub tiers: String,
    pub partial: bool,
}

/// What `status` shows of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub opd: String,
    pub agent: String,
    pub point: Point,
}

impl Catalog {
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let failed = |source| CatalogError::Sqlite { path: shown.clone(), source };
        let mut db = Connection::open(path).map_err(failed)?;
        db.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        // What is lost with the power is in the ledger, and is followed again.
        db.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        db.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        db.busy_timeout(BUSY).map_err(failed)?;
        let found = schema::migrate(&mut db).map_err(failed)?;
        if found > schema::VERSION {
            return Err(CatalogError::Newer { path: shown, found, known: schema::VERSION });
        }
        Ok(Self { db, path: shown })
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> CatalogError + '_ {
        |source| CatalogError::Sqlite { path: self.path.clone(), source }
    }

    fn one<T>(&self, sql: &str, values: impl Params, row: impl FnOnce(&Row) -> rusqlite::Result<T>) -> Result<Option<T>> {
        let mut statement = self.db.prepare_cached(sql).map_err(self.failed())?;
        statement.query_row(values, row).optional().map_err(self.failed())
    }

    fn all<T>(&self, sql: &str, values: impl Params, row: impl FnMut(&Row) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        let mut statement = self.db.prepare_cached(sql).map_err(self.failed())?;
        let rows = statement.query_map(values, row).map_err(self.failed())?;
        rows.collect::<rusqlite::Result<_>>().map_err(self.failed())
    }

    pub fn opd(&self, name: &str) -> Result<Option<Opd>> {
        let row = |row: &Row| Ok(Opd { name: row.get(0)?, title: row.get(1)?, owner: row.get(2)? });
        self.one("SELECT name, title, owner FROM opd WHERE name = ?1", [name], row)
    }

    pub fn invitation(&self, secret_hash: &[u8]) -> Result<Option<Invitation>> {
        let row = |row: &Row| {
            Ok(Invitation { agent: row.get(0)?, opd: row.get(1)?, expires: row.get(2)?, used: row.get(3)? })
        };
        self.one("SELECT agent, opd, expires, used FROM invitation WHERE secret_hash = ?1", [secret_hash], row)
    }

    pub fn agent(&self, name: &str) -> Result<Option<Agent>> {
        let sql = "SELECT name, opd, host, enrolled, revoked, last_seen FROM agent WHERE name = ?1";
        self.one(sql, [name], agent_row)
    }

    pub fn agents(&self) -> Result<Vec<Agent>> {
        self.all("SELECT name, opd, host, enrolled, revoked, last_seen FROM agent ORDER BY opd, name", [], agent_row)
    }

    /// The agent that a certificate was issued to, if neither is revoked or over.
    pub fn agent_of(&self, certificate: CertificateHash, now: i64) -> Result<Option<Agent>> {
        let sql = "SELECT a.name, a.opd, a.host, a.enrolled, a.revoked, a.last_seen FROM certificate c \
                   JOIN agent a ON a.name = c.agent \
                   WHERE c.hash = ?1 AND c.not_after > ?2 AND a.revoked IS NULL";
        self.one(sql, params![&certificate.0[..], now], agent_row)
    }

    pub fn seen(&self, agent: &str, now: i64) -> Result<()> {
        let sql = "UPDATE agent SET last_seen = ?2 WHERE name = ?1";
        let mut statement = self.db.prepare_cached(sql).map_err(self.failed())?;
        statement.execute(params![agent, now]).map(|_| ()).map_err(self.failed())
    }

    /// The name that an agent's server gave itself.
    pub fn set_host(&self, agent: &str, host: &str) -> Result<()> {
        let sql = "UPDATE agent SET host = ?2 WHERE name = ?1";
        self.db.execute(sql, [agent, host]).map(|_| ()).map_err(self.failed())
    }

    /// The agent that writes into a vault, and the vault's class.
    pub fn writer_of(&self, vault: &str) -> Result<Option<(String, String)>> {
        self.one("SELECT agent, class FROM vault WHERE id = ?1", [vault], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub fn vaults_of(&self, agent: &str) -> Result<Vec<String>> {
        self.all("SELECT id FROM vault WHERE agent = ?1 ORDER BY id", [agent], |row| row.get(0))
    }

    /// Every vault with the agent that writes into it.
    pub fn vaults(&self) -> Result<Vec<(String, String)>> {
        self.all("SELECT id, agent FROM vault ORDER BY id", [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub fn has_point(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
        Ok(self.one(sql, [vault, dataset, snapshot], |_| Ok(()))?.is_some())
    }

    /// When snapshots of a dataset were accepted since a time, and which tiers they took.
    pub fn tiers_since(&self, vault: &str, dataset: &str, since: i64) -> Result<Vec<(i64, String)>> {
        let sql = "SELECT accepted, tiers FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND accepted >= ?3";
        self.all(sql, params![vault, dataset, since], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The newest recovery point of every dataset: the last accepted, whatever it claims.
    pub fn standings(&self) -> Result<Vec<Standing>> {
        let sql = "SELECT a.opd, a.name, s.vault, s.dataset, s.name, s.captured, MAX(s.accepted), s.keep_until, \
                   s.tiers, s.partial FROM snapshot s JOIN vault v ON v.id = s.vault JOIN agent a ON a.name = v.agent \
                   WHERE s.partial = 0 GROUP BY s.vault, s.dataset ORDER BY a.opd, a.name, s.dataset";
        self.all(sql, [], |row| {
            let point = Point {
                vault: row.get(2)?,
                dataset: row.get(3)?,
                snapshot: row.get(4)?,
                captured: row.get(5)?,
                accepted: row.get(6)?,
                keep_until: row.get(7)?,
                tiers: row.get(8)?,
                partial: row.get(9)?,
            };
            Ok(Standing { opd: row.get(0)?, agent: row.get(1)?, point })
        })
    }
}

fn agent_row(row: &Row) -> rusqlite::Result<Agent> {
    Ok(Agent {
        name: row.get(0)?,
        opd: row.get(1)?,
        host: row.get(2)?,
        enrolled: row.get(3)?,
        revoked: row.get(4)?,
        last_seen: row.get(5)?,
    })
}
