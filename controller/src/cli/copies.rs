//! What is pulled, compared and copied; and how far it has come, for whoever waits for it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use pulih_progress::{Monitor as _, Progress, Show, Shown};
use pulih_terminal::{count, printable, size};
use serde_json::Value;

use super::Failure;
use super::show::{field, list};
use crate::control::{self, Ask, SOCKET};
use crate::scrub::{self, Env};
use crate::site::SiteDir;

/// Between looks at how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false)]
pub struct Replicate {
    /// At a DRC: one round of pulling to its end, instead of what `serve` does all the time
    #[arg(long, group = "what")]
    once: bool,
    /// At a DRC: hold everything that the Pusat Data lists against what is here
    #[arg(long, group = "what")]
    full: bool,
    /// Bring a further copy up to date: a folder (a mounted disk), or `s3://bucket/prefix`
    #[arg(long, value_name = "STORE", group = "what")]
    to: Option<String>,
}

/// What the command asks of the site.
pub fn asked(args: &Replicate) -> Result<Ask, Failure> {
    Ok(match &args.to {
        Some(to) => Ask::Store(scrub::Ask::Copy { to: super::ask::address(to)?, env: Env::of_process() }),
        None if args.full => Ask::Store(scrub::Ask::Compare),
        None => Ask::Replicate,
    })
}

/// What `--json` prints, for people.
pub fn text(answer: &Value) -> String {
    match answer["type"].as_str() {
        Some("pulih/copy/v1") => {}
        Some("pulih/compared/v1") => return compared(answer),
        _ => return super::show::replicated(answer),
    }
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    let mut out = format!(
        "{}: {} snapshots, {} objects ({}); {} objects ({}) came onto it now.\nReceipt {}\n",
        field(answer, "medium"),
        count(number("snapshots")),
        count(number("objects")),
        size(number("bytes")),
        count(number("copied_objects")),
        size(number("copied_bytes")),
        field(answer, "receipt")
    );
    for snapshot in list(answer, "incomplete") {
        let _ = writeln!(out, "  not on it: {}", printable(snapshot.as_str().unwrap_or_default()));
    }
    out
}

fn compared(answer: &Value) -> String {
    let number = |name: &str| count(answer[name].as_u64().unwrap_or(0));
    let mut out = format!(
        "{} lists {} objects; {} are not there, or with other bytes, that snapshots of both sites need. {} were missing here \
         and came back.\n",
        field(answer, "from"),
        number("objects"),
        number("missing"),
        number("healed")
    );
    for object in list(answer, "named") {
        let _ = writeln!(out, "  not there: {}", printable(object.as_str().unwrap_or_default()));
    }
    out
}

/// That nothing was left behind.
pub fn whole(answer: &Value) -> Result<(), Failure> {
    if answer["type"] == "pulih/compared/v1" {
        return match answer["missing"].as_u64() {
            Some(0) => Ok(()),
            _ => Err(Failure::Said("the Pusat Data does not have what it says it keeps; look at it now".into())),
        };
    }
    if answer["type"] == "pulih/copy/v1" {
        return match list(answer, "incomplete").len() {
            0 => Ok(()),
            left => Err(Failure::Said(format!(
                "{left} snapshots are not on the copy, since they are damaged here; `pulih-controller scrub` heals"
            ))),
        };
    }
    if let Some(why) = answer["error"].as_str() {
        return Err(Failure::Said(format!(
            "the ledger of the Pusat Data cannot be followed now: {}; what was known of it was pulled",
            printable(why)
        )));
    }
    match (answer["waiting"].as_u64(), list(answer, "refused").len()) {
        (Some(0), 0) => Ok(()),
        (waiting, _) => Err(Failure::Said(format!(
            "{} snapshots did not come whole; `pulih-controller status` says why, and the next round goes on",
            waiting.unwrap_or(0)
        ))),
    }
}

/// Does `work` and shows meanwhile how far it has come, by whoever does it: `now` asks.
pub fn shown<T: Send>(now: impl Fn() -> Option<(u64, u64)>, work: impl FnOnce() -> T + Send) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let result = work();
            done.store(true, Ordering::Release);
            result
        });
        let bar = Shown::new(Show::Progress);
        let (mut expected, mut before) = (0, 0);
        while !done.load(Ordering::Acquire) && !working.is_finished() {
            std::thread::sleep(LOOK_EVERY);
            let Some((all, bytes)) = now() else { continue };
            if all > expected {
                bar.found(0, all - expected);
                bar.found_all();
                expected = all;
            }
            bar.advance(Progress { bytes: bytes.saturating_sub(before), ..Progress::default() });
            before = before.max(bytes);
        }
        drop(bar);
        match working.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// How far the process that serves the site has come.
pub fn of_server(dir: &SiteDir) -> Option<(u64, u64)> {
    now_at(&dir.path(SOCKET))
}

fn now_at(socket: &Path) -> Option<(u64, u64)> {
    let answer = control::ask(socket, &Ask::Store(scrub::Ask::Progress)).ok()??.ok()?;
    Some((answer["expected"].as_u64()?, answer["done"].as_u64()?))
}
