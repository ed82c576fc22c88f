//! What the store has: damage, healing, how far a scrub has come, copies elsewhere.

use pulih_ledger::entry::Body;
use rusqlite::{Row, Transaction, params};

use super::follow::seconds;
use super::{Catalog, Result};

pub const TABLES: &str = "
    -- What the store has. What follows from the ledger.
    CREATE TABLE damage (
        object TEXT PRIMARY KEY, reason TEXT NOT NULL, at INTEGER NOT NULL,
        costs TEXT -- NULL: it may be healed yet; else the snapshots that are lost with it
    ) STRICT;
    CREATE TABLE scrubbed (
        began INTEGER NOT NULL, ended INTEGER NOT NULL, objects INTEGER NOT NULL, bytes INTEGER NOT NULL,
        damaged INTEGER NOT NULL, healed INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE compared (
        site TEXT NOT NULL, at INTEGER NOT NULL, objects INTEGER NOT NULL, missing INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE copy (
        medium TEXT PRIMARY KEY, receipt TEXT NOT NULL, at INTEGER NOT NULL, snapshots INTEGER NOT NULL,
        objects INTEGER NOT NULL, bytes INTEGER NOT NULL
    ) STRICT;

    -- What is known here alone: a scrub whose turn is lost begins it again.
    CREATE TABLE scrub_turn (
        began INTEGER NOT NULL, cursor TEXT NOT NULL, objects INTEGER NOT NULL, bytes INTEGER NOT NULL,
        damaged INTEGER NOT NULL, healed INTEGER NOT NULL
    ) STRICT;
";

/// An object whose bytes are not those of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub object: String,
    pub reason: String,
    pub at: i64,
    /// The snapshots that are lost with it, `<dataset>/<manifest>`; `None`: it may be healed yet.
    pub costs: Option<Vec<String>>,
}

/// A whole turn of the scrub, or one that goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    pub began: i64,
    /// What was done last, in the order of names; of a turn that ended, nothing.
    pub cursor: String,
    pub objects: u64,
    pub bytes: u64,
    pub damaged: u64,
    pub healed: u64,
}

/// A comparison with another site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub site: String,
    pub at: i64,
    pub objects: u64,
    pub missing: u64,
}

/// A further copy, as it was when it was brought up to date last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub medium: String,
    pub receipt: String,
    pub at: i64,
    pub snapshots: u64,
    pub objects: u64,
    pub bytes: u64,
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, _index: u64, at: i64, body: &Body) -> rusqlite::Result<bool> {
    match body {
        Body::ObjectDamaged(its) => {
            let sql = "INSERT OR IGNORE INTO damage (object, reason, at) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![its.object, its.reason, at])
        }
        Body::ObjectHealed(its) => db.execute("DELETE FROM damage WHERE object = ?1", [&its.object]),
        Body::ObjectLost(its) => {
            let sql = "INSERT INTO damage (object, reason, at, costs) VALUES (?1, '', ?2, ?3) \
                       ON CONFLICT (object) DO UPDATE SET costs = ?3";
            db.execute(sql, params![its.object, at, its.snapshots.join("\n")])
        }
        Body::ScrubFinished(its) => {
            let sql = "INSERT INTO scrubbed (began, ended, objects, bytes, damaged, healed) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let counts = (its.objects as i64, its.bytes as i64, its.damaged as i64, its.healed as i64);
            db.execute(sql, params![seconds(&its.began), at, counts.0, counts.1, counts.2, counts.3])
        }
        Body::SitesCompared(its) => {
            let sql = "INSERT INTO compared (site, at, objects, missing) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![its.from.as_str(), at, its.objects as i64, its.missing as i64])
        }
        Body::CopyMade(its) => {
            let sql = "INSERT OR REPLACE INTO copy (medium, receipt, at, snapshots, objects, bytes) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let counts = (its.snapshots as i64, its.objects as i64, its.bytes as i64);
            db.execute(sql, params![its.medium, its.receipt.to_string(), at, counts.0, counts.1, counts.2])
        }
        _ => return Ok(false),
    }
    .map(|_| true)
}

/// What nothing needs any more was no loss.
pub fn forget(db: &Transaction, deleted: &[String]) -> rusqlite::Result<()> {
    deleted.iter().try_for_each(|object| db.execute("DELETE FROM damage WHERE object = ?1", [object]).map(drop))
}

fn count(row: &Row, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|count| count as u64)
}

fn damage(row: &Row) -> rusqlite::Result<Damage> {
    let costs: Option<String> = row.get(3)?;
    let costs = costs.map(|costs| costs.lines().map(str::to_owned).collect());
    Ok(Damage { object: row.get(0)?, reason: row.get(1)?, at: row.get(2)?, costs })
}

fn turn(row: &Row) -> rusqlite::Result<Turn> {
    Ok(Turn {
        began: row.get(0)?,
        cursor: row.get(1)?,
        objects: count(row, 2)?,
        bytes: count(row, 3)?,
        damaged: count(row, 4)?,
        healed: count(row, 5)?,
    })
}

impl Catalog {
    /// What is damaged or gone now.
    pub fn damages(&self) -> Result<Vec<Damage>> {
        self.all("SELECT object, reason, at, costs FROM damage ORDER BY object", [], damage)
    }

    pub fn damage_of(&self, object: &str) -> Result<Option<Damage>> {
        self.one("SELECT object, reason, at, costs FROM damage WHERE object = ?1", [object], damage)
    }

    /// The last whole turn of the scrub, and when it ended.
    pub fn last_scrub(&self) -> Result<Option<(Turn, i64)>> {
        let sql = "SELECT began, '', objects, bytes, damaged, healed, ended FROM scrubbed ORDER BY rowid DESC LIMIT 1";
        self.one(sql, [], |row| Ok((turn(row)?, row.get(6)?)))
    }

    /// The turn that goes on.
    pub fn scrub_turn(&self) -> Result<Option<Turn>> {
        self.one("SELECT began, cursor, objects, bytes, damaged, healed FROM scrub_turn", [], turn)
    }

    /// How far the turn that goes on has come; `None`: there is none.
    pub fn set_scrub_turn(&self, turn: Option<&Turn>) -> Result<()> {
        self.together(|catalog| {
            catalog.change("DELETE FROM scrub_turn", [])?;
            let Some(its) = turn else { return Ok(()) };
            let sql = "INSERT INTO scrub_turn (began, cursor, objects, bytes, damaged, healed) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let counts = (its.objects as i64, its.bytes as i64, its.damaged as i64, its.healed as i64);
            catalog.change(sql, params![its.began, its.cursor, counts.0, counts.1, counts.2, counts.3])
        })
    }

    /// The last comparison with another site.
    pub fn last_compared(&self) -> Result<Option<Compared>> {
        let sql = "SELECT site, at, objects, missing FROM compared ORDER BY rowid DESC LIMIT 1";
        self.one(sql, [], |row| {
            Ok(Compared { site: row.get(0)?, at: row.get(1)?, objects: count(row, 2)?, missing: count(row, 3)? })
        })
    }

    /// Further copies, each as it was left.
    pub fn copies(&self) -> Result<Vec<Copied>> {
        self.all("SELECT medium, receipt, at, snapshots, objects, bytes FROM copy ORDER BY medium", [], |row| {
            Ok(Copied {
                medium: row.get(0)?,
                receipt: row.get(1)?,
                at: row.get(2)?,
                snapshots: count(row, 3)?,
                objects: count(row, 4)?,
                bytes: count(row, 5)?,
            })
        })
    }

    /// Bytes of all objects of vaults that the catalog knows.
    pub fn stored_bytes(&self) -> Result<u64> {
        Ok(self.one("SELECT COALESCE(SUM(bytes), 0) FROM stored", [], |row| count(row, 0))?.unwrap_or(0))
    }
}
