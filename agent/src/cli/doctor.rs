//! `doctor`: looks over the agent, its store and its keys, and says plainly what is wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pulih_protocol::drc::HeadView;
use pulih_terminal::{Findings, Verdict};
use pulih_vault::store::Store;
use pulih_vault::trust::{self, TrustedVault};
use pulih_vault::writer::DEFAULT_SPOOL_BYTES;
use serde::Serialize;

use super::address::StoreAddress;
use super::args::Doctor;
use super::choose::{Writable, own_vaults};
use super::failure::{Failure, Outcome};
use super::output::size;
use super::{Context, drc, output};
use crate::PROGRAM;
use crate::identity::IdentityFile;
use crate::state::StateDir;
use pulih_vault::utc;

/// How far a snapshot may lie ahead of this clock: clocks differ by some minutes.
const CLOCK_SLACK: i64 = 300;
/// A clock before this was never set: 2026-01-01.
const CLOCK_FLOOR: i64 = 1_767_225_600;
/// Less free space than this in a store is worth a word.
const LOW_SPACE: u64 = 1 << 30;

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    program: &'static str,
    healthy: bool,
    findings: Findings,
}

fn say(found: &mut Findings, check: &'static str, failure: &Failure) {
    let text = failure.report().unwrap_or_default();
    found.wrong(check, text.trim_start_matches("error: "));
}

pub fn run(context: &mut Context, args: &Doctor) -> Result<Outcome, Failure> {
    let mut found = Findings::default();
    found.ok("program", PROGRAM);
    let now = (context.clock)();
    if now < CLOCK_FLOOR {
        found.wrong("clock", format!("it shows {}, which has passed; set it", utc::human(now)));
    } else {
        found.ok("clock", utc::human(now));
    }
    let state = look_at_state(context, &mut found);
    if let Some(state) = &state {
        look_at_drc(context, state, &mut found);
    }
    let identity = args.identity.identity.as_deref().and_then(|path| look_at_identity(path, &mut found));
    let address = context.address()?;
    if let Some(store) = look_at_store(context, &address, state.as_ref(), &mut found) {
        match state.as_ref().map_or(Ok(Vec::new()), |state| own_vaults(state, &*store)) {
            Ok(own) => look_at_vaults(context, &*store, &own, identity.as_ref(), &mut found),
            Err(failure) => say(&mut found, "vault", &failure),
        }
    }
    print(context, found)
}

fn look_at_state(context: &Context, found: &mut Findings) -> Option<StateDir> {
    let state = match context.state() {
        Ok(state) => state,
        Err(failure) => {
            say(found, "state", &failure);
            return None;
        }
    };
    let path = state.path().display();
    match fs::metadata(state.path()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            found.wrong(
                "state",
                format!("there is no folder {path}; `pulih-agent init` makes it, or name another with --state"),
            );
        }
        Err(error) => found.wrong("state", format!("cannot look at {path}: {error}")),
        Ok(folder) if !folder.is_dir() => found.wrong("state", format!("{path} is no folder")),
        Ok(folder) if folder.permissions().mode() & 0o077 != 0 => {
            found.wrong("state", format!("other users may enter {path}, which holds keys; run `chmod 700` on it"));
        }
        Ok(_) => found.ok("state", path.to_string()),
    }
    if let Err(error) = rustix::fs::access(state.path(), rustix::fs::Access::WRITE_OK)
        && error != rustix::io::Errno::NOENT
    {
        found.wrong("state", format!("cannot write into {path}: {}", std::io::Error::from(error)));
    }
    match state.vaults() {
        Ok(vaults) => vaults.iter().for_each(|vault| look_at_keys(&vault.keys_path(), found)),
        Err(error) => say(found, "state", &error.into()),
    }
    Some(state)
}

/// The DRC of the site that this agent is enrolled with: that one is known, and how far it has come.
fn look_at_drc(context: &Context, state: &StateDir, found: &mut Findings) {
    let (Ok(Some(site)), Ok(known)) = (state.site(), state.drc()) else { return };
    let Some(known) = known else {
        let text =
            "none is known: only the Pusat Data says what is saved, and where to go without it is not known here";
        return found.add("drc", Verdict::Warning, text);
    };
    let heads = match drc::ask(state, &site, &known, (context.clock)()) {
        Ok(heads) => heads,
        Err(failure) => return say(found, "drc", &failure),
    };
    let policy = state.policy().ok().flatten();
    let target = |its: &HeadView| {
        let class = state.vault(its.vault.parse().ok()?).keys().ok()??.class.to_string().parse().ok()?;
        let rules = policy.as_ref()?.policy.rules(class, &site.opd, &its.dataset)?;
        Some(rules.targets.rpo_drc.seconds() as i64)
    };
    let late = |its: &&HeadView| {
        target(its).is_some_and(|target| crate::drc::is_late(Some(its), None, target, (context.clock)()))
    };
    let behind: Vec<&str> = heads.datasets.iter().filter(late).map(|its| its.dataset.as_str()).collect();
    let name = output::printable(&known.card.name);
    if behind.is_empty() {
        found.ok("drc", format!("{name} has {} datasets of this server, none past its target", heads.datasets.len()));
    } else {
        found.wrong("drc", format!("{name} has nothing new of {}: ask the Pusat Data why", behind.join(", ")));
    }
}

fn look_at_keys(path: &Path, found: &mut Findings) {
    match fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o077 != 0 => {
            found.wrong("state", format!("other users may read the keys in {}; run `chmod 600` on it", path.display()));
        }
        Ok(_) => {}
        Err(error) => found.wrong("state", format!("cannot look at {}: {error}", path.display())),
    }
}

fn look_at_identity(path: &Path, found: &mut Findings) -> Option<IdentityFile> {
    match IdentityFile::read(path) {
        Ok(file) => {
            match file.warning() {
                Some(warning) => found.add("identity", Verdict::Warning, warning),
                None => found.ok("identity", format!("{} can be read", path.display())),
            }
            Some(file)
        }
        Err(error) => {
            say(found, "identity", &error.into());
            None
        }
    }
}

fn look_at_store(
    context: &Context,
    address: &StoreAddress,
    state: Option<&StateDir>,
    found: &mut Findings,
) -> Option<std::sync::Arc<dyn Store>> {
    // Without a state there is nothing to say of a site: that was found wrong already.
    let state = state?;
    let store = match address.open(state, context.turns(state)) {
        Ok(opened) => opened.store,
        Err(failure) => {
            say(found, "store", &failure);
            return None;
        }
    };
    let Some(folder) = address.folder() else {
        // Opening it asked it for a list.
        if matches!(address, StoreAddress::Own(_)) {
            found.ok("store", address.to_string());
        }
        look_at_space(state.path(), DEFAULT_SPOOL_BYTES, " here for what waits for the line", found);
        return Some(store);
    };
    match rustix::fs::access(
        folder,
        rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
    ) {
        Ok(()) => found.ok("store", address.to_string()),
        Err(error) => {
            found.wrong("store", format!("cannot read and write in {address}: {}", std::io::Error::from(error)));
        }
    }
    look_at_space(folder, LOW_SPACE, "", found);
    Some(store)
}

fn look_at_space(folder: &Path, least: u64, what_for: &str, found: &mut Findings) {
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let verdict = if free < least { Verdict::Warning } else { Verdict::Ok };
            let all = disk.f_blocks.saturating_mul(disk.f_frsize);
            found.add("space", verdict, format!("{} free of {}{what_for}", size(free), size(all)));
        }
        Err(error) => found.wrong("space", format!("cannot ask how much is free: {}", std::io::Error::from(error))),
    }
}

fn look_at_vaults(
    context: &Context,
    store: &dyn Store,
    own: &[Writable],
    identity: Option<&IdentityFile>,
    found: &mut Findings,
) {
    let asked = |its: &&Writable| context.global.vault.is_none_or(|vault| vault == its.keys.vault);
    let own: Vec<&Writable> = own.iter().filter(asked).collect();
    if own.is_empty() {
        found.wrong("vault", "this agent has no such vault in this store; `pulih-agent init` makes one");
    }
    let mut opened = false;
    for its in own {
        let trusted = trust::load(store, its.keys.vault, |owner| *owner == its.keys.owner);
        match trusted {
            Ok(vault) => {
                look_at_descriptions(its, &vault, found);
                look_at_snapshots(context, store, &vault, found);
                opened |= identity.is_some_and(|file| fits(file, &vault, found));
            }
            Err(error) => say(found, "vault", &error.into()),
        }
    }
    if identity.is_some() && !opened {
        found.wrong("identity", "it opens none of this agent's vaults in this store");
    }
}

fn look_at_descriptions(own: &Writable, vault: &TrustedVault, found: &mut Findings) {
    let (name, current) = vault.current();
    let id = vault.layout.vault;
    for (object, error) in &vault.passed_over {
        found.wrong("vault", format!("a description is not believed: {object}: {error}"));
    }
    if current.agent == own.keys.agent.verifier() {
        let readers = current.recipients.len();
        found.ok("vault", format!("{id}, class {}, description {}, {readers} recipients", current.class, name.number));
    } else {
        found.wrong(
            "vault",
            format!(
                "{id}: description {} names another agent's key; this agent may no longer write into it",
                name.number
            ),
        );
    }
}

fn look_at_snapshots(context: &Context, store: &dyn Store, vault: &TrustedVault, found: &mut Findings) {
    let listed = match vault.manifests(store) {
        Ok(listed) => listed,
        Err(error) => return say(found, "snapshots", &error.into()),
    };
    let mut last = None;
    let mut fine = 0u64;
    for (name, dataset, manifest) in listed {
        match manifest {
            Ok(manifest) => {
                fine += 1;
                // A partial snapshot is no recovery point.
                let captured = utc::parse(&manifest.facts.captured).filter(|_| !manifest.facts.partial);
                last = last.max(captured);
            }
            Err(error) => found.wrong("snapshots", format!("number {} of {dataset}: {error}", name.sequence)),
        }
    }
    let Some(last) = last else {
        return found.add("snapshots", Verdict::Warning, "none yet; `pulih-agent backup` makes one");
    };
    let now = (context.clock)();
    if last > now + CLOCK_SLACK {
        let text =
            format!("it shows {}, and the newest snapshot is of {}; set the clock", utc::human(now), utc::human(last));
        found.wrong("clock", text);
    }
    found.ok("snapshots", format!("{fine}, the newest of {}", utc::human(last)));
}

/// Whether the identity opens the vault's secrets, which takes one of its recipients.
fn fits(file: &IdentityFile, vault: &TrustedVault, found: &mut Findings) -> bool {
    let (_, current) = vault.current();
    let id = vault.layout.vault;
    if file.owner_of(id).is_some_and(|owner| owner != current.owner.fingerprint()) {
        found.wrong("identity", format!("it names another owner key for vault {id} than this agent pinned"));
    }
    let opens = current.open_secrets(&file.identities).is_ok();
    if opens {
        found.ok("identity", format!("it opens vault {id}"));
    }
    opens
}

fn print(context: &mut Context, findings: Findings) -> Result<Outcome, Failure> {
    let healthy = findings.healthy();
    if context.global.json {
        context.out.json(&Report { kind: "pulih/doctor/v1", program: PROGRAM, healthy, findings })?;
    } else {
        context.out.text(&findings)?;
    }
    Ok(if healthy { Outcome::Done } else { Outcome::FoundWrong })
}
