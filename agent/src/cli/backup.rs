//! `backup`: saves files, or what comes from standard input, as a snapshot.

use std::os::unix::ffi::OsStringExt as _;
use std::time::Instant;

use pulih_stores::gateway::SiteClient;
use pulih_vault::tree::name::{escape, is_safe_path};
use serde::Serialize;

use super::Context;
use super::address::StoreAddress;
use super::args::{Backup as Args, Chunks};
use super::choose::{Writable, for_writing};
use super::drc;
use super::failure::{Failure, Outcome};
use super::output::{count, size};
use super::save::{self, Save};
use super::snapshots::{SHORT_ID, Snapshot};
use crate::backup::{self, Source};
use crate::source::{self, Excludes, Skip, Step, WalkOptions};

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    snapshot: Snapshot,
    seconds: f64,
    unread: Vec<Unread>,
    unread_not_listed: u64,
    rewritten_bytes: u64,
}

#[derive(Serialize)]
struct Unread {
    path: String,
    error: String,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let opened = context.open()?;
    let vault = for_writing(context, &*opened.store)?;
    if args.dry_run {
        return dry_run(context, args);
    }
    // Only a warning: with fewer files open the walk is slower, and it still comes to the end.
    if let Err(error) = source::limit::raise_file_limit() {
        context.warn(&format!("cannot raise the limit of open files: {error}"));
    }
    let started = Instant::now();
    let source = source(context, args)?;
    let monitor = context.monitor();
    let save = Save {
        opened: &opened,
        vault: &vault,
        dataset: &args.dataset,
        chunks: args.chunks.map(Chunks::sizes),
        spool: args.spool.unwrap_or_default(),
        rewrite: args.rewrite.unwrap_or_default(),
        interrupted: &context.stop,
        monitor: &monitor,
    };
    let outcome = save.run(context, source)?;
    drop(monitor);
    learn(context);
    report(context, &vault, &outcome, started)
}

/// Which DRC the site has, so that it is known before it is needed. The snapshot is made, whatever comes of this.
fn learn(context: &Context) {
    let learnt = || {
        let (state, address) = (context.state()?, context.address()?);
        let site = state.site()?.filter(|site| address == StoreAddress::Gateway(site.credentials.url.clone()));
        let Some(site) = site else { return Ok(None) };
        drc::learn(&state, &site, &SiteClient::open(&site.credentials)?)
    };
    let learnt: Result<_, Failure> = learnt();
    match learnt {
        Ok(None) => {}
        Ok(Some(odd)) => context.warn(&odd.text),
        Err(failure) => context.warn(&format!("the site's DRC was not asked for: {}", failure.words())),
    }
}

fn source(context: &Context, args: &Args) -> Result<Source, Failure> {
    if let Some(name) = &args.stdin {
        let name = name.clone().into_vec();
        if !is_safe_path(&name) {
            return Err(Failure::usage("the NAME of --stdin must be a relative path without `.` or `..`"));
        }
        return Ok(Source::Stream { name, input: Box::new(std::io::stdin()) });
    }
    Ok(Source::Paths { roots: args.paths.clone(), options: walk_options(context, args)? })
}

fn walk_options(context: &Context, args: &Args) -> Result<WalkOptions, Failure> {
    let excludes =
        Excludes::new(&args.exclude, &args.exclude_from).map_err(|error| Failure::usage(error.to_string()))?;
    let (state, store) = (context.state()?, context.address()?);
    Ok(save::walk_options(&state, store.folder(), excludes, args.exclude_caches, args.one_file_system))
}

/// Says what a backup would save.
fn dry_run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    if args.stdin.is_some() {
        return Err(Failure::usage("--dry-run has nothing to say of standard input"));
    }
    let walk = source::walk(&args.paths, walk_options(context, args)?).map_err(|e| Failure::said(e.to_string()))?;
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
            rewritten_bytes: outcome.rewritten_bytes,
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
    if outcome.rewritten_bytes > 0 {
        let bytes = size(outcome.rewritten_bytes);
        context
            .out
            .line(&format!("Wrote {bytes} afresh, so that the site can delete packs of which little is needed."))?;
    }
    if counts.unread > 0 {
        context.out.line(&format!("{} could not be read; the snapshot says which.", count(counts.unread)))?;
    }
    Ok(ended)
}
