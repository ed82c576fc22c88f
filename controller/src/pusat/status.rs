//! How things stand, in one answer: for `status`, and for whoever watches it.

use std::collections::BTreeMap;

use pulih_protocol::report::Report;
use pulih_vault::utc;
use serde::Serialize;

use super::{Pusat, lock};
use crate::catalog::Presence;
use crate::gateway::answer::Answer;

/// Seconds without a heartbeat after which an agent is called silent: they come every minute.
const SILENT: i64 = 15 * 60;
/// Alarms of so many seconds are shown.
const ALARMS: i64 = 7 * 24 * 3600;

#[derive(Debug, Serialize)]
pub struct Status {
    #[serde(rename = "type")]
    kind: &'static str,
    pub site: String,
    pub at: String,
    pub policy: String,
    pub policy_version: u32,
    pub datasets: Vec<Dataset>,
    pub agents: Vec<Server>,
    pub requests: Vec<Request>,
    pub alarms: Vec<Raised>,
    /// Bytes stored, and the quota where there is one.
    pub stored: Vec<Stored>,
}

#[derive(Debug, Serialize)]
pub struct Dataset {
    pub opd: String,
    pub agent: String,
    pub vault: String,
    pub class: String,
    pub dataset: String,
    pub approved: bool,
    pub snapshot: Option<String>,
    pub captured: Option<String>,
    /// When the site accepted its newest recovery point.
    pub accepted: Option<String>,
    pub keep_until: Option<String>,
    pub tiers: Vec<String>,
    /// The policy's target, and what would be lost now.
    pub rpo_seconds: u64,
    pub exposure_seconds: Option<i64>,
    pub late: bool,
    pub next: Option<String>,
    pub error: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Server {
    pub agent: String,
    pub opd: String,
    pub host: String,
    pub enrolled: String,
    pub revoked: Option<String>,
    pub last_seen: Option<String>,
    /// `enrolled`, `silent`, `clone refused` or `revoked`.
    pub state: &'static str,
}

/// Someone asked for content, and nobody has answered.
#[derive(Debug, Serialize)]
pub struct Request {
    pub request: String,
    pub agent: String,
    pub vault: String,
    pub dataset: Option<String>,
    pub snapshot: Option<String>,
    pub reason: String,
}

#[derive(Debug, Serialize)]
pub struct Raised {
    pub at: String,
    pub alarm: String,
    pub subject: String,
    pub text: String,
}

#[derive(Debug, Serialize)]
pub struct Stored {
    pub opd: String,
    pub title: String,
    pub bytes: u64,
    pub quota: Option<u64>,
}

impl Pusat {
    pub fn status(&self) -> Answer<Status> {
        self.settle_presences()?;
        let now = (self.clock)();
        let in_force = self.in_force();
        let catalog = lock(&self.catalog);
        let presences: BTreeMap<String, Presence> =
            catalog.presences()?.into_iter().map(|its| (its.agent.clone(), its)).collect();
        let reports: BTreeMap<&String, Report> = presences
            .iter()
            .filter_map(|(agent, its)| Some((agent, serde_json::from_str(&its.report).ok()?)))
            .collect();
        let errors = catalog.last_errors()?;
        let vaults: BTreeMap<_, _> = catalog.vaults()?.into_iter().map(|vault| (vault.id.clone(), vault)).collect();
        let standings = catalog.standings()?;
        // What is saved, and what is approved and not saved yet.
        let mut names: Vec<(String, String)> =
            standings.iter().map(|its| (its.point.vault.clone(), its.point.dataset.clone())).collect();
        names.extend(
            catalog.approvals()?.into_iter().filter(|its| its.ended.is_none()).map(|its| (its.vault, its.dataset)),
        );
        names.sort_unstable();
        names.dedup();
        let mut datasets = Vec::new();
        for (vault, dataset) in names {
            let Some(vault) = vaults.get(&vault) else { continue };
            let point = standings.iter().find(|its| its.point.vault == vault.id && its.point.dataset == dataset);
            let point = point.map(|its| &its.point);
            let rpo_seconds = in_force.rules(&vault.class, &vault.opd, &dataset)?.targets.rpo_pusat.seconds();
            let exposure = point.map(|point| now - point.accepted);
            let said = reports.get(&vault.agent).and_then(|its| its.datasets.iter().find(|its| its.dataset == dataset));
            let error = errors.iter().find(|(agent, its, _)| *agent == vault.agent && *its == dataset);
            datasets.push(Dataset {
                opd: vault.opd.clone(),
                agent: vault.agent.clone(),
                vault: vault.id.clone(),
                class: vault.class.clone(),
                approved: catalog.is_approved(&vault.id, &dataset, now)?,
                snapshot: point.map(|its| its.snapshot.clone()),
                captured: point.map(|its| its.captured.clone()),
                accepted: point.map(|its| utc::rfc3339(its.accepted)),
                keep_until: point.and_then(|its| its.keep_until).map(utc::rfc3339),
                tiers: point.map(|its| its.tiers.split_whitespace().map(str::to_owned).collect()).unwrap_or_default(),
                rpo_seconds,
                exposure_seconds: exposure,
                late: exposure.is_none_or(|seconds| seconds > rpo_seconds as i64),
                next: said.and_then(|its| its.next.clone()),
                error: error.map(|(.., error)| error.clone()),
                dataset,
            });
        }
        datasets.sort_by(|a, b| (&a.opd, &a.agent, &a.dataset).cmp(&(&b.opd, &b.agent, &b.dataset)));
        let mut agents = Vec::new();
        for agent in catalog.agents()? {
            let seen = presences.get(&agent.name);
            let lineages = catalog.lineages(&agent.name)?;
            let clone = lineages.iter().any(|its| its.refused);
            // What a catalog that was made anew has of it.
            let begun = lineages.iter().rfind(|its| !its.refused);
            let silent = seen.is_none_or(|its| now - its.seen > SILENT);
            agents.push(Server {
                state: match (agent.revoked, clone, silent) {
                    (Some(_), ..) => "revoked",
                    (None, true, _) => "clone refused",
                    (None, false, true) => "silent",
                    (None, false, false) => "enrolled",
                },
                host: seen.map(|its| &its.host).or(begun.map(|its| &its.host)).cloned().unwrap_or_default(),
                enrolled: utc::rfc3339(agent.enrolled),
                revoked: agent.revoked.map(utc::rfc3339),
                last_seen: seen.map(|its| utc::rfc3339(its.seen)),
                agent: agent.name,
                opd: agent.opd,
            });
        }
        let requests = catalog.grants()?.into_iter().filter(|its| its.until.is_none() && its.ended.is_none());
        let stored: BTreeMap<_, _> = catalog.stored_by_opd()?.into_iter().collect();
        Ok(Status {
            kind: "pulih/status/v1",
            site: self.site.name.clone(),
            at: utc::rfc3339(now),
            policy: in_force.policy.name.to_string(),
            policy_version: in_force.policy.version,
            datasets,
            agents,
            requests: requests
                .map(|its| Request {
                    request: its.id,
                    agent: its.agent,
                    vault: its.vault,
                    dataset: its.dataset,
                    snapshot: its.manifest,
                    reason: its.reason,
                })
                .collect(),
            alarms: catalog
                .alarms(now - ALARMS)?
                .into_iter()
                .map(|its| Raised { at: utc::rfc3339(its.at), alarm: its.alarm, subject: its.subject, text: its.text })
                .collect(),
            stored: catalog
                .opds()?
                .into_iter()
                .map(|opd| Stored {
                    bytes: stored.get(&opd.name).copied().unwrap_or(0),
                    quota: in_force.policy.quota(&opd.name).map(|size| size.bytes()),
                    opd: opd.name,
                    title: opd.title,
                })
                .collect(),
        })
    }
}
