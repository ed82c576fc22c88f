//! The fields of entries about drills that no site writes yet, as `docs/contracts/evidence.md` has them; and lines of
//! a drill's log. All of each is read, so that an entry that lacks one is told of, whether or not a step looks at it.
#![allow(dead_code)]

use pulih_ledger::ids::Sha256;
use pulih_ledger::time::Time;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub struct Opened {
    pub drill: String,
    pub announcement: Sha256,
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
