//! The catalog's tables, by version. A migration is never changed once it was released.

use rusqlite::Connection;

use super::{
    adopted, changes, copies, drills, keeping, keys, objects, points, presence, recipes, recoveries, regulations,
    replicas, silence, standing, traffic, witnesses,
};

/// Each is one or more texts, for a room of the catalog has its own tables.
const MIGRATIONS: [&[&str]; 7] = [&["
    -- What follows from the ledger.
    CREATE TABLE ledger (size INTEGER NOT NULL) STRICT;
    INSERT INTO ledger (size) VALUES (0);
    CREATE TABLE user (id TEXT PRIMARY KEY, name TEXT NOT NULL, roles TEXT NOT NULL, opd TEXT, at INTEGER NOT NULL) STRICT;
    CREATE TABLE user_entry (number INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE opd (name TEXT PRIMARY KEY, title TEXT NOT NULL, owner TEXT) STRICT;
    CREATE TABLE invitation (
        secret_hash BLOB PRIMARY KEY, agent TEXT NOT NULL, opd TEXT NOT NULL, expires INTEGER NOT NULL,
        again INTEGER NOT NULL, used INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE agent (
        name TEXT PRIMARY KEY, opd TEXT NOT NULL, enrolled INTEGER NOT NULL, revoked INTEGER,
        enrolment INTEGER NOT NULL -- the entry by which a token of it was used last
    ) STRICT;
    CREATE TABLE certificate (hash BLOB PRIMARY KEY, agent TEXT NOT NULL, not_after INTEGER NOT NULL) STRICT;
    CREATE INDEX certificate_agent ON certificate (agent);
    CREATE TABLE vault (
        id TEXT PRIMARY KEY, agent TEXT NOT NULL, class TEXT NOT NULL, described INTEGER NOT NULL, -- how often
        key TEXT NOT NULL, keyed INTEGER NOT NULL -- the agent's, and the entry that first named it
    ) STRICT;
    CREATE INDEX vault_agent ON vault (agent);
    CREATE TABLE lineage (
        id TEXT PRIMARY KEY, agent TEXT NOT NULL, number INTEGER NOT NULL, machine TEXT NOT NULL,
        host TEXT NOT NULL, refused INTEGER NOT NULL -- 1: a clone, 2: its server was set up anew
    ) STRICT;
    CREATE INDEX lineage_agent ON lineage (agent);
    CREATE TABLE approval (
        id TEXT PRIMARY KEY, opd TEXT NOT NULL, vault TEXT NOT NULL, dataset TEXT NOT NULL,
        by TEXT NOT NULL, letter TEXT NOT NULL, document TEXT NOT NULL, until INTEGER, ended INTEGER
    ) STRICT;
    CREATE INDEX approval_dataset ON approval (vault, dataset);
    CREATE TABLE policy (object TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, applied INTEGER NOT NULL) STRICT;
    CREATE TABLE snapshot (
        vault TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, captured TEXT NOT NULL,
        accepted INTEGER NOT NULL, keep_until INTEGER, tiers TEXT NOT NULL, stored_bytes INTEGER NOT NULL,
        partial INTEGER NOT NULL, late INTEGER NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (vault, dataset, name)
    ) STRICT;
    CREATE INDEX snapshot_accepted ON snapshot (vault, dataset, accepted);
    CREATE TABLE doomed (vault TEXT NOT NULL, pack TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (vault, pack)) STRICT;
    CREATE TABLE grants (
        id TEXT PRIMARY KEY, vault TEXT NOT NULL, dataset TEXT, manifest TEXT, agent TEXT NOT NULL,
        reason TEXT NOT NULL, asked INTEGER, until INTEGER, ended INTEGER
    ) STRICT;
    CREATE INDEX grants_agent ON grants (agent, vault);
    CREATE TABLE grant_use (id TEXT NOT NULL, dataset TEXT NOT NULL, manifest TEXT NOT NULL, PRIMARY KEY (id, dataset, manifest)) STRICT;
    CREATE TABLE alarm (at INTEGER NOT NULL, alarm TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL) STRICT;

    -- What follows from the store.
    CREATE TABLE object (vault TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (vault, name)) STRICT, WITHOUT ROWID;

    CREATE TABLE counted (at INTEGER NOT NULL) STRICT;

    -- What is known here alone, and lost without harm.
    CREATE TABLE lock (name TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE locked (vault TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (vault, dataset, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE turn (lineage TEXT PRIMARY KEY, next TEXT NOT NULL) STRICT;
    CREATE TABLE presence (
        agent TEXT PRIMARY KEY, seen INTEGER NOT NULL, host TEXT NOT NULL, report TEXT NOT NULL
    ) STRICT;
    CREATE TABLE job (
        agent TEXT NOT NULL, dataset TEXT NOT NULL, began TEXT NOT NULL, ended TEXT NOT NULL, outcome TEXT NOT NULL,
        snapshot TEXT, read_bytes INTEGER NOT NULL, stored_bytes INTEGER NOT NULL, unread INTEGER NOT NULL, error TEXT,
        PRIMARY KEY (agent, dataset, began)
    ) STRICT;
"], &["
    -- Other sites, and what a DRC has from one. What follows from the ledger.
    CREATE TABLE peer (
        site TEXT PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, ca TEXT NOT NULL,
        card TEXT NOT NULL, since INTEGER NOT NULL, ended INTEGER
    ) STRICT;
    CREATE TABLE peer_certificate (hash BLOB PRIMARY KEY, site TEXT NOT NULL, not_after INTEGER NOT NULL) STRICT;
    CREATE TABLE pin (
        vault TEXT PRIMARY KEY, opd TEXT NOT NULL, agent TEXT NOT NULL, class TEXT NOT NULL, owner TEXT NOT NULL
    ) STRICT;
    CREATE TABLE replica (
        vault TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, accepted INTEGER NOT NULL,
        replicated INTEGER NOT NULL, keep_until INTEGER, stored_bytes INTEGER NOT NULL, partial INTEGER NOT NULL,
        PRIMARY KEY (vault, dataset, name)
    ) STRICT;
    CREATE TABLE refusal (object TEXT NOT NULL, vault TEXT, dataset TEXT, name TEXT, reason TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (object, reason)) STRICT;
    CREATE TABLE divergence (site TEXT NOT NULL, size INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;

    -- What is known here alone, and lost without harm.
    CREATE TABLE heard (site TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
"], &[keeping::TABLES, copies::TABLES, changes::TABLES, replicas::TABLES, recoveries::TABLES, adopted::TABLES], &[
    recoveries::SERVERS,
    objects::TABLES,
    adopted::TAKEN_OVER,
], &[silence::TABLES, standing::TABLES, points::TABLES, presence::TABLES, drills::TABLES, witnesses::TABLES, keys::TABLES, recipes::TABLES], &[regulations::TABLES], &[traffic::TABLES]];

pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the tables up to this version; returns which version they have now.
pub fn migrate(db: &mut Connection) -> rusqlite::Result<u32> {
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (at, sql) in (1u32..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = db.transaction()?;
        sql.iter().try_for_each(|tables| transaction.execute_batch(tables))?;
        transaction.pragma_update(None, "user_version", at)?;
        transaction.commit()?;
    }
    Ok(found.max(VERSION))
}
