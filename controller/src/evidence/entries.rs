//! Entries of a ledger, as somebody asks for them: by kind, time and dataset.

use pulih_evidence::facts::Facts;
use pulih_ledger::entry::View;
use pulih_ledger::{Actor, Log, ReadEntry};
use pulih_vault::utc;
use serde_json::{Value, json};

use super::read::Period;
use crate::gateway::answer::{Answer, Refusal};

/// Most entries that are listed: the newest ones.
const MOST: usize = 10_000;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// None: of every kind.
    pub kinds: Vec<String>,
    /// Agent and dataset.
    pub dataset: Option<(String, String)>,
}

/// `pulih/entries/v1`: in the ledger's order, with all that they say.
pub fn report(log: &Log, site: &str, wanted: &Wanted, period: Period) -> Answer<Value> {
    let (mut facts, mut found, mut left_out) = (Facts::default(), Vec::new(), 0_u64);
    for recorded in log.entries(0) {
        let recorded = recorded.map_err(|error| Refusal::internal(&error))?;
        let Ok(entry) = recorded.read() else { continue };
        if let View::Known(body) = &entry.view {
            facts.take(&entry.at, !matches!(entry.actor, Actor::Person { .. }), body);
        }
        let at = utc::parse(entry.at.as_str()).unwrap_or(0);
        if !(period.from..period.to).contains(&at) || !is_wanted(&entry, wanted, &facts) {
            continue;
        }
        found.push(json!({"index": recorded.index, "entry": entry.raw}));
        if found.len() >= 2 * MOST {
            left_out += found.drain(..MOST).count() as u64;
        }
    }
    let more = found.len().saturating_sub(MOST);
    left_out += found.drain(..more).count() as u64;
    Ok(json!({
        "type": "pulih/entries/v1", "site": site, "size": log.size(), "from": utc::rfc3339(period.from),
        "to": utc::rfc3339(period.to), "left_out": left_out, "entries": found,
    }))
}

/// `<kind>` of an entry's type.
pub fn kind(entry: &ReadEntry) -> &str {
    let name = entry.type_name();
    name.strip_prefix("pulih/ledger/").and_then(|name| name.rsplit_once('/')).map_or(name, |(kind, _)| kind)
}

fn is_wanted(entry: &ReadEntry, wanted: &Wanted, facts: &Facts) -> bool {
    if !wanted.kinds.is_empty() && !wanted.kinds.iter().any(|its| its == kind(entry)) {
        return false;
    }
    wanted.dataset.as_ref().is_none_or(|(agent, dataset)| is_of(entry, agent, dataset, facts))
}

/// Whether it is about a dataset: by its vault, by its agent, or as one of the points that it names.
fn is_of(entry: &ReadEntry, agent: &str, dataset: &str, facts: &Facts) -> bool {
    let its = |vault: &str| {
        vault.parse().is_ok_and(|vault| facts.owner(&vault).is_some_and(|owner| owner.agent.as_str() == agent))
    };
    let text = |name: &str| entry.raw.get(name).and_then(Value::as_str);
    let point = |point: &Value| {
        let mut parts = point.as_str().unwrap_or_default().split('/');
        parts.next().is_some_and(its) && parts.next() == Some(dataset)
    };
    let points = entry.raw.get("points").and_then(Value::as_array);
    let is_agents = text("agent") == Some(agent) || text("vault").is_some_and(its);
    (text("dataset") == Some(dataset) && is_agents) || points.is_some_and(|points| points.iter().any(point))
}
