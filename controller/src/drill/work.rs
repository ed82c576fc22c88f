//! The worker's way from the order to the end: step after step, the log, and the scratch place wiped.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulih_evidence::sample::seed;
use pulih_vault::store::Store;
use serde_json::{Value, json};

use super::log::{self, Log};
use super::{host, restore, scratch, try_lock, verify};
use crate::drc::drills::order::{Done, Order, Start, StepEnded};
use crate::drc::drills::{Ask, restores};
use crate::drc::recovery::order::Dataset;
use crate::record::time;
use crate::recover::content;
use crate::site::SiteDir;
use crate::uji;

/// Between syncs of the log.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// The end is asked for again, where the store is full.
const AGAIN: Duration = Duration::from_secs(5);

/// Asks whoever serves the site.
pub type Asks<'a> = &'a dyn Fn(Ask) -> Result<Value, String>;

/// What a worker needs.
pub struct Worker<'a> {
    pub dir: &'a SiteDir,
    pub store: Arc<dyn Store>,
    pub keeper: &'a Path,
    pub scratch: Option<PathBuf>,
    pub ask: Asks<'a>,
}

/// Does a drill. `Ok`: it has ended, or may not begin yet.
pub fn work(its: &Worker, drill: &str) -> Result<(), String> {
    end_with_parent();
    let lock = try_lock(its.dir).map_err(|error| error.to_string())?;
    let Some(_lock) = lock else { return Err("another drill goes on at this host".into()) };
    let host = host(its.keeper, its.scratch.as_deref());
    let start = (its.ask)(Ask::Start { id: drill.to_owned(), host })?;
    let Start::Now { order } = serde_json::from_value(start).map_err(|error| error.to_string())? else { return Ok(()) };
    if let Err(error) = pulih_restore::raise_file_limit() {
        eprintln!("warning: cannot raise the limit of open files: {error}");
    }
    let log = Log::create(&its.dir.path(&log::name(drill)), drill, Instant::now());
    let log = Arc::new(log.map_err(|error| format!("cannot write the drill's log: {error}"))?);
    let beside = log.clone();
    std::thread::spawn(move || sync(&beside));
    let (leftovers, text) = run(its, &order, &log);
    let milliseconds = log.close();
    let done = Done { drill: drill.to_owned(), milliseconds, leftovers, text };
    while let Err(why) = (its.ask)(Ask::End { done: done.clone() }) {
        eprintln!("warning: the end of drill {drill} was not written down: {why}; it is tried again");
        std::thread::sleep(AGAIN);
    }
    Ok(())
}

/// Whoever began this process holds the other end of the pipe: when that is gone, this one is not waited for any more.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut input = std::io::stdin();
        let mut piece = [0; 64];
        while matches!(input.read(&mut piece), Ok(1..)) {}
        std::process::exit(1);
    });
}

/// Also where nothing happens for long, the log says that the drill goes on.
fn sync(log: &Log) {
    loop {
        std::thread::sleep(SYNC_EVERY);
        log.line(json!({}));
        log.sync();
    }
}

/// All steps, then the wiping: what is left over, and a word for people.
fn run(its: &Worker, order: &Order, log: &Log) -> (u64, String) {
    let mut made = None;
    if let Some(place) = &order.scratch {
        match scratch::make(place, &order.drill) {
            Ok(folder) => made = Some(folder),
            Err(error) => return (0, format!("the scratch place cannot be used: {error}")),
        }
    }
    let (mut is_good, mut said) = (true, String::new());
    for (at, item) in order.items.iter().enumerate() {
        let ended = step(its, order, item, made.as_deref(), (log, at as u64 + 1));
        log.line(json!({"step": at + 1, "passed": ended.passed}));
        log.sync();
        is_good &= ended.passed;
        if let Err(why) = (its.ask)(Ask::Step { ended }) {
            // Without its step the drill does not pass.
            (is_good, said) = (false, format!("a step was not written down: {why}"));
            break;
        }
    }
    let Some(place) = order.scratch.as_deref() else { return (0, said) };
    if !is_good && order.keep_failed && scratch::keep(place, &order.drill).is_ok() {
        return (0, format!("{said}what was restored stays for seven days"));
    }
    (scratch::wipe(place, &order.drill), said)
}

/// Which files of a point are restored; `None`: all.
fn drawn(order: &Order, item: &Dataset, files: u64) -> Result<Option<BTreeSet<u64>>, String> {
    let Some(percent) = order.sample_percent else { return Ok(None) };
    let first = order.first.as_ref().ok_or("nobody has co-signed what its sample is drawn from")?;
    let seed = seed(&first.cosignature).map_err(|error| error.to_string())?;
    Ok(Some(seed.sample(&item.point(), files, percent)))
}

fn step(its: &Worker, order: &Order, item: &Dataset, folder: Option<&Path>, at: (&Log, u64)) -> StepEnded {
    let (began, clock) = (uji::now(), Instant::now());
    eprintln!("drill {}: {} of {}", order.drill, item.label(), item.captured);
    let counts = content(&*its.store, item).ok();
    let (total_files, total_bytes) = counts.map_or((0, 0), |counts| (counts.files, counts.bytes));
    let mut ended = StepEnded {
        drill: order.drill.clone(),
        point: item.point(),
        passed: false,
        began: time(began).map(|time| time.to_string()).unwrap_or_default(),
        milliseconds: 0,
        fetch_ms: 0,
        decrypt_ms: 0,
        write_ms: 0,
        verify_ms: 0,
        files: 0,
        bytes: 0,
        total_files,
        total_bytes,
        text: String::new(),
    };
    let milliseconds = |span: Duration| span.as_millis() as u64;
    match folder {
        Some(folder) if restores(&order.kind) => {
            let done = match drawn(order, item, total_files) {
                Ok(only) => restore::restore(its.store.clone(), item, (total_bytes, only), its.keeper, folder, at),
                Err(text) => pulih_restore::recover::Done { text, ..Default::default() },
            };
            (ended.passed, ended.files, ended.bytes, ended.text) = (done.is_good, done.files, done.bytes, done.text);
            (ended.fetch_ms, ended.decrypt_ms) = (milliseconds(done.fetch), milliseconds(done.decrypt));
            (ended.write_ms, ended.verify_ms) = (milliseconds(done.write), milliseconds(done.verify));
        }
        _ => {
            let done = verify::verify(&*its.store, item, at);
            (ended.passed, ended.bytes, ended.text) = (done.is_good, done.bytes, done.text);
            (ended.fetch_ms, ended.verify_ms) = (milliseconds(done.fetch), milliseconds(done.verify));
        }
    }
    ended.milliseconds = milliseconds(clock.elapsed());
    ended
}
