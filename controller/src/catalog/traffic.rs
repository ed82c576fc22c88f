//! What passed for each office by the hour, until the month is on the ledger; and up to when it is.

use pulih_ledger::entry::Body;
use rusqlite::{Transaction, params};

use super::follow::seconds;
use super::{Catalog, Result};
use crate::gateway::meter::{Passed, Served};

pub const TABLES: &str = "
    -- What follows from the ledger.
    ALTER TABLE opd ADD COLUMN at INTEGER; -- absent where an earlier version followed
    ALTER TABLE opd ADD COLUMN measured INTEGER; -- up to when its traffic is on the ledger

    -- What is known here alone. What is lost of it is lost together: no hour is taken for one without traffic.
    CREATE TABLE traffic (
        opd TEXT NOT NULL, hour INTEGER NOT NULL, received INTEGER NOT NULL, sent INTEGER NOT NULL, PRIMARY KEY (opd, hour)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE metered (hour INTEGER PRIMARY KEY, seconds INTEGER NOT NULL) STRICT;
";

/// An office, and from when on its traffic is not on the ledger yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmeasured {
    pub opd: String,
    /// Since when the site knows it; `None`: a version before did not write that down.
    pub added: Option<i64>,
    /// Up to when it is on the ledger.
    pub measured: Option<i64>,
    /// The first hour of it that was counted and is still here.
    pub counted: Option<i64>,
}

/// Follows an entry of this kind; others are not taken.
pub fn apply(db: &Transaction, _: u64, _: i64, body: &Body) -> rusqlite::Result<bool> {
    let Body::TrafficMeasured(its) = body else { return Ok(false) };
    let sql = "UPDATE opd SET measured = MAX(COALESCE(measured, ?2), ?2) WHERE name = ?1";
    db.execute(sql, params![its.opd.as_str(), seconds(&its.until)])?;
    Ok(true)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Catalog {
    /// Adds what passed, and for how long it was counted: all or nothing.
    pub fn add_traffic(&self, passed: &[Passed], served: &[Served]) -> Result<()> {
        self.together(|catalog| {
            for its in passed {
                let sql = "INSERT INTO traffic (opd, hour, received, sent) VALUES (?1, ?2, ?3, ?4) \
                           ON CONFLICT (opd, hour) DO UPDATE SET received = received + ?3, sent = sent + ?4";
                catalog.change(sql, params![its.opd, its.hour, whole(its.received), whole(its.sent)])?;
            }
            for its in served {
                let sql = "INSERT INTO metered (hour, seconds) VALUES (?1, ?2) \
                           ON CONFLICT (hour) DO UPDATE SET seconds = MIN(seconds + ?2, 3600)";
                catalog.change(sql, params![its.hour, whole(its.seconds)])?;
            }
            Ok(())
        })
    }

    /// What passed for an office from one hour up to another, hour by hour.
    pub fn traffic(&self, opd: &str, from: i64, until: i64) -> Result<Vec<Passed>> {
        let sql = "SELECT hour, received, sent FROM traffic WHERE opd = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour";
        self.all(sql, params![opd, from, until], |row| {
            let (received, sent) = (row.get::<_, i64>(1)?.unsigned_abs(), row.get::<_, i64>(2)?.unsigned_abs());
            Ok(Passed { opd: opd.to_owned(), hour: row.get(0)?, received, sent })
        })
    }

    /// For how many seconds between two hours it was counted.
    pub fn metered(&self, from: i64, until: i64) -> Result<u64> {
        let sql = "SELECT COALESCE(SUM(seconds), 0) FROM metered WHERE hour >= ?1 AND hour < ?2";
        Ok(self.one(sql, params![from, until], |row| row.get::<_, i64>(0))?.unwrap_or(0).unsigned_abs())
    }

    /// The first hour that was counted and is still here.
    pub fn metered_since(&self) -> Result<Option<i64>> {
        self.one("SELECT MIN(hour) FROM metered", [], |row| row.get(0)).map(Option::flatten)
    }

    /// All offices, with what is on the ledger of their traffic.
    pub fn unmeasured(&self) -> Result<Vec<Unmeasured>> {
        let sql = "SELECT name, at, measured, (SELECT MIN(hour) FROM traffic WHERE opd = name) FROM opd ORDER BY name";
        self.all(sql, [], |row| {
            Ok(Unmeasured { opd: row.get(0)?, added: row.get(1)?, measured: row.get(2)?, counted: row.get(3)? })
        })
    }

    /// Hours before this one are on the ledger.
    pub fn forget_traffic(&self, before: i64) -> Result<()> {
        self.together(|catalog| {
            catalog.change("DELETE FROM traffic WHERE hour < ?1", [before])?;
            catalog.change("DELETE FROM metered WHERE hour < ?1", [before])
        })
    }
}
