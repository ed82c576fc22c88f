//! That every label is there in both languages, and none is there for nothing.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::data::{ClauseKind, Duty, Opinion, Outcome, Role, Source, TestKind, Verdict, What};
use crate::templates::{ALL, is_source};

fn words(language: &str) -> serde_json::Map<String, Value> {
    let text = ALL.iter().find(|(path, _)| *path == "/words.json").unwrap().1;
    let all: Value = serde_json::from_str(text).unwrap();
    all[language].as_object().unwrap().clone()
}

fn sources() -> impl Iterator<Item = &'static str> {
    ALL.iter().filter(|(path, _)| is_source(path)).map(|(_, text)| *text)
}

/// What a label is asked for by: `w.name`, and the beginnings in `w.at("kind-" + …)`.
fn asked() -> (BTreeSet<String>, BTreeSet<String>) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (mut names, mut beginnings) = (BTreeSet::new(), BTreeSet::new());
    for source in sources() {
        for (i, _) in source.match_indices("w.") {
            let before = source[..i].chars().next_back().unwrap_or(' ');
            let one_of_a_name = before == '.' && !source[..i].ends_with("..");
            if before.is_ascii_alphanumeric() || before == '-' || one_of_a_name {
                continue;
            }
            let rest = &source[i + 2..];
            if let Some(rest) = rest.strip_prefix("at(\"") {
                beginnings.insert(rest.split('"').next().unwrap().to_owned());
            } else {
                let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
                names.insert(name.trim_end_matches('-').to_owned());
            }
        }
    }
    (names, beginnings)
}

#[test]
fn both_languages_have_the_same_labels_and_none_is_empty() {
    let (indonesian, english) = (words("id"), words("en"));
    assert_eq!(indonesian.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>());
    for (name, text) in indonesian.iter().chain(&english) {
        match text {
            Value::Array(all) => {
                assert!(all.iter().all(|its| its.as_str().is_some_and(|its| !its.is_empty())), "{name}");
            }
            other => assert!(other.as_str().is_some_and(|its| !its.trim().is_empty()), "{name}"),
        }
    }
    // What stands in braces is filled in both.
    let braces =
        |text: &str| text.split('{').skip(1).filter_map(|its| its.split('}').next()).map(str::to_owned).collect();
    for (name, text) in &indonesian {
        let of = |its: &Value| -> BTreeSet<String> { its.as_str().map(braces).unwrap_or_default() };
        assert_eq!(of(text), of(&english[name]), "{name}");
    }
}

#[test]
fn labels_are_translated() {
    let (indonesian, english) = (words("id"), words("en"));
    let same: Vec<&str> =
        indonesian.iter().filter(|(name, text)| english[*name] == **text).map(|(name, _)| name.as_str()).collect();
    assert_eq!(same, ["auditor", "checkpoint", "clause-manual", "nip", "nr", "p95", "source-auditor"]);
}

#[test]
fn templates_ask_for_labels_that_are_there_and_for_all_of_them() {
    let (names, beginnings) = asked();
    let known = words("id");
    for name in &names {
        assert!(known.contains_key(name), "no label `{name}`");
    }
    for name in known.keys() {
        let used = names.contains(name) || beginnings.iter().any(|beginning| name.starts_with(beginning.as_str()));
        assert!(used, "nobody asks for the label `{name}`");
    }
}

fn labelled<T: Serialize>(beginning: &str, all: &[T]) {
    for its in all {
        let code = serde_json::to_value(its).unwrap();
        let name = format!("{beginning}{}", code.as_str().unwrap());
        assert!(words("id").contains_key(&name), "{name}");
    }
}

#[test]
fn every_code_has_a_label() {
    labelled("role-", &[Role::Pusat, Role::Drc]);
    for beginning in ["components-", "rpo-"] {
        labelled(beginning, &[Role::Pusat, Role::Drc]);
    }
    labelled("kind-", &[TestKind::Verify, TestKind::Restore, TestKind::Application, TestKind::Plan]);
    labelled("what-", &[What::Verify, What::Restore, What::Application, What::Manual]);
    let ended = [Outcome::Passed, Outcome::Failed, Outcome::Aborted, Outcome::Skipped, Outcome::Missed, Outcome::Open];
    labelled("outcome-", &ended);
    labelled("duty-", &[Duty::Prepared, Duty::Reviewed, Duty::Approved, Duty::Acknowledged]);
    labelled("source-", &[Source::Auditor, Source::Test]);
    labelled("opinion-", &[Opinion::Met, Opinion::MetWithFindings, Opinion::NotMet]);
    labelled("clause-", &[ClauseKind::Automatic, ClauseKind::Manual, ClauseKind::Both, ClauseKind::Informative]);
    let verdicts = [Verdict::Met, Verdict::NotMet, Verdict::ToAttest, Verdict::NotApplicable, Verdict::Untested];
    labelled("verdict-", &verdicts);
}

#[test]
fn templates_read_no_clock_no_package_and_no_other_file() {
    for source in sources() {
        for word in ["datetime.today", "@preview", "@local", "plugin(", "image(", "read(", "eval(", "sys."] {
            assert!(!source.contains(word), "{word}");
        }
    }
}
