//! Other sites: who is paired with this one, and the certificates that let a DRC read.

use rusqlite::{Row, params};

use super::{Catalog, Result};
use crate::pki::CertificateHash;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSite {
    pub site: String,
    pub role: String,
    pub name: String,
    /// The key that signs its ledger.
    pub key: String,
    /// SHA-256 of its CA, and of the card that a person compared.
    pub ca: String,
    pub card: String,
    pub since: i64,
    pub ended: Option<i64>,
}

const PEER: &str = "p.site, p.role, p.name, p.key, p.ca, p.card, p.since, p.ended";

fn peer_row(row: &Row) -> rusqlite::Result<PeerSite> {
    Ok(PeerSite {
        site: row.get(0)?,
        role: row.get(1)?,
        name: row.get(2)?,
        key: row.get(3)?,
        ca: row.get(4)?,
        card: row.get(5)?,
        since: row.get(6)?,
        ended: row.get(7)?,
    })
}

impl Catalog {
    pub fn peer(&self, site: &str) -> Result<Option<PeerSite>> {
        self.one(&format!("SELECT {PEER} FROM peer p WHERE p.site = ?1"), [site], peer_row)
    }

    pub fn peers(&self) -> Result<Vec<PeerSite>> {
        self.all(&format!("SELECT {PEER} FROM peer p ORDER BY p.site"), [], peer_row)
    }

    /// The paired site that a certificate was issued to, if neither is over, and when the certificate ends.
    pub fn reader_of(&self, certificate: CertificateHash, now: i64) -> Result<Option<(String, i64)>> {
        let sql = "SELECT p.site, c.not_after FROM peer_certificate c JOIN peer p ON p.site = c.site \
                   WHERE c.hash = ?1 AND c.not_after > ?2 AND p.ended IS NULL";
        self.one(sql, params![&certificate.0[..], now], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How many of a reader's certificates end after a time.
    pub fn reader_certificates_after(&self, site: &str, not_after: i64) -> Result<usize> {
        let sql = "SELECT COUNT(*) FROM peer_certificate WHERE site = ?1 AND not_after > ?2";
        Ok(self.one(sql, params![site, not_after], |row| row.get::<_, i64>(0))?.unwrap_or(0) as usize)
    }

    pub fn set_heard(&self, site: &str, at: i64) -> Result<()> {
        self.change("INSERT OR REPLACE INTO heard (site, at) VALUES (?1, ?2)", params![site, at])
    }

    /// When a site last answered.
    pub fn heard(&self, site: &str) -> Result<Option<i64>> {
        self.one("SELECT at FROM heard WHERE site = ?1", [site], |row| row.get(0))
    }
}
