//! The worker's way from the order to the end: its steps, the log, and the scratch place wiped.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulih_vault::store::Store;
use serde_json::{Value, json};

use super::log::{self, Log};
use super::{host, scratch, steps, try_lock};
use crate::drc::drills::Ask;
use crate::drc::drills::order::{Done, Order, Start};
use crate::site::SiteDir;

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
        // Before it is made: a power cut may leave it on a disk that is not there afterwards.
        log.scratch(true);
        match scratch::make(place, &order.drill) {
            Ok(folder) => made = Some(folder),
            Err(error) => {
                let left = scratch::wipe(place, &order.drill);
                log.scratch(left > 0);
                return (left, format!("the scratch place cannot be used: {error}"));
            }
        }
    }
    let done = steps::all(its, order, made.as_deref(), log);
    let Some(place) = order.scratch.as_deref() else { return (done.leftovers, done.text) };
    if !done.is_good && order.keep_failed && scratch::keep(place, &order.drill).is_ok() {
        return (done.leftovers, format!("{}what was restored stays for seven days", done.text));
    }
    let left = scratch::wipe(place, &order.drill);
    log.scratch(left > 0);
    (done.leftovers + left, done.text)
}
