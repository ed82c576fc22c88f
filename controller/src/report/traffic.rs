//! What the line carried, office by office, as the Pusat Data measured it: `pulih/report/bandwidth/v1`.

use pulih_evidence::register::Recorded;
use pulih_ledger::entry::kinds::TrafficMeasured;
use pulih_ledger::ids::OpdId;
use pulih_policies::{Period, Policy, Tier, Zone};
use pulih_protocol::error::Code;
use pulih_report::Utc;
use pulih_report::data::{Band, Bandwidth, Both, Traffic};
use pulih_vault::utc;

use super::continuity::date;
use super::head::{Asked, Made, head, made};
use super::said::plural;
use crate::comply::facts::Known;
use crate::comply::records::Records;
use crate::evidence::read::{InTime, Sources};
use crate::gateway::answer::{Answer, Refusal};

/// Of its limit an office needs more than this much of a hundred: it is told.
const NEAR_PERCENT: u64 = 80;
const HOUR: u64 = 3600;

/// Measured when the month was over: its entries are of the next one.
pub fn data(sources: &Sources, asked: &Asked, zone: Zone) -> Answer<Bandwidth> {
    let known = Known::of(sources, date(sources.own)?)?;
    let made = made(&known, asked, zone)?;
    let records = made.records();
    let measured = of_month(records, made.from);
    if measured.is_empty() {
        let why = "nothing of that month was measured yet: a Pusat Data writes its figures down when the month is over, and a \
                   DRC has them once it has pulled that";
        return Err(Refusal::new(Code::NotFound, why));
    }
    let before = Period::containing(Tier::Month, zone, asked.from - 1).begins;
    let policies = policies(records)?;
    let policy = policies.as_ref().and_then(|its| its.at(asked.from)).or_else(|| records.policies.at(asked.from));
    let received: u64 = measured.iter().map(|its| its.says.received).sum();
    let offices: Vec<Traffic> = measured.iter().map(|its| office(&made, &its.says, before, received, policy)).collect();
    let period_seconds = asked.to.abs_diff(asked.from);
    let findings = findings(&offices, period_seconds);
    let days = (0..measured.iter().map(|its| its.says.days.len()).max().unwrap_or(0))
        .map(|day| measured.iter().filter_map(|its| its.says.days.get(day)).sum())
        .collect();
    Ok(Bandwidth {
        head: head(&made, asked, "bandwidth", findings, Vec::new())?,
        period_seconds,
        bands: policy.map(bands).unwrap_or_default(),
        received_bytes: received,
        sent_bytes: measured.iter().map(|its| its.says.sent).sum(),
        before_bytes: self::received(records, before, asked.from),
        days,
        opds: offices,
    })
}

fn of_month<'r>(records: &'r Records, from: i64) -> Vec<&'r Recorded<TrafficMeasured>> {
    let all = records.pusat().register().traffic.iter();
    all.filter(|((_, month), _)| *month == from).map(|(_, its)| its).collect()
}

/// Of all offices in a month; `None`: nothing of it was measured.
pub fn received(records: &Records, from: i64, to: i64) -> Option<u64> {
    let until = |its: &Recorded<TrafficMeasured>| utc::parse(its.says.until.as_str());
    let of: Vec<&Recorded<TrafficMeasured>> =
        of_month(records, from).into_iter().filter(|its| until(its).is_some_and(|until| until <= to)).collect();
    (!of.is_empty()).then(|| of.iter().map(|its| its.says.received).sum())
}

/// The Pusat Data's own, where it stands by them and not this site.
fn policies(records: &Records) -> Answer<Option<InTime>> {
    match records.peer_policies().transpose() {
        Err(Refusal { code: Code::NotFound, .. }) => Ok(None),
        policies => policies,
    }
}

fn bands(policy: &Policy) -> Vec<Band> {
    let all = policy.limits.bandwidth.iter().flatten();
    all.map(|its| Band { hours: its.hours.to_string(), bits_per_second: its.rate.bits_per_second() }).collect()
}

fn office(made: &Made, its: &TrafficMeasured, before: i64, of_all: u64, policy: Option<&Policy>) -> Traffic {
    let records = made.records();
    let pusat = records.pusat();
    let register = pusat.register();
    let busiest = its.busiest.as_ref().and_then(|at| utc::parse(at.as_str()));
    let minute = |at: i64| (at + i64::from(made.zone.offset_seconds())).rem_euclid(86_400) / 60;
    let to = utc::parse(its.until.as_str()).unwrap_or(made.to);
    let points = records.counted().into_iter().filter(|(_, owner)| owner.opd == its.opd);
    Traffic {
        opd: its.opd.to_string(),
        name: name(records, &its.opd),
        received_bytes: its.received,
        sent_bytes: its.sent,
        before_bytes: register.traffic.get(&(its.opd.clone(), before)).map(|its| its.says.received),
        share_percent: (its.received * 100).checked_div(of_all),
        limit_bits_per_second: busiest
            .and_then(|at| policy?.bits_per_second(its.opd.as_str(), minute(at).try_into().ok()?)),
        busiest_at: its.busiest.as_ref().and_then(|at| Utc::read(at.as_str()).ok()),
        busiest_bytes: its.busiest_bytes,
        measured_seconds: its.measured_seconds,
        points: points.map(|(key, _)| pusat.said.facts.points(key, made.from, to)).sum(),
        days: its.days.clone(),
    }
}

fn name(records: &Records, opd: &OpdId) -> String {
    records.pusat().register().opds.get(opd).map(|its| its.says.name.clone()).unwrap_or_default()
}

/// What stands out: who is near a limit, who sent nothing, what was not measured.
fn findings(offices: &[Traffic], period_seconds: u64) -> Vec<Both> {
    let mut found = Vec::new();
    for its in offices {
        let Some(limit) = its.limit_bits_per_second.filter(|limit| *limit > 0) else { continue };
        let percent = u128::from(its.busiest_bytes) * 8 * 100 / (u128::from(limit) * u128::from(HOUR));
        if percent >= u128::from(NEAR_PERCENT) {
            found.push(Both::new(
                format!("{} memakai {percent}% dari batasnya pada jam tersibuk.", its.opd),
                format!("{} used {percent}% of its limit in the busiest hour.", its.opd),
            ));
        }
    }
    let silent: Vec<&str> = offices.iter().filter(|its| its.received_bytes == 0).map(|its| its.opd.as_str()).collect();
    if !silent.is_empty() {
        found.push(Both::new(
            format!("Tidak mengirim apa pun: {}.", silent.join(", ")),
            format!("{} nothing: {}.", plural(silent.len() as u64, "office sent", "offices sent"), silent.join(", ")),
        ));
    }
    let least = offices.iter().map(|its| its.measured_seconds).min().unwrap_or(0);
    if least < period_seconds {
        let missing = super::said::span(period_seconds - least);
        found.push(Both::new(
            format!("Tidak terukur selama {}: layanan tidak berjalan, atau situs baru mulai.", missing.id),
            format!("Not measured for {}: it was not served, or the site was new.", missing.en),
        ));
    }
    found
}

#[cfg(test)]
mod tests;
