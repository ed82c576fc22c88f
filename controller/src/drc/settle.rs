//! Writing down: that a snapshot is complete here, that something was refused, that people should
//! look. And what a run that ended early left between the store and the ledger.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, PullRefused, SnapshotReplicated};
use pulih_vault::layout::Layout;
use pulih_vault::reach::chain::{self, Loaded};
use pulih_vault::trust;

use super::error::PullError;
use super::snapshot::{Named, believe, must_be_as_recorded};
use super::urgency::Waiting;
use super::{Drc, lock};
use crate::gateway::answer::Answer;
use crate::record::time;
use crate::store::MAX_REACH_BYTES;

/// Refusals that go on the ledger within an hour; further ones are in the log of the process.
const HOURLY: usize = 100;
const HOUR_SECONDS: i64 = 3600;

fn strange(error: impl std::fmt::Display) -> PullError {
    PullError::Here(error.to_string())
}

impl Drc {
    fn peer_id(&self) -> Result<pulih_ledger::ids::SiteId, PullError> {
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
        let now = (self.clock)();
        let reach = &loaded.reach;
        let measured = self.measured(waiting, reach).unwrap_or_else(|refusal| {
            eprintln!(
                "warning: snapshot {} of {} is not measured: {}",
                waiting.snapshot, waiting.dataset, refusal.message
            );
            None
        });
        let replicated = SnapshotReplicated {
            from: self.peer_id()?,
            vault: its.layout.vault,
            dataset: its.dataset.clone(),
            manifest: its.name,
            captured: waiting.captured.parse().map_err(strange)?,
            // A clock that is ahead there makes nothing newer than it can be.
            accepted: time(waiting.accepted.min(now)).map_err(strange)?,
            keep_until: waiting.keep_until.map(time).transpose().map_err(strange)?,
            tiers: waiting.tiers.split_whitespace().map(str::to_owned).collect(),
            stored_bytes: Self::stored_bytes(reach),
            partial: waiting.partial,
        };
        let mut record = lock(&self.record);
        if record.catalog.has_replica(&waiting.vault, &waiting.dataset, &waiting.snapshot)? {
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
        let now = (self.clock)();
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

    pub(super) fn alarm(&self, alarm: &str, subject: &str, text: String) -> Result<(), PullError> {
        eprintln!("alarm: {text}");
        let alarm = Alarm { alarm: alarm.to_owned(), subject: subject.to_owned(), text };
        Ok(lock(&self.record).write((self.clock)(), &Actor::Site, vec![alarm.into()])?)
    }

    /// Manifests that are in the store and were not written down: this site ended between the two. Each
    /// is held against everything once more, or says why not.
    pub(super) fn settle_leftovers(&self) -> Answer<()> {
        let accepted = lock(&self.mirrored).catalog.ever_accepted()?;
        let pins = lock(&self.catalog).pins()?;
        for pin in pins {
            let Ok(vault) = pin.vault.parse() else { continue };
            let layout = Layout { vault };
            for (dataset, name) in trust::manifest_names(&*self.store, layout)? {
                let (of, snapshot) = (dataset.to_string(), name.to_string());
                // Also one that its agent brought here itself.
                if lock(&self.catalog).has_point(&pin.vault, &of, &snapshot)? {
                    continue;
                }
                let known = accepted.iter().find(|its| {
                    its.point.vault == pin.vault && its.point.dataset == of && its.point.snapshot == snapshot
                });
                let done = match known {
                    Some(its) => self.settle_leftover(&Waiting::from(its.clone())),
                    None => Err(strange("the mirrored ledger does not have it")),
                };
                if let Err(error) = done {
                    let object = layout.manifest(&dataset, name);
                    eprintln!("warning: {object} is in the store and is not taken for complete: {error}");
                }
            }
        }
        Ok(())
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
