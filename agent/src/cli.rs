//! The command line: from arguments to the work, and from how that went to an exit status.

mod accept;
pub mod address;
pub mod args;
mod ask;
mod backup;
mod check;
pub mod choose;
mod diff;
mod doctor;
mod drc;
mod dump;
mod enroll;
mod examples;
pub mod failure;
mod find;
mod init;
mod latest;
mod ls;
mod open;
pub mod output;
mod owner;
mod pages;
mod rebuild;
mod recover;
mod restore;
mod run;
mod save;
mod seed;
mod shell;
mod sign;
mod snapshots;
mod status;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser as _;
use pulih_vault::store::Store;

use crate::state::{Home, StateDir};
use crate::turns::KeptTurns;
use address::{Opened, StoreAddress};
use args::{Cli, Command, Global};
use failure::{Failure, Outcome};
use output::Out;
use pulih_progress::{Show, Shown};
use pulih_vault::utc;

/// What every command works with.
pub struct Context {
    pub global: Global,
    /// Set by the first interrupt or termination signal: end soon, and cleanly.
    pub stop: Arc<AtomicBool>,
    /// Seconds since 1970.
    pub clock: fn() -> i64,
    /// What the process was given, without its name.
    pub arguments: Vec<OsString>,
    pub out: Out,
}

impl Context {
    pub fn address(&self) -> Result<StoreAddress, Failure> {
        let store = self
            .global
            .store
            .as_deref()
            .ok_or_else(|| Failure::usage("no store was named; give --store, or set PULIH_STORE"))?;
        StoreAddress::parse(store)
    }

    pub fn open_store(&self) -> Result<Arc<dyn Store>, Failure> {
        Ok(self.open()?.store)
    }

    /// The store, and the gateway if it is one.
    pub fn open(&self) -> Result<Opened, Failure> {
        let state = self.state()?;
        let turns = self.turns(&state);
        self.address()?.open(&state, turns)
    }

    /// How this agent says hello to its site.
    pub fn turns(&self, state: &StateDir) -> KeptTurns {
        KeptTurns {
            state: state.clone(),
            home: Home::Site,
            machine_id: self.global.machine_id.clone(),
            stop: self.stop.clone(),
            warn: |text| tell("warning", text),
        }
    }

    pub fn state(&self) -> Result<StateDir, Failure> {
        match &self.global.state {
            Some(path) => Ok(StateDir::at(path.clone())),
            None => Ok(StateDir::default_place()?),
        }
    }

    /// Shows progress until it is dropped.
    pub fn monitor(&self) -> Shown {
        let silent = self.global.quiet || self.global.json;
        Shown::new(if silent { Show::Problems } else { Show::Progress })
    }

    /// Tells a person something, apart from what the command prints.
    pub fn warn(&self, text: &str) {
        tell("warning", text);
    }

    /// Tells a person what goes on, unless they asked for quiet.
    pub fn inform(&self, text: &str) {
        if !self.global.quiet {
            tell("note", text);
        }
    }
}

pub(crate) fn tell(kind: &str, text: &str) {
    let _ = writeln!(std::io::stderr(), "{kind}: {}", output::printable_lines(text));
}

/// Runs the command that the process was given.
pub fn main(stop: Arc<AtomicBool>) -> ExitCode {
    let cli = Cli::parse();
    let arguments = std::env::args_os().skip(1).collect();
    let mut context = Context { global: cli.global, stop, clock: utc::now, arguments, out: Out::stdout() };
    let result = run(&mut context, cli.command);
    // Also what was printed before a failure is for someone.
    let flushed = context.out.flush();
    failure::end(result.and_then(|outcome| flushed.map(|()| outcome)))
}

fn run(context: &mut Context, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Init(args) => init::run(context, &args),
        Command::Snapshots(args) => snapshots::run(context, &args),
        Command::Doctor(args) => doctor::run(context, &args),
        Command::Completions(args) => pages::completions(context, &args),
        Command::Man(args) => pages::man(context, &args),
        Command::Backup(args) => backup::run(context, &args),
        Command::Restore(args) => restore::run(context, &args),
        Command::Ls(args) => ls::run(context, &args),
        Command::Find(args) => find::run(context, &args),
        Command::Diff(args) => diff::run(context, &args),
        Command::Dump(args) => dump::run(context, &args),
        Command::Check(args) => check::run(context, &args),
        Command::Rebuild(args) => rebuild::run(context, &args),
        Command::Recover(args) => recover::run(context, &args),
        Command::Enroll(args) => enroll::run(context, &args),
        Command::Seed(args) => seed::run(context, &args),
        Command::Ask(args) => ask::run(context, &args),
        Command::Owner(args) => owner::run(context, &args),
        Command::Run(args) => run::run(context, &args),
        Command::Status(args) => status::run(context, &args),
        Command::AcceptPolicy(args) => accept::run(context, &args),
        Command::AcceptDrc(args) => drc::accept(context, &args),
    }
}
