//! What a drill does, as both sides of the control socket say it.

use std::path::PathBuf;

use pulih_keeper::Standing;
use pulih_ledger::entry::kinds::DrillAnnounced;
use serde::{Deserialize, Serialize};

use super::super::recovery::order::Dataset;

/// What a person wants tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub kind: String,
    /// Some datasets of this class, as a schedule would choose them.
    pub class: Option<String>,
    /// The recovery plan of a drill of one.
    #[serde(default)]
    pub plan: Option<String>,
    /// The recipe of a drill of an application.
    #[serde(default)]
    pub recipe: Option<String>,
    /// `DATASET` or `AGENT/DATASET`, without a class, plan or recipe.
    pub datasets: Vec<String>,
    /// Who tests independently: then it is a qualifying test.
    #[serde(default)]
    pub auditor: Option<Auditor>,
    /// How many of a point's files in a hundred are restored; `None`: all of them.
    #[serde(default)]
    pub sample_percent: Option<u64>,
}

/// An independent tester, as the person who orders the drill names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auditor {
    pub user: String,
    pub institution: String,
    /// Number of the decree that sends the person.
    pub mandate: String,
}

/// What would be announced, and what is known to be in its way. What is shown is what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub announced: DrillAnnounced,
    pub items: Vec<Dataset>,
    pub problems: Vec<String>,
    /// At the rate that recoveries and drills came to here.
    pub forecast_seconds: Option<u64>,
}

/// What the host has for a drill now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// How the keeper's identities stand; `Err`: why it could not be asked.
    pub standings: Result<Vec<Standing>, String>,
    /// Bytes that are free in the scratch place.
    pub free_bytes: Option<u64>,
    /// Bytes that a recipe must leave free there.
    #[serde(default)]
    pub reserve_bytes: Option<u64>,
    /// Why nothing can be written in the scratch place.
    #[serde(default)]
    pub no_scratch: Option<String>,
    /// Why no recipe can be run here.
    #[serde(default)]
    pub no_recipes: Option<String>,
}

/// Whether a drill may begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "start", rename_all = "kebab-case")]
pub enum Start {
    /// It has begun: this is on the ledger.
    Now { order: Order },
    /// Not yet, because of this.
    Wait { why: String },
    /// It has ended without being tried.
    Over { outcome: String },
}

/// What the worker does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub drill: String,
    pub kind: String,
    pub items: Vec<Dataset>,
    /// Run over their datasets, each once these are restored.
    pub recipes: Vec<Applied>,
    /// How many of a point's files in a hundred are drawn; `None`: all are restored.
    pub sample_percent: Option<u8>,
    /// By what they are drawn; also of a drill without a sample, if it is there.
    pub first: Option<First>,
    /// The scratch place; a drill that restores has one.
    pub scratch: Option<PathBuf>,
    /// What failed stays for people to look.
    pub keep_failed: bool,
}

/// A recipe as it was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub recipe: String,
    pub version: u64,
    /// BLAKE3 of its text.
    pub object: String,
}

/// The first co-signature over an announcement, as `drill-started` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// Of the checkpoint that was co-signed.
    pub size: u64,
    pub cosigner: String,
    /// The signature line.
    pub cosignature: String,
}

/// What a step tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tried", rename_all = "kebab-case")]
pub enum Subject {
    /// `<vault>/<dataset>/<manifest>`.
    Point {
        point: String,
    },
    Recipe {
        recipe: String,
    },
}

/// How a step ended; `Skipped`: a recipe could not be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Outcome {
    pub fn of(is_good: bool) -> Self {
        if is_good { Self::Passed } else { Self::Failed }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A step that has ended. The site counts it, and says whether it was one that was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnded {
    pub drill: String,
    pub subject: Subject,
    pub outcome: Outcome,
    pub began: String,
    pub milliseconds: u64,
    pub fetch_ms: u64,
    pub decrypt_ms: u64,
    pub write_ms: u64,
    pub verify_ms: u64,
    pub check_ms: u64,
    pub files: u64,
    pub bytes: u64,
    pub total_files: u64,
    pub total_bytes: u64,
    pub text: String,
}

/// All that the worker could do is done, and its scratch place wiped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub drill: String,
    pub milliseconds: u64,
    pub leftovers: u64,
    pub text: String,
}
