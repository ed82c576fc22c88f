//! One run of one dataset, as `backup` and the daemon do it: lock, believe the vault, save.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use pulih_vault::chunker::ChunkSizes;
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::store::Store;
use pulih_vault::trust;
use pulih_vault::writer::WriterSettings;
use pulih_vault::writer::pack_size::{MOST_BYTES, PackSize};

use super::Context;
use super::address::Opened;
use super::choose::Writable;
use super::drc::heads_seen;
use super::failure::Failure;
use super::output::size;
use super::run::or_anew;
use crate::backup::{self, Backup, Limits, Outcome, Source, Unwanted};
use crate::machine;
use crate::rewrite::RewriteLimit;
use crate::source::{Excludes, WalkOptions};
use crate::spool::SpoolLimit;
use crate::state::{DatasetState, StateDir};
use pulih_progress::Monitor;

/// Threads that list folders ahead, and that read files: they wait for the disk more than they
/// work.
const WALK_THREADS: usize = 2;
const READ_THREADS: usize = 4;

/// Of the DRC's note in a manifest: some two hundred datasets.
const MOST_HEAD_BYTES: usize = 64 << 10;

/// What is saved, and where to.
pub struct Save<'a> {
    pub opened: &'a Opened,
    pub vault: &'a Writable,
    pub dataset: &'a DatasetName,
    /// How a new dataset is to be cut; one that is there must be cut so already.
    pub chunks: Option<ChunkSizes>,
    /// What may wait here for the store.
    pub spool: SpoolLimit,
    /// What may be written afresh because the site avoids its packs.
    pub rewrite: RewriteLimit,
    pub interrupted: &'a AtomicBool,
    pub monitor: &'a dyn Monitor,
}

impl Save<'_> {
    /// Waits for another backup of the vault to end, then makes a snapshot.
    pub fn run(&self, context: &Context, source: Source) -> Result<Outcome, Failure> {
        let (vault, store) = (self.vault, &self.opened.store);
        let _lock = vault.lock(context)?;
        let trusted = vault.trusted(context, &**store)?;
        let (description_name, description) = vault.current(&trusted)?;
        let state = vault.dir.dataset(self.dataset)?;
        let expected = state.as_ref().and_then(|state| state.last);
        let newest = newest(&**store, &trusted, self.dataset, expected)?;
        let newest_manifest = newest.and_then(|name| trusted.manifest(&**store, self.dataset, name).ok());
        // A vault that was adopted has datasets that this agent's state says nothing of.
        let before = state.map(|state| state.chunker).or(newest_manifest.as_ref().map(|its| its.facts.chunker));
        let chunker = self.chunker(before, description.chunker)?;
        let unwanted = match &self.opened.gateway {
            Some(gateway) => {
                Unwanted { doomed: gateway.doomed(vault.keys.vault)?, avoided: gateway.avoided(vault.keys.vault)? }
            }
            // Nothing is deleted from a store without a site.
            None => Unwanted::default(),
        };
        let pack_size = Arc::new(if self.opened.over_a_line {
            PackSize::following(vault.dir.pack_bytes())
        } else {
            PackSize::fixed(MOST_BYTES)
        });
        let backup = Backup {
            store: store.clone(),
            layout: trusted.layout,
            description,
            description_name: *description_name,
            secrets: &vault.keys.secrets,
            agent: &vault.keys.agent,
            dataset: self.dataset.clone(),
            chunker,
            newest,
            expected,
            newest_reach: newest_manifest.map(|its| its.reach),
            head: last_head(context)?,
            unwanted: &unwanted,
            host: machine::host(),
            cache: vault.dir.cache()?,
            writer: WriterSettings { spool_bytes: self.spool.bytes(), ..WriterSettings::default() },
            pack_size: pack_size.clone(),
            readers: READ_THREADS,
            clock: &SystemTime::now,
            limits: Limits { rewrite_bytes: self.rewrite.bytes(), ..Limits::default() },
            stored: &|name| vault.dir.save_dataset(self.dataset, &DatasetState { chunker, last: Some(name) }),
            interrupted: self.interrupted,
            monitor: self.monitor,
        };
        let outcome = backup::run(&backup, source);
        // Also, and above all, of a run that failed: the next one begins with what got through.
        if self.opened.over_a_line
            && let Err(error) = vault.dir.save_pack_bytes(pack_size.bytes())
        {
            context.warn(&error.to_string());
        }
        Ok(outcome?)
    }

    /// How the dataset is cut: as it was, or as was asked when it is new.
    fn chunker(&self, before: Option<ChunkSizes>, default: ChunkSizes) -> Result<ChunkSizes, Failure> {
        match (before, self.chunks) {
            (Some(before), Some(asked)) if before != asked => Err(Failure::usage(format!(
                "dataset {} is cut into chunks of {} on average, for good; leave the size of chunks out, or name a new dataset",
                self.dataset,
                size(before.average.into())
            ))),
            (Some(before), _) => Ok(before),
            (None, asked) => Ok(asked.unwrap_or(default)),
        }
    }
}

/// What the DRC that this agent knows said last, so that its word outlives this server. One that would make
/// manifests large is left out.
fn last_head(context: &Context) -> Result<Option<String>, Failure> {
    let state = context.state()?;
    let (Some(site), Some(known)) = (state.site()?, state.drc()?) else { return Ok(None) };
    let note = heads_seen(&state, &site.agent, &known)?.and(or_anew(state.seen_heads())?);
    Ok(note.map(|seen| seen.note).filter(|note| note.len() <= MOST_HEAD_BYTES))
}

/// The dataset's newest manifest in the store. One that the agent remembers and the store has
/// is newer than any of a lower number, so that its own need not be read.
fn newest(
    store: &dyn Store,
    trusted: &trust::TrustedVault,
    dataset: &DatasetName,
    expected: Option<ManifestName>,
) -> Result<Option<ManifestName>, Failure> {
    let names = trust::manifest_names(store, trusted.layout)?;
    let mut names: Vec<ManifestName> =
        names.into_iter().filter(|(its, _)| its == dataset).map(|(_, name)| name).collect();
    while let Some(name) = names.pop() {
        // A forged or damaged manifest must not push the sequence on.
        if Some(name) == expected || trusted.manifest(store, dataset, name).is_ok() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// What a walk leaves out for the agent's own sake, and otherwise as asked.
pub fn walk_options(
    state: &StateDir,
    store: Option<&Path>,
    excludes: Excludes,
    exclude_caches: bool,
    one_file_system: bool,
) -> WalkOptions {
    // A vault in itself would grow with each run, and the agent's secrets belong nowhere else.
    let skip = store.into_iter().chain([state.path()]).filter_map(identity).collect();
    WalkOptions { excludes, exclude_caches, one_file_system, skip, threads: WALK_THREADS }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
