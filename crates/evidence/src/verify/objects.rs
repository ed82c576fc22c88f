//! Step 11: each object is what its name says, and each that an entry of the period names is there.

use std::collections::BTreeSet;

use pulih_ledger::ids::SiteId;
use pulih_vault::id::ObjectHash;

use super::Bundle;
use super::entries::Follower;
use crate::places::{Kept, Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// The objects of a site's log.
pub fn of_site(
    bundle: &Bundle<'_>,
    site: &SiteId,
    follower: &mut Follower,
    report: &mut Report,
) -> Result<(), SourceError> {
    for (part, place) in bundle.parts(site) {
        let Part::Object(kind, hash) = part else { continue };
        let Some(bytes) = bundle.read(place, report)? else { continue };
        if ObjectHash::of(&bytes) != *hash {
            report.problem(Code::Object, place, "its bytes are not those of its name");
        } else if *kind == Kept::Drills {
            follower.drills.read_log(*hash, &bytes);
        }
    }
    for ((kind, hash), index) in &follower.named {
        let place = Place::Of(site.clone(), Part::Object(*kind, *hash));
        if !bundle.has(&place) {
            report.problem(Code::Missing, place, format!("entry {index} names it"));
        }
    }
    Ok(())
}

/// Manifests of snapshots; `points` are those that a drill announced.
pub fn manifests(bundle: &Bundle<'_>, points: &BTreeSet<String>, report: &mut Report) -> Result<(), SourceError> {
    for place in bundle.files.keys() {
        let Place::Manifest(vault, dataset, name) = place else { continue };
        let Some(bytes) = bundle.read(place, report)? else { continue };
        if ObjectHash::of(&bytes) != name.hash {
            report.problem(Code::Object, place, "its bytes are not those of its name");
        }
        if !points.contains(&format!("{vault}/{dataset}/{name}")) {
            report.problem(Code::Object, place, "no drill names this point");
        }
    }
    Ok(())
}
