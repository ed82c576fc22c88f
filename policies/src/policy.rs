//! A policy that was read and passed every check. Classes say what holds; an OPD or one of its
//! datasets may say otherwise, field by field, and the nearest one counts.

use std::collections::BTreeMap;

use crate::class::Class;
use crate::copies::{Copies, Recovery};
use crate::decision::{Decision, Word};
use crate::drills::{Drills, PlanDrill};
use crate::exclude::Pattern;
use crate::keep::KeepRules;
use crate::name::Name;
use crate::quantity::{Rate, Size, Span};
use crate::schedule::Schedule;
use crate::timetable::Timetable;
use crate::window::{DayRange, Windows};
use crate::zone::Zone;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub name: Name,
    /// Rises with each version that is applied.
    pub version: u32,
    pub zone: Zone,
    /// How old an owner's approval of a dataset may be.
    pub approvals_max_age: Span,
    /// What holds for each OPD, unless it says otherwise, and the bandwidth of the whole site.
    pub limits: Limits,
    /// All three are there.
    pub classes: BTreeMap<Class, Rules>,
    pub offices: BTreeMap<Name, Office>,
    /// By the plan's name.
    pub plan_drills: BTreeMap<Name, PlanDrill>,
    /// What vague words mean here, where the Dinas decided it.
    pub decisions: BTreeMap<Word, Decision>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most that an OPD may have stored at the Pusat Data.
    pub quota: Option<Size>,
    /// The most of the site's bandwidth that an OPD may take, in percent.
    pub share_percent: Option<u32>,
    /// The most that may arrive in a second, by hour of day: of all OPD together, or (in an OPD)
    /// of this one. An hour that is not named has no limit.
    pub bandwidth: Option<Vec<Band>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    pub hours: DayRange,
    pub rate: Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    pub rpo_pusat: Span,
    pub rpo_drc: Span,
    pub rto: Span,
}

/// What holds for a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub targets: Targets,
    pub keep: KeepRules,
    pub schedules: Vec<Schedule>,
    pub windows: Windows,
    pub jitter: Span,
    pub excludes: Vec<Pattern>,
    /// These three are of the class: no OPD or dataset says otherwise.
    pub drills: Drills,
    pub recovery: Recovery,
    pub copies: Copies,
}

/// What an OPD or a dataset says otherwise. A list takes the place of the whole list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    pub rpo_pusat: Option<Span>,
    pub rpo_drc: Option<Span>,
    pub rto: Option<Span>,
    pub newest: Option<u32>,
    pub hourly: Option<Span>,
    pub daily: Option<Span>,
    pub weekly: Option<Span>,
    pub monthly: Option<Span>,
    pub yearly: Option<Span>,
    pub schedules: Option<Vec<Schedule>>,
    pub windows: Option<Windows>,
    pub jitter: Option<Span>,
    pub excludes: Option<Vec<Pattern>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Office {
    pub limits: Limits,
    pub overrides: Overrides,
    pub datasets: BTreeMap<Name, Overrides>,
}

impl Targets {
    fn with(self, over: &Overrides) -> Self {
        Self {
            rpo_pusat: over.rpo_pusat.unwrap_or(self.rpo_pusat),
            rpo_drc: over.rpo_drc.unwrap_or(self.rpo_drc),
            rto: over.rto.unwrap_or(self.rto),
        }
    }
}

impl Rules {
    pub(crate) fn with(&self, over: &Overrides) -> Self {
        let keep = &self.keep;
        Self {
            targets: self.targets.with(over),
            keep: KeepRules {
                newest: over.newest.unwrap_or(keep.newest),
                hourly: over.hourly.or(keep.hourly),
                daily: over.daily.or(keep.daily),
                weekly: over.weekly.or(keep.weekly),
                monthly: over.monthly.unwrap_or(keep.monthly),
                yearly: over.yearly.unwrap_or(keep.yearly),
            },
            schedules: over.schedules.as_ref().unwrap_or(&self.schedules).clone(),
            windows: over.windows.as_ref().unwrap_or(&self.windows).clone(),
            jitter: over.jitter.unwrap_or(self.jitter),
            excludes: over.excludes.as_ref().unwrap_or(&self.excludes).clone(),
            drills: self.drills.clone(),
            recovery: self.recovery.clone(),
            copies: self.copies.clone(),
        }
    }

    /// As overrides that say everything.
    pub(crate) fn said(&self) -> Overrides {
        Overrides {
            rpo_pusat: Some(self.targets.rpo_pusat),
            rpo_drc: Some(self.targets.rpo_drc),
            rto: Some(self.targets.rto),
            newest: Some(self.keep.newest),
            hourly: self.keep.hourly,
            daily: self.keep.daily,
            weekly: self.keep.weekly,
            monthly: Some(self.keep.monthly),
            yearly: Some(self.keep.yearly),
            schedules: Some(self.schedules.clone()),
            windows: Some(self.windows.clone()),
            jitter: Some(self.jitter),
            excludes: Some(self.excludes.clone()),
        }
    }

    pub fn timetable(&self, zone: Zone) -> Timetable {
        Timetable { zone, schedules: self.schedules.clone(), windows: self.windows.clone(), jitter: self.jitter }
    }
}

impl Limits {
    /// The rate that holds at a minute of the day, 0 to 1439; none: no limit.
    pub fn rate_at(&self, minute: u16) -> Option<Rate> {
        self.bandwidth.iter().flatten().find(|band| band.hours.contains(minute)).map(|band| band.rate)
    }
}

impl Policy {
    /// What holds for a dataset of an OPD. Of names that the policy does not know, the class
    /// alone says what holds; of a policy that was read from a file, there is always an answer.
    pub fn rules(&self, class: Class, office: &str, dataset: &str) -> Option<Rules> {
        let rules = self.classes.get(&class)?;
        let Some(office) = self.office(office) else { return Some(rules.clone()) };
        let rules = rules.with(&office.overrides);
        let over = office.datasets.get(dataset);
        Some(over.map_or_else(|| rules.clone(), |over| rules.with(over)))
    }

    /// The targets of [`Self::rules`] alone: they are asked for of every dataset of a site at once.
    pub fn targets(&self, class: Class, office: &str, dataset: &str) -> Option<Targets> {
        let targets = self.classes.get(&class)?.targets;
        let Some(office) = self.office(office) else { return Some(targets) };
        let targets = targets.with(&office.overrides);
        Some(office.datasets.get(dataset).map_or(targets, |over| targets.with(over)))
    }

    /// The most that an OPD may have stored at the Pusat Data; none: no limit.
    pub fn quota(&self, office: &str) -> Option<Size> {
        self.office(office).and_then(|office| office.limits.quota).or(self.limits.quota)
    }

    /// The most that may arrive from an OPD in a second, at a minute of the day: its share of the
    /// site's rate, or its own rate if that is less; none: no limit.
    pub fn bits_per_second(&self, office: &str, minute: u16) -> Option<u64> {
        let own = self.office(office);
        let percent = own.and_then(|office| office.limits.share_percent).or(self.limits.share_percent).unwrap_or(100);
        let share = self.limits.rate_at(minute).map(|rate| rate.bits_per_second() * u64::from(percent) / 100);
        let line = own.and_then(|office| office.limits.rate_at(minute)).map(Rate::bits_per_second);
        share.into_iter().chain(line).min()
    }

    fn office(&self, name: &str) -> Option<&Office> {
        self.offices.get(name)
    }
}
