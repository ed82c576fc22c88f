//! Of step 5: what is there for stock tools says no other than the checkpoints do.

use pulih_ledger::ids::SiteId;
use pulih_ledger::proof::check_consistency;
use pulih_ledger::tlog_proof::AddCheckpoint;

use super::Bundle;
use super::checkpoints::Checkpoints;
use super::tree::Tree;
use crate::places::{Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// Each is for the checkpoint of its size, as that is in the bundle, and leads to it from another one there.
pub fn check(
    bundle: &Bundle<'_>,
    site: &SiteId,
    kept: &Checkpoints,
    tree: &Tree,
    report: &mut Report,
) -> Result<(), SourceError> {
    for (part, place) in bundle.parts(site) {
        let Part::Consistency(size) = part else { continue };
        let Some(bytes) = bundle.read(place, report)? else { continue };
        let asked = match AddCheckpoint::parse(&bytes) {
            Ok(asked) => asked,
            Err(why) => {
                report.problem(Code::Damaged, place, why.to_string());
                continue;
            }
        };
        let note = Place::Of(site.clone(), Part::Kept(*size));
        let Some(note) = bundle.need(&note, report)? else { continue };
        if asked.checkpoint.as_bytes() != note {
            report.problem(Code::Damaged, place, "its checkpoint is not the one of this size");
            continue;
        }
        match (kept.root(asked.old), kept.root(*size)) {
            (Some(old), Some(new)) => {
                if let Err(why) = check_consistency((asked.old, old), (*size, new), &asked.proof) {
                    report.problem(Code::RootMismatch, place, why.to_string());
                }
            }
            // The tiles are not there or are not believed, and that was told.
            _ if !tree.is_whole() => {}
            _ => report.problem(Code::Missing, place, "one of its two checkpoints is not there, or is not believed"),
        }
    }
    Ok(())
}
