//! What waits, who works where, and what is put off after a failure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use pulih_vault::utc;

use super::error::PullError;
use super::urgency::{Dataset, Here, Waiting};
use crate::catalog::Standing;

/// One lane takes only snapshots with at most this much to fetch.
const SMALL_BYTES: u64 = 64 << 20;
/// Pauses after which what failed is tried again: doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

pub(super) type Key = (String, String, String);

pub(super) struct Later {
    until: Instant,
    pub pause: Duration,
    pub why: String,
    /// As [`PullError::weight`] says.
    pub weight: u8,
}

#[derive(Default)]
pub(super) struct Work {
    /// In the order in which they come over.
    pub queue: Vec<Waiting>,
    /// What is here of each dataset.
    pub here: BTreeMap<Dataset, Here>,
    /// The entry of the mirrored ledger from which on the queue does not know it; `None`: nothing of it.
    pub planned: Option<u64>,
    /// Something came, went or is decided otherwise since the queue was put in order.
    pub unordered: bool,
    /// Vaults in which a lane works.
    pub busy: BTreeSet<String>,
    pub later: HashMap<Key, Later>,
    pub totals: Totals,
    /// Time in which at least one lane worked, and since when one does.
    pub active: Duration,
    pub since: Option<Instant>,
    pub is_serving: bool,
    /// The ledger there is to be looked at now.
    pub hurry: bool,
    /// Why the last look at the ledger failed.
    pub error: Option<String>,
    /// When an alarm about something was raised last.
    pub alarmed: BTreeMap<(&'static str, String), i64>,
    /// Bytes of each OPD that are on their way.
    pub coming: BTreeMap<String, u64>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Totals {
    pub snapshots: u64,
    pub objects: u64,
    pub bytes: u64,
    /// As they come, of snapshots that are not whole yet too.
    pub moved: u64,
}

pub(super) enum Next {
    Pull(Box<Waiting>),
    /// Something waits for a lane that works in its vault.
    Wait,
    Nothing,
}

pub(super) fn key(its: &Waiting) -> Key {
    (its.vault.clone(), its.dataset.clone(), its.snapshot.clone())
}

impl From<Standing> for Waiting {
    fn from(its: Standing) -> Self {
        Self {
            accepted: utc::parse(&its.point.captured).map_or(its.point.accepted, |at| at.min(its.point.accepted)),
            there: its.point.accepted,
            late: its.point.late,
            captured: its.point.captured,
            vault: its.point.vault,
            dataset: its.point.dataset,
            snapshot: its.point.snapshot,
            opd: its.opd,
            agent: its.agent,
            class: its.class,
            keep_until: its.point.keep_until,
            tiers: its.point.tiers,
            estimate_bytes: its.point.stored_bytes,
            stored_bytes: its.point.stored_bytes,
            partial: its.point.partial,
        }
    }
}

impl Work {
    /// What a lane does next; `only_small`: the lane that keeps small ones from starving.
    pub fn next(&self, only_small: bool, now: Instant) -> Next {
        let mut waits = false;
        for its in &self.queue {
            let is_later = self.later.get(&key(its)).is_some_and(|later| later.until > now);
            if is_later || (only_small && its.estimate_bytes > SMALL_BYTES) {
                continue;
            }
            if !self.busy.contains(&its.vault) {
                return Next::Pull(Box::new(its.clone()));
            }
            waits = true;
        }
        if waits { Next::Wait } else { Next::Nothing }
    }

    /// What failed waits, longer each time.
    pub fn put_off(&mut self, its: &Waiting, error: &PullError) {
        let before = self.later.get(&key(its)).map(|later| later.pause);
        let pause = before.map_or(FIRST_WAIT, |pause| (pause * 2).min(LONGEST_WAIT));
        let (why, weight) = (error.to_string(), error.weight());
        self.later.insert(key(its), Later { until: Instant::now() + pause, pause, why, weight });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(vault: &str, bytes: u64) -> Waiting {
        Waiting {
            vault: vault.into(),
            dataset: "d".into(),
            snapshot: bytes.to_string(),
            opd: String::new(),
            agent: String::new(),
            class: "publik".into(),
            accepted: 0,
            there: 0,
            late: false,
            captured: String::new(),
            keep_until: None,
            tiers: String::new(),
            stored_bytes: bytes,
            partial: false,
            estimate_bytes: bytes,
        }
    }

    fn claimed(next: &Next) -> String {
        match next {
            Next::Pull(its) => its.vault.clone(),
            Next::Wait => "wait".into(),
            Next::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn a_small_one_does_not_starve_behind_large_ones() {
        let now = Instant::now();
        let queue = vec![waiting("large", 1 << 40), waiting("huge", 1 << 41), waiting("small", 1 << 10)];
        let mut work = Work { queue, ..Work::default() };
        assert_eq!(claimed(&work.next(false, now)), "large");
        work.busy.extend(["large".to_owned(), "huge".to_owned()]);
        assert_eq!(claimed(&work.next(true, now)), "small");
        work.busy.insert("small".into());
        assert_eq!(claimed(&work.next(false, now)), "wait");
        work.queue.pop();
        assert_eq!(claimed(&work.next(true, now)), "nothing");
    }

    #[test]
    fn what_failed_waits_longer_each_time_and_keeps_nobody() {
        let (bad, good) = (waiting("bad", 1), waiting("good", 2));
        let mut work = Work { queue: vec![bad.clone(), good], ..Work::default() };
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            work.put_off(&bad, &PullError::Line("no".into()));
            let pause = work.later[&key(&bad)].pause;
            assert!(pause > last || pause == LONGEST_WAIT);
            last = pause;
        }
        assert_eq!(last, LONGEST_WAIT);
        assert_eq!(claimed(&work.next(false, Instant::now())), "good");
        assert_eq!(claimed(&work.next(false, Instant::now() + LONGEST_WAIT + FIRST_WAIT)), "bad");
    }
}
