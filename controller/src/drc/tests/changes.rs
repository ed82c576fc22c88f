//! What weakens a DRC waits for a second person and thirty days; what strengthens it does not.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{
    ChangeApproved, ChangeProposed, ChangeRefused, HoldPlaced, HoldReleased, PolicyApplied, ReplicationResumed,
    UserAdded,
};
use pulih_ledger::entry::{Body, Entry, sign_act};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::Store as _;
use ring::rand::SystemRandom;

use super::super::lock;
use super::bench::{Two, drc_now};
use crate::gateway::answer::Answer;
use crate::policy::DEFAULT;
use crate::pusat::tests::bench::{DAY, VAULT, code, wait};
use crate::record::time;

pub struct Person(pub &'static str, pub SigningKey);

impl Person {
    pub fn verifier(&self) -> VerifierKey {
        self.1.verifier()
    }

    /// An act of this person, now.
    pub fn sign(&self, body: impl Into<Body>) -> Entry {
        let actor = Actor::Person { user: self.0.parse().unwrap(), key: self.1.verifier().fingerprint() };
        let entry = Entry::new("drc-33.19".parse().unwrap(), time(drc_now()).unwrap(), actor, body.into());
        sign_act(entry, &self.1).unwrap()
    }
}

pub fn person(two: &Two, id: &'static str) -> Person {
    person_as(two, id, id, &["admin"])
}

pub fn person_as(two: &Two, id: &'static str, name: &str, roles: &[&str]) -> Person {
    let key = SigningKey::generate("pulih-person", &SystemRandom::new()).unwrap();
    two.write(UserAdded {
        user: id.parse().unwrap(),
        name: name.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        opd: None,
        key: key.verifier(),
        decree: None,
        until: None,
    });
    Person(id, key)
}

pub fn act(two: &Two, by: &Person, body: impl Into<Body>, attachment: Option<&str>) -> Answer<()> {
    let site: pulih_ledger::ids::SiteId = "drc-33.19".parse().unwrap();
    let entry = by.sign(body).encode(&site).unwrap();
    two.drc.act(std::str::from_utf8(&entry).unwrap(), attachment)
}

/// The default policy with another version, changed.
fn text(version: u32, from: &str, to: &str) -> String {
    assert!(DEFAULT.contains(from));
    DEFAULT.replace("\nversion = 1\n", &format!("\nversion = {version}\n")).replace(from, to)
}

fn applied(version: u32, text: &str) -> PolicyApplied {
    PolicyApplied { policy: "kabupaten".into(), version: version.into(), object: ObjectHash::of(text.as_bytes()) }
}

fn proposed(id: &str, text: &str) -> ChangeProposed {
    ChangeProposed {
        proposal: id.parse().unwrap(),
        change: "policy".into(),
        object: Some(ObjectHash::of(text.as_bytes())),
        hold: None,
        from: None,
        vault: None,
        owner: None,
        text: "kept for less long".into(),
    }
}

fn approved(id: &str, from: i64) -> ChangeApproved {
    ChangeApproved { proposal: id.parse().unwrap(), not_before: time(from).unwrap() }
}

fn version(two: &Two) -> u32 {
    two.drc.in_force().policy.version
}

const WEAKER: (&str, &str) = ("yearly = \"10y\"", "yearly = \"2y\"");
const STRONGER: (&str, &str) = ("yearly = \"10y\"", "yearly = \"11y\"");

#[test]
fn a_weaker_policy_takes_a_second_person_and_thirty_days() {
    let mut two = Two::new();
    let (dewi, budi) = (person(&two, "dewi"), person(&two, "budi"));
    let weaker = text(2, WEAKER.0, WEAKER.1);
    assert_eq!(code(act(&two, &dewi, applied(2, &weaker), Some(&weaker))), Code::Forbidden);
    // Another text than the one that was signed, and one that weakens nothing, are no proposals.
    let stronger = text(2, STRONGER.0, STRONGER.1);
    assert_eq!(code(act(&two, &dewi, proposed("p-1", &weaker), Some(&stronger))), Code::BadRequest);
    assert_eq!(code(act(&two, &dewi, proposed("p-1", &stronger), Some(&stronger))), Code::BadRequest);
    act(&two, &dewi, proposed("p-1", &weaker), Some(&weaker)).unwrap();
    assert_eq!(code(act(&two, &dewi, approved("p-1", drc_now() + 30 * DAY), None)), Code::Forbidden, "her own");
    assert_eq!(code(act(&two, &budi, approved("p-1", drc_now() + 29 * DAY), None)), Code::BadRequest, "too soon");
    act(&two, &budi, approved("p-1", drc_now() + 30 * DAY), None).unwrap();
    wait(30 * DAY - 1);
    two.restart(true);
    two.drc.make_changes().unwrap();
    assert_eq!(version(&two), 1);
    wait(2);
    // At any command: when the site is opened.
    two.restart(false);
    assert_eq!(version(&two), 2);
    assert!(two.ledger().iter().any(|body| matches!(body, Body::ChangeMade(its) if its.proposal.as_str() == "p-1")));
    // Once.
    let entries = two.drc.entries();
    two.drc.make_changes().unwrap();
    assert_eq!(two.drc.entries(), entries);
}

#[test]
fn what_strengthens_takes_effect_at_once_and_ends_what_was_approved_before_it() {
    let two = Two::new();
    let (dewi, budi) = (person(&two, "dewi"), person(&two, "budi"));
    let weaker = text(5, WEAKER.0, WEAKER.1);
    act(&two, &dewi, proposed("p-1", &weaker), Some(&weaker)).unwrap();
    act(&two, &budi, approved("p-1", drc_now() + 30 * DAY), None).unwrap();
    wait(DAY);
    let stronger = text(2, STRONGER.0, STRONGER.1);
    act(&two, &dewi, applied(2, &stronger), Some(&stronger)).unwrap();
    assert_eq!(version(&two), 2);
    wait(31 * DAY);
    two.drc.make_changes().unwrap();
    assert_eq!(version(&two), 2);
    let ended = |body: &Body| matches!(body, Body::ChangeRefused(its) if its.reason.contains("another policy"));
    assert!(two.ledger().iter().any(ended));
}

#[test]
fn a_refused_proposal_never_takes_effect() {
    let two = Two::new();
    let (dewi, budi) = (person(&two, "dewi"), person(&two, "budi"));
    let weaker = text(2, WEAKER.0, WEAKER.1);
    act(&two, &dewi, proposed("p-1", &weaker), Some(&weaker)).unwrap();
    act(&two, &budi, approved("p-1", drc_now() + 30 * DAY), None).unwrap();
    let refused = || ChangeRefused { proposal: "p-1".parse().unwrap(), reason: "terlalu pendek".into() };
    act(&two, &dewi, refused(), None).unwrap();
    assert_eq!(code(act(&two, &dewi, refused(), None)), Code::NotFound);
    wait(40 * DAY);
    two.drc.make_changes().unwrap();
    assert_eq!(version(&two), 1);
}

#[test]
fn a_policy_of_the_pusat_data_is_proposed_and_not_followed() {
    let two = Two::new();
    let (dewi, theirs) = (person(&two, "dewi"), text(3, WEAKER.0, WEAKER.1));
    followed_there(&two, 3, &theirs);
    for _ in 0..3 {
        two.round().unwrap();
    }
    let all = lock(&two.drc.catalog).proposals().unwrap();
    assert_eq!((all.len(), version(&two), two.alarms("change-proposed")), (1, 1, 1));
    assert_eq!((all[0].from.as_deref(), all[0].proposer.as_deref()), (Some("pusat-33.19"), None));
    assert!(all[0].text.contains("kept for less long"), "{}", all[0].text);
    act(&two, &dewi, approved(&all[0].id, drc_now() + 30 * DAY), None).unwrap();
    wait(31 * DAY);
    two.drc.make_changes().unwrap();
    assert_eq!(version(&two), 3);
}

/// The Pusat Data follows this from now on.
fn followed_there(two: &Two, version: u32, theirs: &str) {
    let hash = ObjectHash::of(theirs.as_bytes());
    two.pusat.store.create(&format!("site/pusat-33.19/policies/{hash}").parse().unwrap(), theirs.as_bytes()).unwrap();
    two.pusat.write(applied(version, theirs));
}

#[test]
fn a_newer_policy_of_the_pusat_data_takes_the_place_of_an_open_one_and_of_no_approved_one() {
    let two = Two::new();
    let dewi = person(&two, "dewi");
    let proposals = || {
        let all = lock(&two.drc.catalog).proposals().unwrap();
        all.into_iter().map(|its| (its.text[..20].to_owned(), its.refused.is_some())).collect::<Vec<_>>()
    };
    let named = |version: u32, is_refused: bool| (format!("kabupaten version {version} "), is_refused);
    followed_there(&two, 3, &text(3, WEAKER.0, WEAKER.1));
    two.round().unwrap();
    followed_there(&two, 4, &text(4, WEAKER.0, WEAKER.1));
    wait(DAY - 1);
    two.round().unwrap();
    assert_eq!(proposals(), [named(3, false)], "one a day");
    wait(1);
    two.round().unwrap();
    assert_eq!(proposals(), [named(4, false), named(3, true)]);
    let newest = lock(&two.drc.catalog).proposals().unwrap().remove(0);
    act(&two, &dewi, approved(&newest.id, drc_now() + 30 * DAY), None).unwrap();
    // What people approved stays approved.
    followed_there(&two, 5, &text(5, WEAKER.0, WEAKER.1));
    wait(DAY);
    two.round().unwrap();
    assert_eq!(proposals(), [named(5, false), named(4, false), named(3, true)]);
    wait(29 * DAY);
    two.drc.make_changes().unwrap();
    assert_eq!(version(&two), 4);
}

#[test]
fn a_hold_is_released_by_two_people_after_thirty_days() {
    let two = Two::new();
    let (dewi, budi) = (person(&two, "dewi"), person(&two, "budi"));
    two.save(1);
    two.round().unwrap();
    let id = || "h-1".parse().unwrap();
    let placed =
        HoldPlaced { hold: id(), vault: VAULT, dataset: None, letter: "180/4".into(), reason: "perkara".into() };
    act(&two, &dewi, placed, None).unwrap();
    let release = |proposal: &str, hold: Option<&str>| ChangeProposed {
        change: "hold-release".into(),
        object: None,
        hold: hold.map(|hold| hold.parse().unwrap()),
        text: "selesai".into(),
        ..proposed(proposal, "")
    };
    for hold in [None, Some("h-2")] {
        assert_eq!(code(act(&two, &dewi, release("p-1", hold), None)), Code::NotFound);
    }
    assert_eq!(code(act(&two, &dewi, HoldReleased { hold: id(), reason: "selesai".into() }, None)), Code::Forbidden);
    act(&two, &dewi, release("p-1", Some("h-1")), None).unwrap();
    act(&two, &budi, approved("p-1", drc_now() + 30 * DAY), None).unwrap();
    let is_held = || lock(&two.drc.catalog).hold("h-1").unwrap().unwrap().released.is_none();
    wait(30 * DAY - 1);
    two.drc.make_changes().unwrap();
    assert!(is_held());
    wait(1);
    two.drc.make_changes().unwrap();
    assert!(!is_held());
    assert_eq!(code(act(&two, &dewi, release("p-2", Some("h-1")), None)), Code::NotFound);
}

#[test]
fn an_owner_key_that_is_strange_to_its_opd_waits_for_a_person() {
    let two = Two::new();
    let dewi = person(&two, "dewi");
    two.save(1);
    // Another vault of the same office is here, and another key speaks for it.
    two.pin_other("dinkes");
    two.round().unwrap();
    assert_eq!((two.points().len(), two.waiting(), two.alarms("change-proposed")), (0, 1, 1));
    assert_eq!(two.alarms("pull-refused"), 0);
    two.round().unwrap();
    let all = lock(&two.drc.catalog).proposals().unwrap();
    assert_eq!((all.len(), all[0].change.as_str()), (1, "owner-key"));
    act(&two, &dewi, approved(&all[0].id, drc_now()), None).unwrap();
    two.round().unwrap();
    assert_eq!((two.points().len(), two.waiting()), (1, 0));
}

#[test]
fn a_site_made_again_from_its_store_waits_for_a_person() {
    let mut two = Two::new();
    let dewi = person(&two, "dewi");
    two.save(1);
    two.round().unwrap();
    two.save(2);
    two.restart(true);
    two.round().unwrap();
    assert_eq!(two.points().len(), 1, "nothing is pulled");
    let said = two.drc.why_not_paired().unwrap();
    assert!(said.contains("resume"), "{said}");
    // A restart is no person.
    two.restart(false);
    two.round().unwrap();
    assert_eq!(two.points().len(), 1);
    act(&two, &dewi, ReplicationResumed { reason: "disk diganti".into() }, None).unwrap();
    two.round().unwrap();
    assert_eq!(two.points().len(), 2);
    let stops =
        two.ledger().iter().filter(|body| matches!(body, Body::ExpiryStopped(_) | Body::ReplicationStopped(_))).count();
    assert_eq!(stops, 2);
    assert_eq!(code(act(&two, &dewi, ReplicationResumed { reason: "lagi".into() }, None)), Code::NotFound);
}
