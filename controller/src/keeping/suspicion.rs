//! Suspicion, by what the site itself measures: how much of a snapshot is new, how much of the one
//! before it is no longer used, and how long nothing came. What an agent says of itself plays no part.

use std::collections::HashSet;

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{Alarm, SuspicionRaised};
use pulih_ledger::ids::SuspicionId;
use pulih_vault::id::ObjectHash;
use pulih_vault::reach::Reach;

use crate::base::{Base, lock};
use crate::catalog::{Point, Standing, doubt};
use crate::gateway::answer::{Answer, Refusal};
use crate::pusat::draw;
use crate::record::{Record, time};

/// Below this a dataset is too small for parts of it to mean anything.
const LEAST_BYTES: u64 = 1 << 20;
/// Snapshots of a dataset that were measured before any is judged: what is usual has to be known.
/// A dump that is compressed at its source is new from end to end each day.
const LEAST_HISTORY: usize = 3;
/// How many are looked back on.
pub(super) const HISTORY: i64 = 10;
/// Half of what was there is gone at once, and three times what usually is.
const DROPPED_PERMILLE: u64 = 500;
const DROPPED_FACTOR: u64 = 3;
/// Eight times as much is new as usually, and half as much as all that the snapshot before it needed.
const NEW_FACTOR: u64 = 8;
const NEW_PART: u64 = 2;
/// Points that are missing before silence is one.
const SILENT_TARGETS: i64 = 3;
pub const SILENCE: &str = "silence";

/// What a snapshot changed, against the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Stored bytes of packs that the one before did not need.
    pub new_bytes: u64,
    /// Of 1000 bytes that the one before used, how many are no longer used.
    pub dropped_permille: u64,
    /// All that the one before used, and needed.
    pub live_before: u64,
    pub stored_before: u64,
}

/// What was measured of an earlier snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    pub new_bytes: u64,
    pub dropped_permille: u64,
}

impl From<Change> for Past {
    fn from(its: Change) -> Self {
        Self { new_bytes: its.new_bytes, dropped_permille: its.dropped_permille }
    }
}

/// Why a dataset is suspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    pub measure: &'static str,
    pub text: String,
}

/// Compares a snapshot's reach with that of the one before. Packs in `moved` do not count as dropped: the
/// site asked that they are not used any more.
fn change(before: &Reach, now: &Reach, moved: &HashSet<ObjectHash>) -> Change {
    let (mut live_before, mut dropped, mut new_bytes) = (0u64, 0u64, 0u64);
    // Both are in order, and there can be millions of either.
    let mut after = now.packs.iter().peekable();
    for (pack, its) in &before.packs {
        while let Some((_, fresh)) = after.next_if(|(hash, _)| *hash < pack) {
            new_bytes = new_bytes.saturating_add(fresh.stored_bytes);
        }
        let left = after.next_if(|(hash, _)| *hash == pack).map_or(0, |(_, now)| now.live_bytes);
        live_before = live_before.saturating_add(its.live_bytes);
        if !moved.contains(pack) {
            dropped = dropped.saturating_add(its.live_bytes.saturating_sub(left));
        }
    }
    new_bytes = after.fold(new_bytes, |sum, (_, fresh)| sum.saturating_add(fresh.stored_bytes));
    let permille = u128::from(dropped) * 1000 / u128::from(live_before.max(1));
    Change {
        new_bytes,
        dropped_permille: permille.min(1000) as u64,
        live_before,
        stored_before: before.packs.values().map(|its| its.stored_bytes).sum(),
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Whether a change is like nothing that is usual for its dataset.
fn judge(its: Change, history: &[Past]) -> Option<Suspect> {
    if its.live_before < LEAST_BYTES || history.len() < LEAST_HISTORY {
        return None;
    }
    let usual = median(history.iter().map(|past| past.dropped_permille).collect());
    if its.dropped_permille >= DROPPED_PERMILLE && its.dropped_permille > DROPPED_FACTOR * usual {
        let (now, usual) = (its.dropped_permille / 10, usual / 10);
        let text = format!("{now} % of what the snapshot before it used is no longer used; {usual} % is usual");
        return Some(Suspect { measure: "dropped", text });
    }
    let usual = median(history.iter().map(|past| past.new_bytes).collect()).max(LEAST_BYTES / NEW_FACTOR);
    if its.new_bytes >= NEW_FACTOR.saturating_mul(usual) && its.new_bytes >= its.stored_before / NEW_PART {
        let text = format!(
            "{} bytes are new, where {usual} are usual and the snapshot before it needed {}",
            its.new_bytes, its.stored_before
        );
        return Some(Suspect { measure: "new", text });
    }
    None
}

/// Whether a dataset has been silent too long: no point for three targets since `newest`, while the site
/// was there to take one, from `up_since` on. Seconds since 1970, and seconds.
fn is_silent(newest: i64, up_since: i64, now: i64, target: i64) -> bool {
    now - newest.max(up_since) > target.saturating_mul(SILENT_TARGETS)
}

impl Base {
    /// What a snapshot that comes now changes against `before`; and whether that is suspect.
    pub fn measure(&self, before: &Point, now: &Reach) -> Answer<(Change, Option<Suspect>)> {
        let moved = {
            let catalog = lock(&self.catalog);
            let packs = catalog.avoided(&before.vault)?.into_iter().chain(catalog.doomed(&before.vault)?);
            packs.filter_map(|pack| pack.parse().ok()).collect()
        };
        let change = change(&self.reach_of(before)?.reach, now, &moved);
        let history = lock(&self.catalog).measures(&before.vault, &before.dataset, HISTORY)?;
        Ok((change, judge(change, &history)))
    }

    /// Writes a suspicion down, with an alarm; one that a dataset is under already is enough.
    pub fn raise(&self, record: &mut Record, of: (&str, &str), since: i64, its: &Suspect) -> Answer<()> {
        let (vault, dataset) = of;
        if record.catalog.suspected(vault, dataset)?.is_some() {
            return Ok(());
        }
        let id: SuspicionId = draw("s")?.parse().map_err(|error| Refusal::internal(&error))?;
        let text = format!(
            "dataset {dataset} of vault {vault}: {}; nothing of it expires until a person has looked and runs \
             `suspicion end {id}`",
            its.text
        );
        let raised = SuspicionRaised {
            suspicion: id,
            vault: vault.parse().map_err(|error| Refusal::internal(&error))?,
            dataset: dataset.parse().map_err(|error| Refusal::internal(&error))?,
            since: time(since).map_err(|error| Refusal::internal(&error))?,
            measure: its.measure.into(),
            text: its.text.clone(),
        };
        let alarm = Alarm { alarm: "suspicion".into(), subject: dataset.to_owned(), text };
        Ok(record.write(self.now(), &Actor::Site, vec![raised.into(), alarm.into()])?)
    }

    /// Raises a suspicion about each dataset that has been silent for three targets. `target` says a dataset's, in
    /// seconds; `None`: it is not to be saved any more.
    pub fn watch_silence(&self, target: impl Fn(&Standing) -> Answer<Option<i64>>) -> Answer<()> {
        let now = self.now();
        let standings = {
            let catalog = lock(&self.catalog);
            // A clock in doubt would make everything look silent; in a disaster much is.
            if catalog.stopped()?.is_some()
                || catalog.disaster()?.is_some()
                || doubt(catalog.newest_time()?, now).is_some()
            {
                return Ok(());
            }
            catalog.standings()?
        };
        for its in standings {
            let Some(target) = target(&its)? else { continue };
            let point = &its.point;
            if !is_silent(point.as_of(), self.opened, now, target) {
                continue;
            }
            let mut record = lock(&self.record);
            // A person has looked since the last point came.
            let ended = record.catalog.last_ended(&point.vault, &point.dataset, SILENCE)?;
            if ended.is_some_and(|at| at >= point.accepted) {
                continue;
            }
            let text =
                format!("no point came for {} hours, which is more than three targets", (now - point.as_of()) / 3600);
            let suspect = Suspect { measure: SILENCE, text };
            self.raise(&mut record, (&point.vault, &point.dataset), now, &suspect)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulih_vault::reach::PackUse;

    const MIB: u64 = 1 << 20;

    /// Packs by number, each with its live MiB of 32.
    fn reach(packs: &[(u8, u64)]) -> Reach {
        let used = |live: u64| PackUse { stored_bytes: 16 * MIB, live_bytes: live * MIB, all_bytes: 32 * MIB };
        let packs = packs.iter().map(|(number, live)| (ObjectHash([*number; 32]), used(*live))).collect();
        Reach { packs, ..Reach::default() }
    }

    fn past(new_mib: u64, dropped_permille: u64) -> Past {
        Past { new_bytes: new_mib * MIB, dropped_permille }
    }

    #[test]
    fn a_change_is_what_is_new_and_what_is_no_longer_used() {
        let before = reach(&[(1, 32), (2, 16), (3, 16)]);
        let now = reach(&[(1, 32), (2, 8), (4, 9)]);
        let its = change(&before, &now, &HashSet::new());
        assert_eq!((its.new_bytes, its.dropped_permille), (16 * MIB, 375), "8 + 16 of 64");
        let moved = HashSet::from([ObjectHash([3; 32])]);
        assert_eq!(change(&before, &now, &moved).dropped_permille, 125, "what the site had moved");
        assert_eq!(change(&before, &before, &HashSet::new()).dropped_permille, 0);
        assert_eq!(change(&Reach::default(), &now, &HashSet::new()).dropped_permille, 0);
    }

    #[test]
    fn what_ransomware_does_is_suspect_and_what_is_usual_is_not() {
        let quiet = [past(1, 5), past(2, 10), past(0, 0)];
        let encrypted = change(&reach(&[(1, 32), (2, 32)]), &reach(&[(8, 32), (9, 32)]), &HashSet::new());
        assert_eq!(judge(encrypted, &quiet).unwrap().measure, "dropped");
        assert_eq!(judge(encrypted, &quiet[..2]), None, "nothing is usual yet");
        // A dump that is new from end to end each day.
        let dump = [past(32, 1000), past(32, 1000), past(32, 990)];
        assert_eq!(judge(encrypted, &dump), None);
        // Much is added and nothing goes: as copies that were encrypted, before the originals go.
        let doubled = change(&reach(&[(1, 32), (2, 32)]), &reach(&[(1, 32), (2, 32), (3, 32)]), &HashSet::new());
        assert_eq!(judge(doubled, &quiet).unwrap().measure, "new");
        let growing = [past(16, 0), past(14, 0), past(18, 0)];
        assert_eq!(judge(doubled, &growing), None);
        let small = Change { live_before: MIB - 1, ..encrypted };
        assert_eq!(judge(small, &quiet), None);
    }

    #[test]
    fn silence_is_three_targets_in_which_the_site_was_there() {
        let (day, now) = (86_400, 1_000_000_000);
        assert!(!is_silent(now - 3 * day, 0, now, day));
        assert!(is_silent(now - 3 * day - 1, 0, now, day));
        assert!(!is_silent(now - 30 * day, now - 3 * day, now, day), "the site was away");
    }
}
