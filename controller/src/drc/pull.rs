//! Pulling: which snapshot is next, who works on what, what waits after a failure. Four lanes, one
//! snapshot in each, one lane in each vault; and beside them the ledger, which says what there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pulih_policies::Class;
use pulih_protocol::error::Code;
use pulih_stores::gateway::ReplicaStore;
use serde::Serialize;

use super::error::PullError;
use super::pair::must_be_fillable;
use super::urgency::{Dataset, Here, Waiting, order};
use super::work::{Key, Next, key};
use super::{Drc, lock};
use crate::catalog::PeerSite;
use crate::gateway::answer::{Answer, Refusal};
use crate::scrub::Source;
use crate::site::SiteRole;

/// Snapshots that come over at once.
const LANES: usize = 4;
/// Between looks at the ledger.
const FOLLOW_EVERY: Duration = Duration::from_secs(10);
/// Between looks whether the sites are to be compared.
const COMPARE_LOOK: Duration = Duration::from_secs(15 * 60);
/// A lane that has nothing to do looks again after this, if nobody woke it.
const IDLE: Duration = Duration::from_secs(1);
/// An alarm of one kind is raised at most so often, in seconds.
const ALARM_EVERY: i64 = 6 * 3600;

/// What one round brought.
#[derive(Debug, Serialize)]
pub struct Round {
    #[serde(rename = "type")]
    kind: &'static str,
    pub entries: u64,
    pub snapshots: u64,
    pub objects: u64,
    pub bytes: u64,
    pub waiting: usize,
    pub refused: Vec<String>,
}

/// How things stand with what is not here.
pub(super) struct Outlook {
    pub queue: Vec<Waiting>,
    pub errors: HashMap<Key, String>,
    pub bytes_per_second: Option<u64>,
    pub error: Option<String>,
}

impl Drc {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ends all pulling soon; what is stored stays.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Waits, but not beyond the process's end.
    pub(super) fn pause(&self, pause: Duration) {
        let work = lock(&self.work);
        drop(self.changed.wait_timeout_while(work, pause, |_| !self.is_stopping()));
    }

    pub(super) fn count(&self, bytes: u64) {
        lock(&self.work).totals.moved += bytes;
    }

    /// What is here of each dataset.
    pub(super) fn here(&self) -> Answer<BTreeMap<Dataset, Here>> {
        let mut all: BTreeMap<Dataset, Here> = BTreeMap::new();
        for its in lock(&self.catalog).replicas()? {
            let here = all.entry((its.vault, its.dataset)).or_default();
            here.stored_bytes = here.stored_bytes.max(its.stored_bytes);
            if !its.partial {
                here.newest = here.newest.max(Some(its.accepted.min(its.replicated)));
                here.accepted = here.accepted.max(Some(its.accepted));
            }
        }
        Ok(all)
    }

    /// A dataset's DRC target in seconds, by the policy of this site.
    pub(super) fn target(&self, class: &str, opd: &str, dataset: &str) -> i64 {
        let class: Class = class.parse().unwrap_or(Class::Strategis);
        let rules = self.in_force().policy.rules(class, opd, dataset);
        rules.map_or(0, |rules| rules.targets.rpo_drc.seconds() as i64)
    }

    /// Looks anew at what the mirrored ledger has and this site does not.
    pub(super) fn plan(&self) -> Answer<()> {
        let accepted = lock(&self.mirrored).catalog.accepted()?;
        let here = self.here()?;
        let known: BTreeSet<Key> = lock(&self.catalog).replicated()?.into_iter().collect();
        let mut waiting: Vec<Waiting> = accepted.into_iter().map(Waiting::from).collect();
        waiting.retain(|its| !known.contains(&key(its)));
        for its in &mut waiting {
            // A snapshot shares most with the others of its dataset.
            let shared = here.get(&its.of()).map_or(0, |here| here.stored_bytes);
            its.estimate_bytes = its.stored_bytes.saturating_sub(shared);
        }
        let queue = if self.site.role == SiteRole::Pusat {
            // A new Pusat Data has them in the order in which they were accepted: the last one is the newest there.
            waiting.sort_by_key(|its| (its.accepted, its.snapshot.clone()));
            waiting
        } else {
            order(waiting, &here, |its| self.target(&its.class, &its.opd, &its.dataset))
        };
        lock(&self.work).queue = queue;
        self.changed.notify_all();
        Ok(())
    }

    pub(super) fn outlook(&self) -> Outlook {
        let work = lock(&self.work);
        let active = work.active + work.since.map_or(Duration::ZERO, |since| since.elapsed());
        let rate = work.totals.moved as f64 / active.as_secs_f64();
        Outlook {
            queue: work.queue.clone(),
            errors: work.later.iter().map(|(key, later)| (key.clone(), later.why.clone())).collect(),
            bytes_per_second: (work.totals.moved > 0 && rate.is_finite()).then_some(rate as u64),
            error: work.error.clone(),
        }
    }

    /// Who else may have the right bytes of what is damaged here.
    pub fn sources(&self) -> Answer<Vec<Source>> {
        let paired = self.paired()?;
        Ok(paired.map(|(peer, there)| Source { name: peer.site, store: there }).into_iter().collect())
    }

    /// The Pusat Data, if a pairing is in force.
    pub(super) fn paired(&self) -> Answer<Option<(PeerSite, Arc<ReplicaStore>)>> {
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return Ok(None) };
        let mut there = lock(&self.there);
        if there.is_none() {
            *there = self
                .credentials()?
                .map(|credentials| ReplicaStore::open(&credentials))
                .transpose()
                .map_err(|error| Refusal::internal(&error))?
                .map(Arc::new);
        }
        Ok(there.clone().map(|there| (peer, there)))
    }

    /// Follows the ledger there up to now.
    pub(super) fn follow_now(&self) -> Answer<()> {
        self.look().map(drop).map_err(|error| Refusal::new(Code::Refused, error.to_string()))
    }

    /// Looks at the ledger once; returns how many entries came.
    fn look(&self) -> Result<u64, PullError> {
        let Some((peer, there)) = self.paired()? else { return Ok(0) };
        // Long before its end: a certificate that cannot be renewed yet keeps nothing from coming.
        let renewed = self.renew_if_due(&there);
        let followed = self.follow_ledger(&peer, &there);
        let error = followed.as_ref().err().or(renewed.as_ref().err());
        lock(&self.work).error = error.map(ToString::to_string);
        match &followed {
            Err(PullError::Refused { object, why }) => {
                self.refuse_part(object, why)?;
                self.listen_for(&peer)?;
            }
            Err(PullError::Full(error)) => self.once_in_a_while("store-full", &error.to_string())?,
            Err(PullError::Line(_)) => self.listen_for(&peer)?,
            _ => {}
        }
        self.take_orders()?;
        self.plan()?;
        followed
    }

    /// A Pusat Data that says nothing for longer than the shortest target is more than a broken line.
    fn listen_for(&self, peer: &PeerSite) -> Result<(), PullError> {
        let heard = lock(&self.catalog).heard(&peer.site)?.unwrap_or(peer.since);
        let in_force = self.in_force();
        let shortest = in_force.policy.classes.values().map(|rules| rules.targets.rpo_drc.seconds()).min();
        let silent = (self.clock)() - heard;
        if silent <= shortest.unwrap_or(0) as i64 {
            return Ok(());
        }
        let text = format!("{} has not answered for {} hours; nothing new comes here", peer.name, silent / 3600);
        self.once_in_a_while("peer-silent", &text)
    }

    fn once_in_a_while(&self, alarm: &'static str, text: &str) -> Result<(), PullError> {
        let now = (self.clock)();
        let mut work = lock(&self.work);
        if work.alarmed.get(alarm).is_some_and(|at| now - at < ALARM_EVERY) {
            return Ok(());
        }
        work.alarmed.insert(alarm, now);
        drop(work);
        self.alarm(alarm, &self.site.name, text.to_owned())
    }

    fn claim(&self, only_small: bool) -> Next {
        let mut work = lock(&self.work);
        let next = work.next(only_small, Instant::now());
        if let Next::Pull(its) = &next {
            work.busy.insert(its.vault.clone());
            work.since.get_or_insert_with(Instant::now);
        }
        next
    }

    /// Pulls one snapshot and says what became of it to whoever asks.
    fn work_on(&self, its: &Waiting) {
        let pulled = match self.paired() {
            Ok(Some((_, there))) => self.pull(&there, its),
            Ok(None) => Err(PullError::Line("this DRC is not paired with a Pusat Data".into())),
            Err(refusal) => Err(refusal.into()),
        };
        if matches!(pulled, Err(PullError::Refused { .. })) && self.has_expired_there(its).unwrap_or(false) {
            self.give_up(its);
            return;
        }
        let told = match &pulled {
            Err(PullError::Refused { object, why }) => self.refuse(its, object, why),
            Err(PullError::Full(error)) => self.once_in_a_while("store-full", &error.to_string()),
            _ => Ok(()),
        };
        if let Err(error) = told {
            eprintln!("error: {error}");
        }
        let mut held = lock(&self.work);
        let work = &mut *held;
        work.busy.remove(&its.vault);
        if work.busy.is_empty() {
            work.active += work.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        }
        match pulled {
            Ok(came) => {
                work.queue.retain(|waiting| key(waiting) != key(its));
                work.later.remove(&key(its));
                work.totals.snapshots += u64::from(came.objects > 0);
                work.totals.objects += came.objects;
                work.totals.bytes += came.bytes;
            }
            Err(error) => work.put_off(its, error.to_string()),
        }
        drop(held);
        self.changed.notify_all();
    }

    /// It expired there before it came: nobody waits for it any more.
    fn give_up(&self, its: &Waiting) {
        let mut held = lock(&self.work);
        let work = &mut *held;
        work.busy.remove(&its.vault);
        if work.busy.is_empty() {
            work.active += work.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        }
        work.queue.retain(|waiting| key(waiting) != key(its));
        work.later.remove(&key(its));
        drop(held);
        self.changed.notify_all();
    }

    /// One lane; for ever, or until nothing is left that it could do.
    fn lane(&self, only_small: bool, for_ever: bool) {
        while !self.is_stopping() {
            match self.claim(only_small) {
                Next::Pull(its) => self.work_on(&its),
                Next::Nothing if !for_ever => return,
                Next::Wait | Next::Nothing => {
                    drop(self.changed.wait_timeout(lock(&self.work), IDLE));
                }
            }
        }
    }

    fn lanes(&self, for_ever: bool) {
        std::thread::scope(|scope| {
            for lane in 0..LANES {
                scope.spawn(move || self.lane(lane == LANES - 1, for_ever));
            }
        });
    }

    /// Pulls until [`Self::stop`].
    pub fn serve(&self) {
        lock(&self.work).is_serving = true;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut last = None;
                while !self.is_stopping() {
                    if let Err(refusal) = self.adopt_if_due() {
                        eprintln!("warning: agents are not taken in yet: {}", refusal.message);
                    }
                    let error = self.look().err().map(|error| error.to_string());
                    // Once, and not every ten seconds of a night without a line.
                    if let Some(text) = error.as_ref().filter(|_| error != last) {
                        eprintln!("warning: the Pusat Data's ledger cannot be followed now: {text}");
                    }
                    last = error;
                    self.pause(FOLLOW_EVERY);
                }
            });
            scope.spawn(|| {
                while !self.is_stopping() {
                    self.pause(COMPARE_LOOK);
                    let done =
                        self.is_compare_due().and_then(|due| if due { self.compare().map(drop) } else { Ok(()) });
                    if let Err(refusal) = done {
                        eprintln!("warning: the sites are not compared now: {}", refusal.message);
                    }
                }
            });
            self.lanes(true);
        });
    }

    /// One round to its end: everything that waits is tried once.
    pub fn replicate(&self) -> Answer<Round> {
        if self.paired()?.is_none() {
            return Err(Refusal::new(
                Code::Refused,
                "this DRC is not paired with a Pusat Data; `pulih-controller pair offer` begins it",
            ));
        }
        must_be_fillable(&self.site, &lock(&self.catalog))?;
        let before = {
            let mut work = lock(&self.work);
            work.later.clear();
            work.totals
        };
        let entries = match self.look() {
            Ok(_) => lock(&self.mirrored).mirror.as_ref().map_or(0, |mirror| mirror.log().size()),
            Err(error @ (PullError::Line(_) | PullError::Refused { .. })) => {
                return Err(Refusal::new(Code::Refused, error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        if lock(&self.work).is_serving {
            self.wait_for_lanes();
        } else {
            self.lanes(false);
        }
        if self.site.role == SiteRole::Pusat && lock(&self.work).queue.is_empty() {
            self.adopt_filled()?;
        }
        let work = lock(&self.work);
        Ok(Round {
            kind: "pulih/replicated/v1",
            entries,
            snapshots: work.totals.snapshots - before.snapshots,
            objects: work.totals.objects - before.objects,
            bytes: work.totals.bytes - before.bytes,
            waiting: work.queue.len(),
            refused: work.later.values().map(|later| later.why.clone()).collect(),
        })
    }

    /// Until the lanes that serve have nothing left to try.
    fn wait_for_lanes(&self) {
        let mut work = lock(&self.work);
        while !self.is_stopping() {
            if work.busy.is_empty() && matches!(work.next(false, Instant::now()), Next::Nothing) {
                return;
            }
            work = match self.changed.wait_timeout(work, IDLE) {
                Ok((work, _)) => work,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}
