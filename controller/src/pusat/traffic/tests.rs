use super::*;

/// 2026-12-01 00:00 WIB.
const DECEMBER: i64 = 1_796_058_000;
const JANUARY: i64 = DECEMBER + 31 * DAY;

fn passed(hour: i64, received: u64, sent: u64) -> Passed {
    Passed { opd: "dinkes".into(), hour, received, sent }
}

#[test]
fn a_month_is_one_of_the_policys_zone() {
    for at in [DECEMBER, DECEMBER + 1, DECEMBER + 15 * DAY, JANUARY - 1] {
        assert_eq!(month_of(Zone::Jakarta, at), DECEMBER, "{at}");
    }
    assert_eq!(month_of(Zone::Jakarta, DECEMBER - 1), DECEMBER - 30 * DAY);
    // In the east it has begun an hour before.
    assert_eq!(month_of(Zone::Makassar, DECEMBER - 1), DECEMBER - HOUR);
    // A month after a short one, and one after a long one.
    let march = JANUARY + 59 * DAY;
    assert_eq!(month_of(Zone::Jakarta, march), march);
    assert_eq!(month_of(Zone::Jakarta, march - 1), march - 28 * DAY);
}

#[test]
fn months_follow_each_other_without_a_gap_and_are_over_when_all_was_counted() {
    let from = DECEMBER - 30 * DAY;
    let zone = Zone::Jakarta;
    assert_eq!(months(zone, from, DECEMBER + AFTERWARDS - 1), []);
    assert_eq!(months(zone, from, DECEMBER + AFTERWARDS), [(from, DECEMBER)]);
    assert_eq!(months(zone, from, JANUARY + DAY), [(from, DECEMBER), (DECEMBER, JANUARY)]);
    assert_eq!(months(zone, DECEMBER, DECEMBER + DAY), []);
    let many = months(zone, from - 3 * 366 * DAY, JANUARY);
    assert_eq!((many.len(), many.last()), (MOST_MONTHS, Some(&(from, DECEMBER))));
    assert!(many.windows(2).all(|two| two[0].1 == two[1].0));
}

#[test]
fn a_policy_with_another_zone_leaves_no_hour_out_and_counts_none_twice() {
    let now = JANUARY + 2 * DAY;
    assert_eq!(months(Zone::Makassar, DECEMBER, now), [(DECEMBER, JANUARY - HOUR)]);
    assert_eq!(months(Zone::Jakarta, DECEMBER - HOUR, now), [(DECEMBER - HOUR, JANUARY)]);
}

#[test]
fn the_figures_of_a_month_are_those_of_its_hours() {
    let month = (DECEMBER, JANUARY);
    let hours = [
        passed(DECEMBER, 10, 1),
        passed(DECEMBER + 23 * HOUR, 5, 0),
        passed(DECEMBER + 24 * HOUR, 20, 2),
        passed(DECEMBER + 30 * DAY, 20, 0),
        passed(JANUARY - HOUR, 0, 7),
    ];
    let its = figures("dinkes", month, &hours, 1234).unwrap();
    let mut days = vec![0; 31];
    (days[0], days[1], days[30]) = (15, 20, 20);
    assert_eq!((its.received, its.sent, its.days), (55, 10, days));
    // The first of those that are alike.
    assert_eq!((its.busiest, its.busiest_bytes), (Some(time(DECEMBER + DAY).unwrap()), 20));
    assert_eq!((its.from, its.until), (time(DECEMBER).unwrap(), time(JANUARY).unwrap()));
    assert_eq!(its.measured_seconds, 1234);
    let none = figures("dinkes", (DECEMBER - 30 * DAY, DECEMBER), &[], 0).unwrap();
    assert_eq!((none.received, none.busiest, none.busiest_bytes, none.days), (0, None, 0, vec![0; 30]));
    // With an hour more than it should have, after the zone changed.
    let longer = figures("dinkes", (DECEMBER - HOUR, JANUARY), &[passed(JANUARY - HOUR, 3, 0)], 0).unwrap();
    assert_eq!((longer.days.len(), longer.days[30]), (31, 3));
}

#[test]
fn what_no_line_carries_still_fits_an_entry() {
    let hours: Vec<_> = (0..31 * 24).map(|hour| passed(DECEMBER + hour * HOUR, u64::MAX, u64::MAX)).collect();
    let its = figures("dinkes", (DECEMBER, JANUARY), &hours, 1).unwrap();
    assert_eq!(its.received, its.days.iter().sum::<u64>());
    let site: pulih_ledger::ids::SiteId = "pusat-33.19".parse().unwrap();
    let entry = pulih_ledger::Entry::new(site.clone(), time(JANUARY).unwrap(), Actor::Site, its.into());
    assert!(entry.encode(&site).unwrap().len() < 1024);
}
