//! A step that restores: the point whole into the scratch place, and read again there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use pulih_keeper::Keeper;
use pulih_progress::Monitor;
use pulih_restore::RestoreError;
use pulih_restore::recover::{Done, Place, RecoverError, bring, free_bytes};
use pulih_vault::reader::Identities;
use pulih_vault::store::Store;
use serde_json::json;

use super::log::Log;
use crate::drc::recovery::order::Dataset;
use crate::recover::place;

/// Tells the log of each file, by its number: no path of a file leaves the scratch place.
struct Told<'l> {
    log: &'l Log,
    step: u64,
}

impl Monitor for Told<'_> {
    fn file(&self, number: u64, bytes: u64, is_right: bool) {
        self.log.line(json!({"step": self.step, "file": number, "bytes": bytes, "ok": is_right}));
    }

    fn unread(&self, number: u64) {
        self.log.line(json!({"step": self.step, "file": number, "bytes": 0, "ok": true, "unread": true}));
    }

    fn problem(&self, _: &[u8], _: &str) {}
    fn note(&self, _: &[u8], _: &str) {}
}

/// Restores a point below a folder. `content`: bytes that it takes there at most; `only`: the files that are drawn.
pub fn restore(
    store: Arc<dyn Store>,
    its: &Dataset,
    (content, only): (u64, Option<BTreeSet<u64>>),
    keeper: &Path,
    folder: &Path,
    (log, step): (&Log, u64),
) -> Done {
    let began = Instant::now();
    let attempt = || -> Result<Done, String> {
        if let Some(free) = free_bytes(folder).filter(|free| *free < content) {
            return Err(format!("the scratch place has room for {free} bytes, and {content} are to be written"));
        }
        let keeper = Keeper::connect(keeper).map_err(|error| error.to_string())?;
        let keys: Arc<Identities> = Arc::new(vec![keeper.identity(&its.class)]);
        let reading = tempfile::Builder::new().prefix("reading-").tempdir_in(folder);
        let reading = reading.map_err(|error| format!("the scratch place cannot be written to: {error}"))?;
        let (interrupted, monitor, into) = (AtomicBool::new(false), Told { log, step }, place(folder, its));
        let is_sample = only.is_some();
        let (scratch, interrupted) = (reading.path(), &interrupted);
        let place = Place { into: &into, scratch, interrupted, monitor: &monitor, only };
        let mut done = bring(store, &its.parsed()?, keys, &place).map_err(|error| words(&error))?;
        // What of a sample nobody can look up was not shown.
        if is_sample && log.is_full() {
            (done.is_good, done.text) = (false, format!("{}; the drill's log is full", done.text));
        }
        Ok(done)
    };
    attempt().unwrap_or_else(|text| Done { write: began.elapsed(), text, ..Done::default() })
}

/// Why, without the path of a file.
fn words(error: &RecoverError) -> String {
    match error {
        RecoverError::Vault(error) | RecoverError::Restore(RestoreError::Vault(error)) => error.to_string(),
        RecoverError::Restore(RestoreError::Interrupted) => "it was interrupted".into(),
        RecoverError::Target(_) | RecoverError::Restore(RestoreError::Target(_)) => {
            "the scratch place could not be written to, or not be read again".into()
        }
    }
}
