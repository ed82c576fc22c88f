//! RTO of each dataset, plan and service: how long it took until it was back, by drills and recoveries here.

use pulih_evidence::facts::{Facts, Key, Owner};
use pulih_evidence::rto::{Figures, Whole, inside, of_dataset, of_plan};
use pulih_evidence::tried::Measured;
use pulih_policies::Class;
use pulih_vault::utc;
use serde_json::{Value, json};

use super::read::{InTime, Period, Sources, plan, said};
use super::subjects::{Both, shown};
use crate::gateway::answer::{Answer, Refusal};

/// `pulih/rto/v1` of the datasets that `is_asked` names by agent and name, and of all plans in force.
pub fn report(sources: &Sources, period: Period, is_asked: impl Fn(&str, &str) -> bool) -> Answer<Value> {
    let own = said(sources.own, true, i64::MAX)?;
    let peer = sources.peer.map(|log| Ok::<Facts, Refusal>(said(log, false, i64::MAX)?.facts)).transpose()?;
    let both = Both { own, peer };
    let policies = InTime::load(sources, both.own.facts.policies())?;
    let site = &sources.site;
    let datasets: Vec<Value> = both
        .datasets(period.now, is_asked)
        .iter()
        .map(|(key, owner)| {
            let figures = of_dataset(&both.own.tried, key, period.from, period.to);
            let mut row = shown(site.as_str(), key, owner);
            row.extend(of_figures(&figures, target(&policies, key, owner)));
            Value::Object(row)
        })
        .collect();
    let plans =
        both.own.tried.plans().map(|name| of_one_plan(sources, &both, name, period)).collect::<Answer<Vec<_>>>()?;
    Ok(json!({
        "type": "pulih/rto/v1", "site": site.as_str(), "at": utc::rfc3339(period.now),
        "from": utc::rfc3339(period.from), "to": utc::rfc3339(period.to), "datasets": datasets, "plans": plans,
    }))
}

/// `targets.rto` of a dataset now.
fn target(policies: &InTime, key: &Key, owner: &Owner) -> Option<u64> {
    let class: Class = owner.class.parse().ok()?;
    let targets = policies.newest()?.1.targets(class, owner.opd.as_str(), key.dataset.as_str())?;
    Some(targets.rto.seconds())
}

fn of_figures(its: &Figures, target: Option<u64>) -> serde_json::Map<String, Value> {
    let one = |its: &Measured| {
        json!({
            "at": utc::rfc3339(its.at), "kind": its.kind, "by": its.by, "milliseconds": its.milliseconds,
            "files": its.files, "bytes": its.bytes, "total_files": its.total_files, "total_bytes": its.total_bytes,
        })
    };
    let within = its.milliseconds().zip(target).map(|((milliseconds, _), target)| inside(milliseconds, target));
    let fields = json!({
        "target_seconds": target, "measured_ms": its.measured.as_ref().map(|its| its.milliseconds),
        "forecast_ms": its.forecast.as_ref().map(|(_, milliseconds)| milliseconds), "inside": within,
        "forecast": its.milliseconds().map(|(_, is_forecast)| is_forecast), "phases": its.phases,
        "trend_percent": its.trend_percent, "tries": its.tries, "last": its.shown().map(one),
        "server": its.said.as_ref().map(|said| {
            json!({"agent": said.server, "at": utc::rfc3339(said.at), "milliseconds": said.milliseconds})
        }),
    });
    fields.as_object().cloned().unwrap_or_default()
}

fn of_one_plan(sources: &Sources, both: &Both, name: &str, period: Period) -> Answer<Value> {
    let none = || Refusal::internal(&format!("no plan {name} was applied"));
    let its = plan(sources, name, both.own.tried.plan(name).ok_or_else(none)?)?;
    let (whole, of_services) = of_plan(&both.own.tried, name, &both.services(&its), period.from, period.to);
    let services: Vec<Value> = its
        .order()
        .into_iter()
        .zip(&of_services)
        .map(|((name, service), whole)| {
            let target = service.rto.map(pulih_policies::Span::seconds);
            let mut row = of_whole(whole.as_ref(), target);
            row.extend([
                ("service".to_owned(), name.as_str().into()),
                ("title".to_owned(), service.title.clone().into()),
            ]);
            Value::Object(row)
        })
        .collect();
    // The plan is inside if each of its services that has a target is.
    let judged: Vec<&Value> = services.iter().map(|its| &its["inside"]).filter(|its| !its.is_null()).collect();
    let mut row = of_whole(whole.as_ref(), None);
    let fields = json!({
        "plan": name, "version": its.version, "title": its.title, "services": services,
        "inside": (!judged.is_empty()).then(|| judged.iter().all(|its| **its == true)),
    });
    row.extend(fields.as_object().cloned().unwrap_or_default());
    Ok(Value::Object(row))
}

fn of_whole(its: Option<&Whole>, target: Option<u64>) -> serde_json::Map<String, Value> {
    let fields = json!({
        "target_seconds": target, "milliseconds": its.map(|its| its.milliseconds),
        "forecast": its.map(|its| its.is_forecast), "by": its.and_then(|its| its.by.clone()),
        "at": its.and_then(|its| its.at).map(utc::rfc3339),
        "inside": its.zip(target).map(|(its, target)| inside(its.milliseconds, target)),
    });
    fields.as_object().cloned().unwrap_or_default()
}
