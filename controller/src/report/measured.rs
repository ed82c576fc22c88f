//! What was achieved: RPO of each dataset at both places, RTO of services and datasets, as `evidence rpo` and
//! `evidence rto` have them.

use pulih_evidence::rpo::Figures;
use pulih_report::data::{DatasetRto, Phases, Rpo, ServiceRto};
use serde_json::Value;

use super::continuity::{Made, text, time};
use super::exposures::{Exposed, Exposures};
use crate::evidence::read::Period;

/// At each place whose ledger is here.
pub fn rpo(made: &Made, exposures: &Exposures) -> Vec<Rpo> {
    let Period { from, to, now } = made.period;
    let row = |(its, figures): (&Exposed, Figures)| {
        let target = its.targets.iter().rfind(|target| target.from <= now).map(|target| target.seconds);
        let exposure = its.timeline.exposure(now);
        let [p95] = figures.runs.quantiles([950]);
        Rpo {
            place: its.place,
            opd: its.owner.opd.to_string(),
            agent: its.owner.agent.to_string(),
            dataset: its.key.dataset.to_string(),
            class: its.owner.class.clone(),
            target_seconds: target,
            exposure_seconds: exposure,
            p95_seconds: p95,
            worst_seconds: figures.worst(),
            inside_hundredths: figures.inside_per_myriad(),
            breaches: figures.breaches.len() as u64,
            inside: exposure.zip(target).map(|(exposure, target)| exposure <= target),
        }
    };
    exposures.figures((from, to, now), |_| true).into_iter().map(row).collect()
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
