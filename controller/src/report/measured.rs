//! What was achieved: RPO of each dataset at both places, RTO of services and datasets, as `evidence rpo` and `evidence rto`
//! have them.

use pulih_report::data::{Both, DatasetRto, Phases, Role, Rpo, ServiceRto};
use serde_json::Value;

use super::continuity::{Made, role_of, text, time};
use crate::evidence::read::Sources;
use crate::evidence::rpo;
use crate::gateway::answer::Answer;
use crate::site::SiteRole;

/// `99.07` as 9907: figures have no fractions.
fn hundredths(percent: &Value) -> Option<u64> {
    let (whole, part) = percent.as_str()?.split_once('.')?;
    Some(whole.parse::<u64>().ok()? * 100 + part.parse::<u64>().ok()?)
}

fn row(its: &Value, place: Role) -> Rpo {
    let (target, exposure) = (its["target_seconds"].as_u64(), its["exposure_seconds"].as_u64());
    Rpo {
        place,
        opd: text(&its["opd"]),
        agent: text(&its["agent"]),
        dataset: text(&its["dataset"]),
        class: text(&its["class"]),
        target_seconds: target,
        exposure_seconds: exposure,
        p95_seconds: its["p95_seconds"].as_u64(),
        worst_seconds: its["worst_seconds"].as_u64(),
        inside_hundredths: hundredths(&its["inside_percent"]),
        breaches: its["breaches"].as_array().map_or(0, |all| all.len() as u64),
        inside: exposure.zip(target).map(|(exposure, target)| exposure <= target),
    }
}

/// At each place whose ledger is here, and what a reader must know of it.
pub fn rpo(made: &Made) -> Answer<(Vec<Rpo>, Vec<Both>)> {
    let sources = made.records().sources;
    let (mut rows, mut remarks) = (Vec::new(), Vec::new());
    let mut take = |found: &Value, role: SiteRole| {
        let all = found["datasets"].as_array().into_iter().flatten();
        rows.extend(all.map(|its| row(its, role_of(role))));
    };
    take(&rpo::report(sources, made.period, |_, _| true)?, sources.role);
    if let Some(peer) = sources.peer {
        let of_peer = Sources {
            site: peer.log.layout().site.clone(),
            role: SiteRole::Pusat,
            store: sources.store,
            own: peer,
            peer: None,
        };
        match rpo::report(&of_peer, made.period, |_, _| true) {
            Ok(found) => take(&found, SiteRole::Pusat),
            // Its policies are its own: without them nothing says what its targets are.
            Err(refusal) => remarks.push(Both::new(
                format!("Angka RPO di Pusat Data tidak dapat dihitung di sini: {}", refusal.message),
                format!("RPO at the Pusat Data could not be reckoned here: {}", refusal.message),
            )),
        }
    }
    Ok((rows, remarks))
}

/// Of the plan that was tested, or of each plan.
pub fn services(made: &Made) -> Vec<ServiceRto> {
    let tested = made.plan.as_ref().map(|plan| plan.name.as_str());
    let plans = made.rto["plans"].as_array().into_iter().flatten();
    let plans = plans.filter(|its| tested.is_none_or(|tested| its["plan"] == tested));
    let services = plans.flat_map(|its| its["services"].as_array().into_iter().flatten());
    let one = |its: &Value| ServiceRto {
        service: text(&its["title"]),
        target_seconds: its["target_seconds"].as_u64(),
        milliseconds: its["milliseconds"].as_u64(),
        forecast: its["forecast"] == true,
        inside: its["inside"].as_bool(),
    };
    services.map(one).collect()
}

pub fn datasets(made: &Made) -> Vec<DatasetRto> {
    let one = |its: &Value| {
        let is_forecast = its["forecast"] == true;
        let phase = |name: &str| its["phases"][name].as_u64().unwrap_or(0);
        DatasetRto {
            opd: text(&its["opd"]),
            agent: text(&its["agent"]),
            dataset: text(&its["dataset"]),
            class: text(&its["class"]),
            target_seconds: its["target_seconds"].as_u64(),
            milliseconds: its[if is_forecast { "forecast_ms" } else { "measured_ms" }].as_u64(),
            forecast: is_forecast,
            inside: its["inside"].as_bool(),
            phases: its["phases"].is_object().then(|| Phases {
                approve: phase("approve"),
                fetch: phase("fetch"),
                decrypt: phase("decrypt"),
                write: phase("write"),
                verify: phase("verify"),
                check: phase("check"),
            }),
            by: text(&its["last"]["by"]),
            at: time(&its["last"]["at"]),
        }
    };
    made.rto["datasets"].as_array().into_iter().flatten().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_keep_their_two_digits() {
        assert_eq!(hundredths(&json!("99.07")), Some(9907));
        assert_eq!(hundredths(&json!("100.00")), Some(10_000));
        assert_eq!(hundredths(&json!(null)), None);
    }
}
