//! The templates, in the program. A page is made of these and of the data, which they read as JSON: nothing of the
//! data is ever part of a source.

use crate::report::Kind;

/// The file that puts all parts of a report together.
pub fn main(kind: Kind) -> String {
    format!("/{}.typ", kind.name())
}

/// The data, made printable.
pub const DATA: &str = "/data.json";
/// The language, and what stands on the page about the data itself.
pub const VIEW: &str = "/view.json";

macro_rules! templates {
    ($($path:literal),* $(,)?) => {
        [$((concat!("/", $path), include_str!(concat!("../typ/", $path)))),*]
    };
}

/// By path. `words/` has the labels, in both languages: those that reports share, and those of each.
pub const ALL: [(&str, &str); 50] = templates![
    "approval.typ",
    "bandwidth.typ",
    "budget.typ",
    "budget/sheet.typ",
    "by-hand.typ",
    "charts/axis.typ",
    "charts/bars.typ",
    "charts/phases.typ",
    "charts/plain.typ",
    "charts/timeline.typ",
    "closing.typ",
    "continuity.typ",
    "continuity/annex.typ",
    "continuity/basis.typ",
    "continuity/clauses.typ",
    "continuity/cover.typ",
    "continuity/findings.typ",
    "continuity/judgement.typ",
    "continuity/minutes.typ",
    "continuity/organisation.typ",
    "continuity/scope.typ",
    "continuity/steps.typ",
    "continuity/targets.typ",
    "continuity/test.typ",
    "continuity/vital.typ",
    "coverage.typ",
    "evaluation.typ",
    "evaluation/clauses.typ",
    "evaluation/held.typ",
    "evaluation/year.typ",
    "fitted.typ",
    "look.typ",
    "monthly.typ",
    "monthly/figures.typ",
    "monthly/foot.typ",
    "monthly/lists.typ",
    "monthly/tonight.typ",
    "opening.typ",
    "say.typ",
    "standing.typ",
    "tiles.typ",
    "verdict.typ",
    "verify.typ",
    "words/bandwidth.json",
    "words/budget.json",
    "words/continuity.json",
    "words/coverage.json",
    "words/evaluation.json",
    "words/monthly.json",
    "words/shared.json",
];

/// Or else it is read as data.
pub fn is_source(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending == "typ")
}
