//! That every label is there in both languages, and none is there for nothing.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::Kind;
use super::data::{ClauseKind, ClockKind, Duty, Opinion, Outcome, Role, Source, TestKind, Verdict, What};
use crate::templates::{ALL, is_source, main};

fn read(path: &str, language: &str) -> serde_json::Map<String, Value> {
    let text = ALL.iter().find(|(its, _)| *its == path).unwrap().1;
    let all: Value = serde_json::from_str(text).unwrap();
    all[language].as_object().unwrap().clone()
}

fn shared(language: &str) -> serde_json::Map<String, Value> {
    read("/words/shared.json", language)
}

/// Those of a report alone.
fn own(kind: Kind, language: &str) -> serde_json::Map<String, Value> {
    read(&format!("/words/{}.json", kind.name()), language)
}

fn words(kind: Kind, language: &str) -> serde_json::Map<String, Value> {
    shared(language).into_iter().chain(own(kind, language)).collect()
}

/// The templates that a report is made of: its own, and those that they read.
fn sources(kind: Kind) -> Vec<&'static str> {
    let (mut open, mut seen) = (vec![main(kind)], BTreeSet::new());
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let text = ALL.iter().find(|(its, _)| *its == path).unwrap_or_else(|| panic!("no template {path}")).1;
        let folder = path.rsplit_once('/').unwrap().0;
        for named in text.split("#import \"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            open.push(match named.strip_prefix("../") {
                Some(above) => format!("/{above}"),
                None => format!("{folder}/{named}"),
            });
        }
        found.push(text);
    }
    found
}

/// What a label is asked for by: `w.name`, and the beginnings in `w.at("kind-" + …)`.
fn asked(kind: Kind) -> (BTreeSet<String>, BTreeSet<String>) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (mut names, mut beginnings) = (BTreeSet::new(), BTreeSet::new());
    for source in sources(kind) {
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

fn files() -> Vec<String> {
    let own = Kind::ALL.iter().map(|kind| format!("/words/{}.json", kind.name()));
    own.chain(["/words/shared.json".to_owned()]).collect()
}

#[test]
fn both_languages_have_the_same_labels_and_none_is_empty() {
    for file in files() {
        let (indonesian, english) = (read(&file, "id"), read(&file, "en"));
        assert_eq!(indonesian.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{file}");
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
            assert_eq!(of(text), of(&english[name]), "{file} {name}");
        }
    }
}

#[test]
fn labels_are_translated() {
    let mut same = BTreeSet::new();
    for file in files() {
        let (indonesian, english) = (read(&file, "id"), read(&file, "en"));
        same.extend(indonesian.iter().filter(|(name, text)| english[*name] == **text).map(|(name, _)| name.clone()));
    }
    let expected =
        ["auditor", "checkpoint", "clause-manual", "cost", "nip", "nr", "p95", "place-drc", "source-auditor"];
    assert_eq!(same, expected.map(str::to_owned).into());
}

#[test]
fn templates_ask_for_labels_that_are_there_and_for_all_of_them() {
    let mut unasked: BTreeSet<String> = shared("id").keys().cloned().collect();
    for kind in Kind::ALL {
        let (names, beginnings) = asked(kind);
        let known = words(kind, "id");
        for name in &names {
            assert!(known.contains_key(name), "{kind:?}: no label `{name}`");
        }
        let used = |name: &str| names.contains(name) || beginnings.iter().any(|its| name.starts_with(its.as_str()));
        for name in own(kind, "id").keys() {
            assert!(used(name), "{kind:?}: nobody asks for the label `{name}`");
            assert!(!shared("id").contains_key(name), "{kind:?}: `{name}` is shared");
        }
        unasked.retain(|name| !used(name));
    }
    assert_eq!(unasked, BTreeSet::new());
}

/// Nothing is in the program that no report is made of.
#[test]
fn every_template_is_part_of_a_report() {
    let used: BTreeSet<&str> = Kind::ALL.into_iter().flat_map(sources).collect();
    for (path, text) in ALL.iter().filter(|(path, _)| is_source(path)) {
        assert!(used.contains(text), "{path}");
    }
}

fn labelled<T: Serialize>(kind: Kind, beginning: &str, all: &[T]) {
    for its in all {
        let code = serde_json::to_value(its).unwrap();
        let name = format!("{beginning}{}", code.as_str().unwrap());
        assert!(words(kind, "id").contains_key(&name), "{kind:?} {name}");
    }
}

#[test]
fn every_code_has_a_label() {
    let kinds = [TestKind::Verify, TestKind::Restore, TestKind::Application, TestKind::Plan];
    let verdicts = [Verdict::Met, Verdict::NotMet, Verdict::ToAttest, Verdict::NotApplicable, Verdict::Untested];
    let duties = [Duty::Prepared, Duty::Reviewed, Duty::Approved, Duty::Acknowledged];
    let sources = [Source::Auditor, Source::Test];
    let clocks = [ClockKind::Test, ClockKind::DataCentreAudit, ClockKind::SecurityAudit, ClockKind::InternalAudit];
    let ended = [Outcome::Passed, Outcome::Failed, Outcome::Aborted, Outcome::Skipped, Outcome::Missed, Outcome::Open];
    for beginning in ["role-", "components-", "rpo-"] {
        labelled(Kind::Continuity, beginning, &[Role::Pusat, Role::Drc]);
    }
    labelled(Kind::Continuity, "what-", &[What::Verify, What::Restore, What::Application, What::Manual]);
    labelled(Kind::Continuity, "outcome-", &ended);
    labelled(Kind::Continuity, "opinion-", &[Opinion::Met, Opinion::MetWithFindings, Opinion::NotMet]);
    let all = [ClauseKind::Automatic, ClauseKind::Manual, ClauseKind::Both, ClauseKind::Informative];
    labelled(Kind::Continuity, "clause-", &all);
    labelled(Kind::Evaluation, "place-", &[Role::Pusat, Role::Drc]);
    for kind in [Kind::Continuity, Kind::Evaluation] {
        labelled(kind, "kind-", &kinds);
        labelled(kind, "verdict-", &verdicts);
        labelled(kind, "source-", &sources);
    }
    for kind in [Kind::Evaluation, Kind::Monthly] {
        labelled(kind, "clock-", &clocks);
    }
    Kind::ALL.into_iter().for_each(|kind| labelled(kind, "duty-", &duties));
}

#[test]
fn templates_read_no_clock_no_package_and_no_other_file() {
    for (_, source) in ALL.iter().filter(|(path, _)| is_source(path)) {
        for word in ["datetime.today", "@preview", "@local", "plugin(", "image(", "read(", "eval(", "sys."] {
            assert!(!source.contains(word), "{word}");
        }
    }
}
