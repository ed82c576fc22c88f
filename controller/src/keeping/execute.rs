//! Doing it: expired, doomed, and after the grace deleted; each on the ledger before it has effect,
//! so that whatever ends a run, the next one goes on. `docs/contracts/retention.md` has the states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, ExpiryStopped, ObjectsDeleted, PacksDoomed, SnapshotsExpired};
use pulih_protocol::error::Code;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{Layout, ObjectKind};
use pulih_vault::store::{ObjectName, StoreError};
use serde::Serialize;

use super::acts::EXPIRED_AT_ONCE;
use super::plan::{Verdict, stopped_by};
use super::reach::{Named, Needed};
use crate::base::{Base, lock};
use crate::catalog::{Catalog, Point, Vault};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::Record;

/// From the entry that dooms a pack to the one that deletes it: longer than the lease of any run, which
/// writes down what it has every six hours.
pub const GRACE_SECONDS: i64 = 7 * 24 * 3600;
/// What one entry of the ledger may name.
const DOOMED_AT_ONCE: usize = 500;
const DELETED_AT_ONCE: usize = 300;
/// Snapshots that come in between make a vault be looked at again so often.
const TRIES: usize = 3;

/// What a run did.
#[derive(Debug, Default, Serialize)]
pub struct Retained {
    /// Why nothing expired at all.
    pub stopped: Option<String>,
    /// Snapshots.
    pub expired: u64,
    /// Packs.
    pub doomed: u64,
    pub avoided: u64,
    /// Objects that are gone from the store, and their bytes.
    pub removed: u64,
    pub bytes: u64,
    /// Written down as deleted or expired, and still there: tried again by the next run.
    pub left: u64,
    /// What could not be looked at, or not be removed.
    pub failed: Vec<String>,
    /// Bytes that are no longer stored, by OPD.
    #[serde(skip)]
    pub freed: BTreeMap<String, u64>,
}

/// Who lets snapshots expire in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The site, because their dates are past.
    Dates,
    /// A person, who has signed which: this run does what follows from it.
    Person,
}

fn names_of(expired: &SnapshotsExpired) -> BTreeSet<&str> {
    expired.manifests.iter().map(String::as_str).collect()
}

impl Base {
    /// One run over all vaults, at the time that the site's clock shows.
    pub fn retain_now(&self, by: By) -> Answer<Retained> {
        let _alone = lock(&self.retaining);
        let mut out = Retained { stopped: self.must_go_on()?, ..Retained::default() };
        if out.stopped.is_some() {
            return Ok(out);
        }
        let vaults = lock(&self.catalog).vaults()?;
        for known in vaults {
            // One that cannot be looked at now keeps nothing from the others.
            if let Err(refusal) = self.retain_vault(&known, by, &mut out) {
                out.failed.push(format!("vault {}: {}", known.id, refusal.message));
            }
        }
        for why in &out.failed {
            eprintln!("warning: retention: {why}");
        }
        Ok(out)
    }

    /// Why nothing may expire. A clock that cannot be believed is written down the first time, with an alarm.
    fn must_go_on(&self) -> Answer<Option<String>> {
        let now = self.now();
        let mut record = lock(&self.record);
        let Some(reason) = stopped_by(&record.catalog, now)? else { return Ok(None) };
        let said = record.catalog.stopped()?.is_some_and(|stopped| stopped.said);
        if !said && record.catalog.disaster()?.is_none() {
            let text = format!("{reason}; nothing expires until an admin has looked and runs `retain resume`");
            let alarm = Alarm { alarm: "expiry-stopped".into(), subject: self.site.name.clone(), text };
            let stopped = ExpiryStopped { reason: reason.clone() };
            record.write(now, &Actor::Site, vec![stopped.into(), alarm.into()])?;
        }
        Ok(Some(reason))
    }

    fn retain_vault(&self, known: &Vault, by: By, out: &mut Retained) -> Answer<()> {
        if by == By::Dates {
            out.expired += self.expire(known)?;
        }
        self.follow_up(known, out)?;
        out.avoided += self.avoid(known)?;
        Ok(())
    }

    /// Writes down which snapshots of a vault have expired.
    fn expire(&self, known: &Vault) -> Answer<u64> {
        let now = self.now();
        let vault: VaultId = known.id.parse().map_err(|error| Refusal::internal(&error))?;
        let mut record = lock(&self.record);
        let deletions = record.catalog.deletions()?;
        let mut expired = 0;
        for dataset in record.catalog.datasets_of(&known.id)? {
            let Verdict::Expires(some) = self.verdict(&record.catalog, known, &dataset, &deletions, now)? else {
                continue;
            };
            let mut by_deletion: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
            for its in some {
                by_deletion.entry(its.deletion).or_default().push(its.snapshot);
            }
            for (deletion, names) in by_deletion {
                let deletion = deletion.map(|id| id.parse()).transpose().map_err(|error| Refusal::internal(&error))?;
                for manifests in names.chunks(EXPIRED_AT_ONCE) {
                    expired += manifests.len() as u64;
                    let body = SnapshotsExpired {
                        vault,
                        dataset: dataset.parse().map_err(|error| Refusal::internal(&error))?,
                        manifests: manifests.to_vec(),
                        deletion: deletion.clone(),
                    };
                    record.write(now, &Actor::Site, vec![body.into()])?;
                }
            }
        }
        Ok(expired)
    }

    /// That what a person lets expire may go now, every snapshot of it.
    pub(super) fn check_expired(&self, catalog: &Catalog, its: &SnapshotsExpired) -> Answer<()> {
        let refused = |why: String| Err(Refusal::new(Code::Refused, why));
        if let Some(reason) = stopped_by(catalog, self.now())? {
            return refused(reason);
        }
        if its.manifests.is_empty() || its.manifests.len() > EXPIRED_AT_ONCE {
            return refused(format!("from 1 to {EXPIRED_AT_ONCE} snapshots expire at once"));
        }
        let known = catalog.vault(&its.vault.to_string())?;
        let known = known.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such vault"))?;
        let deletion = its.deletion.as_ref().map(ToString::to_string);
        match self.verdict(catalog, &known, its.dataset.as_str(), &catalog.deletions()?, self.now())? {
            Verdict::KeptBack(back) => refused(format!("dataset {}: {}", its.dataset, back.why)),
            Verdict::Expires(may) => {
                let may: BTreeSet<&str> =
                    may.iter().filter(|may| may.deletion == deletion).map(|may| may.snapshot.as_str()).collect();
                match names_of(its).difference(&may).next() {
                    Some(name) => refused(format!("snapshot {name} of dataset {} is to be kept", its.dataset)),
                    None => Ok(()),
                }
            }
        }
    }

    /// What follows from snapshots that have expired: packs are doomed, what was doomed long enough is deleted,
    /// and what was written down as deleted is removed.
    fn follow_up(&self, known: &Vault, out: &mut Retained) -> Answer<()> {
        let before = self.now() - GRACE_SECONDS;
        let has_work = {
            let catalog = lock(&self.catalog);
            !catalog.unsettled(&known.id)?.is_empty()
                || !catalog.doomed_until(&known.id, before)?.is_empty()
                || !catalog.unneeded_until(&known.id, before)?.is_empty()
                || catalog.has_deleted(&known.id)?
        };
        if !has_work {
            return Ok(());
        }
        for _ in 0..TRIES {
            let needed = self.needed(known, &BTreeSet::new())?;
            let unsettled = lock(&self.catalog).unsettled(&known.id)?;
            let (given_up, settled) = self.given_up(unsettled, &needed, out)?;
            let mut record = lock(&self.record);
            // What came in meanwhile may need what was just given up.
            if record.catalog.newest_number(&known.id)? != needed.number {
                continue;
            }
            out.doomed += self.doom(&mut record, known, given_up)?;
            self.write_deleted(&mut record, known, &needed)?;
            drop(record);
            self.note_unneeded(known, &needed)?;
            for point in settled {
                self.remove_manifest(known, &point, out)?;
            }
            return self.remove_deleted(known, out);
        }
        out.failed.push(format!("vault {}: snapshots kept coming; the next run looks again", known.id));
        Ok(())
    }

    /// The packs that only these snapshots needed, and those of the snapshots that could be read or are gone.
    fn given_up(
        &self,
        unsettled: Vec<Point>,
        needed: &Needed,
        out: &mut Retained,
    ) -> Answer<(BTreeSet<ObjectHash>, Vec<Point>)> {
        let (mut given_up, mut settled) = (BTreeSet::new(), Vec::new());
        for point in unsettled {
            match self.reach_of(&point) {
                Ok(its) => {
                    given_up.extend(its.reach.packs.into_keys().filter(|pack| !needed.packs.contains(pack)));
                }
                // The run before came as far as this.
                Err(refusal) if refusal.code == Code::NotFound && !self.is_there(&Named::of(&point)?.object())? => {}
                Err(refusal) => {
                    out.left += 1;
                    out.failed.push(format!("snapshot {} of {}: {}", point.snapshot, point.dataset, refusal.message));
                    continue;
                }
            }
            settled.push(point);
        }
        Ok((given_up, settled))
    }

    fn is_there(&self, name: &ObjectName) -> Answer<bool> {
        match self.store.size(name) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn doom(&self, record: &mut Record, known: &Vault, packs: BTreeSet<ObjectHash>) -> Answer<u64> {
        let vault: VaultId = known.id.parse().map_err(|error| Refusal::internal(&error))?;
        let mut fresh = Vec::new();
        for pack in packs {
            let pack = pack.to_string();
            if !record.catalog.is_doomed(&known.id, &pack)? {
                fresh.push(pack);
            }
        }
        for packs in fresh.chunks(DOOMED_AT_ONCE) {
            let body = PacksDoomed { vault, packs: packs.to_vec() };
            record.write(self.now(), &Actor::Site, vec![body.into()])?;
        }
        Ok(fresh.len() as u64)
    }

    /// Writes down as deleted what nothing has needed for as long as the grace; and takes back what was
    /// written down and is needed again.
    fn write_deleted(&self, record: &mut Record, known: &Vault, needed: &Needed) -> Answer<()> {
        let layout = Layout { vault: known.id.parse().map_err(|error| Refusal::internal(&error))? };
        let before = self.now() - GRACE_SECONDS;
        for name in record.catalog.deleted(&known.id)? {
            let (_, pack) = named(layout, &name)?;
            if needed.small.contains(&name) || pack.is_some_and(|pack| needed.packs.contains(&pack)) {
                record.catalog.reclaim(&known.id, &name, pack.map(|pack| pack.to_string()).as_deref())?;
            }
        }
        let mut names = Vec::new();
        for its in record.catalog.doomed_until(&known.id, before)? {
            let pack: ObjectHash = its.pack.parse().map_err(|error| Refusal::internal(&error))?;
            if !needed.packs.contains(&pack) {
                names.push(layout.pack(pack).to_string());
            }
        }
        let small = record.catalog.unneeded_until(&known.id, before)?;
        names.extend(small.into_iter().filter(|name| !needed.small.contains(name)));
        let mut fresh = Vec::new();
        for name in names {
            if !record.catalog.is_deleted(&known.id, &name)? {
                fresh.push((record.catalog.object_size(&known.id, &name)?.unwrap_or(0), name));
            }
        }
        for some in fresh.chunks(DELETED_AT_ONCE) {
            let body = ObjectsDeleted {
                vault: layout.vault,
                objects: some.iter().map(|(_, name)| name.clone()).collect(),
                bytes: some.iter().map(|(bytes, _)| bytes).sum(),
            };
            record.write(self.now(), &Actor::Site, vec![Body::from(body)])?;
        }
        Ok(())
    }

    /// Indexes and reaches are not doomed: how long nothing has needed them is remembered here.
    fn note_unneeded(&self, known: &Vault, needed: &Needed) -> Answer<()> {
        let catalog = lock(&self.catalog);
        let mut unneeded = catalog.small_objects(&known.id)?;
        unneeded.retain(|name| !needed.small.contains(name));
        unneeded.sort_unstable();
        Ok(catalog.set_unneeded(&known.id, &unneeded, self.now())?)
    }

    fn remove_manifest(&self, known: &Vault, point: &Point, out: &mut Retained) -> Answer<()> {
        let name = Named::of(point)?.object();
        if self.remove(known, &name, None, out)? {
            lock(&self.catalog).settle(point)?;
        }
        Ok(())
    }

    fn remove_deleted(&self, known: &Vault, out: &mut Retained) -> Answer<()> {
        let layout = Layout { vault: known.id.parse().map_err(|error| Refusal::internal(&error))? };
        let names = lock(&self.catalog).deleted(&known.id)?;
        for name in names {
            let (object, pack) = named(layout, &name)?;
            // Held for each alone: a snapshot that is accepted meanwhile may claim it back.
            let record = lock(&self.record);
            if record.catalog.is_deleted(&known.id, &name)? {
                self.removals.fetch_add(1, Ordering::SeqCst);
                self.remove(known, &object, pack, out)?;
            }
        }
        Ok(())
    }

    /// Removes an object; says whether it is gone. What is still held, or fails, is tried again.
    fn remove(&self, known: &Vault, name: &ObjectName, pack: Option<ObjectHash>, out: &mut Retained) -> Answer<bool> {
        match self.keeps.remove(name) {
            Ok(()) => {}
            Err(error) => {
                out.left += 1;
                if out.failed.len() < 20 {
                    out.failed.push(format!("{name} is not removed yet: {error}"));
                }
                return Ok(false);
            }
        }
        let catalog = lock(&self.catalog);
        let bytes = catalog.object_size(&known.id, name.as_str())?.unwrap_or(0);
        catalog.forget(&known.id, name, pack.map(|pack| pack.to_string()).as_deref())?;
        out.removed += 1;
        out.bytes += bytes;
        *out.freed.entry(known.opd.clone()).or_default() += bytes;
        Ok(true)
    }
}

/// An object of a vault by its name, and its hash if it is a pack.
fn named(layout: Layout, name: &str) -> Answer<(ObjectName, Option<ObjectHash>)> {
    let object: ObjectName = name.parse().map_err(|error| Refusal::internal(&error))?;
    match layout.classify(&object) {
        Some(ObjectKind::Pack(hash)) => Ok((object, Some(hash))),
        Some(_) => Ok((object, None)),
        None => Err(Refusal::internal(&format!("{object} is no object of vault {}", layout.vault))),
    }
}
