//! `check`: whether what the snapshots need is in the store and undamaged, and what is lost if
//! it is not.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pulih_vault::check::{CheckOptions, CheckReport, CheckedSnapshot, Expected, Problem, Sample, Watch, check};
use pulih_vault::id::VaultId;
use pulih_vault::layout::{DatasetName, Layout};
use pulih_vault::store::Store;
use pulih_vault::tree::name::escape;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;

use super::Context;
use super::args::Check as Args;
use super::choose::{Readable, Writable, for_reading};
use super::failure::{Failure, Outcome};
use super::output::{count, printable_lines, size};
use super::snapshots::SHORT_ID;
use crate::backup::known::Known;
use crate::identity::IdentityFile;
use crate::state::VaultDir;
use pulih_progress::{Monitor as _, Progress};

/// Problems that JSON lists, and what is lost with each; more are counted.
const LISTED: usize = 1000;
/// Snapshots that a person is told of by name, of one object.
const NAMED: usize = 12;

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    verified: bool,
    with_identity: bool,
    read_data_percent: Option<f64>,
    sample_seed: Option<String>,
    sound: bool,
    snapshots: u64,
    replaced: Vec<String>,
    packs: u64,
    indexes: u64,
    reaches: u64,
    packs_read: u64,
    chunks_read: u64,
    read_bytes: u64,
    seconds: f64,
    problems: Vec<ProblemText>,
    problems_count: u64,
    unneeded_packs: u64,
    gone: Vec<GoneText>,
    strays: Vec<String>,
    strays_count: u64,
}

#[derive(Serialize)]
struct ProblemText {
    object: String,
    error: String,
    affects: Vec<String>,
    affects_count: u64,
    lost: Vec<LostText>,
    lost_count: u64,
}

/// A snapshot that a later one names and that is not there any more.
#[derive(Serialize)]
struct GoneText {
    id: String,
    dataset: String,
    sequence: u64,
}

#[derive(Serialize)]
struct LostText {
    snapshot: String,
    path: String,
    entries: u64,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let store = context.open_store()?;
    let readable = readable(context, &*store, args.identity.identity.as_deref())?;
    if readable.owner.is_none() {
        context
            .warn("there is no owner key to compare: who signed the snapshots is not verified (give --identity FILE)");
    }
    let vault = readable.vault;
    let expected = readable.own.as_ref().map(|own| expected(context, own)).transpose()?.unwrap_or_default();
    let scratch = tempfile::tempdir().map_err(|e| Failure::said(format!("cannot make a temporary folder: {e}")))?;
    let sample = args.read_data.map(draw).transpose()?;
    let monitor = context.monitor();
    let read = AtomicU64::new(0);
    let stop = context.stop.clone();
    let checked = check(CheckOptions {
        store,
        vault,
        owner: readable.owner,
        identities: readable.identity.map(|file| file.identities),
        secrets: readable.own.map(|own| own.keys.secrets),
        sample,
        suspects: Vec::new(),
        expected,
        paths: LISTED,
        scratch: scratch.path(),
        watch: Watch {
            read: &|bytes| {
                read.fetch_add(bytes, Ordering::Relaxed);
                monitor.advance(Progress { bytes, ..Progress::default() });
            },
            stop: &stop,
        },
    });
    drop(monitor);
    let report = match checked {
        Err(_) if stop.load(Ordering::Relaxed) => {
            return Err(Failure::said("interrupted: the vault was not checked to the end"));
        }
        checked => checked?,
    };
    let read = read.into_inner();
    if context.global.json {
        context.out.json(&to_json(vault, &report, read, started))?;
    } else {
        print(context, vault, &report, read)?;
    }
    Ok(if report.sound() { Outcome::Done } else { Outcome::FoundWrong })
}

/// The vault that is meant, also if the store has lost all descriptions of it: then this is the
/// command that must say so.
pub(super) fn readable(context: &Context, store: &dyn Store, path: Option<&Path>) -> Result<Readable, Failure> {
    let failure = match for_reading(context, store, path) {
        Err(failure @ (Failure::Said(_) | Failure::Vault(_))) => failure,
        chosen => return chosen,
    };
    let identity = path.map(IdentityFile::read).transpose()?;
    let state = context.state().ok();
    let mut named: Vec<VaultId> = context.global.vault.into_iter().collect();
    named.extend(identity.iter().flat_map(|file| &file.bindings).map(|its| its.vault));
    if let Some(state) = &state {
        named.extend(state.vaults()?.iter().map(VaultDir::id));
    }
    for vault in named {
        if has_objects(store, vault)? {
            let dir = state.as_ref().map(|state| state.vault(vault));
            let own = match dir {
                Some(dir) => dir.keys()?.map(|keys| Writable { dir, keys }),
                None => None,
            };
            let pinned = own.as_ref().map(|own| own.keys.owner.fingerprint());
            let owner = identity.as_ref().and_then(|file| file.owner_of(vault)).or(pinned);
            return Ok(Readable { vault, owner, identity, own });
        }
    }
    Err(failure)
}

fn has_objects(store: &dyn Store, vault: VaultId) -> Result<bool, Failure> {
    let mut any = false;
    for kind in ["snapshots", "reach", "index", "packs"] {
        store.list(&Layout { vault }.folder(kind), &mut |_| any = true)?;
    }
    Ok(any)
}

/// What this agent remembers of the vault.
fn expected(context: &Context, own: &Writable) -> Result<Expected, Failure> {
    let mut expected = Expected::default();
    let known = own.dir.path().join("cache/known");
    if known.exists() {
        match Known::packs_on_record(&known) {
            Ok(packs) => expected.packs = packs,
            Err(error) => context.inform(&format!("what this agent stored cannot be compared: {error}")),
        }
    }
    // Without the folder this agent has saved nothing yet.
    let files = std::fs::read_dir(own.dir.path().join("datasets")).into_iter().flatten().flatten();
    for file in files {
        let name = file.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
        let Some(dataset) = name.and_then(|name| name.parse::<DatasetName>().ok()) else { continue };
        let last = own.dir.dataset(&dataset)?.and_then(|state| state.last);
        expected.manifests.extend(last.map(|last| (dataset, last)));
    }
    Ok(expected)
}

fn draw(percent: f64) -> Result<Sample, Failure> {
    let mut seed = [0; 8];
    SystemRandom::new().fill(&mut seed).map_err(|_| Failure::said("the system gives no random bytes"))?;
    Ok(Sample { percent, seed: u64::from_le_bytes(seed) })
}

fn is_part(sample: &Sample) -> bool {
    sample.percent < 100.0
}

fn to_json(vault: VaultId, report: &CheckReport, read_bytes: u64, started: Instant) -> Report {
    let counted = &report.counted;
    Report {
        kind: "pulih/check/v1",
        vault: vault.to_string(),
        verified: report.verified,
        with_identity: report.with_identity,
        read_data_percent: report.sample.map(|sample| sample.percent),
        sample_seed: report
            .sample
            .as_ref()
            .filter(|sample| is_part(sample))
            .map(|sample| format!("{:016x}", sample.seed)),
        sound: report.sound(),
        snapshots: standing(report),
        replaced: report.replaced.iter().map(|&number| report.snapshots[number].name.hash.to_string()).collect(),
        packs: counted.packs,
        indexes: counted.indexes,
        reaches: counted.reaches,
        packs_read: counted.packs_read,
        chunks_read: counted.chunks_read,
        read_bytes,
        seconds: started.elapsed().as_secs_f64(),
        problems: report.problems.iter().take(LISTED).map(|problem| problem_json(report, problem)).collect(),
        problems_count: report.problems.len() as u64,
        unneeded_packs: counted.unneeded_packs,
        gone: report.gone.iter().map(gone_json).collect(),
        strays: report.strays.iter().map(ToString::to_string).collect(),
        strays_count: report.strays_count,
    }
}

/// Snapshots that count: those for which no other stands.
fn standing(report: &CheckReport) -> u64 {
    (report.snapshots.len() - report.replaced.len()) as u64
}

fn gone_json(snapshot: &CheckedSnapshot) -> GoneText {
    GoneText {
        id: snapshot.name.hash.to_string(),
        dataset: snapshot.dataset.to_string(),
        sequence: snapshot.name.sequence,
    }
}

fn problem_json(report: &CheckReport, problem: &Problem) -> ProblemText {
    let id = |number: usize| report.snapshots[number].name.hash.to_string();
    ProblemText {
        object: problem.object.to_string(),
        error: problem.error.clone(),
        affects: problem.affects.iter().map(|&number| id(number)).collect(),
        affects_count: problem.affects_count,
        lost: problem
            .lost
            .iter()
            .take(LISTED)
            .map(|lost| LostText { snapshot: id(lost.snapshot), path: escape(&lost.path), entries: lost.entries })
            .collect(),
        lost_count: problem.lost_count,
    }
}

fn print(context: &mut Context, vault: VaultId, report: &CheckReport, read: u64) -> Result<(), Failure> {
    for problem in &report.problems {
        context.out.line(printable_lines(&problem_text(report, problem)).trim_end())?;
    }
    if !report.gone.is_empty() {
        let gone: Vec<_> = report.gone.iter().take(NAMED).map(short).collect();
        let number = count(report.gone.len() as u64);
        context.inform(&format!(
            "{number} snapshots are not there any more, which later ones name: {}; if nobody removed them, they are lost",
            gone.join(", ")
        ));
    }
    if report.strays_count > 0 {
        let some: Vec<_> = report.strays.iter().take(3).map(ToString::to_string).collect();
        let strays = count(report.strays_count);
        context.inform(&format!("{strays} objects in the vault's folder are none of a vault's: {} …", some.join(", ")));
    }
    if let Some(sample) = report.sample.as_ref().filter(|sample| is_part(sample)) {
        context.out.line(&format!("Read {} % of the packs, drawn by seed {:016x}.", sample.percent, sample.seed))?;
    }
    if context.global.quiet && report.sound() {
        return Ok(());
    }
    let counted = &report.counted;
    let depth = match (report.with_identity, report.sample) {
        (false, None) => "from outside, without reading packs or trees",
        (false, Some(_)) => "from outside",
        (true, None) => "with their trees, without reading all packs",
        (true, Some(_)) => "with their trees and chunks",
    };
    context.out.line(&format!(
        "Checked vault {vault}, {depth}: {} snapshots, {} reaches, {} indexes, {} packs ({} read, {} chunks); read {}.",
        count(standing(report)),
        count(counted.reaches),
        count(counted.indexes),
        count(counted.packs),
        count(counted.packs_read),
        count(counted.chunks_read),
        size(read),
    ))?;
    match report.problems.len() as u64 {
        0 => context.out.line("No damage found."),
        problems => context.out.line(&format!("{} objects are damaged or missing.", count(problems))),
    }
}

fn problem_text(report: &CheckReport, problem: &Problem) -> String {
    let mut text = format!("{}\n  {}\n", problem.object, problem.error);
    if problem.affects_count > 0 {
        let named: Vec<_> =
            problem.affects.iter().take(NAMED).map(|&number| short(&report.snapshots[number])).collect();
        let more = problem.affects_count - named.len() as u64;
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        let _ = writeln!(text, "  needed by {}{more}", named.join(", "));
    }
    for lost in problem.lost.iter().take(LISTED) {
        let snapshot = short(&report.snapshots[lost.snapshot]);
        let _ = match (lost.entries, escape(&lost.path)) {
            (1, path) => writeln!(text, "  lost in {snapshot}: {path}"),
            (entries, path) if path.is_empty() => {
                writeln!(text, "  lost in {snapshot}: all {} entries", count(entries))
            }
            (entries, path) => writeln!(text, "  lost in {snapshot}: {} entries from {path} on", count(entries)),
        };
    }
    let listed: u64 = problem.lost.iter().take(LISTED).map(|lost| lost.entries).sum();
    if problem.lost_count > listed {
        let _ = writeln!(text, "  and {} more", count(problem.lost_count - listed));
    }
    text
}

fn short(snapshot: &CheckedSnapshot) -> String {
    format!("{} ({} {})", &snapshot.name.hash.to_string()[..SHORT_ID], snapshot.dataset, snapshot.name.sequence)
}
