//! What the store really has: every object is read again and held against its name, without a key; what
//! is damaged or gone is written down, and healed from whoever has the right bytes.
//! `docs/contracts/copies.md`.
//!
//! One at a time: a turn of the scrub holds `running`. `mending` is held while objects are healed,
//! by whoever found them damaged, before all locks of [`Base`].

mod damage;
pub mod files;
mod ledgers;
pub mod look;
pub mod names;
pub mod needs;
mod sources;
mod status;
mod turn;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pulih_protocol::error::Code;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::Base;
use crate::gateway::answer::{Answer, Refusal};

pub use damage::Mended;
pub use files::{Damaged, State, VaultFiles, files};
pub use sources::{Env, Source};
pub use status::StoreStatus;
pub use turn::Scrubbed;

use turn::Rolling;

/// What a command of this area asks of a site.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "store", rename_all = "kebab-case")]
pub enum Ask {
    /// A day's share of the turn that goes on, or a whole one; healed from these stores too.
    Scrub { all: bool, from: Vec<String>, env: Env },
    /// A further copy is brought up to date.
    Copy { to: String, env: Env },
    /// A further copy is read again, and it is written down that it is whole.
    Verify { copy: String, env: Env },
    /// At a DRC: all that the Pusat Data has is held against what is here.
    Compare,
    /// Vaults with damage on record, for whoever names the files that it costs.
    Damaged,
    /// How far the work that goes on has come.
    Progress,
}

/// The scrub of a site, and how far it has come.
#[derive(Default)]
pub struct Scrubbing {
    /// Held for as long as a scrub reads.
    running: Mutex<Rolling>,
    mending: Mutex<()>,
    ending: AtomicBool,
    pub progress: Progress,
}

/// How far long work has come, for whoever watches it.
#[derive(Default)]
pub struct Progress {
    expected: AtomicU64,
    done: AtomicU64,
}

impl Progress {
    /// New work begins, of about so many bytes.
    pub fn begin(&self, expected: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.expected.store(expected, Ordering::Relaxed);
    }

    pub fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that are expected, and that are done.
    pub fn now(&self) -> (u64, u64) {
        (self.expected.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed))
    }
}

impl Scrubbing {
    /// The process ends: all reading stops soon, and goes on where it was at the next start.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

/// What was begun and not ended, because the process ends.
pub fn ending() -> Refusal {
    Refusal::new(Code::Busy, "the process ends; the next one goes on from here")
}

impl Base {
    /// Does what a command of this area asks; `sources` are the sites that this one reads at.
    pub fn answer_store(&self, ask: Ask, mut sources: Vec<Source>) -> Answer<Value> {
        match ask {
            Ask::Scrub { all, from, env } => {
                for address in from {
                    sources.push(self.open_further(&address, &env)?);
                }
                crate::control::json(self.scrub(all, &sources)?)
            }
            Ask::Copy { to, env } => crate::control::json(self.copy_to(&self.open_further(&to, &env)?)?),
            Ask::Verify { copy, env } => crate::control::json(self.verify_copy(&self.open_further(&copy, &env)?)?),
            Ask::Compare => Err(crate::control::elsewhere("DRC")),
            Ask::Damaged => crate::control::json(self.damaged()?),
            Ask::Progress => {
                let (expected, done) = self.scrubbing.progress.now();
                Ok(json!({"expected": expected, "done": done}))
            }
        }
    }
}
