//! What is looked at before a recovery begins: each point and all that it needs to be believed, room
//! at the target, the keys, and how long it may take. All that is wrong is told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pulih_keeper::{Keeper, Standing};
use pulih_restore::recover::{bytes_below, free_bytes};
use pulih_terminal::size;
use pulih_vault::manifest::Counts;
use pulih_vault::reach::chain;
use pulih_vault::store::Store;

use super::place;
use crate::drc::recovery::order::{Dataset, Item, Prepared};

/// What is known before it begins.
#[derive(Debug, Default)]
pub struct Preflight {
    /// Bytes of content that are still to be written, and how many datasets they are of.
    pub bytes: u64,
    pub datasets: usize,
    /// Bytes of content of each of these, by its point.
    pub content: BTreeMap<String, u64>,
    /// `None`: nothing was recovered here yet, so nobody knows how fast it goes.
    pub seconds: Option<u64>,
    /// All that is in the way.
    pub problems: Vec<String>,
}

/// Looks at all that is to be done. `target`: `None` on another server, whose room is not known here.
/// `standings`: `Err` says why the keeper could not be asked.
pub fn look(
    store: &dyn Store,
    prepared: &Prepared,
    target: Option<&Path>,
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
                let there = target.map_or(0, |target| bytes_below(&place(target, its)));
                found.bytes = found.bytes.saturating_add(content.saturating_sub(there));
                found.content.insert(its.point(), content);
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
    let free = target.and_then(|target| Some((target, free_bytes(target)?)));
    if let Some((target, free)) = free.filter(|(_, free)| *free < found.bytes) {
        let (bytes, free) = (size(found.bytes), size(free));
        found.problems.push(format!("{}: {bytes} are to be written, and there is room for {free}", target.display()));
    }
    found.seconds = prepared.bytes_per_second.filter(|rate| *rate > 0).map(|rate| found.bytes / rate);
    found
}

/// What a point has, by its manifest.
pub fn content(store: &dyn Store, its: &Dataset) -> Result<Counts, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", its.label());
    let point = its.parsed()?;
    let trusted = point.trusted(store).map_err(|error| told(&error))?;
    let manifest = trusted.manifest(store, &point.dataset, point.manifest).map_err(|error| told(&error))?;
    Ok(manifest.facts.counts)
}

/// Bytes of a point's content, and whom its vault is encrypted to.
fn point(store: &dyn Store, its: &Dataset) -> Result<(u64, Vec<String>), String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", its.label());
    let point = its.parsed()?;
    let trusted = point.trusted(store).map_err(|error| told(&error))?;
    let manifest = trusted.manifest(store, &point.dataset, point.manifest).map_err(|error| told(&error))?;
    chain::load(store, trusted.layout, manifest.reach).map_err(|error| told(&error))?;
    let under = trusted.description(manifest.facts.description).unwrap_or(&trusted.current().1);
    Ok((manifest.facts.counts.bytes, under.recipients.clone()))
}

/// How the keeper's identities stand.
pub fn standings(keeper: Result<Keeper, pulih_keeper::KeeperError>) -> Result<Vec<Standing>, String> {
    keeper.and_then(|keeper| keeper.standings()).map_err(|error| error.to_string())
}

/// Who is still missing for a sealed identity.
pub fn missing(its: &Standing) -> String {
    let left: Vec<&str> = its.people.iter().filter(|user| !its.given.contains(user)).map(String::as_str).collect();
    let given = if its.given.is_empty() { "nobody".to_owned() } else { its.given.join(", ") };
    format!(
        "The identity of class {} is sealed: it takes {}, {given} gave a part, and {} of {} {} missing: `pulih-controller keys open --class {}`",
        its.class,
        its.needed,
        its.needed.saturating_sub(its.given.len()),
        left.join(", "),
        if its.needed.saturating_sub(its.given.len()) == 1 { "is" } else { "are" },
        its.class
    )
}
