//! `drill open` and `drill attest`: what an independent auditor does, with a key of that person's own.

use std::path::Path;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{DrillAttested, DrillOpened};
use pulih_ledger::ids::Sha256;
use serde_json::Value;

use super::to_its_end;
use crate::cli::ask::{answer, said};
use crate::cli::findings::findings;
use crate::cli::keys::AtKeeper;
use crate::cli::{Failure, Signed, person};
use crate::control::Ask;
use crate::drc::drills::Ask as Drills;
use crate::site::SiteDir;

/// What comes with an attestation.
pub struct Files<'a> {
    pub findings: Option<&'a Path>,
    pub document: Option<&'a Path>,
}

/// The hash of the entry that is meant.
fn to_sign(dir: &SiteDir, drill: &str, ended: bool) -> Result<Sha256, Failure> {
    let told = answer(dir, Ask::Drill(Drills::ToSign { id: drill.to_owned(), ended }))?;
    told["sha256"].as_str().unwrap_or_default().parse().map_err(said)
}

fn sign(dir: &SiteDir, signed: &Signed, body: Body) -> Result<(), Failure> {
    let entry = person::entry(&dir.site()?, signed, body)?;
    answer(dir, Ask::Act { entry, attachment: None }).map(|_| ())
}

/// Returns the exit status of the drill.
pub fn open(dir: &SiteDir, drill: &str, signed: &Signed, at: &AtKeeper, json: bool) -> Result<u8, Failure> {
    let opened = DrillOpened { drill: drill.parse().map_err(said)?, announcement: to_sign(dir, drill, false)? };
    sign(dir, signed, opened.into())?;
    eprintln!("drill {drill} is opened");
    to_its_end(dir, drill, &at.keeper, json)
}

pub fn attest(dir: &SiteDir, drill: &str, opinion: &str, files: &Files, signed: &Signed) -> Result<Value, Failure> {
    let attested = DrillAttested {
        drill: drill.parse().map_err(said)?,
        ended: to_sign(dir, drill, true)?,
        opinion: opinion.to_owned(),
        findings: files.findings.map(findings).transpose()?.unwrap_or_default(),
        document_sha256: files.document.map(person::document).transpose()?,
    };
    sign(dir, signed, attested.into())?;
    answer(dir, Ask::Drill(Drills::Show { id: drill.to_owned() }))
}
