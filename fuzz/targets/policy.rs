//! Policies from arbitrary bytes. A part of the input that is no policy is tried below a good one
//! too, where the exceptions of OPD and datasets stand.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulih_policies::{Class, Policy, Schedule, Zone, diff};

const GOOD: &str = include_str!("../../policies/default.toml");
static BEFORE: LazyLock<Policy> = LazyLock::new(|| Policy::parse("default", GOOD.as_bytes()).expect("it is a policy"));

fn check(bytes: &[u8]) {
    match Policy::parse("file", bytes) {
        Ok(policy) => {
            assert_eq!(Policy::parse("file", bytes).as_ref(), Ok(&policy));
            assert!(diff(&policy, &policy).is_empty());
            assert_eq!(diff(&BEFORE, &policy).is_empty(), BEFORE.hash() == policy.hash());
            for class in Class::ALL {
                let rules = policy.rules(class, "", "").expect("all classes are there");
                // In every class a monthly and a yearly point always stands.
                assert!(rules.keep.monthly.seconds() >= 31 * 86_400 && rules.keep.yearly.seconds() >= 366 * 86_400);
                assert!(rules.targets.rpo_drc >= rules.targets.rpo_pusat && rules.keep.newest >= 1);
                let runs = rules.timetable(policy.zone).next_n(1_795_305_600, 3);
                assert!(runs.iter().is_sorted() && runs.first().is_none_or(|first| *first > 1_795_305_600));
            }
        }
        Err(refused) => {
            assert!((1..=100).contains(&refused.problems.len()));
            assert!(!refused.to_string().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&[GOOD.as_bytes(), b"\n", data].concat());
    if let Ok(schedule) = std::str::from_utf8(data).unwrap_or_default().parse::<Schedule>() {
        assert_eq!(schedule.as_str().parse::<Schedule>().as_ref(), Ok(&schedule), "it has one form");
        schedule.next_after(Zone::Jakarta, 0);
    }
});
