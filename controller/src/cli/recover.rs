//! `recover`: datasets, or a plan's services in their order, into place on this host or on a server.

mod say;
mod server;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use pulih_ledger::entry::kinds::{RecoveryBegun, RecoveryStep};
use pulih_ledger::ids::AgentId;
use pulih_progress::{Show, Shown};
use pulih_restore::recover::Done;
use pulih_terminal::printable;
use pulih_vault::store::Store;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::ask::{answer, said};
use super::keys::AtKeeper;
use super::show::columns;
use super::{Failure, Signed, person};
use crate::control::Ask;
use crate::drc::recovery::Ask as Recovery;
use crate::drc::recovery::manual_what;
use crate::drc::recovery::order::{Dataset, Ended, Item, Manual, Prepared, Wanted};
use crate::pusat::draw;
use crate::record::time;
use crate::recover::{self, missing, place};
use crate::site::SiteDir;
use crate::store;
use crate::uji;
pub(super) use say::in_the_way;
use say::{record_text, show_plan};

/// Between looks whether a manual step was ticked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Recover {
    #[command(subcommand)]
    command: Option<More>,
    /// `DATASET` or `AGENT/DATASET`
    #[arg(value_name = "DATASET", required_unless_present = "plan", conflicts_with = "plan")]
    datasets: Vec<String>,
    /// The services of a plan, in its order
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// A folder of this host; each dataset comes below AGENT/DATASET in it
    #[arg(long, value_name = "DIR", required_unless_present = "to", conflicts_with = "to")]
    target: Option<PathBuf>,
    /// A server that is enrolled here, on which `pulih-agent recover --target DIR` runs
    #[arg(long, value_name = "SERVER")]
    to: Option<String>,
    /// Whose datasets these are
    #[arg(long)]
    agent: Option<String>,
    /// Another point than the newest before suspicion: the beginning of its id
    #[arg(long, value_name = "SNAPSHOT", requires = "reason")]
    at: Option<String>,
    /// Why that point, for the ledger
    #[arg(long)]
    reason: Option<String>,
    /// A dataset of the plan that is left out
    #[arg(long, value_name = "AGENT/DATASET", requires = "plan")]
    skip: Vec<String>,
    /// Say what would be done and what is in the way; nothing is written
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signed: Signed,
    #[command(flatten)]
    at_keeper: AtKeeper,
}

#[derive(Debug, Subcommand)]
enum More {
    /// Say that a manual step of the plan was done
    Tick {
        /// Its name in the plan
        step: String,
        /// Who did it: name and office
        #[arg(long)]
        name: String,
        /// Which recovery, if several are going on
        #[arg(long)]
        recovery: Option<String>,
        #[command(flatten)]
        signed: Signed,
    },
    /// List recoveries
    List,
    /// Show a recovery's record
    Show { recovery: String },
}

pub fn run(dir: &SiteDir, args: &Recover, json: bool) -> Result<(), Failure> {
    match &args.command {
        Some(More::Tick { step, name, recovery, signed }) => tick(dir, step, name, recovery.clone(), signed),
        Some(More::List) => {
            let all = answer(dir, Ask::Recovery(Recovery::Recoveries))?;
            let none = "Nothing was recovered here yet.\n";
            let fields = ["recovery", "plan", "target", "began", "ended", "outcome"];
            print_or(&all, json, || columns(&all, "recoveries", &fields, none));
            Ok(())
        }
        Some(More::Show { recovery }) => {
            let record = answer(dir, Ask::Recovery(Recovery::Recovery { id: recovery.clone() }))?;
            print_or(&record, json, || record_text(&record));
            Ok(())
        }
        None => Run::new(dir, args)?.run(json),
    }
}

fn print_or(value: &Value, json: bool, text: impl FnOnce() -> String) {
    if json {
        println!("{value}");
    } else {
        print!("{}", text());
    }
}

fn tick(dir: &SiteDir, step: &str, name: &str, id: Option<String>, signed: &Signed) -> Result<(), Failure> {
    let open = answer(dir, Ask::Recovery(Recovery::ToTick { id }))?;
    let text_of = |name: &str| open[name].as_str().unwrap_or_default().to_owned();
    let ticked = RecoveryStep {
        recovery: text_of("recovery").parse().map_err(said)?,
        step: open["step"].as_u64().unwrap_or(0),
        what: manual_what(step),
        vault: None,
        dataset: None,
        manifest: None,
        outcome: "done".into(),
        began: text_of("began").parse().map_err(said)?,
        milliseconds: open["milliseconds"].as_u64().unwrap_or(0),
        files: 0,
        bytes: 0,
        text: name.to_owned(),
        phases: None,
        server: None,
    };
    let entry = person::entry(&dir.site()?, signed, ticked.into())?;
    answer(dir, Ask::Act { entry, attachment: None })?;
    println!("{step} is done, by {name}.");
    Ok(())
}

struct Run<'r> {
    dir: &'r SiteDir,
    args: &'r Recover,
    wanted: Wanted,
    /// A folder of this host; `None`: on the server that is wanted.
    target: Option<PathBuf>,
    store: Arc<dyn Store>,
    /// One recovery at a time on a host: held until it is dropped.
    #[allow(dead_code)]
    lock: File,
}

fn locked(dir: &SiteDir, server: Option<&str>) -> Result<File, Failure> {
    let (name, host) = match server {
        Some(server) => (format!("recovery-{server}.lock"), format!("server {server}")),
        None => ("recovery.lock".to_owned(), "this host".to_owned()),
    };
    let path = dir.path(&name);
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(said)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => {
            Err(Failure::Said(format!("another recovery onto {host} is followed already; wait for it, or end it")))
        }
    }
}

impl<'r> Run<'r> {
    fn new(dir: &'r SiteDir, args: &'r Recover) -> Result<Self, Failure> {
        // A name that goes into the names of files.
        let server = args.to.as_deref().map(str::parse::<AgentId>).transpose().map_err(said)?;
        let server = server.map(|server| server.to_string());
        let target = args.target.as_deref().map(std::path::absolute).transpose().map_err(said)?;
        let shown = match (&target, &server) {
            (Some(target), _) => target.to_str().map(str::to_owned),
            (None, server) => server.clone(),
        };
        let shown = shown.ok_or_else(|| Failure::Said("the target's name must be UTF-8".into()))?;
        let wanted = Wanted {
            plan: args.plan.clone(),
            datasets: args.datasets.clone(),
            agent: args.agent.clone(),
            at: args.at.clone(),
            skip: args.skip.clone(),
            target: shown,
            server,
        };
        let lock = locked(dir, wanted.server.as_deref())?;
        Ok(Self { dir, args, wanted, target, store: store::open(dir)?.store, lock })
    }

    fn prepare(&self) -> Result<Prepared, Failure> {
        let ask = Recovery::Prepare { wanted: self.wanted.clone() };
        serde_json::from_value(answer(self.dir, Ask::Recovery(ask))?).map_err(said)
    }

    fn run(&self, json: bool) -> Result<(), Failure> {
        let prepared = self.prepare()?;
        let standings = recover::standings(self.args.at_keeper.connect());
        let mut found = recover::look(&*self.store, &prepared, self.target.as_deref(), &standings, missing);
        let others = datasets(&prepared).filter(|its| its.is_other && prepared.recovery.is_none());
        if self.args.reason.is_none() {
            found.problems.extend(others.map(|its| {
                format!(
                    "{}: {} is not the newest point before suspicion; say why with --reason",
                    its.label(),
                    its.snapshot
                )
            }));
        }
        if self.args.dry_run || !found.problems.is_empty() {
            if self.args.dry_run {
                show_plan(&prepared, &found, self.target.is_some(), json);
            }
            return if found.problems.is_empty() { Ok(()) } else { Err(in_the_way(&found.problems)) };
        }
        if !json {
            show_plan(&prepared, &found, self.target.is_some(), false);
        }
        if let Err(error) = pulih_restore::raise_file_limit() {
            eprintln!("warning: cannot raise the limit of open files: {error}");
        }
        let began = Instant::now();
        let id = self.begin(&prepared)?;
        let content = found.content.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        let (mut is_good, mut number, mut left) = (true, 0, content);
        for item in &prepared.items {
            number += u64::from(matches!(item, Item::Dataset(_)));
            match item {
                Item::Manual(its) if !its.done => self.wait_for(&id, its)?,
                Item::Dataset(its) if !its.done => {
                    is_good &= match &self.target {
                        Some(target) => self.dataset(&id, its, target)?,
                        None => self.servers_turn(&id, its, number, left)?,
                    };
                    left = left.saturating_sub(found.content.get(&its.point()).copied().unwrap_or(0));
                }
                _ => {}
            }
        }
        // What failed can be tried again: the recovery stays open, and the same command goes on with it.
        if !is_good {
            return Err(Failure::Said(format!(
                "recovery {id} is not whole: see above; what was restored stays, and the same command goes on with the rest"
            )));
        }
        let milliseconds = began.elapsed().as_millis() as u64;
        let ended = Recovery::Ended { id, outcome: "done".into(), milliseconds };
        let record = answer(self.dir, Ask::Recovery(ended))?;
        print_or(&record, json, || format!("\n{}", record_text(&record)));
        Ok(())
    }

    /// The operator's signed order is on the ledger before anything is written.
    fn begin(&self, prepared: &Prepared) -> Result<String, Failure> {
        if let Some(going) = &prepared.recovery {
            eprintln!("note: recovery {going} was interrupted and goes on");
            return Ok(going.clone());
        }
        let id = draw("rec")?;
        let begun = RecoveryBegun {
            recovery: id.parse().map_err(said)?,
            disaster: prepared.disaster.as_deref().map(str::parse).transpose().map_err(said)?,
            plan: self.wanted.plan.clone(),
            target: self.wanted.target.clone(),
            reason: self.args.reason.clone(),
            server: self.wanted.server.as_deref().map(str::parse).transpose().map_err(said)?,
            points: datasets(prepared).map(Dataset::point).collect(),
        };
        let entry = person::entry(&self.dir.site()?, &self.args.signed, begun.into())?;
        answer(self.dir, Ask::Act { entry, attachment: None })?;
        Ok(id)
    }

    fn dataset(&self, id: &str, its: &Dataset, target: &Path) -> Result<bool, Failure> {
        let began = time(uji::now()).map_err(said)?.to_string();
        let clock = Instant::now();
        let keeper = self.args.at_keeper.connect()?;
        let monitor = Shown::new(Show::Progress);
        eprintln!("restoring {} of {} ({})", its.label(), its.captured, its.opd);
        let done =
            recover::restore(self.store.clone(), its, keeper.identity(&its.class), &place(target, its), &monitor);
        drop(monitor);
        let Done { is_good, files, bytes, fetch, decrypt, write, verify, text } = done;
        let milliseconds = |span: Duration| span.as_millis() as u64;
        let ended = Ended {
            recovery: id.to_owned(),
            vault: its.vault.clone(),
            dataset: its.dataset.clone(),
            snapshot: its.snapshot.clone(),
            outcome: if is_good { "done" } else { "failed" }.into(),
            began,
            milliseconds: milliseconds(clock.elapsed()),
            fetch_ms: milliseconds(fetch),
            // Of a recovery, opening is part of bringing it into place.
            decrypt_ms: Some(milliseconds(decrypt)),
            write_ms: milliseconds(write),
            verify_ms: milliseconds(verify),
            files,
            bytes,
            text: text.clone(),
        };
        answer(self.dir, Ask::Recovery(Recovery::StepEnded { ended }))?;
        if !is_good {
            eprintln!("error: {}: {}", its.label(), printable(&text));
        }
        Ok(is_good)
    }

    /// Waits until a person has ticked it.
    fn wait_for(&self, id: &str, its: &Manual) -> Result<(), Failure> {
        eprintln!(
            "by hand: {} ({}, {}); then: pulih-controller recover tick {} --name \"…\" --as USER --sign-with KEY",
            printable(&its.text),
            printable(&its.responsible),
            printable(&its.contact),
            its.name
        );
        let what = manual_what(&its.name);
        loop {
            let record = answer(self.dir, Ask::Recovery(Recovery::Recovery { id: id.to_owned() }))?;
            if !record["ended"].is_null() {
                return Err(Failure::Said(format!("recovery {id} was ended by another one")));
            }
            let steps = record["steps"].as_array().map_or(&[][..], Vec::as_slice);
            if steps.iter().any(|step| step["what"] == what.as_str() && step["outcome"] == "done") {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn datasets(prepared: &Prepared) -> impl Iterator<Item = &Dataset> {
    prepared.items.iter().filter_map(|item| match item {
        Item::Dataset(its) => Some(its),
        Item::Manual(_) => None,
    })
}
