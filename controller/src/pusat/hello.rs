//! Whose turn it is: a server whose state was taken back in time goes on, and is told so; of two
//! machines with the same keys the newer one is refused and named.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, CloneRefused, LineageBegun};
use pulih_ledger::ids::AgentId;
use pulih_protocol::error::Code;
use pulih_protocol::hello::{Hello, Welcome};
use pulih_vault::utc;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Pusat, is_printable, lock};
use crate::catalog::{Agent, Lineage};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::hex;

const MAX_HOST_BYTES: usize = 255;
/// Each is an entry of the ledger: no server is put back from an image so often.
const MAX_LINEAGES: usize = 256;

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn check(hello: &Hello) -> Answer<()> {
    let turns = hello.lineage.iter().chain(&hello.last).chain([&hello.next]).all(|text| is_hex(text, 32));
    if !turns || !is_hex(&hello.machine, 64) {
        return Err(Refusal::new(Code::BadRequest, "turns are 32 and a machine 64 hexadecimal digits"));
    }
    if !is_printable(&hello.host, MAX_HOST_BYTES) {
        return Err(Refusal::new(Code::BadRequest, "the host has no name, or none that can be printed"));
    }
    Ok(())
}

pub fn clone_refusal() -> Refusal {
    let text = "another machine goes on with this agent's keys, and this one was refused as its copy; \
                if it shall be backed up, ask the Pusat Data for an invitation of its own";
    Refusal::new(Code::Clone, text)
}

impl Pusat {
    pub fn hello(&self, agent: &Agent, hello: &Hello) -> Answer<Welcome> {
        check(hello)?;
        let now = (self.clock)();
        let mut record = lock(&self.record);
        let lineages = record.catalog.lineages(&agent.name)?;
        let named = hello.lineage.as_ref().and_then(|id| lineages.iter().find(|its| its.id == *id));
        // The answer to this very hello was lost.
        let answered = lineages.iter().find(|its| its.next.as_ref() == Some(&hello.next));
        let mine = answered.or(named);
        if mine.is_some_and(|its| its.refused) {
            return Err(clone_refusal());
        }
        let welcome =
            |lineage: &str, rejoined| Welcome { lineage: lineage.to_owned(), rejoined, at: utc::rfc3339(now) };
        if let Some(its) = answered {
            return Ok(welcome(&its.id, hello.lineage.as_ref().is_some_and(|id| *id != its.id)));
        }
        // Where turns were lost with the catalog, the newest goes on.
        let newest = lineages.iter().rfind(|its| !its.refused).map(|its| its.id.clone());
        let in_turn = |its: &Lineage| match &its.next {
            Some(next) => hello.last.as_ref() == Some(next),
            None => newest.as_ref() == Some(&its.id),
        };
        if let Some(its) = mine.filter(|its| in_turn(its) && its.machine == hello.machine) {
            let newer = lineages.iter().skip_while(|other| other.id != its.id).skip(1);
            let clones: Vec<_> = newer.filter(|other| !other.refused).collect();
            if !clones.is_empty() {
                record.write(now, &Actor::Site, refusals(agent, its, &clones)?)?;
            }
            record.catalog.set_turn(&its.id, &hello.next)?;
            return Ok(welcome(&its.id, false));
        }
        if lineages.len() >= MAX_LINEAGES {
            let text = "this agent's state was lost or taken back too often; ask the Pusat Data for a new invitation";
            return Err(Refusal::new(Code::Forbidden, text));
        }
        if mine.is_none() && lineages.iter().any(|its| its.clone && its.machine == hello.machine) {
            return Err(clone_refusal());
        }
        let mut drawn = [0; 16];
        SystemRandom::new().fill(&mut drawn).map_err(|_| Refusal::internal(&"the system gives no random bytes"))?;
        let lineage = hex(&drawn);
        let begun = LineageBegun {
            agent: id(agent)?,
            lineage: lineage.clone(),
            of: mine.map(|its| its.id.clone()),
            machine: hello.machine.clone(),
            host: hello.host.clone(),
        };
        let mut bodies = vec![Body::from(begun)];
        let rejoined = mine.is_some_and(|its| !in_turn(its));
        if let Some((alarm, text)) = odd(agent, hello, mine, !lineages.is_empty()) {
            eprintln!("alarm: {text}");
            bodies.push(Alarm { alarm: alarm.into(), subject: agent.name.clone(), text }.into());
        }
        record.write(now, &Actor::Site, bodies)?;
        record.catalog.set_turn(&lineage, &hello.next)?;
        Ok(welcome(&lineage, rejoined))
    }

    /// That a request about objects comes from a lineage that goes on.
    pub fn must_be_in_turn(&self, agent: &Agent, lineage: Option<&str>) -> Answer<()> {
        let first = || Refusal::new(Code::HelloFirst, "say hello first, and name the lineage that it gives");
        let lineage = lineage.filter(|text| is_hex(text, 32)).ok_or_else(first)?;
        match lock(&self.catalog).lineage_refused(&agent.name, lineage)? {
            Some(false) => Ok(()),
            Some(true) => Err(clone_refusal()),
            None => Err(first()),
        }
    }
}

fn id(agent: &Agent) -> Answer<AgentId> {
    agent.name.parse().map_err(|error| Refusal::internal(&error))
}

/// What a person should know of a lineage that begins.
fn odd(agent: &Agent, hello: &Hello, of: Option<&Lineage>, known: bool) -> Option<(&'static str, String)> {
    let (name, host) = (&agent.name, &hello.host);
    match of {
        Some(its) if its.machine == hello.machine => Some((
            "rejoined",
            format!(
                "{name} ({host}) came with a state that is older than what was seen of it: it was taken back in time"
            ),
        )),
        Some(its) => Some((
            "moved",
            format!(
                "{name} came from another machine: {host}, after {}; if both go on, the newer one is refused",
                its.host
            ),
        )),
        None if known => Some((
            "state-lost",
            format!("{name} ({host}) came without the turns of its past: its state was set up anew"),
        )),
        None => None,
    }
}

/// The older lineage took a turn, so the newer ones are copies of it.
fn refusals(agent: &Agent, of: &Lineage, clones: &[&Lineage]) -> Answer<Vec<Body>> {
    let mut bodies = Vec::new();
    for its in clones {
        let text = format!(
            "two machines use the keys of {}: {} goes on, and its copy on {} is refused from now on",
            agent.name, of.host, its.host
        );
        eprintln!("alarm: {text}");
        let (lineage, host, machine) = (its.id.clone(), its.host.clone(), its.machine.clone());
        bodies.push(CloneRefused { agent: id(agent)?, lineage, host, machine }.into());
        bodies.push(Alarm { alarm: "clone".into(), subject: agent.name.clone(), text }.into());
    }
    Ok(bodies)
}
