//! `backup`: saves files, or what comes from standard input, as a snapshot.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Instant, SystemTime};

use pulih_vault::chunker::ChunkSizes;
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::store::Store;
use pulih_vault::tree::name::{escape, is_safe_path};
use pulih_vault::trust;
use pulih_vault::writer::WriterSettings;
use serde::Serialize;

use super::Context;
use super::address::Opened;
use super::args::{Backup as Args, Chunks};
use super::choose::{Writable, for_writing};
use super::failure::{Failure, Outcome};
use super::output::{count, size};
use super::snapshots::{SHORT_ID, Snapshot};
use crate::backup::{self, Backup, Limits, Source};
use crate::machine;
use crate::source::{self, Excludes, Skip, Step, WalkOptions};
use crate::state::DatasetState;

/// Threads that list folders ahead, and that read files: they wait for the disk more than they
/// work.
const WALK_THREADS: usize = 2;
const READ_THREADS: usize = 4;

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    snapshot: Snapshot,
    seconds: f64,
    unread: Vec<Unread>,
    unread_not_listed: u64,
}

#[derive(Serialize)]
struct Unread {
    path: String,
    error: String,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let Opened { store, gateway } = context.open()?;
    let vault = for_writing(context, &*store)?;
    if args.dry_run {
        return dry_run(context, args, &vault);
    }
    // Only a warning: with fewer files open the walk is slower, and it still comes to the end.
    if let Err(error) = source::limit::raise_file_limit() {
        context.warn(&format!("cannot raise the limit of open files: {error}"));
    }
    let started = Instant::now();
    let _lock = vault.lock(context)?;
    let trusted = vault.trusted(context, &*store)?;
    let (description_name, description) = vault.current(&trusted)?;
    let state = vault.dir.dataset(&args.dataset)?;
    let expected = state.as_ref().and_then(|state| state.last);
    let newest = newest(&*store, &trusted, &args.dataset, expected)?;
    let newest_manifest = newest.and_then(|name| trusted.manifest(&*store, &args.dataset, name).ok());
    // A vault that was adopted has datasets that this agent's state says nothing of.
    let cut = state.map(|state| state.chunker).or(newest_manifest.as_ref().map(|its| its.facts.chunker));
    let chunker = chunker(args, cut, description.chunker)?;
    let monitor = context.monitor();
    let clock = SystemTime::now;
    let doomed = match &gateway {
        Some(gateway) => gateway.doomed(vault.keys.vault)?,
        // Nothing dooms the packs of a store without a site.
        None => BTreeSet::new(),
    };
    let backup = Backup {
        store: store.clone(),
        layout: trusted.layout,
        description,
        description_name: *description_name,
        secrets: &vault.keys.secrets,
        agent: &vault.keys.agent,
        dataset: args.dataset.clone(),
        chunker,
        newest,
        expected,
        newest_reach: newest_manifest.map(|its| its.reach),
        doomed: &doomed,
        host: machine::host(),
        cache: vault.dir.cache()?,
        writer: WriterSettings::default(),
        readers: READ_THREADS,
        clock: &clock,
        limits: Limits::default(),
        stored: &|name| vault.dir.save_dataset(&args.dataset, &DatasetState { chunker, last: Some(name) }),
        interrupted: &context.stop,
        monitor: &monitor,
    };
    let outcome = backup::run(&backup, source(context, args, &vault)?)?;
    drop(monitor);
    report(context, &vault, &outcome, started)
}

/// How the dataset is cut: as it was, or as was asked when it is new.
fn chunker(args: &Args, before: Option<ChunkSizes>, default: ChunkSizes) -> Result<ChunkSizes, Failure> {
    let asked = args.chunks.map(Chunks::sizes);
    match (before, asked) {
        (Some(before), Some(asked)) if before != asked => Err(Failure::usage(format!(
            "dataset {} is cut into chunks of {} on average, for good; leave --chunks out, or name a new dataset",
            args.dataset,
            size(before.average.into())
        ))),
        (Some(before), _) => Ok(before),
        (None, asked) => Ok(asked.unwrap_or(default)),
    }
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

fn source(context: &Context, args: &Args, vault: &Writable) -> Result<Source, Failure> {
    if let Some(name) = &args.stdin {
        let name = name.clone().into_vec();
        if !is_safe_path(&name) {
            return Err(Failure::usage("the NAME of --stdin must be a relative path without `.` or `..`"));
        }
        return Ok(Source::Stream { name, input: Box::new(std::io::stdin()) });
    }
    Ok(Source::Paths { roots: args.paths.clone(), options: walk_options(context, args, vault)? })
}

fn walk_options(context: &Context, args: &Args, vault: &Writable) -> Result<WalkOptions, Failure> {
    let excludes =
        Excludes::new(&args.exclude, &args.exclude_from).map_err(|error| Failure::usage(error.to_string()))?;
    let mut skip = Vec::new();
    // A vault in itself would grow with each run, and the agent's secrets belong nowhere else.
    let store = context.address()?;
    for own in store.folder().into_iter().chain([vault.dir.path()]) {
        skip.extend(identity(own));
    }
    Ok(WalkOptions {
        excludes,
        exclude_caches: args.exclude_caches,
        one_file_system: args.one_file_system,
        skip,
        threads: WALK_THREADS,
    })
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Says what a backup would save.
fn dry_run(context: &mut Context, args: &Args, vault: &Writable) -> Result<Outcome, Failure> {
    if args.stdin.is_some() {
        return Err(Failure::usage("--dry-run has nothing to say of standard input"));
    }
    let walk =
        source::walk(&args.paths, walk_options(context, args, vault)?).map_err(|e| Failure::said(e.to_string()))?;
    let (mut files, mut bytes, mut unread) = (0, 0, false);
    for step in walk {
        let (mark, path, note) = match step {
            Step::Found(found) => {
                files += 1;
                bytes += if found.stat().is_file() { found.stat().size } else { 0 };
                ("+", found.path(), String::new())
            }
            Step::Unreadable { path, error } => {
                unread = true;
                ("!", path, format!("  ({error})"))
            }
            Step::Skipped { path, why } => {
                unread |= why == Skip::TooLong;
                ("-", path, format!("  ({why})"))
            }
        };
        if !context.global.json && !context.global.quiet {
            context.out.line(&format!("{mark} {}{note}", escape(&path)))?;
        }
    }
    if context.global.json {
        context.out.json(&serde_json::json!({"type": "pulih/backup-plan/v1", "entries": files, "bytes": bytes}))?;
    } else {
        context.out.line(&format!("{} entries, {}; nothing was written", count(files), size(bytes)))?;
    }
    Ok(if unread { Outcome::Unread } else { Outcome::Done })
}

fn report(
    context: &mut Context,
    vault: &Writable,
    outcome: &backup::Outcome,
    started: Instant,
) -> Result<Outcome, Failure> {
    let ended = if outcome.manifest.facts.counts.unread > 0 { Outcome::Unread } else { Outcome::Done };
    let seconds = started.elapsed().as_secs_f64();
    if context.global.json {
        let unread = |its: &backup::Problem| Unread { path: escape(&its.path), error: its.what.clone() };
        context.out.json(&Report {
            kind: "pulih/backup/v1",
            vault: vault.keys.vault.to_string(),
            snapshot: Snapshot::new(outcome.name, &outcome.manifest),
            seconds,
            unread: outcome.unread.iter().map(unread).collect(),
            unread_not_listed: outcome.unread_more,
        })?;
        return Ok(ended);
    }
    if context.global.quiet {
        return Ok(ended);
    }
    let (counts, changes) = (outcome.manifest.facts.counts, outcome.manifest.changes);
    let id = outcome.name.hash.to_string();
    context.out.line(&format!(
        "Saved snapshot {} of {}: {} files, {}; {} new, {} changed, {} unchanged, {} removed.",
        &id[..SHORT_ID],
        outcome.manifest.facts.dataset,
        count(counts.files),
        size(counts.bytes),
        count(changes.new),
        count(changes.changed),
        count(changes.unchanged),
        count(changes.removed),
    ))?;
    context.out.line(&format!(
        "Read {}, of which {} were new to the vault and took {} in the store, in {seconds:.1} s.",
        size(changes.read_bytes),
        size(changes.new_bytes),
        size(changes.stored_bytes),
    ))?;
    if counts.unread > 0 {
        context.out.line(&format!("{} could not be read; the snapshot says which.", count(counts.unread)))?;
    }
    Ok(ended)
}
