//! Plans, disasters, recoveries and their steps.

use pulih_ledger::entry::Body;
use rusqlite::Transaction;

pub const TABLES: &str = "";

/// Follows an entry of these kinds; others are not taken.
pub fn apply(_db: &Transaction, _index: u64, _at: i64, _body: &Body) -> rusqlite::Result<bool> {
    Ok(false)
}
