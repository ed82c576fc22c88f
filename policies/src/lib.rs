//! Policies: what the Dinas decides about how often data is saved, how long it is kept and how
//! much of the line it may use. A policy is a TOML file that people read and sign; here it is
//! read, checked, compared with the one before, and asked what it says of a dataset.
//!
//! A recovery plan is another such file: which services come back in which order, and who does what.
//! `docs/contracts/plan.md` is its contract. So is an application recipe, `docs/contracts/recipe.md`: the one file
//! here that says what is executed, which is why only a site's own admin signs one. And so is a regulation pack,
//! `docs/contracts/regulation.md`.
//!
//! What a policy can never carry: who may read (recipients), who may write (signers, keys), and
//! anything to execute. A Pusat Data that was taken over hands out policies, and nothing in one
//! may help it to read, to write or to run. `docs/contracts/policy.md` is the contract.
//!
//! Everything here is pure: times come in as seconds since 1970 UTC, and nothing reads a clock.

mod class;
mod copies;
mod cron_text;
mod decision;
mod diff;
mod drills;
mod due;
mod exclude;
mod fields;
mod gap;
mod keep;
mod name;
mod plan;
mod policy;
mod problem;
mod quantity;
mod quote;
mod read;
mod recipe;
mod regulation;
mod schedule;
pub mod simulate;
mod timetable;
mod window;
mod zone;

pub use class::{Class, ClassError};
pub use copies::{Copies, Recovery};
pub use cron_text::CronError;
pub use decision::{Decision, DecisionProblem, Meaning, Word};
pub use diff::{Change, diff};
pub use drills::{Drills, PlanDrill, Wipe, WipeError};
pub use exclude::{Pattern, PatternError, wider};
pub use fields::{Field, Scope, Value};
pub use gap::longest_gap;
pub use keep::{KeepRules, Kept, Period, Standing, Tier, later};
pub use name::{Name, NameError};
pub use plan::{Part, Person, Plan, PlanProblem, Service, Task, When};
pub use policy::{Band, Limits, Office, Overrides, Policy, Rules, Targets};
pub use problem::{Problem, ProblemKind, Refused, Schema};
pub use quantity::{Delay, QuantityError, Rate, Size, Span};
pub use read::near::nearest;
pub use read::{MAX_BYTES, MAX_OVERRIDES};
pub use recipe::{Answered, DATA, Expect, Program, Question, Ready, Recipe, RecipeLimits, RecipeProblem, Up};
pub use regulation::{
    Against, Applies, Clause, ClauseKind, Item, MAX_REGULATION_TEXT_BYTES, RegencyCode, Regulation, RegulationProblem,
    Words,
};
pub use schedule::Schedule;
pub use timetable::{Timetable, jitter};
pub use window::{DayRange, HoursError, Windows};
pub use zone::{Zone, ZoneError};
