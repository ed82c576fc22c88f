//! The catalog's tables, by version. A migration is never changed once it was released.

use rusqlite::Connection;

const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE ledger (size INTEGER NOT NULL) STRICT;
    INSERT INTO ledger (size) VALUES (0);
    CREATE TABLE opd (name TEXT PRIMARY KEY, title TEXT NOT NULL, owner TEXT) STRICT;
    CREATE TABLE invitation (
        secret_hash BLOB PRIMARY KEY, agent TEXT NOT NULL, opd TEXT NOT NULL REFERENCES opd (name),
        expires INTEGER NOT NULL, used INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX invitation_agent ON invitation (agent);
    CREATE TABLE agent (
        name TEXT PRIMARY KEY, opd TEXT NOT NULL REFERENCES opd (name), host TEXT NOT NULL,
        enrolled INTEGER NOT NULL, revoked INTEGER, last_seen INTEGER
    ) STRICT;
    CREATE TABLE certificate (
        hash BLOB PRIMARY KEY, agent TEXT NOT NULL REFERENCES agent (name), not_after INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE vault (
        id TEXT PRIMARY KEY, agent TEXT NOT NULL REFERENCES agent (name), class TEXT NOT NULL
    ) STRICT;
    CREATE INDEX vault_agent ON vault (agent);
    CREATE TABLE snapshot (
        vault TEXT NOT NULL REFERENCES vault (id), dataset TEXT NOT NULL, name TEXT NOT NULL,
        captured TEXT NOT NULL, accepted INTEGER NOT NULL, keep_until INTEGER, tiers TEXT NOT NULL,
        partial INTEGER NOT NULL, PRIMARY KEY (vault, dataset, name)
    ) STRICT;
"];

pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the tables up to this version; returns which version they have now.
pub fn migrate(db: &mut Connection) -> rusqlite::Result<u32> {
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (at, sql) in (1u32..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = db.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", at)?;
        transaction.commit()?;
    }
    Ok(found.max(VERSION))
}
