//! Which offices back up regularly, which do not and why, and what was done about it: `pulih/report/coverage/v1`.

use std::collections::{BTreeMap, BTreeSet};

use pulih_evidence::register::Recorded;
use pulih_ledger::ids::{AgentId, OpdId};
use pulih_policies::Zone;
use pulih_report::data::{Act, Both, Coverage, MonthCovered, OfficeCovered};

use super::continuity::utc;
use super::head::{Asked, Made, at_drc_alone, at_its_end, head, made};
use super::said::{plural, span};
use crate::comply::coverage::{Standing, Standings};
use crate::comply::records::{Ledger, Records};
use crate::evidence::read::Sources;
use crate::gateway::answer::Answer;

pub fn data(sources: &Sources, asked: &Asked, zone: Zone) -> Answer<Coverage> {
    let known = at_its_end(sources, asked)?;
    at_drc_alone(&known.records)?;
    let made = made(&known, asked, zone)?;
    let standings = Standings::read(made.records());
    let offices = offices(&made, &standings)?;
    let sum = |pick: fn(&OfficeCovered) -> u64| offices.iter().map(pick).sum::<u64>();
    let covered = offices.iter().filter(|its| its.covered).count() as u64;
    let findings = findings(&offices, covered);
    Ok(Coverage {
        head: head(&made, asked, "coverage", findings, Vec::new())?,
        opds_total: offices.len() as u64,
        covered,
        datasets: sum(|its| its.datasets),
        fresh: sum(|its| its.fresh),
        months: months(&made, &standings)?,
        opds: offices,
        acts: acts(&made)?,
    })
}

/// At the end of each month of the period, or now.
fn months(made: &Made, standings: &Standings) -> Answer<Vec<MonthCovered>> {
    let one = |(from, next): (i64, i64)| {
        let its = standings.covered(next - 1);
        Ok(MonthCovered { from: utc(from)?, opds: its.opds, covered: its.covered })
    };
    made.months().into_iter().map(one).collect()
}

fn offices(made: &Made, standings: &Standings) -> Answer<Vec<OfficeCovered>> {
    let (records, at) = (made.records(), made.to - 1);
    let mut by_office: BTreeMap<&OpdId, Vec<Standing>> = BTreeMap::new();
    for its in standings.at(at) {
        by_office.entry(&its.of.owner.opd).or_default().push(its);
    }
    let register = records.pusat().register();
    let opds = register.opds.iter().filter(|(_, its)| its.at <= at);
    opds.map(|(opd, its)| office(records, opd, &its.says.name, by_office.remove(opd).unwrap_or_default(), at)).collect()
}

fn office(records: &Records, opd: &OpdId, name: &str, all: Vec<Standing>, at: i64) -> Answer<OfficeCovered> {
    let ledger = records.pusat();
    let register = ledger.register();
    let there = all.iter().filter(|its| its.is_at_pusat);
    let newest = there.filter_map(|its| its.at_pusat).min().map(|exposure| at.saturating_sub_unsigned(exposure));
    let (approved, unapproved): (Vec<Standing>, Vec<Standing>) =
        all.into_iter().partition(|its| its.approval.is_some());
    let fresh = approved.iter().filter(|its| its.is_fresh()).count();
    let servers: BTreeSet<&AgentId> =
        ledger.said.facts.vaults().filter(|(_, owner)| owner.opd == *opd).map(|(_, owner)| &owner.agent).collect();
    let servers: Vec<&AgentId> = servers.into_iter().filter(|agent| !register.revoked.contains(*agent)).collect();
    let silent: Vec<&&AgentId> = servers.iter().filter(|agent| register.silent.contains_key(**agent)).collect();
    let mut why = Vec::new();
    if servers.is_empty() {
        why.push(Both::new("Belum ada server yang terdaftar.", "No server is enrolled."));
    }
    if approved.is_empty() {
        why.push(Both::new("Belum ada himpunan data yang disetujui.", "No dataset is approved."));
    }
    why.extend(unapproved.iter().map(|its| {
        let name = its.of.name();
        Both::new(format!("{name} belum disetujui pemiliknya."), format!("{name} has no owner's approval."))
    }));
    why.extend(approved.iter().filter(|its| !its.is_fresh()).map(|its| late(its)));
    why.extend(silent.iter().filter_map(|agent| {
        let since = register.silent.get(**agent)?;
        let long = span((at - since).max(0) as u64);
        Some(Both::new(
            format!("Server {agent} tidak terdengar sejak {}.", long.id),
            format!("Nothing was heard of the server {agent} for {}.", long.en),
        ))
    }));
    Ok(OfficeCovered {
        opd: opd.to_string(),
        name: name.to_owned(),
        servers: servers.len() as u64,
        silent_servers: silent.len() as u64,
        datasets: approved.len() as u64,
        unapproved: unapproved.len() as u64,
        fresh: fresh as u64,
        newest: newest.map(utc).transpose()?,
        at_drc: approved.iter().filter(|its| its.is_fresh_at_drc() == Some(true)).count() as u64,
        covered: !approved.is_empty() && fresh == approved.len(),
        why,
    })
}

/// Why an approved dataset is not fresh.
fn late(its: &Standing) -> Both {
    let name = its.of.name();
    match (its.at_pusat, its.targets) {
        (Some(exposure), Some(targets)) if its.is_at_pusat => {
            let (old, most) = (span(exposure), span(targets.rpo_pusat.seconds()));
            Both::new(
                format!("Titik pemulihan {name} berumur {}; paling lama {}.", old.id, most.id),
                format!("The newest recovery point of {name} is {} old; {} at most.", old.en, most.en),
            )
        }
        _ => Both::new(format!("{name} belum mempunyai titik pemulihan."), format!("{name} has no recovery point.")),
    }
}

fn findings(offices: &[OfficeCovered], covered: u64) -> Vec<Both> {
    let open: Vec<&OfficeCovered> = offices.iter().filter(|its| !its.covered).collect();
    let mut found = Vec::new();
    if offices.is_empty() {
        found.push(Both::new("Belum ada Perangkat Daerah yang terdaftar.", "No office is registered."));
    }
    if open.is_empty() && !offices.is_empty() {
        found.push(Both::new(
            "Semua Perangkat Daerah mencadangkan datanya secara teratur.",
            "Every office backs its data up regularly.",
        ));
    }
    if !open.is_empty() {
        let all = offices.len() as u64;
        found.push(Both::new(
            format!("{} dari {all} Perangkat Daerah belum mencadangkan semua datanya secara teratur.", open.len()),
            format!("{} of {} do not back all their data up regularly.", open.len(), plural(all, "office", "offices")),
        ));
    }
    let silent: u64 = offices.iter().map(|its| its.silent_servers).sum();
    if silent > 0 {
        found.push(Both::new(
            format!("{silent} server tidak terdengar."),
            format!("{} silent.", plural(silent, "server is", "servers are")),
        ));
    }
    let away: u64 = offices.iter().map(|its| its.datasets - its.at_drc).sum();
    if away > 0 && covered > 0 {
        found.push(Both::new(
            format!("{away} himpunan data tidak mempunyai salinan yang cukup baru di DRC."),
            format!("{} no copy at the DRC that is new enough.", plural(away, "dataset has", "datasets have")),
        ));
    }
    found
}

/// What people did within the period to supervise, the oldest first.
fn acts(made: &Made) -> Answer<Vec<Act>> {
    let mut acts = Vec::new();
    for ledger in made.records().all() {
        let mut all = Vec::new();
        let register = ledger.register();
        all.extend(register.opds.values().map(|its| {
            let name = &its.says.name;
            said(its, Both::new(format!("Perangkat Daerah didaftarkan: {name}"), format!("Office registered: {name}")))
        }));
        all.extend(register.approvals.values().map(|(its, _)| {
            let (dataset, letter) = (&its.says.dataset, &its.says.letter);
            let id = format!("Persetujuan pemilik data {dataset}, surat {letter}");
            said(its, Both::new(id, format!("Owner's approval of {dataset}, letter {letter}")))
        }));
        all.extend(register.incidents.iter().map(|its| {
            let text = &its.says.text;
            said(its, Both::new(format!("Insiden dilaporkan: {text}"), format!("Incident reported: {text}")))
        }));
        all.extend(register.audits.iter().map(|its| {
            let by = &its.says.by;
            said(its, Both::new(format!("Audit dicatat: {by}"), format!("Audit recorded: {by}")))
        }));
        all.extend(register.reports.iter().map(|its| {
            let kind = &its.says.report;
            said(its, Both::new(format!("Laporan diterbitkan: {}", indonesian(kind)), format!("Report issued: {kind}")))
        }));
        acts.extend(all.into_iter().map(|its| (its, ledger)));
    }
    acts.retain(|((at, ..), _)| (made.from..made.to).contains(at));
    acts.sort_by_key(|((at, index, _), _)| (*at, *index));
    let one = |((at, index, what), ledger): ((i64, u64, Both), &Ledger)| {
        Ok(Act { at: utc(at)?, what, entry: ledger.at(index) })
    };
    acts.into_iter().map(one).collect()
}

fn said<T>(its: &Recorded<T>, what: Both) -> (i64, u64, Both) {
    (its.at, its.index, what)
}

fn indonesian(kind: &str) -> &str {
    match kind {
        "bandwidth" => "evaluasi bandwidth",
        "coverage" => "cakupan dan pengawasan",
        "evaluation" => "pemantauan dan evaluasi",
        "monthly" => "lembar bulanan",
        "budget" => "lembar anggaran",
        _ => "uji keberlangsungan",
    }
}
