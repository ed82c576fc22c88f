//! One dataset: from its point in the store to files that were read again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use age::Identity;
use pulih_progress::{Monitor, Progress};
use pulih_restore::target::Target;
use pulih_restore::{Action, Restore, Selection, Summary};
use pulih_vault::description::Description;
use pulih_vault::error::VaultError;
use pulih_vault::reach::chain;
use pulih_vault::reader::{Identities, SnapshotReader, share};
use pulih_vault::store::Store;

use super::preflight::{names, trusted};
use super::timed::Timed;
use crate::drc::recovery::order::Dataset;

/// What came of it. Times by a clock that nobody sets.
#[derive(Debug, Default)]
pub struct Done {
    pub is_good: bool,
    pub files: u64,
    pub bytes: u64,
    pub fetch: Duration,
    pub write: Duration,
    pub verify: Duration,
    /// For people.
    pub text: String,
}

/// Counts what was found only once: the second look would count it again.
struct Quiet<'m>(&'m dyn Monitor);

impl Monitor for Quiet<'_> {
    fn advance(&self, _: Progress) {}
    fn problem(&self, path: &[u8], what: &str) {
        self.0.problem(path, what);
    }
    fn note(&self, _: &[u8], _: &str) {}
}

/// Restores a dataset's point into a folder, in place: what is there and right stays.
pub fn restore(
    store: Arc<dyn Store>,
    its: &Dataset,
    identity: Box<dyn Identity + Send + Sync>,
    into: &Path,
    monitor: &dyn Monitor,
) -> Done {
    let began = Instant::now();
    let timed = Arc::new(Timed::new(store));
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    match attempt(&timed, its, identity, into, workers, monitor) {
        Ok(done) => done,
        Err(text) => Done { write: began.elapsed(), text, ..Done::default() },
    }
}

fn attempt(
    timed: &Arc<Timed>,
    its: &Dataset,
    identity: Box<dyn Identity + Send + Sync>,
    into: &Path,
    workers: usize,
    monitor: &dyn Monitor,
) -> Result<Done, String> {
    let began = Instant::now();
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let store: Arc<dyn Store> = timed.clone();
    let trusted = trusted(&*store, its)?;
    let (dataset, name) = names(its)?;
    let manifest = trusted.manifest(&*store, &dataset, name).map_err(|error| told(&error))?;
    let identities: Arc<Identities> = Arc::new(vec![identity]);
    let secrets = {
        let open = |description: &Description| description.open_secrets(&identities);
        // They are the same in all descriptions, and only the readers differ.
        let (_, current) = trusted.current();
        let first = trusted.description(manifest.facts.description).unwrap_or(current);
        match open(first) {
            Err(VaultError::NoMatchingIdentity { .. }) => open(current),
            opened => opened,
        }
        .map_err(|error| told(&error))?
    };
    let reach = chain::load(&*store, trusted.layout, manifest.reach).map_err(|error| told(&error))?;
    let scratch = tempfile::tempdir().map_err(|error| format!("cannot make a folder for indexes: {error}"))?;
    let reader = SnapshotReader::open(store, trusted.layout, &reach, &secrets, share(&identities), scratch.path())
        .map_err(|error| told(&error))?;
    let target = Target::open(into).map_err(|error| told(&error))?;
    let is_empty = std::fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_none());
    let (selection, interrupted) = (Selection::default(), AtomicBool::new(false));
    let run = |action: Action, monitor: &dyn Monitor| {
        let summary = pulih_restore::run(&Restore {
            reader: &reader,
            root: manifest.facts.tree,
            selection: &selection,
            target: &target,
            in_place: !is_empty,
            action,
            workers,
            interrupted: &interrupted,
            monitor,
        });
        summary.map_err(|error| told(&error))
    };
    let written = run(Action::Write, monitor)?;
    target.sync().map_err(|error| told(&error))?;
    let (writing, fetch) = (began.elapsed(), timed.waited() / workers as u32);
    let again = Instant::now();
    let seen = run(Action::Verify, &Quiet(monitor))?;
    Ok(Done {
        is_good: written.failed == 0 && is_verified(&written, &seen),
        files: written.files,
        bytes: written.bytes,
        fetch: fetch.min(writing),
        write: writing.saturating_sub(fetch),
        verify: again.elapsed(),
        text: said(&written, &seen),
    })
}

/// Whether what was read again is what the snapshot has. Metadata that this user could not set was told when it
/// was written, and counts as it was.
fn is_verified(written: &Summary, seen: &Summary) -> bool {
    seen.failed == 0 && seen.metadata_problems <= written.metadata_problems
}

fn said(written: &Summary, seen: &Summary) -> String {
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
    said.join("; ")
}
