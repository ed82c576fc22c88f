//! Which objects of vaults are in the store, and how large they are.

use rusqlite::params;

use super::{Catalog, Result};

/// What each vault has together: quotas are held against it for every snapshot, and a site has objects by the
/// million.
pub const TABLES: &str = "
    CREATE TABLE stored (vault TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO stored (vault, bytes) SELECT vault, SUM(size) FROM object GROUP BY vault;
    CREATE TRIGGER object_counted AFTER INSERT ON object BEGIN
        INSERT INTO stored (vault, bytes) VALUES (new.vault, new.size)
        ON CONFLICT (vault) DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER object_gone AFTER DELETE ON object BEGIN
        UPDATE stored SET bytes = bytes - old.size WHERE vault = old.vault;
    END;
";

impl Catalog {
    pub fn add_object(&self, vault: &str, name: &str, size: u64) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO object (vault, name, size) VALUES (?1, ?2, ?3)";
        self.change(sql, params![vault, name, size as i64])
    }

    pub fn has_object(&self, vault: &str, name: &str) -> Result<bool> {
        Ok(self.object_size(vault, name)?.is_some())
    }

    /// Bytes that each OPD has stored.
    pub fn stored_by_opd(&self) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT a.opd, SUM(s.bytes) FROM stored s JOIN vault v ON v.id = s.vault \
                   JOIN agent a ON a.name = v.agent GROUP BY a.opd";
        self.all(sql, [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))
    }

    /// Bytes that one OPD has stored.
    pub fn stored_of(&self, opd: &str) -> Result<u64> {
        let sql = "SELECT COALESCE(SUM(s.bytes), 0) FROM agent a JOIN vault v ON v.agent = a.name \
                   JOIN stored s ON s.vault = v.id WHERE a.opd = ?1";
        Ok(self.one(sql, [opd], |row| row.get::<_, i64>(0))?.unwrap_or(0) as u64)
    }

    pub fn object_size(&self, vault: &str, name: &str) -> Result<Option<u64>> {
        let sql = "SELECT size FROM object WHERE vault = ?1 AND name = ?2";
        self.one(sql, [vault, name], |row| Ok(row.get::<_, i64>(0)? as u64))
    }

    /// Whether the store's objects were all counted once: not so in a catalog that was made anew, or
    /// whose count was broken off.
    pub fn is_counted(&self) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM counted LIMIT 1", [], |_| Ok(()))?.is_some())
    }

    pub fn set_counted(&self, at: i64) -> Result<()> {
        self.change("INSERT INTO counted (at) VALUES (?1)", [at])
    }
}
