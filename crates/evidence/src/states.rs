//! Whether what is kept was shown to come back: of each dataset, recipe and plan one word, by the newest drill of it.
//! Pure: whoever asks has read the facts, and the lines of the policy.

use std::fmt;

use crate::facts::Key;
use crate::tried::{Drill, Tried};

/// How long a drill counts, in times of its schedule's longest gap.
const GAPS: u64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Failed,
    NeverTested,
    NeedsVerification,
    Overdue,
    Verified,
}

impl State {
    pub const ALL: [Self; 5] =
        [Self::Failed, Self::NeverTested, Self::NeedsVerification, Self::Overdue, Self::Verified];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::NeverTested => "never-tested",
            Self::NeedsVerification => "needs-verification",
            Self::Overdue => "overdue",
            Self::Verified => "verified",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Of what a state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Dataset(Key),
    Recipe(String),
    Plan(String),
}

/// What the policy's line that asks for its drills says now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// As the ledger names it.
    pub name: String,
    /// When the newest occurrence came whose window is over.
    pub past: Option<i64>,
    pub longest_gap_seconds: u64,
}

/// A state, and the drill that it follows from.
#[derive(Debug, Clone)]
pub struct Standing<'t> {
    pub state: State,
    pub last: Option<&'t Drill>,
    /// When every object of it was held against its name last, and was right: `verify` makes nothing verified.
    pub bytes_checked: Option<i64>,
}

impl Subject {
    fn is_of(&self, drill: &Drill) -> bool {
        let its = &drill.announced;
        match self {
            Self::Dataset(key) => ["restore", "application", "plan"].contains(&its.kind.as_str()) && drill.covers(key),
            Self::Recipe(name) => {
                ["application", "plan"].contains(&its.kind.as_str()) && drill.recipes().any(|(known, _)| known == name)
            }
            Self::Plan(name) => its.kind == "plan" && its.plan.as_ref() == Some(name),
        }
    }

    /// Whether its own part of a drill passed: what failed beside it says nothing of it.
    fn has_passed(&self, drill: &Drill) -> bool {
        let own = |what: &str, key: Option<&Key>| {
            drill.steps.iter().rfind(|step| match key {
                Some(key) => step.vault == Some(key.vault) && step.dataset.as_ref() == Some(&key.dataset),
                None => step.what == what,
            })
        };
        let step = match self {
            Self::Dataset(key) => own("", Some(key)),
            Self::Recipe(name) => own(&format!("application {name}"), None),
            Self::Plan(_) => None,
        };
        step.map_or(drill.outcome() == Some("passed"), |step| step.outcome == "passed")
    }

    /// Whether it is no longer what was drilled.
    fn has_changed(&self, tried: &Tried, drill: &Drill) -> bool {
        match self {
            Self::Dataset(key) => tried.class_changed(&key.vault, drill.index),
            Self::Recipe(name) => {
                drill.recipes().any(|(known, object)| known == name && tried.recipe_differs(name, object))
            }
            Self::Plan(name) => tried.plan_changed(name, drill.index),
        }
    }
}

impl Tried {
    /// `is_other`: whether it is described otherwise than the points of that drill are, as the store says.
    pub fn state(
        &self,
        subject: &Subject,
        schedule: Option<&Schedule>,
        now: i64,
        is_other: impl Fn(&Drill) -> bool,
    ) -> Standing<'_> {
        let last = self.drills().iter().rev().find(|drill| drill.is_tried() && subject.is_of(drill));
        let state = match last {
            Some(last) if !subject.has_passed(last) => State::Failed,
            None => State::NeverTested,
            Some(last) if subject.has_changed(self, last) || is_other(last) => State::NeedsVerification,
            Some(last) if schedule.is_some_and(|its| self.is_overdue(its, last, now)) => State::Overdue,
            Some(_) => State::Verified,
        };
        Standing { state, last, bytes_checked: self.bytes_checked(subject) }
    }

    /// An occurrence came that nobody tried, or the drill is too long ago.
    fn is_overdue(&self, its: &Schedule, last: &Drill, now: i64) -> bool {
        let is_its = |drill: &&Drill| drill.is_tried() && drill.announced.schedule.as_ref() == Some(&its.name);
        let newest = self.drills().iter().rev().find(is_its).map_or(last.at, |drill| drill.at.max(last.at));
        let age = now.saturating_sub(last.at).max(0) as u64;
        let past = its.past.max(self.missed(&its.name));
        past.is_some_and(|past| past > newest) || age > its.longest_gap_seconds.saturating_mul(GAPS)
    }

    fn bytes_checked(&self, subject: &Subject) -> Option<i64> {
        let Subject::Dataset(key) = subject else { return None };
        let checked = self.drills().iter().rev().find(|drill| {
            let is_it = |what: &str, outcome: &str| what == "verify" && outcome == "passed";
            drill.steps.iter().any(|step| {
                is_it(&step.what, &step.outcome)
                    && step.vault == Some(key.vault)
                    && step.dataset.as_ref() == Some(&key.dataset)
            })
        });
        checked.map(|drill| drill.at)
    }
}

#[cfg(test)]
mod tests;
