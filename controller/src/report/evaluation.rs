//! The year, month by month: coverage, recovery points, drills, audits, and how the regulations stand at its end:
//! `pulih/report/evaluation/v1`.

use std::collections::BTreeMap;

use pulih_evidence::register::Recorded;
use pulih_evidence::rpo::Figures;
use pulih_evidence::tried::Drill;
use pulih_ledger::entry::kinds::IncidentReported;
use pulih_policies::Zone;
use pulih_report::Utc;
use pulih_report::data::{
    Both, ClassRpo, DrillCount, Evaluation, Incident, Month, PackCounts, Regulation, Role, TestKind, Unmet, Verdict,
};
use pulih_vault::utc;

use super::clocks::{audits, clocks};
use super::continuity::utc as shown;
use super::exposures::{Exposed, Exposures};
use super::head::{Asked, Made, at_drc_alone, at_its_end, head, made};
use super::said::plural;
use super::{regulations, traffic};
use crate::comply::coverage::Standings;
use crate::evidence::read::Sources;
use crate::gateway::answer::Answer;

pub fn data(sources: &Sources, asked: &Asked, zone: Zone) -> Answer<Evaluation> {
    let known = at_its_end(sources, asked)?;
    at_drc_alone(&known.records)?;
    let made = made(&known, asked, zone)?;
    let exposures = Exposures::read(made.records())?;
    let months = months(&made, &exposures)?;
    let judged = regulations::of(made.known, &made.packs)?;
    let unmet: Vec<Unmet> = judged.iter().flat_map(unmet).collect();
    let drills = counts(&made, &within(&made));
    let findings = findings(&months, &drills, &unmet);
    Ok(Evaluation {
        head: head(&made, asked, "evaluation", findings, exposures.remarks.clone())?,
        months,
        rpo: classes(&made, &exposures),
        drills,
        clocks: clocks(made.known)?,
        audits: audits(made.known, made.from, made.to),
        incidents: incidents(&made),
        verdicts: judged
            .iter()
            .map(|its| PackCounts { name: its.name.clone(), title: its.title.clone(), counts: its.counts })
            .collect(),
        unmet,
    })
}

/// Drills that were announced within the period.
pub fn within<'m>(made: &'m Made) -> Vec<&'m Drill> {
    let all = made.records().drc().into_iter().flat_map(|drc| drc.said.tried.drills());
    all.filter(|drill| (made.from..made.to).contains(&drill.at)).collect()
}

pub fn outcomes(drills: &[&Drill], outcome: &str) -> u64 {
    drills.iter().filter(|drill| drill.outcome() == Some(outcome)).count() as u64
}

fn months(made: &Made, exposures: &Exposures) -> Answer<Vec<Month>> {
    let records = made.records();
    let drills = within(made);
    let standings = Standings::read(records);
    let one = |(from, next): (i64, i64)| {
        let covered = standings.covered(next - 1);
        let of_month: Vec<&Drill> = drills.iter().copied().filter(|its| (from..next).contains(&its.at)).collect();
        let facts = &records.pusat().said.facts;
        Ok(Month {
            from: shown(from)?,
            opds: covered.opds,
            covered: covered.covered,
            points: records.counted().iter().map(|(key, _)| facts.points(key, from, next)).sum(),
            inside_hundredths: exposures.inside(Role::Pusat, (from, next, made.now)),
            drills_passed: outcomes(&of_month, "passed"),
            drills_failed: outcomes(&of_month, "failed"),
            received_bytes: traffic::received(records, from, next),
        })
    };
    made.months().into_iter().map(one).collect()
}

/// Of each class at each place, over the period.
fn classes(made: &Made, exposures: &Exposures) -> Vec<ClassRpo> {
    let mut grouped: BTreeMap<(&str, u8), Vec<(&Exposed, Figures)>> = BTreeMap::new();
    for (its, figures) in exposures.figures(made.period(), |_| true) {
        let place = u8::from(its.place == Role::Drc);
        grouped.entry((its.owner.class.as_str(), place)).or_default().push((its, figures));
    }
    let one = |((class, place), of): ((&str, u8), Vec<(&Exposed, Figures)>)| {
        let all = Figures::of_all(of.iter().map(|(_, figures)| figures));
        let target = |its: &Exposed| its.targets.last().map(|target| target.seconds);
        let first = of.first().and_then(|(its, _)| target(its));
        ClassRpo {
            class: class.to_owned(),
            place: if place == 0 { Role::Pusat } else { Role::Drc },
            datasets: of.len() as u64,
            target_seconds: first.filter(|_| of.iter().all(|(its, _)| target(its) == first)),
            inside_hundredths: all.inside_per_myriad(),
            worst_seconds: all.worst(),
            breaches: of.iter().map(|(_, figures)| figures.breaches.len() as u64).sum(),
        }
    };
    grouped.into_iter().map(one).collect()
}

/// Missed ones are those that were announced and never began, and those that were not even announced.
fn counts(made: &Made, drills: &[&Drill]) -> Vec<DrillCount> {
    let unannounced = |kind: &str| {
        let all = made.records().drc().into_iter().flat_map(|drc| &drc.register().missed);
        let of = all.filter(|its| its.says.kind == kind && (made.from..made.to).contains(&its.at));
        of.map(|its| its.says.count.unwrap_or(1)).sum::<u64>()
    };
    let kinds = [
        ("verify", TestKind::Verify),
        ("restore", TestKind::Restore),
        ("application", TestKind::Application),
        ("plan", TestKind::Plan),
    ];
    let one = |(name, kind): (&str, TestKind)| {
        let of: Vec<&Drill> = drills.iter().copied().filter(|its| its.announced.kind == name).collect();
        let [passed, failed, missed] = ["passed", "failed", "missed"].map(|outcome| outcomes(&of, outcome));
        let other = of.len() as u64 - passed - failed - missed;
        DrillCount { kind, passed, failed, missed: missed + unannounced(name), other }
    };
    kinds.into_iter().map(one).collect()
}

fn incidents(made: &Made) -> Vec<Incident> {
    let all = made.records().all().flat_map(|ledger| &ledger.register().incidents);
    let within = all
        .filter(|its| utc::parse(its.says.began.as_str()).is_some_and(|began| (made.from..made.to).contains(&began)));
    let row = |its: &Recorded<IncidentReported>| {
        Some(Incident {
            began: Utc::read(its.says.began.as_str()).ok()?,
            reported: Utc::read(its.says.reported.as_str()).ok()?,
            text: its.says.text.clone(),
            letter: its.says.letter.clone().unwrap_or_default(),
            held: its.says.hold.is_some(),
        })
    };
    let mut rows: Vec<Incident> = within.filter_map(row).collect();
    rows.sort_by(|a, b| a.began.cmp(&b.began));
    rows
}

/// Clauses of a pack that are not met, or not shown to be.
pub fn unmet(regulation: &Regulation) -> impl Iterator<Item = Unmet> {
    let open = regulation
        .clauses
        .iter()
        .filter(|its| matches!(its.verdict, Verdict::NotMet | Verdict::ToAttest | Verdict::Untested));
    open.map(|its| Unmet {
        regulation: regulation.title.clone(),
        at: its.place.clone(),
        verdict: its.verdict,
        why: its.why.clone(),
        remedy: its.remedy.clone(),
    })
}

fn findings(months: &[Month], drills: &[DrillCount], unmet: &[Unmet]) -> Vec<Both> {
    let mut found = Vec::new();
    // Before there was an office there is nothing to compare with.
    let first = months.iter().find(|its| its.opds > 0);
    if let (Some(first), Some(last)) = (first, months.last()) {
        found.push(Both::new(
            format!(
                "Perangkat Daerah yang tercakup: {} dari {} pada bulan pertama, {} dari {} pada bulan terakhir.",
                first.covered, first.opds, last.covered, last.opds
            ),
            format!(
                "Offices covered: {} of {} in the first month, {} of {} in the last.",
                first.covered, first.opds, last.covered, last.opds
            ),
        ));
    }
    let passed: u64 = drills.iter().map(|its| its.passed).sum();
    let all: u64 = drills.iter().map(|its| its.passed + its.failed + its.missed + its.other).sum();
    found.push(Both::new(
        format!("Uji pemulihan yang berhasil: {passed} dari {all}."),
        format!("Drills that passed: {passed} of {all}."),
    ));
    let count = |verdict| unmet.iter().filter(|its| its.verdict == verdict).count() as u64;
    let (not_met, open) = (count(Verdict::NotMet), count(Verdict::ToAttest) + count(Verdict::Untested));
    found.push(Both::new(
        format!("Pasal yang tidak terpenuhi: {not_met}; yang belum dinyatakan atau belum diuji: {open}."),
        format!("{} not met; {open} not stated or not tested yet.", plural(not_met, "clause is", "clauses are")),
    ));
    found
}
