//! A further copy held against its receipt: every object is read again, the ledger is verified, and what the
//! receipt names must be there with all that it needs. On the copy nothing is written; a site that reads it itself says on
//! its ledger that it is whole.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pulih_ledger::chain::KeyChain;
use pulih_ledger::checkpoint::Distrust;
use pulih_ledger::entry::kinds::CopyVerified;
use pulih_ledger::ids::SiteId;
use pulih_ledger::receipt::{CopiedDataset, MAX_RECEIPT_BYTES, Receipt};
use pulih_ledger::verify::verify;
use pulih_ledger::{Actor, Log};
use pulih_protocol::error::Code;
use pulih_vault::layout::Layout;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::ObjectName;
use serde::Serialize;

use crate::base::{Base, lock};
use crate::gateway::answer::{Answer, Refusal};
use crate::parallel;
use crate::scrub::Source;
use crate::scrub::look::{Found, look};
use crate::scrub::names::{hash_in, parts};
use crate::scrub::needs::needed;

const THREADS: usize = 4;

/// What a copy was found to be.
#[derive(Debug, Serialize)]
pub struct CopyCheck {
    #[serde(rename = "type")]
    kind: &'static str,
    medium: String,
    site: String,
    /// The newest receipt that the site signed, and when.
    receipt: String,
    at: String,
    snapshots: u64,
    /// What was read.
    objects: u64,
    bytes: u64,
    pub problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
pub struct Problem {
    pub object: String,
    pub error: String,
}

fn problem(object: &dyn Display, error: &dyn Display) -> Problem {
    Problem { object: object.to_string(), error: error.to_string() }
}

/// Reads a copy of `site`, whose ledger `key` signs. `read` is told how many bytes just came.
pub fn check(copy: &Source, site: &SiteId, key: &VerifierKey, read: &(dyn Fn(u64) + Sync)) -> Answer<CopyCheck> {
    let mut problems = Vec::new();
    let (name, receipt) = newest_receipt(copy, site, key, &mut problems)?;
    let (objects, bytes) = hash_all(copy, site, read, &mut problems)?;
    ledger(copy, site, key, &receipt, &mut problems);
    for its in &receipt.datasets {
        dataset(copy, its, &mut problems)?;
    }
    problems.sort_by(|a, b| a.object.cmp(&b.object));
    problems.dedup_by(|a, b| a.object == b.object);
    Ok(CopyCheck {
        kind: "pulih/copy-check/v1",
        medium: copy.name.clone(),
        site: site.to_string(),
        receipt: name,
        at: receipt.at.to_string(),
        snapshots: receipt.snapshots(),
        objects,
        bytes,
        problems,
    })
}

impl Base {
    /// Reads a further copy of this site whole, and writes down that it is what its receipt says, if it is.
    pub fn verify_copy(&self, copy: &Source) -> Answer<CopyCheck> {
        let key = lock(&self.record).key().clone();
        self.scrubbing.progress.begin(lock(&self.catalog).stored_bytes()?);
        let found = check(copy, &self.id()?, &key, &|bytes| self.scrubbing.progress.advance(bytes))?;
        if found.problems.is_empty() {
            let verified = CopyVerified {
                medium: found.medium.clone(),
                receipt: found.receipt.parse().map_err(|error| Refusal::internal(&error))?,
                snapshots: found.snapshots,
                objects: found.objects,
                bytes: found.bytes,
            };
            lock(&self.record).write(self.now(), &Actor::Site, vec![verified.into()])?;
        }
        Ok(found)
    }
}

fn newest_receipt(
    copy: &Source,
    site: &SiteId,
    key: &VerifierKey,
    problems: &mut Vec<Problem>,
) -> Answer<(String, Receipt)> {
    let folder: ObjectName = format!("site/{site}/receipts").parse().map_err(|error| Refusal::internal(&error))?;
    let mut names = Vec::new();
    copy.store.list(&folder, &mut |name| names.push(name))?;
    // One that was signed before the key that is given was is as good; if the ledger cannot be read, that is told apart.
    let log = Log::open(copy.store.clone(), site, key.clone());
    let keys = log.and_then(|log| log.keys_from_first()).unwrap_or_else(|_| key.clone().into());
    let mut newest: Option<(String, Receipt)> = None;
    for name in names {
        let Some(hash) = hash_in(&name) else { continue };
        let note = copy.store.read(&name, MAX_RECEIPT_BYTES)?;
        match opened(&note, &keys) {
            Ok(its) if its.site == *site => {
                if newest.as_ref().is_none_or(|(_, known)| known.ledger.size < its.ledger.size) {
                    newest = Some((hash.to_string(), its));
                }
            }
            Ok(its) => problems.push(problem(&name, &format!("it is a receipt of {}", its.site))),
            Err(why) => problems.push(problem(&name, &why)),
        }
    }
    newest.ok_or_else(|| {
        let bad = problems.first().map_or_else(String::new, |its| format!(" ({}: {})", its.object, its.error));
        let text = format!("{} has no receipt that {site} signed{bad}; `replicate --to` makes one", copy.name);
        Refusal::new(Code::Refused, text)
    })
}

fn opened(note: &[u8], keys: &KeyChain) -> Result<Receipt, Distrust> {
    let others = keys.keys().filter(|key| *key != keys.newest());
    others.map(|key| Receipt::open(note, key)).find(Result::is_ok).unwrap_or_else(|| Receipt::open(note, keys.newest()))
}

fn hash_all(
    copy: &Source,
    site: &SiteId,
    read: &(dyn Fn(u64) + Sync),
    problems: &mut Vec<Problem>,
) -> Answer<(u64, u64)> {
    let (objects, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let found: Mutex<Vec<Problem>> = Mutex::default();
    let count = |more: u64| {
        bytes.fetch_add(more, Ordering::Relaxed);
        read(more);
        true
    };
    for part in parts(&*copy.store, std::slice::from_ref(site))? {
        parallel::each(&part.names(&*copy.store, "")?, THREADS, |(name, hash)| {
            objects.fetch_add(1, Ordering::Relaxed);
            match look(&*copy.store, name, *hash, &count) {
                Found::Sound(_) | Found::Stopped => {}
                Found::Damaged(why) | Found::Unread(why) => lock(&found).push(problem(name, &why)),
                Found::Gone => lock(&found).push(problem(name, &"it is gone")),
            }
            Ok(())
        })?;
    }
    problems.append(&mut lock(&found));
    Ok((objects.into_inner(), bytes.into_inner()))
}

/// The ledger must be whole, and go on from what it was when the receipt was signed.
fn ledger(copy: &Source, site: &SiteId, key: &VerifierKey, receipt: &Receipt, problems: &mut Vec<Problem>) {
    let (its, layout) = (&receipt.ledger, pulih_ledger::layout::Layout { site: site.clone() });
    let read = verify(&copy.store, site, key.clone(), &|| true)
        .and_then(|_| Log::open(copy.store.clone(), site, key.clone())?.root_at(its.size));
    match read {
        Ok(root) if root == its.root => {}
        Ok(_) => problems.push(problem(&layout.folder(), &"it is another ledger than the receipt names")),
        Err(error) => {
            problems.push(problem(error.object().unwrap_or(&layout.folder()), &error));
        }
    }
}

/// Every snapshot that the receipt names must be there with all that it needs.
fn dataset(copy: &Source, its: &CopiedDataset, problems: &mut Vec<Problem>) -> Answer<()> {
    let layout = Layout { vault: its.vault };
    let mut there: HashSet<ObjectName> = HashSet::new();
    copy.store.list(&crate::scrub::needs::vault_folder(its.vault), &mut |name| {
        there.insert(name);
    })?;
    let mut missing: HashSet<ObjectName> = HashSet::new();
    for name in &its.manifests {
        match needed(&*copy.store, layout, &its.dataset, *name) {
            Ok(needed) => missing.extend(needed.objects(layout).filter(|name| !there.contains(name))),
            Err(blind) => problems.push(problem(&blind.object, &blind.why)),
        }
    }
    problems.extend(missing.iter().map(|name| problem(name, &"it is gone")));
    Ok(())
}

/// The site whose ledger a key signs, by the key's name.
pub fn site_of(key: &VerifierKey) -> Option<SiteId> {
    crate::uji::site_of(key.name()).map(|(site, _)| site)
}
