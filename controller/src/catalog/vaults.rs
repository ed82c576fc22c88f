//! Vaults, who writes into them, and whose turn it is.

use std::collections::BTreeMap;

use rusqlite::{Row, params};

use super::{Catalog, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    pub id: String,
    /// Its one writer.
    pub agent: String,
    pub opd: String,
    pub class: String,
    /// How many of its descriptions are on the ledger.
    pub described: u64,
    /// The entry of the ledger that first named the agent key which the newest of them names.
    pub keyed: u64,
}

/// One line of states of a server, from one hello to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    pub id: String,
    pub agent: String,
    pub machine: String,
    pub host: String,
    /// As a clone, or because its server was set up anew.
    pub refused: bool,
    pub clone: bool,
    /// What comes as `last` with the next hello; unknown since the catalog was made again.
    pub next: Option<String>,
}

fn vault_row(row: &Row) -> rusqlite::Result<Vault> {
    Ok(Vault {
        id: row.get(0)?,
        agent: row.get(1)?,
        opd: row.get(2)?,
        class: row.get(3)?,
        described: row.get::<_, i64>(4)? as u64,
        keyed: row.get::<_, i64>(5)? as u64,
    })
}

const VAULTS: &str =
    "SELECT v.id, v.agent, a.opd, v.class, v.described, v.keyed FROM vault v JOIN agent a ON a.name = v.agent";

const LINEAGES: &str = "SELECT l.id, l.agent, l.machine, l.host, l.refused, t.next FROM lineage l \
    LEFT JOIN turn t ON t.lineage = l.id";

fn lineage_row(row: &Row) -> rusqlite::Result<Lineage> {
    Ok(Lineage {
        id: row.get(0)?,
        agent: row.get(1)?,
        machine: row.get(2)?,
        host: row.get(3)?,
        refused: row.get(4)?,
        clone: row.get::<_, i64>(4)? == 1,
        next: row.get(5)?,
    })
}

impl Catalog {
    pub fn vault(&self, id: &str) -> Result<Option<Vault>> {
        self.one(&format!("{VAULTS} WHERE v.id = ?1"), [id], vault_row)
    }

    pub fn vaults(&self) -> Result<Vec<Vault>> {
        self.all(&format!("{VAULTS} ORDER BY v.id"), [], vault_row)
    }

    pub fn vaults_of(&self, agent: &str) -> Result<Vec<Vault>> {
        self.all(&format!("{VAULTS} WHERE v.agent = ?1 ORDER BY v.id"), [agent], vault_row)
    }

    /// The lineages of an agent, the oldest first.
    pub fn lineages(&self, agent: &str) -> Result<Vec<Lineage>> {
        self.all(&format!("{LINEAGES} WHERE l.agent = ?1 ORDER BY l.number"), [agent], lineage_row)
    }

    /// Those of each agent, the oldest first.
    pub fn lineages_by_agent(&self) -> Result<BTreeMap<String, Vec<Lineage>>> {
        let mut by_agent: BTreeMap<String, Vec<Lineage>> = BTreeMap::new();
        for its in self.all(&format!("{LINEAGES} ORDER BY l.number"), [], lineage_row)? {
            by_agent.entry(its.agent.clone()).or_default().push(its);
        }
        Ok(by_agent)
    }

    /// Whether a lineage is the agent's, and was refused.
    pub fn lineage_refused(&self, agent: &str, lineage: &str) -> Result<Option<bool>> {
        let sql = "SELECT refused FROM lineage WHERE id = ?1 AND agent = ?2";
        self.one(sql, [lineage, agent], |row| row.get(0))
    }

    /// On the disk when it returns: an agent whose turn the power took would be held for one that
    /// was put back from an image.
    pub fn set_turn(&self, lineage: &str, next: &str) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO turn (lineage, next) VALUES (?1, ?2)";
        self.durably(|catalog| catalog.change(sql, [lineage, next]))
    }

    pub fn is_doomed(&self, vault: &str, pack: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM doomed WHERE vault = ?1 AND pack = ?2";
        Ok(self.one(sql, [vault, pack], |_| Ok(()))?.is_some())
    }

    pub fn has_doomed(&self, vault: &str) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM doomed WHERE vault = ?1 LIMIT 1", [vault], |_| Ok(()))?.is_some())
    }

    pub fn doomed(&self, vault: &str) -> Result<Vec<String>> {
        self.all("SELECT pack FROM doomed WHERE vault = ?1 ORDER BY pack", params![vault], |row| row.get(0))
    }
}
