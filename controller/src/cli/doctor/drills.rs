//! Whether drills can run at a DRC: what the policy asks for, the scratch place, its room, and the keeper.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pulih_policies::{DATA, Program, Recipe};
use pulih_restore::recover::free_bytes;
use pulih_terminal::{Findings, size};
use pulih_vault::store::Store;

use super::{AtKeeper, Catalog, SiteDir, SiteFile, load_policy};
use crate::drc::drills::due::{Line, lines};
use crate::drc::drills::order::Applied;
use crate::drc::drills::restores;
use crate::drill::{application, scratch};
use crate::recover::{missing, standings};
use crate::site::SiteRole;

pub fn look(dir: &SiteDir, site: &SiteFile, store: &dyn Store, at: &AtKeeper, found: &mut Findings) {
    if site.role != SiteRole::Drc {
        return;
    }
    // What is wrong with these was told.
    let Ok(catalog) = Catalog::open(&dir.path("catalog.sqlite")) else { return };
    let Ok(in_force) = load_policy(store, site, &catalog) else { return };
    look_at_recipes(dir, (site, store, at), &catalog, found);
    let lines = lines(&in_force.policy);
    if lines.is_empty() && site.drill_scratch.is_none() {
        return found.ok("drills", "none are asked for by the policy");
    }
    match &site.drill_scratch {
        Some(place) => look_at_scratch(place, found),
        None if lines.iter().any(|line| restores(&line.kind)) => {
            found.wrong("drills", "the policy asks for drills that restore, and site.toml has no `drill_scratch`");
        }
        None => {}
    }
    look_at_keeper(&lines, at, found);
    if let Ok(Some(last)) = catalog.drills().map(|all| all.into_iter().find(|its| its.ended.is_some())) {
        let outcome = last.outcome.as_deref().unwrap_or("-");
        let text = format!("the last one, {} ({}), ended as {outcome}", last.id, last.kind);
        if outcome == "passed" { found.ok("drills", text) } else { found.warning("drills", text) }
    }
}

/// Whether what is in force can be run on this host.
fn look_at_recipes(
    dir: &SiteDir,
    (site, store, at): (&SiteFile, &dyn Store, &AtKeeper),
    catalog: &Catalog,
    found: &mut Findings,
) {
    // What is wrong with these was told.
    let (Ok(recipes), Ok(site)) = (catalog.recipes(), site.id()) else { return };
    if recipes.is_empty() {
        return;
    }
    if let Some(why) = pulih_sandbox::missing() {
        return found.wrong("recipes", format!("none can be run here, their drills are skipped: {why}"));
    }
    let places = match application::places(dir, &at.keeper) {
        Ok(places) => places,
        Err(why) => return found.wrong("recipes", why),
    };
    for its in recipes {
        let applied = Applied { recipe: its.name, version: its.version, object: its.object };
        match application::read(store, &site, &applied) {
            Err(why) => found.wrong("recipes", why),
            Ok(recipe) => {
                let absent = absent(&recipe).map(|path| format!("{path} is not on this host; its drills fail"));
                let shows = || {
                    application::shows(&recipe.programs, &places).map(|why| format!("its drills are skipped: {why}"))
                };
                match absent.or_else(shows) {
                    Some(why) => found.wrong("recipes", format!("recipe {}: {why}", applied.recipe)),
                    None => found.ok("recipes", format!("{} version {} can be run", applied.recipe, applied.version)),
                }
            }
        }
    }
}

/// A program of a recipe that is not on this host, of those that do not come with the data.
fn absent(recipe: &Recipe) -> Option<&str> {
    let of_host = recipe.all_programs().map(Program::path).filter(|path| !Path::new(path).starts_with(DATA));
    of_host.into_iter().find(|path| !Path::new(path).exists())
}

fn look_at_scratch(place: &Path, found: &mut Findings) {
    match fs::symlink_metadata(place) {
        Ok(its) if !its.is_dir() => found.wrong("drills", format!("{} is no folder", place.display())),
        Ok(its) if its.permissions().mode() & 0o077 != 0 => {
            found.warning("drills", format!("other users may enter {}; run `chmod 700` on it", place.display()));
        }
        Ok(_) => {
            if let Err(error) = scratch::try_out(place) {
                let text = format!("this user cannot write in the scratch place {}: {error}", place.display());
                return found.wrong("drills", text);
            }
            let free = free_bytes(place).map_or_else(|| "nobody knows how much".to_owned(), size);
            // The service may be kept from what this shell may do.
            found.ok(
                "drills",
                format!(
                    "the scratch place {0} has room for {free} and can be written to from this shell; the systemd unit \
                     needs `ReadWritePaths={0}` for it, with `systemctl edit pulih-controller`",
                    place.display()
                ),
            );
        }
        Err(error) => found.wrong("drills", format!("the scratch place {} cannot be used: {error}", place.display())),
    }
}

/// Of the classes that are to be restored.
fn look_at_keeper(lines: &[Line], at: &AtKeeper, found: &mut Findings) {
    let classes: Vec<&str> =
        lines.iter().filter(|line| restores(&line.kind)).filter_map(|line| line.of.class()).collect();
    if classes.is_empty() {
        return;
    }
    let standings = match standings(at.connect()) {
        Ok(standings) => standings,
        Err(why) => return found.warning("drills", format!("this user cannot see whether keys are there: {why}")),
    };
    for class in classes {
        match standings.iter().find(|its| its.class == class) {
            None => {
                found.wrong("drills", format!("the keeper has no identity for class {class}: its drills are skipped"));
            }
            Some(its) if !its.open => found.warning("drills", missing(its)),
            Some(_) => found.ok("drills", format!("the keeper opens class {class}")),
        }
    }
}
