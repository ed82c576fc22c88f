//! The checkpoints of a bundle, each with every co-signature that the store has of it; and, for stock tools, that each
//! goes on from the one before.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::checkpoint::MAX_CHECKPOINT_BYTES;
use pulih_ledger::cosign::Cosigned;
use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::others::cosigned_at;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_vault::store::{ObjectName, Store};

use super::log::{Part, name};
use super::plan::Plan;
use super::{Export, WriteError};
use crate::places::{Part as Its, Place, site_id};

/// Checkpoints that a bundle has, newest first, if not all are asked for.
const NEWEST: usize = 1000;

/// The checkpoints of one log, and what others said of them.
pub struct Notes<'a> {
    part: &'a Part<'a>,
    export: &'a Export<'a>,
    /// Sizes that somebody co-signed.
    cosigned: BTreeSet<u64>,
    /// Notes of other sites that are here, in which they co-signed.
    by_others: BTreeMap<u64, Vec<ObjectName>>,
    /// What this site co-signed of others.
    of_others: Vec<(SiteId, u64, ObjectName)>,
}

/// What a site co-signed of another's log, by size.
fn cosigned_by(store: &dyn Store, site: &SiteId, other: &SiteId) -> Result<BTreeMap<u64, ObjectName>, WriteError> {
    let (layout, mut found) = (Layout { site: site.clone() }, BTreeMap::new());
    store.list(&layout.all_cosigned(other), &mut |object| {
        found.extend(layout.cosigned_size(other, &object).map(|size| (size, object)));
    })?;
    Ok(found)
}

/// Of whose logs a site has co-signed something.
fn others_of(store: &dyn Store, site: &SiteId) -> Result<BTreeSet<SiteId>, WriteError> {
    let (folder, mut found) = (name(&format!("site/{site}/cosigned")), BTreeSet::new());
    store.list(&folder, &mut |object| {
        let below = object.as_str().strip_prefix(folder.as_str()).and_then(|rest| rest.split('/').nth(1));
        found.extend(below.and_then(site_id));
    })?;
    Ok(found)
}

impl<'a> Notes<'a> {
    pub fn of(part: &'a Part<'a>, export: &'a Export<'a>, all: &[Part<'_>]) -> Result<Self, WriteError> {
        let (site, layout) = (part.site(), part.log.layout());
        let (mut cosigned, mut by_others) = (BTreeSet::new(), BTreeMap::<u64, Vec<ObjectName>>::new());
        export.store.list(&layout.cosignatures(), &mut |object| {
            cosigned.extend(layout.cosignature_of(&object).map(|(size, _)| size));
        })?;
        for other in all.iter().map(Part::site).filter(|other| *other != site) {
            for (size, object) in cosigned_by(export.store, other, site)? {
                cosigned.insert(size);
                by_others.entry(size).or_default().push(object);
            }
        }
        let mut of_others = Vec::new();
        for other in others_of(export.store, site)? {
            let its = all.iter().find(|part| *part.site() == other);
            let all = cosigned_by(export.store, site, &other)?;
            let last = all.keys().next_back().copied();
            // Of a log that is here, what the period has, and always the largest.
            let has = |size: u64| {
                let is_within = |its: &Part<'_>| export.period.to.is_none() || size <= its.size;
                its.is_none_or(|its| (Some(size) == last || size > its.from) && is_within(its))
            };
            let chosen = all.into_iter().filter(|(size, _)| has(*size));
            of_others.extend(chosen.map(|(size, object)| (other.clone(), size, object)));
        }
        Ok(Self { part, export, cosigned, by_others, of_others })
    }

    fn place(&self, part: Its) -> Place {
        Place::Of(self.part.site().clone(), part)
    }

    /// The checkpoint of a size, with all lines.
    fn note(&self, size: u64) -> Result<String, WriteError> {
        let mut note = cosigned_at(self.export.store, self.part.log.layout(), &self.part.keys, size)?;
        for object in self.by_others.get(&size).into_iter().flatten() {
            let bytes = self.export.store.read(object, MAX_CHECKPOINT_BYTES)?;
            // What is of another checkpoint cannot be joined to this one: a verifier finds it under `cosigned`.
            if let Ok(other) = Cosigned::open(&bytes, &self.part.keys) {
                note.merge(&other);
            }
        }
        Ok(note.to_note())
    }

    /// The checkpoint that the bundle goes up to.
    pub fn newest(&self) -> Result<String, WriteError> {
        self.note(self.part.size)
    }

    /// `needed`: sizes that entries name.
    pub fn plan(&self, needed: &BTreeSet<u64>, plan: &mut Plan) -> Result<(), WriteError> {
        let sizes = self.sizes(needed)?;
        plan.put(&self.place(Its::Checkpoint), self.newest()?.into_bytes());
        let mut before = None;
        for size in sizes {
            let note = self.note(size)?;
            if let Some(old) = before.replace(size) {
                let proof = self.part.log.prove_consistency(old, size)?;
                let text = AddCheckpoint { old, proof, checkpoint: note.clone() }.to_text();
                plan.put(&self.place(Its::Consistency(size)), text.into_bytes());
            }
            plan.put(&self.place(Its::Kept(size)), note.into_bytes());
        }
        for (other, size, object) in &self.of_others {
            plan.copy(&self.place(Its::Cosigned(other.clone(), *size)), object.clone());
        }
        Ok(())
    }

    /// The newest of those that are kept, each that somebody co-signed, and those that entries name.
    fn sizes(&self, needed: &BTreeSet<u64>) -> Result<BTreeSet<u64>, WriteError> {
        let mut sizes = self.part.log.checkpoint_sizes()?;
        sizes.retain(|size| *size <= self.part.size);
        let all: BTreeSet<_> = sizes.iter().copied().collect();
        if self.export.all_checkpoints {
            return Ok(all);
        }
        sizes.retain(|size| *size >= self.part.from);
        let mut chosen: BTreeSet<_> = sizes.split_off(sizes.len().saturating_sub(NEWEST)).into_iter().collect();
        chosen.extend(sizes.into_iter().filter(|size| self.cosigned.contains(size)));
        chosen.extend(needed.intersection(&all));
        Ok(chosen)
    }
}
