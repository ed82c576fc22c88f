//! Plans, disasters, recoveries and their steps, and keys that were opened for them.

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::Phases;
use pulih_ledger::ids::{AgentId, DisasterId};
use rusqlite::{Row, Transaction, params};

use super::follow::seconds;
use super::{Catalog, Result};

pub const TABLES: &str = "
    -- The night of the disaster. What follows from the ledger.
    CREATE TABLE disaster (
        id TEXT PRIMARY KEY, reason TEXT NOT NULL, declared INTEGER NOT NULL, number INTEGER NOT NULL, ended INTEGER
    ) STRICT;
    CREATE TABLE plan (
        name TEXT NOT NULL, version INTEGER NOT NULL, object TEXT NOT NULL, applied INTEGER NOT NULL,
        PRIMARY KEY (name, version)
    ) STRICT;
    CREATE TABLE recovery (
        id TEXT PRIMARY KEY, disaster TEXT, plan TEXT, target TEXT NOT NULL, reason TEXT, began INTEGER NOT NULL,
        number INTEGER NOT NULL, points TEXT NOT NULL, ended INTEGER, outcome TEXT, milliseconds INTEGER
    ) STRICT;
    CREATE TABLE recovery_step (
        recovery TEXT NOT NULL, step INTEGER NOT NULL, what TEXT NOT NULL, vault TEXT, dataset TEXT, name TEXT,
        outcome TEXT NOT NULL, began TEXT NOT NULL, milliseconds INTEGER NOT NULL, files INTEGER NOT NULL,
        bytes INTEGER NOT NULL, text TEXT NOT NULL, approve INTEGER, fetch INTEGER, write INTEGER, verify INTEGER,
        PRIMARY KEY (recovery, step)
    ) STRICT;
    CREATE TABLE glass (what TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE opened (class TEXT NOT NULL, people TEXT NOT NULL, until INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
";

/// Onto another server than this site's host.
pub const SERVERS: &str = "
    ALTER TABLE recovery ADD COLUMN server TEXT;
    ALTER TABLE recovery_step ADD COLUMN server TEXT;
";

/// A disaster that was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disaster {
    pub id: String,
    pub reason: String,
    /// Its clock runs from here, seconds since 1970.
    pub declared: i64,
    pub ended: Option<i64>,
}

fn disaster(row: &Row) -> rusqlite::Result<Disaster> {
    Ok(Disaster { id: row.get(0)?, reason: row.get(1)?, declared: row.get(2)?, ended: row.get(3)? })
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, index: u64, at: i64, body: &Body) -> rusqlite::Result<bool> {
    match body {
        Body::DisasterDeclared(its) => {
            let sql = "INSERT OR IGNORE INTO disaster (id, reason, declared, number) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![its.disaster.as_str(), its.reason, at, index as i64])
        }
        Body::DisasterEnded(its) => {
            let sql = "UPDATE disaster SET ended = ?2 WHERE id = ?1 AND ended IS NULL";
            db.execute(sql, params![its.disaster.as_str(), at])
        }
        Body::PlanApplied(its) => {
            let sql = "INSERT OR IGNORE INTO plan (name, version, object, applied) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![its.plan, its.version as i64, its.object.to_string(), at])
        }
        Body::KeysOpened(its) => {
            let sql = "INSERT INTO opened (class, people, until, at) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![its.class, its.people.join(" "), seconds(&its.until), at])
        }
        Body::GlassBroken(its) => db.execute("INSERT INTO glass (what, at) VALUES (?1, ?2)", params![its.what, at]),
        Body::RecoveryBegun(its) => {
            let sql = "INSERT OR IGNORE INTO recovery (id, disaster, plan, target, reason, began, number, points, server) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let disaster = its.disaster.as_ref().map(DisasterId::as_str);
            let (number, points) = (index as i64, its.points.join(" "));
            let (id, plan, target) = (its.recovery.as_str(), &its.plan, &its.target);
            let server = its.server.as_ref().map(AgentId::as_str);
            db.execute(sql, params![id, disaster, plan, target, its.reason, at, number, points, server])
        }
        Body::RecoveryStep(its) => {
            let sql = "INSERT OR IGNORE INTO recovery_step \
                       (recovery, step, what, vault, dataset, name, outcome, began, milliseconds, files, bytes, text, \
                       approve, fetch, write, verify, server) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
            let phase = |of: fn(&Phases) -> u64| its.phases.as_ref().map(|phases| of(phases) as i64);
            let values = params![
                its.recovery.as_str(),
                its.step as i64,
                its.what,
                its.vault.map(|vault| vault.to_string()),
                its.dataset.as_ref().map(ToString::to_string),
                its.manifest.map(|name| name.to_string()),
                its.outcome,
                its.began.as_str(),
                its.milliseconds as i64,
                its.files as i64,
                its.bytes as i64,
                its.text,
                phase(|its| its.approve),
                phase(|its| its.fetch),
                // A recovery's record has four phases, as before there were six.
                phase(|its| its.write.saturating_add(its.decrypt.unwrap_or(0)).saturating_add(its.check.unwrap_or(0))),
                phase(|its| its.verify),
                its.server.as_ref().map(AgentId::as_str),
            ];
            db.execute(sql, values)
        }
        Body::RecoveryEnded(its) => {
            let sql = "UPDATE recovery SET ended = ?2, outcome = ?3, milliseconds = ?4 WHERE id = ?1 AND ended IS NULL";
            db.execute(sql, params![its.recovery.as_str(), at, its.outcome, its.milliseconds as i64])
        }
        _ => return Ok(false),
    }
    .map(|_| true)
}

impl Catalog {
    /// The disaster that is going on, if there is one: nothing expires until it ends.
    pub fn disaster(&self) -> Result<Option<Disaster>> {
        let sql = "SELECT id, reason, declared, ended FROM disaster WHERE ended IS NULL ORDER BY number DESC LIMIT 1";
        self.one(sql, [], disaster)
    }

    pub fn disaster_of(&self, id: &str) -> Result<Option<Disaster>> {
        self.one("SELECT id, reason, declared, ended FROM disaster WHERE id = ?1", [id], disaster)
    }
}
