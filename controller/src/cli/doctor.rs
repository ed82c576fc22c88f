//! `doctor`: looks over the site without changing anything, whether it is served or not, and says
//! plainly what is wrong.

mod classes;
mod drills;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use pulih_ledger::Log;
use pulih_stores::Probe;
use pulih_terminal::{Findings, count, duration, size};
use pulih_vault::note::SigningKey;
use pulih_vault::store::Store;
use pulih_vault::utc;
use serde_json::{Value, json};
use std::time::Duration;

use super::Failure;
use super::keys::AtKeeper;
use crate::catalog::Catalog;
use crate::control::{self, Ask, SOCKET};
use crate::pki::Authority;
use crate::policy::load as load_policy;
use crate::record::Behind;
use crate::site::{SiteDir, SiteFile};
use crate::store;
use crate::uji;

const PROGRAM: &str = concat!("pulih-controller ", env!("CARGO_PKG_VERSION"));
/// A clock before this was never set: 2026-01-01.
const CLOCK_FLOOR: i64 = 1_767_225_600;
/// How far an entry may lie ahead of this clock.
const CLOCK_SLACK: i64 = 300;
/// Less free space than a tenth is worth a word: a folder grows by every backup.
const LOW_SPACE: u64 = 10;
/// Locks follow acceptance within seconds; so long after it something holds them up.
const LOCKS_LATE: u64 = 3600;

/// Returns whether nothing is wrong.
pub fn run(dir: &SiteDir, at: &AtKeeper, as_json: bool) -> Result<bool, Failure> {
    let site = dir.site()?;
    let mut found = Findings::default();
    found.ok("program", PROGRAM);
    look_at_keys(dir, &mut found);
    let served = look_at_service(dir, &mut found);
    match store::open(dir) {
        Ok(opened) => {
            look_at_store(dir, &mut found);
            look_at_record(dir, &site, &opened.store, served.is_some(), &mut found);
            drills::look(dir, &site, &*opened.store, at, &mut found);
            classes::look(dir, &site, &*opened.store, &mut found);
        }
        Err(error) => found.wrong("store", error.to_string()),
    }
    if let Some(status) = served {
        look_at_standing(&status, &mut found);
    }
    let healthy = found.healthy();
    if as_json {
        println!("{}", json!({"type": "pulih/doctor/v1", "program": PROGRAM, "healthy": healthy, "findings": found}));
    } else {
        print!("{found}");
    }
    Ok(healthy)
}

fn look_at_keys(dir: &SiteDir, found: &mut Findings) {
    let folder = dir.root();
    match fs::metadata(folder) {
        Ok(its) if its.permissions().mode() & 0o077 != 0 => found.wrong(
            "site",
            format!("other users may enter {}, which holds keys; run `chmod 700` on it", folder.display()),
        ),
        Ok(_) => found.ok("site", folder.display().to_string()),
        Err(error) => found.wrong("site", format!("cannot look at {}: {error}", folder.display())),
    }
    for name in ["ca.key", "ledger.key", "ledger.key.next", "gateway.key"] {
        let path = dir.path(name);
        match fs::metadata(&path) {
            Ok(its) if its.permissions().mode() & 0o077 != 0 => {
                found.wrong("keys", format!("other users may read {}; run `chmod 600` on it", path.display()));
            }
            // One is made at each start, the other where another key is proposed.
            Err(_) if ["gateway.key", "ledger.key.next"].contains(&name) => {}
            Err(error) => found.wrong("keys", format!("cannot look at {}: {error}", path.display())),
            Ok(_) => {}
        }
    }
    let authority = dir.read("ca.pem").and_then(|certificate| Ok((certificate, dir.read("ca.key")?)));
    match authority.map(|(certificate, key)| Authority::open(&certificate, &key)) {
        Ok(Ok(_)) => found.ok("keys", "the CA's key fits its certificate"),
        Ok(Err(error)) => found.wrong("keys", error.to_string()),
        Err(error) => found.wrong("keys", error.to_string()),
    }
}

/// What the process that serves the site says of it.
fn look_at_service(dir: &SiteDir, found: &mut Findings) -> Option<Value> {
    match control::ask(&dir.path(SOCKET), &Ask::Status) {
        Ok(Some(Ok(status))) => {
            found.ok("service", "the site is served");
            Some(status)
        }
        Ok(Some(Err(refused))) => {
            found.wrong("service", format!("the site is served, and cannot say how it stands: {}", refused.message));
            None
        }
        Ok(None) => {
            found.warning(
                "service",
                "nobody serves the site, so no agent can save anything; `systemctl start pulih-controller`, or \
                 `pulih-controller serve`",
            );
            None
        }
        Err(error) => {
            found.wrong("service", format!("cannot ask the process that serves the site: {error}"));
            None
        }
    }
}

fn look_at_store(dir: &SiteDir, found: &mut Findings) {
    let Ok(address) = dir.read("store") else { return };
    let address = address.trim();
    found.ok("store", address.to_owned());
    let folder = address.strip_prefix("file://").unwrap_or(address);
    if let Some(Ok(disk)) = folder.starts_with('/').then(|| rustix::fs::statvfs(folder)) {
        let (free, all) = (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
        let text = format!("{} free of {}", size(free), size(all));
        if free < all / LOW_SPACE { found.warning("space", text) } else { found.ok("space", text) }
    }
    // What it was found to do when the site was made.
    let probe = dir.read(store::PROBE).ok().and_then(|text| serde_json::from_str::<Probe>(&text).ok());
    match probe {
        None => {
            found.wrong("store", format!("it is not on record what it does: {} is not there or damaged", store::PROBE));
        }
        Some(its) if !its.is_create_only() => found.wrong("store", "it replaces objects that have a name already"),
        Some(its) if !its.locks() => found.warning(
            "store",
            "it holds nothing against who is root on its server: another site's copy is what stands after a break-in",
        ),
        Some(_) => found.ok("store", "it holds objects against everyone until their dates"),
    }
}

fn look_at_record(dir: &SiteDir, site: &SiteFile, store: &Arc<dyn Store>, served: bool, found: &mut Findings) {
    let now = uji::now();
    let log = match open_log(dir, site, store.clone()) {
        Ok(log) => log,
        Err(why) => return found.wrong("ledger", why),
    };
    let (entries, signed) = (log.size(), log.checkpoint().size);
    match Behind::of(dir) {
        Ok(Some(its)) if its.size > entries => found.wrong("ledger", its.text(entries)),
        Err(error) => found.wrong("ledger", error.to_string()),
        Ok(_) => {
            found.ok(
                "ledger",
                format!("{} entries, {} of them under a signed checkpoint", count(entries), count(signed)),
            );
        }
    }
    let newest = entries.checked_sub(1).and_then(|last| log.get(last).ok()?.read().ok());
    match newest.and_then(|entry| utc::parse(entry.at.as_str())) {
        _ if now < CLOCK_FLOOR => {
            found.wrong("clock", format!("it shows {}, which has passed; set it", utc::human(now)));
        }
        Some(at) if at > now + CLOCK_SLACK => found.wrong(
            "clock",
            format!(
                "it shows {}, and the ledger's newest entry is of {}; set the clock",
                utc::human(now),
                utc::human(at)
            ),
        ),
        _ => found.ok("clock", utc::human(now)),
    }
    let catalog = match Catalog::open(&dir.path("catalog.sqlite")) {
        Ok(catalog) => catalog,
        Err(error) => return found.wrong("catalog", error.to_string()),
    };
    match (catalog.damage(), catalog.next_entry()) {
        (Err(error), _) | (_, Err(error)) => found.wrong("catalog", error.to_string()),
        (Ok(Some(damage)), _) => {
            found.wrong("catalog", format!("it is damaged ({damage}); `pulih-controller rebuild` makes it again"));
        }
        (Ok(None), Ok(next)) if next > entries && !served => found.wrong(
            "catalog",
            format!("it follows {next} entries and the ledger has {entries}: the store is older than it was; bring its newest copy back"),
        ),
        // Served, the ledger may have grown since it was read.
        (Ok(None), Ok(next)) => found.ok("catalog", format!("it follows {} entries", count(next))),
    }
    match load_policy(&**store, site, &catalog) {
        Ok(its) => found.ok("policy", format!("{} version {}", its.policy.name, its.policy.version)),
        Err(refusal) => found.wrong("policy", refusal.message),
    }
}

fn open_log(dir: &SiteDir, site: &SiteFile, store: Arc<dyn Store>) -> Result<Log, String> {
    let text = dir.read("ledger.key").map_err(|error| error.to_string())?;
    let key = SigningKey::from_secret_text(text.trim()).map_err(|error| error.to_string())?;
    let id = site.id().map_err(|error| error.to_string())?;
    Log::open(store, &id, key.verifier()).map_err(|error| error.to_string())
}

fn look_at_standing(status: &Value, found: &mut Findings) {
    let list = |name: &str| status[name].as_array().map_or(&[][..], Vec::as_slice);
    let datasets = list("datasets");
    // A DRC takes what its Pusat Data approved.
    let late: Vec<&Value> = datasets.iter().filter(|its| its["late"] == true && its["approved"] != false).collect();
    if late.is_empty() {
        found.ok("datasets", format!("{}, each within its target", datasets.len()));
    } else {
        let text = format!("{} of {} are past their target: {}", late.len(), datasets.len(), named(&late, "dataset"));
        found.warning("datasets", text);
    }
    if status["type"] == "pulih/drc-status/v1" {
        look_at_peer(&status["peer"], found);
    } else {
        look_at_agents(list("agents"), found);
    }
    let locks = &status["locks"];
    if let (Some(waiting), Some(oldest)) = (locks["waiting"].as_u64(), locks["oldest_seconds"].as_u64()) {
        let text =
            format!("{waiting} snapshots are not locked yet, the oldest for {}", duration(Duration::from_secs(oldest)));
        if oldest > LOCKS_LATE { found.wrong("locks", text) } else { found.ok("locks", text) }
    } else if !locks.is_null() {
        found.ok("locks", "every snapshot is locked until its date");
    }
    let (alarms, requests) = (list("alarms").len(), list("requests").len());
    if alarms > 0 {
        found.warning("alarms", format!("{alarms} in the last seven days; `pulih-controller status` shows them"));
    }
    if requests > 0 {
        found.warning("requests", format!("{requests} wait for a walidata; `pulih-controller grant list`"));
    }
}

fn named(rows: &[&Value], name: &str) -> String {
    rows.iter().filter_map(|its| its[name].as_str()).collect::<Vec<_>>().join(", ")
}

/// The site that this one pulls from.
fn look_at_peer(peer: &Value, found: &mut Findings) {
    let word = |name: &str| peer[name].as_str();
    let heard = word("heard").unwrap_or("never");
    if peer.is_null() {
        found.warning("peer", "this site is paired with none, so it copies nothing; `pulih-controller pair offer`");
    } else if let Some(why) = word("diverged") {
        found.wrong("peer", format!("its ledger does not go on from the copy here: {why}"));
    } else if let Some(why) = word("error") {
        found.warning("peer", format!("the last round failed: {why}; last heard {heard}"));
    } else {
        found.ok("peer", format!("{}, last heard {heard}", word("name").unwrap_or("-")));
    }
}

fn look_at_agents(agents: &[Value], found: &mut Findings) {
    let away: Vec<&Value> = agents.iter().filter(|its| its["state"] == "silent" || its["state"] == "unknown").collect();
    if away.is_empty() {
        found.ok("agents", format!("{}, none of them silent", agents.len()));
    } else {
        found.warning("agents", format!("not heard of {} of {}: {}", away.len(), agents.len(), named(&away, "agent")));
    }
}
