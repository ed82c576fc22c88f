//! A recovery on the ledger: that it began, each of its steps, that it ended; and its record, an
//! object of the site that says the same to programs.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{Phases, RecoveryBegun, RecoveryEnded, RecoveryStep};
use pulih_ledger::ids::AgentId;
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{MAX_TEXT_BYTES, one_line};
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::{Drc, lock};
use super::disaster::must_say_why;
use super::order::Ended;
use super::prepare::{MAX_POINTS, manual_what, parse_point};
use super::server;
use crate::catalog::{Catalog, Recovery, Step};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::Record;

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

pub(super) fn open_one(catalog: &Catalog, id: &str) -> Answer<Recovery> {
    let none = || Refusal::new(Code::NotFound, format!("no recovery {id} is going on here"));
    catalog.recovery(id)?.filter(|its| its.ended.is_none()).ok_or_else(none)
}

fn next_step(steps: &[Step]) -> u64 {
    steps.last().map_or(1, |its| its.step + 1)
}

/// That what an operator signed can be done, and has a reason where it takes one.
pub fn check_begun(catalog: &Catalog, its: &RecoveryBegun, now: i64) -> Answer<()> {
    if catalog.recovery(its.recovery.as_str())?.is_some() {
        return Err(Refusal::new(Code::AlreadyExists, format!("there was a recovery {} already", its.recovery)));
    }
    if its.points.len() > MAX_POINTS {
        return Err(bad(format!("a recovery has at most {MAX_POINTS} points")));
    }
    let going = catalog.disaster()?.map(|going| going.id);
    if its.disaster.as_ref().map(|its| its.as_str().to_owned()) != going {
        return Err(bad("the disaster that is named is not the one that is going on; order it again"));
    }
    its.reason.iter().try_for_each(|reason| must_say_why(reason))?;
    if let Some(name) = &its.server {
        if its.target != name.as_str() {
            return Err(bad("the target of a recovery onto a server is that server's name"));
        }
        server::must_be_let_in(catalog, name.as_str(), now)?;
    }
    for point in &its.points {
        let (vault, dataset, manifest) = parse_point(point)?;
        if !catalog.has_point(vault, dataset, manifest)? {
            return Err(Refusal::new(Code::NotFound, format!("{point} is not at this site")));
        }
        let usual = Drc::default_point(catalog, vault, dataset)?;
        if its.reason.is_none() && usual.is_none_or(|usual| usual.snapshot != manifest) {
            let text = format!(
                "{dataset}: this is not the newest point before suspicion; who wants it all the same says why with --reason"
            );
            return Err(Refusal::new(Code::Forbidden, text));
        }
    }
    Ok(())
}

/// That a manual step may be ticked: by its name, in a recovery that goes on, once.
pub fn check_ticked(catalog: &Catalog, its: &RecoveryStep) -> Answer<()> {
    let steps = open_one(catalog, its.recovery.as_str()).and_then(|going| Ok(catalog.steps(&going.id)?))?;
    must_say_why(&its.text)?;
    let is_manual = its.what.strip_prefix("manual ").is_some_and(|name| manual_what(name) == its.what);
    if !is_manual || its.vault.is_some() || its.outcome != "done" {
        return Err(Refusal::new(Code::Forbidden, "a person ticks manual steps alone"));
    }
    if steps.iter().any(|step| step.is_done() && step.what == its.what) {
        return Err(Refusal::new(Code::AlreadyExists, format!("{} is ticked already", its.what)));
    }
    if its.step != next_step(&steps) {
        return Err(bad("another step ended just now; tick it again"));
    }
    Ok(())
}

impl Drc {
    /// What ends because another recovery begins in the same place: nobody goes on with it.
    pub(in crate::drc) fn replaced_by(&self, catalog: &Catalog, its: &RecoveryBegun) -> Answer<Vec<RecoveryEnded>> {
        let now = self.now();
        let same = catalog.recoveries()?.into_iter().filter(|old| old.ended.is_none() && old.target == its.target);
        let ended = |old: Recovery| {
            let milliseconds = (now - old.began).max(0) as u64 * 1000;
            let recovery = old.id.parse().map_err(|error| Refusal::internal(&error))?;
            Ok(RecoveryEnded { recovery, outcome: "aborted".into(), milliseconds })
        };
        same.map(ended).collect()
    }

    pub(super) fn step_ended(&self, its: &Ended) -> Answer<Value> {
        self.write_step(&mut lock(&self.record), its, None)?;
        Ok(json!({"type": "pulih/recovery-step-ended/v1"}))
    }

    /// Writes a step down, which ended on this host or, by its word, on a server.
    pub(super) fn write_step(&self, record: &mut Record, its: &Ended, server: Option<AgentId>) -> Answer<()> {
        let going = open_one(&record.catalog, &its.recovery)?;
        if !["done", "failed"].contains(&its.outcome.as_str()) {
            return Err(bad("a step is `done` or `failed`"));
        }
        let point = format!("{}/{}/{}", its.vault, its.dataset, its.snapshot);
        if !going.points.contains(&point) {
            return Err(bad(format!("{point} was not ordered in recovery {}", its.recovery)));
        }
        let text = one_line(&its.text, MAX_TEXT_BYTES);
        let step = RecoveryStep {
            recovery: its.recovery.parse().map_err(|error| bad(format!("{error}")))?,
            step: next_step(&record.catalog.steps(&its.recovery)?),
            what: "restore".into(),
            vault: Some(its.vault.parse().map_err(|error| bad(format!("{error}")))?),
            dataset: Some(its.dataset.parse().map_err(|error| bad(format!("{error}")))?),
            manifest: Some(its.snapshot.parse().map_err(|error| bad(format!("{error}")))?),
            outcome: its.outcome.clone(),
            began: its.began.parse().map_err(|error| bad(format!("{error}")))?,
            milliseconds: its.milliseconds,
            files: its.files,
            bytes: its.bytes,
            text,
            phases: Some(Phases {
                approve: 0,
                fetch: its.fetch_ms,
                decrypt: its.decrypt_ms,
                write: its.write_ms,
                verify: its.verify_ms,
                check: None,
            }),
            server,
        };
        Ok(record.write(self.now(), &Actor::Site, vec![step.into()])?)
    }

    pub(super) fn recovery_ended(&self, id: &str, outcome: &str, milliseconds: u64) -> Answer<Value> {
        if !["done", "failed", "aborted"].contains(&outcome) {
            return Err(bad("a recovery is `done`, `failed` or `aborted`"));
        }
        let mut record = lock(&self.record);
        open_one(&record.catalog, id)?;
        let recovery = id.parse().map_err(|error| bad(format!("{error}")))?;
        let ended = RecoveryEnded { recovery, outcome: outcome.to_owned(), milliseconds };
        record.write(self.now(), &Actor::Site, vec![ended.into()])?;
        drop(record);
        self.shown_recovery(id)
    }

    /// The record of a recovery. Of one that has ended it is put into the store, where it may be already.
    pub(super) fn shown_recovery(&self, id: &str) -> Answer<Value> {
        let catalog = lock(&self.catalog);
        let none = || Refusal::new(Code::NotFound, format!("there is no recovery {id} here"));
        let its = catalog.recovery(id)?.ok_or_else(none)?;
        let steps = catalog.steps(id)?;
        drop(catalog);
        let shown = self.recovery_record(&its, &steps)?;
        if its.ended.is_some() {
            let object: ObjectName = format!("site/{}/recoveries/{id}.json", self.id()?)
                .parse()
                .map_err(|error| Refusal::internal(&error))?;
            match self.store.create(&object, format!("{shown}\n").as_bytes()) {
                Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
                // The ledger has all of it; it is written with the next look at it.
                Err(error) => eprintln!("warning: the record {object} was not written: {error}"),
            }
        }
        Ok(shown)
    }

    fn recovery_record(&self, its: &Recovery, steps: &[Step]) -> Answer<Value> {
        let steps: Vec<Value> = steps
            .iter()
            .map(|step| {
                let phases = step.phases.map(|[approve, fetch, write, verify]| {
                    json!({"approve": approve, "fetch": fetch, "write": write, "verify": verify})
                });
                json!({
                    "step": step.step, "what": step.what, "vault": step.vault, "dataset": step.dataset,
                    "snapshot": step.snapshot, "outcome": step.outcome, "began": step.began,
                    "milliseconds": step.milliseconds, "phases": phases, "files": step.files, "bytes": step.bytes,
                    "text": step.text, "server": step.server,
                })
            })
            .collect();
        Ok(json!({
            "type": "pulih/recovery/v1", "recovery": its.id, "site": self.id()?.as_str(), "disaster": its.disaster,
            "plan": its.plan, "target": its.target, "server": its.server, "reason": its.reason, "began": utc::rfc3339(its.began),
            "ended": its.ended.map(utc::rfc3339), "outcome": its.outcome, "milliseconds": its.milliseconds,
            "points": its.points, "steps": steps,
        }))
    }

    pub(super) fn listed_recoveries(&self) -> Answer<Value> {
        let all = lock(&self.catalog).recoveries()?;
        let shown = all.into_iter().map(|its| {
            json!({
                "recovery": its.id, "plan": its.plan, "target": its.target, "server": its.server, "began": utc::rfc3339(its.began),
                "ended": its.ended.map(utc::rfc3339), "outcome": its.outcome,
            })
        });
        Ok(json!({"type": "pulih/recoveries/v1", "recoveries": shown.collect::<Vec<_>>()}))
    }

    /// The one recovery that goes on, and what a person who ticks a step of it has to sign.
    pub(super) fn to_tick(&self, recovery: Option<&str>) -> Answer<Value> {
        let catalog = lock(&self.catalog);
        let open: Vec<Recovery> = catalog.recoveries()?.into_iter().filter(|its| its.ended.is_none()).collect();
        let fits = |its: &&Recovery| recovery.is_none_or(|id| its.id == id);
        let mut open = open.iter().filter(fits);
        let (Some(its), None) = (open.next(), open.next()) else {
            return Err(bad(
                "not exactly one recovery is going on; name it with --recovery, as `recover list` shows it",
            ));
        };
        let steps = catalog.steps(&its.id)?;
        let since = steps.last().map_or(its.began, Step::ended).min(self.now());
        let waited = (self.now() - since).max(0);
        Ok(
            json!({"recovery": its.id, "step": next_step(&steps), "began": utc::rfc3339(since), "milliseconds": waited * 1000}),
        )
    }
}
