use pulih_ledger::Log;
use pulih_report::data::Both;

use super::*;
use crate::base::lock;
use crate::evidence::read::Extent;
use crate::pusat::tests::bench::{Bench, DAY, now, wait};
use crate::record::time;
use crate::site::SiteRole;

/// What the gateway wrote down of an office's month.
fn measured(
    bench: &Bench,
    opd: &str,
    (from, until): (i64, i64),
    received: u64,
    busiest: Option<(i64, u64)>,
    served: i64,
) {
    let days = (until - from) / DAY;
    let mut each = vec![0; days as usize];
    each[2] = received;
    bench.write(TrafficMeasured {
        opd: opd.parse().unwrap(),
        from: time(from).unwrap(),
        until: time(until).unwrap(),
        received,
        sent: received / 10,
        days: each,
        busiest: busiest.map(|(at, _)| time(at).unwrap()),
        busiest_bytes: busiest.map_or(0, |(_, bytes)| bytes),
        measured_seconds: served as u64,
    });
}

fn report(bench: &Bench, from: i64, to: i64) -> Answer<Bandwidth> {
    let site = "pusat-33.19".parse().unwrap();
    let log = Log::open(bench.store.clone(), &site, lock(&bench.pusat.record).key().clone()).unwrap();
    let sources = Sources { site, role: SiteRole::Pusat, store: &*bench.store, own: Extent::signed(&log), peer: None };
    let asked = Asked { from, to, number: "", regulation: Some("kaur-28-2023") };
    data(&sources, &asked, Zone::Jakarta)
}

#[test]
fn a_month_has_what_was_measured_of_each_office_beside_what_it_may_use() {
    let bench = Bench::new();
    for (opd, title) in [("disdik", "Dinas Pendidikan"), ("dinsos", "Dinas Sosial")] {
        bench.pusat.add_opd(opd, title, &bench.owner.verifier().fingerprint().to_string()).unwrap();
    }
    let zone = bench.pusat.in_force().policy.zone;
    let first = zone.month_end(now());
    let second = zone.month_end(first + DAY);
    let third = zone.month_end(second + DAY);
    wait(third + DAY - now());
    // By day each may use half of 100 Mbit/s, by night half of 500: 20 GB come in an hour, of 22.5 and of 112.5.
    let (noon, night) = (second + 5 * 3600 + 7 * 3600, second + 22 * 3600);
    measured(&bench, "dinkes", (first, second), 1000, None, second - first);
    measured(&bench, "dinkes", (second, third), 20_000_000_000, Some((noon, 20_000_000_000)), third - second);
    measured(&bench, "disdik", (second, third), 60_000_000_000, Some((night, 20_000_000_000)), third - second);
    measured(&bench, "dinsos", (second, third), 0, None, third - second - 3600);
    bench.pusat.checkpoint().unwrap();

    let its = report(&bench, second, third).unwrap();
    assert_eq!((its.received_bytes, its.sent_bytes, its.before_bytes), (80_000_000_000, 8_000_000_000, Some(1000)));
    assert_eq!(its.period_seconds, (third - second) as u64);
    assert_eq!(its.days.len() as i64, (third - second) / DAY);
    assert_eq!((its.days[2], its.days.iter().sum::<u64>()), (80_000_000_000, 80_000_000_000));
    let bands: Vec<(&str, u64)> = its.bands.iter().map(|its| (its.hours.as_str(), its.bits_per_second)).collect();
    assert_eq!(bands, [("07:00-17:00", 100_000_000), ("17:00-07:00", 500_000_000)]);
    let of = |opd: &str| its.opds.iter().find(|its| its.opd == opd).unwrap();
    let (health, schools, social) = (of("dinkes"), of("disdik"), of("dinsos"));
    assert_eq!(
        (health.name.as_str(), health.share_percent, health.before_bytes),
        ("Dinas Kesehatan", Some(25), Some(1000))
    );
    assert_eq!((health.limit_bits_per_second, schools.limit_bits_per_second), (Some(50_000_000), Some(250_000_000)));
    assert_eq!((social.limit_bits_per_second, social.share_percent, social.points), (None, Some(0), 0));
    let told: Vec<&str> = its.head.findings.iter().map(|Both { en, .. }| en.as_str()).collect();
    assert_eq!(
        told,
        [
            "dinkes used 88% of its limit in the busiest hour.",
            "1 office sent nothing: dinsos.",
            "Not measured for 1 hour: it was not served, or the site was new.",
        ]
    );
    // Kaur 21(3) and 21(4) ask for it.
    let asks: Vec<&str> = its.head.basis.iter().map(|its| its.at.as_str()).collect();
    assert!(asks.iter().any(|at| at.contains("21") && at.contains('3')), "{asks:?}");
    assert!(asks.iter().any(|at| at.contains("21") && at.contains('4')), "{asks:?}");

    // What was not measured is no month of nothing.
    let Err(refusal) = report(&bench, third, zone.month_end(third + DAY)) else { panic!("it was measured") };
    assert!(refusal.message.contains("nothing of that month was measured yet"));
}
