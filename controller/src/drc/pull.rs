//! Pulling: which snapshot is next, who works on what, what waits after a failure. Four lanes, one
//! snapshot in each, one lane in each vault; and beside them the ledger, which says what there is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pulih_protocol::error::Code;
use pulih_stores::gateway::ReplicaStore;
use serde::Serialize;

use super::error::PullError;
use super::pair::must_be_fillable;
use super::there::There;
use super::urgency::Waiting;
use super::work::{Next, key};
use super::{Drc, lock};
use crate::catalog::PeerSite;
use crate::gateway::answer::{Answer, Refusal};
use crate::scrub::Source;
use crate::site::SiteRole;

/// Snapshots that come over at once.
const LANES: usize = 4;
/// Batches that are taken in one look: a ledger without end must not keep what it has from being pulled.
pub(super) const MOST_BATCHES: usize = 10_000;
/// Between looks at the ledger.
const FOLLOW_EVERY: Duration = Duration::from_secs(10);
/// Between looks whether the sites are to be compared.
const COMPARE_LOOK: Duration = Duration::from_secs(15 * 60);
/// A lane that has nothing to do looks again after this, if nobody woke it.
const IDLE: Duration = Duration::from_secs(1);

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
    /// Why the ledger could not be followed; what was known was pulled all the same.
    pub error: Option<String>,
}

impl Drc {
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// That pulling goes on: neither the process nor the pairing has ended.
    pub(super) fn go_on(&self) -> Result<(), PullError> {
        if self.is_stopping() {
            return Err(PullError::Stopped);
        }
        if self.parted.load(Ordering::Relaxed) {
            return Err(PullError::Line("the pairing has ended".into()));
        }
        Ok(())
    }

    /// Ends all pulling soon; what is stored stays.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.drilling.wake();
        self.changed.notify_all();
    }

    /// Waits, but not beyond the process's end.
    pub(super) fn pause(&self, pause: Duration) {
        let work = lock(&self.work);
        drop(self.changed.wait_timeout_while(work, pause, |_| !self.is_stopping()));
    }

    /// Waits for the next look at the ledger there.
    fn pause_between_looks(&self) {
        let work = lock(&self.work);
        let waited = self.changed.wait_timeout_while(work, FOLLOW_EVERY, |work| !self.is_stopping() && !work.hurry);
        waited.unwrap_or_else(std::sync::PoisonError::into_inner).0.hurry = false;
    }

    pub(super) fn count(&self, bytes: u64) {
        lock(&self.work).totals.moved += bytes;
    }

    /// Who else may have the right bytes of what is damaged here.
    pub fn sources(&self) -> Answer<Vec<Source>> {
        let paired = self.paired()?;
        Ok(paired.map(|(peer, there)| Source { name: peer.site, store: there }).into_iter().collect())
    }

    /// The Pusat Data, if a pairing is in force.
    pub(super) fn paired(&self) -> Answer<Option<(PeerSite, Arc<dyn There>)>> {
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return Ok(None) };
        if lock(&self.catalog).pulling_stopped()?.is_some() {
            return Ok(None);
        }
        let mut there = lock(&self.there);
        if there.is_none() {
            let opened = self.credentials()?.map(|credentials| ReplicaStore::open(&credentials)).transpose();
            *there = opened.map_err(|error| Refusal::internal(&error))?.map(|store| Arc::new(store) as Arc<dyn There>);
        }
        Ok(there.clone().map(|there| (peer, there)))
    }

    /// Follows the ledger there up to now.
    pub(super) fn follow_now(&self) -> Answer<()> {
        self.look().map(drop).map_err(|error| Refusal::new(Code::Refused, error.to_string()))
    }

    /// Whether there is something to pull with, and nobody stopped it.
    pub(super) fn may_pull(&self) -> Answer<bool> {
        Ok(self.paired()?.is_some())
    }

    /// Why nothing is pulled, and what to do about it.
    pub(super) fn why_not_paired(&self) -> Answer<String> {
        if let Some(why) = lock(&self.catalog).pulling_stopped()? {
            return Ok(format!("nothing is pulled here: {why}; an admin ends that with `pulih-controller resume`"));
        }
        match self.pusat()?.filter(|peer| peer.ended.is_none()) {
            None => Ok("this DRC is not paired with a Pusat Data; `pulih-controller pair offer` begins it".into()),
            Some(peer) => Ok(format!(
                "this DRC is paired with {}, and {} is not here: what reads there was lost. End the pairing at both sites \
                 (`pulih-controller pair end`) and pair them again, from `pair offer` on; everything that is here stays",
                peer.site,
                self.missing_credential()
            )),
        }
    }

    /// Looks at the ledger once; returns how many entries came.
    pub(super) fn look(&self) -> Result<u64, PullError> {
        self.make_changes()?;
        let Some((peer, there)) = self.paired()? else { return Ok(0) };
        // Long before its end: a certificate that cannot be renewed yet keeps nothing from coming.
        let renewed = self.renew_if_due(&*there);
        let followed = self.follow_ledger(&peer, &*there, MOST_BATCHES);
        let error = followed.as_ref().err().or(renewed.as_ref().err());
        lock(&self.work).error = error.map(ToString::to_string);
        match &followed {
            Err(PullError::Refused { object, why }) => {
                self.refuse_part(object, why)?;
                self.listen_for(&peer)?;
            }
            Err(PullError::Line(_)) => self.listen_for(&peer)?,
            Err(error) => self.own_trouble(error)?,
            Ok(_) => {}
        }
        // What the sites say of each other keeps nothing from coming.
        let is_away = matches!(followed, Err(PullError::Line(_))) && lock(&self.mirrored).diverged.is_none();
        if !is_away && let Err(error) = self.exchange(&peer, &*there) {
            self.tell_of_exchange(&error);
        }
        self.take_orders()?;
        self.plan()?;
        self.fix_provisional()?;
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
        self.alarm_about("peer-silent", &peer.site, &text)
    }

    /// What keeps this site from taking what is good is its people's to mend.
    fn own_trouble(&self, error: &PullError) -> Result<(), PullError> {
        match error {
            PullError::Full(error) => self.alarm_about("store-full", &self.site.name, &error.to_string()),
            PullError::Here(why) => self.alarm_about("drc-failed", &self.site.name, why),
            _ => Ok(()),
        }
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
            Ok(Some((_, there))) => self.pull(&*there, its),
            Ok(None) => self.why_not_paired().map_err(PullError::from).and_then(|why| Err(PullError::Line(why))),
            Err(refusal) => Err(refusal.into()),
        };
        if matches!(pulled, Err(PullError::Refused { .. })) && self.has_expired_there(its).unwrap_or(false) {
            self.give_up(its);
            return;
        }
        let told = match &pulled {
            Err(PullError::Refused { object, why }) => self.refuse(its, object, why),
            Err(error) => self.own_trouble(error),
            Ok(_) => Ok(()),
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
            Err(error) => work.put_off(its, &error),
        }
        let is_last = !work.queue.iter().any(|waiting| waiting.vault == its.vault && waiting.dataset == its.dataset);
        drop(held);
        if is_last && let Err(error) = self.fix_provisional() {
            eprintln!("error: {error}");
        }
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
    pub(super) fn lane(&self, only_small: bool, for_ever: bool) {
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
                    self.pause_between_looks();
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
            return Err(Refusal::new(Code::Refused, self.why_not_paired()?));
        }
        must_be_fillable(&self.site, &lock(&self.catalog))?;
        let before = {
            let mut work = lock(&self.work);
            work.later.clear();
            work.totals
        };
        // What is known already comes all the same.
        let error = self.look().err().map(|error| error.to_string());
        let entries = lock(&self.mirrored).mirror.as_ref().map_or(0, |mirror| mirror.log().size());
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
            error,
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
