//! Drills that the policy asked for and of which a log, signed by its site, says less.

mod support;

use std::fmt::Write as _;

use pulih_evidence::report::{Code, Report};
use pulih_evidence::verify::Trust;
use pulih_ledger::entry::kinds::{Alarm, ExpiryStopped, PolicyApplied, SiteCreated};
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use serde_json::json;
use support::{Forged, codes, encoded, ended, entry, key, missed, point, raw, report_by, trust};

/// 2026-12-01 00:00 WIB: policies' days are those of the regency.
const BEGIN: i64 = 1_796_058_000;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn at(seconds: i64) -> String {
    utc::rfc3339(seconds)
}

/// The default policy with drills at two in the night.
fn policy(schedule: &str) -> String {
    let mut text = include_str!("../../../policies/default.toml").to_owned();
    write!(text, "\n[class.non-publik.drills]\nrestore = \"{schedule}\"\nwindow = \"6h\"\n").unwrap();
    text
}

/// A DRC's log: a policy at the beginning, and what it wrote down of drills: when each was due, and how many were missed
/// up to that, or that one was announced.
struct Log {
    policies: Vec<(i64, String)>,
    told: Vec<(i64, Option<u64>)>,
    last: i64,
    is_stopped: bool,
    /// Policies after the first stand at the log's end, whatever they are dated.
    applied_late: bool,
}

fn daily(days: impl IntoIterator<Item = i64>) -> Vec<(i64, Option<u64>)> {
    days.into_iter().map(|day| (BEGIN + day * DAY + 2 * HOUR, (day % 2 == 0).then_some(1))).collect()
}

impl Log {
    fn of(told: Vec<(i64, Option<u64>)>) -> Self {
        Self {
            policies: vec![(BEGIN, policy("0 2 * * *"))],
            told,
            last: BEGIN + 10 * DAY,
            is_stopped: false,
            applied_late: false,
        }
    }

    fn report(&self) -> Report {
        let created = SiteCreated { role: "drc".into(), name: "DRC".into(), key: key().verifier(), uji: false };
        let mut all = vec![(BEGIN, encoded(&entry(&at(BEGIN), created)))];
        for (number, (from, text)) in self.policies.iter().enumerate() {
            let object = ObjectHash::of(text.as_bytes());
            let body = PolicyApplied { policy: "default".into(), version: number as u64 + 1, object };
            let place = if number > 0 && self.applied_late { self.last } else { *from };
            all.push((place, encoded(&entry(&at(*from), body))));
        }
        let mut number = 0;
        for (due, count) in &self.told {
            number += count.unwrap_or(1);
            if let Some(count) = count {
                let mut fields = missed(number, (*count > 1).then_some(*count));
                fields["due"] = at(*due).into();
                all.push((*due + 7 * HOUR, raw("drill-missed", &at(*due + 7 * HOUR), fields)));
                continue;
            }
            let id = format!("d-{number}");
            let fields = json!({"drill": id, "kind": "restore", "class": "non-publik",
                "schedule": "non-publik/restore", "occurrence": number, "due": at(*due), "points": [point()],
                "scratch_bytes": 5, "policy": ObjectHash::of(b"?").to_string(), "until": at(*due + 6 * HOUR)});
            all.push((*due, raw("drill-announced", &at(*due), fields)));
            all.push((*due + 6 * HOUR, raw("drill-ended", &at(*due + 6 * HOUR), ended(&id, "missed", 0))));
        }
        if self.is_stopped {
            all.push((self.last, encoded(&entry(&at(self.last), ExpiryStopped { reason: "clock".into() }))));
        }
        let alarm = Alarm { alarm: "test".into(), subject: "x".into(), text: "x".into() };
        all.push((self.last, encoded(&entry(&at(self.last), alarm))));
        all.sort_by_key(|(at, _)| *at);
        let entries: Vec<_> = all.into_iter().map(|(_, bytes)| bytes).collect();
        let mut forged = Forged::of(&entries, &key(), &[]);
        for (_, text) in &self.policies {
            forged.put(&format!("objects/policies/{}", ObjectHash::of(text.as_bytes())), text.as_bytes());
        }
        report_by(forged.write().path(), &Trust { ..trust() })
    }

    /// Each problem is about drills; what the first one says.
    #[track_caller]
    fn lacks(&self, what: &str) {
        let report = self.report();
        assert_eq!(codes(&report), [Code::Drill], "{:?}", report.problems);
        assert!(report.problems[0].text.contains(what), "{:?}", report.problems);
    }

    #[track_caller]
    fn is_good(&self) {
        let report = self.report();
        assert!(report.is_good(), "{:?}", report.problems);
    }
}

#[test]
fn every_night_announced_or_missed_is_what_the_policy_asked_for() {
    Log::of(daily(0..10)).is_good();
    // Of the newest one there is a day in which to write it down.
    Log::of(daily(0..9)).is_good();
    // Several that were missed at once.
    let several = [daily(0..2), vec![(BEGIN + 5 * DAY + 2 * HOUR, Some(4))], daily(6..10)].concat();
    Log::of(several).is_good();
}

#[test]
fn a_log_that_leaves_drills_out_and_numbers_the_rest_anew_is_found() {
    Log::of(Vec::new()).lacks("(9 such in all)");
    Log::of([daily(0..4), daily(5..10)].concat()).lacks("2026-12-04T19:00:00Z");
    Log::of(daily(0..7)).lacks("(2 such in all)");
    // One that counts fewer than there were up to it.
    let fewer = [daily(0..2), vec![(BEGIN + 5 * DAY + 2 * HOUR, Some(2))], daily(6..10)].concat();
    Log::of(fewer).lacks("2 occurrences of non-publik/restore are counted");
    let at_the_end = [daily(0..2), vec![(BEGIN + 9 * DAY + 2 * HOUR, Some(2))]].concat();
    Log::of(at_the_end).lacks("and 8 came due");
}

#[test]
fn each_policy_asks_from_when_it_came_and_nothing_is_asked_of_a_clock_in_doubt() {
    // From the sixth day on there are none.
    let mut log = Log::of(daily(0..5));
    let none = include_str!("../../../policies/default.toml").to_owned();
    log.policies.push((BEGIN + 5 * DAY, none));
    log.is_good();
    log.told = daily(0..4);
    log.lacks("2026-12-04T19:00:00Z");
    // One whose window was open when the next policy came, that one did not ask for.
    log.policies[1].0 = BEGIN + 4 * DAY + 3 * HOUR;
    log.is_good();

    // Up to its newest entry before the doubt it is asked all the same.
    let mut doubted = Log::of(Vec::new());
    doubted.is_stopped = true;
    doubted.is_good();
    assert!(doubted.report().remarks.iter().any(|remark| remark.contains("came due")));
    doubted.told = daily([0, 4]);
    doubted.lacks("2026-12-01T19:00:00Z");
    // Whatever time the next policy claims to be of.
    let mut early = Log::of(daily(0..2));
    early.told.push((BEGIN + 7 * DAY + 2 * HOUR, Some(1)));
    early.policies.push((BEGIN + 2 * DAY, include_str!("../../../policies/default.toml").to_owned()));
    early.applied_late = true;
    early.lacks("2026-12-02T19:00:00Z");
}

#[test]
fn one_entry_excuses_no_more_than_its_line_has() {
    // It is due when no line comes.
    let off = [daily(0..2), vec![(BEGIN + 9 * DAY + 3 * HOUR, Some(8))]].concat();
    Log::of(off).lacks("does not come due at");
}
