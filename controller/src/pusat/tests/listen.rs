//! What a site writes down of who is quiet, by a clock that is moved by hand.

use pulih_ledger::Log;
use pulih_ledger::entry::{Body, View};
use pulih_protocol::report::{DatasetReport, Job, JobOutcome, Report};
use pulih_vault::utc;

use super::super::lock;
use super::bench::{Bench, DAY, now, wait};

const HOUR: i64 = 3600;

/// What is on the ledger from an entry on, of silence.
fn said(bench: &Bench, from: u64) -> Vec<String> {
    let key = lock(&bench.pusat.record).key().clone();
    let log = Log::open(bench.store.clone(), &"pusat-33.19".parse().unwrap(), key).unwrap();
    let known = |view| if let View::Known(body) = view { Some(*body) } else { None };
    let bodies = log.entries(from).filter_map(|recorded| known(recorded.unwrap().read().unwrap().view));
    let ago = |time: &pulih_ledger::time::Time| now() - utc::parse(time.as_str()).unwrap();
    let said = bodies.filter_map(|body| {
        Some(match body {
            Body::AgentSilent(its) => format!("{} silent since {}", its.agent, ago(&its.since)),
            Body::AgentHeard(its) => format!("{} heard, silent since {}", its.agent, ago(&its.since)),
            Body::AgentClock(its) => format!("{} off by {}", its.agent, its.seconds),
            Body::BackupFailing(its) => {
                format!("{}/{} since {}: {}", its.agent, its.dataset, ago(&its.since), its.text)
            }
            Body::SiteAway(its) => format!("away since {}", ago(&its.since)),
            _ => return None,
        })
    });
    said.collect()
}

/// What the site says now that it did not say before.
fn listened(bench: &Bench) -> Vec<String> {
    let from = bench.pusat.entries();
    bench.pusat.listen().unwrap();
    said(bench, from)
}

/// A heartbeat of a server whose clock is ahead by so much.
fn report(bench: &Bench, ahead: i64, overdue: Option<i64>, jobs: Vec<Job>) {
    let letters = DatasetReport {
        dataset: "letters".into(),
        class: "non-publik".into(),
        running: false,
        next: None,
        overdue_since: overdue.map(utc::rfc3339),
    };
    let report = Report {
        at: utc::rfc3339(now() + ahead),
        program: "test".into(),
        policy: None,
        datasets: vec![letters],
        jobs,
        alarms: Vec::new(),
    };
    bench.pusat.report(&bench.agent(), now() + 90 * DAY, &report).unwrap();
}

fn ready() -> Bench {
    let bench = Bench::new();
    bench.enroll(false);
    bench.init();
    bench.approve("letters");
    bench
}

#[test]
fn a_server_is_silent_after_its_shortest_target_and_heard_again_once() {
    let bench = ready();
    // The default policy gives what is not public a day.
    wait(DAY);
    assert_eq!(listened(&bench), [""; 0]);
    wait(1);
    assert_eq!(listened(&bench), [format!("app-1 silent since {}", DAY + 1)]);
    wait(DAY);
    assert_eq!(listened(&bench), [""; 0]);
    bench.pusat.seen("app-1", "app-1");
    assert_eq!(listened(&bench), [format!("app-1 heard, silent since {}", 2 * DAY + 1)]);
    assert_eq!(listened(&bench), [""; 0]);
}

#[test]
fn a_server_with_nothing_to_save_or_one_that_was_shut_out_is_not_missed() {
    let bench = Bench::new();
    bench.enroll(false);
    bench.init();
    wait(40 * DAY);
    bench.pusat.seen("app-1", "app-1");
    assert_eq!(listened(&bench), [""; 0]);
    bench.approve("letters");
    bench.pusat.revoke("app-1", "dicuri").unwrap();
    wait(2 * DAY);
    assert_eq!(listened(&bench), [""; 0]);
}

#[test]
fn nobody_is_silent_while_nobody_listens_and_the_site_says_that_it_was_away() {
    let mut bench = ready();
    listened(&bench);
    wait(3 * DAY);
    bench.restart(false).unwrap();
    let from = bench.pusat.entries();
    bench.pusat.say_away().unwrap();
    bench.pusat.say_away().unwrap();
    assert_eq!(said(&bench, from), [format!("away since {}", 3 * DAY)]);
    assert_eq!(listened(&bench), [""; 0]);
    wait(DAY + 1);
    assert_eq!(listened(&bench), [format!("app-1 silent since {}", DAY + 1)]);
    // A restart that takes a moment is none; and without the catalog the newest entry is the last sign of life.
    wait(500);
    bench.pusat.listen().unwrap();
    for forget in [false, true] {
        wait(600);
        bench.restart(forget).unwrap();
        let from = bench.pusat.entries();
        bench.pusat.say_away().unwrap();
        let expected = if forget { vec![format!("away since {}", 500 + 600 + 600)] } else { Vec::new() };
        assert_eq!(said(&bench, from), expected);
    }
}

#[test]
fn a_run_that_fails_is_told_once_until_a_point_comes_and_never_from_before_the_last_one() {
    let bench = Bench::new();
    bench.enroll(false);
    let first = bench.init();
    bench.approve("letters");
    wait(HOUR);
    let failed = Job {
        dataset: "letters".into(),
        began: utc::rfc3339(now()),
        ended: utc::rfc3339(now()),
        outcome: JobOutcome::Failed,
        snapshot: None,
        read_bytes: 0,
        stored_bytes: 0,
        unread: 0,
        error: Some("disk\nfull".into()),
    };
    report(&bench, 0, Some(0), vec![failed]);
    // Since the server enrolled: it says since 1970.
    assert_eq!(listened(&bench), [format!("app-1/letters since {HOUR}: diskfull")]);
    assert_eq!(listened(&bench), [""; 0]);
    bench.save(first, "letters", 1);
    wait(HOUR);
    // What is to come is nothing.
    report(&bench, 0, Some(now() + 1), Vec::new());
    assert_eq!(listened(&bench), [""; 0]);
    report(&bench, 0, Some(0), Vec::new());
    assert_eq!(listened(&bench), [format!("app-1/letters since {HOUR}: diskfull")]);
}

#[test]
fn a_clock_that_is_off_is_told_when_it_changes() {
    let bench = ready();
    for (ahead, expected) in [(60, None), (-7200, Some(-7200)), (-7230, None), (0, Some(0))] {
        wait(HOUR);
        report(&bench, ahead, None, Vec::new());
        let expected: Vec<String> = expected.iter().map(|seconds: &i64| format!("app-1 off by {seconds}")).collect();
        assert_eq!(listened(&bench), expected, "{ahead}");
    }
    // No more than once an hour.
    report(&bench, 9000, None, Vec::new());
    assert_eq!(listened(&bench), [""; 0]);
}
