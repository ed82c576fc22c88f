//! How each dataset stands: what is kept of it, and its newest recovery point. One row a dataset, kept as the
//! ledger is followed, since a site has years of snapshots and is asked for this by everyone all the time.

#[cfg(test)]
mod tests;

use rusqlite::{Row, Transaction, params};

use super::points::{Standing, point};
use super::replicas::{Replica, Stock};
use super::{Catalog, Result};

/// Whose newest point is looked for again.
const LOOK_AGAIN: &str = "UPDATE standing SET \
    (name, captured, accepted, keep_until, tiers, stored_bytes, late, replicated, replica_until) = (\
    SELECT s.name, s.captured, s.accepted, s.keep_until, s.tiers, s.stored_bytes, s.late, \
    COALESCE(r.replicated, s.accepted), CASE WHEN r.name IS NULL THEN s.keep_until ELSE r.keep_until END \
    FROM snapshot s INDEXED BY snapshot_kept \
    LEFT JOIN replica r ON r.vault = s.vault AND r.dataset = s.dataset AND r.name = s.name \
    WHERE s.vault = ?1 AND s.dataset = ?2 AND s.expired IS NULL AND s.partial = 0 \
    ORDER BY s.accepted DESC, s.name DESC LIMIT 1) WHERE vault = ?1 AND dataset = ?2";

/// What follows from the ledger, by way of `snapshot` and `replica`. A row stays when nothing is kept any more: that
/// there ever was a snapshot is known by it.
pub const TABLES: &str = "
    CREATE TABLE standing (
        vault TEXT NOT NULL, dataset TEXT NOT NULL,
        kept INTEGER NOT NULL, points INTEGER NOT NULL, -- snapshots, and those of them that are recovery points
        most_bytes INTEGER NOT NULL, -- that a snapshot needs which is kept
        -- The newest recovery point, with what a DRC has of it; absent: there is none.
        name TEXT, captured TEXT, accepted INTEGER, keep_until INTEGER, tiers TEXT, stored_bytes INTEGER, late INTEGER,
        replicated INTEGER, replica_until INTEGER,
        PRIMARY KEY (vault, dataset)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO standing (vault, dataset, kept, points, most_bytes)
        SELECT vault, dataset, SUM(expired IS NULL), SUM(expired IS NULL AND partial = 0),
            COALESCE(MAX(CASE WHEN expired IS NULL THEN stored_bytes END), 0)
        FROM snapshot GROUP BY vault, dataset;
    UPDATE standing SET
        (name, captured, accepted, keep_until, tiers, stored_bytes, late, replicated, replica_until) = (
        SELECT s.name, s.captured, s.accepted, s.keep_until, s.tiers, s.stored_bytes, s.late,
            COALESCE(r.replicated, s.accepted), CASE WHEN r.name IS NULL THEN s.keep_until ELSE r.keep_until END
        FROM snapshot s
        LEFT JOIN replica r ON r.vault = s.vault AND r.dataset = s.dataset AND r.name = s.name
        WHERE s.vault = standing.vault AND s.dataset = standing.dataset AND s.expired IS NULL AND s.partial = 0
        ORDER BY s.accepted DESC, s.name DESC LIMIT 1);
";

/// Snapshots of a dataset that have expired just now.
#[derive(Default)]
pub(super) struct Gone {
    count: i64,
    points: i64,
    most_bytes: i64,
}

impl Gone {
    pub(super) fn add(&mut self, partial: bool, stored_bytes: i64) {
        self.count += 1;
        self.points += i64::from(!partial);
        self.most_bytes = self.most_bytes.max(stored_bytes);
    }
}

/// A snapshot is there that was not.
pub(super) fn came(db: &Transaction, vault: &str, dataset: &str, partial: bool, bytes: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO standing (vault, dataset, kept, points, most_bytes) VALUES (?1, ?2, 1, ?3, ?4) \
               ON CONFLICT DO UPDATE SET kept = kept + 1, points = points + excluded.points, \
               most_bytes = MAX(most_bytes, excluded.most_bytes)";
    db.prepare_cached(sql)?.execute(params![vault, dataset, !partial, bytes])?;
    if partial { Ok(()) } else { look_again(db, vault, dataset) }
}

/// The newest point may be another one, or be kept for longer.
pub(super) fn look_again(db: &Transaction, vault: &str, dataset: &str) -> rusqlite::Result<()> {
    db.prepare_cached(LOOK_AGAIN)?.execute([vault, dataset]).map(drop)
}

/// Snapshots of a dataset are no longer kept.
pub(super) fn went(db: &Transaction, vault: &str, dataset: &str, gone: &Gone) -> rusqlite::Result<()> {
    if gone.count == 0 {
        return Ok(());
    }
    let sql = "UPDATE standing SET kept = kept - ?3, points = points - ?4 WHERE vault = ?1 AND dataset = ?2";
    db.prepare_cached(sql)?.execute(params![vault, dataset, gone.count, gone.points])?;
    // Only where the largest went: mostly another one is as large, and seen at once.
    let kept = "FROM snapshot s INDEXED BY snapshot_kept WHERE s.vault = ?1 AND s.dataset = ?2 AND s.expired IS NULL";
    let sql = format!(
        "UPDATE standing SET most_bytes = COALESCE((SELECT MAX(s.stored_bytes) {kept}), 0) \
         WHERE vault = ?1 AND dataset = ?2 AND most_bytes <= ?3 \
         AND NOT EXISTS (SELECT 1 {kept} AND s.stored_bytes >= standing.most_bytes)"
    );
    db.prepare_cached(&sql)?.execute(params![vault, dataset, gone.most_bytes])?;
    look_again(db, vault, dataset)
}

const STANDING: &str = "SELECT t.vault, t.dataset, t.name, t.captured, t.accepted, t.keep_until, t.tiers, \
    t.stored_bytes, 0, t.late, a.opd, a.name, v.class FROM standing t JOIN vault v ON v.id = t.vault \
    JOIN agent a ON a.name = v.agent WHERE t.name IS NOT NULL";
const STOCK: &str = "SELECT vault, dataset, points, most_bytes, name, accepted, replicated, replica_until, stored_bytes \
    FROM standing WHERE kept > 0";

pub(super) fn standing(row: &Row) -> rusqlite::Result<Standing> {
    Ok(Standing { point: point(row)?, opd: row.get(10)?, agent: row.get(11)?, class: row.get(12)? })
}

fn stock(row: &Row) -> rusqlite::Result<Stock> {
    let (vault, dataset): (String, String) = (row.get(0)?, row.get(1)?);
    let name: Option<String> = row.get(4)?;
    let newest = |snapshot| -> rusqlite::Result<Replica> {
        let (vault, dataset) = (vault.clone(), dataset.clone());
        let (accepted, replicated, keep_until) = (row.get(5)?, row.get(6)?, row.get(7)?);
        let stored_bytes = row.get::<_, i64>(8)? as u64;
        Ok(Replica { vault, dataset, snapshot, accepted, replicated, keep_until, stored_bytes, partial: false })
    };
    let newest = name.map(newest).transpose()?;
    let (points, stored_bytes) = (row.get::<_, i64>(2)? as u64, row.get::<_, i64>(3)? as u64);
    Ok(Stock { vault, dataset, points, stored_bytes, newest })
}

impl Catalog {
    /// The newest recovery point of every dataset.
    pub fn standings(&self) -> Result<Vec<Standing>> {
        self.all(&format!("{STANDING} ORDER BY a.opd, a.name, t.dataset, t.vault"), [], standing)
    }

    /// Those of one vault.
    pub fn standings_of(&self, vault: &str) -> Result<Vec<Standing>> {
        self.all(&format!("{STANDING} AND t.vault = ?1 ORDER BY t.dataset"), [vault], standing)
    }

    /// What is here of each dataset, of what is kept: pulled, or brought by its agent.
    pub fn stocks(&self) -> Result<Vec<Stock>> {
        self.all(&format!("{STOCK} ORDER BY vault, dataset"), [], stock)
    }

    /// Those of one vault.
    pub fn stocks_of(&self, vault: &str) -> Result<Vec<Stock>> {
        self.all(&format!("{STOCK} AND vault = ?1 ORDER BY dataset"), [vault], stock)
    }

    /// The datasets of a vault of which a snapshot is kept.
    pub fn datasets_of(&self, vault: &str) -> Result<Vec<String>> {
        let sql = "SELECT dataset FROM standing WHERE vault = ?1 AND kept > 0 ORDER BY dataset";
        self.all(sql, [vault], |row| row.get(0))
    }
}
