//! A file with what is to be mended, as an auditor writes it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use pulih_ledger::entry::kinds::DrillFinding;
use serde::Deserialize;

use super::ask::said;
use super::{Failure, person};
use crate::record::time;

const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    finding: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    text: String,
    owner: String,
    until: String,
}

pub fn findings(file: &Path) -> Result<Vec<DrillFinding>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::Said(format!("{}: {why}", file.display()));
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
    read.map_err(|error| wrong(&error))?;
    let found: Found = toml::from_str(&text).map_err(|error| wrong(&error))?;
    let finding = |its: Finding| {
        let until = time(person::until(&its.until)?).map_err(said)?;
        Ok(DrillFinding { text: its.text, owner: its.owner, until })
    };
    found.finding.into_iter().map(finding).collect()
}
