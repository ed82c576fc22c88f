//! What changes from one policy to another, and which of it weakens protection: after the change
//! less may be saved, later, restored later, kept for less long, or approved by a staler letter.
//! A DRC takes a weakening change as a proposal that a person there must approve.
//!
//! What counts is what holds, not what is written: an exception that is taken out of the file
//! weakens its dataset if the class is weaker than the exception was.

use crate::class::Class;
use crate::drills::{Drills, PlanDrill};
use crate::exclude::wider;
use crate::fields::{Field, Scope, Value};
use crate::gap::longest_gap;
use crate::policy::{Policy, Rules};
use crate::quantity::{Rate, Span};
use crate::schedule::Schedule;
use crate::window::{DAY_MINUTES, Windows};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub field: Field,
    /// `None`: it was not said.
    pub old: Option<Value>,
    /// `None`: it is not said any more.
    pub new: Option<Value>,
    /// Why this weakens protection; `None`: it does not.
    pub weakens: Option<&'static str>,
}

/// Every field that differs, in a fixed order.
pub fn diff(old: &Policy, new: &Policy) -> Vec<Change> {
    let (old_fields, mut new_fields) = (old.fields(), new.fields());
    let mut changes = Vec::new();
    for (field, old_value) in old_fields {
        let new_value = new_fields.remove(&field);
        if new_value.as_ref() != Some(&old_value) {
            changes.push((field, Some(old_value), new_value));
        }
    }
    changes.extend(new_fields.into_iter().map(|(field, value)| (field, None, Some(value))));
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    let judged = |(field, old_value, new_value): (Field, Option<Value>, Option<Value>)| {
        let weakens = weakness(old, new, &field);
        Change { field, old: old_value, new: new_value, weakens }
    };
    changes.into_iter().map(judged).collect()
}

fn weakness(old: &Policy, new: &Policy, field: &Field) -> Option<&'static str> {
    if let Scope::PlanDrill(plan) = &field.scope {
        let its = |policy: &Policy| policy.plan_drills.get(plan).cloned();
        return weakens_plan_drill(its(old).as_ref(), its(new).as_ref(), field.name);
    }
    // What a word means changes what is said of backups, and no backup.
    if let Scope::Decision(_) = &field.scope {
        return None;
    }
    match field.name {
        "version" if new.version <= old.version => Some("an older version takes the place of a newer one"),
        "approvals.max_age" if new.approvals_max_age > old.approvals_max_age => Some("staler approvals count"),
        "limits.quota" => {
            let quota = |policy: &Policy| match &field.scope {
                Scope::Office(office) => policy.quota(office.as_str()),
                _ => policy.limits.quota,
            };
            less(quota(old), quota(new)).then_some("less may be stored")
        }
        "limits.share_percent" | "limits.bandwidth" => {
            let less = (0..DAY_MINUTES).any(|minute| less(rate(old, field, minute), rate(new, field, minute)));
            less.then_some("less may arrive")
        }
        "name" | "version" | "time_zone" | "approvals.max_age" => None,
        rule => Class::ALL.into_iter().find_map(|class| {
            let (old, new) = (in_scope(old, class, &field.scope)?, in_scope(new, class, &field.scope)?);
            weakens_rules(&old, &new, rule)
        }),
    }
}

/// Where nothing is no limit.
fn less<T: Ord>(old: Option<T>, new: Option<T>) -> bool {
    match (old, new) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    }
}

/// What may arrive in a second at a minute of the day: from the OPD that is meant, or from all
/// together; of the share that an OPD without one of its own has, the percent.
fn rate(policy: &Policy, field: &Field, minute: u16) -> Option<u64> {
    match (&field.scope, field.name) {
        (Scope::Office(office), _) => policy.bits_per_second(office.as_str(), minute),
        (_, "limits.bandwidth") => policy.limits.rate_at(minute).map(Rate::bits_per_second),
        _ => Some(u64::from(policy.limits.share_percent.unwrap_or(100))),
    }
}

/// What holds for a class where `scope` has the last word; nothing if the scope is another class.
fn in_scope(policy: &Policy, class: Class, scope: &Scope) -> Option<Rules> {
    match scope {
        Scope::Policy | Scope::PlanDrill(_) | Scope::Decision(_) => policy.rules(class, "", ""),
        Scope::Class(of) => (*of == class).then(|| policy.rules(class, "", "")).flatten(),
        Scope::Office(office) => policy.rules(class, office.as_str(), ""),
        Scope::Dataset(office, dataset) => policy.rules(class, office.as_str(), dataset.as_str()),
    }
}

fn weakens_rules(old: &Rules, new: &Rules, rule: &str) -> Option<&'static str> {
    let shorter = |old: Option<Span>, new: Option<Span>| (new < old).then_some("points are kept for less long");
    let longer = |old: Span, new: Span, why| (new > old).then_some(why);
    let (targets, keep) = ((&old.targets, &new.targets), (&old.keep, &new.keep));
    match rule {
        "targets.rpo_pusat" | "targets.rpo_drc" => {
            let rpo = if rule == "targets.rpo_drc" {
                (targets.0.rpo_drc, targets.1.rpo_drc)
            } else {
                (targets.0.rpo_pusat, targets.1.rpo_pusat)
            };
            longer(rpo.0, rpo.1, "more may be lost")
        }
        "targets.rto" => longer(targets.0.rto, targets.1.rto, "recovery may take longer"),
        "keep.newest" => (keep.1.newest < keep.0.newest).then_some("fewer points are kept"),
        "keep.hourly" => shorter(keep.0.hourly, keep.1.hourly),
        "keep.daily" => shorter(keep.0.daily, keep.1.daily),
        "keep.weekly" => shorter(keep.0.weekly, keep.1.weekly),
        "keep.monthly" => shorter(Some(keep.0.monthly), Some(keep.1.monthly)),
        "keep.yearly" => shorter(Some(keep.0.yearly), Some(keep.1.yearly)),
        "excludes" => (!wider(&old.excludes, &new.excludes).is_empty()).then_some("more is left out of backups"),
        rule if rule.starts_with("drills.") => weakens_drills(&old.drills, &new.drills, rule),
        "recovery.least" => (new.recovery.least() < old.recovery.least()).then_some("fewer keys are asked for"),
        "copies.least" => (new.copies.least() < old.copies.least()).then_some("fewer copies are asked for"),
        // Where none is asked for any more, that is told of `least`.
        "copies.further" => {
            let (old, new) = (old.copies.further()?, new.copies.further()?);
            longer(old, new, "a further copy may be older")
        }
        // Schedules, windows and jitter together say how old the last point may become.
        _ => {
            let wait = |rules: &Rules| longest_gap(&rules.schedules, &rules.windows).seconds() + rules.jitter.seconds();
            (wait(new) > wait(old)).then_some("backups may come further apart")
        }
    }
}

/// Whether drills come further apart; where nothing is said nothing is ever tried.
fn rarer(old: Option<&Schedule>, new: Option<&Schedule>) -> Option<&'static str> {
    let gap = |line: Option<&Schedule>| {
        line.map_or(u64::MAX, |line| longest_gap(std::slice::from_ref(line), &Windows::default()).seconds())
    };
    (gap(new) > gap(old)).then_some("drills may come further apart")
}

fn weakens_plan_drill(old: Option<&PlanDrill>, new: Option<&PlanDrill>, rule: &str) -> Option<&'static str> {
    match rule {
        "schedule" => rarer(old.map(|its| &its.schedule), new.map(|its| &its.schedule)),
        // One that is not there any more is told of its schedule.
        _ => (new?.window() > old?.window()).then_some("a drill may start later"),
    }
}

fn weakens_drills(old: &Drills, new: &Drills, rule: &str) -> Option<&'static str> {
    match rule {
        "drills.verify" => rarer(old.verify.as_ref(), new.verify.as_ref()),
        "drills.restore" => rarer(old.restore.as_ref(), new.restore.as_ref()),
        "drills.application" => rarer(old.application.as_ref(), new.application.as_ref()),
        "drills.datasets" => (new.datasets() < old.datasets()).then_some("a drill tries fewer datasets"),
        // Where nothing was restored any share is more.
        "drills.sample_percent" => {
            old.restore.as_ref()?;
            let percent = |drills: &Drills| drills.sample_percent().unwrap_or(u32::MAX);
            (percent(new) < percent(old)).then_some("a drill restores less of each dataset")
        }
        "drills.window" => (new.window() > old.window()).then_some("a drill may start later"),
        "drills.longest" => less(new.longest, old.longest).then_some("the last restore may be longer ago"),
        // It says where restored data stays, not what is tried.
        _ => None,
    }
}
