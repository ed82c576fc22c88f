//! What keeps points from coming, and whom it concerns.

use std::collections::BTreeMap;

use pulih_ledger::entry::Body;
use pulih_ledger::ids::{AgentId, SiteId};
use pulih_vault::layout::DatasetName;

use super::{Key, seconds};
use crate::rpo::{Cause, Span};

#[derive(Debug, Default)]
pub struct Spans {
    site: Vec<Span>,
    agents: BTreeMap<AgentId, Vec<Span>>,
    datasets: BTreeMap<Key, Vec<Span>>,
    /// Runs that fail, by the server and the dataset's name, which are all that a server says of them.
    failing: BTreeMap<(AgentId, DatasetName), Vec<Span>>,
    lost: BTreeMap<SiteId, i64>,
    stopped: Option<i64>,
}

/// Ends the newest span that goes on.
fn end(spans: &mut [Span], cause: Cause, at: i64) {
    if let Some(open) = spans.iter_mut().rfind(|span| span.cause == cause && span.to == i64::MAX) {
        open.to = at;
    }
}

impl Spans {
    pub fn take(&mut self, at: i64, body: &Body) {
        match body {
            Body::SiteAway(its) => self.site.push(Span { cause: Cause::SiteAway, from: seconds(&its.since), to: at }),
            Body::AgentSilent(its) => self.agent(&its.agent, Cause::AgentSilent, seconds(&its.since), i64::MAX),
            Body::AgentHeard(its) => {
                end(self.agents.entry(its.agent.clone()).or_default(), Cause::AgentSilent, at);
            }
            Body::AgentRevoked(its) => self.agent(&its.agent, Cause::Refused, at, at),
            Body::CloneRefused(its) => self.agent(&its.agent, Cause::Refused, at, at),
            Body::BackupFailing(its) => {
                let key = (its.agent.clone(), its.dataset.clone());
                let span = Span { cause: Cause::Failing, from: seconds(&its.since), to: i64::MAX };
                self.failing.entry(key).or_default().push(span);
            }
            Body::PullRefused(its) => {
                if let Some((vault, dataset)) = its.vault.zip(its.dataset.clone()) {
                    self.dataset(Key { vault, dataset }, Span { cause: Cause::Refused, from: at, to: at });
                }
            }
            Body::LinkLost(its) => drop(self.lost.entry(its.peer.clone()).or_insert(seconds(&its.since))),
            Body::LinkBack(its) => {
                if let Some(from) = self.lost.remove(&its.peer) {
                    self.site.push(Span { cause: Cause::Link, from, to: at });
                }
            }
            Body::ReplicationStopped(_) => drop(self.stopped.get_or_insert(at)),
            Body::ReplicationResumed(_) => {
                let stopped = self.stopped.take();
                self.site.extend(stopped.map(|from| Span { cause: Cause::Link, from, to: at }));
            }
            _ => {}
        }
    }

    fn agent(&mut self, agent: &AgentId, cause: Cause, from: i64, to: i64) {
        self.agents.entry(agent.clone()).or_default().push(Span { cause, from, to });
    }

    pub fn dataset(&mut self, key: Key, span: Span) {
        self.datasets.entry(key).or_default().push(span);
    }

    /// A point came: what failed fails no more.
    pub fn succeeded(&mut self, agent: &AgentId, dataset: &DatasetName, at: i64) {
        if let Some(failing) = self.failing.get_mut(&(agent.clone(), dataset.clone())) {
            end(failing, Cause::Failing, at);
        }
    }

    /// All that concerns a dataset of an agent.
    pub fn of(&self, key: &Key, agent: Option<&AgentId>) -> Vec<Span> {
        let of_agent = agent.and_then(|agent| self.agents.get(agent));
        let failing = agent.and_then(|agent| self.failing.get(&(agent.clone(), key.dataset.clone())));
        let lists = [Some(&self.site), of_agent, failing, self.datasets.get(key)];
        let open = self.lost.values().copied().chain(self.stopped);
        let open = open.map(|from| Span { cause: Cause::Link, from, to: i64::MAX });
        lists.into_iter().flatten().flatten().copied().chain(open).collect()
    }
}
