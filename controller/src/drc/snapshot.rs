//! One snapshot, from there to here: believed, then fetched in the order in which it was written
//! (packs, indexes, reaches, last the manifest), so that what is visible is whole.

use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::index::MAX_INDEX_BYTES;
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::pack::MAX_PACK_BYTES;
use pulih_vault::reach::{Reach, chain};
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::trust::TrustedVault;

use super::error::PullError;
use super::objects::Wanted;
use super::there::There;
use super::urgency::Waiting;
use super::{Drc, lock};
use crate::store::MAX_REACH_BYTES;

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

fn named(hashes: impl Iterator<Item = ObjectHash>, name: impl Fn(ObjectHash) -> ObjectName, limit: u64) -> Vec<Wanted> {
    hashes.map(|hash| Wanted { name: name(hash), hash, limit }).collect()
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
    pub(super) fn pull(&self, there: &dyn There, waiting: &Waiting) -> Result<Came, PullError> {
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
        let loaded = chain::load_chain_with(layout, manifest.reach, MAX_REACH_BYTES, |name, hash, left| {
            self.read_nearest(there, name, hash, left)
        });
        let loaded = loaded?;
        let (reach, reaches) = (&loaded.reach, &loaded.chain);
        let removals = self.removals();
        let missing = self.missing(layout, reach)?;
        let _room = self.room(waiting, reach, &missing)?;
        let mut came = Came::default();
        for objects in [
            named(missing.iter().copied(), |hash| layout.pack(hash), MAX_PACK_BYTES),
            self.not_here(named(reach.indexes.iter().copied(), |hash| layout.index(hash), MAX_INDEX_BYTES))?,
            self.not_here(named(reaches.iter().rev().copied(), |hash| layout.reach(hash), MAX_REACH_BYTES))?,
        ] {
            let its = self.fetch_all(there, waiting, objects)?;
            (came.objects, came.bytes) = (came.objects + its.objects, came.bytes + its.bytes);
        }
        self.put_note(&object, its.name.hash, &note)?;
        self.settle(waiting, &its, &loaded, removals)?;
        Ok(Came { objects: came.objects + 1, bytes: came.bytes + note.len() as u64 })
    }

    /// Puts a manifest in place, or makes sure that the one that a run of this site left is it.
    fn put_note(&self, object: &ObjectName, hash: ObjectHash, note: &[u8]) -> Result<(), PullError> {
        match self.store.create(object, note) {
            Ok(()) => Ok(()),
            Err(StoreError::AlreadyExists { .. }) => {
                let here = self.store.read(object, MAX_NOTE_BYTES).map_err(PullError::here)?;
                if ObjectHash::of(&here) == hash {
                    return Ok(());
                }
                self.damaged(object, "its bytes do not have the hash in its name")?;
                self.put_right(object, note)
            }
            Err(error) => Err(PullError::here(error)),
        }
    }

    /// Bytes that all this needs, as the reach says.
    pub(super) fn stored_bytes(reach: &Reach) -> u64 {
        reach.packs.values().map(|used| used.stored_bytes).sum()
    }
}
