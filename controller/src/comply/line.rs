//! Facts of the line: what the policy lets arrive, and whether each month was evaluated.

use std::collections::BTreeSet;

use pulih_policies::{Period, Tier, Zone};
use pulih_vault::utc;
use serde_json::Value;

use super::records::{Object, Records};

/// Of so many months that are over it is asked whether they were evaluated.
const MONTHS: usize = 12;

pub fn bandwidth(records: &Records) -> Value {
    let policy = records.policies.newest().map(|(_, policy)| policy);
    let is_capped = policy.map(|policy| policy.limits.bandwidth.as_ref().is_some_and(|bands| !bands.is_empty()));
    // Each by where it stands among them, whichever zone the policy had when it was evaluated.
    let months: Vec<Vec<(i64, i64)>> = Zone::ALL.iter().map(|zone| last_months(*zone, records.now)).collect();
    let (mut evaluated, mut entries) = (BTreeSet::new(), Vec::new());
    for ledger in records.all() {
        for its in ledger.register().reports.iter().filter(|its| its.says.report == "bandwidth") {
            let period = utc::parse(its.says.from.as_str()).zip(utc::parse(its.says.to.as_str()));
            let place = months.iter().find_map(|months| months.iter().position(|month| Some(*month) == period));
            if let Some(place) = place {
                evaluated.insert(place);
                entries.push(ledger.entry(its));
            }
        }
    }
    let count = (!evaluated.is_empty()).then_some(evaluated.len());
    Object::default().with_some("capped", is_capped).with_some("months", count).from_entries(entries)
}

/// The months that are over, as they begin and end, the newest first.
fn last_months(zone: Zone, now: i64) -> Vec<(i64, i64)> {
    let begin = |at| Period::containing(Tier::Month, zone, at).begins;
    let before = |until: &i64| Some(begin(*until - 1));
    let begins: Vec<i64> = std::iter::successors(Some(begin(now)), before).take(MONTHS + 1).collect();
    begins.windows(2).map(|two| (two[1], two[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    #[test]
    fn the_last_months_are_those_that_are_over() {
        // 2026-12-01 00:00 WIB.
        let december = 1_796_058_000;
        for now in [december, december + 20 * DAY] {
            let months = last_months(Zone::Jakarta, now);
            assert_eq!((months.len(), months[0]), (MONTHS, (december - 30 * DAY, december)));
            assert_eq!(months[MONTHS - 1].0, december - 365 * DAY);
            assert!(months.windows(2).all(|two| two[1].1 == two[0].0));
        }
        assert_eq!(last_months(Zone::Jakarta, december - 1)[0].1, december - 30 * DAY);
        assert_eq!(last_months(Zone::Makassar, december - 3600)[0].1, december - 3600);
    }
}
