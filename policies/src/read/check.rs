//! What must hold between fields. Of an OPD or a dataset the policy does not say the class, so
//! what it says is refused if it would be wrong in every class.

use std::collections::BTreeMap;

use super::table::Sink;
use crate::class::Class;
use crate::fields::{Field, Scope};
use crate::gap::longest_gap;
use crate::keep::Tier;
use crate::name::Name;
use crate::policy::{Office, Overrides, Rules};
use crate::problem::ProblemKind;
use crate::quantity::Span;

const MAX_JITTER: Span = Span::from_minutes(12 * 60);

pub(super) fn policy(sink: &Sink, classes: &BTreeMap<Class, Rules>, offices: &BTreeMap<Name, Office>) {
    for (class, rules) in classes {
        one(sink, &Scope::Class(*class), std::slice::from_ref(rules));
    }
    let with = |rules: &[Rules], over: &Overrides| rules.iter().map(|rules| rules.with(over)).collect::<Vec<_>>();
    let classes: Vec<Rules> = classes.values().cloned().collect();
    for (name, office) in offices {
        let of_office = with(&classes, &office.overrides);
        one(sink, &Scope::Office(name.clone()), &of_office);
        for (dataset, over) in &office.datasets {
            one(sink, &Scope::Dataset(name.clone(), dataset.clone()), &with(&of_office, over));
        }
    }
}

/// Checks what `scope` says, of which `rules` are what comes out of it in each class.
fn one(sink: &Sink, scope: &Scope, rules: &[Rules]) {
    let place = |name: &'static str| {
        let field = Field { scope: scope.clone(), name }.to_string();
        sink.place(&field).map(|place| (place, field))
    };
    for check in CHECKS {
        let Some((place, field)) = check.fields.iter().find_map(|name| place(name)) else { continue };
        let wrong: Option<Vec<ProblemKind>> = rules.iter().map(|rules| (check.wrong)(rules)).collect();
        if let Some(kind) = wrong.and_then(|mut kinds| kinds.pop()) {
            sink.report(place, &field, kind);
        }
    }
}

struct Check {
    /// The fields that it is about: where the first of them stands is where a problem is shown,
    /// and where none of them stands there is nothing to check.
    fields: &'static [&'static str],
    wrong: fn(&Rules) -> Option<ProblemKind>,
}

const CHECKS: &[Check] = &[
    Check { fields: &["keep.hourly"], wrong: |rules| too_short(rules, Tier::Hour) },
    Check { fields: &["keep.daily"], wrong: |rules| too_short(rules, Tier::Day) },
    Check { fields: &["keep.weekly"], wrong: |rules| too_short(rules, Tier::Week) },
    Check { fields: &["keep.monthly"], wrong: |rules| too_short(rules, Tier::Month) },
    Check { fields: &["keep.yearly"], wrong: |rules| too_short(rules, Tier::Year) },
    Check {
        fields: &["jitter"],
        wrong: |rules| (rules.jitter > MAX_JITTER).then_some(ProblemKind::Jitter(rules.jitter)),
    },
    Check {
        fields: &["targets.rpo_drc", "targets.rpo_pusat"],
        wrong: |rules| {
            let (drc, pusat) = (rules.targets.rpo_drc, rules.targets.rpo_pusat);
            (drc < pusat).then_some(ProblemKind::DrcBeforePusat { drc, pusat })
        },
    },
    Check {
        fields: &["schedules", "windows", "targets.rpo_pusat"],
        wrong: |rules| {
            let (gap, rpo) = (longest_gap(&rules.schedules, &rules.windows), rules.targets.rpo_pusat);
            (gap > rpo).then_some(ProblemKind::ScheduleMissesRpo { gap, rpo })
        },
    },
];

fn too_short(rules: &Rules, tier: Tier) -> Option<ProblemKind> {
    let kept = rules.keep.period(tier).filter(|kept| *kept < tier.longest())?;
    Some(ProblemKind::KeepTooShort { tier, kept })
}
