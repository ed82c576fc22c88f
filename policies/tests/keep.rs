//! What keep rules decide, over histories of snapshots.

use std::collections::BTreeSet;

use proptest::prelude::*;
use pulih_policies::{KeepRules, Kept, Period, Span, Standing, Tier, Zone, later};

const MIDNIGHT: i64 = 1_795_305_600 - 7 * 3600; // 2026-11-22 00:00 WIB, a Sunday
const DAY: i64 = 86_400;

fn rules() -> KeepRules {
    KeepRules {
        newest: 3,
        hourly: Some("2d".parse().unwrap()),
        daily: Some("35d".parse().unwrap()),
        weekly: None,
        monthly: "13mo".parse().unwrap(),
        yearly: "10y".parse().unwrap(),
    }
}

/// What each of a row of snapshots, accepted in this order, is given.
fn history(rules: &KeepRules, zone: Zone, accepted: &[(i64, Standing)]) -> Vec<Kept> {
    let mut taken = BTreeSet::new();
    let decide = |&(at, standing): &(i64, Standing)| {
        let kept = rules.decide(zone, at, standing, &taken);
        taken.extend(kept.takes.iter().copied());
        kept
    };
    accepted.iter().map(decide).collect()
}

fn tiers(kept: &Kept) -> Vec<Tier> {
    kept.takes.iter().map(|period| period.tier).collect()
}

#[test]
fn the_first_of_each_period_takes_its_tier() {
    let zone = Zone::Jakarta;
    let at = [0, 1800, 3600, DAY, 10 * DAY, 40 * DAY].map(|after| (MIDNIGHT + after, Standing::Sound));
    let kept = history(&rules(), zone, &at);
    assert_eq!(tiers(&kept[0]), [Tier::Hour, Tier::Day, Tier::Month, Tier::Year]);
    assert_eq!(kept[1], Kept::default());
    assert_eq!(tiers(&kept[2]), [Tier::Hour]);
    assert_eq!(tiers(&kept[3]), [Tier::Hour, Tier::Day]);
    assert_eq!(tiers(&kept[4]), [Tier::Hour, Tier::Day, Tier::Month]);
    assert_eq!(tiers(&kept[5]), [Tier::Hour, Tier::Day, Tier::Month, Tier::Year]);
    let until: Vec<_> = kept.iter().map(|kept| kept.until.map(|until| zone.print(until))).collect();
    let expected = [
        Some("2036-12-01 00:00 WIB"),
        None,
        Some("2026-12-01 00:00 WIB"),
        Some("2027-01-01 00:00 WIB"),
        Some("2028-02-01 00:00 WIB"),
        Some("2037-02-01 00:00 WIB"),
    ];
    assert_eq!(until, expected.map(|text| text.map(str::to_owned)));
}

#[test]
fn what_is_partial_or_suspected_takes_nothing_and_leaves_the_tier() {
    let at = [Standing::Partial, Standing::Suspected, Standing::Sound].map(|standing| (MIDNIGHT, standing));
    let kept = history(&rules(), Zone::Jakarta, &at);
    assert_eq!((&kept[0], &kept[1]), (&Kept::default(), &Kept::default()));
    assert_eq!(kept[2].takes.len(), 4);
}

#[test]
fn a_snapshot_at_the_end_of_each_period_takes_nothing() {
    let honest = (0..60).map(|day| (MIDNIGHT + day * DAY, Standing::Sound));
    let flooded = honest.clone().flat_map(|(at, standing)| [(at, standing), (at + 1799, standing)]);
    let (honest, flooded) = (honest.collect::<Vec<_>>(), flooded.collect::<Vec<_>>());
    let alone = history(&rules(), Zone::Jakarta, &honest);
    let among = history(&rules(), Zone::Jakarta, &flooded);
    assert!(among.iter().step_by(2).eq(&alone));
    assert!(among.iter().skip(1).step_by(2).all(|kept| *kept == Kept::default()));
}

#[test]
fn periods_are_those_of_the_zone() {
    // 2026-12-31 23:30 in Jakarta is next year already in Makassar and Jayapura.
    let utc = MIDNIGHT + 40 * DAY - 1800;
    let year = |zone| zone_year(zone, utc);
    assert_eq!(year(Zone::Jakarta), "2026-01-01 00:00 WIB");
    assert_eq!(year(Zone::Makassar), "2027-01-01 00:00 WITA");
    assert_eq!(year(Zone::Jayapura), "2027-01-01 00:00 WIT");
    // A week begins on Monday.
    let week = |utc| Zone::Jakarta.print(Period::containing(Tier::Week, Zone::Jakarta, utc).begins);
    assert_eq!(week(MIDNIGHT + DAY - 1), "2026-11-16 00:00 WIB");
    assert_eq!(week(MIDNIGHT + DAY), "2026-11-23 00:00 WIB");
}

fn zone_year(zone: Zone, utc: i64) -> String {
    zone.print(Period::containing(Tier::Year, zone, utc).begins)
}

#[test]
fn clocks_out_of_their_mind_break_nothing() {
    for accepted in [i64::MIN, -1, i64::MAX] {
        rules().decide(Zone::Jakarta, accepted, Standing::Sound, &BTreeSet::new());
    }
}

fn any_rules() -> impl Strategy<Value = KeepRules> {
    let days = |least: u16| (least..4000).prop_map(Span::from_days);
    let tier = |least: u16| prop::option::of((least..4000).prop_map(Span::from_days));
    (1u32..10, tier(1), tier(1), tier(7), days(31), days(366)).prop_map(
        |(newest, hourly, daily, weekly, monthly, yearly)| KeepRules { newest, hourly, daily, weekly, monthly, yearly },
    )
}

fn any_standing() -> impl Strategy<Value = Standing> {
    prop_oneof![4 => Just(Standing::Sound), 1 => Just(Standing::Partial), 1 => Just(Standing::Suspected)]
}

fn any_history() -> impl Strategy<Value = Vec<(i64, Standing)>> {
    // Steps of up to a fortnight, back too: a clock may be set right.
    prop::collection::vec((-7_200i64..1_200_000, any_standing()), 1..60).prop_map(|steps| {
        let mut at = MIDNIGHT;
        let mut step = |(step, standing): (i64, Standing)| {
            at += step;
            (at, standing)
        };
        steps.into_iter().map(&mut step).collect()
    })
}

fn any_zone() -> impl Strategy<Value = Zone> {
    prop::sample::select(Zone::ALL.to_vec())
}

proptest! {
    #[test]
    fn each_tier_is_taken_once_by_the_first_that_is_sound(rules in any_rules(), zone in any_zone(), row in any_history()) {
        let kept = history(&rules, zone, &row);
        let mut taken = BTreeSet::new();
        for (&(at, standing), kept) in row.iter().zip(&kept) {
            let periods = Period::all(zone, at);
            let expected: Vec<_> = periods
                .into_iter()
                .filter(|p| standing == Standing::Sound && rules.period(p.tier).is_some() && !taken.contains(p))
                .collect();
            prop_assert_eq!(&kept.takes, &expected);
            taken.extend(expected);
        }
    }

    #[test]
    fn a_snapshot_is_kept_for_its_longest_period_and_at_most_a_month_more(
        rules in any_rules(), zone in any_zone(), row in any_history(),
    ) {
        for (&(at, _), kept) in row.iter().zip(&history(&rules, zone, &row)) {
            let longest = kept.takes.iter().filter_map(|period| rules.period(period.tier)).max();
            prop_assert_eq!(kept.until.is_some(), longest.is_some());
            let (Some(until), Some(longest)) = (kept.until, longest) else { continue };
            let least = at + longest.seconds() as i64;
            prop_assert!((least..least + 31 * DAY).contains(&until));
            prop_assert!(zone.print(until).contains("-01 00:00 "), "{}", zone.print(until));
        }
    }

    #[test]
    fn longer_rules_never_keep_for_less(short in any_rules(), more_days in 0u64..4000, zone in any_zone(), at in 0i64..4_000_000_000) {
        let longer = |span: Span| Span::from_days((span.seconds() / 86_400 + more_days) as u16);
        let long = KeepRules {
            newest: short.newest,
            hourly: short.hourly.map(longer),
            daily: short.daily.map(longer),
            weekly: short.weekly.map(longer),
            monthly: longer(short.monthly),
            yearly: longer(short.yearly),
        };
        let until = |rules: &KeepRules| rules.decide(zone, at, Standing::Sound, &BTreeSet::new()).until;
        prop_assert!(until(&long) >= until(&short));
    }

    #[test]
    fn what_was_fixed_is_never_shortened(fixed: Option<i64>, proposed in prop::collection::vec(any::<Option<i64>>(), 0..5)) {
        let mut until = fixed;
        for proposed in proposed {
            let next = later(until, proposed);
            prop_assert!(next >= until && next >= proposed);
            until = next;
        }
    }

    #[test]
    fn some_monthly_and_some_yearly_point_always_stands(rules in any_rules(), zone in any_zone(), first in 0i64..2_000_000_000) {
        // Daily snapshots for three years: from the second on, each moment has a month's and a year's first.
        let row: Vec<_> = (0..1100).map(|day| (first + day * DAY, Standing::Sound)).collect();
        let kept = history(&rules, zone, &row);
        for tier in [Tier::Month, Tier::Year] {
            let takers: Vec<_> = row.iter().zip(&kept).filter(|(_, kept)| tiers(kept).contains(&tier)).collect();
            for pair in takers.windows(2) {
                // The one stands until the next is there.
                prop_assert!(pair[0].1.until.unwrap() >= pair[1].0.0);
            }
        }
    }
}
