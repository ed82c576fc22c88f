//! Snapshots that the site accepted, and the policies that were in force.

use pulih_vault::store::ObjectName;
use pulih_vault::utc;
use rusqlite::{Row, params};

use super::standing::standing;
use super::{Catalog, Result};

/// Whether a snapshot is in `locked` is known in its own row too: those that are not are looked for all the time, and
/// are few. No one but the tables themselves keeps it so.
pub const TABLES: &str = "
    ALTER TABLE snapshot ADD COLUMN is_locked INTEGER NOT NULL DEFAULT 0;
    UPDATE snapshot SET is_locked = 1 WHERE (vault, dataset, name) IN (SELECT vault, dataset, name FROM locked);
    CREATE INDEX snapshot_unlocked ON snapshot (keep_until) WHERE expired IS NULL AND is_locked = 0;
    CREATE INDEX locked_until ON locked (until);
    CREATE TRIGGER point_locked AFTER INSERT ON locked BEGIN
        UPDATE snapshot SET is_locked = 1
        WHERE vault = new.vault AND dataset = new.dataset AND name = new.name AND is_locked = 0;
    END;
    CREATE TRIGGER point_let_go AFTER DELETE ON locked BEGIN
        UPDATE snapshot SET is_locked = 0 WHERE vault = old.vault AND dataset = old.dataset AND name = old.name;
    END;
";

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
    pub stored_bytes: u64,
    pub partial: bool,
    /// It did not come over the line when it was made.
    pub late: bool,
}

impl Point {
    /// From when on its age counts: the site's clock, unless it came late and claims to be older.
    pub fn as_of(&self) -> i64 {
        let captured = utc::parse(&self.captured).filter(|_| self.late);
        captured.map_or(self.accepted, |captured| captured.min(self.accepted))
    }
}

/// What `status` shows of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub opd: String,
    pub agent: String,
    pub class: String,
    pub point: Point,
}

pub(super) const POINT: &str =
    "s.vault, s.dataset, s.name, s.captured, s.accepted, s.keep_until, s.tiers, s.stored_bytes, s.partial, s.late";

pub(super) fn point(row: &Row) -> rusqlite::Result<Point> {
    Ok(Point {
        vault: row.get(0)?,
        dataset: row.get(1)?,
        snapshot: row.get(2)?,
        captured: row.get(3)?,
        accepted: row.get(4)?,
        keep_until: row.get(5)?,
        tiers: row.get(6)?,
        stored_bytes: row.get::<_, i64>(7)? as u64,
        partial: row.get(8)?,
        late: row.get(9)?,
    })
}

impl Catalog {
    /// Also one that has expired: it is never taken again.
    pub fn has_point(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
        Ok(self.one(sql, [vault, dataset, snapshot], |_| Ok(()))?.is_some())
    }

    /// When snapshots of a dataset that are kept were accepted since a time, and which tiers they took;
    /// `late`: with those that came late.
    pub fn tiers_since(&self, vault: &str, dataset: &str, since: i64, late: bool) -> Result<Vec<(i64, String)>> {
        let sql = "SELECT accepted, tiers FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND accepted >= ?3 \
                   AND (late = 0 OR ?4) AND expired IS NULL";
        self.all(sql, params![vault, dataset, since, late], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How many snapshots of a dataset were accepted after a time.
    pub fn accepted_since(&self, vault: &str, dataset: &str, since: i64) -> Result<usize> {
        let sql = "SELECT COUNT(*) FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND accepted > ?3";
        Ok(self.one(sql, params![vault, dataset, since], |row| row.get::<_, i64>(0))?.unwrap_or(0) as usize)
    }

    /// A snapshot of a dataset with a higher number in its sequence than this one's.
    pub fn later_point(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<Option<String>> {
        // The number has ten digits.
        let sql = "SELECT name FROM snapshot WHERE vault = ?1 AND dataset = ?2 \
                   AND substr(name, 1, 10) > substr(?3, 1, 10) ORDER BY name DESC LIMIT 1";
        self.one(sql, [vault, dataset, snapshot], |row| row.get(0))
    }

    /// The snapshots of a dataset that are kept, the newest first: by when they were accepted, whatever they claim
    /// and in whatever order they came to this site.
    pub fn points(&self, vault: &str, dataset: &str) -> Result<Vec<Point>> {
        let sql = format!(
            "SELECT {POINT} FROM snapshot s WHERE s.vault = ?1 AND s.dataset = ?2 AND s.expired IS NULL \
             ORDER BY s.accepted DESC, s.name DESC"
        );
        self.all(&sql, [vault, dataset], point)
    }

    pub(super) fn points_named(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<Vec<Point>> {
        let sql = format!("SELECT {POINT} FROM snapshot s WHERE s.vault = ?1 AND s.dataset = ?2 AND s.name = ?3");
        self.all(&sql, [vault, dataset, snapshot], point)
    }

    /// Snapshots that are kept until a time, and whose objects are not all locked so long.
    pub fn unlocked_points(&self, now: i64) -> Result<Vec<Point>> {
        let sql = format!(
            "SELECT {POINT} FROM snapshot s INDEXED BY snapshot_unlocked WHERE s.keep_until > ?1 AND s.expired IS NULL \
             AND s.is_locked = 0 ORDER BY s.number"
        );
        self.all(&sql, [now], point)
    }

    /// How many they are, and when the first of them was accepted.
    pub fn count_unlocked(&self, now: i64) -> Result<(u64, Option<i64>)> {
        let sql = "SELECT COUNT(*), MIN(accepted) FROM snapshot INDEXED BY snapshot_unlocked WHERE keep_until > ?1 \
                   AND expired IS NULL AND is_locked = 0";
        let found = self.one(sql, [now], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
        Ok(found.unwrap_or_default())
    }

    pub fn set_locked(&self, point: &Point, until: i64) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO locked (vault, dataset, name, until) VALUES (?1, ?2, ?3, ?4)";
        self.change(sql, params![point.vault, point.dataset, point.snapshot, until])
    }

    /// Until when all that a snapshot needs is locked.
    pub fn locked_until(&self, point: &Point) -> Result<Option<i64>> {
        let sql = "SELECT until FROM locked WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
        let found =
            self.one(sql, [&point.vault, &point.dataset, &point.snapshot], |row| row.get::<_, Option<i64>>(0))?;
        Ok(found.and_then(|until| until.or(point.keep_until)))
    }

    /// When the first lock ends of those that hold a kept snapshot.
    pub fn least_lock(&self) -> Result<Option<i64>> {
        let kept = "FROM locked l INDEXED BY locked_until CROSS JOIN snapshot s ON s.vault = l.vault \
                    AND s.dataset = l.dataset AND s.name = l.name WHERE s.expired IS NULL";
        // In order: those that have expired and are not settled yet come first, and are few.
        let sql = format!("SELECT l.until {kept} AND l.until IS NOT NULL ORDER BY l.until LIMIT 1");
        let said: Option<i64> = self.one(&sql, [], |row| row.get(0))?;
        // Locked before it was written down until when.
        let sql = format!("SELECT MIN(s.keep_until) {kept} AND l.until IS NULL");
        let dated = self.one(&sql, [], |row| row.get::<_, Option<i64>>(0))?.flatten();
        Ok(said.into_iter().chain(dated).min())
    }

    /// Until when the site locked an object, seconds since 1970.
    pub fn lock_of(&self, name: &ObjectName) -> Result<Option<i64>> {
        self.one("SELECT until FROM lock WHERE name = ?1", [name.as_str()], |row| row.get(0))
    }

    pub fn set_lock(&self, name: &ObjectName, until: i64) -> Result<()> {
        self.change("INSERT OR REPLACE INTO lock (name, until) VALUES (?1, ?2)", params![name.as_str(), until])
    }

    /// Every snapshot that was accepted and is kept, in the order of the ledger.
    pub fn accepted(&self) -> Result<Vec<Standing>> {
        self.standings_where("WHERE s.expired IS NULL ORDER BY s.number")
    }

    /// Whether a snapshot was accepted and is no longer kept.
    pub fn has_expired(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM snapshot WHERE vault = ?1 AND dataset = ?2 AND name = ?3 AND expired IS NOT NULL";
        Ok(self.one(sql, [vault, dataset, snapshot], |_| Ok(()))?.is_some())
    }

    pub(super) fn standings_where(&self, which: &str) -> Result<Vec<Standing>> {
        let sql = format!(
            "SELECT {POINT}, a.opd, a.name, v.class FROM snapshot s JOIN vault v ON v.id = s.vault \
             JOIN agent a ON a.name = v.agent {which}"
        );
        self.all(&sql, [], standing)
    }

    /// The object of the policy in force, and since when it is.
    pub fn policy(&self) -> Result<Option<(String, i64)>> {
        let sql = "SELECT object, applied FROM policy ORDER BY rowid DESC LIMIT 1";
        self.one(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
