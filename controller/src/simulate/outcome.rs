//! What one policy makes of what is known.

use std::collections::BTreeMap;

use pulih_policies::simulate::{Calendar, Course, Growth, Time, Tried};
use pulih_policies::{Class, Policy, Rules, Tier};

use super::known::Known;
use super::offices::Offices;
use crate::gateway::answer::{Answer, Refusal};

/// Ages, in days, for which it is said how far apart points stand.
pub const AGES: [i64; 4] = [1, 7, 31, 366];

/// What comes of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub class: Class,
    pub runs: usize,
    /// The longest time between two runs, with the jitter: seconds.
    pub longest_wait: u64,
    pub rpo: u64,
    /// For how long a window is open at least after a run is due; `None`: it never closes.
    pub window: Option<u64>,
    /// Points in the end, by the largest tier that each took; last those that took none.
    pub by_tier: [usize; Tier::ALL.len() + 1],
    /// Of them, those that were there when it began.
    pub old: usize,
    /// When the oldest of them came.
    pub oldest: Option<i64>,
    /// Longest time without a point, of each age in [`AGES`].
    pub apart: [Option<u64>; AGES.len()],
    /// Bytes that are stored in the end, and that came; `None`: its growth is not known.
    pub bytes: Option<(u64, u64)>,
}

impl Outcome {
    pub fn points(&self) -> usize {
        self.by_tier.iter().sum()
    }
}

/// What comes of all.
#[derive(Debug)]
pub struct Simulated {
    /// In the order of what is known; where there is no dataset, of each class one.
    pub outcomes: Vec<Outcome>,
    pub tried: BTreeMap<Class, Tried>,
    pub offices: Offices,
}

/// Datasets by what holds for them: many share their runs, which are worked out once and not kept.
fn by_rules(policy: &Policy, known: &Known) -> Answer<Vec<(Rules, Vec<usize>)>> {
    let mut of: BTreeMap<(Class, &str, &str), usize> = BTreeMap::new();
    let mut groups: Vec<(Rules, Vec<usize>)> = Vec::new();
    for (at, its) in known.datasets.iter().enumerate() {
        // Of names that the policy does not know the class alone says what holds.
        let office = policy.offices.get(its.opd.as_str());
        let is_own = office.is_some_and(|office| office.datasets.contains_key(its.name.as_str()));
        let name = |name, is_known: bool| if is_known { name } else { "" };
        let key = (its.class, name(its.opd.as_str(), office.is_some()), name(its.name.as_str(), is_own));
        let group = if let Some(group) = of.get(&key) {
            *group
        } else {
            let rules = rules(policy, its.class, &its.opd, &its.name)?;
            let group = groups.iter().position(|(known, _)| *known == rules).unwrap_or_else(|| {
                groups.push((rules, Vec::new()));
                groups.len() - 1
            });
            of.insert(key, group);
            group
        };
        groups[group].1.push(at);
    }
    Ok(groups)
}

fn rules(policy: &Policy, class: Class, opd: &str, dataset: &str) -> Answer<Rules> {
    let none = || Refusal::internal(&format!("the policy has no class {class}"));
    policy.rules(class, opd, dataset).ok_or_else(none)
}

impl Simulated {
    pub fn of(policy: &Policy, known: &Known, time: Time) -> Answer<Self> {
        let mut offices = Offices::over(time);
        let mut found: Vec<(usize, Outcome)> = Vec::new();
        for (rules, members) in by_rules(policy, known)? {
            let calendar = Calendar::of(&rules, policy.zone, time);
            for at in members {
                let its = &known.datasets[at];
                let course = if its.is_saved { calendar.course(&its.held) } else { calendar.without_runs(&its.held) };
                found.push((at, outcome(its.class, &rules, &calendar, &course, its.growth)));
                offices.add(its, &course);
            }
        }
        if known.datasets.is_empty() {
            for (at, class) in Class::ALL.into_iter().enumerate() {
                let rules = rules(policy, class, "", "")?;
                let calendar = Calendar::of(&rules, policy.zone, time);
                found.push((at, outcome(class, &rules, &calendar, &calendar.course(&[]), None)));
            }
        }
        found.sort_by_key(|(at, _)| *at);
        let many = |class: Class| known.datasets.iter().filter(|its| its.class == class).count();
        let tried =
            |(class, rules): (&Class, &Rules)| (*class, Tried::of(&rules.drills, many(*class), policy.zone, time));
        Ok(Self {
            outcomes: found.into_iter().map(|(_, outcome)| outcome).collect(),
            tried: policy.classes.iter().map(tried).collect(),
            offices,
        })
    }
}

fn outcome(class: Class, rules: &Rules, calendar: &Calendar, course: &Course, growth: Option<Growth>) -> Outcome {
    let kept = course.in_the_end();
    let mut by_tier = [0; Tier::ALL.len() + 1];
    for point in &kept {
        by_tier[point.tier.map_or(Tier::ALL.len(), |tier| tier as usize)] += 1;
    }
    let bytes = growth.map(|growth| {
        let stored = growth.stored(kept.iter().map(|point| point.accepted));
        (stored, course.arrivals(growth).fold(0_u64, |sum, (_, bytes)| sum.saturating_add(bytes)))
    });
    Outcome {
        class,
        runs: course.runs(),
        longest_wait: calendar.longest_wait().saturating_add(rules.jitter.seconds()),
        rpo: rules.targets.rpo_pusat.seconds(),
        window: calendar.shortest_window(rules),
        by_tier,
        old: kept.iter().filter(|point| point.is_old).count(),
        oldest: kept.first().map(|point| point.accepted),
        apart: AGES.map(|days| course.apart(&kept, days)),
        bytes,
    }
}
