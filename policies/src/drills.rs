//! Drills of a class: when one is due, and what it takes. A site that has none of it in its policy tries nothing.

use std::fmt;
use std::str::FromStr;

use crate::quantity::Span;
use crate::schedule::Schedule;

const DEFAULT_DATASETS: u32 = 5;
/// Percent.
const ALL: u32 = 100;
const DEFAULT_WINDOW: Span = Span::from_minutes(6 * 60);

/// What the file says; what it leaves out is left out of the canonical form too, so that a policy from before there
/// were drills keeps its hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drills {
    /// When every object of some points is held against its name.
    pub verify: Option<Schedule>,
    /// When some datasets are restored whole.
    pub restore: Option<Schedule>,
    /// When recipes are run over their restored datasets.
    pub application: Option<Schedule>,
    pub datasets: Option<u32>,
    /// How much of each point a drill that restores takes; 100: all.
    pub sample_percent: Option<u32>,
    pub window: Option<Span>,
    pub wipe: Option<Wipe>,
    /// How long ago a dataset came back last, at most.
    pub longest: Option<Span>,
}

/// When all of a recovery plan is drilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanDrill {
    pub schedule: Schedule,
    pub window: Option<Span>,
}

impl PlanDrill {
    /// How long after it is due it may start.
    pub fn window(&self) -> Span {
        self.window.unwrap_or(DEFAULT_WINDOW)
    }
}

/// When what a drill restored goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wipe {
    #[default]
    Always,
    /// What failed stays for people to look.
    Passed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is neither `always` nor `passed`")]
pub struct WipeError;

impl Wipe {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Passed => "passed",
        }
    }
}

impl FromStr for Wipe {
    type Err = WipeError;

    fn from_str(text: &str) -> Result<Self, WipeError> {
        [Self::Always, Self::Passed].into_iter().find(|its| its.as_str() == text).ok_or(WipeError)
    }
}

impl fmt::Display for Wipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Drills {
    /// How many datasets a drill takes.
    pub fn datasets(&self) -> usize {
        self.datasets.unwrap_or(DEFAULT_DATASETS) as usize
    }

    /// How many of a point's files in a hundred are restored; `None`: all of them.
    pub fn sample_percent(&self) -> Option<u32> {
        self.sample_percent.filter(|percent| *percent < ALL)
    }

    /// How long after it is due a drill may start.
    pub fn window(&self) -> Span {
        self.window.unwrap_or(DEFAULT_WINDOW)
    }

    pub fn wipe(&self) -> Wipe {
        self.wipe.unwrap_or_default()
    }

    /// The line of a kind of drill.
    pub fn schedule(&self, kind: &str) -> Option<&Schedule> {
        match kind {
            "verify" => self.verify.as_ref(),
            "restore" => self.restore.as_ref(),
            "application" => self.application.as_ref(),
            _ => None,
        }
    }
}
