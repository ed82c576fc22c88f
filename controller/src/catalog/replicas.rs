//! What a DRC has: pinned vaults, complete snapshots, and what it refused.

use pulih_ledger::entry::kinds::SnapshotReplicated;
use pulih_vault::utc;
use rusqlite::{Row, Transaction, params};

use super::follow::seconds;
use super::points::Standing;
use super::{Catalog, Result, standing};

/// A snapshot before whose time of keeping is fixed is kept so long at least, in seconds.
const PROVISIONAL_SECONDS: i64 = 30 * 24 * 3600;

pub const TABLES: &str = "
    -- What follows from the ledger: snapshots for which it is not fixed yet how long they are kept, and
    -- entries of another site's ledger that say nothing that can be read.
    CREATE TABLE provisional (
        vault TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL,
        PRIMARY KEY (vault, dataset, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unread (number INTEGER PRIMARY KEY) STRICT;
    CREATE INDEX replica_newest ON replica (vault, dataset, partial, accepted, name);
    CREATE INDEX snapshot_number ON snapshot (number);

    -- What is known here alone, and lost without harm: the newest time that a site has signed.
    CREATE TABLE signed (site TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
    -- Since when a DRC knows that this catalog is the one that it had, or has written down that it waits.
    CREATE TABLE known (at INTEGER NOT NULL) STRICT;
    INSERT INTO known (at) SELECT 0 FROM ledger WHERE size > 0;
";

/// A vault with the owner key that speaks for it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub vault: String,
    pub opd: String,
    pub agent: String,
    pub class: String,
    /// The owner key's fingerprint.
    pub owner: String,
}

/// A snapshot that is complete here: pulled, or taken in from its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    pub vault: String,
    pub dataset: String,
    pub snapshot: String,
    /// When the other site accepted it, and since when it is complete here.
    pub accepted: i64,
    pub replicated: i64,
    pub keep_until: Option<i64>,
    pub stored_bytes: u64,
    pub partial: bool,
}

fn pin_row(row: &Row) -> rusqlite::Result<Pin> {
    Ok(Pin { vault: row.get(0)?, opd: row.get(1)?, agent: row.get(2)?, class: row.get(3)?, owner: row.get(4)? })
}

/// What is here of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    pub vault: String,
    pub dataset: String,
    /// How many recovery points.
    pub points: u64,
    /// Most bytes that a snapshot needs, partial ones too.
    pub stored_bytes: u64,
    pub newest: Option<Replica>,
}

fn replica(row: &Row) -> rusqlite::Result<Replica> {
    Ok(Replica {
        vault: row.get(0)?,
        dataset: row.get(1)?,
        snapshot: row.get(2)?,
        accepted: row.get(3)?,
        replicated: row.get(4)?,
        keep_until: row.get(5)?,
        stored_bytes: row.get::<_, i64>(6)? as u64,
        partial: row.get(7)?,
    })
}

impl Catalog {
    pub fn pin(&self, vault: &str) -> Result<Option<Pin>> {
        self.one("SELECT vault, opd, agent, class, owner FROM pin WHERE vault = ?1", [vault], pin_row)
    }

    pub fn pins(&self) -> Result<Vec<Pin>> {
        self.all("SELECT vault, opd, agent, class, owner FROM pin ORDER BY vault", [], pin_row)
    }

    /// Also one that has expired here: it does not come again.
    pub fn has_replica(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM replica WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
        Ok(self.one(sql, [vault, dataset, snapshot], |_| Ok(()))?.is_some())
    }

    /// Snapshots for which it is not fixed yet how long they are kept, and since when they are here.
    pub fn provisional(&self) -> Result<Vec<(Replica, i64)>> {
        let sql = "SELECT r.vault, r.dataset, r.name, r.accepted, r.replicated, r.keep_until, r.stored_bytes, \
                   r.partial, p.since FROM provisional p JOIN replica r ON r.vault = p.vault AND \
                   r.dataset = p.dataset AND r.name = p.name ORDER BY r.accepted, r.name";
        self.all(sql, [], |row| Ok((replica(row)?, row.get(8)?)))
    }

    /// Whether a whole snapshot of a dataset that is here was captured from `from` on, and before this one.
    pub fn has_captured(&self, (vault, dataset, name): (&str, &str, &str), from: i64, at: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND partial = 0 AND captured >= ?3 \
                   AND (captured, name) < (?4, ?5) LIMIT 1";
        let (from, at) = (utc::rfc3339(from), utc::rfc3339(at));
        Ok(self.one(sql, params![vault, dataset, from, at, name], |_| Ok(()))?.is_some())
    }

    /// In a mirrored catalog: the whole snapshots of a dataset that were accepted from `from` on and before this
    /// one, the oldest first, and `most` at most; `late`: with those that came late.
    pub fn accepted_before(&self, its: &super::Point, from: i64, most: u32) -> Result<Vec<String>> {
        let sql = "SELECT name FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND partial = 0 AND accepted >= ?3 \
                   AND (accepted, name) < (?4, ?5) AND (late = 0 OR ?6) ORDER BY accepted, name LIMIT ?7";
        let values = params![its.vault, its.dataset, from, its.accepted, its.snapshot, its.late, most];
        self.all(sql, values, |row| row.get(0))
    }

    /// In a mirrored catalog: what was accepted and is not in the catalog `own`, whatever the history is long.
    pub fn missing_in(&self, own: &std::path::Path) -> Result<Vec<Standing>> {
        self.change("ATTACH DATABASE ?1 AS own", [own.to_string_lossy()])?;
        let missing = self.standings_where(
            "WHERE s.expired IS NULL AND NOT EXISTS (SELECT 1 FROM own.replica r WHERE r.vault = s.vault AND r.dataset = s.dataset \
             AND r.name = s.name) ORDER BY s.number",
        );
        self.change("DETACH DATABASE own", [])?;
        missing
    }

    /// What was accepted with the entry `number` of the ledger and later.
    pub fn accepted_from(&self, number: u64) -> Result<Vec<Standing>> {
        self.standings_where(&format!("WHERE s.number >= {number} AND s.expired IS NULL ORDER BY s.number"))
    }

    /// One snapshot that was accepted.
    pub fn accepted_point(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<Option<super::Point>> {
        let all = self.points_named(vault, dataset, snapshot)?;
        Ok(all.into_iter().next())
    }

    /// How many entries of the ledger say nothing that can be read.
    pub fn unread_entries(&self) -> Result<u64> {
        Ok(self.one("SELECT COUNT(*) FROM unread", [], |row| row.get::<_, i64>(0))?.unwrap_or(0) as u64)
    }

    /// The newest time that a site has signed, if there is one.
    pub fn signed(&self, site: &str) -> Result<Option<i64>> {
        self.one("SELECT at FROM signed WHERE site = ?1", [site], |row| row.get(0))
    }

    pub fn set_signed(&self, site: &str, at: i64) -> Result<()> {
        self.change("INSERT OR REPLACE INTO signed (site, at) VALUES (?1, ?2)", params![site, at])
    }

    /// Whether this catalog was there before, or was made anew and that was written down.
    pub fn is_known(&self) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM known LIMIT 1", [], |_| Ok(()))?.is_some())
    }

    pub fn set_known(&self, at: i64) -> Result<()> {
        self.change("INSERT INTO known (at) VALUES (?1)", [at])
    }

    /// Whether this was refused, for this reason, already.
    pub fn was_refused(&self, object: &str, reason: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM refusal WHERE object = ?1 AND reason = ?2";
        Ok(self.one(sql, [object, reason], |_| Ok(()))?.is_some())
    }

    /// How many refusals were written down since a time.
    pub fn refused_since(&self, at: i64) -> Result<usize> {
        let sql = "SELECT COUNT(*) FROM refusal WHERE at >= ?1";
        Ok(self.one(sql, [at], |row| row.get::<_, i64>(0))?.unwrap_or(0) as usize)
    }

    /// The mirror's size and the reason when a ledger last did not go on from it.
    pub fn last_divergence(&self, site: &str) -> Result<Option<(u64, String)>> {
        let sql = "SELECT size, reason FROM divergence WHERE site = ?1 ORDER BY rowid DESC LIMIT 1";
        self.one(sql, params![site], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))
    }
}

/// An entry that says nothing that can be read.
pub(super) fn unread(db: &Transaction, index: u64) -> rusqlite::Result<()> {
    db.execute("INSERT OR IGNORE INTO unread (number) VALUES (?1)", [index as i64]).map(|_| ())
}

/// A snapshot is complete here; or, said again, for how long it is kept.
pub(super) fn replicated(db: &Transaction, index: u64, at: i64, its: &SnapshotReplicated) -> rusqlite::Result<usize> {
    let (vault, dataset, name) = (its.vault.to_string(), its.dataset.to_string(), its.manifest.to_string());
    let sql = "DELETE FROM refusal WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
    db.prepare_cached(sql)?.execute(params![vault, dataset, name])?;
    let sql = if its.provisional {
        "INSERT OR IGNORE INTO provisional (vault, dataset, name, since) VALUES (?1, ?2, ?3, ?4)"
    } else {
        "DELETE FROM provisional WHERE vault = ?1 AND dataset = ?2 AND name = ?3 AND ?4 = ?4"
    };
    db.prepare_cached(sql)?.execute(params![vault, dataset, name, at])?;
    // What was fixed is never shortened.
    let sql = "INSERT INTO replica (vault, dataset, name, accepted, replicated, keep_until, stored_bytes, partial) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET keep_until = \
               MAX(COALESCE(keep_until, excluded.keep_until), COALESCE(excluded.keep_until, keep_until))";
    let (accepted, until) = (seconds(&its.accepted), its.keep_until.as_ref().map(seconds));
    let bytes = its.stored_bytes as i64;
    db.prepare_cached(sql)?.execute(params![vault, dataset, name, accepted, at, until, bytes, its.partial])?;
    // A point like any other of this site; how old it is, is not for this site's clock to say.
    let sql = "INSERT INTO snapshot \
               (vault, dataset, name, captured, accepted, keep_until, tiers, stored_bytes, partial, late, number) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10) ON CONFLICT DO UPDATE SET \
               tiers = excluded.tiers, keep_until = (SELECT r.keep_until FROM replica r WHERE r.vault = ?1 \
               AND r.dataset = ?2 AND r.name = ?3)";
    // Nothing goes before it is fixed how long it stays.
    let held = if its.provisional { until.max(Some(at.saturating_add(PROVISIONAL_SECONDS))) } else { until };
    let (captured, tiers) = (its.captured.as_str(), its.tiers.join(" "));
    let is_new = "SELECT 1 FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
    let is_new = !db.prepare_cached(is_new)?.exists(params![vault, dataset, name])?;
    let values = params![vault, dataset, name, captured, accepted, held, tiers, bytes, its.partial, index as i64];
    let changed = db.prepare_cached(sql)?.execute(values)?;
    if is_new {
        standing::came(db, &vault, &dataset, its.partial, bytes)?;
    } else {
        standing::look_again(db, &vault, &dataset)?;
    }
    Ok(changed)
}
