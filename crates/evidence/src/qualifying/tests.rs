use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::entry::kinds::{PlanApplied, UserAdded, WitnessAdded};
use pulih_ledger::time::Time;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::SigningKey;

use super::*;

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn at(text: &str) -> i64 {
    utc::parse(text).unwrap()
}

fn time(seconds: i64) -> Time {
    id(&utc::rfc3339(seconds))
}

fn key() -> VerifierKey {
    SigningKey::generate("pulih-person", &ring::rand::SystemRandom::new()).unwrap().verifier()
}

fn auditor(key: &VerifierKey) -> DrillAuditor {
    DrillAuditor {
        user: id("aud-1"),
        name: "Rini Wulandari".into(),
        institution: "Inspektorat".into(),
        mandate: "700/12".into(),
        key: key.clone(),
        operator: Some("Diskominfo".into()),
        provider: Some("PT Awan".into()),
    }
}

fn added(user: &str, roles: &[&str], key: &VerifierKey) -> Body {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let (key, name) = (key.clone(), user.into());
    UserAdded { user: id(user), name, roles, opd: None, key, decree: None, until: None }.into()
}

fn by(user: &str, key: &VerifierKey) -> Actor {
    Actor::Person { user: id(user), key: key.fingerprint() }
}

fn act() -> Body {
    PlanApplied { plan: "kabupaten".into(), version: 1, object: ObjectHash([1; 32]) }.into()
}

const NOW: &str = "2027-03-01T00:00:00Z";

/// A ledger that has added the auditor with that role alone.
fn people(key: &VerifierKey) -> People {
    let mut people = People::default();
    people.take(at("2027-01-01T00:00:00Z"), &Actor::Site, Some(&added("aud-1", &["auditor"], key)));
    people
}

fn found(its: &DrillAuditor, own: &People) -> Vec<Operates> {
    operates(its, at(NOW), own, None, &BTreeSet::new())
}

#[test]
fn who_operates_nothing_may_test() {
    let key = key();
    let (its, own) = (auditor(&key), people(&key));
    assert_eq!(found(&its, &own), []);
    let named = quoted("[person.siti]\nname = \"Siti Rahayu, Diskominfo\"\nuser = 'siti'\n");
    assert_eq!(operates(&its, at(NOW), &own, Some(&People::default()), &named), []);
}

#[test]
fn the_site_has_to_know_the_person_and_the_key() {
    let (key, other) = (key(), key());
    assert_eq!(found(&auditor(&key), &People::default()), [Operates::Unknown(id("aud-1"))]);
    assert_eq!(found(&auditor(&other), &people(&key)), [Operates::NotTheirKey]);
    // Who is added only afterwards was not known then.
    let mut late = People::default();
    late.take(at(NOW) + 1, &Actor::Site, Some(&added("aud-1", &["auditor"], &key)));
    assert_eq!(found(&auditor(&key), &late), [Operates::Unknown(id("aud-1"))]);
}

#[test]
fn a_role_beside_auditor_counts_for_24_months_after_it_ended() {
    let key = key();
    for (began, ended, counts) in [
        ("2020-01-01T00:00:00Z", "2025-02-28T23:59:59Z", false),
        ("2020-01-01T00:00:00Z", "2025-03-01T00:00:00Z", false),
        ("2020-01-01T00:00:00Z", "2025-03-01T00:00:01Z", true),
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", true),
    ] {
        let mut own = People::default();
        own.take(at(began), &Actor::Site, Some(&added("aud-1", &["auditor", "operator"], &key)));
        own.take(at(ended), &Actor::Site, Some(&added("aud-1", &["auditor"], &key)));
        let expected = if counts { vec![Operates::OtherRole("operator".into())] } else { vec![] };
        assert_eq!(found(&auditor(&key), &own), expected, "{ended}");
        // The other site's word counts as much.
        let by_peer = operates(&auditor(&key), at(NOW), &people(&key), Some(&own), &BTreeSet::new());
        assert_eq!(by_peer, expected);
    }
}

#[test]
fn a_key_belongs_to_one_person() {
    let key = key();
    let watched = WitnessAdded {
        witness: id("inspektorat"),
        name: "inspektorat".into(),
        institution: "Inspektorat".into(),
        key: CosignerKey::of(key.clone()),
    };
    let mut own = people(&key);
    own.take(at("2027-02-01T00:00:00Z"), &Actor::Site, Some(&added("siti", &["admin"], &key)));
    own.take(at("2027-02-01T00:00:00Z"), &Actor::Site, Some(&watched.into()));
    let expected = [Operates::OthersKey(id("siti")), Operates::WitnessKey("inspektorat".into())];
    assert_eq!(found(&auditor(&key), &own), expected);
}

#[test]
fn who_acted_within_24_months_by_name_or_key_operates() {
    let (key, other) = (key(), key());
    for (when, user, with, counts) in [
        ("2025-02-28T23:59:59Z", "aud-1", &other, false),
        ("2025-03-01T00:00:00Z", "aud-1", &other, true),
        ("2027-02-28T00:00:00Z", "rini", &key, true),
        ("2027-02-28T00:00:00Z", "siti", &other, false),
        ("2027-03-01T00:00:01Z", "aud-1", &key, false),
    ] {
        let mut peer = People::default();
        peer.take(at(when), &by(user, with), Some(&act()));
        let found = operates(&auditor(&key), at(NOW), &people(&key), Some(&peer), &BTreeSet::new());
        let expected = if counts { vec![Operates::Acted(at(when))] } else { vec![] };
        assert_eq!(found, expected, "{when} {user}");
    }
    // To open and to attest is what an auditor does; an act that cannot be read is one.
    let mut own = people(&key);
    let opened = DrillOpened { drill: id("d-1"), announcement: Sha256([1; 32]) };
    own.take(at("2027-02-01T00:00:00Z"), &by("aud-1", &key), Some(&opened.into()));
    assert_eq!(found(&auditor(&key), &own), []);
    own.take(at("2027-02-01T00:00:00Z"), &by("aud-1", &key), None);
    assert_eq!(found(&auditor(&key), &own).len(), 1);
}

#[test]
fn neither_the_plans_people_nor_who_runs_or_houses_the_site() {
    let key = key();
    let own = people(&key);
    for text in ["user = \"aud-1\"", "name = \"RINI  wulandari, Inspektorat\"", "name='Rini Wulandari'"] {
        let found = operates(&auditor(&key), at(NOW), &own, None, &quoted(text));
        assert!(matches!(found[..], [Operates::InPlan(_)]), "{text}: {found:?}");
    }
    for institution in ["DISKOMINFO", " pt  awan "] {
        let its = DrillAuditor { institution: institution.into(), ..auditor(&key) };
        assert_eq!(found(&its, &own), [Operates::Institution(institution.into())]);
    }
}

#[test]
fn months_are_the_calendars() {
    assert_eq!(counts_until(at("2027-03-02T09:40:00Z")), at("2029-03-02T09:40:00Z"));
    assert_eq!(counts_until(at("2028-02-29T01:00:00Z")), at("2030-02-28T01:00:00Z"));
}

fn announced(its: DrillAuditor, kind: &str) -> DrillAnnounced {
    DrillAnnounced {
        drill: id("d-1"),
        kind: kind.into(),
        class: None,
        schedule: None,
        occurrence: None,
        due: None,
        points: vec![],
        plan: Some("kabupaten".into()),
        plan_version: Some(1),
        recipes: None,
        sample_percent: None,
        scratch_bytes: 0,
        policy: ObjectHash([1; 32]),
        until: time(at(NOW)),
        auditor: Some(its),
    }
}

#[test]
fn it_qualifies_if_all_three_are_there_in_order_by_the_auditors_own_key() {
    let (with, other) = (key(), key());
    let announced_of = |kind| announced(auditor(&with), kind);
    let (announced, entry, end) = (announced_of("plan"), Sha256([1; 32]), at(NOW));
    let opened = DrillOpened { drill: id("d-1"), announcement: entry };
    let ended = DrillEnded {
        drill: id("d-1"),
        outcome: "failed".into(),
        milliseconds: 1,
        steps: 1,
        log: ObjectHash([1; 32]),
        leftovers: 0,
        text: String::new(),
    };
    let attested = DrillAttested {
        drill: id("d-1"),
        ended: Sha256([2; 32]),
        opinion: "met-with-findings".into(),
        findings: vec![],
        document_sha256: None,
    };
    let (its, not_its) = (by("aud-1", &with), by("aud-1", &other));
    let good = Course {
        announced: &announced,
        announcement: entry,
        opened: Some((&opened, &its, true)),
        ended: Some((&ended, end, Sha256([2; 32]))),
        attested: Some((&attested, &its, end + ATTEST_SECONDS)),
        times: [Some(end - 20), Some(end - 10), Some(end - 5)],
    };
    assert_eq!(wrong(&good), Vec::<String>::new());
    let slow = Course { times: [Some(end - 20), Some(end - 20 - SLACK_SECONDS), Some(end)], ..good };
    assert_eq!(wrong(&slow), Vec::<String>::new());
    let aborted = DrillEnded { outcome: "aborted".into(), ..ended.clone() };
    let not_met = DrillAttested { opinion: "not-met".into(), ..attested.clone() };
    let restore = announced_of("restore");
    for bad in [
        Course { announced: &restore, ..good },
        Course { announcement: Sha256([9; 32]), ..good },
        Course { opened: None, ..good },
        Course { opened: Some((&opened, &not_its, true)), ..good },
        Course { opened: Some((&opened, &its, false)), ..good },
        Course { ended: None, attested: None, ..good },
        Course { ended: Some((&aborted, end, Sha256([2; 32]))), ..good },
        Course { ended: Some((&ended, end, Sha256([3; 32]))), ..good },
        Course { attested: None, ..good },
        Course { attested: Some((&attested, &not_its, end)), ..good },
        Course { attested: Some((&attested, &its, end + ATTEST_SECONDS + 1)), ..good },
        Course { attested: Some((&attested, &its, end - 1)), ..good },
        Course { attested: Some((&not_met, &its, end)), ..good },
        // By clocks that are not a day off.
        Course { times: [Some(end + SLACK_SECONDS + 1), None, None], ..good },
        Course { times: [Some(end - 20), Some(end - 21 - SLACK_SECONDS), Some(end - 5)], ..good },
    ] {
        assert_eq!(wrong(&bad).len(), 1, "{bad:?}");
    }
}
