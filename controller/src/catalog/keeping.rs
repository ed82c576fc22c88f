//! What is kept and what goes: holds, suspicion, what has expired and what was deleted.

use pulih_ledger::entry::Body;
use rusqlite::Transaction;

pub const TABLES: &str = "";

/// Follows an entry of these kinds; others are not taken.
pub fn apply(_db: &Transaction, _index: u64, _at: i64, _body: &Body) -> rusqlite::Result<bool> {
    Ok(false)
}
