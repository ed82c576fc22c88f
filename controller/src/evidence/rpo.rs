//! RPO of each dataset in a period, measured: from the entries of this site's ledger, the policies that they
//! name, and at a DRC the mirrored ledger, where approvals stand.

use std::collections::BTreeSet;

use pulih_evidence::facts::{Facts, Key};
use pulih_evidence::rpo::{Breach, Cause, Figures};
use pulih_vault::utc;
use serde_json::{Value, json};

use super::read::{InTime, Period, Sources, said};
use crate::gateway::answer::{Answer, Refusal};
use crate::uji;

/// Quantiles that are shown, in thousandths.
const SHARES: [u64; 3] = [500, 950, 990];

/// `pulih/rpo/v1` of the datasets that `is_asked` names by agent and name.
pub fn report(sources: &Sources, period: Period, is_asked: impl Fn(&str, &str) -> bool) -> Answer<Value> {
    let own = said(sources.own, true, i64::MAX)?.facts;
    let peer = sources.peer.map(|log| Ok::<_, Refusal>(said(log, false, i64::MAX)?.facts)).transpose()?;
    let policies = InTime::load(sources, own.policies())?;
    let id = &sources.site;
    let keys: BTreeSet<&Key> = own.keys().chain(peer.iter().flat_map(Facts::keys)).collect();
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    for key in keys {
        let Some(owner) = own.owner(&key.vault).or_else(|| peer.as_ref()?.owner(&key.vault)) else { continue };
        let dataset = key.dataset.to_string();
        if !is_asked(owner.agent.as_str(), &dataset) {
            continue;
        }
        let Some(timeline) = own.timeline(key, peer.as_ref()) else { continue };
        let class = owner.class.parse().map_err(|error| Refusal::internal(&error))?;
        let targets = policies.targets(class, owner.opd.as_str(), &dataset);
        let figures = timeline.figures(period.from, period.to, period.now, &targets);
        if figures.seconds == 0 {
            continue;
        }
        let breaches: Vec<Value> = figures
            .breaches
            .iter()
            .map(|breach| shown_breach(breach, &own.causes(key, peer.as_ref(), breach)))
            .collect();
        let clock = own.clock_of(&owner.agent).or_else(|| peer.as_ref()?.clock_of(&owner.agent));
        let mut row = shown(&figures);
        let facts = json!({
            "place": id.as_str(), "vault": key.vault.to_string(), "dataset": dataset, "agent": owner.agent.as_str(),
            "opd": owner.opd.as_str(), "class": owner.class,
            "target_seconds": targets.iter().rfind(|target| target.from <= period.now).map(|target| target.seconds),
            "exposure_seconds": timeline.exposure(period.now),
            "clean_exposure_seconds": own.clean_exposure(key, peer.as_ref(), period.now),
            "points": own.points(key, period.from, period.to),
            "breaches": breaches, "agent_clock_seconds": clock,
        });
        if let (Some(row), Value::Object(facts)) = (row.as_object_mut(), facts) {
            row.extend(facts);
        }
        rows.push(row);
        all.push(figures);
    }
    let mut report = json!({
        "type": "pulih/rpo/v1", "site": id.as_str(), "at": utc::rfc3339(period.now),
        "from": utc::rfc3339(period.from), "to": utc::rfc3339(period.to),
        "clock_doubt": own.is_clock_doubted(period.from, period.to),
        "fleet": shown(&Figures::of_all(&all)), "datasets": rows,
    });
    // By the log itself, whatever build reads it.
    if uji::site_of(sources.own.log.keys().origin()).is_some_and(|(_, is_uji)| is_uji) {
        report["uji"] = true.into();
    }
    Ok(report)
}

/// What a dataset and all of them together have.
fn shown(figures: &Figures) -> Value {
    let [p50, p95, p99] = figures.runs.quantiles(SHARES);
    let percent = figures.inside_per_myriad().map(|share| format!("{}.{:02}", share / 100, share % 100));
    json!({
        "seconds": figures.seconds, "inside_seconds": figures.inside, "inside_percent": percent,
        "worst_seconds": figures.worst(), "p50_seconds": p50, "p95_seconds": p95, "p99_seconds": p99,
    })
}

fn shown_breach(breach: &Breach, causes: &[Cause]) -> Value {
    let causes: Vec<&str> = causes.iter().map(|cause| cause.as_str()).collect();
    json!({
        "began": utc::rfc3339(breach.began), "ended": utc::rfc3339(breach.ended), "seconds": breach.seconds,
        "worst_seconds": breach.worst, "began_before": breach.began_before, "open": breach.open,
        "cause": causes.first(), "causes": causes,
    })
}
