//! Application recipes from arbitrary bytes, alone and as further lines of a good one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulih_policies::{Answered, Recipe};

const GOOD: &str = include_str!("../../policies/tests/recipe/simrs.toml");

fn check(bytes: &[u8]) {
    match Recipe::parse("file", bytes) {
        Ok(recipe) => {
            assert_eq!(Recipe::parse("file", bytes).as_ref(), Ok(&recipe));
            assert!(!recipe.ask.is_empty() && !recipe.datasets.is_empty());
            for program in recipe.all_programs() {
                assert!(program.path().starts_with('/') && !program.path().contains(".."));
            }
            let printed = &bytes[..bytes.len().min(100)];
            let answer = Answered { status: Some(0), printed, is_all: true, sha256: "" };
            recipe.ask.iter().for_each(|ask| drop(ask.expect.check(&answer)));
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
