//! A recovery point brought into place whole: written, synced, and read again from the target.

mod room;
mod timed;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use pulih_progress::{Monitor, Progress};
use pulih_vault::error::VaultError;
use pulih_vault::id::VaultId;
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::Fingerprint;
use pulih_vault::reach::chain;
use pulih_vault::reader::SnapshotReader;
use pulih_vault::reader::keys::Keys;
use pulih_vault::store::Store;
use pulih_vault::trust::{self, TrustedVault};

use crate::target::{Target, TargetError};
use crate::{Action, Restore, RestoreError, Selection, Summary};

pub use room::{bytes_below, free_bytes};
use timed::{Timed, TimedKeys};

/// A recovery point, and whose word it is believed by.
#[derive(Debug, Clone)]
pub struct Point {
    pub vault: VaultId,
    /// The owner key that was pinned; no other one speaks for the vault.
    pub owner: Fingerprint,
    pub dataset: DatasetName,
    pub manifest: ManifestName,
}

impl Point {
    /// What its vault is believed to be.
    pub fn trusted(&self, store: &dyn Store) -> Result<TrustedVault, VaultError> {
        trust::load(store, self.vault, |key| key.fingerprint() == self.owner)
    }
}

/// What came of it. Times by a clock that nobody sets.
#[derive(Debug, Default)]
pub struct Done {
    pub is_good: bool,
    pub files: u64,
    pub bytes: u64,
    pub fetch: Duration,
    /// Asking for keys, and opening: of all workers, divided by their number.
    pub decrypt: Duration,
    pub write: Duration,
    pub verify: Duration,
    /// For people.
    pub text: String,
}

/// Why a point could not be brought into place at all.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// Counts what was found only once: the second look would count it again.
struct Quiet<'m>(&'m dyn Monitor);

impl Monitor for Quiet<'_> {
    fn advance(&self, _: Progress) {}
    fn file(&self, number: u64, bytes: u64, is_right: bool) {
        self.0.file(number, bytes, is_right);
    }
    fn unread(&self, number: u64) {
        self.0.unread(number);
    }
    fn problem(&self, path: &[u8], what: &str) {
        self.0.problem(path, what);
    }
    fn note(&self, _: &[u8], _: &str) {}
}

/// Where a point goes, and how.
pub struct Place<'p> {
    pub into: &'p Path,
    /// An empty folder for indexes that do not fit memory.
    pub scratch: &'p Path,
    pub interrupted: &'p AtomicBool,
    pub monitor: &'p dyn Monitor,
    /// Only the files with these numbers in the order of the tree, from 0; `None`: all that there is.
    pub only: Option<BTreeSet<u64>>,
}

/// Restores a point into a folder, in place: what is there and right stays.
pub fn bring(store: Arc<dyn Store>, point: &Point, keys: Arc<dyn Keys>, place: &Place) -> Result<Done, RecoverError> {
    let began = Instant::now();
    let timed = Arc::new(Timed::new(store));
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    let store: Arc<dyn Store> = timed.clone();
    let asked = Arc::new(TimedKeys::new(keys));
    let keys: Arc<dyn Keys> = asked.clone();
    let trusted = point.trusted(&*store)?;
    let layout = trusted.layout;
    let manifest = trusted.manifest(&*store, &point.dataset, point.manifest)?;
    let secrets = {
        let (current_name, current) = trusted.current();
        let named = manifest.facts.description;
        let first = trusted.description(named).map_or((*current_name, current), |its| (named, its));
        // They are the same in all descriptions, and only the readers differ.
        match first.1.open_secrets_with(&layout.description(first.0), &keys) {
            Err(VaultError::NoMatchingIdentity { .. }) => {
                current.open_secrets_with(&layout.description(*current_name), &keys)
            }
            opened => opened,
        }?
    };
    let reach = chain::load(&*store, layout, manifest.reach)?;
    let reader = SnapshotReader::open(store, layout, &reach, &secrets, keys, place.scratch)?;
    let target = Target::open(place.into)?;
    let is_empty = std::fs::read_dir(place.into).is_ok_and(|mut entries| entries.next().is_none());
    let selection = place.only.clone().map_or_else(Selection::default, Selection::of_numbers);
    let run = |action: Action, monitor: &dyn Monitor| {
        crate::run(&Restore {
            reader: &reader,
            root: manifest.facts.tree,
            selection: &selection,
            target: &target,
            in_place: !is_empty,
            action,
            workers,
            interrupted: place.interrupted,
            monitor,
        })
    };
    let written = run(Action::Write, place.monitor)?;
    target.sync()?;
    let writing = began.elapsed();
    let fetch = (timed.waited() / workers as u32).min(writing);
    let decrypt = ((asked.waited() + reader.opening()) / workers as u32).min(writing.saturating_sub(fetch));
    let again = Instant::now();
    let seen = run(Action::Verify, &Quiet(place.monitor))?;
    Ok(Done {
        is_good: written.failed == 0 && is_verified(&written, &seen) && has_all(place.only.as_ref(), &written),
        files: written.files,
        bytes: written.bytes,
        fetch,
        decrypt,
        write: writing.saturating_sub(fetch + decrypt),
        verify: again.elapsed(),
        text: said(place.only.as_ref(), &written, &seen),
    })
}

/// Whether what was read again is what the snapshot has. Metadata that this user could not set was told when it
/// was written, and counts as it was.
fn is_verified(written: &Summary, seen: &Summary) -> bool {
    seen.failed == 0 && seen.metadata_problems <= written.metadata_problems
}

/// Whether every file that was asked for by its number is one of the tree.
fn has_all(only: Option<&BTreeSet<u64>>, written: &Summary) -> bool {
    only.is_none_or(|only| written.files == only.len() as u64)
}

fn said(only: Option<&BTreeSet<u64>>, written: &Summary, seen: &Summary) -> String {
    let mut said = vec![format!("{} files read again and held against the snapshot", seen.already_right)];
    for (number, what) in [
        (written.failed, "could not be restored"),
        (seen.failed, "differ when they are read again"),
        (written.unread, "could not be read when they were saved, and are not in the snapshot"),
        (seen.metadata_problems, "have not all of their owner, permissions, attributes or time"),
    ] {
        if number > 0 {
            said.push(format!("{number} {what}"));
        }
    }
    let drawn = only.map_or(0, BTreeSet::len) as u64;
    if drawn > written.files {
        said.push(format!("{} are not in the snapshot, which has fewer files than it counts", drawn - written.files));
    }
    said.join("; ")
}
