//! The objects that a snapshot needs: which are here, by the store's own word, and the others fetched
//! on several lines at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pulih_vault::id::ObjectHash;
use pulih_vault::layout::{Layout, ObjectKind};
use pulih_vault::reach::Reach;
use pulih_vault::store::{ObjectName, StoreError};

use super::error::PullError;
use super::snapshot::Came;
use super::there::There;
use super::urgency::Waiting;
use super::{Drc, lock};

/// Objects of one snapshot that come over at once. With four lanes they are twelve of the sixteen that the
/// Pusat Data sends at once: the ledger's have room beside them.
const STREAMS: usize = 3;
/// Packs that are looked for one by one; more of them in a listing of all that the vault has.
const FEW: usize = 64;

/// The packs of a reach in their order, and where those with the same first two bytes begin: a listing names
/// packs by the million, and each is looked up in a step or two and in little memory.
struct Wants<'r> {
    hashes: Vec<&'r ObjectHash>,
    begins: Vec<usize>,
}

impl<'r> Wants<'r> {
    fn of(reach: &'r Reach) -> Self {
        let hashes: Vec<&ObjectHash> = reach.packs.keys().collect();
        let mut begins = vec![0; FIRSTS + 1];
        hashes.iter().for_each(|hash| begins[first(hash) + 1] += 1);
        for at in 0..FIRSTS {
            begins[at + 1] += begins[at];
        }
        Self { hashes, begins }
    }

    fn place(&self, hash: &ObjectHash) -> Option<usize> {
        let (from, to) = (self.begins[first(hash)], self.begins[first(hash) + 1]);
        self.hashes[from..to].binary_search(&hash).ok().map(|at| from + at)
    }
}

/// How many first two bytes there are.
const FIRSTS: usize = 1 << 16;

fn first(hash: &ObjectHash) -> usize {
    usize::from(u16::from_be_bytes([hash.0[0], hash.0[1]]))
}

/// An object that comes over.
pub(super) struct Wanted {
    pub name: ObjectName,
    pub hash: ObjectHash,
    /// Most bytes that are taken.
    pub limit: u64,
}

impl Drc {
    pub(super) fn is_here(&self, name: &ObjectName) -> Result<bool, PullError> {
        match self.store.size(name) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(PullError::here(error)),
        }
    }

    /// Packs of a reach that the store does not have. The store is asked and not the catalog: what an older
    /// image of the disk or a hand took away is fetched again, and is this site's damage.
    pub(super) fn missing(&self, layout: Layout, reach: &Reach) -> Result<Vec<ObjectHash>, PullError> {
        let mut missing = Vec::new();
        if reach.packs.len() <= FEW {
            for hash in reach.packs.keys() {
                if !self.is_here(&layout.pack(*hash))? {
                    missing.push(*hash);
                }
            }
        } else {
            let wanted = Wants::of(reach);
            let mut here = vec![false; wanted.hashes.len()];
            let listed = self.store.list(&layout.folder("packs"), &mut |name| {
                if let Some(ObjectKind::Pack(hash)) = layout.classify(&name)
                    && let Some(at) = wanted.place(&hash)
                {
                    here[at] = true;
                }
            });
            listed.map_err(PullError::here)?;
            missing.extend(wanted.hashes.into_iter().zip(here).filter(|(_, here)| !here).map(|(hash, _)| *hash));
        }
        let vault = layout.vault.to_string();
        let mut gone = Vec::new();
        for hash in &missing {
            let name = layout.pack(*hash);
            if lock(&self.catalog).has_object(&vault, name.as_str())? {
                gone.push(name);
            }
        }
        self.gone(&gone)?;
        Ok(missing)
    }

    /// Those of a few objects that the store does not have.
    pub(super) fn not_here(&self, objects: Vec<Wanted>) -> Result<Vec<Wanted>, PullError> {
        let mut missing = Vec::new();
        for its in objects {
            if !self.is_here(&its.name)? {
                missing.push(its);
            }
        }
        Ok(missing)
    }

    /// A small object: from here if it is here and is what its name says, else from there. What is damaged here
    /// is put right.
    pub(super) fn read_nearest(
        &self,
        there: &dyn There,
        name: &ObjectName,
        hash: ObjectHash,
        limit: u64,
    ) -> Result<Vec<u8>, PullError> {
        let why = match self.store.read(name, limit) {
            Ok(bytes) if ObjectHash::of(&bytes) == hash => return Ok(bytes),
            Ok(_) => "its bytes do not have the hash in its name",
            Err(StoreError::NotFound { .. }) => return self.read(there, name, hash, limit),
            Err(StoreError::TooLarge { .. }) => "it has more bytes than such an object can have",
            Err(error) => return Err(PullError::here(error)),
        };
        self.damaged(name, why)?;
        let bytes = self.read(there, name, hash, limit)?;
        self.put_right(name, &bytes)?;
        Ok(bytes)
    }

    /// Fetches objects, on several lines at once. The first error ends it.
    pub(super) fn fetch_all(&self, there: &dyn There, its: &Waiting, objects: Vec<Wanted>) -> Result<Came, PullError> {
        let (fetched, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let left = Mutex::new(objects.into_iter());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let failed: Mutex<Option<PullError>> = Mutex::new(None);
        let one = |wanted: &Wanted| -> Result<(), PullError> {
            self.go_on()?;
            let size = self.fetch(there, &its.opd, &wanted.name, wanted.hash, wanted.limit)?;
            lock(&self.catalog).add_object(&its.vault, wanted.name.as_str(), size)?;
            fetched.fetch_add(1, Ordering::Relaxed);
            bytes.fetch_add(size, Ordering::Relaxed);
            self.count(size);
            Ok(())
        };
        let stream = || {
            while let Some(wanted) = next() {
                if lock(&failed).is_some() {
                    return;
                }
                if let Err(error) = one(&wanted) {
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
}
