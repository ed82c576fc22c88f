//! What restrains expiry, and what asks for it: holds, suspicion, deletions that two people want.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Row, params};

use super::super::points::{POINT, Point, point};
use super::super::{Catalog, Result};
use crate::keeping::Past;

/// Nothing of this is deleted, whatever its dates say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub id: String,
    pub vault: String,
    /// `None`: all of the vault.
    pub dataset: Option<String>,
    pub letter: String,
    pub reason: String,
    pub placed: i64,
    pub released: Option<i64>,
}

impl Hold {
    pub fn covers(&self, vault: &str, dataset: &str) -> bool {
        self.released.is_none() && self.vault == vault && self.dataset.as_deref().is_none_or(|its| its == dataset)
    }
}

/// A dataset looks as ransomware leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    pub id: String,
    pub vault: String,
    pub dataset: String,
    /// Snapshots that were accepted from then on are suspected.
    pub since: i64,
    pub measure: String,
    pub text: String,
    pub raised: i64,
    /// When a person ended it.
    pub ended: Option<i64>,
}

/// One person asked for it; it takes effect once another has approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    pub id: String,
    pub vault: String,
    pub dataset: String,
    pub manifests: Vec<String>,
    pub reason: String,
    pub asked_by: String,
    pub asked: i64,
    pub approved: Option<i64>,
}

const SUSPICION: &str = "SELECT id, vault, dataset, since, measure, text, raised, ended FROM suspicion";
const HOLD: &str = "SELECT id, vault, dataset, letter, reason, placed, released FROM hold";

fn suspicion(row: &Row) -> rusqlite::Result<Suspicion> {
    Ok(Suspicion {
        id: row.get(0)?,
        vault: row.get(1)?,
        dataset: row.get(2)?,
        since: row.get(3)?,
        measure: row.get(4)?,
        text: row.get(5)?,
        raised: row.get(6)?,
        ended: row.get(7)?,
    })
}

fn hold(row: &Row) -> rusqlite::Result<Hold> {
    Ok(Hold {
        id: row.get(0)?,
        vault: row.get(1)?,
        dataset: row.get(2)?,
        letter: row.get(3)?,
        reason: row.get(4)?,
        placed: row.get(5)?,
        released: row.get(6)?,
    })
}

impl Catalog {
    /// All that was ever placed.
    pub fn holds(&self) -> Result<Vec<Hold>> {
        self.all(&format!("{HOLD} ORDER BY rowid"), [], hold)
    }

    pub fn hold(&self, id: &str) -> Result<Option<Hold>> {
        self.one(&format!("{HOLD} WHERE id = ?1"), [id], hold)
    }

    /// Those that hold something of a vault now.
    pub fn holds_on(&self, vault: &str) -> Result<Vec<Hold>> {
        self.all(&format!("{HOLD} WHERE vault = ?1 AND released IS NULL ORDER BY rowid"), [vault], hold)
    }

    /// All that was ever raised.
    pub fn suspicions(&self) -> Result<Vec<Suspicion>> {
        self.all(&format!("{SUSPICION} ORDER BY rowid"), [], suspicion)
    }

    pub fn suspicion(&self, id: &str) -> Result<Option<Suspicion>> {
        self.one(&format!("{SUSPICION} WHERE id = ?1"), [id], suspicion)
    }

    /// The one that a dataset is under now: of several the one that reaches back furthest.
    pub fn suspected(&self, vault: &str, dataset: &str) -> Result<Option<Suspicion>> {
        let sql = format!("{SUSPICION} WHERE vault = ?1 AND dataset = ?2 AND ended IS NULL ORDER BY since LIMIT 1");
        self.one(&sql, [vault, dataset], suspicion)
    }

    /// The ids of those that datasets are under now, by vault and dataset.
    pub fn all_suspected(&self) -> Result<HashMap<(String, String), String>> {
        // The columns are those of the row that has the least.
        let sql = "SELECT vault, dataset, id, MIN(since) FROM suspicion WHERE ended IS NULL GROUP BY vault, dataset";
        let rows = self.all(sql, [], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// When a person last ended one about a dataset that a measure had raised.
    pub fn last_ended(&self, vault: &str, dataset: &str, measure: &str) -> Result<Option<i64>> {
        let sql = "SELECT MAX(ended) FROM suspicion WHERE vault = ?1 AND dataset = ?2 AND measure = ?3";
        Ok(self.one(sql, [vault, dataset, measure], |row| row.get(0))?.flatten())
    }

    /// The newest recovery point that is not suspected: the newest of all where there is no suspicion.
    pub fn newest_before_suspicion(&self, vault: &str, dataset: &str) -> Result<Option<Point>> {
        let since = self.suspected(vault, dataset)?.map_or(i64::MAX, |its| its.since);
        let sql = format!(
            "SELECT {POINT} FROM snapshot s WHERE s.vault = ?1 AND s.dataset = ?2 AND s.expired IS NULL \
             AND s.partial = 0 AND s.accepted < ?3 ORDER BY s.accepted DESC, s.name DESC LIMIT 1"
        );
        self.one(&sql, params![vault, dataset, since], point)
    }

    /// What was measured of the newest snapshots of a dataset, the newest first.
    pub fn measures(&self, vault: &str, dataset: &str, most: i64) -> Result<Vec<Past>> {
        let sql = "SELECT new_bytes, dropped_permille FROM measure WHERE vault = ?1 AND dataset = ?2 \
                   ORDER BY number DESC LIMIT ?3";
        self.all(sql, params![vault, dataset, most], |row| {
            Ok(Past { new_bytes: row.get::<_, i64>(0)? as u64, dropped_permille: row.get::<_, i64>(1)? as u64 })
        })
    }

    /// Bytes that were new in each snapshot of a dataset, by its name, where that was measured.
    pub fn new_bytes(&self, vault: &str, dataset: &str) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT name, new_bytes FROM measure WHERE vault = ?1 AND dataset = ?2";
        let rows = self.all(sql, [vault, dataset], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        Ok(rows.into_iter().collect())
    }

    pub fn add_measure(&self, vault: &str, dataset: &str, snapshot: &str, its: Past) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO measure (vault, dataset, name, number, new_bytes, dropped_permille) \
                   SELECT vault, dataset, name, number, ?4, ?5 FROM snapshot \
                   WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
        self.change(sql, params![vault, dataset, snapshot, its.new_bytes as i64, its.dropped_permille as i64])
    }

    pub fn deletions(&self) -> Result<Vec<Deletion>> {
        let sql =
            "SELECT id, vault, dataset, manifests, reason, asked_by, asked, approved FROM deletion ORDER BY rowid";
        self.all(sql, [], |row| {
            let manifests: String = row.get(3)?;
            Ok(Deletion {
                id: row.get(0)?,
                vault: row.get(1)?,
                dataset: row.get(2)?,
                manifests: manifests.split(' ').map(str::to_owned).collect(),
                reason: row.get(4)?,
                asked_by: row.get(5)?,
                asked: row.get(6)?,
                approved: row.get(7)?,
            })
        })
    }
}
