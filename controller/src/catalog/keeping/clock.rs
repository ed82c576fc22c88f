//! Whether the site's clock can be believed: by the times of its own entries, one after the other.
//! Derived as the ledger is followed, so that a catalog that was made again says the same.

use rusqlite::{Transaction, params};

use super::super::{Catalog, Result};

/// Entries that lie further apart than this are more than a quiet month: the clock jumped, or the
/// site was away so long that a person should look before anything goes.
pub const GAP_SECONDS: i64 = 35 * 24 * 3600;
/// A clock that is set right goes back by less.
const BACK_SECONDS: i64 = 2 * 3600;
const DAY_SECONDS: i64 = 24 * 3600;

/// That nothing expires, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    pub at: i64,
    pub reason: String,
    /// Whether an entry of the ledger says so; otherwise it follows from the times of others.
    pub said: bool,
}

/// What is wrong with a time that comes after another, both seconds since 1970 by the site's clock.
pub fn doubt(before: i64, now: i64) -> Option<String> {
    let apart = now.saturating_sub(before);
    if before == 0 {
        return None;
    }
    if apart > GAP_SECONDS {
        let days = apart / DAY_SECONDS;
        return Some(format!(
            "the site's clock is {days} days after the newest entry of the ledger: it jumped, or the site was away"
        ));
    }
    if apart < -BACK_SECONDS {
        let hours = -apart / 3600;
        return Some(format!("the site's clock is {hours} hours before the newest entry of the ledger: it went back"));
    }
    None
}

/// Follows the time of an entry that the site dated.
pub fn tick(db: &Transaction, at: i64) -> rusqlite::Result<()> {
    let newest: i64 = db.prepare_cached("SELECT newest FROM clock")?.query_row([], |row| row.get(0))?;
    if let Some(reason) = doubt(newest, at) {
        let sql = "UPDATE clock SET stopped = ?1, reason = ?2, said = 0 WHERE stopped IS NULL";
        db.execute(sql, params![at, reason])?;
    }
    db.prepare_cached("UPDATE clock SET newest = ?1")?.execute([at]).map(|_| ())
}

pub(super) fn stop(db: &Transaction, at: i64, reason: &str) -> rusqlite::Result<usize> {
    db.execute("UPDATE clock SET stopped = coalesce(stopped, ?1), reason = ?2, said = 1", params![at, reason])
}

impl Catalog {
    /// The newest time by the site's own clock that its ledger shows; 0: there is none.
    pub fn newest_time(&self) -> Result<i64> {
        Ok(self.one("SELECT newest FROM clock", [], |row| row.get(0))?.unwrap_or(0))
    }

    /// Whether nothing expires until a person has looked.
    pub fn stopped(&self) -> Result<Option<Stopped>> {
        let sql = "SELECT stopped, reason, said FROM clock WHERE stopped IS NOT NULL";
        self.one(sql, [], |row| Ok(Stopped { at: row.get(0)?, reason: row.get(1)?, said: row.get(2)? }))
    }

    /// When retention last ran by itself.
    pub fn retained(&self) -> Result<Option<i64>> {
        Ok(self.one("SELECT MAX(at) FROM retained", [], |row| row.get(0))?.flatten())
    }

    pub fn set_retained(&self, at: i64) -> Result<()> {
        self.change("DELETE FROM retained", [])?;
        self.change("INSERT INTO retained (at) VALUES (?1)", [at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_of_silence_is_believed_and_a_jump_is_not() {
        let day = 24 * 3600;
        let now = 20_000 * day;
        for good in [now, now + 35 * day, now - 2 * 3600] {
            assert_eq!(doubt(now, good), None);
        }
        for bad in [now + 35 * day + 1, now + 3650 * day, now - 2 * 3600 - 1, 0] {
            assert!(doubt(now, bad).is_some(), "{bad}");
        }
        assert_eq!(doubt(0, now), None, "the first entry of a ledger");
    }
}
