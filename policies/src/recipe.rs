//! Application recipes: how a service is brought up from its restored data in a box of its own, what it is asked, and
//! what it must answer. Signed by an admin of the site that runs it, and never taken from anywhere else: it says what
//! is executed. `docs/contracts/recipe.md`.

mod expect;
mod problem;
mod read;

use std::collections::BTreeMap;

use crate::name::Name;
use crate::plan::Part;
use crate::quantity::{Delay, Size};

pub use expect::{Answered, Expect, Pattern};
pub use problem::RecipeProblem;

/// Where the restored data is in the box: `/data/AGENT/DATASET` and the path that it had.
pub const DATA: &str = "/data";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub name: Name,
    /// Rises with each version that is applied.
    pub version: u32,
    /// What is restored for it, in this order.
    pub datasets: Vec<Part>,
    pub limits: RecipeLimits,
    /// Folders and files of the host that are in the box, read only.
    pub programs: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub up: Vec<Up>,
    /// Never empty.
    pub ask: Vec<Question>,
    pub down: Vec<Program>,
}

/// What all programs of a recipe may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipeLimits {
    pub time: Delay,
    pub memory: Size,
    /// What they may write beyond what was restored.
    pub disk: Size,
    pub processes: u32,
}

/// A program with its arguments; never empty, and no shell reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Up {
    pub run: Program,
    /// It goes on while the others run.
    pub background: bool,
    pub ready: Option<Ready>,
}

/// Run again and again until its status is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub run: Program,
    pub within: Delay,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub run: Program,
    pub expect: Expect,
}

impl Program {
    /// Its path and arguments.
    pub fn argv(&self) -> &[String] {
        &self.0
    }

    pub fn path(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl Recipe {
    /// All programs that it names, in the order of the file.
    pub fn all_programs(&self) -> impl Iterator<Item = &Program> {
        let up = self.up.iter().flat_map(|its| [Some(&its.run), its.ready.as_ref().map(|ready| &ready.run)]);
        up.flatten().chain(self.ask.iter().map(|its| &its.run)).chain(&self.down)
    }
}
