//! A ledger read in portions that a catalog follows in one transaction each: one wait for the disk for
//! many entries, and never more of them in memory than this.

use pulih_ledger::{LedgerError, Log, Recorded};

/// Most entries of a portion, and bytes after which it ends.
pub const MOST_ENTRIES: usize = 1024;
const MOST_BYTES: usize = 4 << 20;

/// The entries of a log from an index on, in order. An error ends them; what was read before it comes first.
pub fn portions(log: &Log, from: u64) -> impl Iterator<Item = Result<Vec<Recorded>, LedgerError>> {
    let mut entries = log.entries(from);
    let mut failed = None;
    std::iter::from_fn(move || {
        let (mut portion, mut bytes) = (Vec::new(), 0);
        while portion.len() < MOST_ENTRIES && bytes < MOST_BYTES && failed.is_none() {
            match entries.next() {
                Some(Ok(recorded)) => {
                    bytes += recorded.bytes.len();
                    portion.push(recorded);
                }
                Some(Err(error)) => failed = Some(error),
                None => break,
            }
        }
        if portion.is_empty() { failed.take().map(Err) } else { Some(Ok(portion)) }
    })
}
