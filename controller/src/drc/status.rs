//! How things stand at the DRC: what could be restored from here, how old it is, what is missing.

use std::collections::BTreeMap;

use pulih_vault::utc;
use serde::Serialize;

use super::urgency::Dataset;
use super::{Drc, lock};
use crate::catalog::Replica;
use crate::gateway::answer::Answer;
use crate::keeping::Locked;
use crate::scrub::StoreStatus;

/// Alarms of so many seconds are shown.
const ALARMS: i64 = 7 * 24 * 3600;

#[derive(Debug, Serialize)]
pub struct Status {
    #[serde(rename = "type")]
    kind: &'static str,
    site: String,
    at: String,
    policy: String,
    policy_version: u32,
    peer: Option<Peer>,
    datasets: Vec<Row>,
    backlog_bytes: u64,
    bytes_per_second: Option<u64>,
    estimate_seconds: Option<u64>,
    alarms: Vec<Raised>,
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
}

#[derive(Debug, Serialize)]
struct Raised {
    at: String,
    alarm: String,
    subject: String,
    text: String,
}

/// The newest recovery point of each dataset, and how many there are.
pub(super) fn newest(replicas: Vec<Replica>) -> BTreeMap<Dataset, (u64, Replica)> {
    let mut all: BTreeMap<Dataset, (u64, Replica)> = BTreeMap::new();
    for its in replicas.into_iter().filter(|its| !its.partial) {
        let dataset = (its.vault.clone(), its.dataset.clone());
        match all.get_mut(&dataset) {
            Some((points, newest)) => {
                *points += 1;
                if (its.accepted, &its.snapshot) > (newest.accepted, &newest.snapshot) {
                    *newest = its;
                }
            }
            None => drop(all.insert(dataset, (1, its))),
        }
    }
    all
}

impl Drc {
    pub fn status(&self) -> Answer<Status> {
        let (now, outlook, in_force) = ((self.clock)(), self.outlook(), self.in_force());
        let (replicas, vaults, alarms) = {
            let catalog = lock(&self.catalog);
            (catalog.replicas()?, catalog.vaults()?, catalog.alarms(now - ALARMS)?)
        };
        let mut points = newest(replicas);
        // Those that wait, in the order in which they come over; then those that have all.
        let mut rows: Vec<Row> = Vec::new();
        for its in &outlook.queue {
            let backlog = its.estimate_bytes;
            if let Some(row) = rows.iter_mut().find(|row| row.vault == its.vault && row.dataset == its.dataset) {
                row.waiting += 1;
                // Snapshots of one dataset share nearly all.
                row.backlog_bytes = row.backlog_bytes.max(backlog);
                continue;
            }
            let point = points.remove(&its.of());
            let mut row = self.row(now, (&its.opd, &its.agent, &its.class), its.of(), point);
            (row.waiting, row.backlog_bytes) = (1, backlog);
            let key = (its.vault.clone(), its.dataset.clone(), its.snapshot.clone());
            row.error = outlook.errors.get(&key).cloned();
            rows.push(row);
        }
        for (dataset, point) in points {
            let Some(vault) = vaults.iter().find(|vault| vault.id == dataset.0) else { continue };
            rows.push(self.row(now, (&vault.opd, &vault.agent, &vault.class), dataset, Some(point)));
        }
        let (locks, stopped) = (self.locked()?, lock(&self.catalog).stopped()?);
        for row in &mut rows {
            row.suspicion = lock(&self.catalog).suspected(&row.vault, &row.dataset)?.map(|its| its.id);
        }
        let backlog_bytes = rows.iter().map(|row| row.backlog_bytes).sum();
        Ok(Status {
            kind: "pulih/drc-status/v1",
            site: self.site.name.clone(),
            at: utc::rfc3339(now),
            policy: in_force.policy.name.to_string(),
            policy_version: in_force.policy.version,
            peer: self.peer_status(outlook.error)?,
            store: self.store_status()?,
            datasets: rows,
            backlog_bytes,
            bytes_per_second: outlook.bytes_per_second,
            estimate_seconds: outlook.bytes_per_second.filter(|rate| *rate > 0).map(|rate| backlog_bytes / rate),
            locks,
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
        point: Option<(u64, Replica)>,
    ) -> Row {
        let rpo_seconds = self.target(class, opd, &dataset);
        let (points, newest) = point.map_or((0, None), |(points, newest)| (points, Some(newest)));
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
        }
    }

    fn peer_status(&self, error: Option<String>) -> Answer<Option<Peer>> {
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return Ok(None) };
        let heard = lock(&self.catalog).heard(&peer.site)?;
        let mirrored = lock(&self.mirrored);
        Ok(Some(Peer {
            heard: heard.map(utc::rfc3339),
            entries: mirrored.mirror.as_ref().map_or(0, |mirror| mirror.log().size()),
            diverged: mirrored.diverged.clone(),
            site: peer.site,
            name: peer.name,
            error,
        }))
    }
}
