//! Locks: what a snapshot needs is held by the store itself until the date that the ledger fixed.
//! Set after acceptance, by one thread, and set again as often as it takes.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::store::{Locks, ObjectName};
use pulih_vault::trust;

use super::{Pusat, lock};
use crate::catalog::Point;
use crate::gateway::answer::{Answer, Refusal};

impl Pusat {
    /// Locks what snapshots need that were accepted since. A snapshot counts as locked once all
    /// of it is; what failed is tried again at the next call.
    pub fn extend_locks(&self) -> Answer<()> {
        let Some(locks) = self.locks.as_deref() else { return Ok(()) };
        let waiting = lock(&self.catalog).unlocked_points((self.clock)())?;
        for point in waiting {
            // One that cannot be locked now must not keep the others from it.
            match self.lock_point(locks, &point) {
                Ok(()) => lock(&self.catalog).set_locked(&point)?,
                Err(refusal) => eprintln!(
                    "error: snapshot {} of {} in vault {} is not locked yet: {}",
                    point.snapshot, point.dataset, point.vault, refusal.message
                ),
            }
        }
        Ok(())
    }

    fn lock_point(&self, locks: &dyn Locks, point: &Point) -> Answer<()> {
        let Some(until) = point.keep_until else { return Ok(()) };
        let vault: VaultId = point.vault.parse().map_err(|error| Refusal::internal(&error))?;
        let dataset: DatasetName = point.dataset.parse().map_err(|error| Refusal::internal(&error))?;
        let name: ManifestName = point.snapshot.parse().map_err(|error| Refusal::internal(&error))?;
        let layout = Layout { vault };
        let manifest = self.trusted(vault)?.manifest(&*self.store, &dataset, name)?;
        // Locking takes long: meanwhile only hashes are in memory.
        let (packs, indexes, chain) = {
            let _alone = lock(&self.reading);
            let its = self.reach(vault, manifest.reach)?;
            let packs: Vec<ObjectHash> = its.reach.packs.into_keys().collect();
            (packs, its.reach.indexes, its.chain)
        };
        let mut names: Vec<ObjectName> = chain.iter().map(|hash| layout.reach(*hash)).collect();
        for description in trust::description_names(&*self.store, vault)? {
            names.push(layout.description(description));
        }
        names.push(layout.manifest(&dataset, name));
        let packs = packs.into_iter().map(|hash| layout.pack(hash));
        for name in packs.chain(indexes.into_iter().map(|hash| layout.index(hash))).chain(names) {
            if lock(&self.catalog).lock_of(&name)?.is_some_and(|set| set >= until) {
                continue;
            }
            locks.lock_until(&name, until)?;
            lock(&self.catalog).set_lock(&name, until)?;
        }
        Ok(())
    }
}
