//! Runs one application recipe over restored data: brings it up in a box of its own, asks it, takes it down, and leaves
//! nothing. `docs/contracts/evidence.md` (*Recipes*) and `docs/contracts/recipe.md` are the contract.
//!
//! The box is one `bwrap`: no network but its own, none of the host's files but the recipe's programs, no rights. All
//! programs of a recipe are in it together, so something in it has to start them: this very program, as the box's first
//! process (see [`inside`]). What is restored is hostile, and so is what runs on it. Nothing of it runs as the host's
//! root, also where this program does: root's files in `/proc` and `/dev` would be that process's own
//! (`docs/decisions.md`).

mod bwrap;
mod course;
mod group;
mod guest;
mod inside;
mod missing;
mod mounted;
mod own;
mod running;
mod session;
mod stage;
mod sweep;
mod tree;
mod unseen;
mod watch;
mod wire;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pulih_policies::Recipe;

pub use inside::inside;
pub use missing::missing;
pub use sweep::sweep;

/// Bytes of a place's file system that a recipe must leave free there; `None`: nobody knows.
pub fn reserve_bytes(place: &Path) -> Option<u64> {
    watch::Room::of(place).map(|room| room.reserve_bytes())
}

/// One recipe over one folder.
pub struct Run<'r> {
    /// Of the drill and its step: names the group. Not twice at once.
    pub name: &'r str,
    pub recipe: &'r Recipe,
    /// Becomes `/data`, writable: a copy. Where this program is root, all in it goes to the user that programs run as.
    pub data: &'r Path,
    /// Arguments with which this program becomes the supervisor: it then calls [`inside`], before it starts a thread.
    pub inside: &'r [&'r str],
    /// Ends it at once.
    pub interrupted: &'r AtomicBool,
    pub told: &'r dyn Told,
}

impl Run<'_> {
    /// Brings up, asks, takes down; on this thread, which must stay until it is done: the box ends with it.
    pub fn run(&self) -> Ended {
        course::run(self)
    }
}

/// Is told what happens.
pub trait Told: Sync {
    /// A program ended, or could not be started.
    fn program(&self, its: &Program);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Up,
    Ready,
    Ask,
    Down,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Ready => "ready",
            Self::Ask => "ask",
            Self::Down => "down",
        }
    }
}

/// A program of a recipe that ended. What it printed is not to be believed.
#[derive(Debug)]
pub struct Program<'p> {
    pub phase: Phase,
    /// In its phase, from 1; `ready` has the number of its `up`.
    pub number: usize,
    /// Whether it was as it should be.
    pub is_right: bool,
    /// What was not; nothing of what it printed.
    pub text: &'p str,
    /// `None`: a signal ended it, or it was not started.
    pub status: Option<i32>,
    /// The beginning of what it printed, then of what it complained of: at most 64 KiB.
    pub output: &'p [u8],
    /// Bytes that were read and thrown away.
    pub left_out: u64,
    pub took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    /// It could not be tried here.
    Skipped,
}

#[derive(Debug)]
pub struct Ended {
    pub outcome: Outcome,
    /// One line for people, empty if it passed; no path of a file of the data.
    pub text: String,
    /// From the start of the box until it was gone.
    pub check: Duration,
    /// Processes, mounts and groups that are still there.
    pub leftovers: u64,
}
