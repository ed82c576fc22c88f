//! How things stand, in one answer: for `status`, and for whoever watches it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pulih_policies::Size;
use pulih_protocol::report::Report;
use pulih_vault::utc;
use serde::Serialize;

use super::{Pusat, lock};
use crate::catalog::{Catalog, Opd, Point, Presence, Vault};
use crate::gateway::answer::Answer;
use crate::keeping::Locked;
use crate::policy::InForce;
use crate::scrub::StoreStatus;

/// Seconds without a heartbeat after which an agent is called silent: they come every minute.
const SILENT: i64 = 15 * 60;
/// Alarms of so many seconds are shown.
const ALARMS: i64 = 7 * 24 * 3600;

#[derive(Debug, Serialize)]
pub struct Status {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Made by a build for trials.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    uji: bool,
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
    /// Why nothing is appended to the ledger, if so: others have more of it than this site.
    pub ledger_behind: Option<String>,
    /// Why nothing expires until a person has looked.
    pub expiry_stopped: Option<String>,
    /// `None`: the store has no locks.
    pub locks: Option<Locked>,
    /// What the store really has.
    pub store: StoreStatus,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the JSON")]
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
    /// The suspicion that it is under.
    pub suspicion: Option<String>,
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
    /// `enrolled`, `silent`, `unknown`, `clone refused` or `revoked`.
    pub state: &'static str,
}

/// Someone asked for content, and nobody has answered.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the JSON")]
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

/// What is looked up once for all rows.
struct Known<'k> {
    now: i64,
    in_force: &'k InForce,
    catalog: &'k Catalog,
    presences: BTreeMap<String, Presence>,
    /// By vault and dataset.
    approved: BTreeSet<(String, String)>,
    suspected: HashMap<(String, String), String>,
}

impl<'k> Known<'k> {
    fn of(now: i64, in_force: &'k InForce, catalog: &'k Catalog) -> Answer<Self> {
        let presences = catalog.presences()?.into_iter().map(|its| (its.agent.clone(), its)).collect();
        let (approved, suspected) = (catalog.approved(now)?, catalog.all_suspected()?);
        Ok(Self { now, in_force, catalog, presences, approved, suspected })
    }

    fn datasets(&self) -> Answer<Vec<Dataset>> {
        let reports: BTreeMap<&String, Report> = self
            .presences
            .iter()
            .filter_map(|(agent, its)| Some((agent, serde_json::from_str(&its.report).ok()?)))
            .collect();
        let errors = self.catalog.last_errors()?;
        let vaults: BTreeMap<_, _> =
            self.catalog.vaults()?.into_iter().map(|vault| (vault.id.clone(), vault)).collect();
        let mut points: BTreeMap<(String, String), Point> = self
            .catalog
            .standings()?
            .into_iter()
            .map(|its| ((its.point.vault.clone(), its.point.dataset.clone()), its.point))
            .collect();
        // What is saved, and what is approved and not saved yet.
        let mut names: Vec<(String, String)> = points.keys().cloned().collect();
        let approvals = self.catalog.approvals()?.into_iter().filter(|its| its.ended.is_none());
        names.extend(approvals.map(|its| (its.vault, its.dataset)));
        names.sort_unstable();
        names.dedup();
        let mut datasets = Vec::new();
        for name in names {
            let Some(vault) = vaults.get(&name.0) else { continue };
            let said = reports.get(&vault.agent).and_then(|its| its.datasets.iter().find(|its| its.dataset == name.1));
            let next = said.and_then(|its| its.next.clone());
            let error = errors.get(&(vault.agent.clone(), name.1.clone())).cloned();
            let point = points.remove(&name);
            datasets.push(Dataset { next, error, ..self.dataset(vault, name, point)? });
        }
        datasets.sort_by(|a, b| (&a.opd, &a.agent, &a.dataset).cmp(&(&b.opd, &b.agent, &b.dataset)));
        Ok(datasets)
    }

    fn dataset(&self, vault: &Vault, name: (String, String), point: Option<Point>) -> Answer<Dataset> {
        let rpo_seconds = self.in_force.targets(&vault.class, &vault.opd, &name.1)?.rpo_pusat.seconds();
        let exposure = point.as_ref().map(|point| self.now - point.as_of());
        let tiers = |point: &Point| point.tiers.split_whitespace().map(str::to_owned).collect();
        Ok(Dataset {
            opd: vault.opd.clone(),
            agent: vault.agent.clone(),
            vault: vault.id.clone(),
            class: vault.class.clone(),
            approved: self.approved.contains(&name),
            accepted: point.as_ref().map(|its| utc::rfc3339(its.accepted)),
            keep_until: point.as_ref().and_then(|its| its.keep_until).map(utc::rfc3339),
            tiers: point.as_ref().map(tiers).unwrap_or_default(),
            rpo_seconds,
            exposure_seconds: exposure,
            late: exposure.is_none_or(|seconds| seconds > rpo_seconds as i64),
            suspicion: self.suspected.get(&name).cloned(),
            next: None,
            error: None,
            captured: point.as_ref().map(|its| its.captured.clone()),
            snapshot: point.map(|its| its.snapshot),
            dataset: name.1,
        })
    }

    fn agents(&self) -> Answer<Vec<Server>> {
        let mut agents = Vec::new();
        let mut by_agent = self.catalog.lineages_by_agent()?;
        for agent in self.catalog.agents()? {
            let seen = self.presences.get(&agent.name);
            let lineages = by_agent.remove(&agent.name).unwrap_or_default();
            let clone = lineages.iter().any(|its| its.clone);
            // What a catalog that was made anew has of it.
            let begun = lineages.iter().rfind(|its| !its.refused);
            let silent = seen.map(|its| self.now - its.seen > SILENT);
            agents.push(Server {
                state: match (agent.revoked, clone, silent) {
                    (Some(_), ..) => "revoked",
                    (None, true, _) => "clone refused",
                    (None, false, Some(true)) => "silent",
                    (None, false, Some(false)) => "enrolled",
                    // The catalog was made again, and it has not been heard since.
                    (None, false, None) => "unknown",
                },
                host: seen.map(|its| &its.host).or(begun.map(|its| &its.host)).cloned().unwrap_or_default(),
                enrolled: utc::rfc3339(agent.enrolled),
                revoked: agent.revoked.map(utc::rfc3339),
                last_seen: seen.map(|its| utc::rfc3339(its.seen)),
                agent: agent.name,
                opd: agent.opd,
            });
        }
        Ok(agents)
    }

    fn requests(&self) -> Answer<Vec<Request>> {
        let open = self.catalog.grants()?.into_iter().filter(|its| its.until.is_none() && its.ended.is_none());
        Ok(open
            .map(|its| Request {
                request: its.id,
                agent: its.agent,
                vault: its.vault,
                dataset: its.dataset,
                snapshot: its.manifest,
                reason: its.reason,
            })
            .collect())
    }
}

fn stored(catalog: &Catalog, in_force: &InForce) -> Answer<Vec<Stored>> {
    let stored: BTreeMap<_, _> = catalog.stored_by_opd()?.into_iter().collect();
    let row = |opd: Opd| Stored {
        bytes: stored.get(&opd.name).copied().unwrap_or(0),
        quota: in_force.policy.quota(&opd.name).map(Size::bytes),
        opd: opd.name,
        title: opd.title,
    };
    Ok(catalog.opds()?.into_iter().map(row).collect())
}

impl Pusat {
    /// What each OPD has stored.
    pub fn stored_by_opd(&self) -> Answer<Vec<Stored>> {
        let in_force = self.in_force();
        stored(&lock(&self.catalog), &in_force)
    }

    pub fn status(&self) -> Answer<Status> {
        self.settle_presences()?;
        let (now, in_force) = ((self.clock)(), self.in_force());
        let locks = self.locked()?;
        let store_status = self.store_status()?;
        let ledger_behind = self.ledger_behind()?;
        let catalog = lock(&self.catalog);
        let known = Known::of(now, &in_force, &catalog)?;
        let alarms = catalog.alarms(now - ALARMS)?.into_iter().map(|its| Raised {
            at: utc::rfc3339(its.at),
            alarm: its.alarm,
            subject: its.subject,
            text: its.text,
        });
        Ok(Status {
            kind: "pulih/status/v1",
            uji: crate::uji::IS_UJI,
            site: self.site.name.clone(),
            at: utc::rfc3339(now),
            policy: in_force.policy.name.to_string(),
            policy_version: in_force.policy.version,
            datasets: known.datasets()?,
            agents: known.agents()?,
            requests: known.requests()?,
            alarms: alarms.collect(),
            stored: stored(&catalog, &in_force)?,
            locks,
            ledger_behind,
            expiry_stopped: catalog.stopped()?.map(|stopped| stopped.reason),
            store: store_status,
        })
    }
}
