//! Commands that save.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::layout::DatasetName;

use super::super::examples;
use crate::rewrite::RewriteLimit;
use crate::spool::SpoolLimit;

/// Save files and folders as a new snapshot
#[derive(Debug, Args)]
#[command(after_long_help = examples::BACKUP)]
pub struct Backup {
    /// What is saved together
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub dataset: DatasetName,
    /// Files and folders to save
    #[arg(value_name = "PATH", required_unless_present = "stdin", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Save what comes from standard input as one file of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["paths", "exclude", "exclude_from", "exclude_caches", "one_file_system"])]
    pub stdin: Option<OsString>,
    /// Leave out what matches, in the manner of .gitignore; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Leave out what matches a line of this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub exclude_from: Vec<PathBuf>,
    /// Leave out what is in folders with a CACHEDIR.TAG
    #[arg(long)]
    pub exclude_caches: bool,
    /// Do not go into other file systems that are mounted below a PATH
    #[arg(long, short = 'x')]
    pub one_file_system: bool,
    /// How finely a new dataset is cut: small for database dumps, large for many terabytes
    #[arg(long, value_name = "SIZE")]
    pub chunks: Option<Chunks>,
    /// What may wait on this server for a slow line, from 64MiB to 1TiB [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub spool: Option<SpoolLimit>,
    /// What may be written afresh because the site avoids its packs, from 1MiB to 1TiB, or 0 [default: 1GiB]
    #[arg(long, value_name = "SIZE")]
    pub rewrite: Option<RewriteLimit>,
    /// Say what would be saved; write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// How finely a dataset is cut, for good: cut otherwise, nothing of it would be known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Chunks {
    /// 16 KiB on average
    Small,
    /// 64 KiB on average
    Medium,
    /// 256 KiB on average
    Large,
}

impl Chunks {
    pub fn sizes(self) -> ChunkSizes {
        match self {
            Self::Small => ChunkSizes::SMALL,
            Self::Medium => ChunkSizes::DEFAULT,
            Self::Large => ChunkSizes::LARGE,
        }
    }
}
