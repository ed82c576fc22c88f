//! Qualifying tests: an auditor who operates none of it is named before anything is known, opens the drill with a key of
//! its own, and attests how it went. Who operates something is judged by what both ledgers say.

use std::collections::BTreeSet;

use pulih_evidence::qualifying::{ATTEST_SECONDS, KINDS, MAX_FINDINGS, OPINIONS, People, operates};
use pulih_ledger::entry::kinds::{DrillAnnounced, DrillAttested, DrillAuditor, DrillOpened};
use pulih_ledger::entry::{Entry, Kind};
use pulih_ledger::ids::{Sha256, SiteId, UserId};
use pulih_ledger::scan::scan;
use pulih_ledger::{Actor, LedgerError, Log, ReadEntry};
use pulih_protocol::error::Code;
use pulih_vault::note::VerifierKey;
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::{Drc, lock};
use super::order::Auditor;
use crate::catalog::{Catalog, Drill};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::Record;
use crate::site::SiteRole;

const MAX_NAME_BYTES: usize = 200;
const MAX_FINDING_BYTES: usize = 500;

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

fn forbidden(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Forbidden, why)
}

fn told(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(&error)
}

fn is_line(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.len() <= most && !text.contains(char::is_control)
}

/// What a ledger says of people. Most entries are nobody's, and are not read whole.
fn people(log: &Log) -> Answer<People> {
    let mut people = People::default();
    for recorded in log.entries(0) {
        let recorded = recorded.map_err(told)?;
        let added = Kind::UserAdded.to_type();
        let concerns = scan(&recorded.bytes).map_or(true, |found| {
            let is_person = found.actor.is_some_and(|actor| actor.contains("\"person\""));
            is_person || found.kind == Some(added.as_str())
        });
        let Some(entry) = concerns.then(|| ReadEntry::parse(&recorded.bytes).ok()).flatten() else { continue };
        let at = utc::parse(entry.at.as_str()).unwrap_or(0);
        people.take(at, &entry.actor, entry.body());
    }
    Ok(people)
}

impl Drc {
    /// Whom an announcement names.
    pub(super) fn auditor(&self, named: &Auditor) -> Answer<DrillAuditor> {
        let user: UserId = named.user.parse().map_err(|error| bad(format!("{error}")))?;
        let record = lock(&self.record);
        let none = || Refusal::new(Code::NotFound, format!("{user} is not known here; an admin adds the auditor"));
        let its = record.catalog.user(user.as_str())?.ok_or_else(none)?;
        let key = record.keys_of(&user).last().cloned().ok_or_else(none)?;
        Ok(DrillAuditor {
            user,
            name: its.name,
            institution: named.institution.trim().to_owned(),
            mandate: named.mandate.trim().to_owned(),
            key,
            operator: self.site.operator.clone(),
            provider: self.site.provider.clone(),
        })
    }

    /// Why somebody may not test a drill of a kind independently; none: the person may.
    pub(super) fn operates(&self, record: &Record, kind: &str, its: &DrillAuditor, now: i64) -> Answer<Vec<String>> {
        let mut why = Vec::new();
        if !KINDS.contains(&kind) {
            why.push("an auditor tests a plan or an application: --kind plan or --kind application".to_owned());
        }
        if !is_line(&its.institution, MAX_NAME_BYTES) || !is_line(&its.mandate, MAX_NAME_BYTES) {
            why.push("the auditor's institution and the number of the mandate are a line each".to_owned());
        }
        let own = people(record.log())?;
        let peer = self.mirrored_log(&record.catalog)?.as_ref().map(people).transpose()?;
        let found = operates(its, now, &own, peer.as_ref(), &self.named_in_plans(&record.catalog)?);
        why.extend(found.iter().map(ToString::to_string));
        Ok(why)
    }

    /// The ledger that is mirrored here, as far as it has come.
    fn mirrored_log(&self, catalog: &Catalog) -> Answer<Option<Log>> {
        let Some(peer) = catalog.peers()?.into_iter().rfind(|its| its.role == SiteRole::Pusat.as_str()) else {
            return Ok(None);
        };
        let site: SiteId = peer.site.parse().map_err(told)?;
        let key: VerifierKey = peer.key.parse().map_err(told)?;
        match Log::open(self.store.clone(), &site, key) {
            Ok(log) => Ok(Some(log)),
            Err(LedgerError::NoLedger { .. }) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    /// Whom the plans in force name, and each text in quotes of them: a verifier looks at no more.
    fn named_in_plans(&self, catalog: &Catalog) -> Answer<BTreeSet<String>> {
        let mut named = BTreeSet::new();
        for its in catalog.plans()? {
            let (plan, text) = self.plan_of(&its.name, &its.object)?;
            named.append(&mut pulih_evidence::qualifying::quoted(&text));
            for person in plan.people.into_values() {
                named.insert(person.name);
                named.extend(person.user.map(|user| user.to_string()));
            }
        }
        Ok(named)
    }

    /// That the auditor whom an announcement names may be one.
    pub(in crate::drc) fn check_auditor(&self, record: &Record, its: &DrillAnnounced, now: i64) -> Answer<()> {
        let Some(auditor) = &its.auditor else { return Ok(()) };
        if (&auditor.operator, &auditor.provider) != (&self.site.operator, &self.site.provider) {
            return Err(bad("the announcement names another operator or provider than `site.toml`; order it again"));
        }
        if record.catalog.user(auditor.user.as_str())?.is_none_or(|user| user.name != auditor.name) {
            return Err(bad("the auditor has another name here; order it again"));
        }
        let why = self.operates(record, &its.kind, auditor, now)?;
        if why.is_empty() { Ok(()) } else { Err(forbidden(why.join("; "))) }
    }

    /// That the auditor opens what is announced, before it starts.
    pub(in crate::drc) fn check_opened(record: &Record, entry: &Entry, its: &DrillOpened, now: i64) -> Answer<()> {
        let drill = of_auditor(&record.catalog, its.drill.as_str(), entry)?;
        if drill.ended.is_some() || drill.started.is_some() || drill.opened.is_some() || now >= drill.until {
            return Err(bad(format!("drill {} does not wait to be opened", drill.id)));
        }
        must_be(record, drill.number, its.announcement)
    }

    /// That the auditor attests what has ended, in time.
    pub(in crate::drc) fn check_attested(record: &Record, entry: &Entry, its: &DrillAttested, now: i64) -> Answer<()> {
        let drill = of_auditor(&record.catalog, its.drill.as_str(), entry)?;
        let (Some(ended), Some(number)) = (drill.ended, drill.end_number) else {
            return Err(bad(format!("drill {} has not ended yet", drill.id)));
        };
        if drill.attested.is_some() {
            return Err(Refusal::new(Code::AlreadyExists, format!("drill {} is attested already", drill.id)));
        }
        if drill.opened.is_none() {
            return Err(bad(format!("drill {} was never opened: there is nothing to attest", drill.id)));
        }
        if now > ended.saturating_add(ATTEST_SECONDS) {
            return Err(bad("an attestation counts within 30 days of the drill's end"));
        }
        if !OPINIONS.contains(&its.opinion.as_str()) {
            return Err(bad(format!("an opinion is one of {}", OPINIONS.join(", "))));
        }
        let is_good = |its: &pulih_ledger::entry::kinds::DrillFinding| {
            is_line(&its.text, MAX_FINDING_BYTES) && is_line(&its.owner, MAX_NAME_BYTES)
        };
        if its.findings.len() > MAX_FINDINGS || !its.findings.iter().all(is_good) {
            let text = format!(
                "there are at most {MAX_FINDINGS} findings, each with a line of text of {MAX_FINDING_BYTES} bytes at most, \
                 an owner, and a date"
            );
            return Err(bad(text));
        }
        if its.opinion == OPINIONS[1] && its.findings.is_empty() {
            return Err(bad("`met-with-findings` has findings"));
        }
        must_be(record, number, its.ended)
    }

    /// What the auditor signs: the hash of the announcement, or of the end.
    pub(super) fn to_sign(&self, id: &str, ended: bool) -> Answer<Value> {
        let record = lock(&self.record);
        let none = || Refusal::new(Code::NotFound, format!("there is no drill {id} here"));
        let drill = record.catalog.drill(id)?.ok_or_else(none)?;
        let number = if ended { drill.end_number } else { Some(drill.number) };
        let number = number.ok_or_else(|| bad(format!("drill {id} has not ended yet")))?;
        Ok(json!({"type": "pulih/drill-to-sign/v1", "drill": id, "entry": number, "sha256": hash(&record, number)?}))
    }
}

fn hash(record: &Record, number: u64) -> Answer<Sha256> {
    Ok(Sha256::of(&record.log().get(number).map_err(told)?.bytes))
}

fn must_be(record: &Record, number: u64, signed: Sha256) -> Answer<()> {
    if hash(record, number)? == signed {
        return Ok(());
    }
    Err(bad("what was signed is not what the ledger has of this drill"))
}

/// A drill whose auditor signed this, with the key that its announcement names.
fn of_auditor(catalog: &Catalog, id: &str, entry: &Entry) -> Answer<Drill> {
    let none = || Refusal::new(Code::NotFound, format!("there is no drill {id} here"));
    let drill = catalog.drill(id)?.ok_or_else(none)?;
    let Some(auditor) = &drill.auditor else { return Err(forbidden(format!("drill {id} has no auditor"))) };
    let is_theirs = matches!(&entry.actor, Actor::Person { user, key }
        if *user == auditor.user && *key == auditor.key.fingerprint());
    if is_theirs {
        return Ok(drill);
    }
    Err(forbidden(format!("only {} does this, with the key that the announcement of drill {id} names", auditor.user)))
}
