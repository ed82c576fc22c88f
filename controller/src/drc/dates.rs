//! Until when a snapshot is kept here: as long as the Pusat Data's ledger fixed it, and as long as this
//! site's own policy says, by when it was accepted and by when its agent says that it was captured, whichever
//! is the latest. So times that a Pusat Data in strange hands claims keep something longer, and nothing less.
//!
//! Who was first in a period is decided among the snapshots that are here. Those that are still to come are
//! not believed to be real; so as long as older ones wait, what is decided of a newer one is provisional.

use std::collections::BTreeSet;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::SnapshotReplicated;
use pulih_policies::{KeepRules, Kept, Period, Standing, Zone, later};
use pulih_vault::utc;

use super::error::PullError;
use super::urgency::{Dataset, Waiting};
use super::{Drc, lock};
use crate::catalog::{Point, Replica};
use crate::record::time;

/// So long older snapshots are waited for, in seconds; the catalog keeps what is provisional for longer.
const PATIENCE: i64 = 21 * 24 * 3600;
/// Snapshots before one that are looked for here. Where none of so many is, it counts as the first.
const MOST_BEFORE: u32 = 64;

/// What was decided.
pub(super) struct Decided {
    pub tiers: Vec<String>,
    pub until: Option<i64>,
}

impl Drc {
    /// Whether a snapshot of its dataset that comes before it in the ledger there is still to come.
    pub(super) fn is_awaited_before(&self, its: &Waiting) -> bool {
        let work = lock(&self.work);
        let before = |other: &&Waiting| {
            other.vault == its.vault && other.dataset == its.dataset && !other.partial && other.place() < its.place()
        };
        work.queue.iter().find(before).is_some()
    }

    /// Decides among the snapshots that are here.
    pub(super) fn decide(&self, its: &Waiting, now: i64) -> Result<Decided, PullError> {
        let in_force = self.in_force();
        let rules = in_force.rules(&its.class, &its.opd, &its.dataset)?.keep;
        let zone = in_force.policy.zone;
        let standing = if its.partial { Standing::Partial } else { Standing::Sound };
        let by_ledger = self.by_acceptance(its, &rules, zone, standing, now)?;
        let captured = utc::parse(&its.captured).unwrap_or(now).min(now);
        let by_agent = self.by_capture(its, &rules, zone, standing, captured)?;
        let until = later(later(its.keep_until, by_ledger.until), by_agent.until);
        Ok(Decided { tiers: by_ledger.takes.iter().map(|period| period.tier.to_string()).collect(), until })
    }

    fn by_acceptance(
        &self,
        its: &Waiting,
        rules: &KeepRules,
        zone: Zone,
        standing: Standing,
        now: i64,
    ) -> Result<Kept, PullError> {
        let at = its.there.min(now);
        let point = Point {
            vault: its.vault.clone(),
            dataset: its.dataset.clone(),
            snapshot: its.snapshot.clone(),
            captured: its.captured.clone(),
            accepted: its.there,
            keep_until: None,
            tiers: String::new(),
            stored_bytes: 0,
            partial: its.partial,
            late: its.late,
        };
        let mut taken = BTreeSet::new();
        for period in Period::all(zone, at) {
            let before = lock(&self.mirrored).catalog.accepted_before(&point, period.begins, MOST_BEFORE)?;
            let catalog = lock(&self.catalog);
            for name in before {
                if catalog.has_replica(&its.vault, &its.dataset, &name)? {
                    taken.insert(period);
                    break;
                }
            }
        }
        Ok(rules.decide(zone, at, standing, &taken))
    }

    fn by_capture(
        &self,
        its: &Waiting,
        rules: &KeepRules,
        zone: Zone,
        standing: Standing,
        captured: i64,
    ) -> Result<Kept, PullError> {
        let catalog = lock(&self.catalog);
        let mut taken = BTreeSet::new();
        for period in Period::all(zone, captured) {
            if catalog.has_captured((&its.vault, &its.dataset, &its.snapshot), period.begins, captured)? {
                taken.insert(period);
            }
        }
        Ok(rules.decide(zone, captured, standing, &taken))
    }

    /// Fixes until when snapshots are kept of which that was provisional, once nothing of their dataset is to
    /// come or it was waited for long enough.
    pub(super) fn fix_provisional(&self) -> Result<(), PullError> {
        let all = lock(&self.catalog).provisional()?;
        if all.is_empty() {
            return Ok(());
        }
        let awaited: BTreeSet<Dataset> =
            lock(&self.work).queue.iter().filter(|its| !its.partial).map(Waiting::of).collect();
        for (replica, since) in all {
            let now = self.now();
            if now - since < PATIENCE && awaited.contains(&(replica.vault.clone(), replica.dataset.clone())) {
                continue;
            }
            let Some(its) = self.waiting_of(&replica)? else { continue };
            let decided = self.decide(&its, now)?;
            let fixed = self.entry(&its, decided, replica.accepted, replica.stored_bytes, false)?;
            lock(&self.record).write(now, &Actor::Site, vec![Body::SnapshotReplicated(fixed)])?;
        }
        Ok(())
    }

    /// A snapshot that is here as the mirrored ledger has it.
    fn waiting_of(&self, its: &Replica) -> Result<Option<Waiting>, PullError> {
        let point = lock(&self.mirrored).catalog.accepted_point(&its.vault, &its.dataset, &its.snapshot)?;
        let pin = lock(&self.catalog).pin(&its.vault)?;
        let (Some(point), Some(pin)) = (point, pin) else { return Ok(None) };
        let (opd, agent, class) = (pin.opd, pin.agent, pin.class);
        Ok(Some(Waiting::from(crate::catalog::Standing { opd, agent, class, point })))
    }

    /// The entry that says that a snapshot is complete here.
    pub(super) fn entry(
        &self,
        its: &Waiting,
        decided: Decided,
        accepted: i64,
        stored_bytes: u64,
        provisional: bool,
    ) -> Result<SnapshotReplicated, PullError> {
        let strange = |error: &dyn std::fmt::Display| PullError::Here(error.to_string());
        Ok(SnapshotReplicated {
            from: self.peer_id()?,
            vault: its.vault.parse().map_err(|error| strange(&error))?,
            dataset: its.dataset.parse().map_err(|error| strange(&error))?,
            manifest: its.snapshot.parse().map_err(|error| strange(&error))?,
            captured: its.captured.parse().map_err(|error| strange(&error))?,
            accepted: time(accepted).map_err(|error| strange(&error))?,
            keep_until: decided.until.map(time).transpose().map_err(|error| strange(&error))?,
            tiers: decided.tiers,
            stored_bytes,
            partial: its.partial,
            provisional,
        })
    }
}
