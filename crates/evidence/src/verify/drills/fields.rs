//! The fields of entries about drills, as `docs/contracts/evidence.md` has them. All of each is read, so that an entry
//! that lacks one is told of, whether or not a step looks at it.
#![allow(dead_code)]

use pulih_ledger::ids::Sha256;
use pulih_ledger::time::Time;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub struct Announced {
    pub drill: String,
    pub kind: String,
    pub class: Option<String>,
    pub schedule: Option<String>,
    pub occurrence: Option<u64>,
    pub due: Option<Time>,
    pub points: Vec<String>,
    pub plan: Option<String>,
    pub recipes: Option<Vec<String>>,
    pub sample_percent: Option<u8>,
    pub scratch_bytes: u64,
    pub policy: String,
    pub until: Time,
    pub auditor: Option<Auditor>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Auditor {
    pub user: String,
    pub name: String,
    pub institution: String,
    pub mandate: String,
    pub key: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Opened {
    pub drill: String,
    pub announcement: Sha256,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Started {
    pub drill: String,
    pub size: Option<u64>,
    pub cosigner: Option<String>,
    pub cosignature: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    pub drill: String,
    #[serde(rename = "step")]
    pub number: u64,
    pub what: String,
    pub vault: Option<String>,
    pub dataset: Option<String>,
    pub manifest: Option<String>,
    pub outcome: String,
    pub began: Time,
    pub milliseconds: u64,
    pub phases: Phases,
    pub files: u64,
    pub bytes: u64,
    pub total_files: u64,
    pub total_bytes: u64,
    pub text: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Phases {
    pub approve: u64,
    pub fetch: u64,
    pub decrypt: u64,
    pub write: u64,
    pub verify: u64,
    pub check: u64,
}

impl Phases {
    /// All six, whatever they say.
    pub fn sum(&self) -> u64 {
        let all = [self.approve, self.fetch, self.decrypt, self.write, self.verify, self.check];
        all.into_iter().fold(0, u64::saturating_add)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Ended {
    pub drill: String,
    pub outcome: String,
    pub milliseconds: u64,
    pub steps: u64,
    pub log: String,
    pub leftovers: u64,
    pub text: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Missed {
    pub schedule: String,
    pub kind: String,
    pub class: String,
    pub occurrence: u64,
    pub due: Time,
    pub reason: String,
    pub count: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Attested {
    pub drill: String,
    pub ended: Sha256,
    pub opinion: String,
    pub findings: Vec<Finding>,
    pub document_sha256: Option<Sha256>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Finding {
    pub owner: String,
    pub text: String,
    pub until: Time,
}

/// A line of a drill's log: of a file or a question.
#[derive(Debug, Clone, Deserialize)]
pub struct LogLine {
    pub step: u64,
    pub ok: bool,
}
