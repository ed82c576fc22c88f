//! What has to happen again every two years: the continuity test and the audits, each with its own clock.

use pulih_evidence::qualifying::counts_until;
use pulih_ledger::entry::kinds::{AuditHeld, DrillFinding};
use pulih_report::Utc;
use pulih_report::data::{AuditRow, Clock, ClockKind, Finding, Source};
use pulih_vault::utc;

use super::continuity::{time, utc as shown};
use crate::comply::facts::Known;
use crate::gateway::answer::Answer;

const AUDITS: [(&str, ClockKind); 3] = [
    ("data-centre", ClockKind::DataCentreAudit),
    ("security", ClockKind::SecurityAudit),
    ("internal", ClockKind::InternalAudit),
];

/// Of each the newest that counts as one, and how long it still does.
pub fn clocks(known: &Known) -> Answer<Vec<Clock>> {
    let records = &known.records;
    let tests = known.states.as_ref().and_then(|states| states["tests"].as_array());
    let test = tests.into_iter().flatten().find(|its| its["qualifies"] == true);
    let mut clocks = vec![Clock {
        what: ClockKind::Test,
        last: test.and_then(|its| time(&its["attested"])),
        until: test.and_then(|its| time(&its["until"])),
        days_left: test.and_then(|its| its["days_left"].as_i64()),
    }];
    for (subject, what) in AUDITS {
        let all = records.all().flat_map(|ledger| &ledger.register().audits);
        let held = all.filter(|its| its.says.subject == subject).filter_map(|its| utc::parse(its.says.held.as_str()));
        let last = held.filter(|held| *held <= records.now).max();
        let until = last.map(counts_until);
        clocks.push(Clock {
            what,
            last: last.map(shown).transpose()?,
            until: until.map(shown).transpose()?,
            days_left: until.map(|until| records.days_until(until)),
        });
    }
    Ok(clocks)
}

/// Audits that were held in a period, and what each found.
pub fn audits(known: &Known, from: i64, to: i64) -> Vec<AuditRow> {
    let all = known.records.all().flat_map(|ledger| &ledger.register().audits);
    let dated = all.filter_map(|its| Some((utc::parse(its.says.held.as_str())?, &its.says)));
    let mut within: Vec<(i64, &AuditHeld)> = dated.filter(|(held, _)| (from..to).contains(held)).collect();
    within.sort_by_key(|(held, _)| *held);
    within.into_iter().filter_map(|(_, its)| row(its)).collect()
}

fn row(its: &AuditHeld) -> Option<AuditRow> {
    let finding = |its: &DrillFinding| Finding {
        source: Source::Auditor,
        text: its.text.clone(),
        owner: its.owner.clone(),
        until: Utc::read(its.until.as_str()).ok(),
    };
    Some(AuditRow {
        subject: its.subject.clone(),
        by: its.by.clone(),
        body: its.body.clone(),
        held: Utc::read(its.held.as_str()).ok()?,
        findings: its.findings.iter().map(finding).collect(),
    })
}
