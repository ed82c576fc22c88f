//! The facts that an expression may read, as `docs/contracts/facts.md` lists them: a test holds the two together.

/// What a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    Text,
    Number,
    Bool,
    Texts,
    Object(&'static [(&'static str, Fact)]),
    List(&'static [(&'static str, Fact)]),
}

use Fact::{Bool, List, Number, Object, Text, Texts};

const SITE: &[(&str, Fact)] =
    &[("site", Text), ("regency", Text), ("latitude", Text), ("longitude", Text), ("operator", Text)];

const DRC: &[(&str, Fact)] = &[
    ("site", Text),
    ("regency", Text),
    ("operator", Text),
    ("provider", Text),
    ("outside", Bool),
    ("in_indonesia", Bool),
    ("distance_km", Number),
    ("operator_is_asn", Bool),
    ("certificates", List(&[("name", Text), ("number", Text), ("days_left", Number)])),
];

const OPD: &[(&str, Fact)] = &[
    ("opd", Text),
    ("name", Text),
    ("datasets", Number),
    ("fresh", Number),
    ("covered", Bool),
    ("vaults", Number),
    ("capped", Bool),
    ("own_centre", Bool),
];

const DATASET: &[(&str, Fact)] = &[
    ("opd", Text),
    ("agent", Text),
    ("dataset", Text),
    ("class", Text),
    ("approved", Bool),
    ("approval_days_left", Number),
    ("exposure_seconds", Number),
    ("rpo_seconds", Number),
    ("fresh", Bool),
    ("at_drc_seconds", Number),
    ("fresh_at_drc", Bool),
    ("purpose", Text),
    ("confidentiality", Text),
    ("category", Text),
    ("content", Text),
    ("classified_by", Text),
    ("state", Text),
    ("encrypted", Bool),
    ("recovery_keys", Number),
    ("keys_enough", Bool),
    ("copies", Number),
    ("copies_enough", Bool),
    ("drilled_days", Number),
    ("drilled_enough", Bool),
];

const PLAN: &[(&str, Fact)] = &[
    ("plan", Text),
    ("title", Text),
    ("state", Text),
    ("version", Number),
    ("components", Bool),
    ("organisation", Bool),
    ("steps", Bool),
    ("tested", Bool),
];

const QUALIFYING: &[(&str, Fact)] = &[
    ("drill", Text),
    ("auditor", Text),
    ("institution", Text),
    ("opinion", Text),
    ("days", Number),
    ("days_left", Number),
];

const AUDIT: &[(&str, Fact)] =
    &[("days", Number), ("days_left", Number), ("by", Text), ("body", Text), ("findings", Number)];

const USER: &[(&str, Fact)] =
    &[("user", Text), ("name", Text), ("privileged", Bool), ("decree", Text), ("days_left", Number)];

/// Items of the clause at hand: no document has them.
pub(crate) const ATTESTED: &str = "attested";

/// All of them.
pub(crate) const FACTS: &[(&str, Fact)] = &[
    ("at", Text),
    ("regency", Object(&[("code", Text), ("name", Text)])),
    ("sites", Object(&[("pusat", Bool), ("drc", Bool)])),
    ("pusat", Object(SITE)),
    ("drc", Object(DRC)),
    ("opds", List(OPD)),
    ("coverage", Object(&[("opds", Number), ("covered", Number), ("percent", Number)])),
    ("datasets", List(DATASET)),
    ("drills", Object(&[("passed", Number), ("days", Number)])),
    ("plans", List(PLAN)),
    ("qualifying", Object(QUALIFYING)),
    ("audits", Object(&[("data_centre", Object(AUDIT)), ("security", Object(AUDIT)), ("internal", Object(AUDIT))])),
    ("scrub", Object(&[("pusat_days", Number), ("drc_days", Number), ("lost", Number)])),
    ("ledgers", Object(&[("diverged", Bool), ("cosigned_days", Number)])),
    ("users", List(USER)),
    ("bandwidth", Object(&[("capped", Bool), ("months", Number)])),
    (
        "reports",
        Object(&[
            ("coverage_days", Number),
            ("bandwidth_days", Number),
            ("evaluation_days", Number),
            ("monthly_days", Number),
            ("continuity_days", Number),
        ]),
    ),
    ("exports", Object(&[("verified_days", Number)])),
    ("incidents", List(&[("held", Bool), ("letter", Bool), ("reported_hours", Number)])),
    (
        "decisions",
        Object(&[
            ("far_km", Number),
            ("promptly_hours", Number),
            ("regularly_hours", Number),
            ("rekey_days", Number),
            ("scrub_days", Number),
        ]),
    ),
    (ATTESTED, Texts),
];

pub(crate) fn field(of: &[(&'static str, Fact)], name: &str) -> Option<Fact> {
    of.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
}

/// All paths of facts that are no object, and what each is: `datasets[].approved`, `bool`.
pub fn paths() -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    walk(FACTS, "", &mut all);
    all
}

fn walk(of: &[(&'static str, Fact)], before: &str, all: &mut Vec<(String, &'static str)>) {
    for (name, fact) in of {
        let path = format!("{before}{name}");
        match fact {
            Text => all.push((path, "text")),
            Number => all.push((path, "number")),
            Bool => all.push((path, "bool")),
            Texts => all.push((path, "texts")),
            Object(fields) => walk(fields, &format!("{path}."), all),
            List(fields) => walk(fields, &format!("{path}[]."), all),
        }
    }
}
