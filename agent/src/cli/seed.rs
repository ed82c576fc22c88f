//! `seed`: makes a disk ready for a first backup that is too large for the line. It is saved there,
//! carried to the Pusat Data and taken in by `pulih-controller import`.
//!
//! What a disk needs beforehand is the vaults' descriptions: a backup writes into no vault that the
//! owner's key does not vouch for. They are taken from the site, so that site and disk have one vault.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pulih_stores::gateway::SiteClient;
use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::layout::DatasetName;
use pulih_vault::store::{DirStore, Store};
use pulih_vault::writer::create_named;
use serde::Serialize;

use super::address::StoreAddress;
use super::args::Seed as Args;
use super::choose::{Writable, own_vaults};
use super::failure::{Failure, Outcome};
use super::output::{printable_lines, size};
use super::run::{NOT_ENROLLED, config_place, or_anew};
use super::{Context, shell};
use crate::config::{Config, Dataset};
use crate::daemon::follow::{Followed, Verdict, holding, judge};
use crate::state::{Site, StateDir};

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    to: String,
    /// Bytes; `None`: the disk does not say.
    free_bytes: Option<u64>,
    vaults: Vec<Vault>,
    commands: Vec<Next>,
}

#[derive(Serialize)]
struct Vault {
    vault: String,
    class: String,
}

/// The command that saves a dataset of agent.toml onto the disk.
#[derive(Serialize)]
struct Next {
    dataset: String,
    vault: String,
    command: String,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let state = context.state()?;
    let site = state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
    let address = StoreAddress::Gateway(site.credentials.url.clone());
    if context.global.store.is_some() && context.address()? != address {
        return Err(Failure::usage(format!(
            "a seed is of this agent's vaults at {address}: leave --store and PULIH_STORE out, and name the disk with --to"
        )));
    }
    let to = std::path::absolute(&args.to)
        .map_err(|error| Failure::usage(format!("cannot tell which folder {} is: {error}", args.to.display())))?;
    let store = address.open(&state, context.turns(&state))?.store;
    let mut own = own_vaults(&state, &*store)?;
    own.retain(|its| context.global.vault.is_none_or(|vault| vault == its.keys.vault));
    if own.is_empty() {
        return Err(Failure::said(format!(
            "this agent has no such vault at {address}; `pulih-agent init --store {address}` makes one, and comes first"
        )));
    }
    let disk = DirStore::create(&to)?;
    for vault in &own {
        copy_descriptions(context, &*store, &disk, vault)?;
    }
    let commands = match Config::read(&config_place(args.config.as_ref())) {
        Ok(config) => commands(context, &site, &config, &own, &to)?,
        // Backups by hand need no agent.toml; one that was named is meant.
        Err(error) if args.config.is_some() => return Err(error.into()),
        Err(_) => Vec::new(),
    };
    let free_bytes = rustix::fs::statvfs(&to).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    tell(context, &own, &to, free_bytes, commands)
}

/// Puts the descriptions that the owner's key vouches for onto the disk.
fn copy_descriptions(context: &Context, from: &dyn Store, to: &dyn Store, vault: &Writable) -> Result<(), Failure> {
    let trusted = vault.trusted(context, from)?;
    vault.current(&trusted)?;
    for (name, _) in &trusted.descriptions {
        let object = trusted.layout.description(*name);
        let note = from.read(&object, MAX_NOTE_BYTES)?;
        create_named(to, &object, name.hash, &note)?;
    }
    Ok(())
}

/// One command for each dataset, which saves what the daemon would.
fn commands(
    context: &Context,
    site: &Site,
    config: &Config,
    own: &[Writable],
    to: &Path,
) -> Result<Vec<Next>, Failure> {
    let state = context.state()?;
    let policy = policy(&state, site, context.clock)?;
    let accepted = or_anew(state.accepted_policy())?;
    let mut commands = Vec::new();
    for (name, dataset) in &config.datasets {
        let Some(vault) = own.iter().find(|its| its.keys.class.to_string() == dataset.class.as_str()) else {
            context.warn(&format!(
                "dataset {name} is left out: it is of class {}, which none of these vaults is",
                dataset.class
            ));
            continue;
        };
        let accepted = accepted.as_ref().map(|its| &its.policy);
        let held = holding(&policy.policy, accepted, dataset.class, &site.opd, name.as_str());
        let excludes = held.map(|held| held.rules.excludes).unwrap_or_default();
        let excludes: Vec<&str> = excludes
            .iter()
            .map(pulih_policies::Pattern::as_str)
            .chain(dataset.excludes.iter().map(String::as_str))
            .collect();
        let vault = vault.keys.vault.to_string();
        let words = words(to, &vault, name, dataset, &excludes);
        let command = shell::command(words.iter().map(OsString::as_os_str));
        commands.push(Next { dataset: name.to_string(), vault, command });
    }
    Ok(commands)
}

/// The policy that the daemon follows, or would once it runs.
fn policy(state: &StateDir, site: &Site, clock: fn() -> i64) -> Result<Followed, Failure> {
    if let Some(followed) = or_anew(state.policy())? {
        return Ok(followed);
    }
    match judge(None, SiteClient::open(&site.credentials)?.policy()?, clock()) {
        Verdict::Take(followed) => Ok(*followed),
        Verdict::Refused(why) | Verdict::Older(why) => {
            Err(Failure::said(format!("the site's policy is not taken: {why}")))
        }
        Verdict::Same => Err(Failure::said("the site's policy is not known")),
    }
}

fn words(to: &Path, vault: &str, name: &DatasetName, dataset: &Dataset, excludes: &[&str]) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["backup", "--store"].map(OsString::from).to_vec();
    words.push(to.into());
    words.extend(["--vault", vault, "--dataset", name.as_str()].map(OsString::from));
    if let Some(chunks) = dataset.chunks {
        words.extend(["--chunks", crate::config::chunks_word(chunks)].map(OsString::from));
    }
    for (flag, is_set) in [("--exclude-caches", dataset.exclude_caches), ("--one-file-system", dataset.one_file_system)]
    {
        words.extend(is_set.then(|| flag.into()));
    }
    words.extend(excludes.iter().map(|pattern| format!("--exclude={pattern}").into()));
    words.extend(dataset.paths.iter().map(|path| PathBuf::clone(path).into_os_string()));
    words
}

fn tell(
    context: &mut Context,
    own: &[Writable],
    to: &Path,
    free_bytes: Option<u64>,
    commands: Vec<Next>,
) -> Result<Outcome, Failure> {
    let place = shell::word(to.as_os_str());
    if context.global.json {
        let vault = |its: &Writable| Vault { vault: its.keys.vault.to_string(), class: its.keys.class.to_string() };
        let vaults = own.iter().map(vault).collect();
        context.out.json(&Report {
            kind: "pulih/seed/v1",
            to: to.display().to_string(),
            free_bytes,
            vaults,
            commands,
        })?;
        return Ok(Outcome::Done);
    }
    let free = free_bytes.map_or(String::new(), |free| format!(" ({} free)", size(free)));
    context.out.line(&format!("{}{free} is ready for a first backup of:", to.display()))?;
    for its in own {
        context.out.line(&format!("  vault {}  {}", its.keys.vault, its.keys.class))?;
    }
    context.out.line("")?;
    context
        .out
        .line("Stop the daemon until the disk was taken in (systemctl stop pulih-agent), and save onto the disk:")?;
    for its in &commands {
        context.out.line(&format!("  {}", printable_lines(&its.command)))?;
    }
    if commands.is_empty() {
        let words = ["backup", "--store"].map(OsStr::new).into_iter().chain([to.as_os_str()]);
        context.out.line(&format!("  {} --dataset NAME PATH...", shell::command(words)))?;
    }
    context.out.line("Then carry it to the Pusat Data; there:")?;
    context.out.line(&format!("  pulih-controller import {place}    (wherever it is mounted there)"))?;
    Ok(Outcome::Done)
}
