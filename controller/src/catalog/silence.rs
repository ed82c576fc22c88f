//! What is silent, fails or is away now, as the ledger says; and this process's own signs of life.

use std::collections::BTreeMap;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::SnapshotAccepted;
use rusqlite::{Transaction, params};

use super::follow::seconds;
use super::{Catalog, Result};

pub const TABLES: &str = "
    -- What is silent. What follows from the ledger.
    CREATE TABLE silence (
        what TEXT NOT NULL, subject TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (what, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE agent_clock (agent TEXT PRIMARY KEY, seconds INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;

    -- What is known here alone: when the site was served last.
    CREATE TABLE alive (at INTEGER NOT NULL) STRICT;
";

/// What can be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    Agent,
    Link,
    /// A dataset's runs; the subject is `AGENT/DATASET`.
    Backup,
}

impl Silence {
    fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Link => "link",
            Self::Backup => "backup",
        }
    }
}

/// By how much an agent's clock was off, and when that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentClock {
    pub seconds: i64,
    pub at: i64,
}

fn begin(db: &Transaction, what: Silence, subject: &str, since: i64) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO silence (what, subject, since) VALUES (?1, ?2, ?3)";
    db.execute(sql, params![what.as_str(), subject, since]).map(|_| ())
}

fn end(db: &Transaction, what: Silence, subject: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM silence WHERE what = ?1 AND subject = ?2", [what.as_str(), subject]).map(|_| ())
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, _: u64, at: i64, body: &Body) -> rusqlite::Result<bool> {
    match body {
        Body::AgentSilent(its) => begin(db, Silence::Agent, its.agent.as_str(), seconds(&its.since)),
        Body::AgentHeard(its) => end(db, Silence::Agent, its.agent.as_str()),
        Body::LinkLost(its) => begin(db, Silence::Link, its.peer.as_str(), seconds(&its.since)),
        Body::LinkBack(its) => end(db, Silence::Link, its.peer.as_str()),
        Body::BackupFailing(its) => {
            begin(db, Silence::Backup, &format!("{}/{}", its.agent, its.dataset), seconds(&its.since))
        }
        Body::AgentClock(its) => {
            let sql = "INSERT OR REPLACE INTO agent_clock (agent, seconds, at) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![its.agent.as_str(), its.seconds, at]).map(|_| ())
        }
        Body::SiteAway(_) => Ok(()),
        _ => return Ok(false),
    }
    .map(|()| true)
}

/// A point came: its dataset's runs fail no more.
pub fn succeeded(db: &Transaction, its: &SnapshotAccepted) -> rusqlite::Result<()> {
    if its.partial {
        return Ok(());
    }
    let sql = "DELETE FROM silence WHERE what = ?1 AND subject = \
               (SELECT agent FROM vault WHERE id = ?2) || '/' || ?3";
    let values = params![Silence::Backup.as_str(), its.vault.to_string(), its.dataset.to_string()];
    db.prepare_cached(sql)?.execute(values).map(|_| ())
}

impl Catalog {
    /// What is silent now, and since when.
    pub fn silences(&self, what: Silence) -> Result<BTreeMap<String, i64>> {
        let sql = "SELECT subject, since FROM silence WHERE what = ?1";
        Ok(self.all(sql, [what.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
    }

    pub fn agent_clocks(&self) -> Result<BTreeMap<String, AgentClock>> {
        let all = self.all("SELECT agent, seconds, at FROM agent_clock", [], |row| {
            Ok((row.get(0)?, AgentClock { seconds: row.get(1)?, at: row.get(2)? }))
        })?;
        Ok(all.into_iter().collect())
    }

    /// When this site was served last, as far as is known.
    pub fn alive(&self) -> Result<Option<i64>> {
        self.one("SELECT MAX(at) FROM alive", [], |row| row.get(0)).map(Option::flatten)
    }

    pub fn set_alive(&self, at: i64) -> Result<()> {
        self.together(|catalog| {
            catalog.change("DELETE FROM alive", [])?;
            catalog.change("INSERT INTO alive (at) VALUES (?1)", [at])
        })
    }
}
