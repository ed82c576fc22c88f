//! Recovery plans from arbitrary bytes. A part of the input that is no plan is tried below a good one too, where
//! further services stand.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulih_policies::Plan;

const GOOD: &str = include_str!("../../policies/tests/plan/kabupaten.toml");

fn check(bytes: &[u8]) {
    match Plan::parse("file", bytes) {
        Ok(plan) => {
            assert_eq!(Plan::parse("file", bytes).as_ref(), Ok(&plan));
            // Every service comes once, and after all that it waits for.
            let order: Vec<_> = plan.order().into_iter().map(|(name, _)| name).collect();
            assert_eq!(order.len(), plan.services.len());
            for (at, name) in order.iter().enumerate() {
                let its = &plan.services[*name];
                assert!(its.after.iter().all(|before| order[..at].contains(&before)));
                assert!(plan.people.contains_key(&its.responsible));
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
});
