//! What has expired, what is doomed and since when, what was deleted and is still there.

use pulih_vault::store::ObjectName;
use rusqlite::params;

use super::super::points::{POINT, Point, point};
use super::super::{Catalog, Result};

/// A pack that no new snapshot may need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    pub pack: String,
    pub at: i64,
}

impl Catalog {
    /// The number of the snapshot that came last into a vault: whether it is still the same says
    /// whether another came.
    pub fn newest_number(&self, vault: &str) -> Result<i64> {
        let sql = "SELECT MAX(number) FROM snapshot WHERE vault = ?1";
        Ok(self.one(sql, [vault], |row| row.get(0))?.flatten().unwrap_or(-1))
    }

    /// Snapshots of a vault that have expired, and whose packs are not all doomed or whose manifest
    /// may still be there.
    pub fn unsettled(&self, vault: &str) -> Result<Vec<Point>> {
        let sql = format!(
            "SELECT {POINT} FROM snapshot s WHERE s.vault = ?1 AND s.expired IS NOT NULL AND NOT EXISTS (SELECT 1 FROM \
             settled t WHERE t.vault = s.vault AND t.dataset = s.dataset AND t.name = s.name) ORDER BY s.number"
        );
        self.all(&sql, [vault], point)
    }

    /// An expired snapshot is gone from the store, and what only it needed is doomed.
    pub fn settle(&self, its: &Point) -> Result<()> {
        let names = [&its.vault, &its.dataset, &its.snapshot];
        self.change("INSERT OR IGNORE INTO settled (vault, dataset, name) VALUES (?1, ?2, ?3)", names)?;
        self.change("DELETE FROM locked WHERE vault = ?1 AND dataset = ?2 AND name = ?3", names)?;
        self.change("DELETE FROM measure WHERE vault = ?1 AND dataset = ?2 AND name = ?3", names)
    }

    /// Doomed packs of a vault whose entry is not newer than a time.
    pub fn doomed_until(&self, vault: &str, at: i64) -> Result<Vec<Doomed>> {
        let sql = "SELECT pack, at FROM doomed WHERE vault = ?1 AND at <= ?2 ORDER BY pack";
        self.all(sql, params![vault, at], |row| Ok(Doomed { pack: row.get(0)?, at: row.get(1)? }))
    }

    /// Packs that the next backup should need no more, without those that are doomed anyway.
    pub fn avoided(&self, vault: &str) -> Result<Vec<String>> {
        let sql = "SELECT pack FROM avoided a WHERE vault = ?1 AND NOT EXISTS \
                   (SELECT 1 FROM doomed d WHERE d.vault = a.vault AND d.pack = a.pack) ORDER BY pack";
        self.all(sql, [vault], |row| row.get(0))
    }

    /// Indexes and reaches of a vault that are in the store.
    pub fn small_objects(&self, vault: &str) -> Result<Vec<String>> {
        let folder = |kind: &str| (format!("vaults/{vault}/{kind}/"), format!("vaults/{vault}/{kind}0"));
        let sql = "SELECT name FROM object WHERE vault = ?1 AND name > ?2 AND name < ?3 ORDER BY name";
        let mut names = Vec::new();
        // `0` comes right after `/`.
        for (from, to) in ["index", "reach"].map(folder) {
            names.extend(self.all(sql, params![vault, from, to], |row| row.get::<_, String>(0))?);
        }
        Ok(names)
    }

    /// Remembers which of these nothing kept needs, since when that is so, and forgets all others.
    pub fn set_unneeded(&self, vault: &str, names: &[String], now: i64) -> Result<()> {
        let known = self.all("SELECT name FROM unneeded WHERE vault = ?1", [vault], |row| row.get::<_, String>(0))?;
        self.together(|catalog| {
            for gone in known.iter().filter(|name| names.binary_search(name).is_err()) {
                catalog.change("DELETE FROM unneeded WHERE vault = ?1 AND name = ?2", [vault, gone])?;
            }
            let sql = "INSERT OR IGNORE INTO unneeded (vault, name, since) VALUES (?1, ?2, ?3)";
            names.iter().try_for_each(|name| catalog.change(sql, params![vault, name, now]))
        })
    }

    /// Those that nothing kept has needed since a time or longer.
    pub fn unneeded_until(&self, vault: &str, since: i64) -> Result<Vec<String>> {
        let sql = "SELECT name FROM unneeded WHERE vault = ?1 AND since <= ?2 ORDER BY name";
        self.all(sql, params![vault, since], |row| row.get(0))
    }

    /// Whether an object was written down as deleted and not seen to be gone.
    pub fn is_deleted(&self, vault: &str, name: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM deleted WHERE vault = ?1 AND name = ?2";
        Ok(self.one(sql, [vault, name], |_| Ok(()))?.is_some())
    }

    pub fn has_deleted(&self, vault: &str) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM deleted WHERE vault = ?1 LIMIT 1", [vault], |_| Ok(()))?.is_some())
    }

    /// Objects of a vault that were written down as deleted and may still be there.
    pub fn deleted(&self, vault: &str) -> Result<Vec<String>> {
        self.all("SELECT name FROM deleted WHERE vault = ?1 ORDER BY name", [vault], |row| row.get(0))
    }

    /// How many those are at this site.
    pub fn count_deleted(&self) -> Result<u64> {
        Ok(self.one("SELECT COUNT(*) FROM deleted", [], |row| row.get::<_, i64>(0))?.unwrap_or(0) as u64)
    }

    /// An object that was to be deleted is needed again, and stays.
    pub fn reclaim(&self, vault: &str, name: &str, pack: Option<&str>) -> Result<()> {
        self.change("DELETE FROM deleted WHERE vault = ?1 AND name = ?2", [vault, name])?;
        match pack {
            Some(pack) => self.change("DELETE FROM doomed WHERE vault = ?1 AND pack = ?2", [vault, pack]),
            None => Ok(()),
        }
    }

    /// An object is gone from the store. `pack` is its hash, if it is a pack.
    pub fn forget(&self, vault: &str, name: &ObjectName, pack: Option<&str>) -> Result<()> {
        self.together(|catalog| {
            let named = [vault, name.as_str()];
            for table in ["object", "deleted", "unneeded"] {
                catalog.change(&format!("DELETE FROM {table} WHERE vault = ?1 AND name = ?2"), named)?;
            }
            catalog.change("DELETE FROM lock WHERE name = ?1", [name.as_str()])?;
            for table in pack.map_or(&[][..], |_| &["doomed", "avoided"]) {
                catalog.change(&format!("DELETE FROM {table} WHERE vault = ?1 AND pack = ?2"), params![vault, pack])?;
            }
            Ok(())
        })
    }
}
