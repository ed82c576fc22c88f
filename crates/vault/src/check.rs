//! Checking a vault: every object against its name, every snapshot against what it needs, and,
//! with an identity, every tree and chunk. What is damaged is named with what it costs.

mod findings;
mod inventory;
pub mod keyring;
mod objects;
pub mod pack;
mod packs;
mod snapshots;
mod tree;
mod trees;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::description::VaultSecrets;
use crate::error::{Result, VaultError};
use crate::id::{ObjectHash, VaultId};
use crate::layout::{DatasetName, Layout, ManifestName};
use crate::note::Fingerprint;
use crate::reader::Identities;
use crate::store::{ObjectName, Store};
use crate::trust::{self, TrustedVault};
use findings::Findings;
use inventory::Inventory;
use keyring::Keyring;
use snapshots::Case;

/// Threads that read and hash.
const THREADS: usize = 2;

/// Who looks on, and whether to go on. Called from any thread.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Told how many bytes were just read.
    pub read: &'a (dyn Fn(u64) + Sync),
    pub stop: &'a AtomicBool,
}

impl Watch<'_> {
    pub(crate) fn read(&self, bytes: u64) -> Result<()> {
        (self.read)(bytes);
        if self.stop.load(Ordering::Relaxed) {
            return Err(VaultError::Stopped { what: "reading the vault" });
        }
        Ok(())
    }
}

/// Which packs are read: a share of them, drawn by a seed so that the same can be drawn again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Above 0, at most 100.
    pub percent: f64,
    pub seed: u64,
}

impl Sample {
    /// The packs that are drawn out of `packs`; at least one, if there is one.
    pub fn draw(&self, packs: impl Iterator<Item = ObjectHash>) -> Vec<ObjectHash> {
        let key = blake3::derive_key("pulih 2026-11 check sample v1", &self.seed.to_le_bytes());
        let mut drawn: Vec<_> = packs.map(|pack| (*blake3::keyed_hash(&key, &pack.0).as_bytes(), pack)).collect();
        drawn.sort_unstable();
        let count = (drawn.len() as f64 * self.percent / 100.0).ceil() as usize;
        drawn.truncate(count);
        let mut packs: Vec<_> = drawn.into_iter().map(|(_, pack)| pack).collect();
        packs.sort_unstable();
        packs
    }
}

/// What somebody apart from the store knows to be in it.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub packs: Vec<ObjectHash>,
    pub manifests: Vec<(DatasetName, ManifestName)>,
}

pub struct CheckOptions<'a> {
    pub store: Arc<dyn Store>,
    pub vault: VaultId,
    /// The owner key's fingerprint; `None`: any that is consistent in itself is believed.
    pub owner: Option<Fingerprint>,
    /// What opens packs and indexes; `None`: only what needs no key is checked.
    pub identities: Option<Identities>,
    /// Used where no description can be read.
    pub secrets: Option<VaultSecrets>,
    /// Packs to be read; `None`: packs are looked at from outside only.
    pub sample: Option<Sample>,
    /// Packs that are read beside those, as somebody knows that they are damaged.
    pub suspects: Vec<ObjectHash>,
    pub expected: Expected,
    /// Paths that are listed of what one object costs one snapshot; all are counted.
    pub paths: usize,
    /// An empty folder for what does not fit memory.
    pub scratch: &'a Path,
    pub watch: Watch<'a>,
}

/// A part of a snapshot that is lost with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Place in [`CheckReport::snapshots`].
    pub snapshot: usize,
    /// A file's path; or, if a node of the tree is lost, the first path that it was for.
    pub path: Vec<u8>,
    /// 1: this file. More: entries from `path` on that cannot be found any more.
    pub entries: u64,
}

/// How much a snapshot lost with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostIn {
    /// Place in [`CheckReport::snapshots`].
    pub snapshot: usize,
    pub files: u64,
    /// Entries that cannot be found any more, since a node of the tree is lost.
    pub unfound: u64,
}

/// An object that is damaged or missing, and what that costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub object: ObjectName,
    pub error: String,
    /// Snapshots that need it, by their place in [`CheckReport::snapshots`]; the first 1,000.
    pub affects: Vec<usize>,
    pub affects_count: u64,
    /// What of them is lost, the first; only with an identity.
    pub lost: Vec<Lost>,
    /// How much that is in each, the first 1,000 that lost something.
    pub lost_in: Vec<LostIn>,
    pub lost_count: u64,
}

/// A snapshot that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedSnapshot {
    pub dataset: DatasetName,
    pub name: ManifestName,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    pub descriptions: u64,
    pub packs: u64,
    pub indexes: u64,
    pub reaches: u64,
    /// Packs that were read whole.
    pub packs_read: u64,
    /// Chunks that were read and held against their ids.
    pub chunks_read: u64,
    /// Packs that no snapshot reaches.
    pub unneeded_packs: u64,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct CheckReport {
    pub verified: bool,
    pub with_identity: bool,
    pub sample: Option<Sample>,
    pub snapshots: Vec<CheckedSnapshot>,
    /// Those of them that do not count any more, since a manifest that was made again stands for
    /// them.
    pub replaced: Vec<usize>,
    /// Snapshots that a later one says were there: retention removed them, or they are lost.
    pub gone: Vec<CheckedSnapshot>,
    pub counted: Counted,
    /// By object.
    pub problems: Vec<Problem>,
    /// Objects in the vault's folder that are none of a vault's, the first 1,000.
    pub strays: Vec<ObjectName>,
    pub strays_count: u64,
}

impl CheckReport {
    pub fn sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// What the parts of a check share.
struct Checking<'a> {
    store: Arc<dyn Store>,
    layout: Layout,
    watch: Watch<'a>,
    scratch: &'a Path,
    inventory: Inventory,
    findings: Findings,
    trusted: Option<TrustedVault>,
    key: Option<(Keyring, VaultSecrets)>,
}

/// Whether an error is about this machine or this run, and not about the vault.
pub(crate) fn is_ours(error: &VaultError) -> bool {
    matches!(error, VaultError::Local { .. } | VaultError::Stopped { .. } | VaultError::DecodeCheck)
}

/// Checks a vault. Damage is in the report; an error is what kept the check from its end.
pub fn check(options: CheckOptions) -> Result<CheckReport> {
    let layout = Layout { vault: options.vault };
    let findings = Findings::new(options.paths);
    let inventory = Inventory::take(&*options.store, layout, &findings)?;
    let believes = |owner: &crate::note::VerifierKey| options.owner.is_none_or(|known| owner.fingerprint() == known);
    let trusted = match trust::load(&*options.store, options.vault, believes) {
        Ok(trusted) => Some(trusted),
        Err(error) if is_ours(&error) => return Err(error),
        Err(error) => {
            findings.damaged(&layout.folder("vault"), &error);
            None
        }
    };
    let key =
        options.identities.map(|identities| open_key(identities, trusted.as_ref(), options.secrets)).transpose()?;
    let with_identity = key.is_some();
    let checking = Checking {
        store: options.store,
        layout,
        watch: options.watch,
        scratch: options.scratch,
        inventory,
        findings,
        trusted,
        key,
    };
    let (cases, gone, counted) = checking.run(options.sample, &options.suspects, &options.expected)?;
    let replaced = cases.iter().enumerate().filter(|(_, case)| case.replaced).map(|(number, _)| number).collect();
    let snapshots = cases.into_iter().map(|case| CheckedSnapshot { dataset: case.dataset, name: case.name }).collect();
    Ok(CheckReport {
        verified: options.owner.is_some() && checking.trusted.is_some(),
        with_identity,
        sample: options.sample,
        snapshots,
        replaced,
        gone,
        counted,
        problems: checking.findings.into_problems(),
        strays_count: checking.inventory.strays_count,
        strays: checking.inventory.strays,
    })
}

fn open_key(
    identities: Identities,
    trusted: Option<&TrustedVault>,
    kept: Option<VaultSecrets>,
) -> Result<(Keyring, VaultSecrets)> {
    let keyring = Keyring::new(identities);
    let opened = trusted.map(|trusted| trusted.current().1.open_secrets(&keyring.lend())).transpose()?;
    let secrets = opened.or(kept).ok_or_else(|| {
        VaultError::untrusted(
            "the vault's secrets",
            "no description of it can be read, and with them its chunks cannot be checked; check without --identity",
        )
    })?;
    Ok((keyring, secrets))
}

impl Checking<'_> {
    fn run(
        &self,
        sample: Option<Sample>,
        suspects: &[ObjectHash],
        expected: &Expected,
    ) -> Result<(Vec<Case>, Vec<CheckedSnapshot>, Counted)> {
        self.check_descriptions();
        self.hash_small_objects()?;
        let (cases, gone) = self.read_manifests(expected)?;
        let headers = self.index_headers()?;
        let needs = self.check_reaches(&cases, &headers)?;
        self.look_for(expected);
        let mut counted = Counted {
            descriptions: self.inventory.descriptions.len() as u64,
            packs: self.inventory.packs.len() as u64,
            indexes: self.inventory.indexes.len() as u64,
            reaches: self.inventory.reaches.len() as u64,
            unneeded_packs: self.inventory.packs.keys().filter(|pack| !needs.packs.contains(*pack)).count() as u64,
            ..Counted::default()
        };
        let bad = self.check_packs(sample, suspects, &headers, &mut counted)?;
        // Only now is it known which packs are damaged, and so whom that concerns.
        self.name_who_is_affected(&cases, &bad)?;
        if let Some((keyring, secrets)) = &self.key {
            trees::check(self, &cases, &needs, &bad, keyring, secrets)?;
        }
        Ok((cases, gone, counted))
    }

    fn check_descriptions(&self) {
        for (object, error) in self.trusted.iter().flat_map(|trusted| &trusted.passed_over) {
            self.findings.damaged(object, error);
        }
    }

    /// What an agent remembers must be there.
    fn look_for(&self, expected: &Expected) {
        for pack in expected.packs.iter().filter(|pack| !self.inventory.packs.contains_key(*pack)) {
            self.findings.missing(&self.layout.pack(*pack));
        }
    }
}

/// Does `work` for all items on a few threads; the first error ends it.
pub(crate) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let run = || -> Result<()> {
        while !failed.load(Ordering::Relaxed)
            && let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed))
        {
            work(item).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(items.len())).map(|_| scope.spawn(run)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            thread.join().unwrap_or(Err(VaultError::Stopped { what: "a reading thread" }))
        };
        // All are waited for, whatever the first of them says.
        let results: Vec<_> = threads.into_iter().map(join).collect();
        results.into_iter().collect()
    })
}
