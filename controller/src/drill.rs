//! The worker of drills: a process of its own that restores, or reads, what was announced, and asks whoever serves the
//! site for every decision. What it writes lies in one folder, which it wipes; it writes no ledger.

pub mod application;
mod child;
pub mod log;
mod restore;
pub mod scratch;
mod serve;
mod steps;
mod verify;
mod work;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pulih_keeper::Keeper;
use pulih_restore::recover::free_bytes;
use rustix::fs::{FlockOperation, flock};

pub use child::{follow, spawn};
pub use serve::serve;
pub use work::{Worker, work};

use crate::catalog::Catalog;
use crate::drc::drills::order::Host;
use crate::gateway::answer::{Answer, Refusal};
use crate::recover;
use crate::site::SiteDir;

/// Held by whoever does a drill: one on a host. Free again as soon as that process is gone, however it went.
const LOCK: &str = "drill.lock";

fn lock_file(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `None`: a drill is going on.
pub fn try_lock(dir: &SiteDir) -> io::Result<Option<File>> {
    lock_file(&dir.path(LOCK))
}

/// Why no drill goes on now: in a disaster, and while people bring data back, the host is theirs.
pub fn people_first(dir: &SiteDir, catalog: &Catalog) -> Answer<Option<String>> {
    if let Some(its) = catalog.disaster()? {
        return Ok(Some(format!("disaster {} is declared", its.id)));
    }
    let open: Vec<_> = catalog.recoveries()?.into_iter().filter(|its| its.ended.is_none()).collect();
    for its in open {
        let name =
            its.server.as_ref().map_or_else(|| "recovery.lock".into(), |server| format!("recovery-{server}.lock"));
        let path = dir.path(&name);
        let is_followed = path.exists() && lock_file(&path).map_err(|error| Refusal::internal(&error))?.is_none();
        if is_followed {
            return Ok(Some(format!("recovery {} goes on", its.id)));
        }
    }
    Ok(None)
}

/// What this host has for a drill now.
pub fn host(keeper: &Path, scratch: Option<&Path>) -> Host {
    Host {
        standings: recover::standings(Keeper::connect(keeper)),
        free_bytes: scratch.and_then(free_bytes),
        reserve_bytes: scratch.and_then(pulih_sandbox::reserve_bytes),
        no_scratch: scratch.and_then(|place| scratch::try_out(place).err()).map(|error| error.to_string()),
        no_recipes: pulih_sandbox::missing(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_place_in_which_nothing_can_be_made_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = folder.path().join("keeper.sock");
        assert_eq!(host(&nobody, Some(folder.path())).no_scratch, None);
        // Its disk is not mounted, or this process may not write there.
        assert!(host(&nobody, Some(&folder.path().join("nowhere"))).no_scratch.is_some());
        assert_eq!(host(&nobody, None).no_scratch, None);
    }
}
