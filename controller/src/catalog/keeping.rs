//! What is kept and what goes: holds, suspicion, what has expired and what was deleted. The rooms
//! below it look things up: `orders` what people and measures said, `expiry` what goes when.

mod clock;
mod expiry;
mod orders;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::follow::seconds;
use super::standing;

pub use clock::{GAP_SECONDS, Stopped, doubt};
pub use expiry::Doomed;
pub use orders::{Deletion, Hold, Suspicion};

pub const TABLES: &str = "
    -- What follows from the ledger.
    ALTER TABLE snapshot ADD COLUMN expired INTEGER; -- since when it is no longer kept
    CREATE INDEX snapshot_kept ON snapshot (vault, dataset, accepted, name) WHERE expired IS NULL;
    CREATE INDEX snapshot_vault ON snapshot (vault, number);
    ALTER TABLE replica ADD COLUMN expired INTEGER;
    CREATE TABLE hold (
        id TEXT PRIMARY KEY, vault TEXT NOT NULL, dataset TEXT, letter TEXT NOT NULL, reason TEXT NOT NULL,
        placed INTEGER NOT NULL, released INTEGER
    ) STRICT;
    CREATE INDEX hold_vault ON hold (vault) WHERE released IS NULL;
    CREATE TABLE suspicion (
        id TEXT PRIMARY KEY, vault TEXT NOT NULL, dataset TEXT NOT NULL, since INTEGER NOT NULL, measure TEXT NOT NULL,
        text TEXT NOT NULL, raised INTEGER NOT NULL, ended INTEGER
    ) STRICT;
    CREATE INDEX suspicion_dataset ON suspicion (vault, dataset);
    CREATE TABLE deletion (
        id TEXT PRIMARY KEY, vault TEXT NOT NULL, dataset TEXT NOT NULL, manifests TEXT NOT NULL, reason TEXT NOT NULL,
        asked_by TEXT NOT NULL, asked INTEGER NOT NULL, approved INTEGER
    ) STRICT;
    CREATE TABLE avoided (vault TEXT NOT NULL, pack TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (vault, pack)) STRICT, WITHOUT ROWID;
    -- Written down as deleted; gone from here once it is gone from the store.
    CREATE TABLE deleted (vault TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (vault, name)) STRICT, WITHOUT ROWID;
    -- The newest time by the site's own clock; since when and why nothing expires; whether the ledger has an entry that says so.
    CREATE TABLE clock (newest INTEGER NOT NULL, stopped INTEGER, reason TEXT, said INTEGER NOT NULL) STRICT;
    INSERT INTO clock (newest, said) VALUES (0, 0);

    -- What is known here alone, and lost without harm.
    ALTER TABLE locked ADD COLUMN until INTEGER; -- absent: until its date
    -- Expired, its packs doomed and its manifest gone.
    CREATE TABLE settled (vault TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (vault, dataset, name)) STRICT, WITHOUT ROWID;
    -- Indexes and reaches that nothing kept needs, and since when that is seen.
    CREATE TABLE unneeded (vault TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (vault, name)) STRICT, WITHOUT ROWID;
    -- What a snapshot changed, against the one before it.
    CREATE TABLE measure (
        vault TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, new_bytes INTEGER NOT NULL,
        dropped_permille INTEGER NOT NULL, PRIMARY KEY (vault, dataset, name)
    ) STRICT, WITHOUT ROWID;
    -- When retention last ran by itself.
    CREATE TABLE retained (at INTEGER NOT NULL) STRICT;
";

/// The site's own clock, as every entry shows it that the site dated.
pub use clock::tick;

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, _index: u64, at: i64, actor: &Actor, body: &Body) -> rusqlite::Result<bool> {
    match body {
        Body::HoldPlaced(its) => {
            let sql = "INSERT OR IGNORE INTO hold (id, vault, dataset, letter, reason, placed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let dataset = its.dataset.as_ref().map(ToString::to_string);
            db.execute(sql, params![its.hold.as_str(), its.vault.to_string(), dataset, its.letter, its.reason, at])
        }
        Body::HoldReleased(its) => {
            let sql = "UPDATE hold SET released = ?2 WHERE id = ?1 AND released IS NULL";
            db.execute(sql, params![its.hold.as_str(), at])
        }
        Body::SuspicionRaised(its) => {
            let sql = "INSERT OR IGNORE INTO suspicion (id, vault, dataset, since, measure, text, raised) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (vault, dataset, since) = (its.vault.to_string(), its.dataset.to_string(), seconds(&its.since));
            db.execute(sql, params![its.suspicion.as_str(), vault, dataset, since, its.measure, its.text, at])
        }
        Body::SuspicionEnded(its) => {
            let sql = "UPDATE suspicion SET ended = ?2 WHERE id = ?1 AND ended IS NULL";
            db.execute(sql, params![its.suspicion.as_str(), at])
        }
        Body::SnapshotsExpired(its) => {
            let (vault, dataset) = (its.vault.to_string(), its.dataset.to_string());
            let expire = "SET expired = ?4 WHERE vault = ?1 AND dataset = ?2 AND name = ?3 AND expired IS NULL";
            let mut snapshot =
                db.prepare_cached(&format!("UPDATE snapshot {expire} RETURNING partial, stored_bytes"))?;
            let mut replica = db.prepare_cached(&format!("UPDATE replica {expire}"))?;
            let mut gone = standing::Gone::default();
            for name in &its.manifests {
                let row = |row: &Row| Ok((row.get(0)?, row.get(1)?));
                if let Some((partial, bytes)) =
                    snapshot.query_row(params![vault, dataset, name, at], row).optional()?
                {
                    gone.add(partial, bytes);
                }
                replica.execute(params![vault, dataset, name, at])?;
            }
            standing::went(db, &vault, &dataset, &gone).map(|()| 0)
        }
        Body::DeletionAsked(its) => {
            let sql = "INSERT OR IGNORE INTO deletion (id, vault, dataset, manifests, reason, asked_by, asked) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let by = if let Actor::Person { user, .. } = actor { user.as_str() } else { "" };
            let (vault, dataset) = (its.vault.to_string(), its.dataset.to_string());
            let manifests = its.manifests.join(" ");
            db.execute(sql, params![its.deletion.as_str(), vault, dataset, manifests, its.reason, by, at])
        }
        Body::DeletionApproved(its) => {
            let sql = "UPDATE deletion SET approved = ?2 WHERE id = ?1 AND approved IS NULL";
            db.execute(sql, params![its.deletion.as_str(), at])
        }
        Body::PacksAvoided(its) => {
            let mut statement =
                db.prepare_cached("INSERT OR IGNORE INTO avoided (vault, pack, at) VALUES (?1, ?2, ?3)")?;
            let vault = its.vault.to_string();
            its.packs.iter().try_for_each(|pack| statement.execute(params![vault, pack, at]).map(|_| ())).map(|()| 0)
        }
        Body::ObjectsDeleted(its) => {
            let mut statement = db.prepare_cached("INSERT OR IGNORE INTO deleted (vault, name) VALUES (?1, ?2)")?;
            let vault = its.vault.to_string();
            its.objects.iter().try_for_each(|name| statement.execute(params![vault, name]).map(|_| ())).map(|()| 0)
        }
        Body::ExpiryStopped(its) => clock::stop(db, at, &its.reason),
        Body::ExpiryResumed(_) => db.execute("UPDATE clock SET stopped = NULL, reason = NULL, said = 0", []),
        _ => return Ok(false),
    }
    .map(|_| true)
}
