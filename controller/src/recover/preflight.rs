//! What is looked at before a recovery begins: each point and all that it needs to be believed, room
//! at the target, the keys, and how long it may take. All that is wrong is told at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pulih_keeper::{Keeper, Standing};
use pulih_terminal::size;
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::Fingerprint;
use pulih_vault::reach::chain;
use pulih_vault::store::Store;
use pulih_vault::trust::{self, TrustedVault};

use super::place;
use crate::drc::recovery::order::{Dataset, Item, Prepared};

/// What is known before it begins.
#[derive(Debug, Default)]
pub struct Preflight {
    /// Bytes of content that are still to be written, and how many datasets they are of.
    pub bytes: u64,
    pub datasets: usize,
    /// `None`: nothing was recovered here yet, so nobody knows how fast it goes.
    pub seconds: Option<u64>,
    /// All that is in the way.
    pub problems: Vec<String>,
}

/// What a dataset's vault is believed to be: by the owner key that was pinned here alone.
pub fn trusted(store: &dyn Store, its: &Dataset) -> Result<TrustedVault, String> {
    let vault = its.vault.parse().map_err(|error| format!("{}: {error}", its.label()))?;
    let owner: Fingerprint = its.owner.parse().map_err(|error| format!("{}: {error}", its.label()))?;
    trust::load(store, vault, |key| key.fingerprint() == owner).map_err(|error| format!("{}: {error}", its.label()))
}

/// The names of a dataset and its point.
pub fn names(its: &Dataset) -> Result<(DatasetName, ManifestName), String> {
    let dataset = its.dataset.parse().map_err(|error| format!("{}: {error}", its.label()))?;
    let manifest = its.snapshot.parse().map_err(|error| format!("{}: {error}", its.label()))?;
    Ok((dataset, manifest))
}

/// Looks at all that is to be done. `standings`: `Err` says why the keeper could not be asked.
pub fn look(
    store: &dyn Store,
    prepared: &Prepared,
    target: &Path,
    standings: &Result<Vec<Standing>, String>,
    missing: impl Fn(&Standing) -> String,
) -> Preflight {
    let mut found = Preflight { problems: prepared.problems.clone(), ..Preflight::default() };
    let left = prepared.items.iter().filter_map(|item| match item {
        Item::Dataset(its) if !its.done => Some(its),
        _ => None,
    });
    let mut classes: BTreeSet<&str> = BTreeSet::new();
    for its in left {
        found.datasets += 1;
        classes.insert(&its.class);
        match point(store, its) {
            Ok((content, recipients)) => {
                found.bytes += content.saturating_sub(bytes_below(&place(target, its)));
                let key = standings.iter().flatten().find(|standing| standing.class == its.class);
                if let Some(key) = key.filter(|key| !recipients.contains(&key.recipient)) {
                    found.problems.push(format!(
                        "{}: its vault is not encrypted to this site's identity of class {} ({}); its owner has to add it",
                        its.label(),
                        its.class,
                        key.recipient
                    ));
                }
            }
            Err(why) => found.problems.push(why),
        }
    }
    match standings {
        Err(why) if !classes.is_empty() => found.problems.push(why.clone()),
        Err(_) => {}
        Ok(standings) => classes.iter().for_each(|class| match standings.iter().find(|its| its.class == *class) {
            None => found.problems.push(format!("the keeper has no identity for class {class}")),
            Some(its) if !its.open => found.problems.push(missing(its)),
            Some(_) => {}
        }),
    }
    if let Some(free) = free_bytes(target).filter(|free| *free < found.bytes) {
        let (bytes, free) = (size(found.bytes), size(free));
        found.problems.push(format!("{}: {bytes} are to be written, and there is room for {free}", target.display()));
    }
    found.seconds = prepared.bytes_per_second.filter(|rate| *rate > 0).map(|rate| found.bytes / rate);
    found
}

/// Bytes of a point's content, and whom its vault is encrypted to.
fn point(store: &dyn Store, its: &Dataset) -> Result<(u64, Vec<String>), String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", its.label());
    let trusted = trusted(store, its)?;
    let (dataset, name) = names(its)?;
    let manifest = trusted.manifest(store, &dataset, name).map_err(|error| told(&error))?;
    chain::load(store, trusted.layout, manifest.reach).map_err(|error| told(&error))?;
    let under = trusted.description(manifest.facts.description).unwrap_or(&trusted.current().1);
    Ok((manifest.facts.counts.bytes, under.recipients.clone()))
}

/// Bytes of files that are there already: a recovery that goes on writes the rest.
fn bytes_below(folder: &Path) -> u64 {
    let mut folders = vec![folder.to_path_buf()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) if metadata.is_file() => bytes += metadata.len(),
                _ => {}
            }
        }
    }
    bytes
}

/// Room for this user where the target is, or will be.
fn free_bytes(target: &Path) -> Option<u64> {
    let mut at: PathBuf = std::path::absolute(target).ok()?;
    while !at.exists() {
        at = at.parent()?.to_path_buf();
    }
    let stat = rustix::fs::statvfs(&at).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// How the keeper's identities stand.
pub fn standings(keeper: Result<Keeper, pulih_keeper::KeeperError>) -> Result<Vec<Standing>, String> {
    keeper.and_then(|keeper| keeper.standings()).map_err(|error| error.to_string())
}
