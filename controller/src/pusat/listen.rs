//! Which servers are silent, whose runs fail, and whose clocks are off.

use std::collections::BTreeMap;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{AgentClock, AgentHeard, AgentSilent, BackupFailing};
use pulih_protocol::report::Report;
use pulih_vault::utc;

use super::{Pusat, lock};
use crate::catalog::Silence;
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;
use crate::silence::{Change, Heard, changes};

/// The least that an agent may be quiet, in seconds.
const PATIENCE: i64 = 3600;
/// A clock that is off by no more is right, and so is what is told of it; in seconds.
const OFF: i64 = 60;
/// How often an agent's clock is written down at most, in seconds.
const CLOCK_EVERY: i64 = 3600;
/// Of what an agent says about a run that fails, characters.
const MAX_TEXT: usize = 500;

/// Whether a clock's span is news after what was told last.
fn is_off(seconds: i64, told: Option<crate::catalog::AgentClock>, now: i64) -> bool {
    let (before, at) = told.map_or((0, i64::MIN / 2), |told| (told.seconds, told.at));
    let crossed = (seconds.abs() > OFF) != (before.abs() > OFF);
    (crossed || (seconds - before).abs() > OFF) && now - at >= CLOCK_EVERY
}

impl Pusat {
    /// Looks at who is quiet, and writes down what changed since the last look.
    pub fn listen(&self) -> Answer<()> {
        let now = self.now();
        let mut found = self.quiet(now)?;
        found.extend(self.failing(now)?);
        found.extend(self.clocks(now)?);
        self.say(now, found)
    }

    /// Agents that have something to save, and how long each may be quiet: its datasets' shortest target.
    fn expected(&self) -> Answer<Vec<Heard>> {
        let in_force = self.in_force();
        let (agents, vaults, approvals) = {
            let catalog = lock(&self.catalog);
            (catalog.agents()?, catalog.vaults()?, catalog.approvals()?)
        };
        let now = self.now();
        let vaults: BTreeMap<_, _> = vaults.iter().map(|vault| (&vault.id, vault)).collect();
        let mut patience: BTreeMap<&String, i64> = BTreeMap::new();
        for its in approvals.iter().filter(|its| its.ended.is_none() && its.until.is_none_or(|until| now < until)) {
            let Some(vault) = vaults.get(&its.vault) else { continue };
            let target = in_force.rules(&vault.class, &vault.opd, &its.dataset)?.targets.rpo_pusat.seconds() as i64;
            let least = patience.entry(&vault.agent).or_insert(i64::MAX);
            *least = target.max(PATIENCE).min(*least);
        }
        let presences = lock(&self.presences);
        let heard = agents.into_iter().filter(|agent| agent.revoked.is_none()).filter_map(|agent| {
            let patience = *patience.get(&agent.name)?;
            let last = presences.of(&agent.name).map_or(agent.enrolled, |its| its.seen);
            Some(Heard { subject: agent.name, last, patience })
        });
        Ok(heard.collect())
    }

    fn quiet(&self, now: i64) -> Answer<Vec<Body>> {
        let all = self.expected()?;
        let open = lock(&self.catalog).silences(Silence::Agent)?;
        let body = |change| {
            Ok(match change {
                Change::Lost { subject, since } => {
                    AgentSilent { agent: subject.parse().map_err(internal)?, since: time(since).map_err(internal)? }
                        .into()
                }
                Change::Back { subject, since } => {
                    AgentHeard { agent: subject.parse().map_err(internal)?, since: time(since).map_err(internal)? }
                        .into()
                }
            })
        };
        changes(&all, &open, self.opened, now).into_iter().map(body).collect()
    }

    /// Datasets whose agents say that a run is due and has not succeeded. An agent's clock is not trusted: it is
    /// never longer ago than the newest point, and never to come.
    fn failing(&self, now: i64) -> Answer<Vec<Body>> {
        let reports: Vec<(String, Report)> = {
            let presences = lock(&self.presences);
            presences
                .all()
                .filter_map(|its| Some((its.agent.clone(), serde_json::from_str(&its.report).ok()?)))
                .collect()
        };
        let catalog = lock(&self.catalog);
        let (open, errors) = (catalog.silences(Silence::Backup)?, catalog.last_errors()?);
        let mut found = Vec::new();
        for (agent, report) in &reports {
            for its in &report.datasets {
                let due = its.overdue_since.as_deref().and_then(utc::parse).filter(|due| *due <= now);
                let Some(due) = due.filter(|_| !open.contains_key(&format!("{agent}/{}", its.dataset))) else {
                    continue;
                };
                let Some(newest) = catalog.newest_of(agent, &its.dataset)? else { continue };
                let error = errors.get(&(agent.clone(), its.dataset.clone()));
                let text = error.map_or("a run is due and none has succeeded", |error| error.as_str());
                found.push(
                    BackupFailing {
                        agent: agent.parse().map_err(internal)?,
                        dataset: its.dataset.parse().map_err(internal)?,
                        since: time(due.max(newest)).map_err(internal)?,
                        text: text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect(),
                    }
                    .into(),
                );
            }
        }
        Ok(found)
    }

    fn clocks(&self, now: i64) -> Answer<Vec<Body>> {
        let told = lock(&self.catalog).agent_clocks()?;
        let off = lock(&self.presences).clocks();
        let news = off.into_iter().filter(|(agent, seconds)| is_off(*seconds, told.get(agent).copied(), now));
        let body = |(agent, seconds): (String, i64)| {
            Ok(AgentClock { agent: agent.parse().map_err(internal)?, seconds }.into())
        };
        news.map(body).collect()
    }
}

fn internal(error: impl std::error::Error) -> Refusal {
    Refusal::internal(&error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::AgentClock as Told;

    #[test]
    fn a_clock_is_told_when_it_goes_off_changes_or_is_right_again_and_once_an_hour() {
        let told = |seconds, at| Some(Told { seconds, at });
        assert!(!is_off(60, None, 0) && is_off(61, None, 0) && is_off(-61, None, 0));
        assert!(!is_off(7230, told(7200, 0), CLOCK_EVERY) && is_off(7261, told(7200, 0), CLOCK_EVERY));
        assert!(is_off(0, told(61, 0), CLOCK_EVERY) && !is_off(0, told(61, 0), CLOCK_EVERY - 1));
        assert!(!is_off(30, told(0, 0), CLOCK_EVERY));
    }
}
