//! What clauses of regulations are held against beside backups and drills: packs in force, what people state and audit,
//! classes of datasets, what the site says of itself. For lists and for what may not be said twice; figures come from
//! the ledger itself.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{AttestationGiven, DatasetClassified, RegulationApplied, SiteDescribed};
use rusqlite::{Row, Transaction, params};
use serde::Serialize;
use serde_json::Value;

use super::follow::seconds;
use super::{Catalog, Result};

pub const TABLES: &str = "
    -- What follows from the ledger.
    CREATE TABLE regulation (
        name TEXT NOT NULL, version INTEGER NOT NULL, object TEXT NOT NULL, text TEXT NOT NULL, applied INTEGER NOT NULL,
        PRIMARY KEY (name, version)
    ) STRICT;
    CREATE TABLE attestation (
        id TEXT PRIMARY KEY, regulation TEXT NOT NULL, clause TEXT NOT NULL, item TEXT NOT NULL, until INTEGER NOT NULL,
        ended INTEGER, number INTEGER NOT NULL, at INTEGER NOT NULL, user TEXT, said TEXT NOT NULL
    ) STRICT;
    CREATE TABLE audit (
        id TEXT PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL, user TEXT, said TEXT NOT NULL
    ) STRICT;
    CREATE TABLE incident (
        id TEXT PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL, user TEXT, said TEXT NOT NULL
    ) STRICT;
    CREATE TABLE classified (
        vault TEXT NOT NULL, dataset TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, by TEXT NOT NULL,
        letter TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, user TEXT,
        PRIMARY KEY (vault, dataset, field)
    ) STRICT;
    CREATE TABLE description (said TEXT NOT NULL) STRICT;
    ALTER TABLE user ADD COLUMN decree TEXT;
    ALTER TABLE user ADD COLUMN until INTEGER;
";

/// A pack that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedRegulation {
    pub name: String,
    pub version: u64,
    /// BLAKE3 of the pack.
    pub object: String,
    /// SHA-256 of the regulation's own text.
    pub text: String,
    pub applied: i64,
}

/// An entry that a person signed, with where it stands; `said` has the fields of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub number: u64,
    pub at: i64,
    pub user: Option<String>,
    /// Before its time, of an attestation.
    pub ended: Option<i64>,
    pub said: Value,
}

/// The newest word on one field of a dataset's class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    pub vault: String,
    pub dataset: String,
    pub field: String,
    pub value: String,
    pub by: String,
    pub letter: String,
    pub number: u64,
    pub at: i64,
    pub user: Option<String>,
}

/// Where an entry stands, and who signed it.
struct Place {
    number: i64,
    at: i64,
    user: Option<String>,
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, index: u64, at: i64, actor: &Actor, body: &Body) -> rusqlite::Result<bool> {
    let user = match actor {
        Actor::Person { user, .. } => Some(user.to_string()),
        _ => None,
    };
    let place = Place { number: index as i64, at, user };
    match body {
        Body::RegulationApplied(its) => applied(db, at, its),
        Body::AttestationGiven(its) => attested(db, &place, its),
        Body::AttestationEnded(its) => {
            let sql = "UPDATE attestation SET ended = ?2 WHERE id = ?1 AND ended IS NULL";
            db.execute(sql, params![its.attestation.as_str(), at])
        }
        Body::AuditHeld(its) => said(db, "audit", its.audit.as_str(), &place, its),
        Body::IncidentReported(its) => said(db, "incident", its.incident.as_str(), &place, its),
        Body::DatasetClassified(its) => classified(db, &place, its),
        Body::SiteDescribed(its) => {
            db.execute("DELETE FROM description", [])?;
            db.execute("INSERT INTO description (said) VALUES (?1)", [text(its)])
        }
        // Who issues a report has its hashes, and facts come from the ledger; nothing here asks for these again.
        Body::ReportIssued(_) | Body::OpdDescribed(_) => Ok(0),
        _ => return Ok(false),
    }
    .map(|_| true)
}

/// The fields of a kind, which were read from JSON.
fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

fn applied(db: &Transaction, at: i64, its: &RegulationApplied) -> rusqlite::Result<usize> {
    let sql = "INSERT OR IGNORE INTO regulation (name, version, object, text, applied) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (object, text) = (its.object.to_string(), its.text_sha256.to_string());
    db.execute(sql, params![its.regulation, its.version as i64, object, text, at])
}

fn attested(db: &Transaction, place: &Place, its: &AttestationGiven) -> rusqlite::Result<usize> {
    let sql = "INSERT OR IGNORE INTO attestation (id, regulation, clause, item, until, number, at, user, said) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let (id, until) = (its.attestation.as_str(), seconds(&its.until));
    let (number, at, user) = (place.number, place.at, &place.user);
    db.execute(sql, params![id, its.regulation, its.clause, its.item, until, number, at, user, text(its)])
}

fn said(db: &Transaction, table: &str, id: &str, place: &Place, its: &impl Serialize) -> rusqlite::Result<usize> {
    let sql = format!("INSERT OR IGNORE INTO {table} (id, number, at, user, said) VALUES (?1, ?2, ?3, ?4, ?5)");
    db.execute(&sql, params![id, place.number, place.at, place.user, text(its)])
}

fn classified(db: &Transaction, place: &Place, its: &DatasetClassified) -> rusqlite::Result<usize> {
    let (vault, dataset) = (its.vault.to_string(), its.dataset.to_string());
    for (field, value) in fields(its) {
        let Some(value) = value else { continue };
        let sql = "INSERT OR REPLACE INTO classified (vault, dataset, field, value, by, letter, number, at, user) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let (number, at, user) = (place.number, place.at, &place.user);
        db.execute(sql, params![vault, dataset, field, value, its.by, its.letter, number, at, user])?;
    }
    Ok(1)
}

/// What can be said of a dataset, and what was.
fn fields(its: &DatasetClassified) -> [(&'static str, &Option<String>); 4] {
    [
        ("purpose", &its.purpose),
        ("confidentiality", &its.confidentiality),
        ("category", &its.category),
        ("content", &its.content),
    ]
}

fn regulation(row: &Row) -> rusqlite::Result<AppliedRegulation> {
    Ok(AppliedRegulation {
        name: row.get(0)?,
        version: row.get::<_, i64>(1)? as u64,
        object: row.get(2)?,
        text: row.get(3)?,
        applied: row.get(4)?,
    })
}

fn said_row(row: &Row) -> rusqlite::Result<Said> {
    let said: String = row.get(4)?;
    Ok(Said {
        number: row.get::<_, i64>(0)? as u64,
        at: row.get(1)?,
        user: row.get(2)?,
        ended: row.get(3)?,
        said: serde_json::from_str(&said).unwrap_or_default(),
    })
}

impl Catalog {
    /// The newest version of each pack.
    pub fn regulations(&self) -> Result<Vec<AppliedRegulation>> {
        let sql = "SELECT name, MAX(version), object, text, applied FROM regulation GROUP BY name ORDER BY name";
        self.all(sql, [], regulation)
    }

    /// A version of a pack; `None`: the newest.
    pub fn regulation(&self, name: &str, version: Option<u64>) -> Result<Option<AppliedRegulation>> {
        let sql = "SELECT name, version, object, text, applied FROM regulation WHERE name = ?1 \
                   AND (?2 IS NULL OR version = ?2) ORDER BY version DESC LIMIT 1";
        self.one(sql, params![name, version.map(|version| version as i64)], regulation)
    }

    /// The packs of all versions, the newest first.
    pub fn regulation_objects(&self) -> Result<Vec<String>> {
        self.all("SELECT object FROM regulation ORDER BY applied DESC, version DESC", [], |row| row.get(0))
    }

    /// All attestations, in the order in which they were given.
    pub fn attestations(&self) -> Result<Vec<Said>> {
        self.all("SELECT number, at, user, ended, said FROM attestation ORDER BY number", [], said_row)
    }

    /// An attestation: until when it is in force, and when it was ended before that.
    pub fn attestation(&self, id: &str) -> Result<Option<(i64, Option<i64>)>> {
        let sql = "SELECT until, ended FROM attestation WHERE id = ?1";
        self.one(sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub fn audits(&self) -> Result<Vec<Said>> {
        self.all("SELECT number, at, user, NULL, said FROM audit ORDER BY number", [], said_row)
    }

    pub fn has_audit(&self, id: &str) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM audit WHERE id = ?1", [id], |_| Ok(()))?.is_some())
    }

    pub fn incidents(&self) -> Result<Vec<Said>> {
        self.all("SELECT number, at, user, NULL, said FROM incident ORDER BY number", [], said_row)
    }

    pub fn has_incident(&self, id: &str) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM incident WHERE id = ?1", [id], |_| Ok(()))?.is_some())
    }

    /// The newest word on each field of each dataset.
    pub fn classified(&self) -> Result<Vec<Classified>> {
        let sql = "SELECT vault, dataset, field, value, by, letter, number, at, user FROM classified \
                   ORDER BY vault, dataset, field";
        self.all(sql, [], |row| {
            Ok(Classified {
                vault: row.get(0)?,
                dataset: row.get(1)?,
                field: row.get(2)?,
                value: row.get(3)?,
                by: row.get(4)?,
                letter: row.get(5)?,
                number: row.get::<_, i64>(6)? as u64,
                at: row.get(7)?,
                user: row.get(8)?,
            })
        })
    }

    /// What the site said of itself last.
    pub fn described(&self) -> Result<Option<SiteDescribed>> {
        let said: Option<String> = self.one("SELECT said FROM description", [], |row| row.get(0))?;
        Ok(said.and_then(|said| serde_json::from_str(&said).ok()))
    }

    /// Whether a dataset was approved here, or a point of it came.
    pub fn knows_dataset(&self, vault: &str, dataset: &str) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM approval WHERE vault = ?1 AND dataset = ?2) \
                   OR EXISTS (SELECT 1 FROM snapshot WHERE vault = ?1 AND dataset = ?2)";
        Ok(self.one(sql, [vault, dataset], |row| row.get(0))?.unwrap_or(false))
    }
}
