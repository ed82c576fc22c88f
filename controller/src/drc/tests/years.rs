//! What a DRC keeps over months in which it was away: by when snapshots were accepted at the Pusat Data,
//! in whatever order they come here.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::ExpiryResumed;
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::ManifestName;
use pulih_vault::store::Store as _;

use super::super::lock;
use super::bench::{Two, drc_now};
use super::changes::{act, person};
use crate::keeping::{By, GRACE_SECONDS};
use crate::pusat::tests::bench::{DAY, LAYOUT, code, in_memory, now, wait};
use crate::pusat::tests::years::rules::{Model, NON_PUBLIK, Standing};

const HOUR: i64 = 3600;
/// When the DRC goes away, and for how many days.
const AWAY: u32 = 40;
const AWAY_DAYS: u32 = 60;
const DAYS: u32 = 200;

/// The numbers of the snapshots in the order in which they came here.
fn arrived(two: &Two) -> Vec<u64> {
    let its = |body| if let Body::SnapshotReplicated(its) = body { Some(its) } else { None };
    let first = two.ledger().into_iter().filter_map(its);
    let mut seen = BTreeSet::new();
    // One that was fixed later has a second entry.
    first.filter(|its| seen.insert(its.manifest)).map(|its| its.manifest.sequence).collect()
}

fn sequences(two: &Two) -> Vec<u64> {
    two.points().iter().map(|its| its.snapshot.parse::<ManifestName>().unwrap().sequence).collect()
}

#[test]
fn the_newest_are_those_last_accepted_there_in_whatever_order_they_come() {
    let two = Two::new();
    for sequence in 1..=8 {
        two.save(sequence);
        wait(60);
    }
    two.round().unwrap();
    assert_eq!(arrived(&two), [8, 7, 6, 5, 4, 3, 2, 1]);
    // The first took every tier; of the others the newest four stay.
    assert_eq!(two.drc.intake.retain(By::Dates).unwrap().expired, 3);
    assert_eq!(sequences(&two), [1, 5, 6, 7, 8]);
    // As at the site that accepted them.
    two.pusat.pusat.retain(By::Dates).unwrap();
    let there: Vec<String> = two.pusat.points("letters").into_iter().rev().map(|its| its.snapshot).collect();
    assert_eq!(two.points().into_iter().map(|its| its.snapshot).collect::<Vec<_>>(), there);
}

/// Two sites, and what must be left at each.
struct Months {
    two: Two,
    model: Model,
    sequence: u64,
}

impl Months {
    fn save(&mut self) {
        self.sequence += 1;
        self.two.save(self.sequence);
        let name = self.two.pusat.points("letters")[0].snapshot.clone();
        self.model.accept(name, now(), Standing::Sound);
    }

    /// A backup at noon, and on some days two more that take no tier.
    fn day(&mut self, day: u32) {
        wait(12 * HOUR);
        self.save();
        for _ in 0..if day.is_multiple_of(3) { 2 } else { 0 } {
            wait(2 * HOUR);
            self.save();
        }
        wait(DAY - now().rem_euclid(DAY));
        self.two.pusat.pusat.tend().unwrap();
        let there = self.two.pusat.points("letters").into_iter().map(|its| (its.snapshot, its.keep_until));
        assert_eq!(there.collect::<BTreeMap<_, _>>(), self.model.remain(now()), "day {day}");
    }

    fn here(&self) -> BTreeMap<String, Option<i64>> {
        self.two.points().into_iter().map(|its| (its.snapshot, its.keep_until)).collect()
    }

    /// What came is there, and what is not kept here has gone by this site's own daily work.
    fn assert_as_the_rules_say(&self, day: u32) {
        assert_eq!(self.two.waiting(), 0);
        assert_eq!(self.here(), self.model.remain(now()), "day {day}");
    }
}

#[test]
fn over_months_with_a_gap_exactly_the_points_of_the_rules_are_left_here() {
    let mut its = {
        wait(DAY - now().rem_euclid(DAY));
        let two = Two::within([(); 2].map(|()| in_memory()));
        Months { two, model: Model::of(NON_PUBLIK), sequence: 0 }
    };
    let dewi = person(&its.two, "dewi");
    let mut came_late = Vec::new();
    for day in 0..DAYS {
        its.day(day);
        if (AWAY..AWAY + AWAY_DAYS).contains(&day) {
            continue;
        }
        if day == AWAY + AWAY_DAYS {
            // It comes back, and all that came meanwhile comes on this one day.
            its.two.restart(false);
            let before = arrived(&its.two).len();
            its.two.round().unwrap();
            came_late = arrived(&its.two).split_off(before);
            its.two.drc.tend().unwrap();
            assert!(lock(&its.two.drc.catalog).stopped().unwrap().is_some_and(|stopped| stopped.said));
            // Nothing has gone; what has come is dated as it would have been.
            let here = its.here();
            for (name, until) in its.model.remain(now()) {
                assert_eq!(here.get(&name), Some(&until), "{name}");
            }
            let resumed = ExpiryResumed { reason: "DRC menyala lagi".into() };
            act(&its.two, &dewi, resumed.clone(), None).unwrap();
            assert_eq!(code(act(&its.two, &dewi, resumed, None)), Code::BadRequest);
            continue;
        }
        its.two.round().unwrap();
        its.two.drc.tend().unwrap();
        its.assert_as_the_rules_say(day);
    }
    assert!(came_late.len() > AWAY_DAYS as usize / 2 && !came_late.is_sorted(), "{came_late:?}");
    assert!(its.model.count() > its.here().len() + 100);

    // Nothing comes any more; once the grace is over, packs are here for what is left and for nothing else.
    let silent = now();
    while now() < silent + GRACE_SECONDS + 8 * DAY {
        wait(DAY);
        its.two.drc.tend().unwrap();
    }
    let here = its.here();
    let needed: BTreeSet<_> = (1..=its.sequence)
        .filter(|sequence| sequences(&its.two).contains(sequence))
        .map(|sequence| LAYOUT.pack(ObjectHash::of(format!("letters {sequence}").as_bytes())))
        .collect();
    let mut packs = BTreeSet::new();
    its.two.store.list(&LAYOUT.folder("packs"), &mut |name| packs.extend([name])).unwrap();
    assert_eq!(packs, needed);
    // From its own ledger and store alone.
    its.two.restart(true);
    assert_eq!(its.here(), here);
    println!(
        "years: a DRC that was away {AWAY_DAYS} of {DAYS} days, to {}: {} of {} snapshots left, by the rules",
        &pulih_vault::utc::rfc3339(drc_now())[..10],
        here.len(),
        its.model.count(),
    );
}
