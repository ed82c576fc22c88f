use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    DrillAnnounced, DrillEnded, DrillPhases, DrillStarted, DrillStep, PlanApplied, RecipeApplied, VaultPinned,
};
use pulih_ledger::time::Time;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::note::Fingerprint;
use pulih_vault::utc;

use super::*;

const VAULT: VaultId = VaultId([7; 16]);
const DAY: i64 = 86_400;

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn time(seconds: i64) -> Time {
    id(&utc::rfc3339(seconds))
}

fn key(dataset: &str) -> Key {
    Key { vault: VAULT, dataset: id(dataset) }
}

fn dataset(name: &str) -> Subject {
    Subject::Dataset(key(name))
}

#[derive(Default)]
struct Told {
    tried: Tried,
    next: u64,
}

/// A drill of datasets `a` and `b`.
struct Its<'s> {
    kind: &'s str,
    schedule: Option<&'s str>,
    /// Whether `a` and `b` passed; fewer: the others have no step.
    passed: &'s [bool],
    outcome: &'s str,
}

const RESTORE: Its =
    Its { kind: "restore", schedule: Some("publik/restore"), passed: &[true, true], outcome: "passed" };

impl Told {
    fn say(&mut self, at: i64, body: impl Into<Body>) {
        self.tried.take(self.next, b"bytes", &time(at), &Actor::Site, &body.into());
        self.next += 1;
    }

    fn drill(&mut self, at: i64, its: &Its) {
        let drill = || id(&format!("d-{at}"));
        let plan = (its.kind == "plan").then(|| "kabupaten".to_owned());
        let recipes = (its.kind == "application").then(|| vec![format!("simrs/1/{}", ObjectHash([1; 32]))]);
        let manifest = format!("0000000001-{}", ObjectHash([1; 32]));
        self.say(
            at,
            DrillAnnounced {
                drill: drill(),
                kind: its.kind.into(),
                class: None,
                schedule: its.schedule.map(str::to_owned),
                occurrence: None,
                due: None,
                points: ["a", "b"].map(|dataset| format!("{VAULT}/{dataset}/{manifest}")).into(),
                plan,
                plan_version: None,
                recipes,
                sample_percent: None,
                scratch_bytes: 0,
                policy: ObjectHash([1; 32]),
                until: time(at + DAY),
                auditor: None,
            },
        );
        self.say(at, DrillStarted { drill: drill(), size: None, cosigner: None, cosignature: None });
        for (name, passed) in ["a", "b"].into_iter().zip(its.passed) {
            let what = if its.kind == "verify" { "verify" } else { "restore" };
            self.step(at, what, Some(name), *passed);
        }
        if its.kind == "application" {
            self.step(at, "application simrs", None, its.outcome == "passed");
        }
        self.say(
            at,
            DrillEnded {
                drill: drill(),
                outcome: its.outcome.into(),
                milliseconds: 1,
                steps: 1,
                log: ObjectHash([1; 32]),
                leftovers: 0,
                text: String::new(),
            },
        );
    }

    fn step(&mut self, at: i64, what: &str, dataset: Option<&str>, passed: bool) {
        self.say(
            at,
            DrillStep {
                drill: id(&format!("d-{at}")),
                step: 1,
                what: what.into(),
                vault: dataset.map(|_| VAULT),
                dataset: dataset.map(id),
                manifest: None,
                outcome: if passed { "passed" } else { "failed" }.into(),
                began: time(at),
                milliseconds: 1,
                phases: DrillPhases::default(),
                files: 1,
                bytes: 1,
                total_files: 1,
                total_bytes: 1,
                text: String::new(),
            },
        );
    }

    fn state(&self, subject: &Subject, now: i64) -> State {
        self.tried.state(subject, None, now, |_| false).state
    }
}

#[test]
fn each_dataset_is_what_its_own_newest_drill_says() {
    let mut told = Told::default();
    assert_eq!(told.state(&dataset("a"), 0), State::NeverTested);
    // To hold bytes against their names shows nothing of bringing them back.
    told.drill(1, &Its { kind: "verify", ..RESTORE });
    let standing = told.tried.state(&dataset("a"), None, 2, |_| false);
    assert_eq!((standing.state, standing.bytes_checked), (State::NeverTested, Some(1)));
    // What was not tried says nothing either.
    for outcome in ["skipped", "missed"] {
        told.drill(if outcome == "missed" { 2 } else { 3 }, &Its { passed: &[], outcome, ..RESTORE });
        assert_eq!(told.state(&dataset("a"), 4), State::NeverTested);
    }
    told.drill(5, &Its { passed: &[true, false], outcome: "failed", ..RESTORE });
    assert_eq!((told.state(&dataset("a"), 6), told.state(&dataset("b"), 6)), (State::Verified, State::Failed));
    assert_eq!(told.state(&dataset("c"), 6), State::NeverTested);
    told.drill(7, &RESTORE);
    assert_eq!(told.state(&dataset("b"), 8), State::Verified);
    // Broken off after the first one.
    told.drill(9, &Its { passed: &[true], outcome: "aborted", ..RESTORE });
    assert_eq!((told.state(&dataset("a"), 10), told.state(&dataset("b"), 10)), (State::Verified, State::Failed));
}

#[test]
fn what_is_another_than_was_drilled_needs_verification() {
    let pinned = |class: &str| VaultPinned {
        vault: VAULT,
        opd: id("dinkes"),
        agent: id("app-1"),
        class: class.into(),
        owner: id::<Fingerprint>(&format!("SHA256:{}", "A".repeat(43))),
    };
    let plan = |version, object| PlanApplied { plan: "kabupaten".into(), version, object: ObjectHash([object; 32]) };
    let mut told = Told::default();
    told.say(0, pinned("publik"));
    told.say(0, plan(1, 1));
    told.drill(1, &Its { kind: "plan", ..RESTORE });
    let of_plan = Subject::Plan("kabupaten".into());
    assert_eq!((told.state(&of_plan, 2), told.state(&dataset("a"), 2)), (State::Verified, State::Verified));
    // The same text again changes nothing.
    told.say(2, plan(2, 1));
    told.say(2, pinned("publik"));
    assert_eq!((told.state(&of_plan, 2), told.state(&dataset("a"), 2)), (State::Verified, State::Verified));
    told.say(2, plan(3, 2));
    assert_eq!((told.state(&of_plan, 2), told.state(&dataset("a"), 2)), (State::NeedsVerification, State::Verified));
    told.say(3, pinned("strategis"));
    assert_eq!(told.state(&dataset("a"), 3), State::NeedsVerification);
    told.drill(4, &Its { kind: "plan", ..RESTORE });
    assert_eq!((told.state(&of_plan, 5), told.state(&dataset("a"), 5)), (State::Verified, State::Verified));
    // Only the store knows whom a vault is sealed to.
    assert_eq!(told.tried.state(&dataset("a"), None, 5, |drill| drill.at == 4).state, State::NeedsVerification);
    // A plan takes a drill of a plan.
    let mut told = Told::default();
    told.say(0, plan(1, 1));
    told.drill(1, &RESTORE);
    assert_eq!(told.state(&of_plan, 2), State::NeverTested);
}

#[test]
fn a_recipe_is_what_its_own_step_says_and_another_one_needs_verification() {
    let mut told = Told::default();
    let recipe = Subject::Recipe("simrs".into());
    let applied = |version, object| RecipeApplied { recipe: "simrs".into(), version, object: ObjectHash([object; 32]) };
    told.say(0, applied(1, 1));
    told.drill(1, &RESTORE);
    assert_eq!(told.state(&recipe, 2), State::NeverTested);
    told.drill(2, &Its { kind: "application", outcome: "failed", ..RESTORE });
    assert_eq!((told.state(&recipe, 3), told.state(&dataset("a"), 3)), (State::Failed, State::Verified));
    told.drill(3, &Its { kind: "application", ..RESTORE });
    assert_eq!(told.state(&recipe, 4), State::Verified);
    told.say(5, applied(2, 2));
    assert_eq!(told.state(&recipe, 5), State::NeedsVerification);
}

#[test]
fn what_nobody_tried_in_its_window_or_for_two_gaps_is_overdue() {
    let schedule =
        |past: Option<i64>| Schedule { name: "publik/restore".into(), past, longest_gap_seconds: 7 * DAY as u64 };
    let mut told = Told::default();
    told.drill(DAY, &RESTORE);
    let state = |told: &Told, past: Option<i64>, now: i64| {
        told.tried.state(&dataset("a"), Some(&schedule(past)), now, |_| false).state
    };
    assert_eq!(state(&told, Some(DAY), 2 * DAY), State::Verified);
    assert_eq!(state(&told, None, 15 * DAY), State::Verified);
    assert_eq!(state(&told, None, 15 * DAY + 1), State::Overdue);
    assert_eq!(state(&told, Some(8 * DAY), 9 * DAY), State::Overdue);
    // The next occurrence took others, as a schedule does that tries some at a time.
    let others = Its { passed: &[], outcome: "passed", ..RESTORE };
    told.say(
        8 * DAY,
        DrillAnnounced {
            drill: id("d-others"),
            points: vec![],
            until: time(9 * DAY),
            ..told.tried.drills()[0].announced.clone()
        },
    );
    assert_eq!(state(&told, Some(8 * DAY), 9 * DAY), State::Overdue, "it has not ended");
    told.say(
        8 * DAY,
        DrillEnded {
            drill: id("d-others"),
            outcome: others.outcome.into(),
            milliseconds: 1,
            steps: 0,
            log: ObjectHash([1; 32]),
            leftovers: 0,
            text: String::new(),
        },
    );
    assert_eq!(state(&told, Some(8 * DAY), 9 * DAY), State::Verified);
    // Without a line that asks for it nothing is overdue.
    assert_eq!(told.state(&dataset("a"), 1000 * DAY), State::Verified);
    told.drill(16 * DAY, &Its { passed: &[false, true], outcome: "failed", ..RESTORE });
    assert_eq!(state(&told, None, 100 * DAY), State::Failed);
}
