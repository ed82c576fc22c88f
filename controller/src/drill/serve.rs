//! Drills while the site is served: looked at again and again, and one worker at a time.

use std::path::Path;
use std::time::Duration;

use super::{follow, host, people_first, spawn};
use crate::base::lock;
use crate::drc::Drc;
use crate::gateway::answer::{Answer, Refusal};

/// Between looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Until the site's process is ended.
pub fn serve(drc: &Drc, keeper: &Path) {
    while !drc.is_stopping() {
        let looked = drc.tend_drills(|| host(keeper, drc.site.drill_scratch.as_deref()));
        let done = looked.and_then(|begins| begins.map_or(Ok(false), |id| run(drc, keeper, &id)));
        match done {
            // The next one may wait.
            Ok(true) => {}
            Ok(false) => drc.drilling.wait(LOOK_EVERY),
            Err(refusal) => {
                eprintln!("warning: drills do not go on now: {}", refusal.message);
                drc.drilling.wait(LOOK_EVERY);
            }
        }
    }
}

/// One drill to its end; returns whether it has ended.
fn run(drc: &Drc, keeper: &Path, id: &str) -> Answer<bool> {
    let child = spawn(&drc.dir, keeper, id, true).map_err(|error| Refusal::internal(&error))?;
    drc.drilling.follows(Some(id));
    let why = follow(child, || {
        if drc.is_stopping() {
            return Some("the process that serves the site was ended".into());
        }
        let first = people_first(&drc.dir, &lock(&drc.catalog)).ok().flatten();
        drc.drilling.cancelled().or(first)
    });
    let done = is_over(drc, id, why.as_deref());
    drc.drilling.follows(None);
    done
}

fn is_over(drc: &Drc, id: &str, why: Option<&str>) -> Answer<bool> {
    let its = lock(&drc.catalog).drill(id)?;
    let Some(its) = its.filter(|its| its.ended.is_none()) else { return Ok(true) };
    match why {
        Some(why) if its.started.is_some() || drc.drilling.cancelled().is_some() => drc.abort_drill(id, why)?,
        None if its.started.is_some() => drc.abort_drill(id, "its worker went away")?,
        // It waits for its time.
        Some(_) | None => return Ok(false),
    }
    Ok(true)
}
