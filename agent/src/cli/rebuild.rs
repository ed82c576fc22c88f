//! `rebuild`: indexes, reaches and manifests again, from packs. It says what it will do, does
//! it, and reads what it made.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pulih_vault::check::Watch;
use pulih_vault::check::keyring::Keyring;
use pulih_vault::description::VaultSecrets;
use pulih_vault::layout::ManifestName;
use pulih_vault::rebuild::{Fate, Plan, Planned, RebuildOptions, Signers, plan, verify};
use pulih_vault::store::Store;
use pulih_vault::trust::TrustedVault;
use ring::rand::SystemRandom;
use serde::Serialize;

use super::Context;
use super::args::Rebuild as Args;
use super::check::readable;
use super::choose::Readable;
use super::failure::{Failure, Outcome};
use super::output::{Align, Table, count, size};
use super::snapshots::{SHORT_ID, Snapshot};
use crate::identity::{OwnerKey, read_owner};
use pulih_progress::{Monitor as _, Progress};
use pulih_vault::utc;

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    packs_read: u64,
    read_bytes: u64,
    indexes_made: u64,
    reaches_made: u64,
    manifests_made: Vec<Snapshot>,
    snapshots: Vec<SnapshotText>,
    lost: Vec<LostText>,
    forged_facts: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct SnapshotText {
    dataset: String,
    sequence: u64,
    captured: String,
    fate: &'static str,
    id: Option<String>,
    missing: Vec<String>,
    missing_count: u64,
}

#[derive(Serialize)]
struct LostText {
    object: String,
    error: String,
}

/// The vault that is rebuilt, opened.
struct Opened {
    store: Arc<dyn Store>,
    readable: Readable,
    trusted: TrustedVault,
    keyring: Keyring,
    secrets: VaultSecrets,
    owner: Option<OwnerKey>,
    scratch: tempfile::TempDir,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let opened = open(context, args)?;
    let _lock = opened.readable.own.as_ref().map(|own| own.lock(context)).transpose()?;
    let read = AtomicU64::new(0);
    let plan = make_plan(context, &opened, &read)?;
    if !context.global.json {
        print_plan(context, &plan)?;
    }
    if plan.needs_key() {
        return Err(Failure::said(
            "a snapshot needs a new manifest, and the key that may sign it is not here: give the owner key with --owner FILE; nothing was written",
        ));
    }
    plan.carry_out(&*opened.store)?;
    let made = read_back(&opened, &plan)?;
    let read_bytes = read.into_inner();
    if context.global.json {
        context.out.json(&to_json(&opened, &plan, made, read_bytes, started))?;
    } else {
        print_done(context, &plan, read_bytes)?;
    }
    Ok(if plan.has_losses() { Outcome::FoundWrong } else { Outcome::Done })
}

const NO_DESCRIPTION: &str = "no description of the vault can be read, and the secrets that name its chunks stand in it: \
    nothing can be rebuilt. Bring the folder `vault` of the vault back from another copy of the store first";

fn open(context: &Context, args: &Args) -> Result<Opened, Failure> {
    let store = context.open_store()?;
    let mut readable = readable(context, &*store, Some(&args.identity.identity))?;
    let trusted = readable.trusted(context, &*store).map_err(|failure| failure.as_cause_of(NO_DESCRIPTION))?;
    let identities = readable.identity.take().map(|file| file.identities).unwrap_or_default();
    let secrets = trusted.current().1.open_secrets(&identities)?;
    let owner = args.owner.as_deref().map(|path| owner_key(context, path, &trusted)).transpose()?;
    let scratch = tempfile::tempdir().map_err(|e| Failure::said(format!("cannot make a temporary folder: {e}")))?;
    Ok(Opened { store, readable, trusted, keyring: Keyring::new(identities), secrets, owner, scratch })
}

fn owner_key(context: &Context, path: &Path, trusted: &TrustedVault) -> Result<OwnerKey, Failure> {
    let owner = read_owner(path)?;
    if owner.open_to_others {
        let path = path.display();
        context.warn(&format!("other users of this machine can read the owner key {path}; run `chmod 600` on it"));
    }
    if owner.key.verifier() == trusted.current().1.owner {
        return Ok(owner);
    }
    let (its, wanted) = (owner.key.verifier().fingerprint(), trusted.current().1.owner.fingerprint());
    Err(Failure::said(format!("{} is another owner's key: {its}, and the vault's owner is {wanted}", path.display())))
}

fn make_plan(context: &Context, opened: &Opened, read: &AtomicU64) -> Result<Plan, Failure> {
    let monitor = context.monitor();
    let watch = Watch {
        read: &|bytes| {
            read.fetch_add(bytes, Ordering::Relaxed);
            monitor.advance(Progress { bytes, ..Progress::default() });
        },
        stop: &context.stop,
    };
    let planned = plan(RebuildOptions {
        store: opened.store.clone(),
        trusted: &opened.trusted,
        identities: opened.keyring.lend(),
        secrets: &opened.secrets,
        signers: Signers {
            agent: opened.readable.own.as_ref().map(|own| &own.keys.agent),
            owner: opened.owner.as_ref().map(|owner| &owner.key),
        },
        scratch: opened.scratch.path(),
        random: &SystemRandom::new(),
        now: utc::rfc3339((context.clock)()),
        watch,
    });
    if planned.is_err() && context.stop.load(Ordering::Relaxed) {
        return Err(Failure::said("interrupted: nothing was written"));
    }
    Ok(planned?)
}

/// The snapshot that a fate leaves, if it was made now.
fn made(planned: &Planned) -> Option<ManifestName> {
    match planned.fate {
        Fate::Reach(name) | Fate::Manifest(name) => Some(name),
        _ => None,
    }
}

/// Reads what was made as a restore would.
fn read_back(opened: &Opened, plan: &Plan) -> Result<Vec<Snapshot>, Failure> {
    let mut snapshots = Vec::new();
    for planned in &plan.snapshots {
        let Some(name) = made(planned) else { continue };
        let dataset = &planned.facts.dataset;
        let scratch = tempfile::tempdir_in(opened.scratch.path())
            .map_err(|e| Failure::said(format!("cannot make a temporary folder: {e}")))?;
        verify(
            opened.store.clone(),
            &opened.trusted,
            (dataset, name),
            &opened.secrets,
            opened.keyring.lend(),
            scratch.path(),
        )?;
        if matches!(planned.fate, Fate::Manifest(_)) {
            let manifest = opened.trusted.manifest(&*opened.store, dataset, name)?;
            snapshots.push(Snapshot::new(name, &manifest));
        }
    }
    Ok(snapshots)
}

fn words(fate: &Fate) -> (&'static str, String) {
    match fate {
        Fate::Whole(_) => ("whole", "whole".to_owned()),
        Fate::Reach(_) => ("reach", "reach made again".to_owned()),
        Fate::Manifest(_) => ("manifest", "manifest made again".to_owned()),
        Fate::Unsigned => ("unsigned", "needs a manifest, which only the owner key can sign".to_owned()),
        Fate::Incomplete { count: parts, .. } => {
            ("incomplete", format!("not made: {} parts are in no sound pack", count(*parts)))
        }
        Fate::Superseded => ("superseded", "of a run that did not end; another has its number".to_owned()),
    }
}

fn id(fate: &Fate) -> Option<String> {
    match fate {
        Fate::Whole(name) | Fate::Reach(name) | Fate::Manifest(name) => Some(name.hash.to_string()),
        Fate::Unsigned | Fate::Incomplete { .. } | Fate::Superseded => None,
    }
}

fn print_plan(context: &mut Context, plan: &Plan) -> Result<(), Failure> {
    for trouble in &plan.troubles {
        context.warn(&format!("left as it is: {}: {}", trouble.object, trouble.error));
    }
    if plan.forged_facts > 0 {
        let forged = count(plan.forged_facts);
        context.warn(&format!("{forged} notes in the packs are not signed by the vault's agent and are not believed"));
    }
    for planned in &plan.snapshots {
        if let Fate::Incomplete { missing, count: parts } = &planned.fate {
            let more = parts - missing.len() as u64;
            let more = if more > 0 { format!("\n  and {} more", count(more)) } else { String::new() };
            let (dataset, number) = (&planned.facts.dataset, planned.facts.sequence);
            context.warn(&format!(
                "snapshot {number} of {dataset} cannot be made again:\n  {}{more}",
                missing.join("\n  ")
            ));
        }
    }
    say_gaps(context, plan);
    let manifests = plan.snapshots.iter().filter(|planned| matches!(planned.fate, Fate::Manifest(_))).count();
    context.out.line(&format!(
        "Plan: {} indexes of {} packs, {} reaches, {} manifests.",
        count(plan.indexes.len() as u64),
        count(plan.indexes.iter().map(|(_, packs)| *packs as u64).sum()),
        count(plan.reaches),
        count(manifests as u64),
    ))?;
    let mut table = Table::new([
        ("DATASET", Align::Left),
        ("NUMBER", Align::Right),
        ("CAPTURED", Align::Left),
        ("ID", Align::Left),
        ("WHAT", Align::Left),
    ]);
    for planned in &plan.snapshots {
        table.row([
            planned.facts.dataset.to_string(),
            planned.facts.sequence.to_string(),
            utc::human_text(&planned.facts.captured),
            id(&planned.fate).map_or("-".to_owned(), |id| id[..SHORT_ID].to_owned()),
            words(&planned.fate).1,
        ]);
    }
    context.out.text(&table)
}

/// A run that stored nothing new left nothing in the packs to make its snapshot from.
fn say_gaps(context: &Context, plan: &Plan) {
    for pair in plan.snapshots.windows(2) {
        let (before, after) = (&pair[0].facts, &pair[1].facts);
        if before.dataset == after.dataset && after.sequence > before.sequence + 1 {
            context.inform(&format!(
                "of {} the snapshots between {} and {} are not there; one that stored nothing new cannot be made from packs",
                before.dataset, before.sequence, after.sequence
            ));
        }
    }
}

fn print_done(context: &mut Context, plan: &Plan, read_bytes: u64) -> Result<(), Failure> {
    let read = format!("Read {} packs, {}.", count(plan.packs_read), size(read_bytes));
    let done = if plan.is_empty() { "Nothing had to be made." } else { "All of it was made and read back." };
    context.out.line(&format!("{read} {done}"))
}

fn to_json(opened: &Opened, plan: &Plan, made: Vec<Snapshot>, read_bytes: u64, started: Instant) -> Report {
    let snapshot = |planned: &Planned| {
        let (missing, missing_count) = match &planned.fate {
            Fate::Incomplete { missing, count } => (missing.clone(), *count),
            _ => (Vec::new(), 0),
        };
        SnapshotText {
            dataset: planned.facts.dataset.to_string(),
            sequence: planned.facts.sequence,
            captured: planned.facts.captured.clone(),
            fate: words(&planned.fate).0,
            id: id(&planned.fate),
            missing,
            missing_count,
        }
    };
    let lost = plan.troubles.iter();
    Report {
        kind: "pulih/rebuild/v1",
        vault: opened.readable.vault.to_string(),
        packs_read: plan.packs_read,
        read_bytes,
        indexes_made: plan.indexes.len() as u64,
        reaches_made: plan.reaches,
        manifests_made: made,
        snapshots: plan.snapshots.iter().map(snapshot).collect(),
        lost: lost.map(|its| LostText { object: its.object.to_string(), error: its.error.clone() }).collect(),
        forged_facts: plan.forged_facts,
        seconds: started.elapsed().as_secs_f64(),
    }
}
