//! Heartbeats. They are many, so they are kept in memory and written down together, every few
//! seconds; what ended is written at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::Alarm;
use pulih_protocol::error::Code;
use pulih_protocol::report::{
    AgentAlarm, AgentView, DatasetView, Job, MAX_DATASETS, MAX_JOBS, MAX_TEXT_BYTES, PointView, Report, ReportTaken,
    VaultView,
};
use pulih_vault::layout::DatasetName;
use pulih_vault::utc;

use super::{Pusat, is_printable, lock};
use crate::catalog::{Agent, Point, Presence};
use crate::gateway::answer::{Answer, Refusal};

/// Seconds before a certificate's end from which on it is renewed.
pub const RENEW_BEFORE: i64 = 30 * 24 * 3600;
/// How far the clock of a server may be ahead of the site's.
const CLOCK_SECONDS: i64 = 24 * 3600;
/// Seconds in which an agent's alarm of one kind is written down once: the ledger is for people.
const ALARM_EVERY: i64 = 6 * 3600;
/// Kinds of alarms of one agent that are told apart.
const ALARM_KINDS: usize = 8;

/// What agents said last.
#[derive(Default)]
pub struct Presences {
    agents: HashMap<String, Presence>,
    /// Not yet in the catalog.
    fresh: HashSet<String>,
    /// When an alarm of an agent was written last.
    alarms: HashMap<String, Vec<(String, i64)>>,
    /// An agent's clock less this site's, in seconds, when its last report came.
    clocks: HashMap<String, i64>,
}

impl Presences {
    pub fn new(known: Vec<Presence>) -> Self {
        let agents = known.into_iter().map(|its| (its.agent.clone(), its)).collect();
        Self { agents, ..Self::default() }
    }

    fn take(&mut self, its: Presence) {
        self.fresh.insert(its.agent.clone());
        self.agents.insert(its.agent.clone(), its);
    }

    pub fn of(&self, agent: &str) -> Option<Presence> {
        self.agents.get(agent).cloned()
    }

    pub fn all(&self) -> impl Iterator<Item = &Presence> {
        self.agents.values()
    }

    /// By how many seconds each agent's clock is off, of those that were heard since this process began.
    pub fn clocks(&self) -> Vec<(String, i64)> {
        self.clocks.iter().map(|(agent, seconds)| (agent.clone(), *seconds)).collect()
    }

    fn lets(&mut self, agent: &str, alarm: &str, now: i64) -> bool {
        let its = self.alarms.entry(agent.to_owned()).or_default();
        its.retain(|(_, at)| now - at < ALARM_EVERY);
        if its.len() >= ALARM_KINDS || its.iter().any(|(known, _)| known == alarm) {
            return false;
        }
        its.push((alarm.to_owned(), now));
        true
    }
}

fn check(report: &Report) -> Answer<()> {
    let bad = |why: &str| Err(Refusal::new(Code::BadRequest, format!("the report {why}; nothing of it was taken")));
    if report.datasets.len() > MAX_DATASETS || report.jobs.len() > MAX_JOBS || report.alarms.len() > MAX_JOBS {
        return bad("has too many datasets, jobs or alarms");
    }
    let text = |text: &str| text.len() <= MAX_TEXT_BYTES && !text.contains(|c: char| c.is_control() && c != '\n');
    let time = |text: &str| text.len() <= 40 && utc::parse(text).is_some();
    let dataset = |name: &str| name.parse::<DatasetName>().is_ok();
    let word = |word: &str| (1..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let sets = report.datasets.iter().all(|its| {
        dataset(&its.dataset)
            && its.class.parse::<pulih_policies::Class>().is_ok()
            && its.next.iter().chain(&its.overdue_since).all(|at| time(at))
    });
    let jobs = report.jobs.iter().all(|its| {
        let number = |number: u64| i64::try_from(number).is_ok();
        dataset(&its.dataset)
            && time(&its.began)
            && time(&its.ended)
            && its.snapshot.iter().chain(&its.error).all(|its| text(its))
            && number(its.read_bytes)
            && number(its.stored_bytes)
            && number(its.unread)
    });
    let alarms = report.alarms.iter().all(|its| word(&its.alarm) && text(&its.text));
    let policy = report.policy.as_ref().is_none_or(|hash| hash.len() == 64 && text(hash));
    match (time(&report.at) && is_printable(&report.program, 200) && policy, sets, jobs, alarms) {
        (true, true, true, true) => Ok(()),
        (false, ..) => bad("has no time, program or policy as it should"),
        (_, false, ..) => bad("has a dataset that is not as it should be"),
        (_, _, false, _) => bad("has a job that is not as it should be"),
        _ => bad("has an alarm that is not as it should be"),
    }
}

impl Pusat {
    pub fn report(&self, agent: &Agent, certified_until: i64, report: &Report) -> Answer<ReportTaken> {
        check(report)?;
        let now = (self.clock)();
        let host = lock(&self.presences).of(&agent.name).map(|its| its.host).unwrap_or_default();
        self.take_jobs(agent, &report.jobs, now)?;
        self.raise(agent, &report.alarms, now)?;
        let small = Report { jobs: Vec::new(), alarms: Vec::new(), ..report.clone() };
        let text = serde_json::to_string(&small).map_err(|error| Refusal::internal(&error))?;
        let mut presences = lock(&self.presences);
        if let Some(at) = utc::parse(&report.at) {
            presences.clocks.insert(agent.name.clone(), at - now);
        }
        presences.take(Presence { agent: agent.name.clone(), seen: now, host, report: text });
        drop(presences);
        Ok(ReportTaken {
            at: utc::rfc3339(now),
            policy: self.in_force().hash.clone(),
            renew: certified_until - now < RENEW_BEFORE,
        })
    }

    /// Keeps the jobs of datasets that are known here. Names that nobody approved and times to come
    /// are an agent's to invent, and would fill the catalog or stay in it for ever.
    fn take_jobs(&self, agent: &Agent, jobs: &[Job], now: i64) -> Answer<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let catalog = lock(&self.catalog);
        let known = catalog.datasets_of_agent(&agent.name)?;
        let soon = |time: &str| utc::parse(time).is_some_and(|at| at <= now + CLOCK_SECONDS);
        let mut taken = jobs.iter().filter(|job| known.contains(&job.dataset) && soon(&job.began));
        Ok(catalog.together(|catalog| {
            taken.try_for_each(|job| catalog.add_job(&agent.name, job))?;
            catalog.prune_jobs(&agent.name)
        })?)
    }

    fn raise(&self, agent: &Agent, alarms: &[AgentAlarm], now: i64) -> Answer<()> {
        let id = agent.name.parse().map_err(|error| Refusal::internal(&error))?;
        let mut bodies = Vec::new();
        for its in alarms {
            if lock(&self.presences).lets(&agent.name, &its.alarm, now) {
                eprintln!("alarm: {}: {}", agent.name, its.text);
                let (alarm, text) = (its.alarm.clone(), its.text.clone());
                bodies.push(Body::from(Alarm { alarm, subject: agent.name.clone(), text }));
            }
        }
        if bodies.is_empty() {
            return Ok(());
        }
        Ok(lock(&self.record).write(now, &Actor::Agent { agent: id }, bodies)?)
    }

    /// Remembers that an agent was here, by a hello or an enrolment.
    pub fn seen(&self, agent: &str, host: &str) {
        let mut presences = lock(&self.presences);
        let report = presences.of(agent).map_or_else(|| "{}".to_owned(), |its| its.report);
        presences.take(Presence { agent: agent.to_owned(), seen: (self.clock)(), host: host.to_owned(), report });
    }

    /// Writes the newest heartbeats into the catalog.
    pub fn settle_presences(&self) -> Answer<()> {
        let fresh: Vec<Presence> = {
            let mut presences = lock(&self.presences);
            let names = std::mem::take(&mut presences.fresh);
            names.iter().filter_map(|name| presences.of(name)).collect()
        };
        Ok(lock(&self.catalog).together(|catalog| fresh.iter().try_for_each(|its| catalog.set_presence(its)))?)
    }

    /// What the site knows of an agent, for that agent.
    pub fn view(&self, agent: &Agent) -> Answer<AgentView> {
        let now = (self.clock)();
        let catalog = lock(&self.catalog);
        let mut vaults = Vec::new();
        for vault in catalog.vaults_of(&agent.name)? {
            let points = catalog.standings_of(&vault.id)?.into_iter().map(|its| (its.point.dataset.clone(), its.point));
            let mut points: BTreeMap<String, Point> = points.collect();
            let approved = catalog.datasets_approved(&vault.id)?;
            let names: BTreeSet<String> = approved.into_iter().chain(points.keys().cloned()).collect();
            let mut datasets = Vec::new();
            for dataset in names {
                let approved = catalog.is_approved(&vault.id, &dataset, now)?;
                let newest = points.remove(&dataset).map(|point| PointView {
                    snapshot: point.snapshot,
                    accepted: utc::rfc3339(point.accepted),
                    captured: point.captured,
                    at_drc: None,
                });
                datasets.push(DatasetView { dataset, approved, newest });
            }
            vaults.push(VaultView { vault: vault.id, class: vault.class, datasets });
        }
        Ok(AgentView {
            agent: agent.name.clone(),
            opd: agent.opd.clone(),
            site: self.site.name.clone(),
            at: utc::rfc3339(now),
            vaults,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_written_once_in_a_while_and_kinds_are_bounded() {
        let mut presences = Presences::default();
        assert!(presences.lets("a", "policy-refused", 0));
        assert!(!presences.lets("a", "policy-refused", ALARM_EVERY - 1));
        assert!(presences.lets("b", "policy-refused", 1));
        assert!(presences.lets("a", "policy-refused", ALARM_EVERY));
        let let_in = (0..100).filter(|n| presences.lets("a", &format!("kind-{n}"), ALARM_EVERY)).count();
        assert_eq!(let_in, ALARM_KINDS - 1);
    }
}
