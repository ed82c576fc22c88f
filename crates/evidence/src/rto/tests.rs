use proptest::prelude::*;
use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    DrillAnnounced, DrillEnded, DrillStep, Phases, RecoveryBegun, RecoveryEnded, RecoveryStep,
};
use pulih_ledger::time::Time;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::utc;

use super::*;

const VAULT: VaultId = VaultId([7; 16]);

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn time(seconds: i64) -> Time {
    id(&utc::rfc3339(seconds))
}

fn key(dataset: &str) -> Key {
    Key { vault: VAULT, dataset: id(dataset) }
}

struct Told {
    tried: Tried,
    next: u64,
}

impl Told {
    fn new() -> Self {
        Self { tried: Tried::default(), next: 0 }
    }

    /// An entry each second.
    fn say(&mut self, body: impl Into<Body>) {
        self.tried.take(self.next, b"bytes", &time(self.next as i64), &Actor::Site, &body.into());
        self.next += 1;
    }

    fn announce(&mut self, drill: &str, kind: &str, plan: Option<&str>) {
        self.say(DrillAnnounced {
            drill: id(drill),
            kind: kind.into(),
            class: None,
            schedule: None,
            occurrence: None,
            due: None,
            points: vec![],
            plan: plan.map(str::to_owned),
            plan_version: None,
            recipes: None,
            sample_percent: None,
            scratch_bytes: 0,
            policy: ObjectHash([1; 32]),
            until: time(1 << 30),
            auditor: None,
        });
    }

    fn step(
        &mut self,
        drill: &str,
        what: &str,
        dataset: &str,
        milliseconds: u64,
        files: (u64, u64),
        bytes: (u64, u64),
    ) {
        self.say(DrillStep {
            drill: id(drill),
            step: 1,
            what: what.into(),
            vault: Some(VAULT),
            dataset: Some(id(dataset)),
            manifest: None,
            outcome: "passed".into(),
            began: time(0),
            milliseconds,
            phases: DrillPhases { approve: 10, fetch: 20, decrypt: 30, write: 40, verify: 50, check: 5 },
            files: files.0,
            bytes: bytes.0,
            total_files: files.1,
            total_bytes: bytes.1,
            text: String::new(),
        });
    }

    fn end(&mut self, drill: &str, outcome: &str, milliseconds: u64) {
        self.say(DrillEnded {
            drill: id(drill),
            outcome: outcome.into(),
            milliseconds,
            steps: 1,
            log: ObjectHash([1; 32]),
            leftovers: 0,
            text: String::new(),
        });
    }

    fn recover(&mut self, id_: &str, plan: Option<&str>, server: Option<&str>) {
        self.say(RecoveryBegun {
            recovery: id(id_),
            disaster: None,
            plan: plan.map(str::to_owned),
            target: "/srv".into(),
            reason: None,
            server: server.map(id),
            points: vec![],
        });
    }

    fn recovered(&mut self, id_: &str, dataset: &str, milliseconds: u64, server: Option<&str>) {
        self.say(RecoveryStep {
            recovery: id(id_),
            step: 1,
            what: "restore".into(),
            vault: Some(VAULT),
            dataset: Some(id(dataset)),
            manifest: None,
            outcome: "done".into(),
            began: time(0),
            milliseconds,
            files: 1,
            bytes: 100,
            text: String::new(),
            phases: Some(Phases { approve: 1, fetch: 2, decrypt: None, write: 3, verify: 4, check: None }),
            server: server.map(id),
        });
    }

    fn figures(&self, dataset: &str) -> Figures {
        of_dataset(&self.tried, &key(dataset), 0, i64::MAX)
    }
}

#[test]
fn the_newest_of_all_files_is_measured_and_a_newer_sample_is_a_forecast() {
    let mut told = Told::new();
    assert_eq!(told.figures("surat"), Figures::default());
    told.announce("d-1", "restore", None);
    told.step("d-1", "restore", "surat", 1015, (10, 10), (1000, 1000));
    told.step("d-1", "verify", "surat", 1, (10, 10), (1000, 1000));
    let its = told.figures("surat");
    assert_eq!((its.milliseconds(), its.tries), (Some((1015, false)), 1));
    assert_eq!(its.phases.unwrap().write, 40);
    // 1000 ms besides 15 that do not grow; three times the bytes, four times the files.
    told.announce("d-2", "restore", None);
    told.step("d-2", "restore", "surat", 1015, (3, 12), (1000, 3000));
    let its = told.figures("surat");
    assert_eq!(its.milliseconds(), Some((15 + 4000, true)));
    let phases = its.phases.unwrap();
    assert_eq!((phases.approve, phases.fetch, phases.verify, phases.check), (10, 80, 200, 5));
    assert_eq!(its.measured.as_ref().map(|its| its.milliseconds), Some(1015));
    // What is measured later takes its place.
    told.announce("d-3", "plan", Some("kabupaten"));
    told.step("d-3", "restore", "surat", 9000, (12, 12), (3000, 3000));
    let its = told.figures("surat");
    assert_eq!((its.milliseconds(), its.forecast), (Some((9000, false)), None));
}

#[test]
fn a_recovery_here_is_measured_and_a_servers_word_is_shown_apart() {
    let mut told = Told::new();
    told.recover("r-1", None, None);
    told.recovered("r-1", "surat", 700, None);
    told.recover("r-2", None, Some("app-1"));
    told.recovered("r-2", "surat", 5, Some("app-1"));
    let its = told.figures("surat");
    assert_eq!(its.milliseconds(), Some((700, false)));
    assert_eq!(its.said.as_ref().map(|its| its.milliseconds), Some(5));
    let phases = its.phases.unwrap();
    assert_eq!((phases.decrypt, phases.write, phases.check), (0, 3, 0));
    // Of a period without any there is none.
    assert_eq!(of_dataset(&told.tried, &key("surat"), 2, 3).milliseconds(), None);
}

#[test]
fn a_divisor_of_zero_leaves_that_ratio_out() {
    for (files, bytes, expected) in
        [((1, 2), (0, 0), Some(2015)), ((0, 2), (10, 30), Some(3015)), ((0, 2), (0, 30), None)]
    {
        let mut told = Told::new();
        told.announce("d-1", "restore", None);
        told.step("d-1", "restore", "surat", 1015, files, bytes);
        assert_eq!(told.figures("surat").milliseconds().map(|its| its.0), expected, "{files:?} {bytes:?}");
    }
}

#[test]
fn a_trend_takes_six_of_the_same_kind() {
    let mut told = Told::new();
    told.announce("d-1", "restore", None);
    let mut try_in = |milliseconds| told.step("d-1", "restore", "surat", milliseconds, (1, 1), (100, 100));
    [100, 999, 100, 150, 1, 150].into_iter().for_each(&mut try_in);
    assert_eq!(told.figures("surat").trend_percent, Some(50));
    // Another kind does not count, and then there are too few.
    told.recover("r-1", None, None);
    told.recovered("r-1", "surat", 1, None);
    assert_eq!(told.figures("surat").trend_percent, None);
    // By each byte: twice as long for twice as much is the same.
    let mut told = Told::new();
    told.announce("d-1", "restore", None);
    for (milliseconds, bytes) in [(100, 100), (100, 100), (100, 100), (200, 200), (200, 200), (200, 200)] {
        told.step("d-1", "restore", "surat", milliseconds, (1, 1), (bytes, bytes));
    }
    assert_eq!(told.figures("surat").trend_percent, Some(0));
}

#[test]
fn a_service_is_back_when_all_before_it_is_and_a_plan_without_a_drill_is_a_forecast() {
    let mut told = Told::new();
    let service = |datasets: &[&str]| Service { datasets: datasets.iter().map(|dataset| Some(key(dataset))).collect() };
    let services = [service(&["x", "y"]), service(&["z"]), service(&[])];
    let of = |told: &Told| of_plan(&told.tried, "kabupaten", &services, 0, i64::MAX);
    assert_eq!(of(&told), (None, vec![None, None, None]));
    told.announce("d-1", "restore", None);
    for (dataset, milliseconds) in [("x", 100), ("y", 200), ("z", 400)] {
        told.step("d-1", "restore", dataset, milliseconds, (1, 1), (1, 1));
    }
    let (whole, of_services) = of(&told);
    let whole = whole.unwrap();
    assert!(whole.is_forecast && whole.milliseconds == 700);
    let milliseconds =
        |all: &[Option<Whole>]| all.iter().map(|its| its.as_ref().map(|its| its.milliseconds)).collect::<Vec<_>>();
    assert_eq!(milliseconds(&of_services), [Some(300), Some(700), None]);
    for (drill, outcome) in [("d-2", "passed"), ("d-3", "failed")] {
        told.announce(drill, "plan", Some("kabupaten"));
        for dataset in ["x", "y", "z"] {
            told.step(drill, "restore", dataset, 1000, (1, 1), (1, 1));
        }
        told.end(drill, outcome, 3500);
    }
    let (whole, of_services) = of(&told);
    let whole = whole.unwrap();
    assert_eq!((whole.milliseconds, whole.is_forecast, whole.by.as_deref()), (3500, false, Some("d-2")));
    assert_eq!(milliseconds(&of_services), [Some(2000), Some(3000), None]);
    // Of what is not here nothing is known, nor of what comes after it.
    let lacks = [services[0].clone(), Service { datasets: vec![None] }, services[1].clone()];
    let without = Told::new();
    assert_eq!(of_plan(&without.tried, "kabupaten", &lacks, 0, i64::MAX).0, None);
    // A recovery by it is as good.
    told.recover("r-1", Some("kabupaten"), None);
    for dataset in ["x", "y"] {
        told.recovered("r-1", dataset, 10, None);
    }
    told.say(RecoveryEnded { recovery: id("r-1"), outcome: "done".into(), milliseconds: 60 });
    let (whole, of_services) = of(&told);
    assert_eq!(whole.unwrap().milliseconds, 60);
    // It brought back nothing of one service.
    assert_eq!(milliseconds(&of_services), [Some(20), None, None]);
}

#[test]
fn a_target_that_is_just_met_is_inside() {
    assert!(inside(4000, 4) && !inside(4001, 4));
}

proptest! {
    /// The forecast is the definition's, whatever the sample was.
    #[test]
    fn a_forecast_is_as_defined(
        milliseconds in 15_u64..1_000_000, files in 1_u64..1000, more in 1_u64..1000, bytes in 0_u64..5000,
        more_bytes in 0_u64..5000,
    ) {
        let mut told = Told::new();
        told.announce("d-1", "restore", None);
        told.step("d-1", "restore", "surat", milliseconds, (files, files + more), (bytes, bytes + more_bytes));
        let by_files = (files + more) as f64 / files as f64;
        let by_bytes = if bytes > 0 { (bytes + more_bytes) as f64 / bytes as f64 } else { 0.0 };
        let expected = 15.0 + (milliseconds - 15) as f64 * by_files.max(by_bytes);
        let (found, is_forecast) = told.figures("surat").milliseconds().unwrap();
        prop_assert!(is_forecast);
        prop_assert!(found as f64 >= expected - 1e-3 && (found as f64) < expected + 1.001, "{found} {expected}");
    }
}
