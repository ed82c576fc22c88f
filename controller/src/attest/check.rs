//! Whether a person may state something, and whether it makes sense. That a clause and an item stand in the pack is
//! looked at where the pack is read; here are names, bounds and what is in force.

use pulih_evidence::qualifying::{MAX_FINDINGS, OPINIONS, years_on};
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    AttestationEnded, AttestationGiven, AuditHeld, DatasetClassified, DrillFinding, IncidentReported, OpdDescribed,
    ReportIssued,
};
use pulih_ledger::ids::SiteId;
use pulih_ledger::time::Time;
use pulih_ledger::{LedgerError, Log};
use pulih_policies::Name;
use pulih_protocol::error::Code;
use pulih_vault::store::StoreError;
use pulih_vault::utc;

use crate::catalog::{Catalog, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{Role, must};
use crate::pusat::is_printable;

const MOST_NAME: usize = 200;
const MOST_TEXT: usize = 1000;
const MOST_FINDING: usize = 500;
/// An attestation says how things are, and nobody knows that for longer.
const MOST_YEARS: i64 = 5;

pub const SUBJECTS: [&str; 3] = ["data-centre", "security", "internal"];
pub const BODIES: [&str; 3] = ["internal", "government", "accredited"];
const REPORTS: [&str; 6] = ["continuity", "bandwidth", "coverage", "evaluation", "monthly", "budget"];
const LANGUAGES: [&str; 2] = ["id", "en"];
pub const PURPOSES: [&str; 3] = ["strategis", "non-publik", "publik"];
pub const CONFIDENTIALITIES: [&str; 3] = ["terbuka", "terbatas", "rahasia"];
pub const CATEGORIES: [&str; 3] = ["strategis", "tinggi", "rendah"];
pub const CONTENTS: [&str; 3] = ["information", "system", "infrastructure"];

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

fn seconds(time: &Time) -> Answer<i64> {
    utc::parse(time.as_str()).ok_or_else(|| bad("a time is not one"))
}

fn must_say(what: &str, text: &str, most: usize) -> Answer<()> {
    if is_printable(text, most) {
        return Ok(());
    }
    Err(bad(format!("{what} is empty, longer than {most} bytes, or has control characters")))
}

fn must_be_one_of(what: &str, text: &str, known: &[&str]) -> Answer<()> {
    if known.contains(&text) {
        Ok(())
    } else {
        Err(bad(format!("{what} is {text:?}; it is one of {}", known.join(", "))))
    }
}

fn must_be_a_name(what: &str, text: &str) -> Answer<()> {
    text.parse::<Name>().map(drop).map_err(|error| bad(format!("{what} is {text:?}: {error}")))
}

fn must_have_come(what: &str, time: i64, now: i64) -> Answer<()> {
    if time <= now { Ok(()) } else { Err(bad(format!("{what} is in the future: {}", utc::rfc3339(time)))) }
}

fn already(what: &str, id: &impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::AlreadyExists, format!("there was {what} {id} already"))
}

/// Whether a person may do this at a site, and whether it makes sense; `false`: it is of another kind.
pub fn check(catalog: &Catalog, person: &User, body: &Body, now: i64) -> Answer<bool> {
    let is_staff = person.is(Role::Admin) || person.is(Role::Operator);
    let auditing = || must(person, is_staff || person.is(Role::Auditor), "an admin, an operator or an auditor");
    let operating = || must(person, is_staff, "an operator or an admin");
    match body {
        Body::RegulationApplied(_) => must(person, person.is(Role::Admin), "an admin"),
        Body::AttestationGiven(its) => auditing().and_then(|()| check_attested(catalog, its, now)),
        Body::AttestationEnded(its) => auditing().and_then(|()| check_ended(catalog, its, now)),
        Body::AuditHeld(its) => auditing().and_then(|()| check_audit(catalog, its, now)),
        Body::DatasetClassified(its) => check_classified(catalog, person, its),
        Body::OpdDescribed(its) => check_described(catalog, person, its),
        Body::ReportIssued(its) => operating().and_then(|()| check_report(its)),
        Body::IncidentReported(its) => operating().and_then(|()| check_incident(catalog, its, now)),
        _ => return Ok(false),
    }
    .map(|()| true)
}

fn check_attested(catalog: &Catalog, its: &AttestationGiven, now: i64) -> Answer<()> {
    must_be_a_name("the clause", &its.clause)?;
    must_be_a_name("the item", &its.item)?;
    must_be_one_of("the opinion", &its.opinion, &OPINIONS)?;
    must_say("who states it", &its.by, MOST_NAME)?;
    must_say("the number of the document", &its.letter, MOST_NAME)?;
    its.text.as_ref().map_or(Ok(()), |text| must_say("the text", text, MOST_TEXT))?;
    if catalog.regulation(&its.regulation, None)?.is_none() {
        let text = format!("no regulation {} is in force here", its.regulation);
        return Err(Refusal::new(Code::NotFound, text));
    }
    if catalog.attestation(its.attestation.as_str())?.is_some() {
        return Err(already("an attestation", &its.attestation));
    }
    let (until, longest) = (seconds(&its.until)?, years_on(now, MOST_YEARS));
    if until <= now {
        return Err(bad("the attestation ends before it begins"));
    }
    if until > longest {
        let text =
            format!("an attestation is in force for {MOST_YEARS} years at most: until {}", utc::rfc3339(longest));
        return Err(bad(text));
    }
    Ok(())
}

fn check_ended(catalog: &Catalog, its: &AttestationEnded, now: i64) -> Answer<()> {
    must_say("the reason", &its.reason, MOST_TEXT)?;
    match catalog.attestation(its.attestation.as_str())? {
        Some((until, None)) if until > now => Ok(()),
        _ => Err(Refusal::new(Code::NotFound, format!("there is no attestation {} in force", its.attestation))),
    }
}

fn check_audit(catalog: &Catalog, its: &AuditHeld, now: i64) -> Answer<()> {
    must_be_one_of("the subject", &its.subject, &SUBJECTS)?;
    must_be_one_of("the kind of body", &its.body, &BODIES)?;
    must_say("the institution", &its.by, MOST_NAME)?;
    must_say("the number of the report", &its.letter, MOST_NAME)?;
    its.accreditation.as_ref().map_or(Ok(()), |text| must_say("the accreditation", text, MOST_NAME))?;
    let is_good = |its: &DrillFinding| is_printable(&its.text, MOST_FINDING) && is_printable(&its.owner, MOST_NAME);
    if its.findings.len() > MAX_FINDINGS || !its.findings.iter().all(is_good) {
        let text = format!(
            "there are at most {MAX_FINDINGS} findings, each with a line of text of {MOST_FINDING} bytes at most, an \
             owner, and a date"
        );
        return Err(bad(text));
    }
    if catalog.has_audit(its.audit.as_str())? {
        return Err(already("an audit", &its.audit));
    }
    must_have_come("when it was held", seconds(&its.held)?, now)
}

fn check_classified(catalog: &Catalog, person: &User, its: &DatasetClassified) -> Answer<()> {
    let vault = catalog.vault(&its.vault.to_string())?;
    let vault = vault.ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no vault {} here", its.vault)))?;
    let may = person.speaks_for(&vault.opd) || person.is(Role::Admin);
    must(person, may, "the walidata of the OPD that owns the data, or an admin who has the letter")?;
    if !catalog.knows_dataset(&vault.id, its.dataset.as_str())? {
        let text =
            format!("agent {} has no dataset {} here: none was approved, and none came", vault.agent, its.dataset);
        return Err(Refusal::new(Code::NotFound, text));
    }
    must_say("who says so", &its.by, MOST_NAME)?;
    must_say("the letter's number", &its.letter, MOST_NAME)?;
    let said = [
        ("the purpose", &its.purpose, PURPOSES),
        ("the confidentiality", &its.confidentiality, CONFIDENTIALITIES),
        ("the category", &its.category, CATEGORIES),
        ("the content", &its.content, CONTENTS),
    ];
    let mut says_something = false;
    for (field, value, known) in said {
        if let Some(value) = value {
            must_be_one_of(field, value, &known)?;
            says_something = true;
        }
    }
    if says_something { Ok(()) } else { Err(bad("nothing is said of the dataset")) }
}

fn check_described(catalog: &Catalog, person: &User, its: &OpdDescribed) -> Answer<()> {
    let may = person.speaks_for(its.opd.as_str()) || person.is(Role::Admin);
    must(person, may, "the walidata of that OPD, or an admin who has the letter")?;
    if catalog.opd(its.opd.as_str())?.is_none() {
        let text = format!("there is no OPD {} here; `pulih-controller opd list` shows them", its.opd);
        return Err(Refusal::new(Code::NotFound, text));
    }
    must_say("who says so", &its.by, MOST_NAME)?;
    must_say("the letter's number", &its.letter, MOST_NAME)
}

fn check_report(its: &ReportIssued) -> Answer<()> {
    must_be_one_of("the report", &its.report, &REPORTS)?;
    must_be_one_of("the language", &its.language, &LANGUAGES)?;
    if seconds(&its.from)? < seconds(&its.to)? { Ok(()) } else { Err(bad("the report is about no time")) }
}

/// That a report was made as of a checkpoint of this very ledger.
pub fn check_issued(log: &Log, its: &ReportIssued) -> Answer<()> {
    let site: &SiteId = &log.layout().site;
    let none = || bad(format!("the ledger of {site} has no checkpoint of {} entries", its.size));
    match log.checkpoint_at(its.size) {
        Ok(checkpoint) if checkpoint.root == its.root => Ok(()),
        Ok(_) => Err(bad(format!("at {} entries the ledger of {site} has another root", its.size))),
        Err(LedgerError::Store(StoreError::NotFound { .. }) | LedgerError::OutOfRange { .. }) => Err(none()),
        Err(LedgerError::Store(error)) => Err(error.into()),
        Err(error) => Err(Refusal::internal(&error)),
    }
}

fn check_incident(catalog: &Catalog, its: &IncidentReported, now: i64) -> Answer<()> {
    must_say("what happened", &its.text, MOST_TEXT)?;
    its.letter.as_ref().map_or(Ok(()), |letter| must_say("the letter's number", letter, MOST_NAME))?;
    if catalog.has_incident(its.incident.as_str())? {
        return Err(already("an incident", &its.incident));
    }
    if let Some(hold) = &its.hold
        && catalog.hold(hold.as_str())?.is_none()
    {
        return Err(Refusal::new(Code::NotFound, format!("there is no hold {hold} here")));
    }
    let (began, reported) = (seconds(&its.began)?, seconds(&its.reported)?);
    if reported < began {
        return Err(bad("it was reported before it began"));
    }
    must_have_come("when it was reported", reported, now)
}
