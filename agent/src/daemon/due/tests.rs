use super::*;
use proptest::prelude::*;
use pulih_policies::{Span, Windows, Zone};

const MIDNIGHT: i64 = 1_795_305_600 - 7 * 3600; // 2026-11-22 00:00 WIB, a Sunday
const HOUR: i64 = 3600;
const WHOSE: Whose = Whose { agent: "app-1", dataset: "letters" };

fn timetable(lines: &[&str], windows: &[&str], jitter_minutes: u32) -> Timetable {
    Timetable {
        zone: Zone::Jakarta,
        schedules: lines.iter().map(|line| line.parse().unwrap()).collect(),
        windows: Windows::new(windows.iter().map(|range| range.parse().unwrap()).collect()),
        jitter: Span::from_minutes(jitter_minutes),
    }
}

fn served(at: i64) -> Standing {
    Standing { known: at, served: Some(at), failing: None }
}

#[test]
fn a_new_dataset_is_saved_at_once_or_when_the_window_opens() {
    let standing = Standing::new(MIDNIGHT + 12 * HOUR);
    let table = timetable(&["0 21 * * *"], &[], 30);
    let run = next_run(&table, WHOSE, &standing, MIDNIGHT + 12 * HOUR + 5, 0).unwrap();
    assert_eq!(run, Run { due: MIDNIGHT + 12 * HOUR, begins: MIDNIGHT + 12 * HOUR });
    let table = timetable(&["0 21 * * *"], &["18:00-06:00"], 30);
    let run = next_run(&table, WHOSE, &standing, MIDNIGHT + 12 * HOUR + 5, 0).unwrap();
    let opens = MIDNIGHT + 18 * HOUR;
    assert_eq!(run.begins, table.begins(WHOSE.agent, WHOSE.dataset, opens));
    // It is the same moment once the window is open and the jitter is not over.
    assert_eq!(next_run(&table, WHOSE, &standing, opens, 0).unwrap().begins, run.begins);
}

#[test]
fn runs_follow_the_schedule_with_its_jitter() {
    let table = timetable(&["0 21 * * *"], &[], 30);
    let now = MIDNIGHT + 20 * HOUR;
    let run = next_run(&table, WHOSE, &served(now - 23 * HOUR), now, 0).unwrap();
    assert_eq!(run.due, MIDNIGHT + 21 * HOUR);
    assert_eq!(run.begins, table.begins(WHOSE.agent, WHOSE.dataset, run.due));
    assert_eq!(run.overdue_since(&served(0), now), None);
}

#[test]
fn what_was_missed_is_one_run() {
    let table = timetable(&["*/15 * * * *"], &[], 10);
    let started = MIDNIGHT + 30 * 24 * HOUR;
    let mut standing = served(MIDNIGHT);
    let run = next_run(&table, WHOSE, &standing, started, started).unwrap();
    assert_eq!(run.due, MIDNIGHT + 15 * 60, "since the first that was missed");
    assert!((started..=started + 300).contains(&run.begins), "agents of one power cut do not come at one second");
    standing.begin(run.due, run.begins);
    standing.succeed(run.begins);
    let next = next_run(&table, WHOSE, &standing, run.begins + 1, started).unwrap();
    assert!(next.due > run.begins, "nothing is missed any more");
}

#[test]
fn a_run_that_failed_is_tried_again_with_growing_pauses() {
    let table = timetable(&["0 21 * * *"], &[], 30);
    let due = MIDNIGHT + 21 * HOUR;
    let mut standing = served(MIDNIGHT);
    let mut now = due;
    for minutes in [1, 2, 4, 8, 16, 30, 30, 30] {
        standing.begin(due, now);
        standing.fail(due, now);
        let run = next_run(&table, WHOSE, &standing, now, 0).unwrap();
        assert_eq!(run.due, due);
        let pause = run.begins - now;
        assert!((minutes * 45..=minutes * 60).contains(&pause), "{minutes}: {pause}");
        assert_eq!(run.overdue_since(&standing, now), Some(due));
        now = run.begins;
    }
    // Also one that comes next is served by it.
    standing.succeed(now);
    assert_eq!(next_run(&table, WHOSE, &standing, now, 0).unwrap().due, due + 24 * HOUR);
}

#[test]
fn a_run_that_was_cut_off_begins_again_at_once() {
    let table = timetable(&["0 21 * * *"], &[], 30);
    let due = MIDNIGHT + 21 * HOUR;
    let mut standing = served(MIDNIGHT);
    standing.begin(due, due + 60);
    let now = due + 100;
    assert_eq!(
        decide(now, &runs(&[("letters", next_run(&table, WHOSE, &standing, now, now).unwrap())])).begins(),
        Some("letters")
    );
}

#[test]
fn tries_wait_for_the_window() {
    let table = timetable(&["0 21 * * *"], &["18:00-06:00"], 30);
    let due = MIDNIGHT + 21 * HOUR;
    let mut standing = served(MIDNIGHT);
    standing.fail(due, MIDNIGHT + 30 * HOUR - 30);
    let run = next_run(&table, WHOSE, &standing, MIDNIGHT + 31 * HOUR, 0).unwrap();
    let opens = MIDNIGHT + 42 * HOUR;
    assert!((opens..=opens + 30 * 60).contains(&run.begins));
    // One whose moment went by while another dataset was saved, too.
    let table = timetable(&["50 5 * * *"], &["18:00-06:00"], 1);
    let now = MIDNIGHT + 7 * HOUR;
    let run = next_run(&table, WHOSE, &served(MIDNIGHT), now, 0).unwrap();
    assert_eq!(run.due, MIDNIGHT + 5 * HOUR + 50 * 60);
    assert!((MIDNIGHT + 18 * HOUR..=MIDNIGHT + 18 * HOUR + 60).contains(&run.begins));
}

#[test]
fn a_clock_that_ran_ahead_puts_nothing_off() {
    let table = timetable(&["0 21 * * *"], &[], 30);
    let now = MIDNIGHT + 20 * HOUR;
    let run = next_run(&table, WHOSE, &served(now + 10 * 365 * 24 * HOUR), now, 0).unwrap();
    assert_eq!(run.due, MIDNIGHT + 21 * HOUR);
    let mut standing = served(now);
    standing.fail(now, now + 10 * 365 * 24 * HOUR);
    let run = next_run(&table, WHOSE, &standing, now, 0).unwrap();
    assert!(run.begins <= now + 60);
}

fn runs(of: &[(&str, Run)]) -> BTreeMap<DatasetName, Run> {
    of.iter().map(|(name, run)| (name.parse().unwrap(), *run)).collect()
}

impl Decision {
    fn begins(&self) -> Option<&str> {
        match self {
            Self::Begin(dataset, _) => Some(dataset.as_str()),
            Self::Wait(_) => None,
        }
    }
}

#[test]
fn the_one_that_is_due_longest_goes_first() {
    let run = |due, begins| Run { due, begins };
    let all = runs(&[("a", run(50, 90)), ("b", run(40, 95)), ("c", run(10, 200))]);
    assert_eq!(decide(100, &all).begins(), Some("b"));
    assert_eq!(decide(92, &all).begins(), Some("a"));
    assert_eq!(decide(80, &all), Decision::Wait(Some(90)));
    assert_eq!(decide(80, &BTreeMap::new()), Decision::Wait(None));
}

fn tables() -> impl Strategy<Value = Timetable> {
    let lines = prop::sample::subsequence(vec!["*/7 * * * *", "0 21 * * *", "15 12 * * 1-5", "0 3 1 * *"], 1..=3);
    let windows = prop::sample::subsequence(vec!["18:00-06:00", "12:00-13:00", "00:00-24:00"], 0..=2);
    (lines, windows, 1_u32..200).prop_map(|(lines, windows, jitter)| timetable(&lines, &windows, jitter))
}

fn standings() -> impl Strategy<Value = Standing> {
    let time = || MIDNIGHT - 40 * 24 * HOUR..MIDNIGHT + 3 * 24 * HOUR;
    let failing = (time(), 0_u32..40, time()).prop_map(|(due, tries, ended)| Failing { due, tries, ended });
    (time(), prop::option::of(time()), prop::option::of(failing)).prop_map(|(known, served, failing)| Standing {
        known,
        served,
        failing,
    })
}

proptest! {
    #[test]
    fn a_run_begins_in_a_window_and_asking_again_finds_the_same(
        table in tables(), standing in standings(), now in MIDNIGHT..MIDNIGHT + 2 * 24 * HOUR, ago in 0..72 * HOUR,
    ) {
        let run = next_run(&table, WHOSE, &standing, now, now - ago).unwrap();
        let begins = run.begins.max(now);
        prop_assert!(table.windows.open(table.zone, begins));
        prop_assert!(run.due <= begins);
        // Waiting does not move what is waited for: the daemon would never begin.
        if run.begins > now {
            for later in [now + (run.begins - now) / 2, run.begins - 1, run.begins] {
                let again = next_run(&table, WHOSE, &standing, later, now - ago).unwrap();
                // A clock that was behind what is written down is the exception.
                let future = [Some(standing.known), standing.served, standing.failing.map(|its| its.ended.max(its.due))];
                if future.into_iter().flatten().all(|time| time <= now) {
                    prop_assert_eq!(again, run);
                }
            }
        }
    }

    #[test]
    fn success_serves_all_that_was_due(table in tables(), standing in standings(), now in MIDNIGHT..MIDNIGHT + 2 * 24 * HOUR) {
        let mut standing = standing;
        standing.begin(now, now);
        standing.succeed(now);
        let next = next_run(&table, WHOSE, &standing, now, 0).unwrap();
        prop_assert!(next.due > now && next.overdue_since(&standing, now).is_none());
    }
}
