//! The catalog: what the site knows, in `SQLite`, to be looked up fast. A cache of the ledger and
//! the store: it follows the ledger entry by entry, knows how far it has come, and made anew comes
//! out the same. What it alone knows (when an agent was last seen, its jobs, whose turn it is)
//! is lost with it, and nothing is decided by it that the ledger restrains.

mod adopted;
mod changes;
mod copies;
mod drills;
mod follow;
mod grants;
mod keeping;
mod keys;
mod objects;
mod peers;
mod people;
mod points;
mod presence;
mod recipes;
mod recovered;
mod recoveries;
mod regulations;
mod replicas;
mod schema;
mod silence;
mod standing;
mod traffic;
mod vaults;
mod witnesses;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Params, Row};

pub use adopted::Moved;
pub use changes::Proposal;
pub use copies::{Compared, Copied, Damage, Turn};
pub use drills::{Drill, Missed, Tried};
pub use follow::Followed;
pub use grants::{Approval, Grant};
pub use keeping::{Deletion, Doomed, GAP_SECONDS, Hold, Stopped, Suspicion, doubt};
pub use keys::KeyStep;
pub use peers::PeerSite;
pub use people::{Agent, Invitation, Opd, User};
pub use points::{Point, Standing};
pub use presence::{Alarm, Presence};
pub use recipes::AppliedRecipe;
pub use recovered::{AppliedPlan, Recovery, Step};
pub use recoveries::Disaster;
pub use regulations::{AppliedRegulation, Classified, Said};
pub use replicas::{Pin, Replica, Stock};
pub use silence::{AgentClock, Silence};
pub use traffic::Unmeasured;
pub use vaults::{Lineage, Vault};
pub use witnesses::Witness;

/// How long one connection waits for another's transaction.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);
/// Pages kept in memory at most: each dataset appends at a place of its own in every table, and the default of 2 MB
/// reads and writes those of a site with thousands of datasets again at each batch.
const CACHE_KIB: i64 = 64 << 10;

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the catalog {path} fails: {source}; `pulih-controller rebuild` makes it again")]
    Sqlite { path: String, source: rusqlite::Error },
    #[error(
        "the catalog {path} follows the ledger to entry {at}, and entry {index} comes; `pulih-controller rebuild` makes it again"
    )]
    OutOfStep { path: String, at: u64, index: u64 },
    #[error("the catalog {path} was written by a newer version ({found}, this one knows {known}); run that one")]
    Newer { path: String, found: u32, known: u32 },
}

pub struct Catalog {
    db: Connection,
    path: String,
}

type Result<T> = std::result::Result<T, CatalogError>;

impl Catalog {
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let failed = |source| CatalogError::Sqlite { path: shown.clone(), source };
        let mut db = Connection::open(path).map_err(failed)?;
        db.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        // What is lost with the power is in the ledger or the store, and is followed again.
        db.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        db.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
        db.busy_timeout(BUSY).map_err(failed)?;
        db.set_prepared_statement_cache_capacity(64);
        let found = schema::migrate(&mut db).map_err(failed)?;
        if found > schema::VERSION {
            return Err(CatalogError::Newer { path: shown, found, known: schema::VERSION });
        }
        Ok(Self { db, path: shown })
    }

    /// What `SQLite` finds wrong with the file, if anything.
    pub fn damage(&self) -> Result<Option<String>> {
        let found: Option<String> = self.one("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok(found.filter(|words| words != "ok"))
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> CatalogError + '_ {
        |source| CatalogError::Sqlite { path: self.path.clone(), source }
    }

    fn one<T>(
        &self,
        sql: &str,
        values: impl Params,
        row: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.db.prepare_cached(sql).map_err(self.failed())?;
        statement.query_row(values, row).optional().map_err(self.failed())
    }

    fn all<T>(&self, sql: &str, values: impl Params, row: impl FnMut(&Row) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        let mut statement = self.db.prepare_cached(sql).map_err(self.failed())?;
        let rows = statement.query_map(values, row).map_err(self.failed())?;
        rows.collect::<rusqlite::Result<_>>().map_err(self.failed())
    }

    fn change(&self, sql: &str, values: impl Params) -> Result<()> {
        let mut statement = self.db.prepare_cached(sql).map_err(self.failed())?;
        statement.execute(values).map(|_| ()).map_err(self.failed())
    }

    /// One change that no power cut takes back once it is done. The rest may be lost with the power,
    /// and waits for no disk.
    fn durably<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.db.pragma_update(None, "synchronous", "FULL").map_err(self.failed())?;
        let done = work(self);
        self.db.pragma_update(None, "synchronous", "NORMAL").map_err(self.failed())?;
        done
    }

    /// Many changes, all or none, and with one wait for the disk.
    pub fn together(&self, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        // Undone when it is dropped.
        let transaction = self.db.unchecked_transaction().map_err(self.failed())?;
        work(self)?;
        transaction.commit().map_err(self.failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn following_the_ledger_waits_for_whoever_writes_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        let (mut one, other) = (Catalog::open(&path).unwrap(), Catalog::open(&path).unwrap());
        let at: pulih_ledger::time::Time = "2026-11-22T01:23:45Z".parse().unwrap();
        let reason = "x".to_owned();
        let body = pulih_ledger::entry::Body::from(pulih_ledger::entry::kinds::ExpiryResumed { reason });
        std::thread::scope(|scope| {
            scope.spawn(move || (0..500).for_each(|n| other.add_object("v", &n.to_string(), 1).unwrap()));
            for index in 0..500 {
                one.follow(index, Some((&at, &pulih_ledger::Actor::Site, Some(&body)))).unwrap();
            }
        });
        assert_eq!(one.next_entry().unwrap(), 500);
    }

    #[test]
    fn what_is_done_durably_is_synced_and_the_rest_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
        let level = |catalog: &Catalog| catalog.one("PRAGMA synchronous", [], |row| row.get::<_, i64>(0)).unwrap();
        let (normal, full) = (Some(1), Some(2));
        assert_eq!(level(&catalog), normal);
        let during = catalog.durably(|catalog| Ok(level(catalog))).unwrap();
        assert_eq!(during, full);
        assert_eq!(level(&catalog), normal);
        // Also when it fails.
        catalog.durably(|catalog| catalog.change("INSERT INTO turn (lineage) VALUES ('x')", [])).unwrap_err();
        assert_eq!(level(&catalog), normal);
    }
}
