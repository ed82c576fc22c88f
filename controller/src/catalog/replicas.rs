//! What a DRC has: pinned vaults, complete snapshots, and what it refused.

use rusqlite::{Row, params};

use super::{Catalog, Result};

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

impl Catalog {
    pub fn pin(&self, vault: &str) -> Result<Option<Pin>> {
        self.one("SELECT vault, opd, agent, class, owner FROM pin WHERE vault = ?1", [vault], pin_row)
    }

    pub fn pins(&self) -> Result<Vec<Pin>> {
        self.all("SELECT vault, opd, agent, class, owner FROM pin ORDER BY vault", [], pin_row)
    }

    /// Those that are kept.
    pub fn replicas(&self) -> Result<Vec<Replica>> {
        let sql = "SELECT vault, dataset, name, accepted, replicated, keep_until, stored_bytes, partial FROM replica \
                   WHERE expired IS NULL \
                   UNION ALL SELECT s.vault, s.dataset, s.name, s.accepted, s.accepted, s.keep_until, s.stored_bytes, \
                   s.partial FROM snapshot s WHERE s.expired IS NULL AND NOT EXISTS (SELECT 1 FROM replica r \
                   WHERE r.vault = s.vault AND r.dataset = s.dataset AND r.name = s.name)";
        self.all(sql, [], |row| {
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
        })
    }

    /// Vault, dataset and name of all that ever were complete here.
    pub fn replicated(&self) -> Result<Vec<(String, String, String)>> {
        self.all("SELECT vault, dataset, name FROM replica", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    }

    /// Also one that has expired here: it does not come again.
    pub fn has_replica(&self, vault: &str, dataset: &str, snapshot: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM replica WHERE vault = ?1 AND dataset = ?2 AND name = ?3";
        Ok(self.one(sql, [vault, dataset, snapshot], |_| Ok(()))?.is_some())
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
