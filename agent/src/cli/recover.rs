//! `recover`: what a DRC ordered onto this server comes into place here, dataset by dataset, until the order
//! has ended. It needs no vault of this server's own: objects and the keys of their headers come from the DRC,
//! which gives what the dataset at hand takes and nothing else.

mod keys;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pulih_protocol::error::Code;
use pulih_protocol::recovery::{MAX_TEXT_BYTES, Now, StepEnded, Turn, one_line};
use pulih_restore::recover::{Done, Place, Point, RecoverError, bring, bytes_below, free_bytes};
use pulih_restore::{RestoreError, raise_file_limit};
use pulih_stores::GatewayStore;
use pulih_stores::gateway::may_pass;
use pulih_terminal::printable;
use pulih_vault::error::Malformed;
use pulih_vault::layout::DatasetName;
use pulih_vault::note::Fingerprint;
use serde_json::{Value, json};

use super::Context;
use super::address::{gateway, gateway_url};
use super::args::Recover;
use super::failure::{Failure, Outcome};
use super::open::go_on;
use super::output::size;
use crate::state::StateDir;
use keys::KeysOfDrc;

/// Between looks whether it is this server's turn.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest pause after something that may pass.
const LONGEST: Duration = Duration::from_secs(60);
/// How soon a signal is seen in a pause.
const SLICE: Duration = Duration::from_millis(100);

pub fn run(context: &mut Context, args: &Recover) -> Result<Outcome, Failure> {
    // Only a warning: folders are opened again instead of being kept open.
    if let Err(error) = raise_file_limit() {
        context.warn(&format!("cannot raise the limit of open files: {error}"));
    }
    let state = context.state()?;
    let url = match (&args.from, state.site()?) {
        (Some(url), _) => gateway_url(url)?,
        (None, Some(site)) => site.credentials.url,
        (None, None) => {
            return Err(Failure::said(
                "this server is not enrolled: `pulih-agent enroll https://drc:port --token …`, with the token that \
                 `pulih-controller agent invite` prints at the DRC",
            ));
        }
    };
    let drc = Arc::new(gateway(&url, &state, context.turns(&state))?);
    let scratch = state.spool()?;
    let work = Work { context, drc, target: &args.target, scratch, state, owners: &args.owner };
    let (recovery, outcome, restored) = work.until_it_ended()?;
    let is_done = outcome == "done";
    if context.global.json {
        context.out.json(&json!({
            "type": "pulih/recovered/v1", "recovery": recovery, "outcome": outcome,
            "target": args.target.display().to_string(), "datasets": restored,
        }))?;
    } else {
        context.out.line(&format!("Recovery {} has ended: {}.", printable(&recovery), printable(&outcome)))?;
    }
    Ok(if is_done { Outcome::Done } else { Outcome::FoundWrong })
}

/// Where a dataset comes below the target: two names, and no way out of it.
fn folder(target: &Path, turn: &Turn) -> Result<PathBuf, Malformed> {
    let bad = || Malformed::new("folder of a dataset", format!("{:?}", turn.folder));
    let (server, dataset) = turn.folder.split_once('/').ok_or_else(bad)?;
    let (server, dataset): (DatasetName, DatasetName) = (server.parse()?, dataset.parse()?);
    Ok(target.join(server.as_str()).join(dataset.as_str()))
}

fn point(turn: &Turn) -> Result<Point, Malformed> {
    let bad = |what: &'static str, text: &str| Malformed::new(what, format!("{text:?}"));
    Ok(Point {
        vault: turn.vault.parse().map_err(|_| bad("vault's id", &turn.vault))?,
        owner: turn.owner.parse().map_err(|_| bad("owner's fingerprint", &turn.owner))?,
        dataset: turn.dataset.parse()?,
        manifest: turn.snapshot.parse()?,
    })
}

/// That the owner whom the DRC names is not the one who is known here, if one is: `pinned` of the vault by this
/// server, `owners` by whoever gave the command.
fn is_strange(turn: &Turn, point: &Point, pinned: Option<Fingerprint>, owners: &[Fingerprint]) -> Option<String> {
    let named = point.owner;
    let why = match pinned.filter(|pinned| *pinned != named) {
        Some(pinned) => format!("this server has {pinned} pinned for that vault"),
        None if owners.is_empty() || owners.contains(&named) => return None,
        None => "--owner names another".to_owned(),
    };
    Some(format!("nothing was written of {}: the DRC says that its owner is {named}, and {why}", turn.folder))
}

/// That there is no room for what is still to come; `there`: bytes that this dataset has at the target already.
fn too_little(turn: &Turn, there: u64, free: u64) -> Option<String> {
    let needed = turn.left_bytes.saturating_sub(there.min(turn.bytes));
    let text = || format!("{} are to be written, and there is room for {} at the target", size(needed), size(free));
    (free < needed).then(text)
}

/// What a turn came to.
enum Ended {
    Done(Done),
    /// Said to the DRC as a step that failed.
    Failed(String),
    /// The line or the DRC was away: the same turn again.
    Again(String),
}

struct Work<'w> {
    context: &'w Context,
    drc: Arc<GatewayStore>,
    target: &'w Path,
    /// On disk, for indexes that do not fit memory.
    scratch: PathBuf,
    state: StateDir,
    /// Whom alone to believe; nobody: whom the DRC names.
    owners: &'w [Fingerprint],
}

impl Work<'_> {
    /// Restores whatever is this server's turn; says how the order ended, and what this process restored of it.
    fn until_it_ended(&self) -> Result<(String, String, Vec<Value>), Failure> {
        let (mut restored, mut told, mut tried) = (Vec::new(), String::new(), 0);
        loop {
            go_on(&self.context.stop).map_err(|_| interrupted())?;
            let what = match self.drc.recovery() {
                Ok(Now::Ended { recovery, outcome }) => return Ok((recovery, outcome, restored)),
                Ok(Now::None) => "nothing was ordered for this server yet".to_owned(),
                Ok(Now::Wait { recovery }) => format!("recovery {recovery}: waiting for this server's turn"),
                Ok(Now::Restore(turn)) => match self.turn(&turn)? {
                    Ok(shown) => {
                        restored.push(shown);
                        (told, tried) = (String::new(), 0);
                        continue;
                    }
                    Err(why) => {
                        tried += 1;
                        self.context.warn(&format!("{}: {why}; it is tried again", turn.folder));
                        self.pause(tried)?;
                        continue;
                    }
                },
                Err(error) if error.is_transient() => {
                    tried += 1;
                    self.context.warn(&format!("{error}; it is tried again"));
                    self.pause(tried)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            tried = 0;
            if what != told {
                self.context.inform(&what);
                told = what;
            }
            self.pause(0)?;
        }
    }

    fn pause(&self, tried: u32) -> Result<(), Failure> {
        let end = Instant::now() + LOOK_EVERY.saturating_mul(1 << tried.min(6)).min(LONGEST);
        while Instant::now() < end {
            go_on(&self.context.stop).map_err(|_| interrupted())?;
            std::thread::sleep(SLICE);
        }
        Ok(())
    }

    /// `Err`: why the same turn is to be tried again.
    fn turn(&self, turn: &Turn) -> Result<Result<Value, String>, Failure> {
        let clock = Instant::now();
        self.context.inform(&format!("restoring {} ({})", turn.folder, size(turn.bytes)));
        let ended = self.restore(turn)?;
        let (outcome, done) = match ended {
            Ended::Again(why) => return Ok(Err(why)),
            Ended::Done(done) if done.is_good => ("done", done),
            Ended::Done(done) => ("failed", done),
            Ended::Failed(text) => ("failed", Done { write: clock.elapsed(), text, ..Done::default() }),
        };
        if outcome == "failed" {
            self.context.warn(&format!("{}: {}", turn.folder, done.text));
        }
        let milliseconds = |span: Duration| span.as_millis() as u64;
        let step = StepEnded {
            recovery: turn.recovery.clone(),
            vault: turn.vault.clone(),
            dataset: turn.dataset.clone(),
            snapshot: turn.snapshot.clone(),
            after: turn.after,
            outcome: outcome.to_owned(),
            milliseconds: milliseconds(clock.elapsed()),
            fetch: milliseconds(done.fetch),
            write: milliseconds(done.decrypt + done.write),
            verify: milliseconds(done.verify),
            files: done.files,
            bytes: done.bytes,
            text: one_line(&done.text, MAX_TEXT_BYTES),
        };
        self.report(&step)?;
        Ok(Ok(json!({
            "vault": turn.vault, "dataset": turn.dataset, "snapshot": turn.snapshot, "folder": turn.folder,
            "outcome": outcome, "files": done.files, "bytes": done.bytes, "milliseconds": step.milliseconds,
        })))
    }

    /// Until the DRC has taken it.
    fn report(&self, step: &StepEnded) -> Result<(), Failure> {
        let mut tried = 0;
        loop {
            match self.drc.recovery_step(step) {
                Ok(_) => return Ok(()),
                // The order ended meanwhile: what came of it says the next look.
                Err(error) if error.code() == Some(Code::Forbidden) => {
                    self.context.warn(&format!("what came of {} was not taken: {error}", step.dataset));
                    return Ok(());
                }
                Err(error) if error.is_transient() => {
                    tried += 1;
                    self.context.warn(&format!("what came of {} is said again: {error}", step.dataset));
                    self.pause(tried)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn restore(&self, turn: &Turn) -> Result<Ended, Failure> {
        let (point, into) = match (point(turn), folder(self.target, turn)) {
            (Ok(point), Ok(into)) => (point, into),
            (Err(error), _) | (_, Err(error)) => return Ok(Ended::Failed(error.to_string())),
        };
        let pinned = self.state.vault(point.vault).keys()?.map(|keys| keys.owner.fingerprint());
        if let Some(text) = is_strange(turn, &point, pinned, self.owners) {
            return Ok(Ended::Failed(text));
        }
        if let Some(text) = free_bytes(self.target).and_then(|free| too_little(turn, bytes_below(&into), free)) {
            return Ok(Ended::Failed(text));
        }
        let scratch = tempfile::Builder::new().prefix("reading-").tempdir_in(&self.scratch);
        let scratch = scratch.map_err(|error| Failure::said(format!("cannot make a folder for indexes: {error}")))?;
        let keys = Arc::new(KeysOfDrc::new(self.drc.clone(), &turn.recovery));
        let monitor = self.context.monitor();
        let (stop, scratch) = (&self.context.stop, scratch.path());
        let place = Place { into: &into, scratch, interrupted: stop, monitor: &monitor, only: None };
        Ok(match bring(self.drc.clone(), &point, keys, &place) {
            Ok(done) => Ended::Done(done),
            Err(RecoverError::Restore(RestoreError::Interrupted)) => return Err(interrupted()),
            Err(_) if self.context.stop.load(Ordering::Relaxed) => return Err(interrupted()),
            Err(error) if may_pass(&error) => Ended::Again(Failure::said(error.to_string()).words()),
            Err(error) => Ended::Failed(error.to_string()),
        })
    }
}

fn interrupted() -> Failure {
    Failure::said("interrupted: what was restored until now stays; run the same command again to go on")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(folder: &str) -> Turn {
        let text = String::new;
        Turn {
            recovery: text(),
            number: 1,
            after: 0,
            vault: text(),
            dataset: text(),
            snapshot: text(),
            class: text(),
            owner: text(),
            folder: folder.into(),
            bytes: 0,
            left_bytes: 0,
        }
    }

    #[test]
    fn a_drc_names_no_folder_outside_of_the_target() {
        let target = Path::new("/srv/pulih");
        assert_eq!(folder(target, &turn("app-1/surat")).unwrap(), Path::new("/srv/pulih/app-1/surat"));
        for bad in ["", "app-1", "/etc", "../etc", "app-1/..", "app-1/a/b", "./a", "app-1/", "a\0/b"] {
            assert!(folder(target, &turn(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_owner_whom_this_server_knows_is_not_exchanged() {
        let owner = |letter: &str| format!("SHA256:{}A", letter.repeat(42)).parse::<Fingerprint>().unwrap();
        let point = Point {
            vault: "0f".repeat(16).parse().unwrap(),
            owner: owner("a"),
            dataset: "surat".parse().unwrap(),
            manifest: format!("0000000001-{}", "0".repeat(64)).parse().unwrap(),
        };
        let strange = |pinned, owners: &[Fingerprint]| is_strange(&turn("app-1/surat"), &point, pinned, owners);
        assert_eq!((strange(None, &[]), strange(Some(owner("a")), &[])), (None, None));
        assert_eq!(strange(None, &[owner("b"), owner("a")]), None);
        assert!(strange(Some(owner("b")), &[]).unwrap().contains("pinned"));
        // What is pinned is stronger than what was typed.
        assert!(strange(Some(owner("b")), &[owner("a")]).unwrap().contains("pinned"));
        assert!(strange(None, &[owner("b")]).unwrap().contains("--owner"));
    }

    #[test]
    fn room_is_needed_for_all_that_is_still_to_come() {
        let turn = Turn { bytes: 100, left_bytes: 300, ..turn("app-1/surat") };
        assert_eq!(too_little(&turn, 0, 300), None);
        assert!(too_little(&turn, 0, 299).unwrap().contains("room for 299"));
        // What a broken off run left is not written again; what else lies there gives no room.
        assert_eq!(too_little(&turn, 60, 240), None);
        assert!(too_little(&turn, 60, 239).is_some() && too_little(&turn, 1000, 199).is_some());
    }
}
