//! What is held, suspected and asked to be deleted; and a clock that cannot be believed.

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    DeletionApproved, DeletionAsked, ExpiryResumed, HoldPlaced, HoldReleased, SuspicionEnded, SuspicionRaised,
};
use pulih_protocol::error::Code;

use super::super::lock;
use super::bench::{Bench, DAY, VAULT, code, now, wait};
use crate::catalog::User;
use crate::gateway::answer::Answer;
use crate::record::time;
use crate::site::SiteRole;

fn person(id: &str, role: &str) -> User {
    User { id: id.into(), name: id.into(), roles: vec![role.into()], opd: None, at: 0, decree: None, until: None }
}

fn check(bench: &Bench, role: SiteRole, person: &User, body: impl Into<Body>) -> Answer<()> {
    let taken = crate::keeping::check(&lock(&bench.pusat.catalog), role, person, &body.into())?;
    assert!(taken);
    Ok(())
}

fn saved(snapshots: u64) -> Bench {
    let bench = Bench::new();
    bench.enroll(false);
    let description = bench.init();
    bench.approve("letters");
    for sequence in 1..=snapshots {
        bench.save(description, "letters", sequence);
        wait(DAY);
    }
    bench
}

fn hold(id: &str) -> HoldPlaced {
    let (dataset, letter) = (Some("letters".parse().unwrap()), "180/4".into());
    HoldPlaced { hold: id.parse().unwrap(), vault: VAULT, dataset, letter, reason: "perkara".into() }
}

pub fn suspicion(id: &str, since: i64) -> SuspicionRaised {
    SuspicionRaised {
        suspicion: id.parse().unwrap(),
        vault: VAULT,
        dataset: "letters".parse().unwrap(),
        since: time(since).unwrap(),
        measure: "uji".into(),
        text: "uji".into(),
    }
}

#[test]
fn a_hold_is_an_admins_and_a_drc_releases_none() {
    let mut bench = saved(1);
    let (admin, operator) = (person("siti", "admin"), person("budi", "operator"));
    let pusat = SiteRole::Pusat;
    assert_eq!(code(check(&bench, pusat, &operator, hold("h-1"))), Code::Forbidden);
    check(&bench, pusat, &admin, hold("h-1")).unwrap();
    bench.write(hold("h-1"));
    assert_eq!(code(check(&bench, pusat, &admin, hold("h-1"))), Code::AlreadyExists);
    let release = || HoldReleased { hold: "h-1".parse().unwrap(), reason: "selesai".into() };
    let said = check(&bench, SiteRole::Drc, &admin, release()).unwrap_err();
    assert!(said.code == Code::Forbidden && said.message.contains("30 days"), "{}", said.message);
    check(&bench, pusat, &admin, release()).unwrap();
    let held = |bench: &Bench| lock(&bench.pusat.catalog).holds_on(&VAULT.to_string()).unwrap();
    assert!(held(&bench)[0].covers(&VAULT.to_string(), "letters") && !held(&bench)[0].covers("other", "letters"));
    bench.restart(true).unwrap();
    assert_eq!(held(&bench).len(), 1);
    bench.write(release());
    assert!(held(&bench).is_empty());
    assert_eq!(code(check(&bench, pusat, &admin, release())), Code::NotFound);
}

#[test]
fn the_newest_point_before_suspicion_is_found_until_a_person_ends_it() {
    let bench = saved(4);
    let newest = |bench: &Bench| {
        let catalog = lock(&bench.pusat.catalog);
        let point = catalog.newest_before_suspicion(&VAULT.to_string(), "letters").unwrap();
        point.map(|point| point.snapshot[..10].trim_start_matches('0').to_owned())
    };
    assert_eq!(newest(&bench).as_deref(), Some("4"));
    // Accepted four, three, two and one days ago.
    bench.write(suspicion("s-1", now() - DAY));
    assert_eq!(newest(&bench).as_deref(), Some("3"), "one that was accepted in that moment is suspected");
    bench.write(suspicion("s-2", now() - 3 * DAY));
    assert_eq!(newest(&bench).as_deref(), Some("1"));
    bench.write(suspicion("s-3", 0));
    assert_eq!(newest(&bench), None);
    let operator = person("budi", "operator");
    for (id, left) in [("s-3", "1"), ("s-2", "3"), ("s-1", "4")] {
        let ended = || SuspicionEnded { suspicion: id.parse().unwrap(), reason: "diperiksa".into() };
        check(&bench, SiteRole::Drc, &operator, ended()).unwrap();
        assert_eq!(code(check(&bench, SiteRole::Pusat, &person("ani", "auditor"), ended())), Code::Forbidden);
        bench.write(ended());
        assert_eq!(code(check(&bench, SiteRole::Pusat, &operator, ended())), Code::NotFound);
        assert_eq!(newest(&bench).as_deref(), Some(left));
    }
}

#[test]
fn a_deletion_takes_two_people_and_passes_over_no_hold_and_no_suspicion() {
    let bench = saved(2);
    let (budi, siti) = (person("budi", "operator"), person("siti", "admin"));
    let name = bench.points("letters")[1].snapshot.clone();
    let asked = |manifests: Vec<String>| DeletionAsked {
        deletion: "d-1".parse().unwrap(),
        vault: VAULT,
        dataset: "letters".parse().unwrap(),
        manifests,
        reason: "salah simpan".into(),
    };
    let approved = || DeletionApproved { deletion: "d-1".parse().unwrap() };
    let pusat = SiteRole::Pusat;
    assert_eq!(code(check(&bench, pusat, &budi, asked(vec!["0000000009-ab".into()]))), Code::NotFound);
    assert_eq!(code(check(&bench, pusat, &budi, asked(vec![]))), Code::BadRequest);
    check(&bench, pusat, &budi, asked(vec![name.clone()])).unwrap();
    assert_eq!(code(check(&bench, pusat, &siti, approved())), Code::NotFound);
    bench.write_as("budi", asked(vec![name.clone()]));
    assert_eq!(code(check(&bench, pusat, &budi, approved())), Code::Forbidden, "who asked");
    check(&bench, pusat, &siti, approved()).unwrap();
    bench.write(hold("h-1"));
    assert_eq!(code(check(&bench, pusat, &siti, approved())), Code::Refused, "held");
    bench.write(HoldReleased { hold: "h-1".parse().unwrap(), reason: "selesai".into() });
    bench.write(suspicion("s-1", now()));
    assert_eq!(code(check(&bench, pusat, &siti, approved())), Code::Refused, "suspected");
}

#[test]
fn a_clock_that_jumped_stops_expiry_until_a_person_has_looked() {
    let mut bench = saved(1);
    let stopped = |bench: &Bench| lock(&bench.pusat.catalog).stopped().unwrap();
    assert_eq!(stopped(&bench), None);
    let admin = person("siti", "admin");
    let resumed = || ExpiryResumed { reason: "jam sudah benar".into() };
    assert_eq!(code(check(&bench, SiteRole::Pusat, &admin, resumed())), Code::BadRequest);
    for jump in [3650 * DAY, -3650 * DAY] {
        wait(jump);
        bench.approve("letters");
        let said = stopped(&bench).unwrap();
        assert!(!said.said && said.at == now(), "{said:?}");
        bench.restart(true).unwrap();
        assert_eq!(stopped(&bench), Some(said), "the same from the ledger alone");
        check(&bench, SiteRole::Pusat, &admin, resumed()).unwrap();
        bench.write_as("siti", resumed());
        assert_eq!(stopped(&bench), None);
    }
    // What a person dated says nothing of the site's clock.
    wait(40 * DAY);
    bench.write_as("siti", resumed());
    assert_eq!(stopped(&bench), None);
}
