//! One dataset: from its point in the store to files that were read again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use age::Identity;
use pulih_progress::Monitor;
use pulih_restore::recover::{Done, Place, bring};
use pulih_vault::reader::Identities;
use pulih_vault::store::Store;

use crate::drc::recovery::order::Dataset;

/// Restores a dataset's point into a folder, in place: what is there and right stays.
pub fn restore(
    store: Arc<dyn Store>,
    its: &Dataset,
    identity: Box<dyn Identity + Send + Sync>,
    into: &Path,
    monitor: &dyn Monitor,
) -> Done {
    let began = Instant::now();
    let attempt = || -> Result<Done, String> {
        let scratch = tempfile::tempdir().map_err(|error| format!("cannot make a folder for indexes: {error}"))?;
        let keys: Arc<Identities> = Arc::new(vec![identity]);
        let interrupted = AtomicBool::new(false);
        let place = Place { into, scratch: scratch.path(), interrupted: &interrupted, monitor, only: None };
        bring(store, &its.parsed()?, keys, &place).map_err(|error| error.to_string())
    };
    attempt().unwrap_or_else(|text| Done { write: began.elapsed(), text, ..Done::default() })
}
