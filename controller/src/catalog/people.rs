//! Offices, people, servers, and the certificates that let servers in.

use rusqlite::{Row, params};

use super::{Catalog, Result};
use crate::pki::CertificateHash;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opd {
    pub name: String,
    pub title: String,
    /// The fingerprint of its owner key.
    pub owner: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    pub name: String,
    pub roles: Vec<String>,
    /// The office that a walidata speaks for.
    pub opd: Option<String>,
    /// When this was last said of the person.
    pub at: i64,
    /// Number of the decree that appoints the person, and until when it does.
    pub decree: Option<String>,
    pub until: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub name: String,
    pub opd: String,
    pub enrolled: i64,
    pub revoked: Option<i64>,
    /// The entry of the ledger by which a token of it was used last.
    pub enrolment: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub agent: String,
    pub opd: String,
    pub expires: i64,
    pub again: bool,
    pub used: bool,
}

const AGENT: &str = "a.name, a.opd, a.enrolled, a.revoked, a.enrolment";

fn agent_row(row: &Row) -> rusqlite::Result<Agent> {
    Ok(Agent {
        name: row.get(0)?,
        opd: row.get(1)?,
        enrolled: row.get(2)?,
        revoked: row.get(3)?,
        enrolment: row.get::<_, i64>(4)? as u64,
    })
}

impl Catalog {
    pub fn opd(&self, name: &str) -> Result<Option<Opd>> {
        let row = |row: &Row| Ok(Opd { name: row.get(0)?, title: row.get(1)?, owner: row.get(2)? });
        self.one("SELECT name, title, owner FROM opd WHERE name = ?1", [name], row)
    }

    pub fn opds(&self) -> Result<Vec<Opd>> {
        let row = |row: &Row| Ok(Opd { name: row.get(0)?, title: row.get(1)?, owner: row.get(2)? });
        self.all("SELECT name, title, owner FROM opd ORDER BY name", [], row)
    }

    pub fn users(&self) -> Result<Vec<User>> {
        self.all("SELECT id, name, roles, opd, at, decree, until FROM user ORDER BY id", [], |row| {
            let roles: String = row.get(2)?;
            let roles = roles.split_whitespace().map(str::to_owned).collect();
            Ok(User {
                id: row.get(0)?,
                name: row.get(1)?,
                roles,
                opd: row.get(3)?,
                at: row.get(4)?,
                decree: row.get(5)?,
                until: row.get(6)?,
            })
        })
    }

    pub fn user(&self, id: &str) -> Result<Option<User>> {
        Ok(self.users()?.into_iter().find(|user| user.id == id))
    }

    /// Which entries of the ledger gave people their keys.
    pub fn user_entries(&self) -> Result<Vec<u64>> {
        self.all("SELECT number FROM user_entry ORDER BY number", [], |row| Ok(row.get::<_, i64>(0)? as u64))
    }

    pub fn invitation(&self, secret_hash: &[u8]) -> Result<Option<Invitation>> {
        let sql = "SELECT agent, opd, expires, again, used FROM invitation WHERE secret_hash = ?1";
        self.one(sql, [secret_hash], |row| {
            Ok(Invitation {
                agent: row.get(0)?,
                opd: row.get(1)?,
                expires: row.get(2)?,
                again: row.get(3)?,
                used: row.get(4)?,
            })
        })
    }

    pub fn agent(&self, name: &str) -> Result<Option<Agent>> {
        self.one(&format!("SELECT {AGENT} FROM agent a WHERE a.name = ?1"), [name], agent_row)
    }

    pub fn agents(&self) -> Result<Vec<Agent>> {
        self.all(&format!("SELECT {AGENT} FROM agent a ORDER BY a.opd, a.name"), [], agent_row)
    }

    /// The agent that a certificate was issued to and when the certificate ends, if neither is
    /// revoked or over.
    pub fn agent_of(&self, certificate: CertificateHash, now: i64) -> Result<Option<(Agent, i64)>> {
        let sql = format!(
            "SELECT {AGENT}, c.not_after FROM certificate c JOIN agent a ON a.name = c.agent \
             WHERE c.hash = ?1 AND c.not_after > ?2 AND a.revoked IS NULL"
        );
        self.one(&sql, params![&certificate.0[..], now], |row| Ok((agent_row(row)?, row.get(5)?)))
    }

    /// When the last of an agent's certificates ends, of those that end until `before`.
    pub fn certified_until(&self, agent: &str, before: i64) -> Result<Option<i64>> {
        let sql = "SELECT MAX(not_after) FROM certificate WHERE agent = ?1 AND not_after <= ?2";
        Ok(self.one(sql, params![agent, before], |row| row.get(0))?.flatten())
    }

    /// How many of an agent's certificates end after a time.
    pub fn certificates_after(&self, agent: &str, not_after: i64) -> Result<usize> {
        let sql = "SELECT COUNT(*) FROM certificate WHERE agent = ?1 AND not_after > ?2";
        Ok(self.one(sql, params![agent, not_after], |row| row.get::<_, i64>(0))?.unwrap_or(0) as usize)
    }
}
