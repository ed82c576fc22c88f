//! `scrub --files`: which files damage costs, told by whoever can open the vaults.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use pulih_terminal::{count, printable};
use pulih_vault::error::VaultError;
use pulih_vault::reader::{Identities, share};
use serde::Serialize;

use super::Failure;
use super::ask::{answer, said};
use super::keys::{AtKeeper, read_identities};
use crate::control::Ask;
use crate::scrub::{self, Damaged, Progress, State, VaultFiles, files};
use crate::site::SiteDir;
use crate::store;

/// Snapshots that a person is told of, of one object.
const NAMED: usize = 12;

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    vaults: Vec<VaultFiles>,
    /// Vaults with damage that the identity does not open.
    unopened: Vec<Unopened>,
}

#[derive(Serialize)]
struct Unopened {
    vault: String,
    agent: String,
    opd: String,
    /// Objects on record as damaged.
    objects: usize,
    error: String,
}

/// Who opens the vaults.
enum Key {
    File(Arc<Identities>),
    Keeper(AtKeeper),
}

impl Key {
    fn of(&self, class: &str) -> Result<Identities, Failure> {
        match self {
            Self::File(identities) => Ok(share(identities)),
            Self::Keeper(at) => Ok(vec![at.connect()?.identity(class)]),
        }
    }

    /// Why a vault could not be looked into, with what helps.
    fn why(&self, its: &Damaged, error: &VaultError) -> String {
        match (self, error) {
            (Self::File(_), VaultError::NoMatchingIdentity { .. }) => format!(
                "the identity does not open vault {} of {} ({}); give that of its OPD with --identity, or leave it out and let the keeper open it",
                its.vault, its.agent, its.opd
            ),
            (Self::Keeper(_), VaultError::NoMatchingIdentity { .. }) => format!(
                "the keeper's identity of class {} does not open vault {} of {} ({}); give that of its OPD with --identity",
                its.class, its.vault, its.agent, its.opd
            ),
            _ => error.to_string(),
        }
    }
}

pub fn run(dir: &SiteDir, identity: Option<&Path>, keeper: &AtKeeper, paths: usize, json: bool) -> Result<(), Failure> {
    let key = match identity {
        Some(file) => Key::File(Arc::new(read_identities(file)?)),
        None => Key::Keeper(keeper.clone()),
    };
    let damaged: Vec<Damaged> = serde_json::from_value(answer(dir, Ask::Store(scrub::Ask::Damaged))?).map_err(said)?;
    let mut report = Report { kind: "pulih/damaged-files/v1", vaults: Vec::new(), unopened: Vec::new() };
    if !damaged.is_empty() {
        look(dir, &damaged, &key, paths, &mut report)?;
    }
    if json {
        println!("{}", serde_json::to_string(&report).map_err(said)?);
    } else {
        print!("{}", text(&report));
    }
    if !report.unopened.is_empty() {
        let (left, all) = (report.unopened.len(), damaged.len());
        return Err(Failure::Said(format!("{left} of {all} vaults with damage were not opened: see above")));
    }
    match damaged.iter().map(|its| its.objects.len()).sum::<usize>() {
        0 => Ok(()),
        left => Err(Failure::Said(format!("{left} objects are on record as damaged"))),
    }
}

fn look(dir: &SiteDir, damaged: &[Damaged], key: &Key, paths: usize, report: &mut Report) -> Result<(), Failure> {
    let store = store::open(dir)?.store;
    let progress = Progress::default();
    let read = |bytes| progress.advance(bytes);
    for its in damaged {
        let scratch = tempfile::tempdir().map_err(said)?;
        let identities = key.of(&its.class)?;
        let now = || Some(progress.now());
        let found =
            super::copies::shown(now, || files(Arc::clone(&store), its, identities, paths, scratch.path(), &read));
        match found {
            Ok(found) => report.vaults.push(found),
            Err(error) => report.unopened.push(Unopened {
                vault: its.vault.clone(),
                agent: its.agent.clone(),
                opd: its.opd.clone(),
                objects: its.objects.len(),
                error: key.why(its, &error),
            }),
        }
    }
    // Nothing was learned: that is no report.
    if let ([], [first, ..]) = (&report.vaults[..], &report.unopened[..]) {
        return Err(Failure::Said(first.error.clone()));
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    for vault in &report.vaults {
        let _ = writeln!(out, "Vault {} of {} ({}):", vault.vault, printable(&vault.agent), printable(&vault.opd));
        for object in &vault.objects {
            let state = match object.state {
                State::Lost => "LOST",
                State::Damaged => "damaged",
                State::New => "damaged, and not on record yet",
                State::Sound => "sound again, as the next scrub writes down",
            };
            let _ = writeln!(out, "  {state}: {}", printable(&object.object));
            if let Some(error) = &object.error {
                let _ = writeln!(out, "    {}", printable(error));
            }
            if object.state != State::Sound && object.snapshots.is_empty() {
                out += "    no snapshot needs it\n";
            }
            for snapshot in object.snapshots.iter().take(NAMED) {
                snapshot_text(&mut out, snapshot);
            }
            let left = object.snapshots_count.saturating_sub(NAMED as u64);
            if left > 0 {
                let _ = writeln!(out, "    and in {} more snapshots", count(left));
            }
        }
    }
    for its in &report.unopened {
        let objects = count(its.objects as u64);
        let _ = writeln!(out, "NOT KNOWN, for {objects} damaged objects: {}", printable(&its.error));
    }
    if out.is_empty() {
        out += "No damage is on record.\n";
    }
    out
}

fn snapshot_text(out: &mut String, its: &files::SnapshotFiles) {
    let snapshot = printable(&its.snapshot);
    if its.whole {
        let _ = writeln!(out, "    {snapshot}: nothing of it can be restored until this is back");
        return;
    }
    if its.files_count + its.unknown_count == 0 {
        let _ = writeln!(out, "    {snapshot}: no file of it lies in what is damaged");
        return;
    }
    let _ = writeln!(out, "    {snapshot}: {} files", count(its.files_count));
    for path in &its.files {
        let _ = writeln!(out, "      {}", printable(path));
    }
    let left = its.files_count.saturating_sub(its.files.len() as u64);
    if left > 0 {
        let _ = writeln!(out, "      and {} more", count(left));
    }
    for part in &its.unknown {
        let (entries, from) = (count(part.entries), printable(&part.from));
        let _ = if from.is_empty() {
            writeln!(out, "      and all {entries} entries: the listing itself is lost")
        } else {
            writeln!(out, "      and {entries} entries from {from} on: the listing itself is lost there")
        };
    }
    let listed: u64 = its.unknown.iter().map(|part| part.entries).sum();
    let left = its.unknown_count.saturating_sub(listed);
    if left > 0 {
        let _ = writeln!(out, "      and {} entries elsewhere, whose listing is lost", count(left));
    }
}
