//! Locks: what a snapshot needs is held by the store itself until the date that the ledger fixed.
//! What is kept without a date, or beyond it (the newest few, what is held or suspected), is locked
//! ahead from month to month. By one thread, beside everything else, and as often as it takes.

use pulih_policies::Span;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{Locks, ObjectName};
use pulih_vault::trust;
use serde::Serialize;

use super::reach::Named;
use crate::base::{Base, lock};
use crate::catalog::Point;
use crate::gateway::answer::Answer;

/// Ahead of now, put off to a month's end; extended when less than a third of it remains.
const AHEAD_SECONDS: i64 = Span::MONTH.seconds() as i64;

/// How well the store holds what is kept.
#[derive(Debug, Serialize)]
pub struct Locked {
    /// Snapshots with a date that the store does not hold until then yet.
    pub waiting: u64,
    /// Since the first of them was accepted.
    pub oldest_seconds: Option<i64>,
    /// What remains of the lock that ends first, over all objects that a kept snapshot needs: each snapshot's
    /// manifest is needed by it alone.
    pub least_seconds: Option<i64>,
}

/// Until when a snapshot is to be locked now, if longer than it is. `lasting`: it is kept whatever its date
/// says; `ahead`: the end of the month in which a month from now lies.
fn wanted(keep_until: Option<i64>, lasting: bool, locked: Option<i64>, now: i64, ahead: i64) -> Option<i64> {
    let dated = keep_until.filter(|until| *until > now && locked.is_none_or(|locked| locked < *until));
    let runs_out = lasting && locked.max(dated).is_none_or(|until| until - now < AHEAD_SECONDS / 3);
    dated.max(runs_out.then_some(ahead))
}

impl Base {
    /// Locks what snapshots need that came since. A snapshot counts as locked once all of it is; what
    /// failed is tried again at the next call.
    pub fn extend_locks(&self) -> Answer<()> {
        let Some(locks) = self.locks.as_deref() else { return Ok(()) };
        let waiting = lock(&self.catalog).unlocked_points(self.now())?;
        for point in waiting {
            if let Some(until) = point.keep_until {
                self.try_lock(locks, &point, until)?;
            }
        }
        Ok(())
    }

    /// Locks ahead what is kept without a date or beyond it.
    pub fn extend_ahead(&self) -> Answer<()> {
        let Some(locks) = self.locks.as_deref() else { return Ok(()) };
        let now = self.now();
        let in_force = self.in_force();
        let ahead = in_force.policy.zone.month_end(now.saturating_add(AHEAD_SECONDS));
        let vaults = lock(&self.catalog).vaults()?;
        for known in vaults {
            let datasets = lock(&self.catalog).datasets_of(&known.id)?;
            for dataset in datasets {
                let newest = in_force.rules(&known.class, &known.opd, &dataset)?.keep.newest as usize;
                let (points, restrained) = {
                    let catalog = lock(&self.catalog);
                    let held = catalog.holds_on(&known.id)?.iter().any(|hold| hold.covers(&known.id, &dataset));
                    let points = catalog.points(&known.id, &dataset)?;
                    (points, held || catalog.suspected(&known.id, &dataset)?.is_some())
                };
                let (kept, past) = super::plan::part(points, newest, now);
                // Of those that the plan keeps: which would it keep without their date?
                let undated = kept.iter().cloned().map(|point| Point { keep_until: None, ..point }).collect();
                let (always, _) = super::plan::part(undated, newest, now);
                for point in kept.into_iter().chain(past) {
                    let lasting = restrained || always.iter().any(|its| its.snapshot == point.snapshot);
                    let locked = lock(&self.catalog).locked_until(&point)?;
                    if let Some(until) = wanted(point.keep_until, lasting, locked, now, ahead) {
                        self.try_lock(locks, &point, until)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// How the locks stand; `None`: the store has none.
    pub fn locked(&self) -> Answer<Option<Locked>> {
        if self.locks.is_none() {
            return Ok(None);
        }
        let (now, catalog) = (self.now(), lock(&self.catalog));
        let (waiting, oldest) = catalog.count_unlocked(now)?;
        Ok(Some(Locked {
            waiting,
            oldest_seconds: oldest.map(|at| now - at),
            least_seconds: catalog.least_lock()?.map(|until| (until - now).max(0)),
        }))
    }

    /// One that cannot be locked now must not keep the others from it.
    fn try_lock(&self, locks: &dyn Locks, point: &Point, until: i64) -> Answer<()> {
        match self.lock_point(locks, point, until) {
            Ok(()) => Ok(lock(&self.catalog).set_locked(point, until)?),
            Err(refusal) => {
                eprintln!(
                    "error: snapshot {} of {} in vault {} is not locked yet: {}",
                    point.snapshot, point.dataset, point.vault, refusal.message
                );
                Ok(())
            }
        }
    }

    fn lock_point(&self, locks: &dyn Locks, point: &Point, until: i64) -> Answer<()> {
        let its = Named::of(point)?;
        let layout = its.layout;
        // Locking takes long: meanwhile only hashes are in memory.
        let (packs, indexes, chain) = {
            let loaded = self.reach_of(point)?;
            let packs: Vec<ObjectHash> = loaded.reach.packs.into_keys().collect();
            (packs, loaded.reach.indexes, loaded.chain)
        };
        let mut names: Vec<ObjectName> = chain.iter().map(|hash| layout.reach(*hash)).collect();
        for description in trust::description_names(&*self.store, layout.vault)? {
            names.push(layout.description(description));
        }
        names.push(its.object());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_extended_ahead_when_less_than_a_third_remains() {
        let (now, ahead) = (1_000_000_000, 1_000_000_000 + 40 * 24 * 3600);
        let third = AHEAD_SECONDS / 3;
        let date = now + 400 * 24 * 3600;
        // Its date, and nothing beyond it.
        assert_eq!(wanted(Some(date), false, None, now, ahead), Some(date));
        assert_eq!(wanted(Some(date), false, Some(date), now, ahead), None);
        assert_eq!(wanted(Some(now - 1), false, None, now, ahead), None);
        assert_eq!(wanted(None, false, None, now, ahead), None);
        // One of the newest.
        assert_eq!(wanted(None, true, None, now, ahead), Some(ahead));
        assert_eq!(wanted(None, true, Some(now + third), now, ahead), None);
        assert_eq!(wanted(None, true, Some(now + third - 1), now, ahead), Some(ahead));
        // Held, with a date: the date holds until little of it remains.
        assert_eq!(wanted(Some(date), true, None, now, ahead), Some(date));
        assert_eq!(wanted(Some(now + 5), true, Some(now + 5), now, ahead), Some(ahead));
        assert_eq!(wanted(Some(now - 5), true, Some(now - 5), now, ahead), Some(ahead));
    }
}
