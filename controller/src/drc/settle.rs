//! Writing down: that a snapshot is complete here, that something was refused, that people should
//! look. And what a run that ended early left between the store and the ledger.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, PullRefused};
use pulih_vault::reach::chain::{self, Loaded};

use super::dates::Decided;
use super::error::PullError;
use super::snapshot::{Named, believe, must_be_as_recorded};
use super::urgency::{Dataset, Waiting};
use super::work::key;
use super::{Drc, lock};
use crate::gateway::answer::{Answer, Refusal};
use crate::store::MAX_REACH_BYTES;

/// Refusals that go on the ledger within an hour; further ones are in the log of the process.
const HOURLY: usize = 100;
const HOUR_SECONDS: i64 = 3600;
/// An alarm about one thing is raised at most so often, in seconds.
const ALARM_EVERY: i64 = 6 * 3600;

fn strange(error: impl std::fmt::Display) -> PullError {
    PullError::Here(error.to_string())
}

impl Drc {
    pub(super) fn peer_id(&self) -> Result<pulih_ledger::ids::SiteId, PullError> {
        let peer = self.pusat()?.ok_or_else(|| strange("this DRC is not paired"))?;
        peer.site.parse().map_err(strange)
    }

    /// A snapshot is complete here and was verified: from now on it is a recovery point of this site.
    /// `removals` is what [`crate::base::Base::removals`] said before its objects were looked for.
    pub(super) fn settle(
        &self,
        waiting: &Waiting,
        its: &Named,
        loaded: &Loaded,
        removals: u64,
    ) -> Result<(), PullError> {
        let now = self.now();
        let reach = &loaded.reach;
        let measured = self.measured(waiting, reach).unwrap_or_else(|refusal| {
            eprintln!(
                "warning: snapshot {} of {} is not measured: {}",
                waiting.snapshot, waiting.dataset, refusal.message
            );
            None
        });
        let provisional = !waiting.partial && self.is_awaited_before(waiting);
        let decided = if provisional {
            Decided { tiers: Vec::new(), until: waiting.keep_until }
        } else {
            self.decide(waiting, now)?
        };
        let bytes = Self::stored_bytes(reach);
        // A clock that is ahead there makes nothing newer than it can be.
        let replicated = self.entry(waiting, decided, waiting.accepted.min(now), bytes, provisional)?;
        {
            let mut record = lock(&self.record);
            if record.catalog.has_replica(&waiting.vault, &waiting.dataset, &its.name.to_string())? {
                return Ok(());
            }
            self.keep_again(&record.catalog, its.layout, reach, &loaded.chain, removals)?;
            let of = (waiting.vault.as_str(), waiting.dataset.as_str());
            if let Some((_, Some(suspect))) = &measured {
                self.raise(&mut record, of, waiting.accepted.min(now), suspect)?;
            }
            record.write(now, &Actor::Site, vec![Body::SnapshotReplicated(replicated)])?;
            // What is suspect is not what is usual.
            if let Some((past, None)) = measured
                && record.catalog.suspected(of.0, of.1)?.is_none()
            {
                record.catalog.add_measure(of.0, of.1, &waiting.snapshot, past)?;
            }
        }
        let mut work = lock(&self.work);
        let here = work.here.entry(waiting.of()).or_default();
        here.stored_bytes = here.stored_bytes.max(bytes);
        if !waiting.partial {
            here.newest = here.newest.max(Some(waiting.accepted.min(now)));
            here.accepted = here.newest;
        }
        work.unordered = true;
        Ok(())
    }

    /// What came is not what it should be: written down with an alarm, once for each object and reason.
    pub(super) fn refuse(&self, waiting: &Waiting, object: &str, reason: &str) -> Result<(), PullError> {
        let its = Named::of(waiting)?;
        let of = (Some(its.layout.vault), Some(its.dataset), Some(its.name));
        let text = format!("{object}: {reason}; snapshot {} of {} is not taken", waiting.snapshot, waiting.dataset);
        self.write_refusal(object, reason, of, text)
    }

    /// The same of what belongs to no snapshot.
    pub(super) fn refuse_part(&self, object: &str, reason: &str) -> Result<(), PullError> {
        self.write_refusal(object, reason, (None, None, None), format!("{object}: {reason}"))
    }

    fn write_refusal(
        &self,
        object: &str,
        reason: &str,
        (vault, dataset, manifest): (
            Option<pulih_vault::id::VaultId>,
            Option<pulih_vault::layout::DatasetName>,
            Option<pulih_vault::layout::ManifestName>,
        ),
        text: String,
    ) -> Result<(), PullError> {
        let from = self.peer_id()?;
        let mut record = lock(&self.record);
        if record.catalog.was_refused(object, reason)? {
            return Ok(());
        }
        let now = self.now();
        eprintln!("alarm: refused from {from}: {text}");
        // Whoever is refused chooses the words: they must not fill the ledger.
        if record.catalog.refused_since(now - HOUR_SECONDS)? >= HOURLY {
            return Ok(());
        }
        let subject = from.to_string();
        let refused =
            PullRefused { from, object: object.to_owned(), reason: reason.to_owned(), vault, dataset, manifest };
        let alarm = Alarm { alarm: "pull-refused".into(), subject, text };
        Ok(record.write(now, &Actor::Site, vec![refused.into(), alarm.into()])?)
    }

    /// Raises an alarm, and not again for six hours if it is still so.
    pub(super) fn alarm_about(&self, alarm: &'static str, subject: &str, text: &str) -> Result<(), PullError> {
        let now = self.now();
        {
            let mut work = lock(&self.work);
            let known = work.alarmed.entry((alarm, subject.to_owned())).or_insert(i64::MIN);
            if now.saturating_sub(*known) < ALARM_EVERY {
                return Ok(());
            }
            *known = now;
        }
        eprintln!("alarm: {text}");
        let text = text.to_owned();
        let alarm = Alarm { alarm: alarm.to_owned(), subject: subject.to_owned(), text };
        Ok(lock(&self.record).write(now, &Actor::Site, vec![alarm.into()])?)
    }

    /// Manifests that are in the store and were not written down: this site ended between the two. Each
    /// is held against everything once more, or says why not.
    pub(super) fn settle_leftovers(&self) -> Answer<()> {
        let waiting = lock(&self.work).queue.clone();
        let mut folders: BTreeMap<Dataset, BTreeSet<String>> = BTreeMap::new();
        for its in &waiting {
            let Ok(named) = Named::of(its) else { continue };
            if let Entry::Vacant(unknown) = folders.entry(its.of()) {
                let folder = format!("{}/{}", named.layout.folder("snapshots"), named.dataset);
                let folder = folder.parse().map_err(|error| Refusal::internal(&error))?;
                let mut names = BTreeSet::new();
                self.store
                    .list(&folder, &mut |name| names.extend(name.as_str().rsplit('/').next().map(str::to_owned)))?;
                unknown.insert(names);
            }
            if !folders.get(&its.of()).is_some_and(|names| names.contains(&its.snapshot)) {
                continue;
            }
            // Also one that its agent brought here itself.
            if lock(&self.catalog).has_point(&its.vault, &its.dataset, &its.snapshot)? {
                continue;
            }
            match self.settle_leftover(its) {
                Ok(()) => lock(&self.work).queue.retain(|other| key(other) != key(its)),
                Err(error) => {
                    eprintln!("warning: {} is in the store and is not taken for complete: {error}", named.object());
                }
            }
        }
        Ok(self.fix_provisional()?)
    }

    fn settle_leftover(&self, waiting: &Waiting) -> Result<(), PullError> {
        let its = Named::of(waiting)?;
        let (layout, object) = (its.layout, its.object());
        let note = self.store.read(&object, pulih_vault::description::MAX_NOTE_BYTES).map_err(PullError::here)?;
        if pulih_vault::id::ObjectHash::of(&note) != its.name.hash {
            return Err(strange("it is damaged"));
        }
        let trusted = self.trusted(layout.vault)?.ok_or_else(|| strange("the vault has no description here"))?;
        let manifest = believe(&note, &its, &trusted)?;
        must_be_as_recorded(&manifest, waiting, &object)?;
        let removals = self.removals();
        let loaded = chain::load_chain(&*self.store, layout, manifest.reach, MAX_REACH_BYTES).map_err(strange)?;
        let reach = &loaded.reach;
        let indexes = reach.indexes.iter().map(|hash| layout.index(*hash));
        for needed in reach.packs.keys().map(|hash| layout.pack(*hash)).chain(indexes) {
            // The store, and not the catalog: this is the last look before it is called complete.
            self.store.size(&needed).map_err(|error| strange(format!("{needed}: {error}")))?;
        }
        self.settle(waiting, &its, &loaded, removals)
    }
}
