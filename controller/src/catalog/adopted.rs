//! What was taken over from another site: its agents, whose CAs are let in, and where the Pusat Data
//! went.

use pulih_ledger::entry::Body;
use pulih_ledger::ids::DisasterId;
use rusqlite::{Transaction, params};

use super::follow::seconds;
use super::{Catalog, Result};
use crate::pki::CertificateHash;

pub const TABLES: &str = "
    -- Cards by which a CA is known here, those of pairings that are over too: what it issued may be adopted.
    CREATE TABLE known_card (card TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
    -- Every key that a site's ledger was ever believed by, the oldest first.
    CREATE TABLE site_key (site TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (site, key)) STRICT;
    -- Those of pairings of before this was followed.
    INSERT INTO known_card (card, number) SELECT card, 0 FROM peer;
    INSERT INTO site_key (site, key, number) SELECT site, key, 0 FROM peer;
    CREATE TABLE adoption (
        site TEXT NOT NULL, size INTEGER NOT NULL, disaster TEXT, at INTEGER NOT NULL, number INTEGER PRIMARY KEY
    ) STRICT;
    CREATE TABLE adopted_agent (agent TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
    CREATE TABLE moved (site TEXT NOT NULL, url TEXT NOT NULL, card TEXT NOT NULL, number INTEGER PRIMARY KEY) STRICT;
";

/// Which certificates were taken over with an agent, or may descend from such a one.
pub const TAKEN_OVER: &str = "
    ALTER TABLE certificate ADD COLUMN taken_over INTEGER NOT NULL DEFAULT 0;
    UPDATE certificate SET taken_over = 1 WHERE agent IN (SELECT agent FROM adopted_agent);
";

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, index: u64, at: i64, body: &Body) -> rusqlite::Result<bool> {
    let know = |card: String| {
        let sql = "INSERT OR IGNORE INTO known_card (card, number) VALUES (?1, ?2)";
        db.execute(sql, params![card, index as i64]).map(|_| ())
    };
    match body {
        Body::SitePaired(its) => {
            know(its.card_sha256.to_string())?;
            let sql = "INSERT OR IGNORE INTO site_key (site, key, number) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![its.peer.as_str(), its.key.to_string(), index as i64])?;
            // What it changes of the pairing itself is followed elsewhere.
            return Ok(false);
        }
        Body::SiteAdopted(its) => {
            its.cards.iter().try_for_each(|card| know(card.to_string()))?;
            let sql = "INSERT INTO adoption (site, size, disaster, at, number) VALUES (?1, ?2, ?3, ?4, ?5)";
            let disaster = its.disaster.as_ref().map(DisasterId::as_str);
            db.execute(sql, params![its.from.as_str(), its.size as i64, disaster, at, index as i64])?;
        }
        Body::AgentAdopted(its) => {
            let agent = its.agent.as_str();
            // From here on no key that was named before lets it back in: which came first is not known here.
            let sql = "INSERT INTO agent (name, opd, enrolled, enrolment) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT (name) DO UPDATE SET enrolment = ?4";
            db.execute(sql, params![agent, its.opd.as_str(), at, index as i64])?;
            // What the other site ended since it was adopted the last time is over here too.
            db.execute("DELETE FROM certificate WHERE agent = ?1", [agent])?;
            for one in &its.certificates {
                let sql =
                    "INSERT OR IGNORE INTO certificate (hash, agent, not_after, taken_over) VALUES (?1, ?2, ?3, 1)";
                db.execute(sql, params![&one.certificate_sha256.0[..], agent, seconds(&one.not_after)])?;
            }
            let sql = "INSERT OR REPLACE INTO adopted_agent (agent, number) VALUES (?1, ?2)";
            db.execute(sql, params![agent, index as i64])?;
        }
        Body::PusatMoved(its) => {
            know(its.card_sha256.to_string())?;
            let sql = "INSERT INTO moved (site, url, card, number) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![its.peer.as_str(), its.url, its.card_sha256.to_string(), index as i64])?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Where agents go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub site: String,
    pub url: String,
    /// SHA-256 of the card's file.
    pub card: String,
}

impl Catalog {
    /// SHA-256 of the files of all cards that this site ever believed, the oldest first.
    pub fn known_cards(&self) -> Result<Vec<String>> {
        self.all("SELECT card FROM known_card ORDER BY number, card", [], |row| row.get(0))
    }

    /// The key that a site's ledger was first believed by.
    pub fn first_key(&self, site: &str) -> Result<Option<String>> {
        self.one("SELECT key FROM site_key WHERE site = ?1 ORDER BY number LIMIT 1", [site], |row| row.get(0))
    }

    /// Whether an agent goes on here: it said hello, and was not refused.
    pub fn has_lineages(&self) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM lineage WHERE refused = 0 LIMIT 1", [], |_| Ok(()))?.is_some())
    }

    /// Whether everything was adopted in a disaster.
    pub fn has_adopted_in(&self, disaster: &str) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM adoption WHERE disaster = ?1", [disaster], |_| Ok(()))?.is_some())
    }

    /// Whether everything was adopted of a site's ledger of so many entries.
    pub fn has_adopted_from(&self, site: &str, size: u64) -> Result<bool> {
        let sql = "SELECT 1 FROM adoption WHERE site = ?1 AND size = ?2";
        Ok(self.one(sql, params![site, size as i64], |_| Ok(()))?.is_some())
    }

    /// Agents that were adopted since the last adoption that came to its end.
    pub fn adopted_agents(&self) -> Result<Vec<String>> {
        let sql = "SELECT agent FROM adopted_agent WHERE number > (SELECT COALESCE(MAX(number), -1) FROM adoption)";
        self.all(sql, [], |row| row.get(0))
    }

    /// The certificates of an agent that end after a time, those that end last first.
    pub fn certificates_of(&self, agent: &str, now: i64) -> Result<Vec<(CertificateHash, i64)>> {
        let sql = "SELECT hash, not_after FROM certificate WHERE agent = ?1 AND not_after > ?2 ORDER BY not_after DESC";
        self.all(sql, params![agent, now], |row| Ok((CertificateHash(row.get(0)?), row.get(1)?)))
    }

    /// Whether an agent may still be let in by a certificate that another site issued, or by one that was given for
    /// such a one.
    pub fn is_taken_over(&self, agent: &str, now: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM certificate WHERE agent = ?1 AND not_after > ?2 AND taken_over = 1 LIMIT 1";
        Ok(self.one(sql, params![agent, now], |_| Ok(()))?.is_some())
    }

    /// Where the Pusat Data went, as it was last said.
    pub fn moved(&self) -> Result<Option<Moved>> {
        let sql = "SELECT site, url, card FROM moved ORDER BY number DESC LIMIT 1";
        self.one(sql, [], |row| Ok(Moved { site: row.get(0)?, url: row.get(1)?, card: row.get(2)? }))
    }
}
