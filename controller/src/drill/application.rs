//! A step that tries an application: its recipe, read from the store by the hash that was announced, runs over what was
//! restored. What its programs print goes into the log and is believed by nobody.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pulih_ledger::ids::SiteId;
use pulih_policies::{MAX_BYTES, Recipe};
use pulih_sandbox::{Ended, Outcome, Phase, Program, Run, Told};
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, Store};
use serde_json::{Map, Value, json};

use super::log::Log;
use crate::drc::drills::order::{self, Applied};
use crate::site::SiteDir;
use crate::store;

/// Arguments with which this program supervises a recipe's programs.
pub const INSIDE: [&str; 2] = ["drill", "inside"];

/// Reads a recipe that was announced: no other bytes than those are run.
pub fn read(objects: &dyn Store, site: &SiteId, its: &Applied) -> Result<Recipe, String> {
    let told = |error: &dyn std::fmt::Display| format!("recipe {}: {error}", its.recipe);
    let name: ObjectName = format!("site/{site}/recipes/{}", its.object).parse().map_err(|error| told(&error))?;
    let bytes = objects.read(&name, MAX_BYTES as u64).map_err(|error| told(&error))?;
    if ObjectHash::of(&bytes).to_string() != its.object {
        return Err(format!(
            "recipe {}: what is in the store is damaged; apply it again with a higher version",
            its.recipe
        ));
    }
    Recipe::parse(&its.recipe, &bytes).map_err(|_| format!("recipe {}: this version cannot read it", its.recipe))
}

/// What is this site's and nobody else's, each with its name for people.
pub fn places(dir: &SiteDir, keeper: &Path) -> Result<Vec<(&'static str, PathBuf)>, String> {
    let scratch = dir.site().map_err(|error| error.to_string())?.drill_scratch;
    let store = store::folder(dir).map_err(|error| error.to_string())?;
    let own = [("the state folder", dir.root().to_owned()), ("the keeper's socket", keeper.to_owned())];
    let others = [("the scratch place", scratch), ("the store", store)];
    let others = others.into_iter().filter_map(|(name, path)| Some((name, path?)));
    Ok(own.into_iter().chain(others).collect())
}

/// Why a recipe's programs would show it what is this site's: a folder of them has one of these places in it, or lies in
/// one. Each place has its name for people.
pub fn shows(programs: &[String], places: &[(&str, PathBuf)]) -> Option<String> {
    programs.iter().find_map(|program| {
        // What is not there is not in the box either.
        let folder = Path::new(program).canonicalize().ok()?;
        let meets = |place: &Path| {
            let place = whole(place);
            place.starts_with(&folder) || folder.starts_with(place)
        };
        let (what, _) = places.iter().find(|(_, place)| meets(place))?;
        Some(format!("{program} of its `programs` and {what} of this site lie in one another: name narrower folders"))
    })
}

/// Without links, as far as it is there.
fn whole(path: &Path) -> PathBuf {
    let named = || path.parent().zip(path.file_name()).map(|(parent, name)| whole(parent).join(name));
    path.canonicalize().ok().or_else(named).unwrap_or_else(|| path.to_owned())
}

/// Runs a recipe over a folder with its datasets.
pub fn run(drill: &str, recipe: &Recipe, data: &Path, (log, step): (&Log, u64)) -> Ended {
    let (interrupted, told) = (AtomicBool::new(false), Lines { log, step });
    Run { name: drill, recipe, data, inside: &INSIDE, interrupted: &interrupted, told: &told }.run()
}

pub fn outcome(outcome: Outcome) -> order::Outcome {
    match outcome {
        Outcome::Passed => order::Outcome::Passed,
        Outcome::Failed => order::Outcome::Failed,
        Outcome::Skipped => order::Outcome::Skipped,
    }
}

struct Lines<'l> {
    log: &'l Log,
    step: u64,
}

impl Told for Lines<'_> {
    fn program(&self, its: &Program) {
        let mut line = json!({
            "step": self.step, "phase": its.phase.as_str(), "number": its.number, "status": its.status,
            "took_ms": its.took.as_millis() as u64,
        });
        if let Some(fields) = line.as_object_mut() {
            // One that asks whether another is ready is run again and again.
            if its.phase != Phase::Ready {
                fields.insert("ok".into(), its.is_right.into());
            }
            if !its.text.is_empty() {
                fields.insert("text".into(), its.text.into());
            }
            printed(its, fields);
        }
        self.log.line(line);
    }
}

/// What it printed: as text where that is plain, else in base64.
fn printed(its: &Program, fields: &mut Map<String, Value>) {
    let is_plain = |text: &&str| text.chars().all(|its| its == '\n' || its == '\t' || !its.is_control());
    match std::str::from_utf8(its.output).ok().filter(is_plain) {
        Some("") => {}
        Some(text) => drop(fields.insert("printed".into(), text.into())),
        None => drop(fields.insert("printed_base64".into(), BASE64.encode(its.output).into())),
    }
    if its.left_out > 0 {
        fields.insert("printed_left_out_bytes".into(), its.left_out.into());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn programs_that_show_what_is_the_sites_are_known_also_by_a_link() {
        let host = tempfile::tempdir().unwrap();
        let at = |name: &str| host.path().join(name);
        for folder in ["opt/app", "opt/app-2", "opt/pulih/state/keys", "elsewhere"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        symlink(at("opt/pulih"), at("elsewhere/link")).unwrap();
        symlink(at("opt"), at("lib")).unwrap();
        let places = [("the state folder", at("opt/pulih/state"))];
        let shown = |program: &str| shows(&[at(program).display().to_string()], &places);
        for bad in ["opt", "opt/pulih", "opt/pulih/state", "opt/pulih/state/keys", "lib", "elsewhere/link"] {
            assert!(shown(bad).is_some_and(|why| why.contains("the state folder")), "{bad}");
        }
        for good in ["opt/app", "opt/app-2", "elsewhere", "opt/nowhere"] {
            assert_eq!(shown(good), None, "{good}");
        }
        // A socket or folder that is not there yet, behind a link.
        let places = [("the keeper's socket", at("elsewhere/link/run/keeper.sock"))];
        assert!(shows(&[at("opt").display().to_string()], &places).is_some());
    }
}
