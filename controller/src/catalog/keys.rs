//! Another key of a site's ledger, as this site's own ledger tells of it: proposed, accepted, in use.

use pulih_ledger::entry::Body;
use pulih_ledger::ids::SiteId;
use rusqlite::{Row, Transaction, params};

use super::{Catalog, Result};

pub const TABLES: &str = "
    -- What follows from the ledger. `of`: the key that a site was paired by, which led to this one.
    CREATE TABLE next_key (
        number INTEGER PRIMARY KEY, what TEXT NOT NULL, key TEXT NOT NULL, peer TEXT, proposal INTEGER, statement TEXT,
        of TEXT, at INTEGER NOT NULL
    ) STRICT;
";

/// One of the three acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStep {
    /// Index of its entry.
    pub number: u64,
    /// `proposed`, `accepted` or `rotated`.
    pub what: String,
    pub key: String,
    pub peer: Option<String>,
    pub proposal: Option<u64>,
    pub statement: Option<String>,
    pub at: i64,
}

fn step(row: &Row) -> rusqlite::Result<KeyStep> {
    Ok(KeyStep {
        number: row.get::<_, i64>(0)? as u64,
        what: row.get(1)?,
        key: row.get(2)?,
        peer: row.get(3)?,
        proposal: row.get::<_, Option<i64>>(4)?.map(|number| number as u64),
        statement: row.get(5)?,
        at: row.get(6)?,
    })
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, index: u64, at: i64, body: &Body) -> rusqlite::Result<bool> {
    let (what, key, peer, proposal, statement) = match body {
        Body::KeyProposed(its) => ("proposed", &its.key, None, None, None),
        Body::KeyAccepted(its) => ("accepted", &its.key, Some(&its.peer), Some(its.proposal), Some(its.statement)),
        Body::KeyRotated(its) => ("rotated", &its.key, its.peer.as_ref(), Some(its.proposal), its.statement),
        _ => return Ok(false),
    };
    let peer = peer.map(SiteId::as_str);
    // Of an accepted one: what the site is paired by, or what had led to that.
    let sql = "INSERT INTO next_key (number, what, key, peer, proposal, statement, of, at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE ?2 WHEN 'accepted' THEN COALESCE( \
                   (SELECT n.of FROM next_key n JOIN peer p ON p.site = n.peer AND p.key = n.key \
                    WHERE n.what = 'accepted' AND n.peer = ?4 ORDER BY n.number LIMIT 1), \
                   (SELECT key FROM peer WHERE site = ?4)) END, ?7)";
    let (proposal, statement) = (proposal.map(|number| number as i64), statement.map(|hash| hash.to_string()));
    db.execute(sql, params![index as i64, what, key.to_string(), peer, proposal, statement, at])?;
    Ok(true)
}

impl Catalog {
    /// All that was done about keys, the oldest first.
    pub fn key_steps(&self) -> Result<Vec<KeyStep>> {
        let sql = "SELECT number, what, key, peer, proposal, statement, at FROM next_key ORDER BY number";
        self.all(sql, [], step)
    }

    /// The keys of a site that were accepted after the one by which it was paired first, the oldest first; with that.
    pub fn keys_after(&self, site: &str, paired_by: &str) -> Result<(String, Vec<String>)> {
        let sql = "SELECT of FROM next_key WHERE what = 'accepted' AND peer = ?1 AND key = ?2 ORDER BY number LIMIT 1";
        let of: Option<Option<String>> = self.one(sql, [site, paired_by], |row| row.get(0))?;
        let first = of.flatten().unwrap_or_else(|| paired_by.to_owned());
        let sql = "SELECT key FROM next_key WHERE what = 'accepted' AND peer = ?1 AND of = ?2 ORDER BY number";
        let later = self.all(sql, [site, &first], |row| row.get(0))?;
        Ok((first, later))
    }
}
