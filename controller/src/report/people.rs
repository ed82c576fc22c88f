//! Who signs, who acts by the plan, what the auditor says, and the Berita Acara.

use pulih_policies::Plan;
use pulih_report::Utc;
use pulih_report::data::{Duty, Finding, Judgement, Minutes, Opinion, Person, Signatory, SiteKey, Source, Witness};
use pulih_vault::utc;

use super::continuity::{Made, records_regency, text, time};
use crate::comply::records::Records;

pub(super) fn sign(duty: Duty, position: String) -> Signatory {
    Signatory { duty, position, name: String::new(), nip: String::new() }
}

/// Offices that sign; who holds them is written by hand.
pub fn approval(records: &Records) -> Vec<Signatory> {
    let (_, regency) = records_regency(records);
    vec![
        sign(Duty::Prepared, "Pengelola Pusat Data dan DRC".to_owned()),
        sign(Duty::Reviewed, "Kepala Dinas Komunikasi dan Informatika".to_owned()),
        sign(Duty::Approved, format!("Sekretaris Daerah {regency}").trim_end().to_owned()),
        sign(Duty::Acknowledged, format!("Bupati {}", regency.trim_start_matches("Kabupaten ")).trim_end().to_owned()),
    ]
}

pub fn organisation(plan: Option<&Plan>) -> Vec<Person> {
    let one = |its: &pulih_policies::Person| Person {
        name: its.name.clone(),
        role: its.role.clone(),
        contact: its.contact.clone(),
    };
    plan.into_iter().flat_map(|plan| plan.people.values()).map(one).collect()
}

/// What the auditor found, and each step that did not pass.
pub fn findings(made: &Made) -> Vec<Finding> {
    let Some(drill) = made.drill else { return Vec::new() };
    let attested = drill.attested.iter().flat_map(|(attested, ..)| &attested.findings);
    let of_auditor = attested.map(|its| Finding {
        source: Source::Auditor,
        text: its.text.clone(),
        owner: its.owner.clone(),
        until: Utc::read(its.until.as_str()).ok(),
    });
    let failed = drill.steps.iter().filter(|step| step.outcome == "failed");
    let of_test = failed.map(|step| Finding {
        source: Source::Test,
        text: match (&step.dataset, step.text.as_str()) {
            (Some(dataset), why) => format!("{dataset}: {why}"),
            (None, why) => format!("{}: {why}", step.what),
        },
        owner: String::new(),
        until: None,
    });
    of_auditor.chain(of_test).collect()
}

pub(super) fn opinion(text: &str) -> Option<Opinion> {
    match text {
        "met" => Some(Opinion::Met),
        "met-with-findings" => Some(Opinion::MetWithFindings),
        "not-met" => Some(Opinion::NotMet),
        _ => None,
    }
}

/// `None`: nobody attested it.
pub fn judgement(made: &Made) -> Option<Judgement> {
    let (attested, _, at) = made.drill?.attested.as_ref()?;
    let tests = made.known.states.as_ref()?["tests"].as_array()?;
    let its = tests.iter().find(|its| its["drill"] == attested.drill.as_str())?;
    Some(Judgement {
        opinion: opinion(&attested.opinion)?,
        attested: Utc::read(&utc::rfc3339(*at)).ok()?,
        document_sha256: attested.document_sha256.map(|its| its.to_string()).unwrap_or_default(),
        qualifies: its["qualifies"] == true,
        wrong: its["wrong"].as_array().into_iter().flatten().map(text).collect(),
        until: time(&its["until"]),
        days_left: its["days_left"].as_i64(),
    })
}

pub fn minutes(made: &Made) -> Minutes {
    let records = made.records();
    let parts = [Some(records.sources.own), records.sources.peer].into_iter().flatten();
    let keys = parts.map(|part| SiteKey {
        site: part.log.layout().site.to_string(),
        fingerprint: part.log.key().fingerprint().to_string(),
    });
    let witnesses =
        records.all().flat_map(|ledger| ledger.register().witnesses.values()).map(|(added, newest)| Witness {
            name: added.says.name.clone(),
            institution: added.says.institution.clone(),
            fingerprint: added.says.key.fingerprint().to_string(),
            size: newest.as_ref().map(|its| its.size),
            seen: newest.as_ref().and_then(|its| Utc::read(its.time.as_str()).ok()),
        });
    Minutes { number: String::new(), place: String::new(), keys: keys.collect(), witnesses: witnesses.collect() }
}
