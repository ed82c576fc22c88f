//! Following the ledger: each entry changes the catalog once, in the order in which it was
//! written, together with how far the catalog has come.

use pulih_ledger::entry::Body;
use pulih_ledger::time::Time;
use pulih_vault::utc;
use rusqlite::{Transaction, params};

use super::{Catalog, CatalogError, Result};

fn seconds(time: &Time) -> i64 {
    utc::parse(time.as_str()).unwrap_or(0)
}

impl Catalog {
    /// The entry of the ledger that comes next.
    pub fn next_entry(&self) -> Result<u64> {
        let size: Option<i64> = self.one("SELECT size FROM ledger", [], |row| row.get(0))?;
        Ok(size.unwrap_or(0) as u64)
    }

    /// Takes in the entry with this index. `body` is `None` for one of a kind that this version
    /// does not know: it changes nothing here.
    pub fn follow(&mut self, index: u64, at: &Time, body: Option<&Body>) -> Result<()> {
        let next = self.next_entry()?;
        if next != index {
            return Err(CatalogError::OutOfStep { path: self.path.clone(), at: next, index });
        }
        let path = self.path.clone();
        let failed = |source| CatalogError::Sqlite { path: path.clone(), source };
        let transaction = self.db.transaction().map_err(failed)?;
        if let Some(body) = body {
            apply(&transaction, seconds(at), body).map_err(failed)?;
        }
        transaction.execute("UPDATE ledger SET size = ?1", [index as i64 + 1]).map_err(failed)?;
        transaction.commit().map_err(failed)
    }
}

fn apply(db: &Transaction, at: i64, body: &Body) -> rusqlite::Result<()> {
    match body {
        Body::OpdAdded(its) => {
            let owner = its.owner.map(|owner| owner.to_string());
            let sql = "INSERT OR REPLACE INTO opd (name, title, owner) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![its.opd.as_str(), its.name, owner])
        }
        Body::AgentInvited(its) => {
            let sql = "INSERT OR IGNORE INTO invitation (secret_hash, agent, opd, expires, used) VALUES (?1, ?2, ?3, ?4, 0)";
            let values = params![&its.token_sha256.0[..], its.agent.as_str(), its.opd.as_str(), seconds(&its.expires)];
            db.execute(sql, values)
        }
        Body::CertificateIssued(its) => {
            let agent = its.agent.as_str();
            // The first certificate of an agent is what its invitation was for.
            let sql = "INSERT OR IGNORE INTO agent (name, opd, host, enrolled) \
                       SELECT agent, opd, '', ?2 FROM invitation WHERE agent = ?1";
            db.execute(sql, params![agent, at])?;
            db.execute("UPDATE invitation SET used = 1 WHERE agent = ?1", [agent])?;
            let sql = "INSERT OR IGNORE INTO certificate (hash, agent, not_after) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![&its.certificate_sha256.0[..], agent, seconds(&its.not_after)])
        }
        Body::AgentEnrolled(its) => {
            db.execute("UPDATE agent SET host = ?2 WHERE name = ?1", [its.agent.as_str(), &its.host])?;
            let sql = "INSERT OR IGNORE INTO vault (id, agent, class) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![its.vault.to_string(), its.agent.as_str(), its.class])
        }
        Body::AgentRevoked(its) => {
            db.execute("UPDATE agent SET revoked = ?2 WHERE name = ?1 AND revoked IS NULL", params![its.agent.as_str(), at])
        }
        Body::SnapshotAccepted(its) => {
            let sql = "INSERT OR IGNORE INTO snapshot \
                       (vault, dataset, name, captured, accepted, keep_until, tiers, partial) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let values = params![
                its.vault.to_string(),
                its.dataset.to_string(),
                its.manifest.to_string(),
                its.captured.as_str(),
                at,
                its.keep_until.as_ref().map(seconds),
                its.tiers.join(" "),
                its.partial,
            ];
            db.execute(sql, values)
        }
        _ => Ok(0),
    }
    .map(|_| ())
}
