//! One snapshot, from there to here: believed, then fetched in the order in which it was written
//! (packs, indexes, reaches, last the manifest), so that what is visible is whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pulih_stores::gateway::ReplicaStore;
use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::index::MAX_INDEX_BYTES;
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::pack::MAX_PACK_BYTES;
use pulih_vault::reach::{Reach, chain};
use pulih_vault::store::{ObjectName, Staged, Store, StoreError};
use pulih_vault::trust::TrustedVault;

use super::error::PullError;
use super::urgency::Waiting;
use super::{Drc, lock};
use crate::store::MAX_REACH_BYTES;

/// Objects of one snapshot that come over at once.
const STREAMS: usize = 4;

/// Which snapshot, in types.
pub(super) struct Named {
    pub layout: Layout,
    pub dataset: DatasetName,
    pub name: ManifestName,
}

impl Named {
    pub fn of(its: &Waiting) -> Result<Self, PullError> {
        let strange = |what: &dyn std::fmt::Display| PullError::Here(format!("a snapshot of the ledger: {what}"));
        Ok(Self {
            layout: Layout { vault: its.vault.parse::<VaultId>().map_err(|error| strange(&error))? },
            dataset: its.dataset.parse().map_err(|error| strange(&error))?,
            name: its.snapshot.parse().map_err(|error| strange(&error))?,
        })
    }

    pub fn object(&self) -> ObjectName {
        self.layout.manifest(&self.dataset, self.name)
    }
}

/// What came over for a snapshot.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Came {
    pub objects: u64,
    pub bytes: u64,
}

/// Reads here what is here, and there what is not. For looking into a reach before it is stored.
struct Nearest<'a> {
    here: &'a dyn Store,
    there: &'a dyn Store,
}

impl Store for Nearest<'_> {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        self.here.stage()
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        match self.here.size(name) {
            Err(StoreError::NotFound { .. }) => self.there.size(name),
            known => known,
        }
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self.here.read_range(name, offset, len, out) {
            Err(StoreError::NotFound { .. }) => self.there.read_range(name, offset, len, out),
            known => known,
        }
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.here.list(prefix, each)
    }

    fn read(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StoreError> {
        match self.here.read(name, limit) {
            Err(StoreError::NotFound { .. }) => self.there.read(name, limit),
            known => known,
        }
    }
}

fn named<'h>(
    hashes: impl Iterator<Item = &'h ObjectHash>,
    name: impl Fn(ObjectHash) -> ObjectName,
) -> Vec<(ObjectName, ObjectHash)> {
    hashes.map(|hash| (name(*hash), *hash)).collect()
}

/// That a manifest is what its name says, and signed under a description that is believed here.
pub(super) fn believe(note: &[u8], its: &Named, trusted: &TrustedVault) -> Result<Manifest, PullError> {
    let refused = |why: &dyn std::fmt::Display| PullError::refused(its.object(), why);
    let claimed = Manifest::claimed(note).map_err(|error| refused(&error))?.facts.description;
    let description = trusted.description(claimed);
    let description = description
        .ok_or_else(|| refused(&format!("it was written under description {claimed}, which is not believed here")))?;
    let manifest = Manifest::open(note, description).map_err(|error| refused(&error))?;
    let facts = &manifest.facts;
    let named = facts.vault == its.layout.vault && facts.dataset == its.dataset && facts.sequence == its.name.sequence;
    if named && !manifest.rebuilt {
        return Ok(manifest);
    }
    Err(refused(&"it is not what its name says, or was made again from packs"))
}

/// That the ledger there did not make of a snapshot what its agent did not sign: a partial one
/// whole, or an old one fresh.
pub(super) fn must_be_as_recorded(
    manifest: &Manifest,
    waiting: &Waiting,
    object: &ObjectName,
) -> Result<(), PullError> {
    let facts = &manifest.facts;
    if facts.partial == waiting.partial && facts.captured == waiting.captured {
        return Ok(());
    }
    Err(PullError::refused(
        object,
        "the ledger says other than its agent signed of when it was captured or whether it is whole",
    ))
}

impl Drc {
    /// Brings a snapshot here, whole, and writes it down. What is here already is not fetched again.
    pub(super) fn pull(&self, there: &ReplicaStore, waiting: &Waiting) -> Result<Came, PullError> {
        let its = Named::of(waiting)?;
        if lock(&self.catalog).has_replica(&waiting.vault, &waiting.dataset, &waiting.snapshot)? {
            return Ok(Came::default());
        }
        let (layout, object) = (its.layout, its.object());
        self.mind_owner(waiting, layout.vault)?;
        let note = self.read(there, &object, its.name.hash, MAX_NOTE_BYTES)?;
        let claimed = Manifest::claimed(&note).map_err(|error| PullError::refused(&object, error))?.facts.description;
        let trusted = match self.trusted(layout.vault)? {
            Some(trusted) if trusted.description(claimed).is_some() => trusted,
            _ => self.describe(there, waiting, layout.vault)?,
        };
        let manifest = believe(&note, &its, &trusted)?;
        must_be_as_recorded(&manifest, waiting, &object)?;
        let nearest = Nearest { here: &*self.store, there };
        let reach = layout.reach(manifest.reach);
        let loaded = self.patiently(|| {
            chain::load_chain(&nearest, layout, manifest.reach, MAX_REACH_BYTES)
                .map_err(|error| PullError::vault(&reach, error))
        });
        let loaded = loaded?;
        let (reach, reaches) = (&loaded.reach, &loaded.chain);
        let removals = self.removals();
        let mut came = Came::default();
        for (objects, limit) in [
            (named(reach.packs.keys(), |hash| layout.pack(hash)), MAX_PACK_BYTES),
            (named(reach.indexes.iter(), |hash| layout.index(hash)), MAX_INDEX_BYTES),
            (named(reaches.iter().rev(), |hash| layout.reach(hash)), MAX_REACH_BYTES),
        ] {
            let its = self.fetch_missing(there, &waiting.vault, objects, limit)?;
            (came.objects, came.bytes) = (came.objects + its.objects, came.bytes + its.bytes);
        }
        match self.store.create(&object, &note) {
            // Left by a run of this site that ended before it was written down.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(PullError::here(error)),
        }
        self.settle(waiting, &its, &loaded, removals)?;
        Ok(Came { objects: came.objects + 1, bytes: came.bytes + note.len() as u64 })
    }

    /// Whether an object of a vault is here: the catalog knows, and where it does not, the store.
    pub(super) fn has(&self, vault: &str, name: &ObjectName) -> Result<bool, PullError> {
        if lock(&self.catalog).has_object(vault, name.as_str())? {
            return Ok(true);
        }
        match self.store.size(name) {
            Ok(size) => {
                lock(&self.catalog).add_object(vault, name.as_str(), size)?;
                Ok(true)
            }
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(PullError::here(error)),
        }
    }

    /// Fetches what is not here, on several lines at once. The first error ends it.
    fn fetch_missing(
        &self,
        there: &ReplicaStore,
        vault: &str,
        objects: Vec<(ObjectName, ObjectHash)>,
        limit: u64,
    ) -> Result<Came, PullError> {
        let (fetched, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let left = Mutex::new(objects.into_iter());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let failed: Mutex<Option<PullError>> = Mutex::new(None);
        let one = |name: &ObjectName, hash| -> Result<(), PullError> {
            if self.is_stopping() {
                return Err(PullError::Stopped);
            }
            if self.has(vault, name)? {
                return Ok(());
            }
            let size = self.fetch(there, name, hash, limit)?;
            lock(&self.catalog).add_object(vault, name.as_str(), size)?;
            fetched.fetch_add(1, Ordering::Relaxed);
            bytes.fetch_add(size, Ordering::Relaxed);
            self.count(size);
            Ok(())
        };
        let stream = || {
            while let Some((name, hash)) = next() {
                if lock(&failed).is_some() {
                    return;
                }
                if let Err(error) = one(&name, hash) {
                    lock(&failed).get_or_insert(error);
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..STREAMS {
                scope.spawn(stream);
            }
            stream();
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(Came { objects: fetched.into_inner(), bytes: bytes.into_inner() }),
        }
    }

    /// Bytes that all this needs, as the reach says.
    pub(super) fn stored_bytes(reach: &Reach) -> u64 {
        reach.packs.values().map(|used| used.stored_bytes).sum()
    }
}
