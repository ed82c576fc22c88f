//! What offices allow: that a dataset is saved, and that content is fetched.

use std::collections::BTreeSet;

use rusqlite::{Row, params};

use super::{Catalog, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub id: String,
    pub opd: String,
    pub vault: String,
    pub dataset: String,
    pub by: String,
    pub letter: String,
    /// SHA-256 of the letter, in hexadecimal.
    pub document: String,
    pub until: Option<i64>,
    pub ended: Option<i64>,
}

/// Asked for while `until` is `None`; given from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub id: String,
    pub vault: String,
    /// `None`: any.
    pub dataset: Option<String>,
    pub manifest: Option<String>,
    pub agent: String,
    pub reason: String,
    pub until: Option<i64>,
    pub ended: Option<i64>,
}

const GRANT: &str = "SELECT id, vault, dataset, manifest, agent, reason, until, ended FROM grants";

fn grant_row(row: &Row) -> rusqlite::Result<Grant> {
    Ok(Grant {
        id: row.get(0)?,
        vault: row.get(1)?,
        dataset: row.get(2)?,
        manifest: row.get(3)?,
        agent: row.get(4)?,
        reason: row.get(5)?,
        until: row.get(6)?,
        ended: row.get(7)?,
    })
}

impl Catalog {
    /// Whether a dataset's approval is on record and in force.
    pub fn is_approved(&self, vault: &str, dataset: &str, now: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM approval WHERE vault = ?1 AND dataset = ?2 AND ended IS NULL \
                   AND (until IS NULL OR until > ?3) LIMIT 1";
        Ok(self.one(sql, params![vault, dataset, now], |_| Ok(()))?.is_some())
    }

    /// Vaults and datasets whose approval is in force.
    pub fn approved(&self, now: i64) -> Result<BTreeSet<(String, String)>> {
        let sql = "SELECT vault, dataset FROM approval WHERE ended IS NULL AND (until IS NULL OR until > ?1)";
        Ok(self.all(sql, [now], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
    }

    /// Datasets of a vault that were ever approved.
    pub fn datasets_approved(&self, vault: &str) -> Result<Vec<String>> {
        self.all("SELECT DISTINCT dataset FROM approval WHERE vault = ?1", [vault], |row| row.get(0))
    }

    pub fn approvals(&self) -> Result<Vec<Approval>> {
        let sql = "SELECT id, opd, vault, dataset, by, letter, document, until, ended FROM approval ORDER BY opd, dataset, rowid";
        self.all(sql, [], |row| {
            Ok(Approval {
                id: row.get(0)?,
                opd: row.get(1)?,
                vault: row.get(2)?,
                dataset: row.get(3)?,
                by: row.get(4)?,
                letter: row.get(5)?,
                document: row.get(6)?,
                until: row.get(7)?,
                ended: row.get(8)?,
            })
        })
    }

    pub fn grant(&self, id: &str) -> Result<Option<Grant>> {
        self.one(&format!("{GRANT} WHERE id = ?1"), [id], grant_row)
    }

    pub fn grants(&self) -> Result<Vec<Grant>> {
        self.all(&format!("{GRANT} ORDER BY rowid"), [], grant_row)
    }

    /// Those that let an agent fetch from a vault now.
    pub fn grants_in_force(&self, agent: &str, vault: &str, now: i64) -> Result<Vec<Grant>> {
        let sql = format!("{GRANT} WHERE agent = ?1 AND vault = ?2 AND until > ?3 AND ended IS NULL ORDER BY rowid");
        self.all(&sql, params![agent, vault, now], grant_row)
    }

    /// Vaults that grants let an agent fetch from now.
    pub fn granted_vaults(&self, agent: &str, now: i64) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT vault FROM grants WHERE agent = ?1 AND until > ?2 AND ended IS NULL ORDER BY vault";
        self.all(sql, params![agent, now], |row| row.get(0))
    }

    /// Requests of an agent that nobody has answered.
    pub fn open_requests(&self, agent: &str) -> Result<usize> {
        let sql = "SELECT COUNT(*) FROM grants WHERE agent = ?1 AND until IS NULL AND ended IS NULL";
        Ok(self.one(sql, [agent], |row| row.get::<_, i64>(0))?.unwrap_or(0) as usize)
    }

    pub fn was_used(&self, grant: &str, dataset: &str, manifest: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM grant_use WHERE id = ?1 AND dataset = ?2 AND manifest = ?3";
        Ok(self.one(sql, [grant, dataset, manifest], |_| Ok(()))?.is_some())
    }
}
