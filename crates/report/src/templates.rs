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

/// By path. `words.json` has the labels, in both languages.
pub const ALL: [(&str, &str); 22] = templates![
    "annex.typ",
    "basis.typ",
    "charts/axis.typ",
    "charts/bars.typ",
    "charts/phases.typ",
    "charts/timeline.typ",
    "clauses.typ",
    "continuity.typ",
    "cover.typ",
    "approval.typ",
    "findings.typ",
    "judgement.typ",
    "look.typ",
    "minutes.typ",
    "organisation.typ",
    "say.typ",
    "scope.typ",
    "steps.typ",
    "targets.typ",
    "test.typ",
    "vital.typ",
    "words.json",
];

/// Or else it is read as data.
pub fn is_source(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending == "typ")
}
