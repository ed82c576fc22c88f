//! Files that nobody would write: each is read or refused, whole and in time.

use proptest::prelude::*;
use pulih_policies::{Policy, diff};

const DEFAULT: &str = include_str!("../default.toml");

fn check(bytes: &[u8]) {
    match Policy::parse("file", bytes) {
        Ok(policy) => {
            assert_eq!(diff(&policy, &policy), []);
            let json = policy.canonical_json();
            assert!(json.starts_with('{') && !json.contains("recipient"));
        }
        Err(refused) => {
            assert!((1..=100).contains(&refused.problems.len()));
            let lines = String::from_utf8_lossy(bytes).lines().count();
            for problem in &refused.problems {
                assert!(problem.line <= lines + 1 && problem.line > 0 && problem.column > 0);
            }
            let said = refused.to_string();
            assert!(!said.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}

/// Pieces that mean something somewhere.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(DEFAULT.lines().map(str::to_owned).collect::<Vec<_>>()),
        prop::sample::select(vec![
            "[opd.x]",
            "[opd.x.dataset.y]",
            "[[opd]]",
            "[class]",
            "recipients = []",
            "= 1",
            "a = {b = [{}]}",
            "\"\"\"",
            "'''",
            "[opd.\"x.y\"]",
            "keep = 3",
            "targets.rto = \"1h\"",
            "windows = [\"00:00-00:01\"]",
            "schedules = [\"* * 29 2 *\"]",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,30}",
    ]
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn a_policy_with_bytes_changed(changes in prop::collection::vec((0..DEFAULT.len(), any::<u8>()), 1..5)) {
        let mut bytes = DEFAULT.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        check(&bytes);
    }

    #[test]
    fn lines_of_a_policy_with_others_among_them(extra in prop::collection::vec((0usize..120, piece()), 1..6)) {
        let mut lines: Vec<String> = DEFAULT.lines().map(str::to_owned).collect();
        for (at, line) in extra {
            let at = at.min(lines.len());
            lines.insert(at, line);
        }
        check(lines.join("\n").as_bytes());
    }

    #[test]
    fn a_policy_cut_short(end in 0..DEFAULT.len()) {
        check(&DEFAULT.as_bytes()[..end]);
    }
}
