//! Facts that take months or years to change, by a clock that is moved by hand.

use pulih_ledger::Log;
use pulih_ledger::entry::kinds::{CopyMade, CopyVerified, OpdDescribed, ReportIssued};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::Sha256;
use pulih_policies::{Period, Tier, Zone};
use pulih_vault::id::ObjectHash;
use serde_json::Value;

use super::super::lock;
use super::bench::{Bench, DAY, now, wait};
use crate::comply::facts::Known;
use crate::evidence::read::{Extent, Sources};
use crate::record::time;

fn facts(bench: &Bench) -> Value {
    let key = lock(&bench.pusat.record).key().clone();
    let site = bench.pusat.id().unwrap();
    let log = Log::open(bench.store.clone(), &site, key).unwrap();
    let own = Extent::whole(&log);
    let sources = Sources { site, role: bench.pusat.site.role, store: &*bench.store, own, peer: None };
    Known::of(&sources, now()).unwrap().facts.document().clone()
}

fn issued(report: &str, from: i64, to: i64) -> ReportIssued {
    ReportIssued {
        report: report.into(),
        from: time(from).unwrap(),
        to: time(to).unwrap(),
        size: 1,
        root: Hash([7; 32]),
        data_sha256: Sha256([1; 32]),
        pdf_sha256: Sha256([2; 32]),
        language: "id".into(),
    }
}

#[test]
fn months_that_were_evaluated_are_those_that_a_report_is_about() {
    let bench = Bench::new();
    let months = |bench: &Bench| facts(bench)["bandwidth"]["months"].clone();
    let begin = |zone, at| Period::containing(Tier::Month, zone, at).begins;
    let month = |back: usize| {
        let last = begin(Zone::Jakarta, now());
        let mut begins = std::iter::successors(Some(last), |until| Some(begin(Zone::Jakarta, until - 1)));
        let to = begins.nth(back).unwrap();
        (begins.next().unwrap(), to)
    };
    assert_eq!(months(&bench), Value::Null);
    // A report of another kind, of less than a month, of two months, of the month that goes on.
    bench.write(issued("coverage", month(0).0, month(0).1));
    bench.write(issued("bandwidth", month(0).0 + DAY, month(0).1));
    bench.write(issued("bandwidth", month(1).0, month(0).1));
    bench.write(issued("bandwidth", month(0).1, now()));
    assert_eq!(months(&bench), Value::Null);
    // One month, again, and of a policy in the east.
    for _ in 0..2 {
        bench.write(issued("bandwidth", month(0).0, month(0).1));
    }
    bench.write(issued("bandwidth", month(0).0 - 3600, month(0).1 - 3600));
    assert_eq!(months(&bench), 1);
    for back in [1, 11, 12] {
        bench.write(issued("bandwidth", month(back).0, month(back).1));
    }
    assert_eq!(months(&bench), 3, "the thirteenth counts no more");
    wait(35 * DAY);
    assert_eq!(months(&bench), 2, "and now the twelfth");
}

#[test]
fn a_copy_counts_from_when_it_was_made_and_an_office_by_the_newest_word() {
    let bench = Bench::new();
    let made = |number| CopyMade {
        medium: "disk".into(),
        receipt: ObjectHash([number; 32]),
        snapshots: 1,
        objects: 2,
        bytes: 3,
    };
    let verified = |number| CopyVerified {
        medium: "disk".into(),
        receipt: ObjectHash([number; 32]),
        snapshots: 1,
        objects: 2,
        bytes: 3,
    };
    let days = |bench: &Bench| facts(bench)["exports"]["verified_days"].clone();
    // Of a receipt that nobody made here nothing follows.
    bench.write(verified(9));
    bench.write(made(1));
    wait(10 * DAY);
    bench.write(made(2));
    assert_eq!(days(&bench), Value::Null);
    bench.write(verified(1));
    assert_eq!(days(&bench), 10);
    bench.write(verified(2));
    wait(DAY);
    bench.write(verified(1));
    assert_eq!(days(&bench), 1);

    let own_centre = |own_centre| OpdDescribed {
        opd: "dinkes".parse().unwrap(),
        own_centre,
        by: "Kepala Dinas".into(),
        letter: "1".into(),
    };
    for said in [true, false] {
        wait(1);
        bench.write(own_centre(said));
        assert_eq!(facts(&bench)["opds"][0]["own_centre"], said);
    }
}
