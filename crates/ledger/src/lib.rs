//! The ledger: a site's append-only log of evidence, in the formats of C2SP (tlog-tiles,
//! tlog-checkpoint, signed-note) over a create-only store.
//!
//! `docs/contracts/ledger.md` is the contract of this crate. [`Ledger`] writes, [`Log`] reads
//! and believes only what hashes up to something that the site's key signed.

mod batch;
pub mod bundle;
mod bundler;
pub mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod cosign;
pub mod edge;
pub mod entry;
pub mod error;
pub mod hash;
pub mod head;
pub mod ids;
pub mod layout;
mod ledger;
mod log;
pub mod memory;
pub mod mirror;
mod open;
pub mod others;
pub mod proof;
mod read;
pub mod receipt;
pub mod roster;
pub mod rotation;
pub mod scan;
pub mod signed;
mod text;
pub mod time;
pub mod tlog_proof;
pub mod verify;

pub use checkpoint::Checkpoint;
pub use entry::{Actor, Entry, ReadEntry, View, sign_act, verify_act};
pub use error::{LedgerError, Result};
pub use ledger::Ledger;
pub use log::Log;
pub use read::{Entries, Recorded};
