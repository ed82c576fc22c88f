//! What would weaken a DRC: proposed, approved, in force after a wait. And whether it pulls.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::ChangeProposed;
use rusqlite::{Row, Transaction, params};

use super::follow::seconds;
use super::{Catalog, Result};

pub const TABLES: &str = "
    -- What follows from the ledger.
    CREATE TABLE proposal (
        id TEXT PRIMARY KEY, change TEXT NOT NULL, object TEXT, hold TEXT, source TEXT, vault TEXT, owner TEXT,
        text TEXT NOT NULL, proposer TEXT, at INTEGER NOT NULL, approver TEXT, not_before INTEGER,
        refused INTEGER, made INTEGER
    ) STRICT;
    CREATE TABLE pulling (stopped INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
";

/// Something that would weaken this site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub id: String,
    pub change: String,
    pub object: Option<String>,
    pub hold: Option<String>,
    /// The site whose ledger asks for it, or the vault and owner key that it is about.
    pub from: Option<String>,
    pub vault: Option<String>,
    pub owner: Option<String>,
    pub text: String,
    /// The person who proposed it; `None`: this site itself.
    pub proposer: Option<String>,
    pub at: i64,
    pub approver: Option<String>,
    pub not_before: Option<i64>,
    pub refused: Option<i64>,
    pub made: Option<i64>,
}

impl Proposal {
    /// Whether nothing was decided that ends it.
    pub fn is_open(&self) -> bool {
        self.refused.is_none() && self.made.is_none()
    }
}

const PROPOSAL: &str = "id, change, object, hold, source, vault, owner, text, proposer, at, approver, not_before, \
                        refused, made";

fn proposal(row: &Row) -> rusqlite::Result<Proposal> {
    Ok(Proposal {
        id: row.get(0)?,
        change: row.get(1)?,
        object: row.get(2)?,
        hold: row.get(3)?,
        from: row.get(4)?,
        vault: row.get(5)?,
        owner: row.get(6)?,
        text: row.get(7)?,
        proposer: row.get(8)?,
        at: row.get(9)?,
        approver: row.get(10)?,
        not_before: row.get(11)?,
        refused: row.get(12)?,
        made: row.get(13)?,
    })
}

impl Catalog {
    /// All proposals, the newest first.
    pub fn proposals(&self) -> Result<Vec<Proposal>> {
        self.all(&format!("SELECT {PROPOSAL} FROM proposal ORDER BY at DESC, id"), [], proposal)
    }

    pub fn proposal(&self, id: &str) -> Result<Option<Proposal>> {
        self.one(&format!("SELECT {PROPOSAL} FROM proposal WHERE id = ?1"), [id], proposal)
    }

    /// Why nothing is pulled until a person has looked, if so.
    pub fn pulling_stopped(&self) -> Result<Option<String>> {
        self.one("SELECT reason FROM pulling ORDER BY rowid DESC LIMIT 1", [], |row| row.get(0))
    }
}

fn propose(db: &Transaction, at: i64, its: &ChangeProposed, proposer: Option<&str>) -> rusqlite::Result<usize> {
    let sql = "INSERT OR IGNORE INTO proposal (id, change, object, hold, source, vault, owner, text, proposer, at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        its.proposal.as_str(),
        its.change,
        its.object.map(|object| object.to_string()),
        its.hold.as_ref().map(ToString::to_string),
        its.from.as_ref().map(ToString::to_string),
        its.vault.map(|vault| vault.to_string()),
        its.owner.map(|owner| owner.to_string()),
        its.text,
        proposer,
        at,
    ];
    db.execute(sql, values)
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, _index: u64, at: i64, actor: &Actor, body: &Body) -> rusqlite::Result<bool> {
    let person = if let Actor::Person { user, .. } = actor { Some(user.as_str()) } else { None };
    match body {
        Body::ChangeProposed(its) => propose(db, at, its, person),
        Body::ChangeApproved(its) => {
            let sql = "UPDATE proposal SET approver = ?2, not_before = ?3 WHERE id = ?1 AND approver IS NULL \
                       AND refused IS NULL";
            db.execute(sql, params![its.proposal.as_str(), person, seconds(&its.not_before)])
        }
        Body::ChangeRefused(its) => {
            let sql = "UPDATE proposal SET refused = ?2 WHERE id = ?1 AND made IS NULL AND refused IS NULL";
            db.execute(sql, params![its.proposal.as_str(), at])
        }
        Body::ChangeMade(its) => {
            let sql = "UPDATE proposal SET made = ?2 WHERE id = ?1 AND made IS NULL";
            db.execute(sql, params![its.proposal.as_str(), at])
        }
        Body::ReplicationStopped(its) => {
            db.execute("INSERT INTO pulling (stopped, reason) VALUES (?1, ?2)", params![at, its.reason])
        }
        Body::ReplicationResumed(_) => db.execute("DELETE FROM pulling", []),
        _ => return Ok(false),
    }
    .map(|_| true)
}
