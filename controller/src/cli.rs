//! The command line: what people type, and what they see.

mod ask;
mod init;
mod rebuild;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use pulih_vault::store::StoreError;

use crate::catalog::CatalogError;
use crate::gateway::ServeError;
use crate::gateway::answer::Refusal;
use crate::pki::PkiError;
use crate::record::RecordError;
use crate::site::{SiteDir, SiteError};

/// Keep a site of Pulih: take in the agents' snapshots and know what can be restored.
#[derive(Debug, Parser)]
#[command(name = "pulih-controller", version, max_term_width = 100)]
struct Cli {
    /// The site's keys and its catalog
    #[arg(long, global = true, value_name = "DIR", env = "PULIH_CONTROLLER_STATE", hide_env_values = true, default_value = "/var/lib/pulih-controller")]
    state: PathBuf,
    /// Print JSON for programs (docs/contracts/json.md)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a site: its CA, its keys, its store
    Init(Init),
    /// Serve the site's agents until a signal ends it
    Serve,
    /// Show each dataset's newest recovery point
    Status,
    /// Make the catalog again from the ledger
    Rebuild,
    /// Offices that own data
    #[command(subcommand)]
    Opd(Opd),
    /// Servers that are backed up
    #[command(subcommand)]
    Agent(Agent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Pusat,
}

#[derive(Debug, clap::Args)]
struct Init {
    /// What the site is
    #[arg(long)]
    role: Role,
    /// What it is called and where it listens
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// Where its objects are: a folder
    #[arg(long, value_name = "URL")]
    store: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Opd {
    /// Add an office by its owner key
    Add {
        /// A short name: small letters, digits, `.`, `_` and `-`
        name: String,
        /// Its name in full, for people
        #[arg(long)]
        title: String,
        /// The fingerprint of its owner key, as `pulih-agent owner show` prints it
        #[arg(long, value_name = "SHA256:…")]
        owner: String,
    },
}

#[derive(Debug, Subcommand)]
enum Agent {
    /// Print a token that enrolls one server, once
    Invite {
        name: String,
        /// The office whose server it is
        #[arg(long)]
        opd: String,
    },
    /// List the servers that are enrolled
    List,
    /// Shut a server out, from its next request on
    Revoke {
        name: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error(transparent)]
    Pki(#[from] PkiError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{0}")]
    Said(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Said(refusal.message)
    }
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let dir = SiteDir::at(cli.state.clone());
    let done = match &cli.command {
        Command::Init(args) => init::run(&dir, args, cli.json),
        Command::Serve => serve::run(&dir),
        Command::Rebuild => rebuild::run(&dir),
        command => ask::run(&dir, command, cli.json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
