//! `restore`: brings a snapshot, or a part of it, back into a folder.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pulih_vault::tree::name::escape;
use serde::Serialize;

use super::Context;
use super::args::Restore as Args;
use super::failure::{Failure, Outcome};
use super::open::{self, OpenSnapshot};
use super::output::{count, size};
use super::snapshots::{SHORT_ID, Snapshot};
use crate::source;
use pulih_restore::target::Target;
use pulih_restore::{Action, Restore, Selection, Summary};

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    verified: bool,
    snapshot: Snapshot,
    target: String,
    dry_run: bool,
    files: u64,
    dirs: u64,
    others: u64,
    bytes: u64,
    written_bytes: u64,
    already_right: u64,
    failed: u64,
    unread: u64,
    metadata_problems: u64,
    seconds: f64,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let started = Instant::now();
    // Only a warning: folders are opened again instead of being kept open.
    if let Err(error) = source::limit::raise_file_limit() {
        context.warn(&format!("cannot raise the limit of open files: {error}"));
    }
    let selection = Selection::new(args.snapshot.path.clone(), &args.include)
        .map_err(|error| Failure::usage(format!("--include: {error}")))?;
    let snapshot =
        open::open(context, &args.identity.identity, args.dataset.dataset.as_ref(), &args.snapshot.snapshot)?;
    let in_place = !is_empty(&args.target)?;
    let target = if args.dry_run && !args.target.exists() {
        // Nothing is made for a look: an empty folder elsewhere stands in for the target.
        Target::open(snapshot.scratch())?
    } else {
        Target::open(&args.target)?
    };
    let monitor = context.monitor();
    let manifest = &snapshot.resolved.manifest;
    let stop = Arc::clone(&context.stop);
    let summary = pulih_restore::run(&Restore {
        reader: &snapshot.reader,
        root: manifest.facts.tree,
        selection: &selection,
        target: &target,
        in_place,
        action: if args.dry_run { Action::Look } else { Action::Write },
        workers: std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8),
        interrupted: &stop,
        monitor: &monitor,
    })?;
    drop(monitor);
    if summary.files + summary.dirs + summary.others == 0 && (args.snapshot.path.is_some() || !args.include.is_empty())
    {
        return Err(Failure::said("nothing in the snapshot matches; `pulih-agent find` looks for names in it"));
    }
    tell(context, args, &snapshot, &summary, started.elapsed().as_secs_f64())
}

fn is_empty(folder: &Path) -> Result<bool, Failure> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::said(format!("cannot use the target folder {}: {error}", folder.display()))),
    }
}

fn tell(
    context: &mut Context,
    args: &Args,
    snapshot: &OpenSnapshot,
    summary: &Summary,
    seconds: f64,
) -> Result<Outcome, Failure> {
    let outcome = match summary {
        Summary { failed: 1.., .. } => Outcome::FoundWrong,
        Summary { unread: 1.., .. } => Outcome::Unread,
        _ => Outcome::Done,
    };
    if context.global.json {
        context.out.json(&Report {
            kind: "pulih/restore/v1",
            vault: snapshot.vault.to_string(),
            verified: snapshot.verified,
            snapshot: snapshot.describe(),
            target: escape(args.target.as_os_str().as_bytes()),
            dry_run: args.dry_run,
            files: summary.files,
            dirs: summary.dirs,
            others: summary.others,
            bytes: summary.bytes,
            written_bytes: summary.written_bytes,
            already_right: summary.already_right,
            failed: summary.failed,
            unread: summary.unread,
            metadata_problems: summary.metadata_problems,
            seconds,
        })?;
        return Ok(outcome);
    }
    if !context.global.quiet {
        say(context, args, &snapshot.describe(), summary, seconds)?;
    }
    Ok(outcome)
}

fn say(
    context: &mut Context,
    args: &Args,
    snapshot: &Snapshot,
    summary: &Summary,
    seconds: f64,
) -> Result<(), Failure> {
    let done = if args.dry_run { "Would restore" } else { "Restored" };
    context.out.line(&format!(
        "{done} snapshot {} of {} into {}: {} files, {}, in {seconds:.1} s.",
        &snapshot.id[..SHORT_ID],
        snapshot.dataset,
        args.target.display(),
        count(summary.files),
        size(summary.bytes),
    ))?;
    if summary.already_right > 0 {
        context.out.line(&format!(
            "{} files were right already; {} were written.",
            count(summary.already_right),
            size(summary.written_bytes)
        ))?;
    }
    for (number, what) in [
        (summary.failed, "could not be restored as they were saved; see above"),
        (summary.unread, "could not be read when they were saved, and are not in the snapshot"),
        (summary.metadata_problems, "have their content, but not all of their owner, permissions, attributes or time"),
    ] {
        if number > 0 {
            context.out.line(&format!("{} {what}.", count(number)))?;
        }
    }
    Ok(())
}
