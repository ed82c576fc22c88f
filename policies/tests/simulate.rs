//! A simulation is held to brute force: the real timetable, one run after the other; the real keep rules with every
//! period that was taken; and at any time those that the rule of expiry leaves.

use std::collections::BTreeSet;

use proptest::prelude::*;
use pulih_policies::simulate::{Calendar, Growth, Held, Time, Tried};
use pulih_policies::{Class, Period, Policy, Rules, Standing, Tier, Zone};

const DEFAULT: &str = include_str!("../default.toml");
const DAY: i64 = 86_400;

fn policy(schedules: &str, windows: &str, keep: &str) -> Policy {
    let text = format!("{DEFAULT}\n[opd.x]\nschedules = {schedules}\nwindows = {windows}\n{keep}\n");
    // What is asked of the RPO is no matter here.
    let text = ["4h", "24h", "48h", "8h", "72h"].iter().fold(text, |text, rpo| {
        text.replace(&format!("rpo_pusat = \"{rpo}\""), "rpo_pusat = \"1y\"")
            .replace(&format!("rpo_drc = \"{rpo}\""), "rpo_drc = \"1y\"")
    });
    Policy::parse("policy", text.as_bytes()).unwrap_or_else(|refused| panic!("{refused}"))
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let schedules = prop::sample::select(vec![
        "['@hourly']",
        "['*/20 8-17 * * mon-fri']",
        "['15 12 * * *', '0 21 * * *']",
        "['30 1 * * sun']",
        "['0 0 1 * *']",
    ]);
    let windows = prop::sample::select(vec!["[]", "['18:00-06:00']", "['22:00-22:30']"]);
    let tier = |least: u16, unit: &'static str, name: &'static str| {
        prop::option::of((least..60).prop_map(move |n| format!("{name} = '{n}{unit}',")))
            .prop_map(Option::unwrap_or_default)
    };
    let keep = (1u32..9, tier(1, "h", "hourly"), tier(1, "d", "daily"), tier(1, "w", "weekly"), 1u16..4, 1u16..3).prop_map(
        |(newest, hourly, daily, weekly, monthly, yearly)| {
            format!("keep = {{ newest = {newest}, {hourly} {daily} {weekly} monthly = '{monthly}mo', yearly = '{yearly}y' }}")
        },
    );
    (schedules, windows, keep).prop_map(|(schedules, windows, keep)| {
        policy(schedules, windows, &keep).rules(Class::Publik, "x", "y").unwrap()
    })
}

/// Points as they were accepted, before it begins.
fn some_held(from: i64) -> impl Strategy<Value = Vec<Held>> {
    let tiers = prop::sample::subsequence(Tier::ALL.to_vec(), 0..=5);
    let one = (0i64..90 * DAY, prop::option::of(-40 * DAY..400 * DAY), tiers, any::<bool>());
    prop::collection::vec(one, 0..12).prop_map(move |all| {
        let held = |(age, until, tiers, is_late): (i64, Option<i64>, Vec<Tier>, bool)| Held {
            accepted: from - age,
            until: until.map(|until| from + until),
            tiers,
            is_late,
        };
        let mut all: Vec<Held> = all.into_iter().map(held).collect();
        all.sort_by_key(|its| its.accepted);
        all
    })
}

/// When accepted and until when, of all points that are kept at a time.
fn brute_force(rules: &Rules, zone: Zone, held: &[Held], time: Time, at: i64) -> Vec<(i64, Option<i64>)> {
    let table = rules.timetable(zone);
    let mut taken: BTreeSet<Period> = held
        .iter()
        .filter(|its| !its.is_late)
        .flat_map(|its| its.tiers.iter().map(|tier| Period::containing(*tier, zone, its.accepted)))
        .collect();
    let mut all: Vec<(i64, Option<i64>)> = held.iter().map(|its| (its.accepted, its.until)).collect();
    let mut next = table.next_after(time.from);
    while let Some(due) = next.filter(|due| *due <= time.to) {
        let kept = rules.keep.decide(zone, due, Standing::Sound, &taken);
        taken.extend(kept.takes);
        all.push((due, kept.until));
        next = table.next_after(due);
    }
    all.retain(|(accepted, _)| *accepted <= at);
    let first_newest = all.len().saturating_sub(rules.keep.newest as usize);
    let is_kept = |(number, its): (usize, (i64, Option<i64>))| {
        (number >= first_newest || its.1.is_some_and(|until| until > at)).then_some(its)
    };
    all.into_iter().enumerate().filter_map(is_kept).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_what_the_rules_keep(
        rules in some_rules(),
        zone in prop::sample::select(Zone::ALL.to_vec()),
        (from, held) in (1_790_000_000i64..1_800_000_000).prop_flat_map(|from| (Just(from), some_held(from))),
        days in 1i64..70,
        daily in 0u64..1000,
    ) {
        let time = Time { from, to: from + days * DAY };
        let calendar = Calendar::of(&rules, zone, time);
        let course = calendar.course(&held);
        let growth = Growth { full: 10_000, daily };
        let by_day = course.stored_by_day(growth);
        prop_assert_eq!(by_day.len() as i64, days + 1);
        for day in [0, days / 2, days] {
            let at = from + day * DAY;
            let expected = brute_force(&rules, zone, &held, time, at);
            let kept: Vec<_> = course.kept(at).iter().map(|its| (its.accepted, its.until)).collect();
            prop_assert_eq!(&kept, &expected);
            prop_assert_eq!(by_day[day as usize], growth.stored(expected.iter().map(|its| its.0)));
        }
        // Each run brings what changed since the point before it.
        let end = course.in_the_end();
        let arrivals: Vec<(i64, u64)> = course.arrivals(growth).collect();
        prop_assert_eq!(arrivals.len(), calendar.runs());
        let mut last = held.last().map_or(from, |its| its.accepted);
        for (at, bytes) in arrivals {
            prop_assert_eq!(bytes, (daily * (at - last) as u64 / DAY as u64).min(10_000));
            last = at;
        }
        // How far apart they stand, second by second of the last day.
        if let Some(apart) = course.apart(&end, 1) {
            let times: Vec<i64> = end.iter().map(|its| its.accepted).collect();
            let since = |second: i64| second - times.iter().copied().filter(|its| *its <= second).max().unwrap_or(i64::MIN / 2).max(time.to - DAY);
            let worst = (time.to - DAY..=time.to).step_by(60).map(|minute| since(minute.min(time.to))).max().unwrap();
            prop_assert!((worst..=worst + 60).contains(&(apart as i64)), "{} {}", worst, apart);
        }
    }
}

#[test]
fn two_thousand_datasets_that_are_saved_each_hour_are_followed_for_a_year() {
    let rules = policy("['@hourly']", "[]", "keep = { hourly = '7d' }").rules(Class::Strategis, "x", "y").unwrap();
    let time = Time { from: 1_795_305_600, to: 1_795_305_600 + 366 * DAY };
    let calendar = Calendar::of(&rules, Zone::Jakarta, time);
    assert_eq!((calendar.runs(), calendar.longest_wait()), (366 * 24, 3600));
    let growth = Growth { full: 1 << 40, daily: 1 << 30 };
    let mut stored = BTreeSet::new();
    for dataset in 0..2_000i64 {
        let held = Held { accepted: time.from - dataset, until: None, tiers: vec![Tier::Year], is_late: false };
        let course = calendar.course(&[held]);
        stored.insert(*course.stored_by_day(growth).last().unwrap());
    }
    // All of them end alike: the first point's age is over.
    assert_eq!(stored.len(), 1);
}

#[test]
fn drills_bring_back_each_dataset_once_a_round() {
    let text = format!(
        "{DEFAULT}\n[class.publik.drills]\nrestore = '0 3 * * sun'\nverify = '@daily'\ndatasets = 5\nwindow = '6h'\n"
    );
    let drills = Policy::parse("policy", text.as_bytes()).unwrap().classes[&Class::Publik].drills.clone();
    // 2026-11-22 07:00 WIB, a Sunday.
    let time = Time { from: 1_795_305_600, to: 1_795_305_600 + 28 * DAY };
    let its = Tried::of(&drills, 12, Zone::Jakarta, time);
    assert_eq!((its.verify, its.restore, its.application, its.restores), (28, 4, 0, 20));
    assert_eq!(its.cycle, Some(3 * 7 * 86_400 + 6 * 3600));
    assert_eq!(Tried::of(&drills, 3, Zone::Jakarta, time).restores, 12);
    let none = Policy::parse("policy", DEFAULT.as_bytes()).unwrap().classes[&Class::Publik].drills.clone();
    assert_eq!(Tried::of(&none, 3, Zone::Jakarta, time), Tried::default());
}
