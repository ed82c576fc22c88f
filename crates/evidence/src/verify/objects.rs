//! Step 11: each object is what its name says, and each that an entry of the period names is there.

use std::collections::BTreeSet;

use pulih_ledger::ids::SiteId;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::Unverified;
use serde::Deserialize;

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
            follower.drills.read_log(*hash, &bytes, &|point| files_of(bundle, point))?;
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

#[derive(Deserialize)]
struct Counts {
    files: u64,
}

#[derive(Deserialize)]
struct Manifest {
    counts: Counts,
}

/// How many files a point has, by its manifest, if that is here and is what its name says: then it is the one that
/// was announced, whoever signed it.
fn files_of(bundle: &Bundle<'_>, point: &str) -> Result<Option<u64>, SourceError> {
    let Ok(place) = format!("manifests/{point}").parse::<Place>() else { return Ok(None) };
    let Place::Manifest(.., name) = &place else { return Ok(None) };
    if !bundle.has(&place) {
        return Ok(None);
    }
    let Some(bytes) = bundle.read(&place, &mut Report::default())? else { return Ok(None) };
    if ObjectHash::of(&bytes) != name.hash {
        return Ok(None);
    }
    let manifest = Unverified::parse(&bytes).ok();
    let manifest = manifest.and_then(|note| serde_json::from_str::<Manifest>(note.claimed_text()).ok());
    Ok(manifest.map(|its| its.counts.files))
}

/// Manifests of snapshots; `points` are those that a drill or a recovery named.
pub fn manifests(bundle: &Bundle<'_>, points: &BTreeSet<String>, report: &mut Report) -> Result<(), SourceError> {
    for place in bundle.files.keys() {
        let Place::Manifest(vault, dataset, name) = place else { continue };
        let Some(bytes) = bundle.read(place, report)? else { continue };
        if ObjectHash::of(&bytes) != name.hash {
            report.problem(Code::Object, place, "its bytes are not those of its name");
        }
        if !points.contains(&format!("{vault}/{dataset}/{name}")) {
            report.problem(Code::Object, place, "no entry names this point");
        }
    }
    Ok(())
}
