//! Who co-signs this site's ledger beside other sites, as the ledger says.

use pulih_ledger::entry::Body;
use rusqlite::{Transaction, params};

use super::{Catalog, Result};

pub const TABLES: &str = "
    -- What follows from the ledger.
    CREATE TABLE witness (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, institution TEXT NOT NULL, key TEXT NOT NULL, added INTEGER NOT NULL,
        removed INTEGER, size INTEGER, witnessed INTEGER -- the newest that it co-signed, and when that came
    ) STRICT;
";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    pub id: String,
    pub name: String,
    pub institution: String,
    pub key: String,
    pub added: i64,
    pub removed: Option<i64>,
    /// Size of the newest checkpoint that it co-signed, and when that came.
    pub size: Option<u64>,
    pub witnessed: Option<i64>,
}

impl Catalog {
    pub fn witnesses(&self) -> Result<Vec<Witness>> {
        let sql = "SELECT id, name, institution, key, added, removed, size, witnessed FROM witness ORDER BY id";
        self.all(sql, [], |row| {
            Ok(Witness {
                id: row.get(0)?,
                name: row.get(1)?,
                institution: row.get(2)?,
                key: row.get(3)?,
                added: row.get(4)?,
                removed: row.get(5)?,
                size: row.get::<_, Option<i64>>(6)?.map(|size| size as u64),
                witnessed: row.get(7)?,
            })
        })
    }
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, _index: u64, at: i64, body: &Body) -> rusqlite::Result<bool> {
    match body {
        Body::WitnessAdded(its) => {
            let sql = "INSERT OR IGNORE INTO witness (id, name, institution, key, added) VALUES (?1, ?2, ?3, ?4, ?5)";
            db.execute(sql, params![its.witness.as_str(), its.name, its.institution, its.key.to_string(), at])
        }
        Body::WitnessRemoved(its) => {
            let sql = "UPDATE witness SET removed = ?2 WHERE id = ?1 AND removed IS NULL";
            db.execute(sql, params![its.witness.as_str(), at])
        }
        Body::CheckpointWitnessed(its) => {
            let sql = "UPDATE witness SET size = ?2, witnessed = ?3 WHERE id = ?1 AND coalesce(size, -1) < ?2";
            db.execute(sql, params![its.witness.as_str(), its.size as i64, at])
        }
        _ => return Ok(false),
    }
    .map(|_| true)
}
