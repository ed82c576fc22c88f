//! How things stand at the DRC: what could be restored from here, how old it is, what is missing.

use std::collections::{BTreeMap, HashMap};

use pulih_vault::utc;
use serde::Serialize;

use super::urgency::Dataset;
use super::work::key;
use super::{Drc, lock};
use crate::catalog::{Stock, Vault};
use crate::gateway::answer::Answer;
use crate::keeping::Locked;
use crate::scrub::StoreStatus;

/// Alarms of so many seconds are shown.
const ALARMS: i64 = 7 * 24 * 3600;

#[derive(Debug, Serialize)]
pub struct Status {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Made by a build for trials.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    uji: bool,
    site: String,
    at: String,
    policy: String,
    policy_version: u32,
    peer: Option<Peer>,
    /// Why nothing is pulled, if so.
    stopped: Option<String>,
    datasets: Vec<Row>,
    backlog_bytes: u64,
    bytes_per_second: Option<u64>,
    estimate_seconds: Option<u64>,
    alarms: Vec<Raised>,
    /// Why nothing is appended to the ledger, if so: others have more of it than this site.
    ledger_behind: Option<String>,
    /// Why nothing expires until a person has looked.
    expiry_stopped: Option<String>,
    /// `None`: the store has no locks.
    locks: Option<Locked>,
    /// What the store really has.
    store: StoreStatus,
}

#[derive(Debug, Serialize)]
struct Peer {
    site: String,
    name: String,
    heard: Option<String>,
    entries: u64,
    diverged: Option<String>,
    /// Entries of its ledger that cannot be read here.
    unread_entries: u64,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    opd: String,
    agent: String,
    vault: String,
    class: String,
    dataset: String,
    /// Of the newest recovery point here.
    snapshot: Option<String>,
    accepted: Option<String>,
    replicated: Option<String>,
    keep_until: Option<String>,
    points: u64,
    rpo_seconds: i64,
    exposure_seconds: Option<i64>,
    late: bool,
    /// The suspicion that it is under here.
    suspicion: Option<String>,
    waiting: usize,
    backlog_bytes: u64,
    error: Option<String>,
    /// Of the error.
    #[serde(skip)]
    weight: u8,
}

#[derive(Debug, Serialize)]
struct Raised {
    at: String,
    alarm: String,
    subject: String,
    text: String,
}

impl Drc {
    pub fn status(&self) -> Answer<Status> {
        let (now, outlook, in_force) = ((self.clock)(), self.outlook(), self.in_force());
        let (stocks, vaults, mut suspected, alarms) = {
            let catalog = lock(&self.catalog);
            (catalog.stocks()?, catalog.vaults()?, catalog.all_suspected()?, catalog.alarms(now - ALARMS)?)
        };
        let vaults: HashMap<&str, &Vault> = vaults.iter().map(|vault| (vault.id.as_str(), vault)).collect();
        let mut stocks: BTreeMap<Dataset, Stock> =
            stocks.into_iter().map(|its| ((its.vault.clone(), its.dataset.clone()), its)).collect();
        // Those that wait, in the order in which they come over; then those that have all.
        let (mut rows, mut row_of): (Vec<Row>, HashMap<Dataset, usize>) = Default::default();
        for its in &outlook.queue {
            let at = *row_of.entry(its.of()).or_insert_with(|| {
                let stock = stocks.remove(&its.of());
                rows.push(self.row(now, (&its.opd, &its.agent, &its.class), its.of(), stock));
                rows.len() - 1
            });
            let row = &mut rows[at];
            row.waiting += 1;
            // Snapshots of one dataset share nearly all.
            row.backlog_bytes = row.backlog_bytes.max(its.estimate_bytes);
            // Of all that wait, the worst.
            if let Some((weight, why)) = outlook.errors.get(&key(its)).filter(|(weight, _)| *weight > row.weight) {
                (row.weight, row.error) = (*weight, Some(why.clone()));
            }
        }
        for (dataset, stock) in stocks {
            let Some(vault) = vaults.get(dataset.0.as_str()).filter(|_| stock.points > 0) else {
                continue;
            };
            rows.push(self.row(now, (&vault.opd, &vault.agent, &vault.class), dataset, Some(stock)));
        }
        let (locks, stopped) = (self.locked()?, lock(&self.catalog).stopped()?);
        for row in &mut rows {
            row.suspicion = suspected.remove(&(row.vault.clone(), row.dataset.clone()));
        }
        let backlog_bytes = rows.iter().map(|row| row.backlog_bytes).sum();
        Ok(Status {
            kind: "pulih/drc-status/v1",
            uji: crate::uji::IS_UJI,
            site: self.site.name.clone(),
            at: utc::rfc3339(now),
            policy: in_force.policy.name.to_string(),
            policy_version: in_force.policy.version,
            peer: self.peer_status(outlook.error)?,
            store: self.store_status()?,
            stopped: self.stopped()?,
            datasets: rows,
            backlog_bytes,
            bytes_per_second: outlook.bytes_per_second,
            estimate_seconds: outlook.bytes_per_second.filter(|rate| *rate > 0).map(|rate| backlog_bytes / rate),
            locks,
            ledger_behind: self.ledger_behind()?,
            expiry_stopped: stopped.map(|stopped| stopped.reason),
            alarms: alarms
                .into_iter()
                .map(|its| Raised { at: utc::rfc3339(its.at), alarm: its.alarm, subject: its.subject, text: its.text })
                .collect(),
        })
    }

    fn row(
        &self,
        now: i64,
        (opd, agent, class): (&str, &str, &str),
        (vault, dataset): Dataset,
        stock: Option<Stock>,
    ) -> Row {
        let rpo_seconds = self.target(class, opd, &dataset);
        let (points, newest) = stock.map_or((0, None), |its| (its.points, its.newest));
        let exposure = newest.as_ref().map(|its| now - its.accepted.min(its.replicated));
        Row {
            opd: opd.to_owned(),
            agent: agent.to_owned(),
            class: class.to_owned(),
            vault,
            dataset,
            points,
            rpo_seconds,
            exposure_seconds: exposure,
            late: exposure.is_none_or(|seconds| seconds > rpo_seconds),
            accepted: newest.as_ref().map(|its| utc::rfc3339(its.accepted)),
            replicated: newest.as_ref().map(|its| utc::rfc3339(its.replicated)),
            keep_until: newest.as_ref().and_then(|its| its.keep_until).map(utc::rfc3339),
            snapshot: newest.map(|its| its.snapshot),
            suspicion: None,
            waiting: 0,
            backlog_bytes: 0,
            error: None,
            weight: 0,
        }
    }

    /// Why nothing is pulled, though a pairing is in force.
    fn stopped(&self) -> Answer<Option<String>> {
        let is_paired = self.pusat()?.is_some_and(|peer| peer.ended.is_none());
        if is_paired && !self.may_pull()? { Ok(Some(self.why_not_paired()?)) } else { Ok(None) }
    }

    fn peer_status(&self, error: Option<String>) -> Answer<Option<Peer>> {
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return Ok(None) };
        let heard = lock(&self.catalog).heard(&peer.site)?;
        let mirrored = lock(&self.mirrored);
        Ok(Some(Peer {
            heard: heard.map(utc::rfc3339),
            entries: mirrored.mirror.as_ref().map_or(0, |mirror| mirror.log().size()),
            diverged: mirrored.diverged.clone(),
            unread_entries: mirrored.catalog.unread_entries()?,
            site: peer.site,
            name: peer.name,
            error,
        }))
    }
}
