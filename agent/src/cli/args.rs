//! The command line as people type it: every command, its flags and its help. No work is done
//! here, so that what is wrong with a command is said at once.

mod owner;
mod pages;
mod read;
mod save;
mod site;
mod snapshot_path;
mod vault;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use pulih_vault::id::VaultId;
use pulih_vault::layout::DatasetName;

use super::examples;
use crate::machine;
pub use owner::{Owner, Sign};
pub use pages::{Completions, Man};
pub use read::{Diff, Dump, Find, Ls, Restore, Snapshots};
pub use save::{Backup, Chunks};
pub use site::{AcceptDrc, AcceptPolicy, Ask, Enroll, Recover, Run, Seed, Status};
pub use snapshot_path::SnapshotPath;
pub use vault::{Check, Doctor, Init, Rebuild};

/// Save files to a vault that only its owner can read, and bring them back.
///
/// Files are cut into chunks, deduplicated, compressed and encrypted on this server. It holds no
/// key that reads them back: for that take the recovery identity that `init` made.
#[derive(Debug, Parser)]
#[command(name = "pulih-agent", version, max_term_width = 100, after_help = examples::STATUSES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const EVERY: &str = "Options of every command";

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Where the vaults are: a folder, or https://host:port of the site that it is enrolled with
    #[arg(long, global = true, help_heading = EVERY, value_name = "URL", env = "PULIH_STORE", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub store: Option<OsString>,
    /// This agent's keys and caches [default: /var/lib/pulih-agent for root, else the XDG state folder]
    #[arg(long, global = true, help_heading = EVERY, value_name = "DIR", env = "PULIH_STATE", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
    /// Which vault, where there are several
    #[arg(long, global = true, help_heading = EVERY, value_name = "ID")]
    pub vault: Option<VaultId>,
    /// The file that names this machine, for the site: as in machine-id(5)
    #[arg(long, global = true, hide = true, value_name = "FILE", default_value = machine::MACHINE_ID)]
    pub machine_id: PathBuf,
    /// Print JSON for programs (docs/contracts/json.md)
    #[arg(long, global = true, help_heading = EVERY)]
    pub json: bool,
    /// Show no progress; problems are still told
    #[arg(long, short, global = true, help_heading = EVERY)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(Init),
    Backup(Backup),
    Snapshots(Snapshots),
    Ls(Ls),
    Find(Find),
    Diff(Diff),
    Dump(Dump),
    Restore(Restore),
    Check(Check),
    Doctor(Doctor),
    Rebuild(Rebuild),
    Recover(Recover),
    Enroll(Enroll),
    Seed(Seed),
    Ask(Ask),
    #[command(subcommand)]
    Owner(Owner),
    Run(Run),
    Status(Status),
    AcceptPolicy(AcceptPolicy),
    AcceptDrc(AcceptDrc),
    Completions(Completions),
    Man(Man),
}

/// The identity that reads a vault.
#[derive(Debug, Args)]
pub struct WithIdentity {
    /// The vault's recovery identity
    #[arg(long, value_name = "FILE", env = "PULIH_IDENTITY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub identity: PathBuf,
}

/// The identity, for commands that can do without one.
#[derive(Debug, Args)]
pub struct MaybeIdentity {
    /// The vault's recovery identity
    #[arg(long, value_name = "FILE", env = "PULIH_IDENTITY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub identity: Option<PathBuf>,
}

/// The dataset, where a vault has several.
#[derive(Debug, Args)]
pub struct MaybeDataset {
    /// Which dataset, where the vault has several
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<DatasetName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
