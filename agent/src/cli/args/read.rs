//! Commands that read snapshots.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, ValueHint};

use super::super::examples;
use super::{MaybeDataset, MaybeIdentity, SnapshotPath, WithIdentity};

/// List the snapshots of a vault
#[derive(Debug, Args)]
#[command(after_long_help = examples::SNAPSHOTS)]
pub struct Snapshots {
    #[command(flatten)]
    pub identity: MaybeIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
}

/// List the entries of a snapshot
#[derive(Debug, Args)]
#[command(after_long_help = examples::LS)]
pub struct Ls {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// An id, a unique prefix of one, or `latest`; with a PATH, only what is there
    #[arg(value_name = "SNAPSHOT[:PATH]", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse(&text)))]
    pub snapshot: SnapshotPath,
    /// Show mode, owner, size and time too
    #[arg(long, short)]
    pub long: bool,
}

/// Find entries of a snapshot by name
#[derive(Debug, Args)]
#[command(after_long_help = examples::FIND)]
pub struct Find {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// An id, a unique prefix of one, or `latest`; with a PATH, only what is below
    #[arg(value_name = "SNAPSHOT[:PATH]", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse(&text)))]
    pub snapshot: SnapshotPath,
    /// What to look for: `*.pdf` in any folder, or a path with slashes
    #[arg(value_name = "GLOB", required = true)]
    pub patterns: Vec<String>,
}

/// Show what differs between two snapshots
#[derive(Debug, Args)]
#[command(after_long_help = examples::DIFF)]
pub struct Diff {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// The older one: an id, a unique prefix of one, or `latest`
    #[arg(value_name = "SNAPSHOT")]
    pub from: String,
    /// The newer one
    #[arg(value_name = "SNAPSHOT")]
    pub to: String,
}

/// Print a saved file to standard output
#[derive(Debug, Args)]
#[command(after_long_help = examples::DUMP)]
pub struct Dump {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// Which file of which snapshot
    #[arg(value_name = "SNAPSHOT:PATH", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse_with_path(&text)))]
    pub file: SnapshotPath,
}

/// Bring files of a snapshot back into a folder
#[derive(Debug, Args)]
#[command(after_long_help = examples::RESTORE)]
pub struct Restore {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// An id, a unique prefix of one, or `latest`; with a PATH, only what is there
    #[arg(value_name = "SNAPSHOT[:PATH]", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse(&text)))]
    pub snapshot: SnapshotPath,
    /// The folder to write into; saved paths are kept below it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub target: PathBuf,
    /// Bring back only what matches; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Say what would be written; write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}
