//! A backup: the walk of what is to be saved meets the last run's listing; what is new or
//! changed is read, what is the same is taken over; a manifest makes it a snapshot.
//!
//! One thread goes through everything in order. Beside it run the walk's helpers, the readers of
//! files ([`fetch`]), the compression workers and the committer of packs. It never waits for
//! something that waits for it: jobs are begun in order, and the bound on what is in flight
//! always lets the first one through.

mod again;
pub mod assemble;
pub mod fetch;
mod ids;
pub mod known;
mod links;
pub mod listing;
mod rewrite;
mod run;
mod snapshot;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Description, DescriptionName, VaultSecrets};
use pulih_vault::error::{Malformed, VaultError};
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::note::SigningKey;
use pulih_vault::store::Store;
use pulih_vault::writer::WriterSettings;
use pulih_vault::writer::pack_size::PackSize;

use crate::source::{SourceError, WalkOptions};
use crate::state::StateError;
use pulih_progress::Monitor;

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the snapshot is stored, and the agent could not write down that it is: {0}")]
    State(#[from] StateError),
    #[error("the input of {name} could not be read: {source}; no snapshot was made")]
    Input { name: String, source: std::io::Error },
    #[error("interrupted: no snapshot was made; what was stored until now is used by the next run")]
    Interrupted,
}

impl From<Malformed> for BackupError {
    fn from(error: Malformed) -> Self {
        Self::Vault(error.into())
    }
}

/// What is saved.
pub enum Source {
    Paths {
        roots: Vec<PathBuf>,
        options: WalkOptions,
    },
    /// One file of this name, from a stream.
    Stream {
        name: Vec<u8>,
        input: Box<dyn std::io::Read + Send>,
    },
}

/// What a run holds at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Work that no snapshot keeps: after so long, or so many bytes that the vault did not have,
    /// a partial one does.
    pub unkept_time: Duration,
    pub unkept_bytes: u64,
    /// Ids that are kept of one file, and of all files with several names. A file with more is
    /// read again in each run, which stores nothing twice.
    pub ids: usize,
    /// Bytes of chunks that are written afresh because their packs are avoided; the others stay
    /// where they are. 0: none.
    pub rewrite_bytes: u64,
}

/// Packs that the site wants no snapshot to need any more.
#[derive(Debug, Default)]
pub struct Unwanted {
    /// They will be deleted: a snapshot that needed one would be refused.
    pub doomed: BTreeSet<ObjectHash>,
    /// Little of them is needed.
    pub avoided: BTreeSet<ObjectHash>,
}

impl Default for Limits {
    fn default() -> Self {
        // Ids of 64 GiB in chunks of 64 KiB: 24 MiB.
        Self {
            unkept_time: Duration::from_secs(6 * 3600),
            unkept_bytes: 256 << 30,
            ids: 1 << 20,
            rewrite_bytes: crate::rewrite::DEFAULT_BYTES,
        }
    }
}

/// Everything a backup needs to know.
pub struct Backup<'a> {
    pub store: Arc<dyn Store>,
    pub layout: Layout,
    pub description: &'a Description,
    pub description_name: DescriptionName,
    pub secrets: &'a VaultSecrets,
    pub agent: &'a SigningKey,
    pub dataset: DatasetName,
    pub chunker: ChunkSizes,
    /// The dataset's newest manifest in the store, and the one that this agent wrote last.
    pub newest: Option<ManifestName>,
    pub expected: Option<ManifestName>,
    /// The reach of the newest.
    pub newest_reach: Option<ObjectHash>,
    /// What the DRC had signed when it was last asked.
    pub head: Option<String>,
    pub unwanted: &'a Unwanted,
    pub host: String,
    /// Folder for caches, of this vault alone.
    pub cache: PathBuf,
    pub writer: WriterSettings,
    /// Learns from each pack of this run.
    pub pack_size: Arc<PackSize>,
    pub limits: Limits,
    /// Threads that read files.
    pub readers: usize,
    pub clock: &'a dyn Fn() -> SystemTime,
    /// Told of each manifest, partial ones too, as soon as it is stored.
    pub stored: &'a dyn Fn(ManifestName) -> Result<(), StateError>,
    pub interrupted: &'a AtomicBool,
    pub monitor: &'a dyn Monitor,
}

/// A path and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: Vec<u8>,
    pub what: String,
}

/// What a backup did.
#[derive(Debug)]
pub struct Outcome {
    pub name: ManifestName,
    pub manifest: Manifest,
    /// What could not be read: exit status 3.
    pub unread: Vec<Problem>,
    /// Problems that are counted and no longer listed.
    pub unread_more: u64,
    /// Bytes of chunks that were written afresh, out of packs that the site avoids.
    pub rewritten_bytes: u64,
}

pub use run::run;
