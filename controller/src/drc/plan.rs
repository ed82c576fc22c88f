//! What is to come and in which order: taken from the mirrored ledger once, and from then on from what is
//! added to it, however long the history of both sites is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;

use pulih_policies::Class;

use super::urgency::{Dataset, Here, Waiting, order};
use super::work::{Key, key};
use super::{Drc, lock};
use crate::gateway::answer::Answer;
use crate::site::SiteRole;

/// How things stand with what is not here.
pub(super) struct Outlook {
    pub queue: Vec<Waiting>,
    /// Why something waits, and how bad that is.
    pub errors: HashMap<Key, (u8, String)>,
    pub bytes_per_second: Option<u64>,
    pub error: Option<String>,
}

impl Drc {
    /// A dataset's DRC target in seconds, by the policy of this site.
    pub(super) fn target(&self, class: &str, opd: &str, dataset: &str) -> i64 {
        let class: Class = class.parse().unwrap_or(Class::Strategis);
        let targets = self.in_force().policy.targets(class, opd, dataset);
        targets.map_or(0, |targets| targets.rpo_drc.seconds() as i64)
    }

    /// What is here of each dataset.
    fn here(&self) -> Answer<BTreeMap<Dataset, Here>> {
        let stocks = lock(&self.catalog).stocks()?.into_iter().map(|its| {
            let newest = its.newest.as_ref().map(|point| point.accepted.min(point.replicated));
            let accepted = its.newest.map(|point| point.accepted);
            ((its.vault, its.dataset), Here { newest, accepted, stored_bytes: its.stored_bytes })
        });
        Ok(stocks.collect())
    }

    /// Takes in what the mirrored ledger has and this site does not.
    pub(super) fn plan(&self) -> Answer<()> {
        let _alone = lock(&self.following);
        let planned = lock(&self.work).planned;
        let (accepted, next) = {
            let catalog = &lock(&self.mirrored).catalog;
            let accepted = match planned {
                Some(number) => catalog.accepted_from(number)?,
                None => catalog.missing_in(&self.dir.path("catalog.sqlite"))?,
            };
            (accepted, catalog.next_entry()?)
        };
        let gone = self.expired_there(planned != Some(next))?;
        let mut fresh: Vec<Waiting> = Vec::new();
        for its in accepted.into_iter().map(Waiting::from) {
            if !lock(&self.catalog).has_replica(&its.vault, &its.dataset, &its.snapshot)? {
                fresh.push(its);
            }
        }
        let here = if planned.is_none() { Some(self.here()?) } else { None };
        let mut held = lock(&self.work);
        let work = &mut *held;
        work.planned = Some(next);
        if let Some(here) = here {
            work.here = here;
        }
        if !gone.is_empty() {
            work.queue.retain(|its| !gone.contains(&key(its)));
        }
        if fresh.is_empty() && !work.unordered {
            return Ok(());
        }
        work.unordered = false;
        work.queue.append(&mut fresh);
        for its in &mut work.queue {
            // A snapshot shares most with the others of its dataset.
            let shared = work.here.get(&its.of()).map_or(0, |here| here.stored_bytes);
            its.estimate_bytes = its.stored_bytes.saturating_sub(shared);
        }
        let queue = std::mem::take(&mut work.queue);
        work.queue = if self.site.role == SiteRole::Pusat {
            // A new Pusat Data has them in the order in which they were accepted: the last one is the newest there.
            let mut queue = queue;
            queue.sort_by_key(|its| (its.accepted, its.snapshot.clone()));
            queue
        } else {
            order(queue, &work.here, |its| self.target(&its.class, &its.opd, &its.dataset))
        };
        drop(held);
        self.changed.notify_all();
        Ok(())
    }

    /// Of what waits, what the Pusat Data no longer keeps. `has_news`: its ledger has grown.
    fn expired_there(&self, has_news: bool) -> Answer<BTreeSet<Key>> {
        let waiting: Vec<Key> = if has_news { lock(&self.work).queue.iter().map(key).collect() } else { Vec::new() };
        let mut gone = BTreeSet::new();
        for its in waiting {
            if lock(&self.mirrored).catalog.has_expired(&its.0, &its.1, &its.2)? {
                gone.insert(its);
            }
        }
        Ok(gone)
    }

    /// The queue is put in order anew at the next look: targets may have changed.
    pub(super) fn reorder(&self) {
        lock(&self.work).unordered = true;
    }

    /// Whether the pairing has ended, for all that is on its way.
    pub(super) fn set_parted(&self, parted: bool) {
        self.parted.store(parted, Ordering::Relaxed);
    }

    pub(super) fn outlook(&self) -> Outlook {
        let work = lock(&self.work);
        let active = work.active + work.since.map_or(Duration::ZERO, |since| since.elapsed());
        let rate = work.totals.moved as f64 / active.as_secs_f64();
        let errors = work.later.iter().map(|(key, later)| (key.clone(), (later.weight, later.why.clone())));
        Outlook {
            queue: work.queue.clone(),
            errors: errors.collect(),
            bytes_per_second: (work.totals.moved > 0 && rate.is_finite()).then_some(rate as u64),
            error: work.error.clone(),
        }
    }
}
