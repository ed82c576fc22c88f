//! A recovery onto another server: its agent restores, and this site gives it what one dataset at a time
//! needs, objects and the file keys of their headers, for as long as the order is open. Whose turn it is says
//! the command that follows the order; it is held in memory alone, for that command says it again.

mod given;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use pulih_keeper::Keeper;
use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::Alarm;
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{KeyAsked, KeyGiven, MAX_TEXT_BYTES, Now, StepEnded, StepTaken};
use pulih_vault::error::VaultError;
use pulih_vault::layout::vault_of;
use pulih_vault::store::ObjectName;
use pulih_vault::utc;
use serde_json::{Value, json};

use given::Given;

use super::super::{Drc, lock};
use super::order::{Dataset, Ended, ServersTurn};
use super::prepare::parse_point;
use super::steps::open_one;
use crate::catalog::{Agent, Catalog, Recovery};
use crate::gateway::answer::{Answer, Refusal};
use crate::pusat::is_printable;

/// Keys that a server asked for and that its turn does not need, in an hour: who restores asks for none.
const STRAY: u32 = 16;
const STRAY_SECONDS: i64 = 3600;
/// Of a number that a server says: far above use, and what JSON carries whole.
const MOST: u64 = 1 << 52;

/// What servers recover now.
#[derive(Default)]
pub struct Servers {
    /// By agent.
    turns: Mutex<HashMap<String, Arc<Given>>>,
    /// By agent: how many keys it asked for in vain, and since when that is counted.
    stray: Mutex<HashMap<String, (u32, i64)>>,
    /// Where the keeper is asked; not set where nobody serves.
    keeper: OnceLock<PathBuf>,
}

impl Servers {
    /// This process serves, and asks the keeper there.
    pub fn serve_with(&self, keeper: &Path) {
        let _ = self.keeper.set(keeper.to_owned());
    }

    /// That servers can be given what they need: somebody serves, and the keeper lets it ask.
    pub fn must_serve(&self) -> Answer<()> {
        let nobody = || {
            let text =
                "a server is given what it needs by the process that serves this site: start `pulih-controller serve`";
            Refusal::new(Code::BadRequest, text)
        };
        let keeper = self.keeper.get().ok_or_else(nobody)?;
        let asked = Keeper::connect(keeper).and_then(|keeper| keeper.standings());
        asked.map(drop).map_err(|error| {
            let text =
                format!("the process that serves this site must ask the keeper for a server, and cannot: {error}");
            Refusal::new(Code::BadRequest, text)
        })
    }

    fn given(&self, agent: &str) -> Option<Arc<Given>> {
        lock(&self.turns).get(agent).cloned()
    }

    /// How many keys an agent has asked for in vain lately, with these.
    fn strays(&self, agent: &str, more: u32, now: i64) -> u32 {
        let mut all = lock(&self.stray);
        let its = all.entry(agent.to_owned()).or_insert((0, now));
        if now - its.1 >= STRAY_SECONDS {
            *its = (0, now);
        }
        its.0 = its.0.saturating_add(more);
        its.0
    }
}

fn forbidden(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Forbidden, why)
}

/// The order is open, and nobody follows it now.
fn waits(recovery: &str) -> Refusal {
    Refusal::new(Code::Busy, format!("recovery {recovery} waits at the DRC: it is not this server's turn; try again"))
}

/// The Pusat Data's word is enough to save here, and not to be given keys: it may be in strange hands.
fn taken_over(server: &str) -> String {
    format!(
        "server {server} is let in by a certificate of the Pusat Data, which gets no keys here: `pulih-controller agent \
         invite {server} --opd OPD --again` here, and `pulih-agent enroll` there with that token"
    )
}

/// That an order can be given for a server: it is enrolled here, and let in now.
pub fn must_be_let_in(catalog: &Catalog, server: &str, now: i64) -> Answer<()> {
    let known = catalog.agent(server)?.filter(|known| known.revoked.is_none());
    if known.is_none() || catalog.certificates_of(server, now)?.is_empty() {
        let text = format!(
            "server {server} is not enrolled at this DRC: `pulih-controller agent invite {server} --opd OPD` here, and \
             `pulih-agent enroll` there"
        );
        return Err(Refusal::new(Code::NotFound, text));
    }
    if catalog.is_taken_over(server, now)? {
        return Err(forbidden(taken_over(server)));
    }
    match catalog.disaster()? {
        Some(_) => Ok(()),
        None => Err(Refusal::new(
            Code::NoDisaster,
            "no disaster is declared, and without one servers are not let in here: `pulih-controller disaster declare`",
        )),
    }
}

/// What a point is, by this site's own record.
fn dataset_of(catalog: &Catalog, its: &ServersTurn) -> Answer<Dataset> {
    let (vault, dataset, snapshot) = parse_point(&its.point)?;
    let none = || Refusal::new(Code::NotFound, format!("{} is not at this site", its.point));
    let pin = catalog.pins()?.into_iter().find(|pin| pin.vault == vault).ok_or_else(none)?;
    Ok(Dataset {
        service: None,
        opd: pin.opd,
        agent: pin.agent,
        vault: pin.vault,
        class: pin.class,
        dataset: dataset.to_owned(),
        snapshot: snapshot.to_owned(),
        captured: String::new(),
        stored_bytes: 0,
        owner: pin.owner,
        is_other: false,
        done: false,
    })
}

impl Drc {
    /// A dataset becomes its server's turn; or how that ended, once it has.
    pub(super) fn servers_turn(&self, its: &ServersTurn) -> Answer<Value> {
        let (server, dataset) = {
            let catalog = lock(&self.catalog);
            let going = open_one(&catalog, &its.recovery)?;
            let server = going.server.clone().ok_or_else(|| forbidden("this recovery is onto this host"))?;
            must_be_let_in(&catalog, &server, self.now())?;
            if !going.points.contains(&its.point) {
                return Err(forbidden(format!("{} was not ordered in recovery {}", its.point, its.recovery)));
            }
            (server, dataset_of(&catalog, its)?)
        };
        if self.servers.given(&server).is_none_or(|now| now.turn.recovery != its.recovery || now.point() != its.point) {
            // A step that was written meanwhile ended it.
            if let Some(ended) = self.turn_ended(its)? {
                return Ok(ended);
            }
            let given = Arc::new(Given::new(self, its, &dataset)?);
            let mut turns = lock(&self.servers.turns);
            if let Some(ended) = self.turn_ended(its)? {
                return Ok(ended);
            }
            // What nobody said the end of is over with its order.
            let catalog = lock(&self.catalog);
            turns.retain(|_, its| open_one(&catalog, &its.turn.recovery).is_ok());
            turns.insert(server, given);
        }
        Ok(json!({"type": "pulih/servers-turn/v1", "outcome": null, "text": null}))
    }

    fn turn_ended(&self, its: &ServersTurn) -> Answer<Option<Value>> {
        let steps = lock(&self.catalog).steps(&its.recovery)?;
        let ended = steps.into_iter().find(|step| step.step > its.after && step.is_of(&its.point));
        Ok(ended.map(|step| json!({"type": "pulih/servers-turn/v1", "outcome": step.outcome, "text": step.text})))
    }

    /// The order that is open for an agent.
    fn open_order(&self, agent: &Agent) -> Answer<Option<Recovery>> {
        let catalog = lock(&self.catalog);
        if catalog.is_taken_over(&agent.name, self.now())? {
            return Ok(None);
        }
        Ok(catalog.order_for(&agent.name)?.filter(|its| its.ended.is_none()))
    }

    /// What an agent has of an order that is open. `busy`: it is open, and not its turn.
    fn given_to(&self, agent: &Agent, order: &Recovery) -> Answer<Arc<Given>> {
        let given = self.servers.given(&agent.name).filter(|its| its.turn.recovery == order.id);
        given.ok_or_else(|| waits(&order.id))
    }

    /// How its order stands for an agent.
    pub fn recovery_now(&self, agent: &Agent) -> Answer<Now> {
        let Some(order) = lock(&self.catalog).order_for(&agent.name)? else { return Ok(Now::None) };
        if order.ended.is_some() {
            return Ok(Now::Ended { recovery: order.id, outcome: order.outcome.unwrap_or_default() });
        }
        Ok(match self.given_to(agent, &order) {
            Ok(given) => {
                *lock(&given.told) = self.now();
                Now::Restore(given.turn.clone())
            }
            Err(_) => Now::Wait { recovery: order.id },
        })
    }

    /// Whether an agent reads an object since its turn needs it.
    pub fn is_ordered(&self, agent: &Agent, object: &ObjectName) -> Answer<bool> {
        let Some(order) = self.open_order(agent)? else { return Ok(false) };
        let Some(vault) = vault_of(object) else { return Ok(false) };
        let of = format!("{vault}/");
        if !order.points.iter().any(|point| point.starts_with(&of)) {
            return Ok(false);
        }
        Ok(self.given_to(agent, &order)?.needs(object))
    }

    /// The file key of an object that an agent's turn needs, and of no other.
    pub fn recovery_key(&self, agent: &Agent, asked: &KeyAsked) -> Answer<KeyGiven> {
        let bad = |_| Refusal::new(Code::BadRequest, "that is no object's name");
        let object: ObjectName = asked.object.parse().map_err(bad)?;
        let order = self.open_order(agent)?.filter(|order| order.id == asked.recovery);
        let order = order.ok_or_else(|| forbidden("no such recovery onto this server is open"))?;
        let now = self.now();
        if self.servers.strays(&agent.name, 0, now) >= STRAY {
            let text = "this server asked for too many keys that its order does not give; try again in an hour";
            return Err(Refusal::new(Code::Busy, text));
        }
        let given = self.given_to(agent, &order)?;
        if !given.has_key(&object) {
            return Err(self.stray(agent, &order, &object, now)?);
        }
        let keeper = self.servers.keeper.get().ok_or_else(|| waits(&order.id))?;
        let key = given.file_key(&*self.store, &object, keeper).map_err(|error| match error {
            // Closed meanwhile, or away: people open it again, and the server goes on.
            VaultError::Local { source, .. } => {
                eprintln!("warning: server {}: the keeper gives no key: {source}", agent.name);
                Refusal::new(Code::Busy, format!("the DRC's keeper gives no key now: {source}"))
            }
            error => Refusal::from(error),
        })?;
        // The keeper may have taken its time, and the order have ended meanwhile.
        let is_open = self.open_order(agent)?.is_some_and(|its| its.id == order.id);
        if !is_open || !Arc::ptr_eq(&given, &self.given_to(agent, &order)?) {
            return Err(waits(&order.id));
        }
        Ok(key)
    }

    /// What is said to a server that asks for what is not its order's; the first time in an hour people see it.
    fn stray(&self, agent: &Agent, order: &Recovery, object: &ObjectName, now: i64) -> Answer<Refusal> {
        if self.servers.strays(&agent.name, 1, now) == 1 {
            let text = format!("server {} asked for the key of {object}, which {} does not need", agent.name, order.id);
            eprintln!("alarm: {text}");
            let alarm = Alarm { alarm: "recovery-stray".into(), subject: agent.name.clone(), text };
            lock(&self.record).write(now, &Actor::Site, vec![alarm.into()])?;
        }
        Ok(forbidden(format!("{object} is nothing that this server's turn in recovery {} needs", order.id)))
    }

    /// What a server says that came of its turn. Said again since the answer was lost, it is written once.
    pub fn recovery_step(&self, agent: &Agent, its: &StepEnded) -> Answer<StepTaken> {
        check(its)?;
        let taken = || Ok(StepTaken { at: utc::rfc3339(self.now()) });
        let point = format!("{}/{}/{}", its.vault, its.dataset, its.snapshot);
        let mut turns = lock(&self.servers.turns);
        let given = turns.get(&agent.name).filter(|given| given.turn.recovery == its.recovery);
        let is_this = |given: &&Arc<Given>| given.point() == point && given.turn.after == its.after;
        let Some(given) = given.filter(is_this) else {
            if self.is_written(agent, its, &point)? {
                return taken();
            }
            let order = self.open_order(agent)?.filter(|order| order.id == its.recovery);
            let order = order.ok_or_else(|| forbidden("no such recovery onto this server is open"))?;
            // Another turn came meanwhile: what is said of an old one is nobody's to wait for.
            return Err(given.map_or_else(|| waits(&order.id), |_| forbidden("that turn is over; ask what is now")));
        };
        let told = *lock(&given.told);
        let ended = Ended {
            recovery: its.recovery.clone(),
            vault: its.vault.clone(),
            dataset: its.dataset.clone(),
            snapshot: its.snapshot.clone(),
            outcome: its.outcome.clone(),
            began: utc::rfc3339(told),
            // Never more than has passed here since it was told: what follows is dated by it.
            milliseconds: its.milliseconds.min(since_told(self.now() - told)),
            fetch_ms: its.fetch,
            decrypt_ms: None,
            write_ms: its.write,
            verify_ms: its.verify,
            files: its.files,
            bytes: its.bytes,
            text: its.text.clone(),
        };
        let server = agent.name.parse().map_err(|error| Refusal::internal(&error))?;
        self.write_step(&mut lock(&self.record), &ended, Some(server)).map_err(|refusal| match refusal.code {
            // The order has ended though nobody said the end of its turn: the server looks what is now.
            Code::NotFound => forbidden("no such recovery onto this server is open"),
            _ => refusal,
        })?;
        turns.remove(&agent.name);
        taken()
    }

    /// Whether the step that ended the turn is there, and is what the server says.
    fn is_written(&self, agent: &Agent, its: &StepEnded, point: &str) -> Answer<bool> {
        let steps = lock(&self.catalog).steps(&its.recovery)?;
        let first = steps.iter().find(|step| step.step > its.after && step.is_of(point));
        Ok(first.is_some_and(|step| {
            step.server.as_ref() == Some(&agent.name)
                && step.outcome == its.outcome
                && (step.files, step.bytes) == (its.files, its.bytes)
        }))
    }
}

/// Milliseconds at most of so many whole seconds.
fn since_told(seconds: i64) -> u64 {
    (seconds.max(0) as u64).saturating_add(1).saturating_mul(1000)
}

fn check(its: &StepEnded) -> Answer<()> {
    let numbers = [its.milliseconds, its.fetch, its.write, its.verify, its.files, its.bytes];
    let is_said = its.text.is_empty() || is_printable(&its.text, MAX_TEXT_BYTES);
    if is_said && numbers.iter().all(|number| *number <= MOST) {
        return Ok(());
    }
    Err(Refusal::new(Code::BadRequest, "the step has a number or text that is not as it should be"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_what_is_not_its_own_is_counted_for_an_hour() {
        let servers = Servers::default();
        assert_eq!((1..=3).map(|_| servers.strays("baru", 1, 100)).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((servers.strays("baru", 0, 100 + STRAY_SECONDS - 1), servers.strays("lain", 0, 100)), (3, 0));
        assert_eq!(servers.strays("baru", 0, 100 + STRAY_SECONDS), 0);
    }

    #[test]
    fn what_a_server_says_is_bounded() {
        let said = |text: &str, files: u64| StepEnded {
            recovery: "rec-1".into(),
            vault: String::new(),
            dataset: String::new(),
            snapshot: String::new(),
            after: 0,
            outcome: "done".into(),
            milliseconds: 1,
            fetch: 1,
            write: 1,
            verify: 1,
            files,
            bytes: 1,
            text: text.into(),
        };
        assert!(check(&said("", 1)).is_ok() && check(&said("3 files read again", MOST)).is_ok());
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        for (text, files) in [("a\nb", 1), ("\u{1b}[0m", 1), (long.as_str(), 1), ("", MOST + 1)] {
            assert_eq!(check(&said(text, files)).unwrap_err().code, Code::BadRequest);
        }
    }
}
