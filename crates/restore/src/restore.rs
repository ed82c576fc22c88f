//! A restore: the tree is walked in order and cut into windows; each window fetches every frame
//! that it needs once, on all cores, and writes its chunks wherever they belong.
//!
//! The planner walks one window ahead of the workers. Folders get their metadata when the last
//! window with something in them is done, so that nothing changes their times afterwards. What
//! cannot be restored is named and the rest goes on.

mod plan;
mod select;
mod verify;
mod window;

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;

use pulih_vault::error::VaultError;
use pulih_vault::reader::SnapshotReader;
use pulih_vault::tree::node::Root;

use crate::target::{Target, TargetError};
use pulih_progress::Monitor;

pub use select::Selection;

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("interrupted: what was restored until now stays in the target folder; run the same command again to go on")]
    Interrupted,
}

/// What is done with what is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is brought into the target.
    Write,
    /// It is compared by its metadata, to say what would be done; nothing is written.
    Look,
    /// What is in the target is read and held against the snapshot: content, except holes, by the chunks' ids,
    /// and every entry's metadata; nothing is written.
    Verify,
}

pub struct Restore<'a> {
    pub reader: &'a SnapshotReader,
    pub root: Option<Root>,
    pub selection: &'a Selection,
    pub target: &'a Target,
    /// Whether there may be something in the target already.
    pub in_place: bool,
    pub action: Action,
    pub workers: usize,
    pub interrupted: &'a AtomicBool,
    pub monitor: &'a dyn Monitor,
}

/// What a restore did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Summary {
    pub files: u64,
    pub dirs: u64,
    pub others: u64,
    /// Sum of the sizes of all files that were asked for.
    pub bytes: u64,
    /// Bytes that were written, because they were not there yet.
    pub written_bytes: u64,
    /// Entries that were there already, as they should be.
    pub already_right: u64,
    /// Entries that could not be restored as they were saved: damaged, refused by the system.
    pub failed: u64,
    /// Files that could not be read when they were saved.
    pub unread: u64,
    /// Entries whose content is right but not all of their metadata.
    pub metadata_problems: u64,
}

impl Summary {
    fn add(&mut self, other: &Summary) {
        self.files += other.files;
        self.dirs += other.dirs;
        self.others += other.others;
        self.bytes += other.bytes;
        self.written_bytes += other.written_bytes;
        self.already_right += other.already_right;
        self.failed += other.failed;
        self.unread += other.unread;
        self.metadata_problems += other.metadata_problems;
    }
}

/// Restores what is selected.
pub fn run(restore: &Restore) -> Result<Summary, RestoreError> {
    let (send, windows) = sync_channel(1);
    std::thread::scope(|scope| {
        let planner = scope.spawn(move || plan::run(restore, &send));
        let mut summary = Summary::default();
        let mut failed = None;
        for window in &windows {
            match window::execute(restore, window) {
                Ok(done) => summary.add(&done),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        // Without a receiver the planner ends.
        drop(windows);
        let planned = planner.join().unwrap_or(Err(VaultError::Stopped { what: "the planning of the restore" }.into()));
        if let Some(error) = failed {
            return Err(error);
        }
        summary.add(&planned?);
        Ok(summary)
    })
}
